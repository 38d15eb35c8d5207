// SPDX-License-Identifier: Apache-2.0
// The parsers against llhttp's own collection of cases, where it is at hand (shared/corpora/http1
// beside the source tree). A case says what llhttp does; where we are stricter on purpose, the
// class is listed with its reason.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/core/http_cases.h"
#include "tests/core/http_stream.h"

namespace headrace::core {
namespace {

using Case = test::HttpCase;
using test::run_requests;
using test::run_responses;
using test::with_host;

// What llhttp accepts and we do not, or count otherwise: by the reason that we give, and why.
struct Stricter {
  std::string_view reason;
  std::string_view why;
};
constexpr std::array<Stricter, 8> kRequestsStricter = {{
    {"Upgrade is not offered",
     "a tunnel behind a proxy's back is a smuggling shape, and no other protocol is spoken"},
    {"a method that is not offered", "CONNECT and TRACE mean nothing to a receiver of webhooks"},
    {"a request target that is not in origin form",
     "links are paths; absolute targets let two hosts disagree"},
    {"a malformed request line", "RTSP and ICE, which llhttp also reads"},
    {"Invalid method encountered", "QUERY is newer than this llhttp"},
    {"Invalid character in Content-Length",
     "a tab around the number, which newer versions of llhttp allow"},
    {"an HTTP version other than 1.0 and 1.1", "HTTP/0.9 has no head"},
    {"a Transfer-Encoding other than chunked", "compressed transfer codings are not undone"},
}};
constexpr std::array<Stricter, 6> kResponsesStricter = {{
    {"the peer switched protocols unasked", "we never ask for an upgrade"},
    {"Invalid character in Content-Length",
     "a tab around the number, which newer versions of llhttp allow"},
    {"Expected HTTP/", "RTSP and ICE, which llhttp also reads"},
    {"a malformed status line", "HTTP/0.9 has no head"},
    {"a Transfer-Encoding that cannot be undone",
     "chunked must be the last coding, and we undo no other"},
    {"more than one Transfer-Encoding", "as above"},
}};

// Cases whose number of messages differs though nothing is refused.
constexpr std::array<std::string_view, 1> kRequestsCountedOtherwise = {
    // The original tells llhttp that there is no body, against Content-Length.
    "Content-Length reset when no body is received",
};
constexpr std::array<std::string_view, 3> kResponsesCountedOtherwise = {
    "Content-Length reset when no body is received",
    // Interim responses are passed over, not counted.
    "HTTP 100 first, then 400",
    "HTTP 103 first, then 200",
};

template <std::size_t kCount>
bool is_stricter(const std::array<Stricter, kCount>& classes, std::string_view reason) {
  return std::any_of(classes.begin(), classes.end(),
                     [&](const Stricter& each) { return each.reason == reason; });
}

template <std::size_t kCount>
bool is_counted_otherwise(const std::array<std::string_view, kCount>& names,
                          std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view each) { return name.ends_with(each); });
}

class HttpCorpusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::read_http_cases("", cases_))
      GTEST_SKIP() << "the corpus is not beside the source tree";
    ASSERT_GT(cases_.size(), 200u);
  }
  std::vector<Case> cases_of(std::string_view kind) const {
    std::vector<Case> chosen;
    for (const Case& each : cases_) {
      if (each.kind.starts_with(kind)) chosen.push_back(each);
    }
    return chosen;
  }
  std::vector<Case> cases_;
};

TEST_F(HttpCorpusTest, RequestVerdictsDoNotDependOnThePieces) {
  for (const Case& each : cases_of("request")) {
    for (const std::string& bytes : {each.bytes, with_host(each.bytes)}) {
      const auto whole = run_requests(bytes);
      EXPECT_TRUE(whole == run_requests(bytes, 1)) << each.name << ": " << whole.reason;
      EXPECT_TRUE(whole == run_requests(bytes, 7)) << each.name << ": " << whole.reason;
    }
  }
}

TEST_F(HttpCorpusTest, EveryRequestThatMustBeRefusedIsRefused) {
  for (const Case& each : cases_of("request")) {
    if (!each.must_reject) continue;
    EXPECT_TRUE(run_requests(each.bytes).refused()) << each.name;
    EXPECT_TRUE(run_requests(with_host(each.bytes)).refused()) << each.name;
  }
}

TEST_F(HttpCorpusTest, EveryOtherRequestIsAcceptedUnlessWeAreStricterOnPurpose) {
  std::size_t accepted = 0;
  for (const Case& each : cases_of("request")) {
    if (each.must_reject || each.lenient()) continue;
    const auto outcome = run_requests(with_host(each.bytes));
    if (is_stricter(kRequestsStricter, outcome.reason)) continue;
    EXPECT_FALSE(outcome.refused()) << each.name << ": " << outcome.reason;
    if (is_counted_otherwise(kRequestsCountedOtherwise, each.name)) continue;
    EXPECT_EQ(outcome.requests.size(), each.messages) << each.name;
    ++accepted;
  }
  EXPECT_GE(accepted, 50u);
}

TEST_F(HttpCorpusTest, ResponseVerdictsDoNotDependOnThePieces) {
  for (const Case& each : cases_of("response")) {
    const auto whole = run_responses(each.bytes);
    EXPECT_TRUE(whole == run_responses(each.bytes, 1)) << each.name << ": " << whole.reason;
    EXPECT_TRUE(whole == run_responses(each.bytes, 7)) << each.name << ": " << whole.reason;
  }
}

TEST_F(HttpCorpusTest, EveryResponseThatMustBeRefusedIsRefused) {
  for (const Case& each : cases_of("response")) {
    EXPECT_TRUE(!each.must_reject || run_responses(each.bytes).refused()) << each.name;
  }
}

TEST_F(HttpCorpusTest, EveryOtherResponseIsAcceptedUnlessWeAreStricterOnPurpose) {
  std::size_t accepted = 0;
  for (const Case& each : cases_of("response")) {
    if (each.must_reject || each.lenient()) continue;
    const auto outcome = run_responses(each.bytes);
    if (is_stricter(kResponsesStricter, outcome.reason)) continue;
    EXPECT_FALSE(outcome.refused()) << each.name << ": " << outcome.reason;
    if (is_counted_otherwise(kResponsesCountedOtherwise, each.name)) continue;
    EXPECT_EQ(outcome.responses.size(), each.messages) << each.name;
    ++accepted;
  }
  EXPECT_GE(accepted, 40u);
}

}  // namespace
}  // namespace headrace::core
