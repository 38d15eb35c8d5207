// SPDX-License-Identifier: Apache-2.0
#include "ingest/receiver.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <functional>
#include <future>
#include <memory>
#include <string>

#include "core/limits.h"
#include "ingest/listener.h"
#include "tests/ingest/routes.h"
#include "tests/ingest/store_side.h"
#include "tests/support/manual_clock.h"
#include "tests/support/tcp_client.h"

namespace headrace::ingest {
namespace {

namespace limits = core::limits;
using store::Acceptance;
using test::http_request;

constexpr std::size_t kTurnsMax = 1'000'000;

class ReceiverTest : public testing::Test {
 protected:
  ReceiverTest() { start(1024); }
  ~ReceiverTest() override { stop(); }

  void start(std::size_t intakes_max) {
    stop();
    store = std::make_unique<StoreSide>(intakes_max);
    receiver = std::make_unique<Receiver>(
        loop, Receiver::Ports{3, store->intakes, store->answers, routes, 7});
    auto socket = BoundSocket::bind(*ListenAddress::parse("127.0.0.1:0"));
    ASSERT_TRUE(socket);
    const ListenAddress bound = socket->address();
    const auto port = ntohs(reinterpret_cast<const sockaddr_in&>(bound.address).sin_port);
    store->open(loop);
    ASSERT_TRUE(receiver->start(std::move(*socket)));
    client = std::make_unique<test::TcpClient>(port);
    port_ = port;
  }
  void stop() {
    if (receiver == nullptr) return;
    bool stopped = false;
    receiver->stop([&] { stopped = true; });
    run_until([&] { return stopped; });
    store->close();
    run_turns(3);
    receiver.reset();
    store.reset();
  }

  void run_until(const std::function<bool()>& condition) {
    for (std::size_t i = 0; i < kTurnsMax; ++i) {
      if (condition()) return;
      loop.run_once();
      if (i % 64 == 63) sched_yield();
    }
    FAIL() << "what the test waits for did not happen";
  }
  void run_turns(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) loop.run_once();
  }

  // Sends, and waits for the store to have so many intakes in all.
  void post(std::string_view request, std::size_t taken) {
    client->send(request);
    run_until([&] { return store->taken.size() >= taken; });
  }
  test::HttpReply next_reply() {
    run_until([&] {
      client->poll();
      return client->replies().size() > replies_;
    });
    const auto replies = client->replies();
    return replies_ < replies.size() ? replies[replies_++] : test::HttpReply{};
  }
  test::HttpReply exchange(std::string_view request) {
    client->send(request);
    return next_reply();
  }
  static std::string path(std::uint32_t link = 1) { return "/in/" + token_of(link); }

  test::ManualClock clock;
  core::Loop loop{clock};
  core::SnapshotCell<selector::RoutingTable> routes{table_of({link_route(1)})};
  std::unique_ptr<StoreSide> store;
  std::unique_ptr<Receiver> receiver;
  std::unique_ptr<test::TcpClient> client;
  std::uint16_t port_ = 0;
  std::size_t replies_ = 0;
};

constexpr std::string_view kPushBody = R"({"action":"push"})";

TEST_F(ReceiverTest, IntakeHoldsTheMessageAsItCame) {
  post(http_request("POST", path() + "?a=1&b=2", kPushBody,
                    "X-GitHub-Event: push\r\nConnection: keep-alive\r\n"
                    "Content-Type: application/json\r\nX-GitHub-Delivery: 17\r\n"),
       1);
  const store::Intake& intake = store->taken.at(0);
  const store::Payload& payload = intake.payload;
  EXPECT_EQ(payload.body.in(payload.buffer), kPushBody);
  EXPECT_EQ(payload.query.in(payload.buffer), "a=1&b=2");
  EXPECT_EQ(payload.headers.in(payload.buffer),
            "X-GitHub-Event: push\r\nContent-Type: application/json\r\nX-GitHub-Delivery: 17\r\n");
  EXPECT_EQ(payload.method, core::Method::kPost);
  EXPECT_EQ(intake.received_at, test::ManualClock::kStart);
  EXPECT_EQ(intake.origin, 3u);
  EXPECT_EQ(intake.event, kPush);
  EXPECT_EQ(intake.status, store::MessageStatus::kRouted);
  EXPECT_NE(intake.dedupe_key, Bits128{});
}

TEST_F(ReceiverTest, AnswerComesAfterTheCommitOnly) {
  post(http_request("POST", path(), kPushBody), 1);
  run_turns(20);
  client->poll();
  EXPECT_EQ(client->received(), "");
  store->answer(store->taken[0], Acceptance::kStored, StoreSide::id_of(5));
  const auto reply = next_reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("content-type"), "application/json");
  EXPECT_EQ(reply.body, R"({"id":")" + StoreSide::id_of(5).to_string() + R"("})");
  EXPECT_EQ(receiver->counters().accepted.value(), 1u);
}

TEST_F(ReceiverTest, DuplicateIsAnsweredLikeTheFirst) {
  post(http_request("POST", path(), kPushBody), 1);
  store->answer(store->taken[0], Acceptance::kDuplicate, StoreSide::id_of(5));
  const auto reply = next_reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"id":")" + StoreSide::id_of(5).to_string() + R"("})");
}

TEST_F(ReceiverTest, StoreThatTakesNothingIsAnotherTryLater) {
  std::size_t sent = 0;
  for (const Acceptance acceptance : {Acceptance::kFull, Acceptance::kUnavailable}) {
    post(http_request("POST", path(), kPushBody), ++sent);
    store->answer(store->taken.back(), acceptance);
    const auto reply = next_reply();
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.header("retry-after"), "1");
    EXPECT_EQ(reply.header("content-type"), "application/problem+json");
  }
  EXPECT_EQ(receiver->counters().unavailable.value(), 2u);
}

TEST_F(ReceiverTest, GetIsTakenToo) {
  post(http_request("GET", path() + "?challenge=1"), 1);
  EXPECT_EQ(store->taken[0].payload.method, core::Method::kGet);
  EXPECT_EQ(store->taken[0].payload.body.size, 0u);
  EXPECT_EQ(store->taken[0].status, store::MessageStatus::kUnmatched);
}

TEST_F(ReceiverTest, UnknownLinkIsNotFound) {
  for (const std::string& target : {path(2), std::string("/in/"), std::string("/"),
                                    path() + "/more", "/x" + path(), token_of(1)}) {
    const std::string request = target.starts_with('/') ? target : '/' + target;
    EXPECT_EQ(exchange(http_request("POST", request, kPushBody)).status, 404) << request;
  }
  EXPECT_TRUE(store->taken.empty());
  EXPECT_EQ(receiver->counters().unknown_link.value(), 6u);
}

TEST_F(ReceiverTest, OtherMethodsAreRefusedNamingThoseThatAreTaken) {
  for (const char* method : {"PUT", "PATCH", "DELETE", "OPTIONS"}) {
    const auto reply = exchange(http_request(method, path(), kPushBody));
    EXPECT_EQ(reply.status, 405);
    EXPECT_EQ(reply.header("allow"), "POST, GET");
  }
}

TEST_F(ReceiverTest, BadJsonIsRefusedWithItsByteOffset) {
  const auto reply = exchange(
      http_request("POST", path(), "{\"a\":\"\xff\"}", "Content-Type: application/json\r\n"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("at byte 6"), std::string::npos) << reply.body;
  EXPECT_TRUE(store->taken.empty());
  post(http_request("POST", path(), kPushBody), 1);
}

TEST_F(ReceiverTest, BodyOverTheWebhooksLimitIsRefused) {
  auto webhook = webhook_route();
  webhook.body_bytes_max = 100;
  routes.publish(table_of({link_route(1)}, webhook));
  EXPECT_EQ(exchange(http_request("POST", path(), std::string(101, ' '))).status, 413);
}

TEST_F(ReceiverTest, LinkThatGoesWhileItsRequestComesIsNotFound) {
  client->send(http_request("POST", path(), {}, "Content-Length: 2\r\n") + "{");
  run_turns(10);
  routes.publish(table_of({}));
  EXPECT_EQ(exchange("}").status, 404);
  EXPECT_TRUE(store->taken.empty());
}

TEST_F(ReceiverTest, TokenThatWasRotatedOutWorksUntilItExpires) {
  auto link = link_route(1);
  link.expires_at = test::ManualClock::kStart + 1;
  routes.publish(table_of({std::move(link)}));
  post(http_request("POST", path(), kPushBody), 1);
  store->answer(store->taken[0], Acceptance::kStored, StoreSide::id_of(1));
  EXPECT_EQ(next_reply().status, 200);
  clock.advance(std::chrono::milliseconds(1));
  run_turns(3);
  EXPECT_EQ(exchange(http_request("POST", path(), kPushBody)).status, 404);
}

TEST_F(ReceiverTest, PayloadNamesTheMessageWhereNoHeaderDoes) {
  auto webhook = webhook_route();
  webhook.dedupes = true;
  routes.publish(table_of({link_route(1)}, webhook));
  const std::string body = R"({"action":"push","id":"a-1"})";
  post(http_request("POST", path(), body), 1);
  post(http_request("POST", path(), body, "X-GitHub-Delivery: 17\r\n"), 2);
  post(http_request("POST", path(), kPushBody, "X-GitHub-Delivery: 17\r\n"), 3);
  EXPECT_NE(store->taken[0].dedupe_key, Bits128{});
  EXPECT_NE(store->taken[1].dedupe_key, store->taken[0].dedupe_key);
  EXPECT_EQ(store->taken[1].dedupe_key, store->taken[2].dedupe_key);
}

TEST_F(ReceiverTest, FullMailboxIsAnotherTryLater) {
  start(2);
  client->send(http_request("POST", path(), "1") + http_request("POST", path(), "2") +
               http_request("POST", path(), "3"));
  run_until([&] { return receiver->counters().unavailable.value() == 1; });
  run_until([&] { return store->taken.size() == 2; });
  for (std::size_t i = 0; i < 2; ++i)
    store->answer(store->taken[i], Acceptance::kStored, StoreSide::id_of(i));
  EXPECT_EQ(next_reply().status, 200);
  EXPECT_EQ(next_reply().status, 200);
  const auto refused = next_reply();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_EQ(refused.header("connection"), "") << "the next may do better";
}

TEST_F(ReceiverTest, AnswerForAClientThatIsGoneIsDropped) {
  post(http_request("POST", path(), kPushBody), 1);
  client->reset();
  run_until([&] { return receiver->server_counters().open.value() == 0; });
  store->answer(store->taken[0], Acceptance::kStored, StoreSide::id_of(1));
  run_until([&] { return receiver->counters().accepted.value() == 1; });
}

TEST_F(ReceiverTest, DrainAnswersWhatWasTakenAndRefusesTheRest) {
  const auto other = std::make_unique<test::TcpClient>(port_);
  run_until([&] { return receiver->server_counters().connections.value() == 2; });
  other->send("POST " + path() + " HTTP/1.1\r\n");
  post(http_request("POST", path(), kPushBody), 1);
  bool drained = false;
  receiver->drain([&] { drained = true; });
  other->send("Host: test\r\nContent-Length: 2\r\n\r\n{}");
  run_until([&] {
    other->poll();
    return other->end() != test::TcpClient::End::kNone;
  });
  ASSERT_EQ(other->replies().size(), 1u);
  EXPECT_EQ(other->replies()[0].status, 503);
  EXPECT_EQ(other->replies()[0].header("retry-after"), "1");
  other->close();
  run_turns(20);
  EXPECT_FALSE(drained);
  store->answer(store->taken[0], Acceptance::kStored, StoreSide::id_of(1));
  const auto reply = next_reply();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("connection"), "close");
  client->close();
  run_until([&] { return drained; });
}

// The loop sleeps whenever nothing happens, so an intake that nobody is told of stays unanswered.
TEST(ReceiverThreadsTest, PipelineOfAnyDepthIsAnsweredByLoopsThatSleep) {
  constexpr std::size_t kCount = 5 * limits::kPipelineDepthMax;
  const core::SystemClock clock;
  core::SnapshotCell<selector::RoutingTable> routes{table_of({link_route(1)})};
  StoreSide store;
  store.answer_at_once = true;
  core::LoopThread store_thread(clock, "store");
  core::LoopThread ingest_thread(clock, "ingest");
  Receiver receiver(ingest_thread.loop(),
                    Receiver::Ports{0, store.intakes, store.answers, routes, 7});
  store_thread.start();
  store_thread.run_and_wait([&] { store.open(store_thread.loop()); });
  auto socket = BoundSocket::bind(*ListenAddress::parse("127.0.0.1:0"));
  ASSERT_TRUE(socket);
  const ListenAddress bound = socket->address();
  ingest_thread.start();
  ingest_thread.run_and_wait([&] { ASSERT_TRUE(receiver.start(std::move(*socket))); });

  test::TcpClient client(ntohs(reinterpret_cast<const sockaddr_in&>(bound.address).sin_port));
  std::string requests;
  for (std::size_t i = 0; i < kCount; ++i)
    requests += http_request("POST", "/in/" + token_of(1), kPushBody);
  EXPECT_EQ(client.send(requests), requests.size());
  EXPECT_TRUE(client.wait_for_replies(kCount));
  const auto replies = client.replies();
  ASSERT_EQ(replies.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i)
    EXPECT_EQ(replies[i].body, R"({"id":")" + StoreSide::id_of(i).to_string() + R"("})");

  client.close();
  std::promise<void> stopped;
  ingest_thread.loop().post([&] { receiver.stop([&] { stopped.set_value(); }); });
  stopped.get_future().wait();
  ingest_thread.stop();
  store_thread.run_and_wait([&] { store.close(); });
  store_thread.stop();
}

}  // namespace
}  // namespace headrace::ingest
