// SPDX-License-Identifier: Apache-2.0
#include "engine/dead_letters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/random.h"
#include "tests/engine/history_world.h"

namespace headrace::engine {
namespace {

using store::AttemptError;
using store::Verdict;

using Key = std::pair<MessageId, EndpointId>;

class DeadLettersTest : public ::testing::TestWithParam<HistoryWorld::Kind> {
 protected:
  // Sends a message whose deliveries die.
  Sent dead(std::uint32_t link, std::vector<std::uint32_t> endpoints, std::uint16_t status = 500,
            AttemptError error = AttemptError::kNone) {
    const Sent sent = world.send(link, 1, endpoints);
    for (const std::uint32_t endpoint : endpoints)
      world.attempt(sent, endpoint, Verdict::kDead, status, error);
    return sent;
  }
  std::vector<Key> list(HistoryFilter filter) {
    std::vector<Key> keys;
    do {
      const auto page = letters.list(kHome, filter);
      EXPECT_TRUE(page) << page.error().what;
      if (!page) break;
      EXPECT_LE(page->items.size(), filter.page.count_max);
      for (const DeadLetter& letter : page->items)
        keys.emplace_back(letter.message, letter.endpoint);
      filter.page.cursor = page->next;
    } while (!filter.page.cursor.empty());
    return keys;
  }
  static Key key(const Sent& sent, std::uint32_t endpoint) {
    return {sent.id, endpoint_of(endpoint)};
  }
  ErrorCode refused(const HistoryFilter& filter) {
    const auto page = letters.list(kHome, filter);
    return page ? ErrorCode::kUnsupported : page.error().code;
  }

  HistoryWorld world{GetParam()};
  DeadLetters letters{world.store(), world.registry()};
};

INSTANTIATE_TEST_SUITE_P(Stores, DeadLettersTest,
                         ::testing::Values(HistoryWorld::Kind::kMemory, HistoryWorld::Kind::kRocks),
                         [](const auto& kind) {
                           return kind.param == HistoryWorld::Kind::kMemory ? "Memory" : "Rocks";
                         });

TEST_P(DeadLettersTest, TellWhatBecameOfADelivery) {
  const Sent sent = world.send(3, 1, {1});
  world.attempt(sent, 1, Verdict::kRetry, 503);
  world.attempt(sent, 1, Verdict::kDead, 0, AttemptError::kTimeout);
  const auto page = letters.list(kHome, {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->items.size(), 1u);
  const DeadLetter& letter = page->items[0];
  EXPECT_EQ(letter.message, sent.id);
  EXPECT_EQ(letter.endpoint, endpoint_of(1));
  EXPECT_EQ(letter.link, link_of(3));
  EXPECT_EQ(letter.event, "repo:opened");
  EXPECT_EQ(letter.received_at, sent.at);
  const auto last = world.store().list_attempts(core::EndpointNumber{1}, sent.id)->back();
  EXPECT_EQ(letter.died_at, last.started_at + last.duration_us / 1000);
  EXPECT_EQ(letter.attempts, 2u);
  EXPECT_EQ(letter.error, "timeout");
  EXPECT_EQ(letter.http_status, 0);
}

TEST_P(DeadLettersTest, ComeNewestMessageFirstOverAllEndpointsAndInPages) {
  const Sent a = dead(1, {1, 2});
  const Sent b = dead(6, {3});
  const Sent c = dead(1, {1, 2});
  dead(20, {kForeignEndpoint});
  world.send(1, 1, {1, 2});
  const std::vector<Key> all = {key(c, 1), key(c, 2), key(b, 3), key(a, 1), key(a, 2)};
  EXPECT_EQ(list({}), all);
  for (std::size_t size = 1; size <= 5; ++size) {
    HistoryFilter filter;
    filter.page.count_max = size;
    EXPECT_EQ(list(filter), all) << size;
  }
}

TEST_P(DeadLettersTest, AreFilteredByEndpointAppProductEventTimeAndError) {
  const Sent a = dead(1, {1, 2}, 0, AttemptError::kTimeout);
  const Sent b = dead(6, {3}, 410);
  const Sent c = dead(3, {1}, 500);
  HistoryFilter filter;
  filter.endpoint = endpoint_of(1);
  EXPECT_EQ(list(filter), (std::vector{key(c, 1), key(a, 1)}));
  filter = {};
  filter.app = "github";
  EXPECT_EQ(list(filter), (std::vector{key(c, 1), key(a, 1), key(a, 2)}));
  filter.event = "repo:opened";
  EXPECT_EQ(list(filter).size(), 3u);
  filter.event = "repo:closed";
  EXPECT_TRUE(list(filter).empty());
  filter = {};
  filter.product = "shop";
  EXPECT_EQ(list(filter), (std::vector{key(c, 1), key(b, 3), key(a, 1)}))
      << "whatever link they came by";
  filter.app = "money";  // as the shop calls billing
  EXPECT_EQ(list(filter), std::vector{key(b, 3)});
  filter = {};
  filter.link = link_of(3);
  EXPECT_EQ(list(filter), std::vector{key(c, 1)});
  filter = {};
  filter.error = "timeout";
  EXPECT_EQ(list(filter), (std::vector{key(a, 1), key(a, 2)}));
  filter.error = "none";
  EXPECT_EQ(list(filter), (std::vector{key(c, 1), key(b, 3)}));
  filter.http_status = std::uint16_t{410};
  EXPECT_EQ(list(filter), std::vector{key(b, 3)});
  filter = {};
  filter.since = b.at;
  filter.until = c.at;
  EXPECT_EQ(list(filter), std::vector{key(b, 3)});
}

TEST_P(DeadLettersTest, OfADeletedEndpointAreStillThere) {
  const Sent sent = dead(2, {kRetiredEndpoint});
  EXPECT_EQ(list({}), std::vector{key(sent, kRetiredEndpoint)});
  HistoryFilter filter;
  filter.endpoint = endpoint_of(kRetiredEndpoint);
  EXPECT_EQ(list(filter), std::vector{key(sent, kRetiredEndpoint)});
}

TEST_P(DeadLettersTest, CallsToProvidersAreNone) {
  const Sent call = world.send(0, 0, {kCall});
  world.attempt(call, kCall, Verdict::kDead, 500);
  EXPECT_TRUE(list({}).empty());
}

TEST_P(DeadLettersTest, WhatCannotBeAskedForIsRefused) {
  HistoryFilter filter;
  filter.endpoint = endpoint_of(kForeignEndpoint);
  EXPECT_EQ(refused(filter), ErrorCode::kNotFound);
  filter = {};
  filter.link = link_of(20);
  EXPECT_EQ(refused(filter), ErrorCode::kNotFound);
  filter = {};
  filter.error = "nonsense";
  EXPECT_EQ(refused(filter), ErrorCode::kInvalidArgument);
  filter = {};
  filter.message = MessageId{{1, 1}};
  EXPECT_EQ(refused(filter), ErrorCode::kInvalidArgument);
  filter = {};
  filter.page.count_max = 0;
  EXPECT_EQ(refused(filter), ErrorCode::kInvalidArgument);
  for (const char* cursor : {"x", "y00000000000000000000000000000000000000000000",
                             "x00000000000000000000000000000000000000000000",
                             "xzzzzzzzzzzzzzzzzzzzzzz0000000000000000000001"}) {
    filter = {};
    filter.page.cursor = cursor;
    EXPECT_EQ(refused(filter), ErrorCode::kInvalidArgument) << cursor;
  }
}

TEST_P(DeadLettersTest, PagesShowEachOnceWhateverDiesMeanwhile) {
  std::vector<Sent> waiting;
  std::set<Key> before;
  core::Random random(7);
  for (int i = 0; i < 60; ++i) {
    const Sent sent = world.send(1, 1, {1, 2});
    if (random.below(2) == 0) {
      waiting.push_back(sent);
      continue;
    }
    world.attempt(sent, 1, Verdict::kDead, 500);
    before.insert(key(sent, 1));
  }
  HistoryFilter filter;
  filter.page.count_max = 7;
  std::vector<Key> seen;
  do {
    const auto page = letters.list(kHome, filter);
    ASSERT_TRUE(page);
    for (const DeadLetter& letter : page->items) seen.emplace_back(letter.message, letter.endpoint);
    filter.page.cursor = page->next;
    if (!waiting.empty()) {
      world.attempt(waiting.back(), 1, Verdict::kDead, 500);
      waiting.pop_back();
    }
  } while (!filter.page.cursor.empty());
  EXPECT_EQ(std::set<Key>(seen.begin(), seen.end()).size(), seen.size());
  for (const Key& one : before) EXPECT_EQ(std::count(seen.begin(), seen.end(), one), 1);
}

}  // namespace
}  // namespace headrace::engine
