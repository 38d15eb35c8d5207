// SPDX-License-Identifier: Apache-2.0
#include "dispatch/resolver.h"

#include <arpa/inet.h>

#include <algorithm>

namespace headrace::dispatch {

namespace {

constexpr std::string_view kLocalhost = "localhost";

bool is_localhost(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == kLocalhost || host.ends_with(".localhost");
}

SocketAddress v4_of(in_addr address) noexcept {
  SocketAddress result{};
  result.v6 = {};
  result.v4.sin_family = AF_INET;
  result.v4.sin_addr = address;
  return result;
}

SocketAddress v6_of(const in6_addr& address) noexcept {
  SocketAddress result{};
  result.v6 = {};
  result.v6.sin6_family = AF_INET6;
  result.v6.sin6_addr = address;
  return result;
}

}  // namespace

std::optional<Addresses> known_addresses(std::string_view host) noexcept {
  Addresses addresses;
  if (is_localhost(host)) {
    addresses.add(v4_of(in_addr{htonl(INADDR_LOOPBACK)}));
    addresses.add(v6_of(in6addr_loopback));
    return addresses;
  }
  std::array<char, INET6_ADDRSTRLEN + 1> text{};
  if (host.size() >= text.size()) return std::nullopt;
  std::copy(host.begin(), host.end(), text.begin());
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, text.data(), &v4) == 1) {
    addresses.add(v4_of(v4));
  } else if (inet_pton(AF_INET6, text.data(), &v6) == 1) {
    addresses.add(v6_of(v6));
  } else {
    return std::nullopt;
  }
  return addresses;
}

}  // namespace headrace::dispatch
