// SPDX-License-Identifier: Apache-2.0
#include "ingest/proxy_protocol.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/limits.h"

namespace headrace::ingest {
namespace {

using core::IpAddress;
using core::limits::kProxyHeaderBytesMax;

// Section 2.1: the longest line, its CRLF included.
constexpr std::size_t kLineBytesMax = 107;
constexpr std::string_view kLineBegins = "PROXY ";
// Section 2.2: no HTTP or TLS client can begin like this.
constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kFixedBytes = 16;  // signature, version and command, family, length
constexpr std::size_t kPortsBytes = 4;

ProxyHeader need_more() noexcept { return {}; }
ProxyHeader malformed() noexcept { return {ProxyHeader::Status::kMalformed, 0, std::nullopt}; }

// Takes the word in front of the next blank off `line`; the blank goes, too.
std::string_view next_word(std::string_view& line) noexcept {
  const std::size_t size = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, size);
  line.remove_prefix(std::min(size + 1, line.size()));
  return word;
}

// Decimal, without leading zeros.
bool is_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

// "PROXY TCP4 source destination port port" or "PROXY UNKNOWN…", without the CRLF.
ProxyHeader read_fields(std::string_view line) noexcept {
  const std::size_t size = line.size() + 2;
  line.remove_prefix(kLineBegins.size());
  const bool ends_in_blank = line.ends_with(' ');
  const std::string_view family = next_word(line);
  // What follows UNKNOWN is to be ignored.
  if (family == "UNKNOWN") return {ProxyHeader::Status::kComplete, size, std::nullopt};
  const bool v4 = family == "TCP4";
  if ((!v4 && family != "TCP6") || ends_in_blank) return malformed();
  const auto source = IpAddress::parse(next_word(line));
  const auto destination = IpAddress::parse(next_word(line));
  const bool ports = is_port(next_word(line)) && is_port(next_word(line));
  if (!source || !destination || source->v4 != v4 || destination->v4 != v4 || !ports ||
      !line.empty())
    return malformed();
  return {ProxyHeader::Status::kComplete, size, source->unmapped()};
}

ProxyHeader read_version_1(std::string_view bytes) noexcept {
  const std::string_view seen = bytes.substr(0, kLineBytesMax);
  const std::size_t end = seen.find('\r');
  if (end == std::string_view::npos)
    return seen.size() < kLineBytesMax && seen.find('\n') == std::string_view::npos ? need_more()
                                                                                    : malformed();
  if (seen.substr(0, end).find('\n') != std::string_view::npos) return malformed();
  if (end + 1 == seen.size()) return end + 1 < kLineBytesMax ? need_more() : malformed();
  return seen[end + 1] == '\n' ? read_fields(seen.substr(0, end)) : malformed();
}

unsigned byte_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<unsigned char>(bytes[at]);
}

IpAddress address_of(std::string_view bytes, bool v4) noexcept {
  IpAddress address;
  address.v4 = v4;
  std::memcpy(address.bytes.data(), bytes.data(), v4 ? 4 : 16);
  return address.unmapped();
}

// The addresses begin behind the fixed part; what else the length covers (TLVs) is passed over.
ProxyHeader read_addresses(std::string_view bytes, std::size_t length) noexcept {
  const unsigned command = byte_at(bytes, 12) & 0x0fu;
  const unsigned family = byte_at(bytes, 13) >> 4u;
  const unsigned transport = byte_at(bytes, 13) & 0x0fu;
  constexpr unsigned kLocal = 0, kProxy = 1, kIpv4 = 1, kIpv6 = 2;
  ProxyHeader header{ProxyHeader::Status::kComplete, kFixedBytes + length, std::nullopt};
  if (command == kLocal) return header;  // whatever it says of addresses
  constexpr std::size_t kAddressesBytes[] = {0, 2 * 4 + kPortsBytes, 2 * 16 + kPortsBytes, 2 * 108};
  if (command != kProxy || family > 3 || transport > 2 || length < kAddressesBytes[family])
    return malformed();
  if (family == kIpv4 || family == kIpv6)
    header.client = address_of(bytes.substr(kFixedBytes), family == kIpv4);
  return header;
}

ProxyHeader read_version_2(std::string_view bytes) noexcept {
  constexpr unsigned kVersion = 2;
  if (bytes.size() > 12 && byte_at(bytes, 12) >> 4u != kVersion) return malformed();
  if (bytes.size() < kFixedBytes) return need_more();
  const std::size_t length = byte_at(bytes, 14) << 8u | byte_at(bytes, 15);
  if (kFixedBytes + length > kProxyHeaderBytesMax) return malformed();
  if (bytes.size() < kFixedBytes + length) return need_more();
  return read_addresses(bytes, length);
}

bool begins_like(std::string_view bytes, std::string_view with) noexcept {
  const std::size_t size = std::min(bytes.size(), with.size());
  return bytes.substr(0, size) == with.substr(0, size);
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) noexcept {
  if (bytes.empty()) return need_more();
  if (begins_like(bytes, kSignature))
    return bytes.size() < kSignature.size() ? need_more() : read_version_2(bytes);
  if (begins_like(bytes, kLineBegins))
    return bytes.size() < kLineBegins.size() ? need_more() : read_version_1(bytes);
  return malformed();
}

}  // namespace headrace::ingest
