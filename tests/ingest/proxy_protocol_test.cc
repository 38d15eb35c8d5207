// SPDX-License-Identifier: Apache-2.0
#include "ingest/proxy_protocol.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/limits.h"

namespace headrace::ingest {
namespace {

using core::IpAddress;
using Status = ProxyHeader::Status;
using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;

std::string version_2(unsigned command, unsigned family, std::string_view block) {
  std::string bytes(kSignature);
  bytes += static_cast<char>(command);
  bytes += static_cast<char>(family);
  bytes += static_cast<char>(block.size() >> 8);
  bytes += static_cast<char>(block.size() & 0xff);
  return bytes.append(block);
}

std::string client_of(std::string_view bytes) {
  const ProxyHeader header = read_proxy_header(bytes);
  if (header.status == Status::kMalformed) return "malformed";
  if (header.status == Status::kNeedMore) return "more";
  return header.client ? header.client->to_string() : "none";
}

TEST(ProxyProtocolTest, LineNamesTheClient) {
  EXPECT_EQ(client_of("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), "192.0.2.1");
  EXPECT_EQ(client_of("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\nGET"), "2001:db8::1");
  EXPECT_EQ(client_of("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), "192.0.2.1");
  EXPECT_EQ(client_of("PROXY UNKNOWN\r\n"), "none");
  EXPECT_EQ(client_of("PROXY UNKNOWN ffff::1 whatever\r\n"), "none");
  EXPECT_EQ(read_proxy_header("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n").size, 15u);
}

TEST(ProxyProtocolTest, LineThatIsNotExactIsMalformed) {
  for (const auto line : {
           "GET / HTTP/1.1\r\n"sv,
           "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n"sv,
           "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n"sv,
           "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"sv,
           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"sv,
           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"sv,
           "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"sv,
           "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"sv,
           "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n"sv,
           "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"sv,
           "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n"sv,
           "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"sv,
           "PROXY TCP4 ::1 ::1 1 2\r\n"sv,
           "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"sv,
           "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"sv,
           "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"sv,
           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"sv,
           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n"sv,
           "PROXY TCP4 192.0.2.1\n192.0.2.2 1 2\r\n"sv,
           "PROXY \r\n"sv,
       }) {
    EXPECT_EQ(client_of(line), "malformed") << line;
  }
  EXPECT_EQ(client_of("PROXY UNKNOWN " + std::string(93, 'x')), "malformed") << "107 and no end";
  EXPECT_EQ(client_of("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n"), "none") << "107 in all";
  EXPECT_EQ(client_of("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"), "malformed");
}

TEST(ProxyProtocolTest, BinaryHeaderNamesTheClient) {
  const std::string v4 = "\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x34\x01\xbb"s;
  EXPECT_EQ(client_of(version_2(0x21, 0x11, v4)), "192.0.2.1");
  EXPECT_EQ(client_of(version_2(0x21, 0x12, v4)), "192.0.2.1") << "datagrams have addresses, too";
  EXPECT_EQ(client_of(version_2(0x21, 0x11, v4 + "\x03\x00\x04....more"s)), "192.0.2.1");
  std::string v6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01";
  v6 += v6 + std::string(4, '\1');
  EXPECT_EQ(client_of(version_2(0x21, 0x21, v6)), "2001:db8::1");
  EXPECT_EQ(client_of(version_2(0x21, 0x31, std::string(216, 'x'))), "none") << "a UNIX socket";
  EXPECT_EQ(client_of(version_2(0x21, 0x00, {})), "none") << "unspecified";
  EXPECT_EQ(client_of(version_2(0x20, 0x11, v4)), "none") << "the balancer's own";
  EXPECT_EQ(client_of(version_2(0x20, 0x00, {})), "none");
  EXPECT_EQ(read_proxy_header(version_2(0x21, 0x11, v4) + "GET").size, 28u);
}

TEST(ProxyProtocolTest, BinaryHeaderThatIsNotExactIsMalformed) {
  const std::string v4(12, '\1');
  EXPECT_EQ(client_of(version_2(0x11, 0x11, v4)), "malformed") << "version 1";
  EXPECT_EQ(client_of(version_2(0x22, 0x11, v4)), "malformed") << "no such command";
  EXPECT_EQ(client_of(version_2(0x21, 0x41, v4)), "malformed") << "no such family";
  EXPECT_EQ(client_of(version_2(0x21, 0x13, v4)), "malformed") << "no such transport";
  EXPECT_EQ(client_of(version_2(0x21, 0x11, v4.substr(1))), "malformed") << "no room for addresses";
  EXPECT_EQ(client_of(version_2(0x21, 0x21, v4)), "malformed");
  EXPECT_EQ(client_of("\r\n\r\n\0\r\nQUIT\r"sv), "malformed");
  const std::size_t most = core::limits::kProxyHeaderBytesMax - 16;
  EXPECT_EQ(client_of(version_2(0x21, 0x00, std::string(most, 'x'))), "none");
  EXPECT_EQ(client_of(version_2(0x21, 0x00, std::string(most + 1, 'x'))), "malformed");
}

// Cutting a header anywhere asks for more; adding to it changes nothing.
RC_GTEST_PROP(ProxyProtocolTest, VerdictDoesNotDependOnThePieces, ()) {
  std::string block = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
  const bool text = *rc::gen::arbitrary<bool>();
  const auto octet = [] { return std::to_string(*rc::gen::inRange(0, 256)); };
  const std::string address = octet() + "." + octet() + "." + octet() + "." + octet();
  const std::string header = text ? "PROXY TCP4 " + address + " 192.0.2.1 " + octet() + " 443\r\n"
                                  : version_2(0x21, 0x11, std::string(12, '\7') + block);
  const ProxyHeader whole = read_proxy_header(header + block);
  RC_ASSERT(whole.status == Status::kComplete);
  RC_ASSERT(whole.size == header.size());
  RC_ASSERT(whole.client == IpAddress::parse(text ? address : "7.7.7.7"));
  for (std::size_t cut = 0; cut < header.size(); ++cut)
    RC_ASSERT(read_proxy_header(std::string_view(header).substr(0, cut)).status ==
              Status::kNeedMore);
}

// Whatever is malformed stays so, and whatever is accepted says where it ends.
RC_GTEST_PROP(ProxyProtocolTest, NoBytesAreReadTwoWays, ()) {
  const auto piece = rc::gen::oneOf(
      rc::gen::element(std::string("PROXY "), std::string(kSignature), std::string("TCP4 "),
                       std::string("192.0.2.1 "), std::string("1 "), std::string("\r\n"),
                       std::string("\x21\x11\x00\x0c", 4)),
      rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
  std::string bytes;
  for (const std::string& each : *rc::gen::container<std::vector<std::string>>(piece))
    bytes += each;
  ProxyHeader last;
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const ProxyHeader now = read_proxy_header(std::string_view(bytes).substr(0, cut));
    if (last.status != Status::kNeedMore) {
      RC_ASSERT(now.status == last.status);
      RC_ASSERT(now.size == last.size);
    }
    RC_ASSERT(now.size <= cut);
    last = now;
  }
}

}  // namespace
}  // namespace headrace::ingest
