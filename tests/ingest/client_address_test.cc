// SPDX-License-Identifier: Apache-2.0
#include "ingest/client_address.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "ingest/peer_counts.h"

namespace headrace::ingest {
namespace {

using core::IpAddress;

ClientRules trusting(const char* blocks, ClientField field = ClientField::kXForwardedFor) {
  return {.trusted_proxies = *core::parse_cidr_list(blocks), .field = field};
}

// Whose request it is that comes from `peer` with these header lines.
std::string client_of(std::string lines, const ClientRules& rules, const char* peer = "10.0.0.1") {
  std::string request = "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
  core::RequestParser parser;
  EXPECT_EQ(parser.parse(request.data(), request.size()),
            core::RequestParser::Status::kHeadComplete);
  return client_of(parser.head(), request.data(), *IpAddress::parse(peer), rules).to_string();
}

std::string by_list(const std::string& list) {
  return client_of("X-Forwarded-For: " + list + "\r\n", trusting("10.0.0.0/8, fd00::/8"));
}

std::string by_forwarded(const std::string& value) {
  return client_of("Forwarded: " + value + "\r\n",
                   trusting("10.0.0.0/8, fd00::/8", ClientField::kForwarded));
}

TEST(ClientAddressTest, NobodyIsBelievedUnlessTrusted) {
  EXPECT_EQ(client_of("X-Forwarded-For: 192.0.2.1\r\n", {}), "10.0.0.1");
  EXPECT_EQ(client_of("X-Forwarded-For: 192.0.2.1\r\n", trusting("10.0.0.2")), "10.0.0.1");
  EXPECT_EQ(client_of("X-Forwarded-For: 192.0.2.1\r\n", trusting("10.0.0.1")), "192.0.2.1");
  EXPECT_EQ(client_of("X-Forwarded-For: 192.0.2.1\r\n", trusting("0.0.0.0/0"), "::1"), "::1");
}

TEST(ClientAddressTest, OnlyTheFieldThatProxiesUseIsRead) {
  const std::string both = "Forwarded: for=192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n";
  EXPECT_EQ(client_of(both, trusting("10.0.0.1")), "192.0.2.2");
  EXPECT_EQ(client_of(both, trusting("10.0.0.1", ClientField::kForwarded)), "192.0.2.1");
  EXPECT_EQ(client_of("X-Real-IP: 192.0.2.1\r\n", trusting("10.0.0.1")), "10.0.0.1");
}

TEST(ClientAddressTest, RightmostHopThatIsNotTrustedIsTheClient) {
  EXPECT_EQ(by_list("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(by_list("203.0.113.9, 192.0.2.1, 10.1.1.1, 10.2.2.2"), "192.0.2.1");
  EXPECT_EQ(by_list("10.1.1.1, 10.2.2.2"), "10.1.1.1") << "all trusted: the first";
  EXPECT_EQ(by_list(" ,192.0.2.1, ,"), "192.0.2.1");
  EXPECT_EQ(by_list(""), "10.0.0.1");
  EXPECT_EQ(by_list("192.0.2.1:8080"), "192.0.2.1");
  EXPECT_EQ(by_list("2001:db8::1, fd00::1"), "2001:db8::1");
  EXPECT_EQ(by_list("[2001:db8::1]:443"), "2001:db8::1");
}

TEST(ClientAddressTest, WhatIsNoAddressEndsTheSearch) {
  EXPECT_EQ(by_list("192.0.2.1, unknown"), "10.0.0.1");
  EXPECT_EQ(by_list("192.0.2.1, unknown, 10.9.9.9"), "10.9.9.9");
  EXPECT_EQ(by_list("unknown, 192.0.2.1"), "192.0.2.1");
  for (const char* bad : {"192.0.2.1:", "192.0.2.1:x", "192.0.2.1:123456", "[192.0.2.1]",
                          "[2001:db8::1", "[2001:db8::1]443", "192.0.2", "_hidden", "1"})
    EXPECT_EQ(by_list(std::string("203.0.113.9, ") + bad), "10.0.0.1") << bad;
}

TEST(ClientAddressTest, LinesOfAFieldAreOneList) {
  EXPECT_EQ(client_of("X-Forwarded-For: 203.0.113.9\r\nX: y\r\nx-forwarded-FOR: 192.0.2.1\r\n",
                      trusting("10.0.0.0/8")),
            "192.0.2.1");
}

TEST(ClientAddressTest, ForwardedIsReadWithItsQuotes) {
  EXPECT_EQ(by_forwarded("for=192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(by_forwarded("For=\"[2001:db8::1]:4711\";proto=https"), "2001:db8::1");
  EXPECT_EQ(by_forwarded("proto=http;by=203.0.113.43;for=192.0.2.1, for=10.1.1.1"), "192.0.2.1");
  EXPECT_EQ(by_forwarded("for=203.0.113.9, for=192.0.2.1;host=\"a,for=10.0.0.9\""), "192.0.2.1");
  EXPECT_EQ(by_forwarded("for=192.0.2.1, for=_secret"), "10.0.0.1");
  EXPECT_EQ(by_forwarded("for=192.0.2.1, by=10.1.1.1"), "10.0.0.1") << "a hop that does not say";
  EXPECT_EQ(by_forwarded("for=192.0.2.1;for=192.0.2.2"), "10.0.0.1") << "two answers are none";
  EXPECT_EQ(by_forwarded("for=192.0.2.1, x=\"open, for=192.0.2.2"), "10.0.0.1");
}

// What the client sent stands in front of what its proxy appended.
TEST(ClientAddressTest, AQuoteLeftOpenTakesInNothingThatAProxyAppends) {
  for (const char* forged : {R"(for=1.2.3.4;x=")", R"(for=1.2.3.4;x="\)", R"(for=1.2.3.4;")",
                             R"(for=1.2.3.4;x=a")", R"(for=1.2.3.4;x="\"")"})
    for (const char* appended : {R"(for="[2001:db8::1]")", R"(for=192.0.2.1;by="[fd00::1]")",
                                 R"(for="192.0.2.1:80";proto=https;host="a.test")"})
      EXPECT_NE(by_forwarded(std::string(forged) + ", " + appended), "1.2.3.4")
          << forged << " " << appended;
  EXPECT_EQ(by_forwarded(R"(for=1.2.3.4;x=", for="[2001:db8::1]")"), "10.0.0.1");
}

// By the definition itself: from the right, over what is trusted.
RC_GTEST_PROP(ClientAddressTest, FollowsTheDefinition, ()) {
  const auto hops = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "10.1.1.1", "10.2.2.2", "192.0.2.1", "203.0.113.9", "2001:db8::1", "fd00::1", "unknown"));
  std::string list;
  for (const std::string& hop : hops) list += (list.empty() ? "" : ", ") + hop;
  std::string expected = "10.0.0.1";
  for (auto hop = hops.rbegin(); hop != hops.rend() && *hop != "unknown"; ++hop) {
    expected = *hop;
    if (!hop->starts_with("10.") && !hop->starts_with("fd00")) break;
  }
  RC_ASSERT(by_list(list) == expected);
}

TEST(PeerCountsTest, EachClientHasAsManyAsItMay) {
  PeerCounts counts(2);
  const auto at = [](const char* text) { return *IpAddress::parse(text); };
  EXPECT_TRUE(counts.add(at("192.0.2.1")));
  EXPECT_TRUE(counts.add(at("192.0.2.1")));
  EXPECT_FALSE(counts.add(at("192.0.2.1")));
  EXPECT_TRUE(counts.add(at("192.0.2.2")));
  counts.remove(at("192.0.2.1"));
  EXPECT_TRUE(counts.add(at("192.0.2.1")));
  EXPECT_TRUE(counts.add(at("2001:db8::1")));
  EXPECT_TRUE(counts.add(at("2001:db8::2")));
  EXPECT_FALSE(counts.add(at("2001:db8::ffff:3"))) << "one /64 is one client";
  EXPECT_TRUE(counts.add(at("2001:db8:0:1::1")));
}

TEST(PeerCountsTest, WhoIsGoneTakesNoMemory) {
  PeerCounts counts(2);
  const IpAddress peer = *IpAddress::parse("192.0.2.1");
  EXPECT_TRUE(counts.add(peer));
  EXPECT_EQ(counts.peers(), 1u);
  counts.remove(peer);
  EXPECT_EQ(counts.peers(), 0u);
}

}  // namespace
}  // namespace headrace::ingest
