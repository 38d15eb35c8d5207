// SPDX-License-Identifier: Apache-2.0
// A strictly read http or https URL of an endpoint (RFC 3986, narrowed).
//
// Refused although RFC 3986 allows them: user information, fragments, a missing host, zone ids.
// Refused as always: control characters, spaces, bytes outside ASCII, broken percent escapes, ports
// outside 1 to 65535. Pure: no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "headrace/result.h"

namespace headrace::dispatch {

struct Url {
  bool tls = false;
  std::string host;   // lower case; an IPv6 address without its brackets
  bool ipv6 = false;  // the host is an IPv6 literal
  std::uint16_t port = 0;
  std::string target;  // path and query as written, never empty ("/")

  static constexpr std::size_t kBytesMax = 4096;

  // kMalformed with the byte offset of the fault in `detail`; kTooLarge beyond kBytesMax.
  static Result<Url> parse(std::string_view text);

  // The host as it stands in a Host header: with brackets and, unless it is the scheme's own, the
  // port.
  std::string authority() const;
};

}  // namespace headrace::dispatch
