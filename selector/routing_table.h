// SPDX-License-Identifier: Apache-2.0
// Which link a token names, which program finds the event there, and who gets it: immutable,
// swapped whole.
//
// Threads: none needed; a table never changes after build.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "core/numbers.h"
#include "headrace/id.h"
#include "selector/program.h"

namespace headrace::selector {

enum class PayloadRule : std::uint8_t {
  kJson,  // a body that is declared (or looks like) JSON must be valid
  kRaw,   // any bytes
};

// One link, resolved: all that ingest needs to know about a request to it.
struct LinkRoute {
  core::LinkNumber number{};
  Bits128 token;
  std::shared_ptr<const Program> program;  // of the webhook; shared by its links
  core::EventNumber pinned =
      core::EventNumber::kNone;  // an event link: the selector is not consulted
  PayloadRule payload = PayloadRule::kJson;
  std::size_t body_bytes_max = core::limits::kBodyBytesMaxDefault;
  std::vector<core::EndpointNumber> endpoints;  // those that want every event
  // Those that want only some events, sorted by event.
  std::vector<std::pair<core::EventNumber, core::EndpointNumber>> by_event;
};

class RoutingTable {
 public:
  RoutingTable() : RoutingTable(std::vector<LinkRoute>{}, 0) {}
  // `seed` keys the hash, so that nobody can aim at a bucket. Requires: tokens differ.
  RoutingTable(std::vector<LinkRoute> links, std::uint64_t seed);

  // The link of a token (22 base62 digits, as it stands in the path); null when there is none. The
  // time does not depend on how much of a token is right.
  const LinkRoute* find(std::string_view token) const noexcept;

  std::span<const LinkRoute> links() const noexcept { return links_; }

 private:
  std::vector<LinkRoute> links_;
  std::vector<std::uint32_t> slots_;  // open addressing; index + 1 into links_, 0 free
  std::uint64_t seed_;
};

}  // namespace headrace::selector
