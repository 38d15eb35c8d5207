// SPDX-License-Identifier: Apache-2.0
// What a connection that does not behave gets, and how connections end.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/limits.h"
#include "tests/ingest/server_fixture.h"

namespace headrace::ingest {
namespace {

namespace limits = core::limits;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::http_request;
using End = test::TcpClient::End;

void expect_refusal(const test::HttpReply& reply, int status) {
  EXPECT_EQ(reply.status, status);
  EXPECT_EQ(reply.header("connection"), "close");
  EXPECT_EQ(reply.header("content-type"), "application/problem+json");
  const auto document = nlohmann::json::parse(reply.body, nullptr, false);
  ASSERT_TRUE(document.is_object()) << reply.body;
  EXPECT_EQ(document.value("status", 0), status);
  EXPECT_FALSE(document.value("detail", "").empty());
}

TEST_F(HttpServerTest, WhatIsNoRequestIsRefusedAndTheConnectionEnds) {
  for (const char* bad : {
           "nonsense\r\n\r\n",
           "GET / HTTP/1.1\n\n",
           "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
           "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nX: \"\x01\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
       }) {
    SCOPED_TRACE(bad);
    expect_refusal(refusal_of(bad), 400);
  }
  expect_refusal(refusal_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  expect_refusal(refusal_of("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  expect_refusal(refusal_of("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"), 417);
  EXPECT_TRUE(handler.taken.empty());
  EXPECT_EQ(server->counters().rejected.value(), 14u);
}

TEST_F(HttpServerTest, HeadOverTheLimitIsRefused) {
  std::string lines;
  while (lines.size() < limits::kHeadBytesMax) lines += "X-Line: " + std::string(500, 'v') + "\r\n";
  expect_refusal(refusal_of(http_request("GET", "/", {}, lines)), 431);
  expect_refusal(refusal_of("GET /" + std::string(limits::kTargetBytesMax + 100, 'x')), 414);
  std::string many;
  for (std::size_t i = 0; i < limits::kHeaderCountMax; ++i) many += "X: 1\r\n";
  expect_refusal(refusal_of(http_request("GET", "/", {}, many)), 431);
}

TEST_F(HttpServerTest, BodyDeclaredOverTheLimitIsRefusedBeforeItComes) {
  handler.decision.body_bytes_max = 100;
  expect_refusal(refusal_of(http_request("POST", "/", {}, "Content-Length: 101\r\n")), 413);
  const auto client = connect();
  EXPECT_EQ(exchange(*client, http_request("POST", "/", std::string(100, 'x'))).status, 200);
}

TEST_F(HttpServerTest, ChunkedBodyOverTheLimitIsRefusedWhenItGetsThere) {
  handler.decision.body_bytes_max = 10;
  const std::string head = http_request("POST", "/", {}, "Transfer-Encoding: chunked\r\n");
  expect_refusal(refusal_of(head + "6\r\n123456\r\n6\r\n"), 413);
  const auto client = connect();
  EXPECT_EQ(exchange(*client, head + "5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n").status, 200);
}

// Closing a socket that holds unread bytes resets it, and a reset destroys the answer on its way.
TEST_F(HttpServerTest, RefusalIsNotLostWhileTheClientIsStillSending) {
  handler.decision.body_bytes_max = 100;
  const std::string body(8 * limits::kMiB, 'x');
  const auto client = connect();
  send_all(*client, http_request("POST", "/", body));
  run_until_replies(*client, 1);
  expect_refusal(client->replies()[0], 413);
  run_until_ended(*client);
  EXPECT_EQ(client->end(), End::kClosed);
}

TEST_F(HttpServerTest, RefusedClientThatNeverStopsIsClosedAfterAWhile) {
  handler.decision.body_bytes_max = 100;
  const auto client = connect();
  send_all(*client, http_request("POST", "/", std::string(200, 'x')));
  run_until_ended(*client);
  EXPECT_EQ(server->counters().open.value(), 1u) << "our side is shut, the client's is not";
  pass(seconds(3));
  run_until([&] { return server->counters().open.value() == 0; });
}

TEST_F(HttpServerTest, HandlerMayRefuseByTheHead) {
  handler.decision = {
      .refuse_status = 405, .refuse_reason = "not this way", .refuse_lines = "Allow: POST\r\n"};
  const auto reply = refusal_of(http_request("PUT", "/", "body"));
  expect_refusal(reply, 405);
  EXPECT_EQ(reply.header("allow"), "POST");
  EXPECT_TRUE(handler.taken.empty());
}

TEST_F(HttpServerTest, RefusalOfAHeadRequestHasNoBody) {
  handler.decision = {.refuse_status = 405, .refuse_reason = "not this way"};
  const auto client = connect();
  send_all(*client, http_request("HEAD", "/"));
  run_until_ended(*client);
  EXPECT_TRUE(client->received().ends_with("\r\n\r\n")) << client->received();
}

TEST_F(HttpServerTest, RefusalWaitsForTheAnswersThatAreOwed) {
  handler.answer_at_once = false;
  const auto client = connect();
  send_all(*client,
           http_request("POST", "/", "1") + http_request("POST", "/", "2") + "bad\r\n\r\n");
  run_until_taken(2);
  run_turns(5);
  respond(1, "answer 2");
  run_turns(5);
  client->poll();
  EXPECT_EQ(client->received(), "");
  respond(0, "answer 1");
  run_until_ended(*client);
  const auto replies = client->replies();
  ASSERT_EQ(replies.size(), 3u) << client->received();
  EXPECT_EQ(replies[0].body, "answer 1");
  EXPECT_EQ(replies[0].header("connection"), "");
  EXPECT_EQ(replies[1].body, "answer 2");
  expect_refusal(replies[2], 400);
}

// --- Deadlines
// -------------------------------------------------------------------------------------------------------------

TEST_F(HttpServerTest, HeadThatDoesNotEndInTimeIsRefused) {
  const auto client = connect();
  send_all(*client, "GET / HTTP/1.1\r\n");
  run_turns(5);
  pass(limits::kHeadTimeout - milliseconds(1));
  send_all(*client, "Host: test\r\n");  // a drop now and then does not buy more time
  run_turns(5);
  client->poll();
  EXPECT_EQ(client->end(), End::kNone);
  pass(milliseconds(1));
  run_until_ended(*client);
  expect_refusal(client->replies().at(0), 408);
  EXPECT_EQ(server->counters().timeouts.value(), 1u);
}

TEST_F(HttpServerTest, BodyThatDoesNotEndInTimeIsRefused) {
  start(64 << 20, {.body_rate_min = 0});
  const auto client = connect();
  send_all(*client, http_request("POST", "/", {}, "Content-Length: 10\r\n") + "12345");
  run_turns(5);
  pass(limits::kBodyTimeout - milliseconds(1));
  client->poll();
  EXPECT_EQ(client->end(), End::kNone);
  pass(milliseconds(1));
  run_until_ended(*client);
  expect_refusal(client->replies().at(0), 408);
}

TEST_F(HttpServerTest, IdleConnectionIsClosedInSilence) {
  const auto fresh = connect();
  const auto used = connect();
  EXPECT_EQ(exchange(*used, http_request("GET", "/")).status, 200);
  pass(limits::kIdleTimeout - milliseconds(1));
  used->poll();
  EXPECT_EQ(used->end(), End::kNone);
  pass(milliseconds(1));
  run_until_ended(*used);
  run_until_ended(*fresh);
  EXPECT_EQ(fresh->received(), "");
  EXPECT_EQ(used->replies().size(), 1u);
  EXPECT_EQ(server->counters().open.value(), 0u);
}

TEST_F(HttpServerTest, ConnectionThatWaitsForUsIsNotIdle) {
  handler.answer_at_once = false;
  const auto client = connect();
  send_all(*client, http_request("POST", "/", "slow"));
  run_until_taken(1);
  for (int i = 0; i < 5; ++i) pass(limits::kIdleTimeout);
  respond(0, "at last");
  run_until_replies(*client, 1);
  EXPECT_EQ(client->replies()[0].body, "at last");
}

TEST_F(HttpServerTest, EveryRequestBeginsItsDeadlinesAnew) {
  const auto client = connect();
  for (int i = 0; i < 5; ++i) {
    pass(limits::kIdleTimeout - seconds(1));
    send_all(*client, "GET / HTTP/1.1\r\n");
    run_turns(5);
    pass(limits::kHeadTimeout - seconds(1));
    EXPECT_EQ(exchange(*client, "Host: test\r\n\r\n").status, 200);
  }
}

// --- Memory
// ----------------------------------------------------------------------------------------------------------------

TEST_F(HttpServerTest, ClientThatDoesNotReadIsNotReadFrom) {
  const auto client = connect(4096);
  const std::string request = http_request("POST", "/", std::string(32 * limits::kKiB, 'x'));
  std::size_t sent = 0;
  std::size_t idle_turns = 0;
  run_until([&] {
    const std::size_t more = client->send(std::string_view(request).substr(sent % request.size()));
    idle_turns = more == 0 ? idle_turns + 1 : 0;
    sent += more;
    return idle_turns > 1000;
  });
  const std::size_t held = handler.taken.size() * 32 * limits::kKiB;
  EXPECT_LT(held, 16 * limits::kMiB) << "what is answered and not read is bounded";

  // As soon as it reads, all goes on.
  const std::size_t whole = sent / request.size();
  run_until([&] {
    client->poll();
    return handler.taken.size() >= whole && client->replies().size() >= whole;
  });
}

TEST_F(HttpServerTest, ClientThatDoesNotReadIsClosedWhenItsTimeIsUp) {
  const auto client = connect(4096);
  handler.answer_at_once = false;
  send_all(*client, http_request("POST", "/", "1"));
  run_until_taken(1);
  respond(0, std::string(16 * limits::kMiB, 'x'));
  run_turns(10);
  pass(limits::kIdleTimeout);
  run_until([&] { return server->counters().open.value() == 0; });
}

// Small requests, each answered at once by something large, all in one buffer.
TEST_F(HttpServerTest, AnswersToOneBufferOfRequestsAreBounded) {
  handler.answer = std::string(512 * limits::kKiB, 'x');
  const auto client = connect(4096);
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += http_request("GET", "/");
  client->send(requests);
  run_turns(1000);
  EXPECT_LT(handler.taken.size(), 40u);
  run_until([&] {
    client->poll();
    return handler.taken.size() == 200;
  });
}

TEST_F(HttpServerTest, RequestThatFindsNoMemoryIsRefusedForNow) {
  start(limits::kReceiveBufferBytes);  // one buffer in all
  const auto first = connect();
  send_all(*first, "POST / HTTP/1.1\r\n");
  run_turns(5);
  const auto reply = refusal_of(http_request("GET", "/"));
  expect_refusal(reply, 503);
  EXPECT_EQ(reply.header("retry-after"), "1");
  EXPECT_EQ(server->counters().shed.value(), 1u);
  EXPECT_EQ(exchange(*first, "Host: test\r\n\r\n").status, 200);
  const auto later = connect();
  EXPECT_EQ(exchange(*later, http_request("GET", "/")).status, 200);
}

TEST_F(HttpServerTest, BodyThatFindsNoMemoryIsRefusedForNow) {
  start(2 * limits::kReceiveBufferBytes);
  const auto reply =
      refusal_of(http_request("POST", "/", std::string(4 * limits::kReceiveBufferBytes, 'x')));
  expect_refusal(reply, 503);
}

// --- Draining
// --------------------------------------------------------------------------------------------------------------

TEST_F(HttpServerTest, DrainClosesIdleConnectionsAndListensNoMore) {
  const auto fresh = connect();
  const auto used = connect();
  EXPECT_EQ(exchange(*used, http_request("GET", "/")).status, 200);
  EXPECT_FALSE(server->drained());
  server->drain();
  run_until_ended(*fresh);
  run_until_ended(*used);
  EXPECT_EQ(used->end(), End::kClosed);
  fresh->close();
  used->close();
  run_until([&] { return server->drained(); });
}

TEST_F(HttpServerTest, DrainLetsEveryRequestThatWasTakenBeAnswered) {
  handler.answer_at_once = false;
  const auto client = connect();
  std::string requests;
  for (int i = 0; i < 4; ++i) requests += http_request("POST", "/", "request " + std::to_string(i));
  send_all(*client, requests);
  run_until_taken(4);
  respond(1, "answer 1");  // before draining, yet behind one that is answered after
  server->drain();
  run_turns(5);
  for (const std::size_t i : {0u, 3u, 2u}) respond(i, "answer " + std::to_string(i));
  run_until_ended(*client);
  const auto replies = client->replies();
  ASSERT_EQ(replies.size(), 4u) << client->received();
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(replies[i].body, "answer " + std::to_string(i));
    EXPECT_EQ(replies[i].header("connection"), i == 3 ? "close" : "");
  }
}

TEST_F(HttpServerTest, DrainLetsARequestBeReadToItsEnd) {
  const auto client = connect();
  send_all(*client, http_request("POST", "/", {}, "Content-Length: 10\r\n") + "12345");
  run_turns(5);
  server->drain();
  run_turns(5);
  send_all(*client, "67890" + http_request("POST", "/", "one too many"));
  run_until_ended(*client);
  ASSERT_EQ(client->replies().size(), 1u);
  EXPECT_EQ(client->replies()[0].body, "1234567890");
  EXPECT_EQ(client->replies()[0].header("connection"), "close");
}

TEST_F(HttpServerTest, StopClosesWhateverIsOpen) {
  handler.answer_at_once = false;
  const auto idle = connect();
  const auto reading = connect();
  const auto waiting = connect();
  send_all(*reading, "POST / HT");
  send_all(*waiting, http_request("POST", "/", "1"));
  run_until_taken(1);
  stop();
  for (auto* client : {idle.get(), reading.get(), waiting.get()}) run_until_ended(*client);
}

}  // namespace
}  // namespace headrace::ingest
