// SPDX-License-Identifier: Apache-2.0
// The PROXY protocol, versions 1 and 2: what a load balancer says in front of a connection's own
// bytes, so that the address of its client is known (haproxy's doc/proxy-protocol.txt).
//
// Strict: whatever the two versions do not allow is malformed, and the connection is to be closed.
// The verdict does not depend on the pieces in which the bytes came.
//
// Threads: none. Pure: no I/O, no allocation, no clock. Limits: kProxyHeaderBytesMax.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ip_address.h"

namespace headrace::ingest {

struct ProxyHeader {
  enum class Status : std::uint8_t {
    kNeedMore,   // what is there is the beginning of one
    kComplete,   // `size` bytes are the header, what follows is the client's
    kMalformed,  // there is no such header, or more of it than we read
  };
  Status status = Status::kNeedMore;
  std::size_t size = 0;
  // Whose connection it is. None: the balancer's own (LOCAL, a health check), or a kind that has
  // no address (UNKNOWN, AF_UNSPEC, AF_UNIX).
  std::optional<core::IpAddress> client;
};

// `bytes`: everything that has come so far on the connection.
ProxyHeader read_proxy_header(std::string_view bytes) noexcept;

}  // namespace headrace::ingest
