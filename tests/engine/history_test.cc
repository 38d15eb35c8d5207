// SPDX-License-Identifier: Apache-2.0
#include "engine/history.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/limits.h"
#include "engine/catalog.h"
#include "tests/engine/history_world.h"
#include "tests/support/master_key.h"
#include "tests/support/loopback_targets.h"

namespace headrace::engine {
namespace {

using store::AttemptError;
using store::Verdict;

class HistoryTest : public ::testing::TestWithParam<HistoryWorld::Kind> {
 protected:
  template <class Item>
  static std::vector<MessageId> ids(const Result<Page<Item>>& page) {
    std::vector<MessageId> all;
    EXPECT_TRUE(page) << page.error().what;
    if (!page) return all;
    for (const Item& item : page->items) {
      if constexpr (requires { item.id; }) {
        all.push_back(item.id);
      } else {
        all.push_back(item.message);
      }
    }
    return all;
  }
  std::vector<MessageId> messages(const HistoryFilter& filter) {
    return ids(history().messages(kHome, filter));
  }
  const History& history() { return world.history(); }
  const Registry& registry() { return world.registry(); }

  HistoryWorld world{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Stores, HistoryTest,
                         ::testing::Values(HistoryWorld::Kind::kMemory, HistoryWorld::Kind::kRocks),
                         [](const auto& kind) {
                           return kind.param == HistoryWorld::Kind::kMemory ? "Memory" : "Rocks";
                         });

TEST_P(HistoryTest, MessagesOfManyLinksComeNewestFirstAndInPages) {
  const Sent a = world.send(1, 1, {1, 2});
  const Sent b = world.send(6, 0, {});
  world.send(20, 11, {11});
  const Sent c = world.send(3, 2, {});
  HistoryFilter filter;
  filter.page.count_max = 2;
  auto page = history().messages(kHome, filter);
  EXPECT_EQ(ids(page), (std::vector{c.id, b.id}));
  EXPECT_EQ(page->items[0].state, MessageState::kNoEndpoint);
  EXPECT_EQ(page->items[0].event, "repo:closed");
  EXPECT_EQ(page->items[1].state, MessageState::kUnmatched);
  EXPECT_EQ(page->items[1].event, "");
  EXPECT_EQ(page->items[1].link, link_of(6));
  EXPECT_EQ(page->items[1].received_at, b.at);
  EXPECT_EQ(page->items[1].body_bytes, 2u);
  world.send(1, 1, {1, 2});  // shifts nothing
  filter.page.cursor = page->next;
  page = history().messages(kHome, filter);
  EXPECT_EQ(ids(page), std::vector{a.id});
  EXPECT_EQ(page->items[0].state, MessageState::kRouted);
  EXPECT_EQ(page->next, "");
}

TEST_P(HistoryTest, MessageIsToldWithItsExactBytes) {
  const Sent sent = world.send(1, 1, {1}, true);
  const auto detail = history().message(kHome, sent.id);
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->body, "{}");
  EXPECT_EQ(detail->header_lines, "content-type: application/json\r\n");
  EXPECT_EQ(detail->query, "a=1");
  EXPECT_EQ(detail->method, "POST");
  EXPECT_EQ(detail->message.id, sent.id);
  EXPECT_TRUE(detail->message.is_test);
}

TEST_P(HistoryTest, DeliveryIsItsLastAttempt) {
  const Sent sent = world.send(1, 1, {1, 2}, true);
  const auto all = [&] { return history().deliveries(kHome, {.message = sent.id})->items; };
  ASSERT_EQ(all().size(), 2u);
  EXPECT_EQ(all()[0].state, DeliveryState::kWaiting);
  EXPECT_EQ(all()[0].attempts, 0u);
  EXPECT_EQ(all()[0].link, link_of(1));
  EXPECT_EQ(all()[0].event, "repo:opened");
  EXPECT_EQ(all()[0].received_at, sent.at);
  EXPECT_TRUE(all()[0].is_test);

  world.attempt(sent, kShopEndpoint, Verdict::kRetry, 0, AttemptError::kTimeout);
  EXPECT_EQ(all()[0].endpoint, endpoint_of(kShopEndpoint));
  EXPECT_EQ(all()[0].state, DeliveryState::kRetrying);
  EXPECT_EQ(all()[0].error, "timeout");
  EXPECT_EQ(all()[0].next_at, world.rig.clock.wall + 5000);
  EXPECT_EQ(all()[1].state, DeliveryState::kWaiting);

  world.attempt(sent, kShopEndpoint, Verdict::kDelivered, 200);
  world.attempt(sent, kCrmEndpoint, Verdict::kDead, 410);
  EXPECT_EQ(all()[0].state, DeliveryState::kDelivered);
  EXPECT_EQ(all()[0].attempts, 2u);
  EXPECT_EQ(all()[0].error, "");
  EXPECT_EQ(all()[0].next_at, 0u);
  EXPECT_EQ(all()[1].state, DeliveryState::kDead);
  EXPECT_EQ(all()[1].http_status, 410);
}

TEST_P(HistoryTest, AttemptsTellWhatHappened) {
  const Sent sent = world.send(1, 1, {1, 2});
  world.attempt(sent, kShopEndpoint, Verdict::kRetry, 0, AttemptError::kTimeout);
  world.attempt(sent, kShopEndpoint, Verdict::kDelivered, 204);
  world.attempt(sent, kCrmEndpoint, Verdict::kDelivered, 200);
  const auto all = history().attempts(kHome, {.message = sent.id});
  ASSERT_TRUE(all);
  ASSERT_EQ(all->items.size(), 3u);
  const Attempt& first = all->items[0];
  EXPECT_EQ(first.message, sent.id);
  EXPECT_EQ(first.endpoint, endpoint_of(kShopEndpoint));
  EXPECT_EQ(first.number, 1u);
  EXPECT_EQ(first.state, DeliveryState::kRetrying);
  EXPECT_EQ(first.error, "timeout");
  EXPECT_EQ(first.duration, std::chrono::microseconds(1500));
  EXPECT_EQ(first.response_head, "A: b\r\n");
  EXPECT_EQ(first.response_body, "ok");
  EXPECT_EQ(all->items[1].number, 2u);
  EXPECT_EQ(all->items[1].http_status, 204);
  EXPECT_EQ(all->items[2].endpoint, endpoint_of(kCrmEndpoint));
}

TEST_P(HistoryTest, AttemptsAtAnEndpointComeNewestMessageFirstAndCutInTheMiddle) {
  const Sent a = world.send(1, 1, {1, 2});
  const Sent b = world.send(3, 1, {1});
  for (int i = 0; i < 3; ++i) world.attempt(a, kShopEndpoint, Verdict::kRetry, 500);
  for (int i = 0; i < 3; ++i) world.attempt(b, kShopEndpoint, Verdict::kRetry, 500);
  world.attempt(a, kCrmEndpoint, Verdict::kRetry, 500);
  HistoryFilter filter{.endpoint = endpoint_of(kShopEndpoint)};
  filter.page.count_max = 2;
  std::vector<std::pair<MessageId, std::uint32_t>> seen;
  do {
    const auto page = history().attempts(kHome, filter);
    ASSERT_TRUE(page);
    for (const Attempt& attempt : page->items) seen.emplace_back(attempt.message, attempt.number);
    filter.page.cursor = page->next;
  } while (!filter.page.cursor.empty());
  const std::vector<std::pair<MessageId, std::uint32_t>> expected = {
      {b.id, 1}, {b.id, 2}, {b.id, 3}, {a.id, 1}, {a.id, 2}, {a.id, 3}};
  EXPECT_EQ(seen, expected);
}

TEST_P(HistoryTest, TimeBoundsAreOfTheAcceptance) {
  std::vector<MessageId> sent;
  for (int i = 0; i < 6; ++i) sent.push_back(world.send(i % 2 == 0 ? 1 : 3, 1, {1}).id);
  const core::WallMs start = world.rig.clock.wall - 6;
  EXPECT_EQ(messages({.since = start + 2, .until = start + 4}), (std::vector{sent[3], sent[2]}));
  EXPECT_EQ(messages({.since = start + 5}), std::vector{sent[5]});
  EXPECT_EQ(messages({.until = start + 1}), std::vector{sent[0]});
  EXPECT_TRUE(messages({.until = 0}).empty());
  EXPECT_TRUE(messages({.since = start + 4, .until = start + 4}).empty());
  EXPECT_TRUE(messages({.since = ~UnixMs{0}}).empty());
  EXPECT_EQ(messages({.until = ~UnixMs{0}}).size(), 6u);
}

TEST_P(HistoryTest, WhatIsOfAnotherWorkspaceIsNotThere) {
  const Sent mine = world.send(1, 1, {1});
  const Sent foreign = world.send(20, 11, {11});
  const Sent foreign_call = world.send(0, 1, {kForeignCall});
  const auto code = [](const auto& result) {
    EXPECT_FALSE(result);
    return result ? ErrorCode::kUnsupported : result.error().code;
  };
  const auto what = [](const auto& result) { return result ? "" : result.error().what; };
  for (const MessageId id : {foreign.id, foreign_call.id, MessageId{{1, 1}}}) {
    const HistoryFilter filter{.message = id};
    EXPECT_EQ(code(history().message(kHome, id)), ErrorCode::kNotFound);
    EXPECT_EQ(what(history().message(kHome, id)), "there is no such message");
    EXPECT_EQ(code(history().messages(kHome, filter)), ErrorCode::kNotFound);
    EXPECT_EQ(code(history().deliveries(kHome, filter)), ErrorCode::kNotFound);
    EXPECT_EQ(code(history().attempts(kHome, filter)), ErrorCode::kNotFound);
  }
  for (const std::uint32_t link : {20u, 21u, 22u, 99u}) {
    const HistoryFilter filter{.link = link_of(link)};
    EXPECT_EQ(code(history().messages(kHome, filter)), ErrorCode::kNotFound);
    EXPECT_EQ(code(history().deliveries(kHome, filter)), ErrorCode::kNotFound);
    EXPECT_EQ(code(history().attempts(kHome, filter)), ErrorCode::kNotFound);
    HistoryFilter with_message = filter;
    with_message.message = mine.id;
    EXPECT_EQ(code(history().messages(kHome, with_message)), ErrorCode::kNotFound);
  }
  for (const std::uint32_t endpoint : {kForeignEndpoint, kForeignCall, 99u}) {
    const HistoryFilter filter{.endpoint = endpoint_of(endpoint)};
    EXPECT_EQ(code(history().messages(kHome, filter)), ErrorCode::kNotFound);
    EXPECT_EQ(code(history().deliveries(kHome, filter)), ErrorCode::kNotFound);
    EXPECT_EQ(code(history().attempts(kHome, filter)), ErrorCode::kNotFound);
  }
  EXPECT_EQ(code(history().messages("nowhere", {})), ErrorCode::kNotFound);
  EXPECT_EQ(messages({}), std::vector{mine.id});
  EXPECT_EQ(ids(history().messages(kElsewhere, {})), std::vector{foreign.id});
}

TEST_P(HistoryTest, CallsToProvidersAreFoundByTheirMessage) {
  const Sent call = world.send(0, 1, {kCall});
  world.attempt(call, kCall, Verdict::kDelivered, 201);
  EXPECT_TRUE(messages({}).empty());
  EXPECT_TRUE(messages({.endpoint = endpoint_of(kCall)}).empty());
  EXPECT_TRUE(history().message(kHome, call.id));
  EXPECT_EQ(messages({.message = call.id}), std::vector{call.id});
  EXPECT_TRUE(messages({.message = call.id, .app = "github"}).empty());
  const auto deliveries = history().deliveries(kHome, {.message = call.id});
  ASSERT_EQ(ids(deliveries), std::vector{call.id});
  EXPECT_EQ(deliveries->items[0].endpoint, endpoint_of(kCall));
  EXPECT_EQ(deliveries->items[0].http_status, 201);
  EXPECT_EQ(deliveries->items[0].link, LinkId{});
  EXPECT_EQ(ids(history().attempts(kHome, {.message = call.id})), std::vector{call.id});
  EXPECT_EQ(ids(history().attempts(kHome, {.endpoint = endpoint_of(kCall)})), std::vector{call.id});
}

TEST_P(HistoryTest, FiltersThatContradictTheMessageFindNothing) {
  const Sent sent = world.send(3, 1, {1});
  EXPECT_EQ(messages({.message = sent.id, .link = link_of(3)}), std::vector{sent.id});
  EXPECT_TRUE(messages({.message = sent.id, .link = link_of(1)}).empty());
  EXPECT_TRUE(messages({.message = sent.id, .endpoint = endpoint_of(kCrmEndpoint)}).empty());
  EXPECT_TRUE(messages({.message = sent.id, .product = "crm"}).empty());
  EXPECT_TRUE(messages({.message = sent.id, .since = sent.at + 1}).empty());
  EXPECT_TRUE(messages({.message = sent.id, .until = sent.at}).empty());
  EXPECT_EQ(messages({.message = sent.id, .since = sent.at, .until = sent.at + 1}),
            std::vector{sent.id});
}

TEST_P(HistoryTest, EventIsFoundByItsTagWhateverItsNumber) {
  const Sent before = world.send(1, 3, {1});  // by the event that was deleted since
  const Sent after = world.send(1, 1, {1});
  const Sent gone = world.send(1, 5, {1});
  world.send(1, 2, {1});
  EXPECT_EQ(messages({.app = "github", .event = "repo:opened"}),
            (std::vector{after.id, before.id}));
  EXPECT_EQ(messages({.app = "github", .event = "opened"}), (std::vector{after.id, before.id}));
  EXPECT_EQ(messages({.app = "github", .event = "repo:gone"}), std::vector{gone.id});
  EXPECT_EQ(messages({.app = "github", .event = "gone"}), std::vector{gone.id});
  const Sent paid = world.send(7, 4, {3});
  EXPECT_EQ(messages({.app = "money", .product = "shop", .event = "pay:paid"}),
            std::vector{paid.id});
  const auto unknown = history().messages(kHome, {.app = "github", .event = "repo:never"});
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
}

TEST_P(HistoryTest, RetentionEndsAList) {
  const Sent old = world.send(1, 1, {1});
  world.rig.clock.wall += world.rig.options.retention_ms;
  const Sent young = world.send(1, 1, {1});
  world.attempt(old, kShopEndpoint, Verdict::kDelivered);
  ASSERT_TRUE(world.store().retain(world.rig.clock.wall));
  EXPECT_EQ(messages({}), std::vector{young.id});
  EXPECT_EQ(ids(history().deliveries(kHome, {})), std::vector{young.id});
  EXPECT_EQ(history().messages(kHome, {.message = old.id}).error().code, ErrorCode::kNotFound);
}

// The same as above with the registry's own deletions.
TEST_P(HistoryTest, WhatWasDeletedKeepsItsNames) {
  auto loaded = Registry::load(world.store(), world.rig.clock,
                               {.public_url = "http://localhost",
                                .retention = std::chrono::hours(24),
                                .targets = test::loopback_targets(),
                                .master_key = test::fixed_master_key()});
  ASSERT_TRUE(loaded);
  Registry& own = **loaded;
  const History after(world.store(), own);
  ASSERT_TRUE(own.create_webhook(kHome, "forge", {.tag = "push", .name = "P", .envs = {{"prd"}}}));
  const EventSpec event{.tag = "push:made", .name = "M", .selector = "$Event{kind}"};
  ASSERT_TRUE(own.create_event(kHome, "forge", event));
  const auto endpoint = own.create_endpoint(kHome, "shop",
                                            {.access_tag = "forge",
                                             .webhook = "push",
                                             .env = "prd",
                                             .settings = {.url = "http://127.0.0.1:9/"}});
  ASSERT_TRUE(endpoint) << endpoint.error().what;
  const auto number = static_cast<std::uint32_t>(*own.endpoint_number(kHome, endpoint->id));
  const auto links = own.links_of(kHome, {.link = endpoint->link_id});
  ASSERT_TRUE(links);
  ASSERT_EQ(links->size(), 1u);
  const auto link = static_cast<std::uint32_t>(links->front());
  const auto event_number = [&] {
    return static_cast<std::uint32_t>(*own.event_number(kHome, "forge", "push:made"));
  };
  const Sent first = world.send(link, event_number(), {number});
  ASSERT_TRUE(own.delete_event(kHome, "forge", "push:made", {}));
  ASSERT_TRUE(own.create_event(kHome, "forge", event));
  const Sent second = world.send(link, event_number(), {number});
  ASSERT_NE(first.event, second.event);
  ASSERT_TRUE(own.delete_endpoint(kHome, endpoint->id, {.cascade = true}));

  const HistoryFilter by_event{.app = "forge", .event = "push:made"};
  const HistoryFilter by_endpoint{.endpoint = endpoint->id};
  const HistoryFilter by_link{.link = endpoint->link_id};
  for (const HistoryFilter& filter : {by_event, by_endpoint, by_link}) {
    const auto page = after.deliveries(kHome, filter);
    ASSERT_EQ(ids(page), (std::vector{second.id, first.id}));
    EXPECT_EQ(page->items[1].endpoint, endpoint->id);
    EXPECT_EQ(page->items[1].link, endpoint->link_id);
    EXPECT_EQ(page->items[1].event, "push:made");
  }
  EXPECT_FALSE(after.deliveries(kElsewhere, by_endpoint));
  EXPECT_FALSE(after.deliveries(kElsewhere, by_link));
}

// --- What is refused ---------------------------------------------------------------------------

TEST_P(HistoryTest, WhatCannotBeAskedIsRefusedWithItsMember) {
  const auto pointer = [](const auto& result) {
    if (result || result.error().code != ErrorCode::kInvalidArgument) return std::string("none");
    return result.error().items.empty() ? std::string() : result.error().items[0].where;
  };
  const auto with_page = [](std::string cursor, std::size_t count_max) {
    HistoryFilter filter;
    filter.page = {std::move(cursor), count_max};
    return filter;
  };
  EXPECT_EQ(pointer(history().messages(kHome, with_page("", 0))), "/limit");
  EXPECT_EQ(pointer(history().messages(kHome, with_page("", 1001))), "/limit");
  EXPECT_EQ(pointer(history().messages(kHome, with_page("m", 1))), "/cursor");
  EXPECT_EQ(pointer(history().messages(kHome, {.event = "repo:opened"})), "/app");
  EXPECT_EQ(pointer(history().messages(kHome, {.error = "any"})), "/error");
  EXPECT_EQ(pointer(history().messages(kHome, {.http_status = 200})), "/http_status");
  EXPECT_EQ(pointer(history().messages(kHome, {.delivery_state = DeliveryState::kDead})),
            "/delivery_state");
  const auto unknown = history().deliveries(kHome, {.error = "gremlins"});
  EXPECT_EQ(pointer(unknown), "/error");
  EXPECT_NE(unknown.error().what.find("timeout"), std::string::npos);
  EXPECT_NE(unknown.error().what.find("any, none"), std::string::npos);
}

TEST_P(HistoryTest, CursorOfAnotherListIsRefused) {
  for (int i = 0; i < 3; ++i) {
    const Sent sent = world.send(1, 1, {1, 2});
    world.attempt(sent, 1, Verdict::kRetry);
  }
  HistoryFilter filter;
  filter.page.count_max = 1;
  const std::string of_messages = history().messages(kHome, filter)->next;
  const std::string of_deliveries = history().deliveries(kHome, filter)->next;
  ASSERT_FALSE(of_messages.empty());
  ASSERT_FALSE(of_deliveries.empty());
  filter.page.cursor = of_deliveries;
  EXPECT_EQ(history().messages(kHome, filter).error().items[0].where, "/cursor");
  EXPECT_EQ(history().attempts(kHome, filter).error().items[0].where, "/cursor");
  filter.page.cursor = of_messages;
  EXPECT_EQ(history().deliveries(kHome, filter).error().items[0].where, "/cursor");
  // A made-up end of time is a place like any other.
  HistoryCursor last{MessageId{{~std::uint64_t{0}, ~std::uint64_t{0}}}, true, 0, 0};
  filter.page = {last.to_text(HistoryCursor::List::kDeliveries), 100};
  EXPECT_EQ(ids(history().deliveries(kHome, filter)).size(), 6u);
}

TEST(HistoryCursorTest, TextIsReadBackAndNothingElseIs) {
  using List = HistoryCursor::List;
  const HistoryCursor inside{MessageId{{5, 6}}, true, 16383, 65535};
  const std::string text = inside.to_text(List::kAttempts);
  const auto read = HistoryCursor::parse(List::kAttempts, text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->message, inside.message);
  EXPECT_TRUE(read->inside);
  EXPECT_EQ(read->target, 16383u);
  EXPECT_EQ(read->attempt, 65535u);
  const HistoryCursor behind{MessageId{{5, 6}}};
  const auto read_behind = HistoryCursor::parse(List::kMessages, behind.to_text(List::kMessages));
  ASSERT_TRUE(read_behind);
  EXPECT_FALSE(read_behind->inside);
  EXPECT_EQ(HistoryCursor{}.to_text(List::kMessages), "");
  EXPECT_FALSE(HistoryCursor::parse(List::kAttempts, text).value().message == MessageId{});
  EXPECT_FALSE(HistoryCursor::parse(List::kMessages, "m" + text.substr(1)));
  const HistoryCursor too_far{MessageId{{5, 6}}, true, 16384, 0};
  const HistoryCursor too_late{MessageId{{5, 6}}, true, 0, 65536};
  EXPECT_FALSE(HistoryCursor::parse(List::kAttempts, too_far.to_text(List::kAttempts)));
  EXPECT_FALSE(HistoryCursor::parse(List::kAttempts, too_late.to_text(List::kAttempts)));
  for (std::size_t size = 1; size < text.size(); ++size)
    EXPECT_FALSE(HistoryCursor::parse(List::kAttempts, text.substr(0, size)));
  EXPECT_FALSE(HistoryCursor::parse(List::kAttempts, text + "0"));
  EXPECT_FALSE(HistoryCursor::parse(List::kAttempts, "a" + std::string(2 * kIdDigits, '0')));
  EXPECT_FALSE(HistoryCursor::parse(List::kAttempts, "a" + std::string(2 * kIdDigits, '-')));
}

}  // namespace
}  // namespace headrace::engine
