// SPDX-License-Identifier: Apache-2.0
#include "core/http_response.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/core/http_stream.h"

namespace headrace::core {
namespace {

using test::ResponseOutcome;
using test::run_responses;

ResponseOutcome run(std::string_view stream, test::ResponseOptions options = {}) {
  ResponseOutcome whole = run_responses(stream, test::kWhole, options);
  for (const std::size_t size : {1u, 2u, 3u, 7u, 64u}) {
    EXPECT_TRUE(whole == run_responses(stream, size, options))
        << "in pieces of " << size << ": " << stream;
  }
  return whole;
}

std::string ok(std::string_view fields, std::string_view body = {}) {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

bool refused(std::string_view stream) { return run(stream).refused(); }

TEST(ResponseParserTest, KeepsHeadLinesAndBody) {
  const auto outcome = run(ok("A: b\r\nContent-Length: 5\r\n", "hello"));
  ASSERT_EQ(outcome.responses.size(), 1u) << outcome.reason;
  const auto& response = outcome.responses[0];
  EXPECT_EQ(response.status_code, 200);
  EXPECT_EQ(response.head, "A: b\r\nContent-Length: 5\r\n");
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.body_bytes, 5u);
  EXPECT_TRUE(response.keep_alive);
}

TEST(ResponseParserTest, KeepsWholeLinesAndABodyPrefixAsFarAsThereIsRoom) {
  const std::string stream =
      ok("Aaaa: b\r\nLong-Line: cccccccc\r\nContent-Length: 20\r\n", std::string(20, 'z'));
  const auto outcome = run(stream, {.capture_size = 14});
  ASSERT_EQ(outcome.responses.size(), 1u);
  EXPECT_EQ(outcome.responses[0].head, "Aaaa: b\r\n");
  EXPECT_EQ(outcome.responses[0].body, "zzzzz");
  EXPECT_EQ(outcome.responses[0].body_bytes, 20u);
  EXPECT_EQ(run(stream, {.capture_size = 0}).responses.size(), 1u);
}

TEST(ResponseParserTest, KeepsNoMoreOfABodyThanItsLimit) {
  const std::string body(limits::kResponseBodyBytesKept + 100, 'b');
  const auto outcome =
      run_responses(ok("Content-Length: " + std::to_string(body.size()) + "\r\n", body));
  ASSERT_EQ(outcome.responses.size(), 1u);
  EXPECT_EQ(outcome.responses[0].body.size(), limits::kResponseBodyBytesKept);
  EXPECT_EQ(outcome.responses[0].body_bytes, body.size());
}

TEST(ResponseParserTest, DecodesChunks) {
  const auto outcome =
      run(ok("Transfer-Encoding: Chunked\r\n", "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n") +
          ok("Content-Length: 0\r\n"));
  ASSERT_EQ(outcome.responses.size(), 2u) << outcome.reason;
  EXPECT_EQ(outcome.responses[0].body, "abcde");
  EXPECT_TRUE(outcome.responses[0].keep_alive);
}

TEST(ResponseParserTest, BodyWithoutLengthEndsWithTheConnection) {
  EXPECT_TRUE(run(ok("", "some")).responses.empty());
  const auto outcome = run(ok("", "some"), {.finish = true});
  ASSERT_EQ(outcome.responses.size(), 1u);
  EXPECT_EQ(outcome.responses[0].body, "some");
  EXPECT_FALSE(outcome.responses[0].keep_alive);
}

TEST(ResponseParserTest, ConnectionEndInTheMiddleIsAFailure) {
  for (const std::string& stream :
       {std::string("HTTP/1.1 200 O"), std::string("HTTP/1.1 200 OK\r\nA: b\r\n"),
        ok("Content-Length: 5\r\n", "hell"), ok("Transfer-Encoding: chunked\r\n", "1\r\na\r\n")}) {
    EXPECT_EQ(run(stream, {.finish = true}).reason, "the connection ended within the response")
        << stream;
  }
  ResponseParser parser;
  EXPECT_FALSE(parser.started());
  EXPECT_EQ(parser.finish(), ResponseParser::Status::kFailed);
}

TEST(ResponseParserTest, SomeResponsesHaveNoBody) {
  EXPECT_EQ(run(ok("Content-Length: 5\r\n"), {.to_head = true}).responses.size(), 1u);
  EXPECT_EQ(run("HTTP/1.1 204 No Content\r\n\r\n").responses.size(), 1u);
  EXPECT_EQ(run("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n").responses.size(), 1u);
  EXPECT_EQ(run("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n").responses.size(), 1u);
}

TEST(ResponseParserTest, PassesOverInterimResponsesUpToABound) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  std::string eight;
  for (int i = 0; i < 8; ++i) eight += interim;
  const auto outcome = run(eight + ok("A: b\r\nContent-Length: 0\r\n"));
  ASSERT_EQ(outcome.responses.size(), 1u) << outcome.reason;
  EXPECT_EQ(outcome.responses[0].head, "A: b\r\nContent-Length: 0\r\n");
  EXPECT_TRUE(refused(eight + interim));
  EXPECT_TRUE(
      refused("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"));
}

TEST(ResponseParserTest, ConnectionIsKeptOnlyWhereBothSidesAgree) {
  const auto kept = [](std::string_view stream) { return run(stream).responses.at(0).keep_alive; };
  EXPECT_FALSE(kept(ok("Content-Length: 0\r\nConnection: close\r\n")));
  EXPECT_FALSE(kept(ok("Content-Length: 0\r\nConnection: x, Close\r\n")));
  EXPECT_FALSE(kept("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_TRUE(kept("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_FALSE(kept(
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n"));
}

TEST(ResponseParserTest, BytesBehindTheResponseEndTheConnection) {
  ResponseParser parser;
  const std::string stream = ok("Content-Length: 2\r\n", "okHTTP/1.1 200 OK\r\n");
  ASSERT_EQ(parser.feed(stream), ResponseParser::Status::kComplete);
  EXPECT_FALSE(parser.keep_alive());
  EXPECT_EQ(stream.substr(parser.consumed()), "HTTP/1.1 200 OK\r\n");
}

TEST(ResponseParserTest, RefusesWhatTwoReadersMayReadDifferently) {
  const std::vector<std::string> fields = {
      "Content-Length: 1\r\nContent-Length: 1\r\n",
      "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
      "Content-Length: 1, 1\r\n",
      "Content-Length:\r\n",
      "Content-Length : 1\r\n",
      "Transfer-Encoding: chunked, gzip\r\n",
      "X: 1\r\n folded\r\n",
      "X: 1\nY: 2\r\n",
      "X: 1\rY: 2\r\n",
      ": x\r\n",
      "x\r\n",
      "X: \x01\r\n",
      "Content-Length: " + std::string(300, '0') + "\r\n",
      "Transfer-Encoding: chunked" + std::string(300, ' ') + "\r\n",
  };
  for (const std::string& each : fields) EXPECT_TRUE(refused(ok(each))) << each;
  for (const std::string_view line : {"HTTP/2.0 200 OK", "HTTP/0.9 200 OK", "HTTP/1.1 20 OK",
                                      "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK", "HTTP/1.1 099 X",
                                      "http/1.1 200 OK", "ICE/1.0 200 OK", "HTTP/1.1 200OK"}) {
    EXPECT_TRUE(refused(std::string(line) + "\r\n\r\n")) << line;
  }
  for (const std::string_view body :
       {"x\r\n", "1\nab\r\n", "1\r\nab\r\n", "1 \r\na\r\n", "fffffffffffffffff\r\n"}) {
    EXPECT_TRUE(refused(ok("Transfer-Encoding: chunked\r\n", body))) << body;
  }
}

TEST(ResponseParserTest, BoundsTheHead) {
  const std::string frame = ok("X: \r\n");
  const std::string fits(limits::kResponseHeadBytesMax - frame.size(), 'v');
  EXPECT_TRUE(run_responses(ok("X: " + fits + "\r\n"), 100).reason.empty());
  EXPECT_EQ(run_responses(ok("X: " + fits + "v\r\n"), 100).reason,
            "the response's head is too large");
  EXPECT_EQ(run_responses(ok("X: " + fits + "v\r\n")).reason, "the response's head is too large");
}

std::int64_t retry_after(std::string_view fields, std::uint64_t wall_seconds) {
  ResponseParser parser;
  parser.feed(ok(std::string(fields) + "Content-Length: 0\r\n"));
  return parser.retry_after_seconds(wall_seconds * 1000);
}

constexpr std::uint64_t kExample =
    784111777;  // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110

TEST(RetryAfterTest, NumberOfSecondsIsTaken) {
  EXPECT_EQ(retry_after("Retry-After: 120\r\n", 0), 120);
  EXPECT_EQ(retry_after("retry-after:0\r\n", 0), 0);
  EXPECT_EQ(retry_after("Retry-After: 99999999999999999999999999\r\n", 0),
            ResponseParser::kRetryAfterSecondsMax);
}

TEST(RetryAfterTest, DateIsReadInItsThreeForms) {
  EXPECT_EQ(retry_after("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", kExample - 60), 60);
  EXPECT_EQ(retry_after("Retry-After: Sunday, 06-Nov-94 08:49:37 GMT\r\n", kExample - 60), 60);
  EXPECT_EQ(retry_after("Retry-After: Sun Nov  6 08:49:37 1994\r\n", kExample - 60), 60);
}

TEST(RetryAfterTest, DateIsRelativeToTheDateOfTheResponse) {
  const std::string_view fields =
      "Date: Sun, 06 Nov 1994 08:49:07 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
  EXPECT_EQ(retry_after(fields, 2'000'000'000), 30);
}

TEST(RetryAfterTest, PastDateMeansNow) {
  EXPECT_EQ(retry_after("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", kExample + 60), 0);
}

TEST(RetryAfterTest, AnythingElseIsUnusable) {
  EXPECT_EQ(retry_after("", 0), -1);
  for (const std::string_view value :
       {"", "-1", "1.5", "soon", "12 34", "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37 GMTx",
        "06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994"}) {
    EXPECT_EQ(retry_after("Retry-After: " + std::string(value) + "\r\n", 0), -1) << value;
  }
}

}  // namespace
}  // namespace headrace::core
