// SPDX-License-Identifier: Apache-2.0
// Addresses of the internet and blocks of them (RFC 4291, RFC 4632). Pure: no look-up, no I/O.
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"

namespace headrace::core {

struct IpAddress {                       // an IPv4 address is kept as such, not as a mapped one
  std::array<std::uint8_t, 16> bytes{};  // v4: the first four, the rest zero
  bool v4 = false;

  // Strict: four decimal numbers without leading zeros, or RFC 4291 2.2; no zone, brackets, port or
  // space. "::ffff:192.0.2.1" stays IPv6, see unmapped().
  static std::optional<IpAddress> parse(std::string_view text) noexcept;
  // Of an AF_INET or AF_INET6 socket; an IPv4 peer of a socket for both families is its IPv4
  // address.
  static std::optional<IpAddress> from(const sockaddr& address) noexcept;
  static IpAddress of_v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) noexcept {
    return {{a, b, c, d}, true};
  }

  // The IPv4 address of ::ffff:0:0/96 (RFC 4291 2.5.5.2), or this one.
  IpAddress unmapped() const noexcept;
  std::string to_string() const;  // RFC 5952
  auto operator<=>(const IpAddress&) const = default;
};

struct Cidr {
  IpAddress network;
  unsigned prefix = 0;

  // "10.0.0.0/8"; without a prefix it is the one address. kInvalidArgument when it is neither, or
  // when bits behind the prefix are set ("10.1.2.3/8" is one of two blocks, and nobody knows
  // which).
  static Result<Cidr> parse(std::string_view text);
  // A mapped IPv4 address counts as its IPv4 address; else the families must be the same.
  bool contains(const IpAddress& address) const noexcept;
  std::string to_string() const;
  bool operator==(const Cidr&) const = default;
};

// Separated by commas, with or without spaces around them; empty: none. kInvalidArgument names the
// one at fault.
Result<std::vector<Cidr>> parse_cidr_list(std::string_view text);

}  // namespace headrace::core
