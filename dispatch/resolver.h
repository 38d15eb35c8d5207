// SPDX-License-Identifier: Apache-2.0
// Host name to addresses, as a seam: c-ares in the daemon (cares_resolver.h), a table in tests.
//
// Threads: everything on one loop; a resolver serves the shards of its loop.
// Ownership: a request is a member of who asks, and is cancelled or answered before it is
// destroyed.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace headrace::dispatch {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

struct Addresses {
  static constexpr std::size_t kAddressesMax = 8;  // further ones of a name are dropped

  std::array<SocketAddress, kAddressesMax> list{};
  std::size_t count = 0;

  void add(const SocketAddress& address) noexcept {
    if (count < kAddressesMax) list[count++] = address;
  }
  bool empty() const noexcept { return count == 0; }
};

struct ResolveRequest {
  // Answers once; empty: the name could not be resolved. Never from within resolve().
  using OnResolved = void (*)(ResolveRequest& request, const Addresses& addresses) noexcept;
  OnResolved on_resolved = nullptr;
  void* owner = nullptr;

  // Private to the resolver.
  ResolveRequest* next = nullptr;
  ResolveRequest* previous = nullptr;
};

class Resolver {
 public:
  virtual ~Resolver() = default;

  // The addresses when they are known already; nullopt: request.on_resolved is called later.
  virtual std::optional<Addresses> resolve(std::string_view host, ResolveRequest& request) = 0;
  // No answer will come. No effect on a request that is not waiting.
  virtual void cancel(ResolveRequest& request) noexcept = 0;
};

// What needs no look-up: address literals, and `localhost` with the names below it, which never
// leave the machine (RFC 6761 6.3). The port is 0.
std::optional<Addresses> known_addresses(std::string_view host) noexcept;

}  // namespace headrace::dispatch
