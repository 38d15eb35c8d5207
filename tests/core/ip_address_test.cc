// SPDX-License-Identifier: Apache-2.0
#include "core/ip_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace headrace::core {
namespace {

IpAddress address(std::string_view text) {
  const auto read = IpAddress::parse(text);
  EXPECT_TRUE(read) << text;
  return read.value_or(IpAddress{});
}

Cidr block(std::string_view text) {
  auto read = Cidr::parse(text);
  EXPECT_TRUE(read) << text;
  return read ? *read : Cidr{};
}

TEST(IpAddressTest, LiteralsOfBothFamiliesAreReadAndWritten) {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::1",
                           "fe80::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1"}) {
    EXPECT_EQ(address(text).to_string(), text);
  }
  EXPECT_TRUE(address("192.0.2.1").v4);
  EXPECT_FALSE(address("2001:db8::1").v4);
  EXPECT_EQ(address("2001:DB8:0:0::1"), address("2001:db8::1"));
  EXPECT_EQ(address("192.0.2.1"), IpAddress::of_v4(192, 0, 2, 1));
}

TEST(IpAddressTest, WhatIsNoStrictLiteralIsNotRead) {
  for (const char* text : {"",
                           " ",
                           "127.1",
                           "127.0.1",
                           "2130706433",
                           "0x7f.0.0.1",
                           "0177.0.0.1",
                           "127.0.0.01",
                           "127.0.0.1 ",
                           " 127.0.0.1",
                           "127.0.0.1.",
                           "127.0.0.256",
                           "1.2.3.4.5",
                           "127.0.0.1:80",
                           "[::1]",
                           "::1%lo",
                           "fe80::1%1",
                           ":::",
                           "1::2::3",
                           "::1/128",
                           "1:2:3:4:5:6:7",
                           "::ffff:127.1",
                           "12345::",
                           "localhost",
                           "１２７.0.0.1",
                           "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view{"127.0.0.1\0", 10}));
  EXPECT_FALSE(IpAddress::parse(std::string_view{"127.0.0.1\0x", 11}));
}

TEST(IpAddressTest, ASocketsAddressIsRead) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(0xc0000201);
  EXPECT_EQ(IpAddress::from(reinterpret_cast<const sockaddr&>(v4)), address("192.0.2.1"));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
  EXPECT_EQ(IpAddress::from(reinterpret_cast<const sockaddr&>(v6)), address("2001:db8::7"));
  inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
  EXPECT_EQ(IpAddress::from(reinterpret_cast<const sockaddr&>(v6)), address("192.0.2.1"));
  sockaddr unknown{};
  unknown.sa_family = AF_UNIX;
  EXPECT_FALSE(IpAddress::from(unknown));
}

TEST(IpAddressTest, OnlyMappedAddressesAreUnmapped) {
  EXPECT_EQ(address("::ffff:10.0.0.1").unmapped(), address("10.0.0.1"));
  EXPECT_EQ(address("::10.0.0.1").unmapped(), address("::10.0.0.1"));
  EXPECT_EQ(address("64:ff9b::10.0.0.1").unmapped(), address("64:ff9b::10.0.0.1"));
  EXPECT_EQ(address("10.0.0.1").unmapped(), address("10.0.0.1"));
}

RC_GTEST_PROP(IpAddressTest, WhatIsWrittenIsReadBack, (bool v4)) {
  IpAddress made;
  made.v4 = v4;
  const auto bytes = *rc::gen::container<std::vector<std::uint8_t>>(
      v4 ? 4U : 16U, rc::gen::arbitrary<std::uint8_t>());
  std::copy(bytes.begin(), bytes.end(), made.bytes.begin());
  RC_ASSERT(IpAddress::parse(made.to_string()) == made);
}

TEST(CidrTest, ABlockHoldsWhatItsPrefixSays) {
  EXPECT_TRUE(block("10.0.0.0/8").contains(address("10.255.255.255")));
  EXPECT_FALSE(block("10.0.0.0/8").contains(address("11.0.0.0")));
  EXPECT_TRUE(block("172.16.0.0/12").contains(address("172.31.255.255")));
  EXPECT_FALSE(block("172.16.0.0/12").contains(address("172.32.0.0")));
  EXPECT_TRUE(block("0.0.0.0/0").contains(address("255.1.2.3")));
  EXPECT_FALSE(block("0.0.0.0/0").contains(address("::1")));
  EXPECT_TRUE(block("::1").contains(address("::1")));
  EXPECT_FALSE(block("::1").contains(address("::2")));
  EXPECT_TRUE(block("fc00::/7").contains(address("fdff::1")));
  EXPECT_FALSE(block("fc00::/7").contains(address("fe00::")));
  EXPECT_TRUE(block("::/0").contains(address("2001:db8::1")));
  EXPECT_FALSE(block("::/0").contains(address("192.0.2.1")));
}

TEST(CidrTest, AMappedAddressCountsAsItsIpv4Address) {
  EXPECT_TRUE(block("127.0.0.0/8").contains(address("::ffff:127.0.0.1")));
  EXPECT_FALSE(block("::/0").contains(address("::ffff:127.0.0.1")));
  EXPECT_EQ(block("::ffff:127.0.0.0/104"), block("127.0.0.0/8"));
  EXPECT_EQ(block("::ffff:127.0.0.1"), block("127.0.0.1/32"));
}

TEST(CidrTest, WhatIsNoBlockIsRefusedByName) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1",
                           "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8/8", "10/8", "10.0.0.0 /8",
                           "10.0.0.0/8 ", "host", "10.1.2.3/8", "::1/64", "fe80::%1/64"}) {
    const auto read = Cidr::parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(read.error().what.find(text), std::string::npos) << read.error().what;
  }
}

RC_GTEST_PROP(CidrTest, ABlockHoldsItsNetworkAndNothingThatDiffersInTheFirstBits, (bool v4)) {
  IpAddress other;
  other.v4 = v4;
  const unsigned bits = v4 ? 32 : 128;
  const auto bytes =
      *rc::gen::container<std::vector<std::uint8_t>>(bits / 8, rc::gen::arbitrary<std::uint8_t>());
  std::copy(bytes.begin(), bytes.end(), other.bytes.begin());
  const auto prefix = *rc::gen::inRange(1U, bits + 1);
  Cidr made{other, prefix};
  for (unsigned bit = prefix; bit < bits; ++bit) {
    made.network.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
  }
  RC_PRE(!made.network.unmapped().v4 || v4);
  RC_PRE(!other.unmapped().v4 || v4);
  RC_ASSERT(made.contains(other));
  RC_ASSERT(block(made.to_string()) == made);
  const auto flipped = *rc::gen::inRange(0U, prefix);
  other.bytes[flipped / 8] ^= static_cast<std::uint8_t>(0x80U >> flipped % 8);
  RC_ASSERT(!made.contains(other));
}

TEST(CidrListTest, CommasSeparate) {
  auto blocks = parse_cidr_list("127.0.0.0/8, ::1 ,10.0.0.1");
  ASSERT_TRUE(blocks);
  EXPECT_EQ(*blocks,
            (std::vector<Cidr>{block("127.0.0.0/8"), block("::1/128"), block("10.0.0.1/32")}));
  EXPECT_TRUE(parse_cidr_list("")->empty());
  EXPECT_TRUE(parse_cidr_list("  ")->empty());
}

TEST(CidrListTest, OneThatIsNoneIsRefused) {
  for (const char* text :
       {",", "10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.0/8,,::1", "10.0.0.0/8 ::1", "10.0.0.0/8;::1"}) {
    EXPECT_FALSE(parse_cidr_list(text)) << text;
  }
}

}  // namespace
}  // namespace headrace::core
