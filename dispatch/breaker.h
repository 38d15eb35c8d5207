// SPDX-License-Identifier: Apache-2.0
// Whether an endpoint that answers, but fails at nearly everything, is left alone for a while.
//
// Closed: everything goes. When of at least `count_min` attempts that ended within `window` a share
// of `threshold` failed, it opens: nothing is attempted for `open_for`. Then it is half-open: a few
// probe, a success closes it, a failure opens it for twice as long, up to `open_for_max`.
//
// Pure: time comes in as an argument. A clock that is set back forgets what was counted.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/clock.h"
#include "store/types.h"

namespace headrace::dispatch {

struct BreakerSettings {
  std::chrono::milliseconds window{60'000};
  std::uint32_t count_min = 20;  // attempts within the window, below which nothing is concluded
  double threshold = 0.9;        // share of failures that opens it
  std::chrono::milliseconds open_for{30'000};
  std::chrono::milliseconds open_for_max{600'000};
  std::uint32_t probes = 1;  // at a time while half-open

  bool valid() const noexcept;
};

// What the end of an attempt says about the endpoint.
enum class Health : std::uint8_t {
  kGood,     // it does its work, though it may refuse this delivery
  kBad,      // not reached, out of time, broken off, 5xx or 429
  kUnknown,  // nothing was sent to it
};
Health health_of(store::AttemptError error, std::uint16_t http_status) noexcept;

class Breaker {
 public:
  enum class Change : std::uint8_t { kNone, kOpened, kClosed };

  // An attempt ended. kOpened: nothing may be attempted before open_until(). What ends while it is
  // open began before, and changes nothing.
  Change on_end(Health health, core::WallMs now, const BreakerSettings& settings) noexcept;
  // As if nothing had happened.
  void reset() noexcept { *this = Breaker{}; }

  bool closed() const noexcept { return openings_ == 0; }
  core::WallMs open_until() const noexcept { return open_until_; }

 private:
  static constexpr std::size_t kBuckets = 10;
  struct Counts {
    std::uint32_t ended = 0;
    std::uint32_t failed = 0;
  };

  void count(bool failed, core::WallMs now, core::WallMs bucket_ms) noexcept;
  void open(core::WallMs now, const BreakerSettings& settings) noexcept;

  std::array<Counts, kBuckets> buckets_{};
  Counts total_;
  core::WallMs bucket_ms_ = 0;
  core::WallMs bucket_ = 0;     // the number of the newest, in time since the epoch
  std::uint32_t openings_ = 0;  // in a row; 0: closed
  core::WallMs open_until_ = 0;
};

}  // namespace headrace::dispatch
