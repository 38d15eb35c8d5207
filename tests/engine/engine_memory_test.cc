// SPDX-License-Identifier: Apache-2.0
// The whole engine, in memory, with real threads and sockets.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/engine_rig.h"

namespace headrace {
namespace {

using test::eventually;
using test::exchange;
using test::FakeEndpoint;
using test::is_delivered;
using test::kStarred;
using test::Sink;
using test::small_engine;
using test::submit;

TEST(EngineMemoryTest, SubmittedMessageIsDeliveredAndItsAttemptCanBeAskedFor) {
  Sink sink;
  auto engine = test::open();
  const std::string link = test::register_app(*engine);
  const Endpoint product = test::register_product(*engine, "shop", sink.url("/orders?a=1"));
  const auto [status, id] = submit(*engine, product.link, kStarred);
  ASSERT_EQ(status, SubmitStatus::kStored);
  const auto requests = sink.wait_for(1);
  EXPECT_EQ(requests[0].body, kStarred);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/orders?a=1");
  EXPECT_EQ(requests[0].header("webhook-id"), id.to_string());
  ASSERT_TRUE(eventually([&, id = id] { return is_delivered(*engine, id); }));
  const auto attempts = test::attempts_of(*engine, id);
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts.front().endpoint, product.id);
  EXPECT_EQ(attempts.front().http_status, 200);
  EXPECT_EQ(attempts.front().response_body, "thanks");
  HistoryFilter of_link;
  of_link.link = product.link_id;
  const auto messages = test::home(*engine).messages(of_link);
  ASSERT_EQ(messages->items.size(), 1u);
  EXPECT_EQ(messages->items.front().event, "repo:starred");
  EXPECT_EQ(test::home(*engine).message(id)->body, kStarred);
  engine->close();
}

TEST(EngineMemoryTest, AppLinkReachesTheEndpointsOfAllProducts) {
  Sink shop, crm;
  auto engine = test::open();
  const std::string link = test::register_app(*engine);
  test::register_product(*engine, "shop", shop.url());
  test::register_product(*engine, "crm", crm.url());
  const auto [status, id] = submit(*engine, link, kStarred);
  ASSERT_EQ(status, SubmitStatus::kStored);
  EXPECT_EQ(shop.wait_for(1)[0].body, kStarred);
  EXPECT_EQ(crm.wait_for(1)[0].body, kStarred);
  ASSERT_TRUE(eventually([&, message = id] { return is_delivered(*engine, message); }));
  EXPECT_EQ(test::deliveries_of(*engine, id).size(), 2u);
}

TEST(EngineMemoryTest, PostToALinkIsStoredAndDelivered) {
  Sink sink;
  EngineConfig config = small_engine();
  config.listen = "127.0.0.1:0";
  auto engine = test::open(config);
  test::register_app(*engine);
  const Endpoint product = test::register_product(*engine, "shop", sink.url());
  const std::string base = "http://" + engine->ingest_address();
  ASSERT_TRUE(product.link.starts_with(base + "/in/")) << product.link;
  const std::string answer =
      exchange(engine->ingest_address(),
               "POST " + product.link.substr(base.size()) +
                   " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                   "X-Of-The-Provider: yes\r\nContent-Length: " +
                   std::to_string(kStarred.size()) + "\r\n\r\n" + std::string(kStarred));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_NE(answer.find("{\"id\":\"msg_"), std::string::npos) << answer;
  const auto requests = sink.wait_for(1);
  EXPECT_EQ(requests[0].body, kStarred);
  EXPECT_EQ(requests[0].header("x-of-the-provider"), "yes");
}

TEST(EngineMemoryTest, MessagesOfManyThreadsAllArriveOnce) {
  constexpr int kThreads = 3;
  constexpr int kEach = 100;
  Sink sink;
  EngineConfig config = small_engine();
  config.shards = 2;
  config.ingest_loops = 2;
  auto engine = test::open(config);
  test::register_app(*engine);
  const std::string link = test::register_product(*engine, "shop", sink.url()).link;
  std::atomic<int> stored{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string body =
            R"({"action":"starred","n":)" + std::to_string(t * kEach + i) + "}";
        engine->submit({.link_token = test::token_of(link), .body = body},
                       [&](SubmitStatus status, MessageId) {
                         stored += status == SubmitStatus::kStored ? 1 : 0;
                       });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::multiset<std::string> bodies;
  for (const auto& request : sink.wait_for(kThreads * kEach)) bodies.insert(request.body);
  EXPECT_EQ(stored, kThreads * kEach);
  EXPECT_EQ(bodies.size(), std::size_t{kThreads * kEach});
  EXPECT_EQ(std::set<std::string>(bodies.begin(), bodies.end()).size(), bodies.size());
}

TEST(EngineMemoryTest, RefusedAttemptIsMadeAgain) {
  Sink sink(FakeEndpoint::answer(500));
  auto engine = test::open();
  test::register_app(*engine);
  const Endpoint product = test::register_product(*engine, "shop", sink.url());
  EndpointSettings settings;
  settings.delivery.retry.emplace().emplace().schedule = {std::chrono::milliseconds(1),
                                                         std::chrono::milliseconds(1)};
  ASSERT_TRUE(test::home(*engine).update_endpoint(product.id, settings));
  const MessageId id = submit(*engine, product.link, kStarred).second;
  sink.wait_for(3);
  ASSERT_TRUE(eventually(
      [&] { return test::deliveries_of(*engine, id).front().state == DeliveryState::kDead; }));
  EXPECT_EQ(test::attempts_of(*engine, id).size(), 3u);
}

TEST(EngineMemoryTest, UnmatchedMessageIsStoredAndGoesNowhere) {
  auto engine = test::open();
  const std::string link = test::register_app(*engine);
  const auto [status, id] = submit(*engine, link, R"({"action":"other"})");
  EXPECT_EQ(status, SubmitStatus::kStored);
  EXPECT_EQ(test::home(*engine).message(id)->message.state, MessageState::kUnmatched);
  EXPECT_TRUE(test::deliveries_of(*engine, id).empty());
}

TEST(EngineMemoryTest, MalformedBodyAndUnknownLinkAreRefused) {
  auto engine = test::open();
  const std::string link = test::register_app(*engine);
  EXPECT_EQ(submit(*engine, link, "{").first, SubmitStatus::kRefused);
  EXPECT_EQ(submit(*engine, "0000000000000000000000", "{}").first, SubmitStatus::kRefused);
}

TEST(EngineMemoryTest, EnginesOfOneProcessKnowNothingOfEachOther) {
  Sink sink_a, sink_b;
  auto a = test::open();
  auto b = test::open();
  test::register_app(*a);
  const std::string link_b = test::register_app(*b);
  const std::string link_a = test::register_product(*a, "shop", sink_a.url()).link;
  test::register_product(*b, "shop", sink_b.url());
  EXPECT_EQ(submit(*a, link_a, kStarred).first, SubmitStatus::kStored);
  EXPECT_EQ(submit(*b, link_a, kStarred).first, SubmitStatus::kRefused);
  EXPECT_EQ(submit(*b, link_b, kStarred).first, SubmitStatus::kStored);
  sink_a.wait_for(1);
  sink_b.wait_for(1);
  a->close();
  EXPECT_TRUE(b->ready());
  EXPECT_EQ(submit(*b, link_b, kStarred).first, SubmitStatus::kStored);
  sink_b.wait_for(2);
  EXPECT_EQ(sink_a.count(), 1u);
}

TEST(EngineMemoryTest, ClosedEngineIsNotReadyAndAnswersWhatComesLate) {
  auto engine = test::open();
  const std::string link = test::register_app(*engine);
  EXPECT_TRUE(engine->ready());
  engine->close();
  engine->close();
  EXPECT_FALSE(engine->ready());
  EXPECT_EQ(submit(*engine, link, kStarred).first, SubmitStatus::kUnavailable);
}

TEST(EngineMemoryTest, EverySubmissionIsAnsweredOnceThoughTheEngineCloses) {
  constexpr int kMessages = 200;
  std::vector<std::atomic<int>> answers(kMessages);
  auto engine = test::open();
  const std::string link = test::register_app(*engine);
  std::thread submitter([&] {
    for (int i = 0; i < kMessages; ++i) {
      auto& answer = answers[static_cast<std::size_t>(i)];
      engine->submit({.link_token = test::token_of(link), .body = kStarred},
                     [&answer](SubmitStatus, MessageId) { ++answer; });
    }
  });
  std::thread closer([&] { engine->close(); });
  engine->close();
  submitter.join();
  closer.join();
  engine.reset();
  for (const auto& answer : answers) EXPECT_EQ(answer, 1);
}

TEST(EngineMemoryTest, CloseEndsThoughAnEndpointNeverAnswers) {
  Sink sink(FakeEndpoint::silence());
  auto engine = test::open();
  test::register_app(*engine);
  const std::string link = test::register_product(*engine, "shop", sink.url()).link;
  for (int i = 0; i < 100; ++i) submit(*engine, link, kStarred);
  sink.wait_for(1);
  engine->close();
  EXPECT_FALSE(engine->ready());
}

TEST(EngineMemoryTest, RegistryAndMetricsMayBeUsedWhileMessagesPass) {
  Sink sink;
  auto engine = test::open();
  test::register_app(*engine);
  const std::string link = test::register_product(*engine, "shop", sink.url()).link;
  std::thread registrar([&] {
    for (int i = 0; i < 20; ++i) {
      test::register_product(*engine, "p" + std::to_string(i), sink.url());
      EXPECT_NE(engine->metrics().find("headrace_messages_stored_total"), std::string::npos);
      EXPECT_TRUE(test::home(*engine).webhooks("github"));
    }
  });
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(submit(*engine, link, kStarred).first, SubmitStatus::kStored);
  registrar.join();
  sink.wait_for(50);
  EXPECT_EQ(test::home(*engine).endpoints({})->items.size(), 21u);
}

TEST(EngineMemoryTest, UnreachableEndpointIsReportedToTheHostsLog) {
  std::mutex mutex;
  std::vector<std::string> lines;
  EngineConfig config = small_engine();
  auto engine = std::move(Engine::open(config, {.log =
                                                    [&](LogLevel, std::string_view line) {
                                                      const std::lock_guard lock(mutex);
                                                      lines.emplace_back(line);
                                                    }}))
                    .value();
  test::register_app(*engine);
  std::string url;
  {
    Sink gone;
    url = gone.url();
  }
  const std::string link = test::register_product(*engine, "shop", url).link;
  submit(*engine, link, kStarred);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("\"endpoint_unreachable\"") != std::string::npos;
    });
  }));
}

// --- What cannot be opened ----------------------------------------------------------------------

TEST(EngineMemoryTest, WhatCannotBeOpenedLeavesNothingOpen) {
  test::open().reset();  // what the process opens once
  const std::size_t before = test::open_files();
  EngineConfig config = small_engine();
  config.ingest_loops = 3;
  for (const char* address : {"nonsense", "127.0.0.1:x", "127.0.0.1:70000", "example.com:80"}) {
    config.listen = address;
    const auto opened = Engine::open(config);
    ASSERT_FALSE(opened) << address;
    EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument) << address;
  }
  config.listen = "192.0.2.1:1";  // an address of nobody (RFC 5737)
  EXPECT_EQ(Engine::open(config).error().code, ErrorCode::kConnectFailed);
  config.listen = "127.0.0.1:0";
  config.tls_ca_file = "/nowhere/ca.pem";
  EXPECT_FALSE(Engine::open(config));
  EXPECT_EQ(test::open_files(), before);
}

TEST(EngineMemoryTest, EngineCanBeOpenedAndClosedFiftyTimes) {
  test::open().reset();
  const std::size_t before = test::open_files();
  EngineConfig config = small_engine();
  config.listen = "127.0.0.1:0";
  for (int i = 0; i < 50; ++i) {
    auto engine = test::open(config);
    ASSERT_TRUE(engine);
    if (i % 2 == 0) engine->close();
  }
  EXPECT_EQ(test::open_files(), before);
}

}  // namespace
}  // namespace headrace
