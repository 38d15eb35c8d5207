// SPDX-License-Identifier: Apache-2.0
#include "ingest/receiver.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "core/limits.h"
#include "ingest/listener.h"
#include "ingest/verification/verifier.h"
#include "tests/ingest/routes.h"
#include "tests/ingest/store_side.h"
#include "tests/ingest/verification/signing.h"
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
        loop, Receiver::Ports{.origin = 3,
                              .intakes = store->intakes,
                              .answers = store->answers,
                              .routes = routes,
                              .dedupe_seed = 7,
                              .public_url = "https://hooks.example",
                              .confirm = [this](std::string url) { confirmed.push_back(url); }});
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
  std::vector<std::string> confirmed;
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

// --- Links whose messages are verified -----------------------------------------------------------

class VerifiedReceiverTest : public ReceiverTest {
 protected:
  // All that comes to link 1 is judged so.
  void publish(std::shared_ptr<const verification::Verifier> verifier,
               const selector::WebhookRoute& webhook = webhook_route()) {
    auto link = link_route(1);
    link.verifier = std::move(verifier);
    routes.publish(table_of({link, link_route(2)}, webhook));
  }
  void publish(const std::string& json, const selector::WebhookRoute& webhook = webhook_route()) {
    auto made = verification::Verifier::make(json);
    ASSERT_TRUE(made) << made.error().what;
    publish(std::move(*made), webhook);
  }
  void expect_refused(std::string_view request, std::string_view detail) {
    const auto reply = exchange(request);
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.header("content-type"), "application/problem+json");
    EXPECT_NE(reply.body.find(detail), std::string::npos) << reply.body;
    EXPECT_TRUE(store->taken.empty());
  }
  std::uint64_t unverified(Unverified kind) const {
    return receiver->guard_counters().unverified[static_cast<std::size_t>(kind)].value();
  }
  std::uint64_t unverified() const {
    std::uint64_t sum = 0;
    for (const auto& counter : receiver->guard_counters().unverified) sum += counter.value();
    return sum;
  }
  static std::string sha256_hex(const std::string& key, const std::string& text) {
    return verification::test::hex(verification::test::hmac("SHA256", key, text));
  }
  static std::string github(const std::string& body) {
    return "X-Hub-Signature-256: sha256=" + sha256_hex("k", body) + "\r\n";
  }
  static std::string seconds(int ago = 0) {
    return std::to_string(test::ManualClock::kStart / 1000 - static_cast<core::WallMs>(ago));
  }
  static std::string standard(const std::string& id, const std::string& body, int ago = 0) {
    const std::string text = id + "." + seconds(ago) + "." + body;
    return "webhook-id: " + id + "\r\nwebhook-timestamp: " + seconds(ago) +
           "\r\nwebhook-signature: v1," +
           verification::test::base64(
               verification::test::hmac("SHA256", "0123456789abcdef", text)) +
           "\r\n";
  }
  static std::string stripe(const std::string& body, int ago = 0) {
    return "Stripe-Signature: t=" + seconds(ago) +
           ",v1=" + sha256_hex("k", seconds(ago) + "." + body) + "\r\n";
  }

  const std::string kGithub = R"({"provider":"github","secrets":["k"]})";
  const std::string kStripe = R"({"provider":"stripe","secrets":["k"]})";
  const std::string kStandard = R"({"provider":"standard_webhooks","secrets":["whsec_)" +
                                verification::test::base64("0123456789abcdef") + R"("]})";
  const std::string kBody{kPushBody};
};

TEST_F(VerifiedReceiverTest, GenuineMessageIsTakenAndForgedOnesAreRefused) {
  publish(kGithub);
  post(http_request("POST", path(), kBody, github(kBody)), 1);
  store->answer(store->taken[0], Acceptance::kStored, StoreSide::id_of(1));
  EXPECT_EQ(next_reply().status, 200);
  store->taken.clear();
  expect_refused(http_request("POST", path(), kBody), "there is no signature");
  expect_refused(http_request("POST", path(), kBody + " ", github(kBody)),
                 "the signature is wrong");
  EXPECT_EQ(unverified(Unverified::kMissing), 1u);
  EXPECT_EQ(unverified(Unverified::kSignature), 1u);
  EXPECT_EQ(unverified(), 2u);
  EXPECT_EQ(receiver->counters().accepted.value(), 1u);
}

TEST_F(VerifiedReceiverTest, NothingIsSaidOfAForgedBodyButThatItIsForged) {
  publish(kGithub);
  expect_refused(
      http_request("POST", path(), "{\"a\":\"\xff", "Content-Type: application/json\r\n"),
      "there is no signature");
  EXPECT_EQ(receiver->router_counters().invalid_json.value(), 0u);
}

TEST_F(VerifiedReceiverTest, WhatWasSignedForAnotherTimeIsRefused) {
  publish(kStripe);
  post(http_request("POST", path(), kBody, stripe(kBody, 300)), 1);
  store->taken.clear();
  client = std::make_unique<test::TcpClient>(port_);
  expect_refused(http_request("POST", path(), kBody, stripe(kBody, 301)), "the time is too far");
  EXPECT_EQ(unverified(Unverified::kTime), 1u);
}

TEST_F(VerifiedReceiverTest, OtherLinksTakeAnybodysMessages) {
  publish(kGithub);
  post(http_request("POST", path(2), kBody), 1);
  EXPECT_EQ(unverified(), 0u);
}

TEST_F(VerifiedReceiverTest, UnknownLinkIsNotFoundAsEver) {
  publish(kGithub);
  EXPECT_EQ(exchange(http_request("POST", path(3), kBody)).status, 404);
  EXPECT_EQ(unverified(), 0u);
}

TEST_F(VerifiedReceiverTest, LinkThatCannotVerifyRefusesEverything) {
  publish(verification::Verifier::refusing());
  expect_refused(http_request("POST", path(), kBody, github(kBody)), "nothing can be verified");
  expect_refused(http_request("GET", path() + "?hub.mode=subscribe"), "nothing can be verified");
  EXPECT_EQ(exchange(http_request("OPTIONS", path(), "")).status, 405);
  EXPECT_EQ(unverified(Unverified::kUnusable), 2u);
  EXPECT_TRUE(store->taken.empty());
}

TEST_F(VerifiedReceiverTest, GetIsAnsweredWhereItAsksAndJudgedElse) {
  publish(R"({"provider":"meta","secrets":["k"],"verify_token":"mine"})");
  const auto ask = [&](const std::string& token) {
    return http_request(
        "GET", path() + "?hub.mode=subscribe&hub.verify_token=" + token + "&hub.challenge=1158");
  };
  const auto reply = exchange(ask("mine"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "1158");
  EXPECT_EQ(reply.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(receiver->guard_counters().challenges.value(), 1u);
  expect_refused(ask("theirs"), "there is no signature");
  expect_refused(http_request("GET", path()), "there is no signature");
  EXPECT_TRUE(store->taken.empty());
  post(http_request("GET", path(), "", github("")), 1);
}

// Whoever reads a message, or receives it, could post to the link with it.
TEST_F(VerifiedReceiverTest, SecretThatProvesAMessageIsNotKept) {
  publish(R"({"provider":"gitlab","secrets":["glsecret"]})");
  post(http_request("POST", path(), kBody,
                    "X-Gitlab-Event: Push Hook\r\nX-GITLAB-Token: glsecret\r\nA: 1\r\n"),
       1);
  const auto& payload = store->taken[0].payload;
  EXPECT_EQ(payload.headers.in(payload.buffer), "X-Gitlab-Event: Push Hook\r\nA: 1\r\n");
}

TEST_F(VerifiedReceiverTest, SignedQuestionIsAnsweredAndNotStored) {
  publish(R"({"provider":"slack","secrets":["k"]})");
  const std::string body = R"({"type":"url_verification","challenge":"3eZbrw1aB"})";
  const auto ask = [&](const std::string& key) {
    return http_request("POST", path(), body,
                        "X-Slack-Request-Timestamp: " + seconds() + "\r\nX-Slack-Signature: v0=" +
                            sha256_hex(key, "v0:" + seconds() + ":" + body) + "\r\n");
  };
  const auto reply = exchange(ask("k"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find("3eZbrw1aB"), std::string::npos) << reply.body;
  EXPECT_EQ(receiver->guard_counters().challenges.value(), 1u);
  expect_refused(ask("x"), "the signature is wrong");
}

TEST_F(VerifiedReceiverTest, OptionsIsForCloudEventsOnly) {
  publish(R"({"provider":"cloudevents","secrets":["k"],"cloudevents":{"origins":["a.example"]}})");
  const auto ask = [&](const std::string& origin, const std::string& link) {
    return exchange(
        http_request("OPTIONS", link, "", "WebHook-Request-Origin: " + origin + "\r\n"));
  };
  const auto reply = ask("a.example", path());
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("webhook-allowed-origin"), "a.example");
  EXPECT_EQ(ask("b.example", path()).status, 405);
  EXPECT_EQ(ask("a.example", path(2)).status, 405);
  publish(kGithub);
  const auto refused = ask("a.example", path());
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.header("allow"), "POST, GET");
  EXPECT_TRUE(store->taken.empty());
  EXPECT_EQ(unverified(), 0u);
}

TEST_F(VerifiedReceiverTest, UrlThatIsSignedIsThePublicOneUnlessToldOtherwise) {
  const auto send = [&](const std::string& url) {
    return http_request(
        "POST", path() + "?a=1", kBody,
        "x-square-hmacsha256-signature: " +
            verification::test::base64(verification::test::hmac("SHA256", "k", url + kBody)) +
            "\r\n");
  };
  publish(R"({"provider":"square","secrets":["k"]})");
  post(send("https://hooks.example" + path() + "?a=1"), 1);
  publish(R"({"provider":"square","secrets":["k"],"url":"https://other.example/hook"})");
  post(send("https://other.example/hook?a=1"), 2);
  store->taken.clear();
  client = std::make_unique<test::TcpClient>(port_);
  expect_refused(send("https://hooks.example" + path() + "?a=1"), "the signature is wrong");
}

TEST_F(VerifiedReceiverTest, ReplayHasTheNameOfTheFirstWhateverIsNotSigned) {
  publish(kStandard);
  const std::string retried = R"({"action":"push","attempt":2})";
  post(http_request("POST", path(), kBody, standard("m1", kBody)), 1);
  post(http_request("POST", path(), kBody, "Idempotency-Key: 9\r\n" + standard("m1", kBody)), 2);
  post(http_request("POST", path(), retried, standard("m1", retried, 5)), 3);
  post(http_request("POST", path(), kBody, standard("m2", kBody)), 4);
  const auto key = [&](std::size_t i) { return store->taken[i].dedupe_key; };
  EXPECT_NE(key(0), Bits128{});
  EXPECT_EQ(key(1), key(0));
  EXPECT_EQ(key(2), key(0));
  EXPECT_NE(key(3), key(0));
  // Without an id, what was signed is the name.
  publish(kStripe);
  post(http_request("POST", path(), kBody, stripe(kBody)), 5);
  post(http_request("POST", path(), kBody, "webhook-id: 5\r\n" + stripe(kBody)), 6);
  post(http_request("POST", path(), kBody, stripe(kBody, 1)), 7);
  EXPECT_NE(key(4), Bits128{});
  EXPECT_EQ(key(5), key(4));
  EXPECT_NE(key(6), key(4));
  // Without a time, too, only the headers are left.
  publish(kGithub);
  post(http_request("POST", path(), kBody, "X-GitHub-Delivery: 1\r\n" + github(kBody)), 8);
  post(http_request("POST", path(), kBody, "X-GitHub-Delivery: 2\r\n" + github(kBody)), 9);
  post(http_request("POST", path(), kBody, github(kBody)), 10);
  EXPECT_NE(key(7), key(8));
  EXPECT_EQ(key(9), Bits128{});
}

TEST_F(VerifiedReceiverTest, WebhooksOwnNameInASignedBodyComesFirst) {
  auto webhook = webhook_route();
  webhook.dedupes = true;
  webhook.dedupes_by_body = true;
  publish(kStripe, webhook);
  const std::string body = R"({"action":"push","id":"evt_1"})";
  const std::string same = R"({"id":"evt_1","action":"push"})";
  post(http_request("POST", path(), body, stripe(body)), 1);
  post(http_request("POST", path(), same, "webhook-id: 1\r\n" + stripe(same, 9)), 2);
  post(http_request("POST", path(), kBody, stripe(kBody)), 3);
  EXPECT_EQ(store->taken[0].dedupe_key, store->taken[1].dedupe_key);
  EXPECT_NE(store->taken[2].dedupe_key, Bits128{}) << "then what was signed is the name";
}

TEST_F(VerifiedReceiverTest, UrlToConfirmAtIsHandedOnOnlyOfAGenuineQuestion) {
  using verification::test::SigningKey;
  const std::string pem = SigningKey::rsa().public_pem();
  std::string escaped;
  for (const char c : pem) escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
  publish(R"({"provider":"aws_sns","topics":["arn:aws:sns:us-east-1:1:t"],"certificates":[")" +
          escaped + R"("]})");
  const std::string url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription";
  const std::string text =
      "Message\nm\nMessageId\n1\nSubscribeURL\n" + url +
      "\nTimestamp\n2023-11-14T22:13:20.000Z\nToken\nt\nTopicArn\narn:aws:sns:us-east-1:1:t\n"
      "Type\nSubscriptionConfirmation\n";
  const auto ask = [&](const SigningKey& key) {
    return http_request(
        "POST", path(),
        R"({"Type":"SubscriptionConfirmation","MessageId":"1","Message":"m","Token":"t",)"
        R"("TopicArn":"arn:aws:sns:us-east-1:1:t","Timestamp":"2023-11-14T22:13:20.000Z",)"
        R"("SignatureVersion":"2","SigningCertURL":"https://sns.us-east-1.amazonaws.com/a.pem",)"
        R"("SubscribeURL":")" +
            url + R"(","Signature":")" + verification::test::base64(key.sign("SHA256", text)) +
            "\"}");
  };
  expect_refused(ask(SigningKey::other_rsa()), "the signature is wrong");
  EXPECT_TRUE(confirmed.empty());
  EXPECT_EQ(exchange(ask(SigningKey::rsa())).status, 200);
  EXPECT_EQ(confirmed, std::vector<std::string>{url});
  EXPECT_TRUE(store->taken.empty());
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
