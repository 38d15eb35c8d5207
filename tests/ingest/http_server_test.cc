// SPDX-License-Identifier: Apache-2.0
// What goes in and out of a connection that behaves.
#include "ingest/http_server.h"

#include <string>
#include <vector>

#include "core/limits.h"
#include "tests/ingest/server_fixture.h"

namespace headrace::ingest {
namespace {

namespace limits = core::limits;
using test::http_request;

std::string lines_of_size(std::size_t bytes) {
  std::string lines;
  for (int i = 0; lines.size() < bytes; ++i)
    lines += "X-Line-" + std::to_string(i) + ": " + std::string(200, 'v') + "\r\n";
  return lines;
}

std::string chunked(std::string_view body, std::size_t chunk_bytes) {
  std::string text;
  for (std::size_t at = 0; at < body.size(); at += chunk_bytes) {
    const std::string_view chunk = body.substr(at, chunk_bytes);
    char size[20];
    std::snprintf(size, sizeof(size), "%zx\r\n", chunk.size());
    text.append(size).append(chunk).append("\r\n");
  }
  return text + "0\r\n\r\n";
}

TEST_F(HttpServerTest, ConnectionStaysOpenForManyRequests) {
  const auto client = connect();
  for (int i = 0; i < 5; ++i) {
    const std::string body = "body " + std::to_string(i);
    const auto reply = exchange(*client, http_request("POST", "/in/x", body));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, body);
    EXPECT_EQ(reply.header("connection"), "");
    EXPECT_EQ(reply.header("content-length"), std::to_string(body.size()));
  }
  EXPECT_EQ(server->counters().connections.value(), 1u);
  EXPECT_EQ(server->counters().requests.value(), 5u);
  EXPECT_EQ(pool->bytes_used(), 0u) << "an idle connection holds no buffer";
}

TEST_F(HttpServerTest, AnswersBearTheDateOfTheClock) {
  const auto client = connect();
  const auto reply = exchange(*client, http_request("GET", "/"));
  EXPECT_EQ(reply.header("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
  pass(std::chrono::seconds(1));
  EXPECT_EQ(exchange(*client, http_request("GET", "/")).header("date"),
            "Tue, 14 Nov 2023 22:13:21 GMT");
}

TEST_F(HttpServerTest, AnswersLeaveInOrderOfRequestsWhateverTheOrderOfResponding) {
  handler.answer_at_once = false;
  const auto client = connect();
  std::string requests;
  for (int i = 0; i < 5; ++i) requests += http_request("POST", "/", "request " + std::to_string(i));
  send_all(*client, requests);
  run_until_taken(5);
  for (const std::size_t i : {3u, 1u, 4u, 2u}) respond(i, "answer " + std::to_string(i));
  run_turns(10);
  client->poll();
  EXPECT_EQ(client->received(), "");
  respond(0, "answer 0");
  run_until_replies(*client, 5);
  const auto replies = client->replies();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(replies[i].body, "answer " + std::to_string(i));
}

TEST_F(HttpServerTest, PipelineDeeperThanTheLimitWaitsAndIsAnsweredWhole) {
  handler.answer_at_once = false;
  constexpr std::size_t kCount = 3 * limits::kPipelineDepthMax + 1;
  const auto client = connect();
  std::string requests;
  for (std::size_t i = 0; i < kCount; ++i)
    requests += http_request("POST", "/", "request " + std::to_string(i));
  send_all(*client, requests);
  run_until_taken(limits::kPipelineDepthMax);
  run_turns(10);
  EXPECT_EQ(handler.taken.size(), limits::kPipelineDepthMax);
  for (std::size_t i = 0; i < kCount; ++i) {
    run_until_taken(i + 1);
    respond(i, handler.taken[i].body);
  }
  run_until_replies(*client, kCount);
  const auto replies = client->replies();
  for (std::size_t i = 0; i < kCount; ++i)
    EXPECT_EQ(replies[i].body, "request " + std::to_string(i));
}

TEST_F(HttpServerTest, RequestMayBeSplitAtEveryByte) {
  const std::string request =
      http_request("POST", "/in/x?a=1", "{\"a\":1}", "Content-Type: application/json\r\n");
  const auto client = connect();
  for (std::size_t split = 1; split < request.size(); ++split) {
    send_all(*client, std::string_view(request).substr(0, split));
    run_turns(3);
    EXPECT_EQ(handler.taken.size(), split - 1);
    const auto reply = exchange(*client, std::string_view(request).substr(split));
    ASSERT_EQ(reply.status, 200) << "split at " << split;
    ASSERT_EQ(reply.body, "{\"a\":1}");
  }
}

TEST_F(HttpServerTest, RequestMayComeByteByByte) {
  const std::string request =
      "POST /in/x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" +
      chunked("0123456789", 3);
  const auto client = connect();
  for (const char& byte : request) {
    send_all(*client, {&byte, 1});
    run_turns(2);
  }
  run_until_replies(*client, 1);
  EXPECT_EQ(client->replies()[0].body, "0123456789");
}

TEST_F(HttpServerTest, BodyMayBeLargerThanTheFirstBuffer) {
  const auto client = connect();
  for (const std::size_t size : {limits::kReceiveBufferBytes - 40, limits::kReceiveBufferBytes,
                                 10 * limits::kReceiveBufferBytes, limits::kBodyBytesMaxDefault}) {
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; i += 100) body[i] = static_cast<char>('a' + i / 100 % 26);
    const auto reply = exchange(*client, http_request("POST", "/", body));
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.body == body) << size;
  }
}

TEST_F(HttpServerTest, HeadMayBeLargerThanTheFirstBuffer) {
  const auto client = connect();
  const auto reply =
      exchange(*client, http_request("POST", "/", "body", lines_of_size(20 * limits::kKiB)));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "body");
}

TEST_F(HttpServerTest, ChunkedBodyIsHandedOverDecoded) {
  const auto client = connect();
  for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, 300 * limits::kKiB}) {
    const std::string body(size, 'c');
    const auto reply =
        exchange(*client, http_request("POST", "/", {}, "Transfer-Encoding: chunked\r\n") +
                              chunked(body, 997));
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.body == body) << size;
  }
}

TEST_F(HttpServerTest, RequestBehindAChunkedOneIsRead) {
  const auto client = connect();
  send_all(*client, http_request("POST", "/1", {}, "Transfer-Encoding: chunked\r\n") +
                        chunked("first", 2) + http_request("POST", "/2", "second"));
  run_until_replies(*client, 2);
  EXPECT_EQ(client->replies()[0].body, "first");
  EXPECT_EQ(client->replies()[1].body, "second");
}

TEST_F(HttpServerTest, ExpectationIsMetBeforeTheBodyComes) {
  const auto client = connect();
  send_all(*client, http_request("POST", "/", {}, "Expect: 100-continue\r\nContent-Length: 4\r\n"));
  run_until_replies(*client, 1);
  EXPECT_EQ(client->received(), "HTTP/1.1 100 Continue\r\n\r\n");
  const auto reply = exchange(*client, "body");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "body");
}

TEST_F(HttpServerTest, ExpectationIsPassedOverWhenTheBodyIsThereAlready) {
  const auto client = connect();
  const auto reply =
      exchange(*client, http_request("POST", "/", "body", "Expect: 100-continue\r\n"));
  EXPECT_EQ(reply.status, 200);
}

TEST_F(HttpServerTest, NoBodyIsInvitedThatWouldBeRefused) {
  handler.decision.body_bytes_max = 10;
  const auto reply =
      refusal_of(http_request("POST", "/", {}, "Expect: 100-continue\r\nContent-Length: 11\r\n"));
  EXPECT_EQ(reply.status, 413);
}

TEST_F(HttpServerTest, ExpectationBehindOtherRequestsIsMetInItsTurn) {
  handler.answer_at_once = false;
  const auto client = connect();
  send_all(*client,
           http_request("POST", "/1", "first") +
               http_request("POST", "/2", {}, "Expect: 100-continue\r\nContent-Length: 4\r\n"));
  run_until_taken(1);
  run_turns(5);
  client->poll();
  EXPECT_EQ(client->received(), "");
  respond(0, "answer");
  run_until_replies(*client, 2);
  EXPECT_EQ(client->replies()[0].status, 200);
  EXPECT_EQ(client->replies()[1].status, 100);
  send_all(*client, "body");
  run_until_taken(2);
  EXPECT_EQ(handler.taken[1].body, "body");
}

TEST_F(HttpServerTest, HeadGetsTheHeadOfTheAnswerOnly) {
  handler.answer_at_once = false;
  const auto client = connect();
  send_all(*client, http_request("HEAD", "/livez") + http_request("HEAD", "/livez"));
  run_until_taken(2);
  respond(0, "what GET would get");
  respond(1, "");
  run_until_replies(*client, 2, true);
  EXPECT_EQ(client->replies(true)[0].header("content-length"), "18");
  EXPECT_EQ(client->received().find("what GET"), std::string::npos);
}

TEST_F(HttpServerTest, Http10ConnectionIsKeptOnlyWhenAskedFor) {
  const auto once = connect();
  EXPECT_EQ(exchange(*once, "GET / HTTP/1.0\r\n\r\n").header("connection"), "close");
  run_until_ended(*once);
  const auto kept = connect();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(
        exchange(*kept, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("connection"),
        "keep-alive");
  }
}

TEST_F(HttpServerTest, ConnectionCloseIsHonouredAfterTheAnswer) {
  const auto client = connect();
  const std::string request = http_request("POST", "/", "last", "Connection: close\r\n");
  send_all(*client, request + request);
  run_until_ended(*client);
  ASSERT_EQ(client->replies().size(), 1u) << "what comes behind a close is not read";
  EXPECT_EQ(client->replies()[0].header("connection"), "close");
  EXPECT_EQ(client->end(), test::TcpClient::End::kClosed);
}

TEST_F(HttpServerTest, ClientThatHasShutItsSideStillGetsItsAnswers) {
  handler.answer_at_once = false;
  const auto client = connect();
  send_all(*client, http_request("POST", "/", "1") + http_request("POST", "/", "2"));
  run_until_taken(2);
  client->shut_down_sending();
  run_turns(5);
  respond(1, "answer 2");
  respond(0, "answer 1");
  run_until_ended(*client);
  ASSERT_EQ(client->replies().size(), 2u);
  EXPECT_EQ(client->end(), test::TcpClient::End::kClosed);
}

TEST_F(HttpServerTest, RequestThatIsCutOffIsForgotten) {
  const std::string request = http_request("POST", "/", std::string(1000, 'x'));
  for (const std::size_t cut : {1u, 30u, 100u, 600u}) {
    const auto client = connect();
    send_all(*client, request.substr(0, cut));
    run_turns(3);
    client->close();
    run_until([&] { return server->counters().open.value() == 0; });
  }
  EXPECT_TRUE(handler.taken.empty());
  EXPECT_EQ(pool->bytes_used(), 0u);
}

TEST_F(HttpServerTest, AnswerToAClientThatIsGoneIsDropped) {
  handler.answer_at_once = false;
  const auto client = connect();
  send_all(*client, http_request("POST", "/", "1"));
  run_until_taken(1);
  client->reset();
  run_until([&] { return server->counters().open.value() == 0; });
  respond(0, "nobody reads this");
  run_turns(3);
}

// The second client gets the first one's connection slot, and would get its answer too.
TEST_F(HttpServerTest, AnswerForAnEarlierUserOfAConnectionSlotIsIgnored) {
  handler.answer_at_once = false;
  const auto first = connect();
  send_all(*first, http_request("POST", "/", "first"));
  run_until_taken(1);
  first->reset();
  run_until([&] { return server->counters().open.value() == 0; });

  const auto second = connect();
  send_all(*second, http_request("POST", "/", "second"));
  run_until_taken(2);
  respond(0, "for the first");
  run_turns(5);
  respond(1, "for the second");
  run_until_replies(*second, 1);
  ASSERT_EQ(second->replies().size(), 1u);
  EXPECT_EQ(second->replies()[0].body, "for the second");
}

TEST_F(HttpServerTest, SecondAnswerToARequestIsIgnored) {
  handler.answer_at_once = false;
  const auto client = connect();
  send_all(*client, http_request("POST", "/", "1") + http_request("POST", "/", "2"));
  run_until_taken(2);
  respond(0, "answer 1");
  server->respond(handler.taken[0].token, {.content_type = "text/plain", .body = "again"});
  respond(1, "answer 2");
  run_until_replies(*client, 2);
  EXPECT_EQ(client->replies()[1].body, "answer 2");
}

TEST_F(HttpServerTest, HandlerMayKeepTheBytesOfARequest) {
  handler.answer_at_once = false;
  const auto client = connect();
  const std::string many = http_request("POST", "/", "kept") + http_request("POST", "/", "too");
  send_all(*client, many);
  run_until_taken(2);
  EXPECT_GT(pool->bytes_used(), 0u);
  respond(0, "");
  respond(1, "");
  run_until_replies(*client, 2);
  EXPECT_EQ(pool->bytes_used(), 0u);
}

}  // namespace
}  // namespace headrace::ingest
