// SPDX-License-Identifier: Apache-2.0
#include "dispatch/request.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "dispatch/message_query.h"

namespace headrace::dispatch {

namespace {

constexpr core::WallMs kNow = 1'700'000'000'999;

class Message {
 public:
  Message(std::string_view headers, std::string_view body, std::string_view query = "") {
    delivery.message = MessageId{{1, 2}};
    store::Payload& payload = delivery.payload;
    payload.buffer = pool_.acquire(headers.size() + body.size() + query.size() + 1);
    char* at = payload.buffer.data();
    const auto put = [&](std::string_view part) {
      const core::Range range{static_cast<std::uint32_t>(at - payload.buffer.data()),
                              static_cast<std::uint32_t>(part.size())};
      at = std::copy(part.begin(), part.end(), at);
      return range;
    };
    payload.headers = put(headers);
    payload.body = put(body);
    payload.query = put(query);
  }
  ~Message() { delivery.payload.buffer.reset(); }

 private:
  core::BufferPool pool_{1 << 24};

 public:
  store::Delivery delivery;
};

std::shared_ptr<const Endpoint> endpoint_with(
    std::vector<std::pair<std::string, std::string>> headers,
    core::Method method = core::Method::kPost) {
  EndpointSettings settings;
  settings.url = "http://h/in";
  settings.headers = std::move(headers);
  settings.method = method;
  return *make_endpoint(std::move(settings));
}

// Sends `body` in place of every message's.
std::shared_ptr<const Endpoint> endpoint_with_body(std::string body, core::Method method) {
  EndpointSettings settings;
  settings.url = "http://h/in";
  settings.method = method;
  settings.body = std::move(body);
  return *make_endpoint(std::move(settings));
}

std::string text_of(const RequestPieces& pieces) {
  std::string text;
  for (unsigned i = 0; i < pieces.count; ++i) text.append(pieces.list[i].base, pieces.list[i].len);
  return text;
}

std::string built(const Endpoint& endpoint, const Message& message, std::string_view query = "") {
  RequestScratch scratch;
  RequestPieces pieces;
  EXPECT_TRUE(build_request(endpoint, message.delivery, kNow, query, scratch, pieces));
  EXPECT_EQ(text_of(pieces).size(), pieces.bytes);
  return text_of(pieces);
}

std::string own_lines() {
  return "webhook-id: " + MessageId{{1, 2}}.to_string() + "\r\nwebhook-timestamp: 1700000000\r\n";
}

}  // namespace

TEST(RequestTest, IsPrefixProviderLinesOurLinesAndBody) {
  const Message message{"Content-Type: text/x\r\nuser-agent: Hook/1\r\n", "body"};
  EXPECT_EQ(built(*endpoint_with({}), message),
            "POST /in HTTP/1.1\r\nHost: h\r\nContent-Type: text/x\r\nuser-agent: Hook/1\r\n" +
                own_lines() + "Content-Length: 4\r\n\r\nbody");
}

TEST(RequestTest, NamesItsOwnAgentWhereNobodyNamedOne) {
  EXPECT_NE(built(*endpoint_with({}), Message{"A: b\r\n", ""}).find("User-Agent: headrace/"),
            std::string::npos);
  EXPECT_EQ(
      built(*endpoint_with({{"User-Agent", "me"}}), Message{"A: b\r\n", ""}).find("headrace/"),
      std::string::npos);
}

TEST(RequestTest, AnEmptyBodyHasALengthOfZero) {
  EXPECT_NE(built(*endpoint_with({}), Message{"", ""}).find("Content-Length: 0\r\n\r\n"),
            std::string::npos);
}

TEST(RequestTest, ReplacedLinesAreLeftOutWhereverTheyStand) {
  const Message message{"X-A: 1\r\nkeep: 1\r\nx-a: 2\r\nX-B: 3\r\nX-AB: 4\r\nX-A: 5\r\n", ""};
  const std::string text = built(*endpoint_with({{"x-a", "ours"}, {"X-b", "ours"}}), message);
  EXPECT_NE(text.find("x-a: ours\r\nX-b: ours\r\nkeep: 1\r\nX-AB: 4\r\nUser-Agent"),
            std::string::npos)
      << text;
}

TEST(RequestTest, AQueryGoesBehindTheTarget) {
  const std::string text =
      built(*endpoint_with({}, core::Method::kGet), Message{"", "ignored"}, "a=b");
  EXPECT_TRUE(text.starts_with("GET /in?a=b HTTP/1.1\r\nHost: h\r\n")) << text;
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
  EXPECT_EQ(text.find("Content-Length"), std::string::npos);
}

TEST(RequestTest, EveryOtherLineOfTheMostThatIngestAllowsCanBeReplaced) {
  std::string lines;
  for (std::size_t i = 0; i < core::limits::kHeaderCountMax; ++i)
    lines += i % 2 == 0 ? "a: 1\r\n" : "x: 2\r\n";
  const std::string text = built(*endpoint_with({{"X", "ours"}}), Message{lines, "body"});
  EXPECT_EQ(text.find("x: 2"), std::string::npos);
  EXPECT_TRUE(text.ends_with("body"));
}

TEST(RequestTest, ABodyOfTheEndpointsOwnTakesThePlaceOfTheMessages) {
  const Message message{"A: b\r\nUser-Agent: x\r\n", "the message"};
  EXPECT_TRUE(built(*endpoint_with_body("own", core::Method::kPut), message)
                  .ends_with("Content-Length: 3\r\n\r\nown"));
  EXPECT_TRUE(built(*endpoint_with_body("", core::Method::kPost), message)
                  .ends_with("Content-Length: 0\r\n\r\n"));
  const std::string get = built(*endpoint_with_body("own", core::Method::kGet), message);
  EXPECT_EQ(get.find("own"), std::string::npos);
  EXPECT_EQ(get.find("Content-Length"), std::string::npos);
}

TEST(RequestTest, AnEndpointMayGetNoneOfTheProvidersLinesButTheType) {
  EndpointSettings settings;
  settings.url = "http://h/in";
  settings.forward_headers = false;
  const Message message{"X-A: 1\r\ncontent-TYPE: text/x\r\nUser-Agent: theirs\r\nX-B: 2\r\n", "b"};
  const std::string text = built(**make_endpoint(settings), message);
  EXPECT_TRUE(text.starts_with(
      "POST /in HTTP/1.1\r\nHost: h\r\ncontent-TYPE: text/x\r\nUser-Agent: headrace/"))
      << text;
  EXPECT_EQ(text.find("X-"), std::string::npos);
  settings.headers = {{"Content-Type", "ours"}};
  EXPECT_EQ(built(**make_endpoint(settings), message).find("text/x"), std::string::npos);
}

TEST(RequestTest, EveryOtherLineOfTheMostThatIngestAllowsCanBeTheType) {
  std::string lines;
  for (std::size_t i = 0; i < core::limits::kHeaderCountMax; ++i)
    lines += i % 2 == 0 ? "content-type: 1\r\n" : "x: 2\r\n";
  EndpointSettings settings;
  settings.url = "http://h/in";
  settings.forward_headers = false;
  EXPECT_TRUE(built(**make_endpoint(settings), Message{lines, "body"}).ends_with("body"));
}

TEST(RequestTest, ATestSaysSo) {
  Message message{"", "b"};
  EXPECT_EQ(built(*endpoint_with({}), message).find("headrace-test"), std::string::npos);
  message.delivery.is_test = true;
  EXPECT_NE(built(*endpoint_with({}), message).find("\r\nheadrace-test: true\r\n"),
            std::string::npos);
}

TEST(RequestTest, TheLongestLinesOfOursFitTheScratch) {
  Message message{"", "b"};
  message.delivery.is_test = true;
  RequestScratch scratch;
  RequestPieces pieces;
  const core::WallMs latest = ~core::WallMs{0};
  ASSERT_TRUE(build_request(*endpoint_with({}), message.delivery, latest, "", scratch, pieces));
  // The body's length is the only one that could be longer, by 19 digits.
  EXPECT_LE(pieces.list[1].len + 19, scratch.size());
}

TEST(RequestTest, TheLongestLineOfASignatureFitsTheScratchToo) {
  EndpointSettings settings;
  settings.url = "http://h/in";
  settings.signer = *Signer::make({.secret = new_signing_secret(true),
                                   .previous = new_signing_secret(true),
                                   .previous_until = ~core::WallMs{0}});
  Message message{"", "b"};
  message.delivery.is_test = true;
  RequestScratch scratch;
  RequestPieces pieces;
  const core::WallMs latest = ~core::WallMs{0} - 1;
  ASSERT_TRUE(
      build_request(**make_endpoint(settings), message.delivery, latest, "", scratch, pieces));
  // 19 more digits of a length, and a header of another name.
  EXPECT_LE(pieces.list[1].len + 19 + Signer::kHeaderBytesMax, scratch.size() + 17);
}

TEST(RequestTest, WhatIsSentIsSigned) {
  EndpointSettings settings;
  settings.url = "http://h/in";
  settings.signer = *Signer::make({.secret = core::SecretBytes("whsec_plJ3nmyCDGBKInavdOK15jsl")});
  const auto signature_of = [&](std::string_view body) {
    std::array<char, Signer::kLineBytesMax> line;
    const std::string id = MessageId{{1, 2}}.to_string();
    char* const end = settings.signer->write(
        {.id = id, .timestamp = "1700000000", .body = body, .now = kNow}, line.data());
    return std::string(line.data(), end);
  };
  const Message message{"A: b\r\n", R"({"a":1})"};
  EXPECT_NE(built(**make_endpoint(settings), message)
                .find("webhook-timestamp: 1700000000\r\n" + signature_of(R"({"a":1})") +
                      "Content-Length: 7\r\n\r\n"),
            std::string::npos);
  // Without a body there is none to sign, whatever the message has.
  settings.method = core::Method::kGet;
  EXPECT_TRUE(built(**make_endpoint(settings), message).ends_with(signature_of("") + "\r\n"));
  settings.method = core::Method::kPost;
  settings.body = "own";
  EXPECT_TRUE(built(**make_endpoint(settings), message)
                  .ends_with(signature_of("own") + "Content-Length: 3\r\n\r\nown"));
}

TEST(RequestTest, TheProvidersSignatureOfOurShapeIsLeftOut) {
  EndpointSettings settings;
  settings.url = "http://h/in";
  settings.signer = *Signer::make({.shape = SignatureShape::kGithub,
                                   .secret = core::SecretBytes("It's a Secret to Everybody")});
  const std::string text = built(**make_endpoint(settings),
                                 Message{"x-hub-signature-256: sha256=theirs\r\nA: b\r\n", "b"});
  EXPECT_EQ(text.find("theirs"), std::string::npos);
  EXPECT_NE(text.find("X-Hub-Signature-256: sha256="), std::string::npos);
}

RC_GTEST_PROP(RequestTest, ConsumingInAnyStepsLeavesExactlyTheRest, (const std::string& body)) {
  const Message message{"A: b\r\nx-c: d\r\nE: f\r\n", body};
  const auto endpoint = endpoint_with({{"X-C", "1"}});
  RequestScratch scratch;
  RequestPieces pieces;
  RC_ASSERT(build_request(*endpoint, message.delivery, kNow, "", scratch, pieces));
  std::string left = text_of(pieces);
  while (pieces.bytes != 0) {
    const auto step = *rc::gen::inRange<std::size_t>(1, pieces.bytes + 1);
    pieces.consume(step);
    left.erase(0, step);
    RC_ASSERT(text_of(pieces) == left);
  }
  RC_ASSERT(pieces.count == 0u);
}

// Text made of what ends lines, names and values.
rc::Gen<std::string> hostile_text() {
  return rc::gen::container<std::string>(rc::gen::element(
      '\r', '\n', '\0', ' ', '\t', ':', '=', '&', '%', '#', '?', '"', 'a', '\x7f', '\x80'));
}

// The lines of a head, without their ends.
std::vector<std::string> lines_of(const std::string& head) {
  std::vector<std::string> lines;
  for (std::size_t at = 0, end = 0; (end = head.find("\r\n", at)) != std::string::npos;
       at = end + 2)
    lines.push_back(head.substr(at, end - at));
  return lines;
}

// Whatever an endpoint's settings and a message hold: the head has the lines that it should have,
// and nothing in them ends a line or a text of C.
RC_GTEST_PROP(RequestTest, NothingAddsALineOrHoldsABareCrLfOrNul, ()) {
  EndpointSettings settings;
  settings.url = "http://h/in" + *hostile_text();
  if (!Url::parse(settings.url)) settings.url = "http://h/in";
  settings.method = *rc::gen::element(core::Method::kGet, core::Method::kPost);
  settings.query = {{*hostile_text(), *hostile_text()}};
  settings.headers = {{"X-" + *hostile_text(), *hostile_text()}};
  if (!make_endpoint(settings)) settings.headers = {{"X-A", *hostile_text()}};
  if (!make_endpoint(settings)) settings.headers.clear();
  const auto endpoint = make_endpoint(settings);
  RC_ASSERT(endpoint.has_value());
  const std::string text = *hostile_text();
  const Message message{
      "", *rc::gen::element(text, "a=" + text, "{\"k\":\"" + text + "\"}", std::string()),
      *hostile_text()};
  MessageQuery query;
  RequestScratch scratch;
  RequestPieces pieces;
  const std::string added{query.of(**endpoint, message.delivery.payload)};
  RC_ASSERT(build_request(**endpoint, message.delivery, kNow, added, scratch, pieces));
  std::string head;
  for (unsigned i = 0; i < pieces.count; ++i) head.append(pieces.list[i].base, pieces.list[i].len);
  if ((*endpoint)->sends_body) head.resize(head.size() - message.delivery.payload.body.size);
  const auto lines = lines_of(head);
  // The request, Host, User-Agent, webhook-id, webhook-timestamp and the empty one.
  RC_ASSERT(lines.size() == 6 + settings.headers.size() + ((*endpoint)->sends_body ? 1 : 0));
  RC_ASSERT(lines.back().empty());
  for (const std::string& line : lines)
    RC_ASSERT(line.find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos);
  RC_ASSERT(std::count(lines[0].begin(), lines[0].end(), ' ') == 2);
}

TEST(MessageQueryTest, TakesTheScalarsOfTheTopLevelInOrder) {
  MessageQuery query;
  const Message message{"", R"({"a":"x y&z","b":12345678901234567890123,"c":true,)"
                            R"("d":null,"e":{"f":1},"g":[2],"h":-1.5e3 })"};
  EXPECT_EQ(query.of(*endpoint_with({}, core::Method::kGet), message.delivery.payload),
            "a=x%20y%26z&b=12345678901234567890123&c=true&d=&h=-1.5e3");
}

TEST(MessageQueryTest, AFormIsTakenAsItIs) {
  MessageQuery query;
  const auto endpoint = endpoint_with({}, core::Method::kDelete);
  EXPECT_EQ(query.of(*endpoint, Message{"", "a=b&c=%20"}.delivery.payload), "a=b&c=%20");
  EXPECT_EQ(query.of(*endpoint, Message{"", "a=b\r\nHost: x"}.delivery.payload), "");
  EXPECT_EQ(query.of(*endpoint, Message{"", "[1,2]"}.delivery.payload), "");
}

TEST(MessageQueryTest, NothingOfAMessageIsAddedForAnEndpointWithItsOwnBody) {
  MessageQuery query;
  const auto endpoint = endpoint_with_body("own", core::Method::kGet);
  EXPECT_EQ(query.of(*endpoint, Message{"", R"({"a":1})"}.delivery.payload), "");
  EXPECT_EQ(query.of(*endpoint, Message{"", "", "topic=x"}.delivery.payload), "");
}

TEST(MessageQueryTest, AMessageWithoutBodyPassesItsOwnQueryOn) {
  MessageQuery query;
  const Message message{"", "", "topic=x"};
  EXPECT_EQ(query.of(*endpoint_with({}), message.delivery.payload), "topic=x");
  EXPECT_EQ(query.of(*endpoint_with({}), Message{"", "body", "topic=x"}.delivery.payload), "");
}

}  // namespace headrace::dispatch
