// SPDX-License-Identifier: Apache-2.0
#include "dispatch/url.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace headrace::dispatch {

TEST(UrlTest, PartsAreSplitAndDefaultsFilled) {
  const auto url = Url::parse("HTTPS://Hooks.Example.com/a/b?c=d&e");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "hooks.example.com");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/a/b?c=d&e");
  EXPECT_EQ(url->authority(), "hooks.example.com");
}

TEST(UrlTest, AnOddPortIsPartOfTheAuthority) {
  EXPECT_EQ(Url::parse("http://h:8080")->authority(), "h:8080");
  EXPECT_EQ(Url::parse("http://h:80/")->authority(), "h");
  EXPECT_EQ(Url::parse("https://h:80/")->authority(), "h:80");
}

TEST(UrlTest, ATargetIsNeverEmpty) {
  EXPECT_EQ(Url::parse("http://h")->target, "/");
  EXPECT_EQ(Url::parse("http://h?x")->target, "/?x");
}

TEST(UrlTest, AnIpv6HostStandsInBracketsInTheAuthorityOnly) {
  const auto url = Url::parse("http://[::1]:8080/x");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->ipv6);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->authority(), "[::1]:8080");
}

struct BadUrl {
  const char* text;
  std::int64_t offset;
};

class BadUrlTest : public testing::TestWithParam<BadUrl> {};

TEST_P(BadUrlTest, IsRefusedAtTheOffsetOfItsFault) {
  const auto url = Url::parse(GetParam().text);
  ASSERT_FALSE(url) << GetParam().text;
  EXPECT_EQ(url.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(url.error().detail, GetParam().offset) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    All, BadUrlTest,
    testing::Values(
        BadUrl{"", 0}, BadUrl{"ftp://h/", 0}, BadUrl{"http:/h", 0}, BadUrl{"//h/", 0},
        BadUrl{"http://", 7}, BadUrl{"http:///x", 7}, BadUrl{"http://user@h/", 11},
        BadUrl{"http://u:p@h/", 10}, BadUrl{"http://h/#top", 9}, BadUrl{"http://h#top", 8},
        BadUrl{"http://h/a b", 10}, BadUrl{"http://h/a\r\nX: y", 10}, BadUrl{"http://h/\x7f", 9},
        BadUrl{"http://h/\xc3\xa9", 9}, BadUrl{"http://h/%2", 9}, BadUrl{"http://h/%zz", 9},
        BadUrl{"http://h/<x>", 9}, BadUrl{"http://h:/", 8}, BadUrl{"http://h:0/", 9},
        BadUrl{"http://h:65536/", 9}, BadUrl{"http://h:8o/", 8}, BadUrl{"http://h:+80/", 8},
        BadUrl{"http://[::1/", 7}, BadUrl{"http://[::g]/", 7}, BadUrl{"http://[::1]x/", 12},
        BadUrl{"http://[fe80::1%25eth0]/", 7}, BadUrl{"http://a..b/", 7}, BadUrl{"http://.a/", 7},
        BadUrl{"http://h\\x/", 7}, BadUrl{"http://1.2.3/", 7}, BadUrl{"http://2130706433/", 7},
        BadUrl{"http://0x7f.1/", 7}, BadUrl{"http://1.2.3.256/", 7}, BadUrl{"http:// h/", 7}));

TEST(UrlTest, AnAddressDoesNotEndAtANul) {
  using namespace std::string_view_literals;
  for (const auto text : {"http://[::1\0]/"sv, "http://[::1\0\r\nX: y\r\n]/"sv,
                          "http://127.0.0.1\0/"sv, "http://[::ffff:10.0.0.1\0.example.com]/"sv}) {
    const auto url = Url::parse(text);
    ASSERT_FALSE(url) << url->authority();
    EXPECT_EQ(url.error().code, ErrorCode::kMalformed);
    EXPECT_EQ(url.error().detail, 7);
  }
}

TEST(UrlTest, AVeryLongUrlIsTooLarge) {
  const auto url = Url::parse("http://h/" + std::string(5000, 'a'));
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().code, ErrorCode::kTooLarge);
}

RC_GTEST_PROP(UrlTest, WhatIsAcceptedCannotBreakARequestLine, (const std::string& tail)) {
  for (const std::string& text :
       {"http://" + tail, "http://h/" + tail, "https://h:1/?" + tail, tail}) {
    const auto url = Url::parse(text);
    if (!url) continue;
    RC_ASSERT(!url->host.empty());
    RC_ASSERT(url->target.starts_with('/'));
    for (const char c : url->host + url->target) RC_ASSERT(c > ' ' && c < 0x7f);
    RC_ASSERT(url->target.find('#') == std::string::npos);
  }
}

RC_GTEST_PROP(UrlTest, TheAuthorityIsReadBackAsItWas, (bool tls)) {
  const auto port = *rc::gen::inRange(1, 65536);
  const auto host =
      *rc::gen::element<std::string>("h", "a-b.example.com", "127.0.0.1", "[2001:db8::7]");
  const std::string scheme = tls ? "https://" : "http://";
  const auto url = Url::parse(scheme + host + ":" + std::to_string(port) + "/");
  RC_ASSERT(url.has_value());
  const auto again = Url::parse(scheme + url->authority());
  RC_ASSERT(again.has_value());
  RC_ASSERT(again->host == url->host);
  RC_ASSERT(again->port == port);
}

}  // namespace headrace::dispatch
