// SPDX-License-Identifier: Apache-2.0
// States of endpoints with real threads and sockets: what waits is held and goes on in order, and
// what the engine decides by itself is told to whoever listens.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/engine/engine_rig.h"

namespace headrace::test {
namespace {

using std::chrono::milliseconds;

class EngineStatesTest : public testing::Test {
 protected:
  void SetUp() override {
    engine = test::open();
    link = test::register_app(*engine);
  }
  void set(EndpointId id, EndpointState state) {
    EndpointSettings settings;
    settings.state = state;
    ASSERT_TRUE(home(*engine).update_endpoint(id, settings));
  }
  Endpoint endpoint(EndpointId id) { return home(*engine).endpoint(id).value(); }
  // A body of the event, with that number in it.
  static std::string body(std::size_t number) {
    return R"({"action":"starred","n":)" + std::to_string(number) + "}";
  }
  MessageId send(std::size_t number) { return submit(*engine, link, body(number)).second; }
  DeliveryState state_of(MessageId id, EndpointId endpoint) {
    for (const Delivery& delivery : test::deliveries_of(*engine, id)) {
      if (delivery.endpoint == endpoint) return delivery.state;
    }
    return DeliveryState::kWaiting;
  }
  Endpoint listen(const std::string& url) {
    EndpointSpec spec;
    spec.access_tag = "headrace";
    spec.webhook = "system";
    spec.env = "default";
    spec.settings.url = url;
    return home(*engine).create_endpoint("operations", spec).value();
  }
  std::uint64_t counted(const std::string& line) {
    const std::string metrics = engine->metrics();
    const std::size_t at = metrics.find(line + " ");
    return at == std::string::npos ? 0 : std::stoull(metrics.substr(at + line.size() + 1));
  }

  Sink receiver;
  std::unique_ptr<Engine> engine;
  std::string link;
};

TEST_F(EngineStatesTest, WhatIsAcceptedWhilePausedIsDeliveredInOrderOnceItIsResumed) {
  const Endpoint shop = test::register_product(*engine, "shop", receiver.url());
  EndpointSettings strict;
  strict.delivery.order = Order::kStrict;
  ASSERT_TRUE(home(*engine).update_endpoint(shop.id, strict));
  set(shop.id, EndpointState::kPaused);
  Sink other;
  test::register_product(*engine, "other", other.url());
  std::vector<MessageId> ids;
  for (std::size_t i = 0; i < 50; ++i) ids.push_back(send(i));
  other.wait_for(50);
  EXPECT_EQ(receiver.count(), 0u);
  EXPECT_EQ(endpoint(shop.id).drained, false);
  set(shop.id, EndpointState::kActive);
  const auto requests = receiver.wait_for(50);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(requests[i].body, body(i));
  ASSERT_TRUE(eventually([&] { return endpoint(shop.id).drained == true; }));
  for (const MessageId id : ids) EXPECT_TRUE(test::is_delivered(*engine, id));
}

TEST_F(EngineStatesTest, PausingAgainAndAgainLosesNothingAndBouncesLittle) {
  const Endpoint shop = test::register_product(*engine, "shop", receiver.url());
  constexpr std::size_t kCount = 200;
  std::vector<MessageId> ids;
  for (std::size_t i = 0; i < kCount; ++i) {
    ids.push_back(send(i));
    if (i % 5 == 0) set(shop.id, i % 2 == 0 ? EndpointState::kPaused : EndpointState::kActive);
  }
  set(shop.id, EndpointState::kActive);
  receiver.wait_for(kCount);
  for (const MessageId id : ids)
    EXPECT_TRUE(eventually([&] { return test::is_delivered(*engine, id); }));
  std::set<std::string> bodies;
  for (const auto& request : receiver.wait_for(kCount)) bodies.insert(request.body);
  EXPECT_EQ(bodies.size(), kCount);
}

TEST_F(EngineStatesTest, ADrainingOneTakesNothingNewAndSaysWhenItIsDone) {
  const Endpoint shop = test::register_product(*engine, "shop", receiver.url());
  set(shop.id, EndpointState::kPaused);
  const MessageId before = send(1);
  set(shop.id, EndpointState::kDraining);
  const MessageId after = send(2);
  ASSERT_TRUE(eventually([&] { return endpoint(shop.id).drained == true; }));
  EXPECT_TRUE(test::is_delivered(*engine, before));
  EXPECT_TRUE(test::deliveries_of(*engine, after).empty());
  EXPECT_EQ(receiver.count(), 1u);
}

TEST_F(EngineStatesTest, WhatWaitsIsGivenUpOnRequestOnly) {
  const Endpoint shop = test::register_product(*engine, "shop", receiver.url());
  set(shop.id, EndpointState::kPaused);
  std::vector<MessageId> ids;
  for (std::size_t i = 0; i < 10; ++i) ids.push_back(send(i));
  set(shop.id, EndpointState::kDisabled);
  EXPECT_EQ(state_of(ids[0], shop.id), DeliveryState::kWaiting);
  const auto discarded = home(*engine).discard_waiting(shop.id);
  ASSERT_TRUE(discarded) << discarded.error().what;
  EXPECT_EQ(*discarded, 10u);
  for (const MessageId id : ids) EXPECT_EQ(state_of(id, shop.id), DeliveryState::kDead);
  EXPECT_EQ(endpoint(shop.id).drained, true);
  EXPECT_EQ(receiver.count(), 0u);
  EXPECT_EQ(home(*engine).discard_waiting(EndpointId{{1, 1}}).error().code, ErrorCode::kNotFound);
}

TEST_F(EngineStatesTest, OneThatAnswers410IsDisabledAndWhatWaitsIsHeld) {
  Sink operations;
  listen(operations.url());
  receiver.answer_with(FakeEndpoint::answer(410));
  const Endpoint shop = test::register_product(*engine, "shop", receiver.url());
  EndpointSettings one_by_one;
  one_by_one.delivery.order = Order::kStrict;
  ASSERT_TRUE(home(*engine).update_endpoint(shop.id, one_by_one));
  set(shop.id, EndpointState::kPaused);
  const MessageId first = send(1);
  set(shop.id, EndpointState::kActive);
  ASSERT_TRUE(eventually([&] { return endpoint(shop.id).state == EndpointState::kDisabled; }));
  EXPECT_EQ(endpoint(shop.id).state_reason, StateReason::kGone);
  EXPECT_EQ(state_of(first, shop.id), DeliveryState::kDead) << "it had its answer";
  EXPECT_EQ(counted("headrace_endpoints_disabled_total{reason=\"gone\"}"), 1u);
  const std::string news = operations.wait_for(1)[0].body;
  EXPECT_NE(news.find(R"("type":"endpoint.disabled")"), std::string::npos) << news;
  EXPECT_NE(news.find(shop.id.to_string()), std::string::npos) << news;
  EXPECT_NE(news.find(R"("reason":"gone")"), std::string::npos) << news;
  EXPECT_TRUE(test::deliveries_of(*engine, send(2)).empty()) << "it takes nothing new";
  receiver.answer_with(FakeEndpoint::answer(200));
  set(shop.id, EndpointState::kActive);
  EXPECT_TRUE(eventually([&, id = send(3)] { return test::is_delivered(*engine, id); }));
}

TEST_F(EngineStatesTest, OneThatOnlyFailsIsDisabledAndWhatItOwedIsHeld) {
  Sink operations;
  listen(operations.url());
  receiver.answer_with(FakeEndpoint::answer(500));
  const Endpoint shop = test::register_product(*engine, "shop", receiver.url());
  EndpointSettings settings;
  settings.delivery.disable_after = std::optional(milliseconds(20));
  settings.delivery.retry.emplace().emplace().schedule = std::vector(100, milliseconds(5));
  settings.delivery.breaker = std::optional<BreakerSettings>();
  ASSERT_TRUE(home(*engine).update_endpoint(shop.id, settings));
  const MessageId id = send(1);
  ASSERT_TRUE(eventually([&] { return endpoint(shop.id).state == EndpointState::kDisabled; }));
  EXPECT_EQ(endpoint(shop.id).state_reason, StateReason::kFailing);
  const std::string news = operations.wait_for(1)[0].body;
  EXPECT_NE(news.find(R"("reason":"failing")"), std::string::npos) << news;
  EXPECT_EQ(state_of(id, shop.id), DeliveryState::kRetrying) << "held, not dead";
  receiver.answer_with(FakeEndpoint::answer(200));
  set(shop.id, EndpointState::kActive);
  EXPECT_TRUE(eventually([&] { return test::is_delivered(*engine, id); }));
}

TEST_F(EngineStatesTest, OneThatHearsOfOthersAndFailsItselfMakesNoEndOfMessages) {
  Sink operations(FakeEndpoint::answer(410));
  const Endpoint deaf = listen(operations.url());
  receiver.answer_with(FakeEndpoint::answer(410));
  const Endpoint shop = test::register_product(*engine, "shop", receiver.url());
  send(1);
  ASSERT_TRUE(eventually([&] { return endpoint(deaf.id).state == EndpointState::kDisabled; }));
  EXPECT_EQ(endpoint(deaf.id).state_reason, StateReason::kGone);
  EXPECT_EQ(endpoint(shop.id).state, EndpointState::kDisabled);
  HistoryFilter of_system;
  of_system.app = "headrace";
  EXPECT_EQ(home(*engine).messages(of_system)->items.size(), 1u);
}

}  // namespace
}  // namespace headrace::test
