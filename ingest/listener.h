// SPDX-License-Identifier: Apache-2.0
// Where a server listens: the text form of an address, and a socket that several loops can share.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "headrace/result.h"

namespace headrace::ingest {

struct ListenAddress {
  sockaddr_storage address{};

  // "127.0.0.1:8080", "[::1]:8080", ":8080" (every address); port 0 lets the system choose.
  // kInvalidArgument otherwise.
  static Result<ListenAddress> parse(std::string_view text);
  std::string to_string() const;
};

// A bound TCP socket, not yet listening, with SO_REUSEADDR and SO_REUSEPORT: each loop binds one of
// its own and the kernel spreads connections over them. kConnectFailed with errno (address in use,
// no permission).
Result<int> bind_socket(const ListenAddress& address);
// The address a socket got, with the port that the system chose.
ListenAddress bound_address(int fd);

}  // namespace headrace::ingest
