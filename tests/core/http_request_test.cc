// SPDX-License-Identifier: Apache-2.0
#include "core/http_request.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/core/http_stream.h"

namespace headrace::core {
namespace {

using test::RequestOutcome;
using test::run_requests;

// The outcome, once it is sure that it does not depend on the pieces.
RequestOutcome run(std::string_view stream,
                   std::size_t body_bytes_max = limits::kBodyBytesMaxDefault) {
  RequestOutcome whole = run_requests(stream, test::kWhole, body_bytes_max);
  for (const std::size_t size : {1u, 2u, 3u, 7u, 64u}) {
    EXPECT_TRUE(whole == run_requests(stream, size, body_bytes_max))
        << "in pieces of " << size << ": " << stream;
  }
  return whole;
}

std::string post(std::string_view fields, std::string_view body = {}) {
  return "POST /in/x HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

int status_of(std::string_view stream) { return run(stream).status; }

TEST(RequestParserTest, ReadsHeadAndBodyByLength) {
  const auto outcome =
      run("POST /in/abc?x=1 HTTP/1.1\r\nHost: h:80\r\nX-Event:  push "
          "\t\r\nEmpty:\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_EQ(outcome.status, 0) << outcome.reason;
  ASSERT_EQ(outcome.requests.size(), 1u);
  const auto& request = outcome.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/in/abc?x=1");
  EXPECT_EQ(request.body, "hello");
  EXPECT_EQ(request.lines, "Host: h:80\r\nX-Event:  push \t\r\nEmpty:\r\nContent-Length: 5\r\n");
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"Host", "h:80"}, {"X-Event", "push"}, {"Empty", ""}, {"Content-Length", "5"}};
  EXPECT_EQ(request.fields, fields);
  EXPECT_TRUE(request.keep_alive);
}

TEST(RequestParserTest, FindsTheFirstFieldOfANameWithoutCase) {
  std::string text = post("X-A: 1\r\nx-a: 2\r\n");
  RequestParser parser;
  ASSERT_EQ(parser.parse(text.data(), text.size()), RequestParser::Status::kHeadComplete);
  EXPECT_EQ(parser.head().find(text.data(), "x-a"), "1");
  EXPECT_EQ(parser.head().find(text.data(), "x-b").data(), nullptr);
}

TEST(RequestParserTest, DecodesChunksInPlaceAndDropsTrailers) {
  const auto outcome =
      run(post("Transfer-Encoding: chunked\r\n",
               "3\r\nabc\r\n0A;name=value;q=\"a;\\\"b\"\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n") +
          post("", ""));
  ASSERT_EQ(outcome.status, 0) << outcome.reason;
  ASSERT_EQ(outcome.requests.size(), 2u);
  EXPECT_EQ(outcome.requests[0].body, "abc0123456789");
  EXPECT_EQ(outcome.requests[0].fields.size(), 2u);
  EXPECT_TRUE(outcome.requests[0].chunked);
}

TEST(RequestParserTest, StopsExactlyAtTheEndOfAPipelinedRequest) {
  std::string stream;
  for (int i = 0; i < 5; ++i) stream += post("Content-Length: 3\r\n", "ab" + std::to_string(i));
  stream += "\r\n" + post("", "");
  const auto outcome = run(stream);
  ASSERT_EQ(outcome.status, 0) << outcome.reason;
  ASSERT_EQ(outcome.requests.size(), 6u);
  EXPECT_EQ(outcome.requests[4].body, "ab4");
}

TEST(RequestParserTest, AnswersHeadCompleteOnceAndThenTakesAnotherLimit) {
  std::string text = post("Content-Length: 9\r\n", "123456789");
  RequestParser parser;
  parser.reset(4);
  ASSERT_EQ(parser.parse(text.data(), text.size()), RequestParser::Status::kHeadComplete);
  parser.set_body_max(9);
  EXPECT_EQ(parser.parse(text.data(), text.size()), RequestParser::Status::kComplete);
  EXPECT_EQ(parser.parse(text.data(), text.size()), RequestParser::Status::kComplete);
  EXPECT_EQ(parser.end(), text.size());
  EXPECT_EQ(parser.body().in(text.data()), "123456789");
}

TEST(RequestParserTest, RefusesADeclaredBodyOverTheLimitBeforeItArrives) {
  std::string head = post("Content-Length: 5\r\n");
  RequestParser parser;
  parser.reset(4);
  ASSERT_EQ(parser.parse(head.data(), head.size()), RequestParser::Status::kHeadComplete);
  EXPECT_EQ(parser.parse(head.data(), head.size()), RequestParser::Status::kFailed);
  EXPECT_EQ(parser.status(), 413);
  EXPECT_EQ(run(post("Content-Length: 4\r\n", "1234"), 4).requests.size(), 1u);
}

TEST(RequestParserTest, RefusesAChunkedBodyThatGrowsOverTheLimit) {
  EXPECT_EQ(run(post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n3\r\n"), 4).status, 413);
  EXPECT_EQ(run(post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffffffff"), 4).status, 413);
  EXPECT_EQ(run(post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"), 4)
                .requests.size(),
            1u);
}

TEST(RequestParserTest, RefusesEveryShapeThatTwoReadersMayReadDifferently) {
  const std::vector<std::string> fields = {
      "Content-Length: 1\r\nContent-Length: 1\r\n",
      "Content-Length: 1\r\nContent-Length: 2\r\n",
      "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
      "Content-Length: 1, 1\r\n",
      "Content-Length: +1\r\n",
      "Content-Length: -1\r\n",
      "Content-Length: 0x1\r\n",
      "Content-Length: 1 1\r\n",
      "Content-Length:\r\n",
      "Content-Length: 99999999999999999999\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: chunkedx\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",
      "Transfer-Encoding:\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding\t: chunked\r\n",
      "Content-Length : 1\r\n",
      "X: 1\r\n folded\r\n",
      "X: 1\r\n\tfolded\r\n",
      "X:\r\n folded\r\n",
      " X: 1\r\n",
      "X: 1\r\n \r\n",
      "X: 1\nY: 2\r\n",
      "X: 1\rY: 2\r\n",
      "X:\rTransfer-Encoding: chunked\r\n",
      "X: 1\r\r\n",
      "\rX: 1\r\n",
      ": no name\r\n",
      "no colon\r\n",
      "X Y: 1\r\n",
      "X\x01: 1\r\n",
      "X: \x01\r\n",
      "X: \x7f\r\n",
      "X(): 1\r\n",
      std::string("X: a\0b\r\n", 8),
      std::string("X\0: b\r\n", 7),
      "Host: b\r\n",
      "HOST:\r\n",
  };
  for (const std::string& each : fields) EXPECT_EQ(status_of(post(each)), 400) << each;
}

TEST(RequestParserTest, RefusesEveryFaultInChunkFraming) {
  const std::vector<std::string> bodies = {
      "\r\n",
      " 1\r\na\r\n0\r\n\r\n",
      "1 \r\na\r\n0\r\n\r\n",
      "0x1\r\na\r\n0\r\n\r\n",
      "+1\r\na\r\n0\r\n\r\n",
      "-1\r\na\r\n0\r\n\r\n",
      "g\r\n",
      "1\na\r\n0\r\n\r\n",
      "1\ra\r\n",
      "1\r\na0\r\n\r\n",
      "1\r\na\n0\r\n\r\n",
      "1\r\nab\r\n0\r\n\r\n",
      "1\r\na\r0\r\n\r\n",
      "1;\r\na\r\n",
      "1; a=b\r\na\r\n",
      "1;a=\r\na\r\n",
      "1;a=\"b\r\na\r\n",
      "1;a\n\r\n",
      "1;a=\"b\"c\r\n",
      "0\r\nX : 1\r\n\r\n",
      "0\r\n X: 1\r\n\r\n",
      "0\r\nX: 1\r\n fold\r\n\r\n",
      "0\r\nX: 1\n\r\n",
      "0\r\nX\r\n\r\n",
      "0\r\n: 1\r\n\r\n",
      "0\r\n\n",
      "0\n\r\n",
      "0\r\n\rX",
      "1_0\r\n",
      "1,\r\n",
  };
  for (const std::string& each : bodies) {
    EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\n", each)), 400) << each;
  }
}

TEST(RequestParserTest, BoundsTheFramingOfChunks) {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  EXPECT_EQ(status_of(post(chunked, std::string(limits::kChunkHeaderBytesMax + 1, '0'))), 413);
  EXPECT_EQ(status_of(post(chunked, "1;" + std::string(limits::kChunkHeaderBytesMax, 'x'))), 413);
  std::string trailers = "0\r\n";
  while (trailers.size() <= limits::kHeadBytesMax)
    trailers += "X: " + std::string(1000, 'y') + "\r\n";
  EXPECT_EQ(status_of(post(chunked, trailers)), 413);
}

TEST(RequestParserTest, RefusesLinesThatAreNotARequestOfHttp1) {
  const std::vector<std::pair<std::string, int>> lines = {
      {"GET / HTTP/2.0", 505},
      {"GET / HTTP/0.9", 505},
      {"GET / HTTP/1.2", 505},
      {"GET / HTTP/3.0", 505},
      {"GET /", 505},
      {"PRI * HTTP/2.0", 505},
      {"GET / http/1.1", 400},
      {"GET  / HTTP/1.1", 400},
      {"GET /  HTTP/1.1", 400},
      {"GET / HTTP/1.1 ", 400},
      {"GET\t/ HTTP/1.1", 400},
      {" GET / HTTP/1.1", 400},
      {"get / HTTP/1.1", 400},
      {"BREW / HTTP/1.1", 400},
      {"GET * HTTP/1.1", 400},
      {"OPTIONS * HTTP/1.1", 400},
      {"GET http://a/ HTTP/1.1", 400},
      {"GET a/ HTTP/1.1", 400},
      {"GET /a#b HTTP/1.1", 400},
      {"CONNECT a:1 HTTP/1.1", 501},
      {"TRACE / HTTP/1.1", 501},
      {"GET /\x7f HTTP/1.1", 400},
      {"GET /\xc3\xa9 HTTP/1.1", 400},
      {"GET /a\rb HTTP/1.1", 400},
      {"GET / RTSP/1.0", 400},
      {std::string("GET /\0 HTTP/1.1", 15), 400},
  };
  for (const auto& [line, status] : lines)
    EXPECT_EQ(status_of(line + "\r\nHost: a\r\n\r\n"), status) << line;
  EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\x16\x03\x01\x02\x00\x01"), 400);
}

TEST(RequestParserTest, DemandsOneUsableHost) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 0);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(RequestParserTest, TreatsHttp10ByItsOwnRules) {
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_FALSE(run("GET / HTTP/1.0\r\n\r\n").requests.at(0).keep_alive);
  EXPECT_TRUE(run("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").requests.at(0).keep_alive);
  EXPECT_FALSE(
      run("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").requests.at(0).expect_continue);
}

TEST(RequestParserTest, CloseWinsOverKeepAlive) {
  EXPECT_FALSE(run(post("Connection: x, Close\r\n")).requests.at(0).keep_alive);
  EXPECT_FALSE(
      run(post("Connection: keep-alive\r\nConnection: close\r\n")).requests.at(0).keep_alive);
  EXPECT_TRUE(run(post("Connection: closed\r\n")).requests.at(0).keep_alive);
}

TEST(RequestParserTest, KnowsOneExpectation) {
  EXPECT_TRUE(run(post("Expect: 100-Continue\r\n")).requests.at(0).expect_continue);
  EXPECT_EQ(status_of(post("Expect: 200-ok\r\n")), 417);
  EXPECT_EQ(status_of(post("Expect: 100-continue\r\nExpect: x\r\n")), 417);
  EXPECT_EQ(status_of(post("Connection: upgrade\r\nUpgrade: h2c\r\n")), 501);
}

TEST(RequestParserTest, BoundsTheHead) {
  std::string many;
  for (std::size_t i = 0; i < limits::kHeaderCountMax - 1; ++i) many += "X: y\r\n";
  EXPECT_EQ(run_requests(post(many)).status, 0);
  EXPECT_EQ(run_requests(post(many + "X: y\r\n")).status, 431);

  const std::string frame = post("X: \r\n");
  const std::string fits(limits::kHeadBytesMax - frame.size(), 'v');
  EXPECT_EQ(run_requests(post("X: " + fits + "\r\n")).status, 0);
  const std::string over = post("X: " + fits + "v\r\n");
  EXPECT_EQ(run_requests(over).status, 431);
  EXPECT_EQ(run_requests(over, 1).status, 431);

  const auto get = [](std::size_t size) {
    return "GET /" + std::string(size - 1, 't') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_EQ(run_requests(get(limits::kTargetBytesMax)).status, 0);
  for (const std::size_t size :
       {limits::kTargetBytesMax + 1, limits::kTargetBytesMax + 20, limits::kTargetBytesMax * 2}) {
    EXPECT_EQ(run_requests(get(size)).status, 414);
    EXPECT_EQ(run_requests(get(size), 7).status, 414);
  }
}

RC_GTEST_PROP(RequestParserPropertyTest, AnyStreamOfHttpPiecesHasOneVerdict, ()) {
  const std::vector<std::string> parts = {"POST / HTTP/1.1\r\n",
                                          "GET /x HTTP/1.0\r\n",
                                          "Host: a\r\n",
                                          "Content-Length: 3\r\n",
                                          "Content-Length: 0\r\n",
                                          "Transfer-Encoding: chunked\r\n",
                                          "X: y\r\n",
                                          "\r\n",
                                          "\r",
                                          "\n",
                                          " ",
                                          "abc",
                                          "3\r\nabc\r\n",
                                          "0\r\n\r\n",
                                          "0\r\n",
                                          ":",
                                          "Connection: close\r\n",
                                          ";e",
                                          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                          "\t",
                                          "Expect: 100-continue\r\n"};
  std::string stream = *rc::gen::arbitrary<bool>() ? "POST / HTTP/1.1\r\nHost: a\r\n" : "";
  for (const std::string& part :
       *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(parts)))
    stream += part;
  const auto whole = run_requests(stream, test::kWhole, 8);
  const auto size = *rc::gen::inRange<std::size_t>(1, 20);
  RC_ASSERT(whole == run_requests(stream, size, 8));
}

RC_GTEST_PROP(RequestParserPropertyTest, AnyBodyComesOutOfAnyChunkingAsItWentIn,
              (const std::string& body)) {
  std::string framed;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size = std::min(body.size() - at, *rc::gen::inRange<std::size_t>(1, 40));
    char digits[20];
    framed.append(digits,
                  static_cast<std::size_t>(std::snprintf(digits, sizeof(digits), "%zx\r\n", size)));
    framed += body.substr(at, size) + "\r\n";
    at += size;
  }
  const auto outcome = run_requests(post("Transfer-Encoding: chunked\r\n", framed + "0\r\n\r\n"),
                                    *rc::gen::inRange<std::size_t>(1, 50));
  RC_ASSERT(outcome.status == 0);
  RC_ASSERT(outcome.requests.at(0).body == body);
}

}  // namespace
}  // namespace headrace::core
