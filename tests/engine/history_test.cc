// SPDX-License-Identifier: Apache-2.0
#include "engine/history.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "store/memory_store.h"
#include "tests/support/manual_clock.h"

namespace headrace::engine {
namespace {

using store::AttemptError;
using store::Verdict;

class HistoryTest : public testing::Test {
 protected:
  void SetUp() override {
    registry = std::move(Registry::load(store, "http://localhost")).value();
    const WebhookSpec webhook{.tag = "repo", .envs = {{"prd"}, {"snd"}}};
    app_link = registry->create_webhook("github", webhook)->envs[0].link_id;
    ASSERT_TRUE(
        registry->create_event("github", {.tag = "repo:starred", .selector = "$Event{action}"}));
    shop = make_endpoint("shop");
    crm = make_endpoint("crm");
    history = std::make_unique<History>(store, *registry);
  }

  EndpointId make_endpoint(std::string_view product) {
    return registry
        ->create_link(product, {.access_tag = "github",
                                .webhook_tag = "repo",
                                .env = "prd",
                                .url = "http://127.0.0.1:9/"})
        ->endpoint;
  }
  // Stores a message posted to the app's link, for both endpoints unless it is unmatched.
  MessageId accept(std::string_view body, store::MessageStatus status) {
    const std::string headers = "X-A: 1\r\n";
    const std::string query = "q=1";
    store::Intake intake;
    intake.payload.buffer = pool.acquire(headers.size() + query.size() + body.size());
    const std::string all = headers + query + std::string(body);
    std::memcpy(intake.payload.buffer.data(), all.data(), all.size());
    const auto at = [](std::size_t offset, std::size_t size) {
      return core::Range{static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(size)};
    };
    intake.payload.headers = at(0, headers.size());
    intake.payload.query = at(headers.size(), query.size());
    intake.payload.body = at(headers.size() + query.size(), body.size());
    intake.link = *registry->link_number(app_link);
    intake.received_at = clock.wall_ms();
    intake.status = status;
    if (status != store::MessageStatus::kUnmatched) intake.event = core::EventNumber{1};
    if (status == store::MessageStatus::kRouted) {
      const std::vector<core::EndpointNumber> both = {*registry->endpoint_number(shop),
                                                      *registry->endpoint_number(crm)};
      intake.targets = store::Targets::of(both, {});
    }
    store::Group group;
    group.intakes.push_back(std::move(intake));
    EXPECT_TRUE(store.append(group));
    EXPECT_TRUE(store.apply(group));
    clock.advance(std::chrono::seconds(1));
    return group.placed.front().id;
  }
  MessageId routed(std::string_view body = "{}") {
    return accept(body, store::MessageStatus::kRouted);
  }
  void attempt(MessageId message, EndpointId endpoint, std::uint16_t number, Verdict verdict,
               std::uint16_t status, AttemptError error = AttemptError::kNone) {
    store::Outcome outcome;
    outcome.message = message;
    outcome.endpoint = *registry->endpoint_number(endpoint);
    outcome.verdict = verdict;
    outcome.attempt = number;
    outcome.http_status = status;
    outcome.error = error;
    outcome.started_at = clock.wall_ms();
    outcome.duration_us = 1500;
    outcome.next_at = verdict == Verdict::kRetry ? clock.wall_ms() + 5000 : 0;
    outcome.response = pool.acquire(8);
    std::memcpy(outcome.response.data(), "A: b\r\nok", 8);
    outcome.response_head = {0, 6};
    outcome.response_body = {6, 2};
    store::Group group;
    group.outcomes.push_back(std::move(outcome));
    ASSERT_TRUE(store.append(group));
    ASSERT_TRUE(store.apply(group));
  }

  test::ManualClock clock;
  core::BufferPool pool{std::size_t{1} << 20};
  store::MemoryStore store{store::StoreOptions{}, clock, 1};
  std::unique_ptr<Registry> registry;
  std::unique_ptr<History> history;
  LinkId app_link;
  EndpointId shop, crm;
};

TEST_F(HistoryTest, MessagesOfALinkComeNewestFirstAndInPages) {
  const MessageId a = routed();
  const MessageId b = accept("{}", store::MessageStatus::kUnmatched);
  const MessageId c = accept("[]", store::MessageStatus::kNoEndpoint);
  const auto page = history->messages(app_link, {}, 2);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ((*page)[0].id, c);
  EXPECT_EQ((*page)[0].state, MessageState::kNoEndpoint);
  EXPECT_EQ((*page)[0].event, "repo:starred");
  EXPECT_EQ((*page)[1].id, b);
  EXPECT_EQ((*page)[1].state, MessageState::kUnmatched);
  EXPECT_EQ((*page)[1].event, "");
  const auto rest = history->messages(app_link, b, 1000);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ(rest->front().id, a);
  EXPECT_EQ(rest->front().state, MessageState::kRouted);
  EXPECT_EQ(rest->front().link, app_link);
  EXPECT_EQ(rest->front().received_at, test::ManualClock::kStart);
}

TEST_F(HistoryTest, MessageIsToldWithItsExactBytes) {
  const MessageId id = routed("{ \"action\":\"starred\" }");
  const auto detail = history->message(id);
  ASSERT_TRUE(detail);
  EXPECT_EQ(detail->body, "{ \"action\":\"starred\" }");
  EXPECT_EQ(detail->header_lines, "X-A: 1\r\n");
  EXPECT_EQ(detail->query, "q=1");
  EXPECT_EQ(detail->method, "POST");
  EXPECT_EQ(detail->message.body_bytes, 22u);
}

TEST_F(HistoryTest, DeliveryIsItsLastAttempt) {
  const MessageId id = routed();
  auto deliveries = history->deliveries(id);
  ASSERT_TRUE(deliveries);
  ASSERT_EQ(deliveries->size(), 2u);
  EXPECT_EQ((*deliveries)[0].state, DeliveryState::kWaiting);
  EXPECT_EQ((*deliveries)[0].attempts, 0u);

  attempt(id, shop, 1, Verdict::kRetry, 503);
  deliveries = history->deliveries(id);
  EXPECT_EQ((*deliveries)[0].endpoint, shop);
  EXPECT_EQ((*deliveries)[0].state, DeliveryState::kRetrying);
  EXPECT_EQ((*deliveries)[0].http_status, 503);
  EXPECT_EQ((*deliveries)[0].next_at, clock.wall_ms() + 5000);
  EXPECT_EQ((*deliveries)[1].state, DeliveryState::kWaiting);

  attempt(id, shop, 2, Verdict::kDelivered, 200);
  attempt(id, crm, 1, Verdict::kDead, 410);
  deliveries = history->deliveries(id);
  EXPECT_EQ((*deliveries)[0].state, DeliveryState::kDelivered);
  EXPECT_EQ((*deliveries)[0].attempts, 2u);
  EXPECT_EQ((*deliveries)[0].next_at, 0u);
  EXPECT_EQ((*deliveries)[1].endpoint, crm);
  EXPECT_EQ((*deliveries)[1].state, DeliveryState::kDead);
}

TEST_F(HistoryTest, AttemptsTellWhatHappened) {
  const MessageId id = routed();
  attempt(id, shop, 1, Verdict::kRetry, 0, AttemptError::kTimeout);
  attempt(id, shop, 2, Verdict::kDelivered, 204);
  attempt(id, crm, 1, Verdict::kDelivered, 200);
  const auto all = history->attempts(id, {});
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 3u);
  const Attempt& first = all->front();
  EXPECT_EQ(first.message, id);
  EXPECT_EQ(first.endpoint, shop);
  EXPECT_EQ(first.number, 1u);
  EXPECT_EQ(first.state, DeliveryState::kRetrying);
  EXPECT_EQ(first.error, "timeout");
  EXPECT_EQ(first.duration, std::chrono::microseconds(1500));
  EXPECT_EQ(first.response_head, "A: b\r\n");
  EXPECT_EQ(first.response_body, "ok");
  EXPECT_EQ((*all)[1].number, 2u);
  EXPECT_EQ((*all)[1].error, "");
  EXPECT_EQ((*all)[1].http_status, 204);
  const auto of_crm = history->attempts(id, crm);
  ASSERT_EQ(of_crm->size(), 1u);
  EXPECT_EQ(of_crm->front().endpoint, crm);
  EXPECT_TRUE(history->attempts(id, EndpointId{{9, 9}})->empty());
}

TEST_F(HistoryTest, AttemptsAtAnEndpointComeNewestMessageFirst) {
  const MessageId a = routed();
  const MessageId b = routed();
  attempt(a, shop, 1, Verdict::kDelivered, 200);
  attempt(b, shop, 1, Verdict::kDelivered, 200);
  attempt(b, crm, 1, Verdict::kDelivered, 200);
  const auto attempts = history->endpoint_attempts(shop, {}, 1000);
  ASSERT_TRUE(attempts);
  ASSERT_EQ(attempts->size(), 2u);
  EXPECT_EQ((*attempts)[0].message, b);
  EXPECT_EQ((*attempts)[1].message, a);
  EXPECT_EQ(history->endpoint_attempts(shop, b, 1000)->size(), 1u);
}

TEST_F(HistoryTest, UnknownIdsAreNotFound) {
  const MessageId nothing{{1, 1}};
  EXPECT_EQ(history->message(nothing).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(history->deliveries(nothing).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(history->attempts(nothing, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(history->messages(LinkId{{1, 1}}, {}, 10).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(history->endpoint_attempts(EndpointId{{1, 1}}, {}, 10).error().code,
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace headrace::engine
