// SPDX-License-Identifier: Apache-2.0
// How often somebody may try a key that opens nothing.
//
// A client (an IPv4 address, or the /64 of an IPv6 one) has some tries at once and gets them back
// one by one; when they are used up it is locked out, for twice as long each time, until it has
// been quiet for a while. The /48 of an IPv6 client, which one owner may have whole, has more tries
// and is locked out likewise. Nothing that others do locks out an address: keys have 256 bits, so
// there is nothing that many addresses could guess, and much that they could shut.
// Who is locked out is refused before the key is looked at. A key that opened something from the
// same client lately is let through, so others' failures do not lock out who is at work, until it
// opens nothing any more; one that comes for the first time, from an address that is locked out,
// has to wait like all from there.
//
// Pure: time comes in as milliseconds of a clock that is not set back. Memory is fixed: where more
// clients fail than are remembered, those that are next to being forgiven are forgotten first.
// Threads: one at a time.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/hmac.h"
#include "core/ip_address.h"

namespace headrace::api {

struct ThrottleOptions {
  std::uint32_t tries = 10;              // of a client, at once; at least 1
  std::uint64_t try_again_ms = 6'000;    // until one of them is given back
  std::uint64_t lock_first_ms = 10'000;  // the first lock-out
  std::uint64_t lock_max_ms = 900'000;   // and the longest
  // Of a site, the /48 of IPv6 clients: as many times the tries, given back as many times as fast.
  std::uint32_t site_factor = 10;
};

class Throttle {
 public:
  static constexpr std::size_t kClients = 4096;
  static constexpr std::size_t kKnownKeys = 4096;

  explicit Throttle(const ThrottleOptions& options = {});

  // Zero: the key may be looked at. Else in how many milliseconds it may be, if nobody fails
  // meanwhile; nothing counts as tried. All without an address are one client,
  // with as many tries as a site.
  std::uint64_t wait_of(const std::optional<core::IpAddress>& client, std::string_view key,
                        std::uint64_t now_ms);
  // The key opens nothing, and is like any other from now on.
  void failed(const std::optional<core::IpAddress>& client, std::string_view key,
              std::uint64_t now_ms);
  // The key opens something; it changes nothing for others from there.
  void succeeded(const std::optional<core::IpAddress>& client, std::string_view key);

 private:
  static constexpr std::size_t kWays = 8;

  struct Client {
    std::uint64_t name = 0;  // 0: nobody
    std::uint64_t due = 0;   // when all tries are there again
    std::uint64_t locked_to = 0;
    std::uint64_t forgiven_at = 0;
    std::uint32_t locks = 0;  // one after the other
    std::uint64_t forgotten_at() const noexcept;
  };

  std::uint64_t name_of(std::string_view kind, std::string_view network,
                        std::string_view key) const;
  std::uint64_t name_of(const std::optional<core::IpAddress>& client, std::string_view key) const;
  std::uint64_t site_of(const core::IpAddress& client) const;
  std::uint64_t wait_of(std::uint64_t name, std::uint64_t now_ms) noexcept;
  void charge(std::uint64_t name, std::uint32_t factor, std::uint64_t now_ms) noexcept;
  Client* find(std::uint64_t name) noexcept;
  Client& take(std::uint64_t name) noexcept;
  std::uint64_t* find_known(std::uint64_t name) noexcept;

  const ThrottleOptions options_;
  const core::HmacKey names_;         // so that nobody can choose who is forgotten
  std::vector<Client> clients_;       // kWays each that share a place
  std::vector<std::uint64_t> known_;  // likewise; the last used first
};

}  // namespace headrace::api
