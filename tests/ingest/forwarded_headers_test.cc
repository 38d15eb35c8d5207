// SPDX-License-Identifier: Apache-2.0
#include "ingest/forwarded_headers.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/limits.h"

namespace headrace::ingest {
namespace {

// A request whose header section is `lines`.
class Head {
 public:
  explicit Head(std::string_view lines) : bytes_("POST /in/x HTTP/1.1\r\n") {
    bytes_.append(lines).append("\r\n");
    complete_ =
        parser_.parse(bytes_.data(), bytes_.size()) == core::RequestParser::Status::kHeadComplete;
  }
  bool complete() const noexcept { return complete_; }
  std::string kept(std::string_view credential = {}) {
    return std::string(
        keep_forwarded_lines(parser_.head(), bytes_.data(), credential).in(bytes_.data()));
  }
  std::string_view dedupe_value() const { return find_dedupe_value(parser_.head(), bytes_.data()); }

 private:
  std::string bytes_;
  core::RequestParser parser_;
  bool complete_ = false;
};

std::string kept(std::string_view lines) {
  Head head("Host: test\r\n" + std::string(lines));
  EXPECT_TRUE(head.complete()) << lines;
  return head.kept();
}

TEST(ForwardedHeadersTest, ProvidersLinesAreKeptToTheByte) {
  const std::string lines =
      "X-GitHub-Event: push\r\nuser-agent:GitHub-Hookshot/044aadd\r\nX-Empty:\r\n"
      "X-Spaces:   two  words  \r\nX-GitHub-Event: again\r\nX-Bytes: caf\xc3\xa9\r\n";
  EXPECT_EQ(kept(lines), lines);
}

TEST(ForwardedHeadersTest, HopByHopAndTransferLinesAreDropped) {
  EXPECT_EQ(kept("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n"
                 "Trailer: X\r\nProxy-Connection: close\r\nProxy-Authorization: b\r\n"
                 "Proxy-Authenticate: b\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
                 "A: 1\r\n"),
            "A: 1\r\n");
  EXPECT_EQ(kept("A: 1\r\nTransfer-Encoding: chunked\r\nB: 2\r\n"), "A: 1\r\nB: 2\r\n");
}

// A receiver that takes headrace for its proxy would believe them.
TEST(ForwardedHeadersTest, WhatIsSaidOfAddressesIsDropped) {
  EXPECT_EQ(kept("X-Forwarded-For: 192.0.2.1\r\nA: 1\r\nx-forwarded-PROTO: https\r\n"
                 "X-Forwarded-Anything: x\r\nForwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"
                 "X-Forwarded: no\r\n"),
            "A: 1\r\nX-Forwarded: no\r\n");
}

TEST(ForwardedHeadersTest, NamesThatHeadraceSetsAreDropped) {
  EXPECT_EQ(kept("Webhook-Id: 1\r\nA: 1\r\nwebhook-timestamp: 2\r\nB: 2\r\nWEBHOOK-SIGNATURE: x\r\n"
                 "Headrace-Test: true\r\nWebhook-Idea: mine\r\n"),
            "A: 1\r\nB: 2\r\nWebhook-Idea: mine\r\n");
}

TEST(ForwardedHeadersTest, FieldThatProvesTheProviderIsDroppedWhereverItIs) {
  Head head(
      "Host: test\r\nX-GitLab-Token: s\r\nX-Gitlab-Tokens: t\r\nA: 1\r\nx-gitlab-token: s\r\n");
  EXPECT_EQ(head.kept("x-gitlab-token"), "X-Gitlab-Tokens: t\r\nA: 1\r\n");
}

TEST(ForwardedHeadersTest, FieldsThatConnectionNamesAreDropped) {
  EXPECT_EQ(kept("X-Hop: 1\r\nConnection: close, x-hop ,\tx-other\r\nX-Other: 2\r\nX-Kept: 3\r\n"),
            "X-Kept: 3\r\n");
}

TEST(ForwardedHeadersTest, EveryConnectionLineNamesFields) {
  EXPECT_EQ(kept("Connection: keep-alive\r\nX-Hop: 1\r\nConnection: X-Hop\r\nX-Kept: 3\r\n"),
            "X-Kept: 3\r\n");
}

// The first line that is kept is moved to where Connection stood.
TEST(ForwardedHeadersTest, FieldsAreStillDroppedWhenTheConnectionLineIsCovered) {
  EXPECT_EQ(kept("Connection: x-hop\r\nAnother: 1234\r\nX-Hop: 1\r\nB: 2\r\nX-Hop: 2\r\n"),
            "Another: 1234\r\nB: 2\r\n");
}

TEST(ForwardedHeadersTest, OnlyLettersAreComparedWithoutCase) {
  EXPECT_EQ(kept("Connection: X^\r\nX~: 1\r\nx^: 2\r\n"), "X~: 1\r\n");
}

TEST(ForwardedHeadersTest, NothingIsKeptOfNothing) {
  EXPECT_EQ(kept(""), "");
  EXPECT_EQ(kept("Content-Length: 0\r\n"), "");
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

struct Line {
  std::string name, text;
};

rc::Gen<std::string> any_case(std::string name) {
  return rc::gen::map(
      rc::gen::container<std::vector<bool>>(name.size(), rc::gen::arbitrary<bool>()),
      [name](const std::vector<bool>& upper) {
        std::string text = name;
        for (std::size_t i = 0; i < text.size(); ++i) {
          if (upper[i] && text[i] >= 'a' && text[i] <= 'z')
            text[i] = static_cast<char>(text[i] - 32);
        }
        return text;
      });
}

const std::set<std::string>& dropped_always() {
  static const std::set<std::string> names = {"te",
                                              "host",
                                              "trailer",
                                              "connection",
                                              "keep-alive",
                                              "webhook-id",
                                              "proxy-connection",
                                              "webhook-timestamp",
                                              "webhook-signature",
                                              "headrace-test",
                                              "proxy-authorization",
                                              "proxy-authenticate"};
  return names;
}

rc::Gen<Line> any_line() {
  const auto name = rc::gen::join(rc::gen::map(
      rc::gen::element<std::string>("te", "trailer", "keep-alive", "webhook-id", "proxy-connection",
                                    "webhook-timestamp", "webhook-signature", "headrace-test", "a",
                                    "b", "x-hop", "x-github-event", "webhook-ids", "tea",
                                    "content-type"),
      [](std::string chosen) { return any_case(std::move(chosen)); }));
  const auto value =
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("abc XYZ,:;=\t\"\xc3\xa9")));
  return rc::gen::map(rc::gen::pair(name, value), [](std::pair<std::string, std::string> made) {
    return Line{made.first, made.first + ":" + made.second + "\r\n"};
  });
}

// The lines of a Connection field that names some of the others.
rc::Gen<Line> any_connection() {
  const auto names = rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("close", "keep-alive", "a", "B", "X-Hop", "content-type", ""));
  return rc::gen::map(names, [](const std::vector<std::string>& list) {
    std::string value;
    for (const std::string& name : list) value += (value.empty() ? " " : " ,\t") + name;
    return Line{"Connection", "Connection:" + value + "\r\n"};
  });
}

std::set<std::string> named_by(const std::vector<Line>& lines) {
  std::set<std::string> names;
  for (const Line& line : lines) {
    if (lower(line.name) != "connection") continue;
    std::string name;
    for (const char c : line.text.substr(line.name.size() + 1)) {
      if (c == ',' || c == '\r') {
        names.insert(lower(name));
        name.clear();
      } else if (c != ' ' && c != '\t') {
        name += c;
      }
    }
  }
  return names;
}

RC_GTEST_PROP(ForwardedHeadersTest, KeptLinesAreTheOthersInTheirOrderAndToTheByte, ()) {
  const auto lines = *rc::gen::container<std::vector<Line>>(
      rc::gen::weightedOneOf<Line>({{8, any_line()}, {1, any_connection()}}));
  RC_PRE(lines.size() < core::limits::kHeaderCountMax);
  std::string text = "Host: test\r\n";
  std::string expected;
  const std::set<std::string> named = named_by(lines);
  for (const Line& line : lines) {
    text += line.text;
    const std::string name = lower(line.name);
    if (dropped_always().count(name) == 0 && named.count(name) == 0) expected += line.text;
  }
  Head head(text);
  RC_ASSERT(head.complete());
  RC_ASSERT(head.kept() == expected);
}

TEST(DedupeValueTest, IsTheFirstKindThatIsThereWhateverTheOrder) {
  EXPECT_EQ(Head("Host: a\r\nX-GitHub-Delivery: g\r\nIdempotency-Key: i\r\nWebhook-Id: w\r\n")
                .dedupe_value(),
            "w");
  EXPECT_EQ(Head("Host: a\r\nX-GitHub-Delivery: g\r\nIdempotency-Key: i\r\n").dedupe_value(), "i");
  EXPECT_EQ(Head("Host: a\r\nX-GITHUB-DELIVERY: g\r\n").dedupe_value(), "g");
  EXPECT_EQ(Head("Host: a\r\n").dedupe_value(), "");
}

TEST(DedupeValueTest, ThatIsTooLongIsNone) {
  const std::string longest(core::limits::kDedupeKeyBytesMax, 'k');
  EXPECT_EQ(Head("Host: a\r\nWebhook-Id: " + longest + "\r\n").dedupe_value(), longest);
  EXPECT_EQ(Head("Host: a\r\nWebhook-Id: " + longest + "k\r\n").dedupe_value(), "");
}

}  // namespace
}  // namespace headrace::ingest
