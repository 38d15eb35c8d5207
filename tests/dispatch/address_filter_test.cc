// SPDX-License-Identifier: Apache-2.0
#include "dispatch/address_filter.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dispatch/resolver.h"
#include "tests/dispatch/addresses.h"

namespace headrace::dispatch {
namespace {

using core::IpAddress;

IpAddress address(std::string_view text) {
  const auto read = IpAddress::parse(text);
  EXPECT_TRUE(read) << text;
  return read.value_or(IpAddress{});
}

Url url(std::string_view text) {
  auto read = Url::parse(text);
  EXPECT_TRUE(read) << text;
  return read ? *read : Url{};
}

// Whether the rules let a URL of that host and port lead to the address.
bool allowed(const std::vector<std::string>& rules, std::string_view to,
             std::string_view of = "https://hooks.example/") {
  auto parsed = AddressFilter::parse(rules);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().what);
  return AddressFilter(parsed ? *parsed : std::vector<AllowRule>{}).allows(url(of), address(to));
}

TEST(AddressKindTest, WhatIsNotGlobalIsRefused) {
  for (const auto& [text, why] : test::kRefusedAddresses) {
    EXPECT_NE(kind_of(address(text)), AddressKind::kGlobal) << text << ": " << why;
    EXPECT_FALSE(allowed({}, text)) << text << ": " << why;
    const auto known = known_addresses(text);
    ASSERT_TRUE(known) << text;
    EXPECT_FALSE(is_global({}, known->list[0].any)) << text << ": " << why;
    EXPECT_FALSE(AddressFilter().allows({}, known->list[0].any)) << text << ": " << why;
  }
}

TEST(AddressKindTest, GlobalAddressesAreAllowed) {
  for (const std::string_view text : test::kGlobalAddresses) {
    EXPECT_EQ(kind_of(address(text)), AddressKind::kGlobal) << text;
    EXPECT_TRUE(allowed({}, text)) << text;
  }
}

TEST(AddressKindTest, OtherFamiliesAreNoAddresses) {
  sockaddr unix_socket{};
  unix_socket.sa_family = AF_UNIX;
  EXPECT_FALSE(is_global({}, unix_socket));
  EXPECT_FALSE(AddressFilter(*AddressFilter::parse({"0.0.0.0/0", "::/0"})).allows({}, unix_socket));
}

// An IPv4 address inside an IPv6 one is judged like itself.
RC_GTEST_PROP(AddressKindTest, AnEmbeddedAddressIsJudgedLikeItself,
              (std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d)) {
  const IpAddress plain = IpAddress::of_v4(a, b, c, d);
  const auto at = [&](IpAddress outer, std::size_t offset) {
    std::copy_n(plain.bytes.begin(), 4, outer.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    return outer;
  };
  RC_ASSERT(kind_of(at(address("::ffff:0.0.0.0"), 12)) == kind_of(plain));
  RC_ASSERT(kind_of(at(address("64:ff9b::"), 12)) == kind_of(plain));
  RC_ASSERT(kind_of(at(address("2002::1"), 2)) == kind_of(plain));
  RC_ASSERT(kind_of(at(address("2001::f7f7:f7f7"), 4)) == kind_of(plain));  // client 8.8.8.8
}

TEST(AllowRuleTest, EachFormIsRead) {
  const auto block = AllowRule::parse("10.0.0.0/8:9000");
  ASSERT_TRUE(block);
  EXPECT_EQ(block->block, *core::Cidr::parse("10.0.0.0/8"));
  EXPECT_EQ(block->port, 9000);
  EXPECT_EQ(AllowRule::parse("::1")->block, *core::Cidr::parse("::1"));
  EXPECT_EQ(AllowRule::parse("[fd00::/8]:443")->block, *core::Cidr::parse("fd00::/8"));
  EXPECT_EQ(AllowRule::parse("[fd00::/8]:443")->port, 443);
  EXPECT_EQ(AllowRule::parse("[::1]")->port, 0);
  EXPECT_EQ(AllowRule::parse("Hooks.Internal.")->host, "hooks.internal");
  const auto suffix = AllowRule::parse("*.corp.example:8443");
  ASSERT_TRUE(suffix);
  EXPECT_TRUE(suffix->subdomains);
  EXPECT_EQ(suffix->host, "corp.example");
  EXPECT_EQ(suffix->port, 8443);
}

TEST(AllowRuleTest, WhatIsNoRuleIsRefusedByName) {
  for (const char* text : {"",
                           "*",
                           "*.",
                           "*.*",
                           "host..",
                           "*.host..",
                           "a b",
                           "a/b",
                           "a?b",
                           "user@host",
                           "http://host",
                           "127.1",
                           "0x7f.1",
                           "10.0.0.0/33",
                           "10.1.2.3/8",
                           "host:",
                           "host:0",
                           "host:65536",
                           "host:x",
                           "host:1:2",
                           "[::1",
                           "[::1]x",
                           "[10.0.0.1]:80",
                           "[host]:80",
                           "1.2.3.4.",
                           "a..b",
                           "f\xc3\xbc.example",
                           "*a.b",
                           "a.*.b",
                           "10.0.0.0/8/8"}) {
    const auto rule = AllowRule::parse(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_EQ(rule.error().code, ErrorCode::kInvalidArgument) << text;
    EXPECT_FALSE(AddressFilter::parse({"10.0.0.0/8", text})) << text;
  }
}

TEST(AddressFilterTest, ABlockAddsItsAddressesAndNoOthers) {
  EXPECT_TRUE(allowed({"10.0.0.0/8"}, "10.1.2.3"));
  EXPECT_FALSE(allowed({"10.0.0.0/8"}, "172.16.0.1"));
  EXPECT_TRUE(allowed({"10.0.0.0/8"}, "8.8.8.8")) << "it only adds";
  EXPECT_TRUE(allowed({"10.0.0.0/8"}, "::ffff:10.1.2.3"));
  EXPECT_TRUE(allowed({"10.0.0.0/8"}, "64:ff9b::10.1.2.3"));
  EXPECT_TRUE(allowed({"10.0.0.0/8"}, "2002:a01:203::"));
  EXPECT_FALSE(allowed({"10.0.0.0/8"}, "2001:0:a00:1::")) << "the client is another address";
  EXPECT_TRUE(allowed({"::1", "fd00::/8"}, "fd12::1"));
  EXPECT_TRUE(allowed({"169.254.169.254"}, "169.254.169.254")) << "it was said by address";
  EXPECT_TRUE(allowed({"64:ff9b:1::/48"}, "64:ff9b:1::a00:1"));
  EXPECT_TRUE(allowed({"64:ff9b::/96"}, "64:ff9b::10.0.0.1")) << "the outer address will do";
}

// 6to4 lies in what is given out to everybody: that it leads to a private address must not be lost.
TEST(AddressFilterTest, ARuleForAnotherAddressDoesNotOpenEmbeddedOnes) {
  EXPECT_FALSE(allowed({"192.168.0.0/16"}, "2002:a00:1::1"));
  EXPECT_FALSE(allowed({"hooks.example"}, "2002:a9fe:a9fe::"));
  EXPECT_TRUE(allowed({"hooks.example"}, "2002:a00:1::1")) << "private, and the host is named";
}

TEST(AddressFilterTest, APortLimitsARule) {
  EXPECT_TRUE(allowed({"10.0.0.0/8:9000"}, "10.0.0.1", "https://h.example:9000/"));
  EXPECT_FALSE(allowed({"10.0.0.0/8:9000"}, "10.0.0.1", "https://h.example/"));
  EXPECT_TRUE(allowed({"h.example:443"}, "10.0.0.1", "https://h.example/"));
  EXPECT_FALSE(allowed({"h.example:443"}, "10.0.0.1", "http://h.example/"));
}

TEST(AddressFilterTest, ANameAddsPrivateAddressesOfThatNameOnly) {
  EXPECT_TRUE(allowed({"hooks.example"}, "10.0.0.1"));
  EXPECT_TRUE(allowed({"hooks.example"}, "127.0.0.1"));
  EXPECT_TRUE(allowed({"hooks.example"}, "fd12::1"));
  EXPECT_TRUE(allowed({"HOOKS.example."}, "10.0.0.1", "https://hooks.EXAMPLE./"));
  EXPECT_FALSE(allowed({"hooks.example"}, "10.0.0.1", "https://x.hooks.example/"));
  EXPECT_FALSE(allowed({"hooks.example"}, "10.0.0.1", "https://hooks.example.com/"));
  EXPECT_FALSE(allowed({"hooks.example"}, "10.0.0.1", "https://10.0.0.1/"));
  EXPECT_TRUE(allowed({"*.example"}, "10.0.0.1"));
  EXPECT_TRUE(allowed({"*.example"}, "10.0.0.1", "https://a.b.example/"));
  EXPECT_FALSE(allowed({"*.example"}, "10.0.0.1", "https://example/"));
  EXPECT_FALSE(allowed({"*.example"}, "10.0.0.1", "https://hooksexample/"));
}

TEST(AddressFilterTest, ANameNeverAddsWhatIsNobodysEndpoint) {
  for (const char* text :
       {"169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fd00:ec2::23", "0.0.0.0",
        "::", "224.0.0.1", "fe80::1", "::ffff:169.254.169.254", "168.63.129.16"}) {
    EXPECT_FALSE(allowed({"hooks.example", "*.example"}, text)) << text;
  }
}

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() : filter(*AddressFilter::parse({"127.0.0.0/8", "::1", "0.0.0.0", "10.0.0.0/8"})) {}
  bool allows(std::string_view to, std::string_view of) {
    return filter.allows(url(of), address(to));
  }
  AddressFilter filter;
};

TEST_F(ListenerTest, OurOwnListenerIsRefusedThoughItsAddressIsAllowed) {
  ASSERT_TRUE(filter.add_listener(address("127.0.0.1"), 8080));
  EXPECT_FALSE(allows("127.0.0.1", "http://h:8080/"));
  EXPECT_FALSE(allows("::ffff:127.0.0.1", "http://h:8080/"));
  EXPECT_FALSE(allows("0.0.0.0", "http://h:8080/")) << "that is this machine, too";
  EXPECT_TRUE(allows("127.0.0.1", "http://h:8081/"));
  EXPECT_TRUE(allows("10.0.0.1", "http://h:8080/"));
}

TEST_F(ListenerTest, AWildcardMeansEveryAddressOfTheMachine) {
  ASSERT_TRUE(filter.add_listener(address("0.0.0.0"), 8080));
  EXPECT_FALSE(allows("127.0.0.1", "http://h:8080/"));
  EXPECT_FALSE(allows("127.9.9.9", "http://h:8080/"));
  EXPECT_FALSE(allows("::1", "http://h:8080/"));
  EXPECT_FALSE(allows("64:ff9b::127.0.0.1", "http://h:8080/"));
  EXPECT_TRUE(allows("127.0.0.1", "http://h/"));
  EXPECT_TRUE(allows("8.8.8.8", "http://h:8080/"));
}

TEST_F(ListenerTest, APublicAddressOfOursIsRefusedAsWell) {
  ASSERT_TRUE(filter.add_listener(address("8.8.8.8"), 443));
  EXPECT_FALSE(allows("8.8.8.8", "https://h/"));
  EXPECT_TRUE(allows("8.8.8.8", "https://h:444/"));
}

TEST_F(ListenerTest, ARuleWithItsPortAllowsIt) {
  for (const char* rule : {"127.0.0.1:8080", "127.0.0.0/8:8080", "h:8080"}) {
    AddressFilter open(*AddressFilter::parse({rule}));
    ASSERT_TRUE(open.add_listener(address("127.0.0.1"), 8080));
    EXPECT_TRUE(open.allows(url("http://h:8080/"), address("127.0.0.1"))) << rule;
  }
  AddressFilter shut(*AddressFilter::parse({"h", "127.0.0.1:8081"}));
  ASSERT_TRUE(shut.add_listener(address("127.0.0.1"), 8080));
  EXPECT_FALSE(shut.allows(url("http://h:8080/"), address("127.0.0.1")));
}

TEST_F(ListenerTest, ThereIsRoomForSome) {
  for (std::size_t i = 0; i < AddressFilter::kListenersMax; ++i)
    ASSERT_TRUE(filter.add_listener(address("127.0.0.1"), static_cast<std::uint16_t>(9000 + i)));
  EXPECT_EQ(filter.add_listener(address("127.0.0.1"), 1).error().code, ErrorCode::kTooLarge);
}

TEST(HostSpellingTest, NoSpellingOfALocalHostIsTakenForAName) {
  for (const std::string_view host : test::kRefusedHosts) {
    const auto read = Url::parse("https://" + std::string(host) + "/");
    if (!read) continue;
    const auto known = known_addresses(read->host);
    ASSERT_TRUE(known) << host << " would be asked for";
    for (std::size_t i = 0; i < known->count; ++i)
      EXPECT_FALSE(is_global(*read, known->list[i].any)) << host;
  }
}

}  // namespace
}  // namespace headrace::dispatch
