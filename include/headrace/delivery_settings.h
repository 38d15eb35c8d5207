// SPDX-License-Identifier: Apache-2.0
// How deliveries to an endpoint are made: whether and when they are tried again, how fast, in which
// order, and whether at all. Plain values; what each does is told in docs/delivery.md.
//
// DeliverySettings are those in force, and as they come by default; a DeliveryPatch changes some of
// them. Threads: none of this is shared.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace headrace {

// min(base * factor^n, cap) before the n-th retry, counted from 0.
struct ExponentialRetry {
  std::chrono::milliseconds base{5'000};
  double factor = 2.0;                                // 1 to 100
  std::chrono::milliseconds cap{10 * 3'600 * 1'000};  // at most 7 days
  std::uint32_t count = 10;                           // at most 100
  bool operator==(const ExponentialRetry&) const = default;
};

// Delays before each retry. What is still not delivered after the last one is dead.
struct RetrySettings {
  std::vector<std::chrono::milliseconds>
      schedule;                                 // at most 100 of at most 7 days; empty: no retry
  std::optional<ExponentialRetry> exponential;  // in place of the list, which is empty then
  std::uint32_t jitter_percent = 20;            // each delay varies by as much, either way
  bool operator==(const RetrySettings&) const = default;
};

// When an endpoint that answers, but fails at nearly everything, is left alone for a while.
struct BreakerSettings {
  std::chrono::milliseconds window{60'000};  // 10 ms to 24 h
  std::uint32_t count_min = 20;  // attempts within the window, below which nothing is concluded
  double threshold = 0.9;        // the share of failures that opens it; above 0, up to 1
  std::chrono::milliseconds open_for{30'000};
  std::chrono::milliseconds open_for_max{600'000};  // not less than open_for, at most 24 h
  std::uint32_t probes = 1;                         // at a time while half-open; 1 to 1024
  bool operator==(const BreakerSettings&) const = default;
};

// In any span of t seconds at most burst + per_second * t attempts begin.
struct RateLimit {
  double per_second = 0;    // from one a day (1/86400) to 1,000,000
  std::uint32_t burst = 1;  // at most 1,000,000
  bool operator==(const RateLimit&) const = default;
};

enum class Order : std::uint8_t {
  kNone,    // as they come, many at a time
  kStrict,  // one at a time, in order of arrival
  kByKey,   // likewise those that have the same text at `order_by`; others many at a time
};

// Where there is an order: what a delivery that failed and is tried again does to those behind it.
enum class HeadOfLine : std::uint8_t {
  kBlock,  // they wait until it is delivered or dead
  kSkip,   // they go on, and it comes back when it is due
};

struct DeliverySettings {
  std::optional<RetrySettings>
      retry;  // none: 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, 10 h
  // Statuses ("404") and classes of them ("4xx") that are tried again, or end a delivery at once. A
  // status outranks its class; by default all are tried again but 410.
  std::vector<std::string> retry_on, final_on;
  std::chrono::milliseconds retry_after_max{24 * 3'600 * 1'000};  // a longer Retry-After is cut
  std::optional<BreakerSettings> breaker = BreakerSettings{};     // none: it is never left alone
  std::optional<RateLimit> rate_limit;                            // none: as fast as it goes
  Order order = Order::kNone;
  std::string order_by;  // of kByKey: "$Event{customer.id}"; without effect in another order
  HeadOfLine head_of_line = HeadOfLine::kBlock;
  // Of the turns while both retries and fresh deliveries wait, 1 to 99.
  std::uint32_t retry_share_percent = 50;
  std::uint32_t in_flight_max = 64;  // 1 to 1024 attempts under way at a time
  bool adaptive = false;             // as many of these as the endpoint keeps up with
  std::chrono::milliseconds connect_timeout{5'000};   // 1 ms to 10 min: name, connection, handshake
  std::chrono::milliseconds attempt_timeout{15'000};  // 1 ms to 10 min: to the end of the answer
  // After so long of nothing but failures the endpoint is disabled; none: never.
  std::optional<std::chrono::milliseconds> disable_after{5 * 24 * 3'600 * 1'000};
  bool operator==(const DeliverySettings&) const = default;
};

// Members without a value keep what is there. Of those that may be none, the inner value is none.
struct DeliveryPatch {
  std::optional<std::optional<RetrySettings>> retry;
  std::optional<std::vector<std::string>> retry_on, final_on;
  std::optional<std::chrono::milliseconds> retry_after_max;
  std::optional<std::optional<BreakerSettings>> breaker;
  std::optional<std::optional<RateLimit>> rate_limit;
  std::optional<Order> order;
  std::optional<std::string> order_by;
  std::optional<HeadOfLine> head_of_line;
  std::optional<std::uint32_t> retry_share_percent;
  std::optional<std::uint32_t> in_flight_max;
  std::optional<bool> adaptive;
  std::optional<std::chrono::milliseconds> connect_timeout, attempt_timeout;
  std::optional<std::optional<std::chrono::milliseconds>> disable_after;
};

enum class EndpointState : std::uint8_t {  // Frozen on disk.
  kActive = 0,                             // takes and delivers
  kPaused = 1,                             // takes; what waits is held
  kDraining = 2,                           // takes nothing new, delivers what waits
  kDisabled = 3,                           // takes nothing new; what waits is held
};

enum class StateReason : std::uint8_t {  // Frozen on disk.
  kManual = 0,                           // somebody said so
  kGone = 1,                             // it answered 410
  kFailing = 2,                          // nothing but failures for `disable_after`
};

}  // namespace headrace
