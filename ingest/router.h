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
#include "ingest/inflater.h"
#include "ingest/verification/verifier.h"
#include "selector/program.h"
#include "selector/routing_table.h"
#include "store/types.h"

namespace headrace::ingest {

struct RouterCounters {
  core::Counter unmatched;     // stored: no event's selector matched
  core::Counter no_endpoint;   // stored: an event, but nobody is registered
  core::Counter invalid_json;  // refused
  core::Counter bad_coding;    // refused: not compressed as it says, or too much of it
};

// What a sender said of the body it sent.
struct DeclaredBody {
  selector::BodyKind kind = selector::BodyKind::kJson;
  bool explicitly = false;        // it said so itself; otherwise it is only tried
  Coding coding = Coding::kNone;  // to be undone before the body is looked into
};

// By the values of Content-Type and Content-Encoding (empty when absent).
DeclaredBody declared_body(std::string_view content_type, std::string_view content_encoding,
                           std::size_t body_size) noexcept;

// By what a message is recognised when it comes again.
struct MessageName {
  Bits128 key;                 // zero: nothing names it, save perhaps the payload
  bool payload_first = false;  // what the payload says is believed rather than the key
};

class Router {
 public:
  using Route = selector::RoutingTable::Route;

  Router(const core::SnapshotCell<selector::RoutingTable>& routes, core::BufferPool& pool,
         std::uint64_t dedupe_seed);

  // The link of a token that works at `now`, with its webhook. Valid until the next call.
  Route find(std::string_view token, core::WallMs now) noexcept;

  // What names a message, besides its payload. Of one that was verified what the provider signed
  // comes before what nobody did: the webhook's own name in a body that is signed, then
  // `replay_id`, then the rest. `value`: of a header, which nobody signed; or empty. Requires:
  // `replay_id` is that of the link's verifier, if it has one.
  MessageName name_of(const Route& route, std::string_view replay_id,
                      std::string_view value) const noexcept;

  // Fills link, status and targets of an intake whose payload is set, its event if it is not set
  // yet (one that is set is not looked for), and its dedupe key (a test has none). kMalformed: the
  // body is not the JSON that it was declared to be, or not compressed as it says. kTooLarge:
  // decompressed it is over the webhook's limit or those of Inflater. kUnavailable: no memory for
  // the targets. Requires: `route` is one that find() gave.
  Result<void> route(const Route& route, DeclaredBody declared, const MessageName& name,
                     store::Intake& intake);

  const RouterCounters& counters() const noexcept { return counters_; }

 private:
  Result<selector::Match> match(const Route& route, DeclaredBody declared,
                                const store::Payload& payload);
  Bits128 dedupe_key(const MessageName& name, const Route& route) const noexcept;
  Bits128 payload_dedupe_key(const Route& route) const noexcept;
  bool collect_targets(const selector::LinkRoute& link, store::Intake& intake);

  core::SnapshotReader<selector::RoutingTable> routes_;
  core::BufferPool& pool_;
  const std::uint64_t dedupe_seed_;
  selector::Matcher matcher_;
  Inflater inflater_;
  std::vector<core::EndpointNumber> endpoints_;  // scratch
  RouterCounters counters_;
};

}  // namespace headrace::ingest
