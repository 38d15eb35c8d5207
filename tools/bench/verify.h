// SPDX-License-Identifier: Apache-2.0
// What became of each message, by the ledgers of who sent and of who received: lost, duplicated,
// altered, delivered though never accepted, overtaken.
//
// Pure. Threads: none. Limits: takes about 48 bytes a record of a load and 32 a record of a sink.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/histogram.h"
#include "tools/bench/ledger.h"

namespace headrace::bench_tools {

struct LedgerView {
  LedgerKind kind = LedgerKind::kLoad;
  std::uint64_t run = 0;  // of a load
  std::span<const LedgerRecord> records;
  bool is_closed = true;
  std::uint64_t bytes_cut = 0;
};
// Valid as long as the ledger.
LedgerView view_of(const Ledger& ledger) noexcept;

struct VerifyOptions {
  std::uint32_t endpoints_per_message = 1;  // that each message goes to
  bool allow_duplicates = true;             // at least once is what a dispatcher promises
  bool allow_undelivered = false;  // what an endpoint received and never answered 2xx is not lost
};

// How often something was found, and the first messages of which it is true.
struct Finding {
  static constexpr std::size_t kExamplesMax = 5;

  std::uint64_t count = 0;
  std::vector<MessageId> examples;

  void add(MessageId id) {
    ++count;
    if (examples.size() < kExamplesMax) examples.push_back(id);
  }
};

// "Received" is whole at the sink, "delivered" is received and answered 2xx there.
struct VerifyReport {
  // Messages, by what the load knows of them. Accepted, refused and unknown are all that were due.
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t unknown = 0;  // their connection broke, or the load was killed before an answer

  std::uint64_t received = 0;           // receipts at the sink, of every kind
  std::uint64_t deliveries = 0;         // of these, answered 2xx
  std::uint64_t delivered = 0;          // accepted messages that reached all of their endpoints
  std::uint64_t unknown_delivered = 0;  // messages of unknown that reached at least one
  std::uint64_t more_endpoints = 0;     // messages that reached more endpoints than each goes to

  Finding lost;            // accepted and not delivered to as many endpoints as each goes to
  Finding undelivered;     // accepted, received by as many, not answered 2xx by all; part of lost
                           // unless that is allowed
  Finding duplicated;      // deliveries to an endpoint that had answered 2xx before
  Finding altered;         // receipts whose body is not what was sent
  Finding unaccepted;      // messages received though refused or never sent
  Finding bad_signatures;  // receipts
  std::uint64_t unidentified = 0;     // receipts without the id of a message
  std::uint64_t lost_deliveries = 0;  // endpoints that lost messages did not reach

  // Deliveries at an endpoint, of one link, after that of a message which became due only after
  // this one was accepted: the later one overtook.
  Finding inversions;
  std::uint64_t inverted_lanes = 0;  // pairs of endpoint and link with at least one

  std::uint64_t ledgers = 0;
  std::uint64_t unclosed_ledgers = 0;  // of processes that were killed
  std::uint64_t bytes_cut = 0;

  // Of each first delivery of an accepted message to an endpoint, in ns; of those apart, none.
  core::Histogram from_due;
  core::Histogram from_accepted;

  // The names of what must not be ("lost", "altered", …); empty: all is well.
  std::vector<std::string_view> breaches(const VerifyOptions& options) const;
};

VerifyReport verify(std::span<const LedgerView> ledgers, const VerifyOptions& options);

}  // namespace headrace::bench_tools
