// SPDX-License-Identifier: Apache-2.0
// The URL parser against the test data of the WHATWG's URL standard, where it is at hand
// (shared/corpora/url beside the source tree): whatever the standard reads as an address must be
// refused by us or read as the same address, never taken for a name that is then asked for.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"
#include "dispatch/address_filter.h"
#include "dispatch/url.h"

namespace headrace::dispatch {
namespace {

using core::IpAddress;

struct Case {
  std::string input;
  bool fails = false;    // the standard refuses it, whatever it is relative to
  std::string hostname;  // as the standard writes it
};

// The data has halves of surrogate pairs, which the standard reads as U+FFFD.
std::string without_surrogates(std::string text) {
  for (std::size_t at = 0; (at = text.find("\\u", at)) != std::string::npos; at += 2) {
    const auto digit = [&](std::size_t i) {
      return std::tolower(static_cast<unsigned char>(text[at + i]));
    };
    if (digit(2) == 'd' && digit(3) >= '8') text.replace(at, 6, "\\ufffd");
  }
  return text;
}

class UrlCorpusTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(std::filesystem::path(HEADRACE_SOURCE_DIR) /
                       "../shared/corpora/url/urltestdata.json");
    if (!file) GTEST_SKIP() << "the corpus is not beside the source tree";
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (const auto& entry : nlohmann::json::parse(without_surrogates(text))) {
      if (!entry.is_object()) continue;
      cases_.push_back({entry.at("input"), entry.value("failure", false),
                        entry.value("hostname", std::string())});
    }
    ASSERT_GT(cases_.size(), 500u);
  }
  std::vector<Case> cases_;
};

std::optional<IpAddress> address_of(std::string_view hostname) {
  if (hostname.starts_with('[')) hostname = hostname.substr(1, hostname.size() - 2);
  return IpAddress::parse(hostname);
}

TEST_F(UrlCorpusTest, WhatIsAnAddressToTheStandardIsRefusedOrTheSameAddress) {
  std::size_t addresses = 0, read = 0;
  for (const Case& each : cases_) {
    const auto wanted = address_of(each.hostname);
    if (!wanted) continue;
    ++addresses;
    const auto url = Url::parse(each.input);
    if (!url) continue;
    ++read;
    const auto ours = address_of(url->host);
    ASSERT_TRUE(ours) << each.input << " would be asked for as the name " << url->host;
    EXPECT_EQ(*ours, *wanted) << each.input;
    EXPECT_EQ(kind_of(*ours), kind_of(*wanted)) << each.input;
  }
  EXPECT_GE(addresses, 25u);
  EXPECT_GE(read, 5u);
}

TEST_F(UrlCorpusTest, WhatIsReadHasTheHostThatTheStandardReads) {
  std::size_t read = 0;
  for (const Case& each : cases_) {
    const auto url = Url::parse(each.input);
    if (!url) continue;
    ++read;
    if (each.fails) {
      // Names that no registry hands out, as what they encode is not allowed; they resolve to
      // nothing.
      EXPECT_NE(url->host.find("xn--"), std::string::npos) << each.input;
      continue;
    }
    const auto wanted = address_of(each.hostname);
    if (wanted) continue;  // the test above
    EXPECT_EQ(url->host, each.hostname) << each.input;
  }
  EXPECT_GE(read, 40u);
}

}  // namespace
}  // namespace headrace::dispatch
