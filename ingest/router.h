// SPDX-License-Identifier: Apache-2.0
// Turns a received message into an intake: its link, its event, its endpoints.
//
// Threads: one; each ingest loop has its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "core/metrics.h"
#include "core/snapshot.h"
#include "selector/program.h"
#include "selector/routing_table.h"
#include "store/types.h"

namespace headrace::ingest {

struct RouterCounters {
  core::Counter unmatched;     // stored: no event's selector matched
  core::Counter no_endpoint;   // stored: an event, but nobody is registered
  core::Counter invalid_json;  // refused
};

// What a sender said of the body it sent.
struct DeclaredBody {
  selector::BodyKind kind = selector::BodyKind::kJson;
  bool explicitly = false;  // it said so itself; otherwise it is only tried
};

// By the values of Content-Type and Content-Encoding (empty when absent).
DeclaredBody declared_body(std::string_view content_type, std::string_view content_encoding,
                           std::size_t body_size) noexcept;

class Router {
 public:
  Router(const core::SnapshotCell<selector::RoutingTable>& routes, core::BufferPool& pool,
         std::uint64_t dedupe_seed);

  // The link of a token, or null. Valid until the next call.
  const selector::LinkRoute* find(std::string_view token) noexcept;

  // Fills link, event, status, targets of an intake whose payload is set. kMalformed: the body is
  // not the JSON that it was declared to be. kUnavailable: no memory for the targets.
  Result<void> route(const selector::LinkRoute& link, DeclaredBody declared, store::Intake& intake);

  // The key under which `value`, a provider's name for a message, is remembered; equal for equal
  // values of one link. Zero when `value` is empty.
  Bits128 dedupe_key(const selector::LinkRoute& link, std::string_view value) const noexcept;

  const RouterCounters& counters() const noexcept { return counters_; }

 private:
  bool collect_targets(const selector::LinkRoute& link, store::Intake& intake) noexcept;

  core::SnapshotReader<selector::RoutingTable> routes_;
  core::BufferPool& pool_;
  const std::uint64_t dedupe_seed_;
  selector::Matcher matcher_;
  std::vector<core::EndpointNumber> endpoints_;  // scratch
  RouterCounters counters_;
};

}  // namespace headrace::ingest
