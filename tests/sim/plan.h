// SPDX-License-Identifier: Apache-2.0
// What a seed has in store: which troubles are on, the endpoints and the traffic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dispatch/endpoint.h"
#include "tests/sim/agenda.h"
#include "tests/sim/dice.h"

namespace headrace::sim {

struct Troubles {
  bool network = false;
  bool names = false;       // look-ups fail or hang
  bool flapping = false;    // an endpoint's mood changes every now and then
  bool sync_fails = false;  // and write, and creating a segment
  bool disk_full = false;   // and has room again
  bool index_fails = false;
  bool load_fails = false;
  bool stalls = false;  // a loop gets no processor for a while
  bool clock_jumps = false;
  bool crashes = false;
  bool power_cuts = false;
  bool restarts = false;  // in order
  bool edits = false;     // of endpoints' settings
  bool deletions = false;
  bool pauses = false;
  bool bursts = false;
  bool large_bodies = false;
  bool repeats = false;  // messages that were sent before
  bool small_sockets = false;
};

// What a receiver does with requests, as a set of bits.
enum class Manner : std::uint8_t {
  kRefuse,
  kBlackHole,
  kHangBefore,
  kHangInside,
  kReset,
  kResetInside,
  kDrip,
  kShortBody,
  kOverrun,
  kGarbage,
  kHuge,
  kClose,
  kCloseAfter,
  kCloseIdle,
  kStatus,
  kGone,
  kTooMany,
  kRetryAfter,
  kSlow,
  kDeaf,  // does not read
  kCount,
};

struct EndpointPlan {
  dispatch::EndpointSettings settings;  // as it begins
  bool by_name = false;                 // else by address
  bool first_address_bad = false;       // of two that its name has
  bool reliable = false;                // never in trouble
  std::uint32_t manners = 0;            // bits: those it may show
  std::uint64_t trouble_in_100 = 0;     // of requests, while in trouble
  Ns latency = kMs;
};

struct Plan {
  std::uint64_t seed = 0;
  Troubles troubles;
  std::vector<EndpointPlan> endpoints;
  std::size_t shards = 1;
  std::size_t messages = 0;
  Ns duration = 0;
  std::uint64_t segment_bytes = 0;
  std::uint64_t dedupe_window_ms = 0;
  bool durable = true;
  bool shuffles = true;  // loops turn in an order of the seed's

  static Plan of(std::uint64_t seed);
  // The settings of endpoint `number`, drawn anew; its URL and its order stay.
  static void redraw(dispatch::EndpointSettings& settings, Dice& dice);
  // Which troubles are on, for people.
  std::string describe() const;
};

std::string url_of(std::uint32_t endpoint, bool by_name);

}  // namespace headrace::sim
