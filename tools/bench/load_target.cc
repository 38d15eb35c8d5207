// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/load_target.h"

#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace headrace::bench_tools {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

Error invalid(std::string_view url, const char* what) {
  return {ErrorCode::kInvalidArgument, std::string(url) + ": " + what};
}

struct Parsed {
  std::string_view host;
  std::string_view port;
  bool is_tls = false;
  Link link;
};

Result<Parsed> parse(std::string_view url) {
  const bool is_tls = url.starts_with(kHttps);
  if (!is_tls && !url.starts_with(kHttp))
    return invalid(url, "must begin with http:// or https://");
  if (!std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f; }))
    return invalid(url, "has characters that no URL has");
  const std::string_view rest = url.substr(is_tls ? kHttps.size() : kHttp.size());
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  const std::string_view target = rest.substr(end);
  if (target.find('#') != std::string_view::npos || authority.find('@') != std::string_view::npos)
    return invalid(url, "has a part that is not sent");
  Parsed parsed{.port = is_tls ? "443" : "80", .is_tls = is_tls};
  std::size_t colon = authority.rfind(':');
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return invalid(url, "has no ]");
    parsed.host = authority.substr(1, bracket - 1);
    if (bracket + 1 == authority.size())
      colon = std::string_view::npos;
    else if (colon != bracket + 1)
      return invalid(url, "has something behind the address");
  } else {
    parsed.host = authority.substr(0, colon);
  }
  if (colon != std::string_view::npos) parsed.port = authority.substr(colon + 1);
  const bool is_number = std::all_of(parsed.port.begin(), parsed.port.end(),
                                     [](char c) { return c >= '0' && c <= '9'; });
  if (parsed.host.empty() || parsed.port.empty() || !is_number || parsed.port.size() > 5)
    return invalid(url, "has no host, or no port");
  parsed.link.authority = authority;
  parsed.link.target = target.starts_with('/') ? "" : "/";
  parsed.link.target += target;
  return parsed;
}

}  // namespace

Result<Targets> parse_targets(const std::vector<std::string>& urls) {
  Targets targets;
  for (const std::string& url : urls) {
    auto parsed = parse(url);
    if (!parsed) return parsed.error();
    const bool is_same = targets.host == parsed->host && targets.port == parsed->port &&
                         targets.is_tls == parsed->is_tls;
    if (!targets.links.empty() && !is_same)
      return invalid(url, "is of another server than the first");
    targets.host = parsed->host;
    targets.port = parsed->port;
    targets.is_tls = parsed->is_tls;
    targets.links.push_back(std::move(parsed->link));
  }
  if (targets.links.empty()) return Error{ErrorCode::kInvalidArgument, "no URL was given"};
  return targets;
}

Result<ServerAddress> resolve(const Targets& targets) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(targets.host.c_str(), targets.port.c_str(), &hints, &found);
  if (failed != 0)
    return Error{ErrorCode::kResolveFailed, targets.host + ": " + gai_strerror(failed)};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, &freeaddrinfo);
  ServerAddress address;
  std::memcpy(&address.address, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  return address;
}

}  // namespace headrace::bench_tools
