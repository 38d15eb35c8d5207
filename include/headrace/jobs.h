// SPDX-License-Identifier: Apache-2.0
// Work over what is on record, done in the background: replays and erasures, as plain values.
//
// A job goes over what its filter fits, newest first, and over nothing that was accepted after it
// was made. It survives restarts and crashes: after a crash, what it did in about the last second
// may be done once more (deliveries are at least once anyhow).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "headrace/history.h"
#include "headrace/id.h"

namespace headrace {

enum class JobKind : std::uint8_t {
  kReplay = 1,   // delivers again
  kErasure = 2,  // erases messages
};

enum class JobState : std::uint8_t {
  kCounting = 1,  // finds out how much there is to do
  kRunning = 2,
  kPaused = 3,
  kDone = 4,
  kCancelled = 5,
  kFailed = 6,  // `error` says why
};

// With `filter.message_state`: messages that went nowhere (kUnmatched, kNoEndpoint) are routed by
// what is registered now. Else: deliveries that are over. `filter.page` is not looked at.
struct ReplaySpec {
  HistoryFilter filter;
  EndpointId to;                 // to this endpoint instead; zero: to those it was for
  std::uint32_t per_second = 0;  // deliveries, at most; 0: as fast as the store takes them
  bool is_dry_run = false;       // only counts
};

struct ErasureSpec {
  HistoryFilter filter;  // of messages
  std::string payload;   // JSON as an endpoint's filter has it, on the stored message; empty: all
  bool is_dry_run = false;
};

struct Job {
  JobId id;
  JobKind kind = JobKind::kReplay;
  JobState state = JobState::kCounting;
  HistoryFilter filter;
  EndpointId to;
  std::uint32_t per_second_max = 0;
  std::string payload;
  bool is_dry_run = false;
  std::optional<std::uint64_t> total;  // how many fit; none: still counting
  std::uint64_t scanned = 0;           // messages looked at, of this round: counting or doing
  std::uint64_t matched = 0;           // while counting: so far; else done, skipped and failed
  std::uint64_t done = 0;              // deliveries reopened, or messages erased
  std::uint64_t skipped = 0;           // open already, or still nobody's
  std::uint64_t failed = 0;
  double per_second = 0;  // done lately
  std::string error;      // the last one
  UnixMs created_at = 0;
  std::optional<UnixMs> ended_at;
};

struct JobFilter {
  std::optional<JobKind> kind;
  std::optional<JobState> state;
  PageRequest page;
};

// A delivery that was given up.
struct DeadLetter {
  MessageId message;
  EndpointId endpoint;
  LinkId link;
  std::string event;  // its tag
  UnixMs received_at = 0;
  UnixMs died_at = 0;
  std::uint32_t attempts = 0;
  std::string error;  // of the last attempt; empty when the peer answered
  std::uint16_t http_status = 0;
};

}  // namespace headrace
