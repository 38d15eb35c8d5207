// SPDX-License-Identifier: Apache-2.0
#include "core/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace headrace::core {

namespace {

constexpr std::size_t kV4Bytes = 4;
constexpr std::size_t kV6Bytes = 16;
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

unsigned bits_of(const IpAddress& address) noexcept {
  return static_cast<unsigned>(8 * (address.v4 ? kV4Bytes : kV6Bytes));
}

// Whether the first `prefix` bits are the same.
bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned prefix) noexcept {
  const std::size_t whole = prefix / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + whole, b.bytes.begin())) return false;
  const unsigned rest = prefix % 8;
  return rest == 0 || ((a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest)) == 0;
}

bool ends_with_zeros(const IpAddress& address, unsigned prefix) noexcept {
  for (unsigned bit = prefix; bit < bits_of(address); ++bit) {
    if ((address.bytes[bit / 8] & (0x80U >> bit % 8)) != 0) return false;
  }
  return true;
}

std::optional<unsigned> read_prefix(std::string_view text, unsigned max) noexcept {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (error != std::errc{} || end != text.data() + text.size() || value > max || leading_zero) {
    return std::nullopt;
  }
  return value;
}

std::string_view trimmed(std::string_view text) noexcept {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

Error not_a_block(std::string_view text) {
  return Error{ErrorCode::kInvalidArgument,
               "\"" + std::string(text) + "\" is not a block of addresses (10.0.0.0/8, ::1)", 0};
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN + 1> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), terminated.begin());
  IpAddress read;
  if (inet_pton(AF_INET, terminated.data(), read.bytes.data()) == 1) {
    read.v4 = true;
    return read;
  }
  read.bytes = {};
  if (inet_pton(AF_INET6, terminated.data(), read.bytes.data()) == 1) return read;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::from(const sockaddr& address) noexcept {
  IpAddress read;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(read.bytes.data(), &v4.sin_addr, kV4Bytes);
    read.v4 = true;
    return read;
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  std::memcpy(read.bytes.data(), &v6.sin6_addr, kV6Bytes);
  return read.unmapped();
}

IpAddress IpAddress::unmapped() const noexcept {
  if (v4 || !std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return *this;
  return of_v4(bytes[12], bytes[13], bytes[14], bytes[15]);
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto network = IpAddress::parse(text.substr(0, slash));
  if (!network) return not_a_block(text);
  Cidr read{*network, bits_of(*network)};
  if (slash != std::string_view::npos) {
    const auto prefix = read_prefix(text.substr(slash + 1), read.prefix);
    if (!prefix) return not_a_block(text);
    read.prefix = *prefix;
  }
  if (!ends_with_zeros(read.network, read.prefix)) {
    return Error{ErrorCode::kInvalidArgument,
                 "\"" + std::string(text) + "\" has bits behind its prefix", 0};
  }
  if (!read.network.v4 && read.prefix >= kMappedBits && read.network.unmapped().v4) {
    read = {read.network.unmapped(), read.prefix - kMappedBits};
  }
  return read;
}

bool Cidr::contains(const IpAddress& address) const noexcept {
  const IpAddress judged = address.unmapped();
  return judged.v4 == network.v4 && same_prefix(judged, network, prefix);
}

std::string Cidr::to_string() const { return network.to_string() + "/" + std::to_string(prefix); }

Result<std::vector<Cidr>> parse_cidr_list(std::string_view text) {
  std::vector<Cidr> blocks;
  if (trimmed(text).empty()) return blocks;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    auto block = Cidr::parse(trimmed(text.substr(0, comma)));
    if (!block) return std::move(block).error();
    blocks.push_back(*block);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
  }
  return blocks;
}

}  // namespace headrace::core
