// SPDX-License-Identifier: Apache-2.0
#include "dispatch/blocked_keys.h"

#include <gtest/gtest.h>

#include <vector>

namespace headrace::dispatch {

namespace {

constexpr std::uint64_t kKey = 9;

MessageId message(std::uint64_t number) { return MessageId{{1, number}}; }

store::Delivery fresh(std::uint64_t number) {
  store::Delivery delivery;
  delivery.message = message(number);
  return delivery;
}

store::Delivery waited(std::uint64_t number, core::WallMs due, std::uint64_t key = kKey) {
  store::Delivery delivery = fresh(number);
  delivery.ticket.due = due;
  delivery.order_key = key;
  return delivery;
}

}  // namespace

TEST(BlockedKeysTest, WhatComesBehindOneThatFailedWaitsUntilTheSameTime) {
  BlockedKeys keys;
  EXPECT_EQ(keys.arrive(kKey, fresh(1)), std::nullopt);
  EXPECT_EQ(keys.block(kKey, message(1), 500), 500u);
  EXPECT_EQ(keys.arrive(kKey, fresh(2)), 500u);
  EXPECT_EQ(keys.arrive(kKey, fresh(3)), 500u);
  EXPECT_EQ(keys.arrive(kKey + 1, fresh(4)), std::nullopt) << "another key";
}

TEST(BlockedKeysTest, AKeyIsFreeOnceTheLastOfItIsBack) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 500);
  keys.arrive(kKey, fresh(2));
  keys.arrive(kKey, fresh(3));
  EXPECT_EQ(keys.arrive(kKey, waited(1, 500)), std::nullopt);
  EXPECT_EQ(keys.arrive(kKey, fresh(4)), 500u) << "2 and 3 are before it";
  EXPECT_EQ(keys.arrive(kKey, waited(2, 500)), std::nullopt);
  EXPECT_EQ(keys.arrive(kKey, waited(3, 500)), std::nullopt);
  EXPECT_FALSE(keys.empty());
  EXPECT_EQ(keys.arrive(kKey, waited(4, 500)), std::nullopt);
  EXPECT_TRUE(keys.empty());
  EXPECT_EQ(keys.arrive(kKey, fresh(5)), std::nullopt);
}

TEST(BlockedKeysTest, OneThatFailsAgainTakesThoseBehindItAlong) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 500);
  keys.arrive(kKey, fresh(2));
  keys.arrive(kKey, waited(1, 500));
  EXPECT_EQ(keys.block(kKey, message(1), 900), 900u);
  EXPECT_EQ(keys.arrive(kKey, waited(2, 500)), 900u) << "read before it failed";
  EXPECT_EQ(keys.arrive(kKey, waited(1, 900)), std::nullopt);
  EXPECT_EQ(keys.arrive(kKey, waited(2, 900)), std::nullopt);
  EXPECT_TRUE(keys.empty());
}

TEST(BlockedKeysTest, ATimeBeforeThatOfOthersDoesNotBringThoseBehindBeforeThem) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 900);
  keys.arrive(kKey, fresh(2));
  keys.arrive(kKey, waited(1, 900));
  EXPECT_EQ(keys.block(kKey, message(1), 300), 900u) << "the clock was set back";
  EXPECT_EQ(keys.arrive(kKey, fresh(3)), 900u);
}

TEST(BlockedKeysTest, WhatVanishedFromTheStoreHoldsUpNothingForGood) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 500);
  keys.arrive(kKey, fresh(2));
  EXPECT_EQ(keys.arrive(kKey, fresh(3)), 500u);
  EXPECT_EQ(keys.arrive(kKey, waited(3, 500)), std::nullopt) << "1 and 2 were discarded";
  EXPECT_TRUE(keys.empty());
}

TEST(BlockedKeysTest, WhatGoesBackUnattemptedKeepsItsPlaceBeforeFreshOnes) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 500);
  keys.arrive(kKey, fresh(2));
  keys.arrive(kKey, waited(1, 500));
  keys.arrive(kKey, waited(2, 500));
  EXPECT_TRUE(keys.empty());
  EXPECT_TRUE(keys.put_back(kKey, waited(2, 500)));
  EXPECT_TRUE(keys.put_back(kKey, waited(1, 500)));
  EXPECT_EQ(keys.arrive(kKey, fresh(3)), 500u);
  for (const std::uint64_t number : {1, 2, 3}) {
    EXPECT_EQ(keys.arrive(kKey, waited(number, 500)), std::nullopt);
  }
  EXPECT_TRUE(keys.empty());
}

TEST(BlockedKeysTest, WhatWaitedWhenTheStoreWasOpenedBlocksAsBefore) {
  BlockedKeys keys;
  keys.restore(std::vector<store::BlockedKey>{{kKey, message(1), 500, message(3), 500}});
  EXPECT_EQ(keys.arrive(kKey, fresh(4)), 500u);
  for (const std::uint64_t number : {1, 2, 3, 4}) {
    EXPECT_EQ(keys.arrive(kKey, waited(number, 500)), std::nullopt);
  }
  EXPECT_TRUE(keys.empty());
}

TEST(BlockedKeysTest, KeysBeyondTheLimitAreNotRemembered) {
  BlockedKeys keys;
  for (std::uint64_t key = 1; key <= core::limits::kBlockedKeysMax; ++key) {
    EXPECT_TRUE(keys.block(key, message(key), 500));
  }
  EXPECT_FALSE(keys.block(core::limits::kBlockedKeysMax + 1, message(1), 500));
  EXPECT_FALSE(keys.put_back(core::limits::kBlockedKeysMax + 1, waited(1, 500)));
  EXPECT_TRUE(keys.block(1, message(1), 700)) << "it is there already";
  EXPECT_EQ(keys.size(), core::limits::kBlockedKeysMax);
}

}  // namespace headrace::dispatch
