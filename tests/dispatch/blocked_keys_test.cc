// SPDX-License-Identifier: Apache-2.0
#include "dispatch/blocked_keys.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>
#include <vector>

namespace headrace::dispatch {

namespace {

constexpr std::uint64_t kKey = 9;

constexpr core::WallMs kNow = 100;

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

std::optional<core::WallMs> arrive(BlockedKeys& keys, std::uint64_t key,
                                   const store::Delivery& delivery, core::WallMs now = kNow) {
  return keys.arrive(key, delivery, now);
}

}  // namespace

TEST(BlockedKeysTest, WhatComesBehindOneThatFailedWaitsUntilTheSameTime) {
  BlockedKeys keys;
  EXPECT_EQ(arrive(keys, kKey, fresh(1)), std::nullopt);
  EXPECT_EQ(keys.block(kKey, message(1), 500), 500u);
  EXPECT_EQ(arrive(keys, kKey, fresh(2)), 500u);
  EXPECT_EQ(arrive(keys, kKey, fresh(3)), 500u);
  EXPECT_EQ(arrive(keys, kKey + 1, fresh(4)), std::nullopt) << "another key";
}

TEST(BlockedKeysTest, AKeyIsFreeOnceTheLastOfItIsBack) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 500);
  arrive(keys, kKey, fresh(2));
  arrive(keys, kKey, fresh(3));
  EXPECT_EQ(arrive(keys, kKey, waited(1, 500)), std::nullopt);
  EXPECT_EQ(arrive(keys, kKey, fresh(4)), 500u) << "2 and 3 are before it";
  EXPECT_EQ(arrive(keys, kKey, waited(2, 500)), std::nullopt);
  EXPECT_EQ(arrive(keys, kKey, waited(3, 500)), std::nullopt);
  EXPECT_FALSE(keys.empty());
  EXPECT_EQ(arrive(keys, kKey, waited(4, 500)), std::nullopt);
  EXPECT_TRUE(keys.empty());
  EXPECT_EQ(arrive(keys, kKey, fresh(5)), std::nullopt);
}

TEST(BlockedKeysTest, OneThatFailsAgainTakesThoseBehindItAlong) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 500);
  arrive(keys, kKey, fresh(2));
  arrive(keys, kKey, waited(1, 500));
  EXPECT_EQ(keys.block(kKey, message(1), 9'000), 9'000u);
  EXPECT_EQ(arrive(keys, kKey, waited(2, 500)), 9'000u) << "read before it failed";
  EXPECT_EQ(arrive(keys, kKey, waited(1, 9'000)), std::nullopt);
  EXPECT_EQ(arrive(keys, kKey, waited(2, 9'000)), std::nullopt);
  EXPECT_TRUE(keys.empty());
}

TEST(BlockedKeysTest, ATimeBeforeThatOfOthersDoesNotBringThoseBehindBeforeThem) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 900);
  arrive(keys, kKey, fresh(2));
  arrive(keys, kKey, waited(1, 900));
  EXPECT_EQ(keys.block(kKey, message(1), 300), 900u) << "the clock was set back";
  EXPECT_EQ(arrive(keys, kKey, fresh(3)), 900u);
}

TEST(BlockedKeysTest, WhatMayHaveBeenReadTogetherWithOneThatIsPutOffIsPutOffWithIt) {
  BlockedKeys keys;
  keys.restore(std::vector<store::BlockedKey>{{kKey, message(3), 500}});
  const core::WallMs later = 600 + 3 * BlockedKeys::kSettleMs;
  EXPECT_EQ(arrive(keys, kKey, waited(2, 400), 600), later);
  EXPECT_EQ(arrive(keys, kKey, waited(1, 500), 600), later);
  EXPECT_EQ(arrive(keys, kKey, waited(3, 500), 600), later);
  EXPECT_EQ(arrive(keys, kKey, fresh(4), 600), later);
  for (const std::uint64_t number : {1u, 2u, 3u, 4u}) {
    EXPECT_EQ(arrive(keys, kKey, waited(number, later), later), std::nullopt);
  }
  EXPECT_TRUE(keys.empty());
}

TEST(BlockedKeysTest, ATimeThatWasTooNearIsFollowedByOneFurtherAway) {
  BlockedKeys keys;
  keys.restore(std::vector<store::BlockedKey>{{kKey, message(3), 500}});
  const auto first = arrive(keys, kKey, waited(2, 400), 600);
  const auto second = arrive(keys, kKey, waited(1, 400), *first);
  EXPECT_EQ(*second - *first, 6 * BlockedKeys::kSettleMs);
}

TEST(BlockedKeysTest, WhatVanishedFromTheStoreHoldsUpNothingForGood) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 500);
  arrive(keys, kKey, fresh(2));
  EXPECT_EQ(arrive(keys, kKey, fresh(3)), 500u);
  EXPECT_EQ(arrive(keys, kKey, waited(3, 500)), std::nullopt) << "1 and 2 were discarded";
  EXPECT_TRUE(keys.empty());
}

TEST(BlockedKeysTest, WhatGoesBackUnattemptedKeepsItsPlaceBeforeFreshOnes) {
  BlockedKeys keys;
  keys.block(kKey, message(1), 500);
  arrive(keys, kKey, fresh(2));
  arrive(keys, kKey, waited(1, 500));
  arrive(keys, kKey, waited(2, 500));
  EXPECT_TRUE(keys.empty());
  EXPECT_TRUE(keys.put_back(kKey, waited(2, 500)));
  EXPECT_TRUE(keys.put_back(kKey, waited(1, 500)));
  EXPECT_EQ(arrive(keys, kKey, fresh(3)), 500u);
  for (const std::uint64_t number : {1u, 2u, 3u}) {
    EXPECT_EQ(arrive(keys, kKey, waited(number, 500)), std::nullopt);
  }
  EXPECT_TRUE(keys.empty());
}

TEST(BlockedKeysTest, WhatWaitedWhenTheStoreWasOpenedBlocksAsBefore) {
  BlockedKeys keys;
  keys.restore(std::vector<store::BlockedKey>{{kKey, message(3), 500}});
  EXPECT_EQ(arrive(keys, kKey, fresh(4)), 500u);
  for (const std::uint64_t number : {1u, 2u, 3u, 4u}) {
    EXPECT_EQ(arrive(keys, kKey, waited(number, 500)), std::nullopt);
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

// One key, its store with a mail either way, and what happens at random: messages, failures, holds,
// restarts. Nothing is delivered before what came before it.
RC_GTEST_PROP(BlockedKeysProperty, NothingIsDeliveredBeforeWhatCameBeforeIt,
              (const std::vector<std::uint8_t>& events)) {
  using Place = std::pair<core::WallMs, std::uint64_t>;
  BlockedKeys keys;
  std::set<Place> waiting;
  std::set<std::uint64_t> ready;             // fresh ones that wait in the store
  std::deque<store::Delivery> mail;          // to the lane
  std::deque<store::Delivery> lane;          // the first is in flight
  std::deque<std::pair<Place, Place>> puts;  // to the store: from, to
  Place cursor{0, 0};
  bool rewind = false;
  core::WallMs now = 1'000;
  core::WallMs gathered = now;  // what the store reads is due by then
  std::uint64_t last = 0;
  std::uint64_t next = 1;
  const auto number = [](const store::Delivery& delivery) { return delivery.message.bits.low; };
  const auto put = [&](const store::Delivery& delivery, core::WallMs due) {
    puts.push_back({{delivery.ticket.due, number(delivery)}, {due, number(delivery)}});
  };
  const auto store_turn = [&] {
    gathered = now;
    for (const auto& [from, to] : std::exchange(puts, {})) {
      waiting.erase(from);
      waiting.insert(to);
      rewind |= to <= cursor;
    }
    if (!rewind || !mail.empty() || !lane.empty()) return;
    rewind = false;
    cursor = {0, 0};
  };
  const auto load = [&](std::size_t count) {
    if (rewind) return;
    for (auto it = waiting.upper_bound(cursor); it != waiting.end() && count != 0; ++it, --count) {
      if (it->first > gathered) break;
      mail.push_back(waited(it->second, it->first));
      cursor = *it;
    }
  };
  const auto hand_over = [&](std::size_t count) {
    for (; !rewind && count != 0 && !ready.empty(); --count) {
      mail.push_back(fresh(*ready.begin()));
      ready.erase(ready.begin());
    }
  };
  const auto take_mail = [&](std::size_t count) {
    for (; count != 0 && !mail.empty(); --count) {
      const store::Delivery delivery = mail.front();
      mail.pop_front();
      if (const auto due = keys.arrive(kKey, delivery, now)) {
        put(delivery, *due);
      } else {
        lane.push_back(delivery);
      }
    }
  };
  const auto give_back = [&](const store::Delivery& delivery, bool had_come) {
    if (!delivery.is_retry()) {
      ready.insert(number(delivery));
    } else if (had_come) {
      RC_ASSERT(keys.put_back(kKey, delivery));
    }
  };
  const auto hold = [&](std::size_t in_flight) {
    for (; lane.size() > in_flight; lane.pop_back()) give_back(lane.back(), true);
    for (; !mail.empty(); mail.pop_front()) give_back(mail.front(), false);
    rewind = true;
  };
  const auto restart = [&] {
    hold(0);
    store_turn();
    keys.clear();
    if (waiting.empty()) return;
    const Place end = *waiting.rbegin();
    keys.restore(std::vector<store::BlockedKey>{{kKey, message(end.second), end.first}});
  };
  const auto finish_attempt = [&](bool fails, core::WallMs delay) {
    if (lane.empty()) return;
    const store::Delivery head = lane.front();
    lane.pop_front();
    if (!fails) {
      RC_ASSERT(number(head) == next);
      ++next;
      if (head.is_retry()) waiting.erase({head.ticket.due, number(head)});
      return;
    }
    const auto due = keys.block(kKey, head.message, now + 1 + delay);
    RC_ASSERT(due.has_value());
    put(head, *due);
    for (; !lane.empty(); lane.pop_front()) {
      keys.put_behind(kKey, lane.front().message);
      put(lane.front(), *due);
    }
  };
  for (const std::uint8_t event : events) {
    const std::size_t some = 1 + event / 16 % 4;
    switch (event % 16) {
      case 0:
      case 1:
      case 2:
        ready.insert(++last);
        break;
      case 3:
      case 4:
        hand_over(some);
        break;
      case 5:
      case 6:
        take_mail(some);
        break;
      case 7:
      case 8:
        load(some);
        break;
      case 9:
      case 10:
        store_turn();
        break;
      case 11:
        finish_attempt(false, 0);
        break;
      case 12:
        finish_attempt(true, event / 16);
        break;
      case 13:
      case 14:
        now += event / 16 % 4 == 0 ? 600 : event / 16;
        break;
      default:
        some == 1 ? restart() : hold(1);
    }
  }
  for (std::uint64_t i = 0; i < 20 * last + 20; ++i) {
    store_turn();
    load(100);
    hand_over(100);
    take_mail(100);
    finish_attempt(false, 0);
    now += 200;
  }
  RC_ASSERT(next == last + 1);
  RC_ASSERT(keys.empty());
}

}  // namespace headrace::dispatch
