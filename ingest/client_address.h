// SPDX-License-Identifier: Apache-2.0
// Whose request it is, when it came through proxies that we trust.
//
// A proxy's word counts only when its own address is trusted; what anybody else says of addresses
// is not even read. Threads: none. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/http_request.h"
#include "core/ip_address.h"

namespace headrace::ingest {

// In which field trusted proxies say who sent them a request. One of them, not both: proxies
// replace or extend the one that they know and pass the other on as their client wrote it.
enum class ClientField : std::uint8_t { kXForwardedFor, kForwarded };

struct ClientRules {
  std::vector<core::Cidr> proxy_protocol;   // whose connections begin with a PROXY header
  std::vector<core::Cidr> trusted_proxies;  // whose field is believed
  ClientField field = ClientField::kXForwardedFor;
};

bool contains(const std::vector<core::Cidr>& blocks, const core::IpAddress& address) noexcept;

// Who sent the request that came from `peer`: of the addresses in the field (RFC 7239 or
// X-Forwarded-For), the rightmost that is no trusted proxy's; when all are trusted, the leftmost.
// What is not an address ("unknown", a pseudonym) ends the search, as nobody to the left of it is
// known to be right. `peer` itself when it is not trusted or says nothing.
core::IpAddress client_of(const core::RequestHead& head, const char* base,
                          const core::IpAddress& peer, const ClientRules& rules) noexcept;

}  // namespace headrace::ingest
