// SPDX-License-Identifier: Apache-2.0
// Where a load goes: one server, and the links on it that take turns.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"
#include "tools/bench/messages.h"

namespace headrace::bench_tools {

struct ServerAddress {
  sockaddr_storage address{};
  socklen_t size = 0;
};

struct Targets {
  std::string host;  // without the brackets of IPv6
  std::string port;
  bool is_tls = false;
  std::vector<Link> links;
};

// URLs "http://host[:port][/path?query]" or with https, all of one server. kInvalidArgument.
Result<Targets> parse_targets(const std::vector<std::string>& urls);
// By the system's resolver; the first address. kResolveFailed.
Result<ServerAddress> resolve(const Targets& targets);

}  // namespace headrace::bench_tools
