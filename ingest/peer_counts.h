// SPDX-License-Identifier: Apache-2.0
// How many connections each client has, over all loops of a server.
//
// A client is an IPv4 address or an IPv6 /64, which is what one household or machine gets.
// Threads: any. Limits: as many entries as there are connections.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>

#include "core/ip_address.h"

namespace headrace::ingest {

class PeerCounts {
 public:
  explicit PeerCounts(std::size_t each_max) noexcept : each_max_(each_max) {}

  // Counts one more. False: it has as many as it may, and nothing is counted.
  bool add(const core::IpAddress& peer);
  // Requires: add() was true for it.
  void remove(const core::IpAddress& peer);
  std::size_t peers() const;

 private:
  const std::size_t each_max_;
  // Taken when a connection opens or closes, never for a request.
  mutable std::mutex mutex_;
  std::map<core::IpAddress, std::size_t> counts_;  // sorted: nobody can make its look-ups long
};

}  // namespace headrace::ingest
