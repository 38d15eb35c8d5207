// SPDX-License-Identifier: Apache-2.0
// How often an endpoint may be called: a token bucket.
//
// In any span of t seconds it gives at most burst + per_second * t tokens, and whoever takes them
// as they come gets per_second of them, however long that goes on: times are worked out from where
// the bucket was last full, not added up, so that what rounding costs stays below a nanosecond a
// token. A token once due stays until it is taken.
//
// Pure: time comes in as an argument, in nanoseconds of a clock that is not set back.
#pragma once

#include <cstdint>

namespace headrace::dispatch {

struct RateLimit {
  double per_second = 0;
  std::uint32_t burst = 1;  // how many may go at once after a rest

  static constexpr double kPerSecondMin = 1.0 / 86'400;  // one a day
  static constexpr double kPerSecondMax = 1e6;
  static constexpr std::uint32_t kBurstMax = 1'000'000;

  bool valid() const noexcept {
    return per_second >= kPerSecondMin && per_second <= kPerSecondMax && burst >= 1 &&
           burst <= kBurstMax;
  }
  bool operator==(const RateLimit&) const = default;
};

class TokenBucket {
 public:
  // The first limit comes with a full bucket; a later one takes over the whole tokens that are
  // there, as far as its burst allows. Requires: limit.valid().
  void set_limit(RateLimit limit, std::uint64_t now_ns) noexcept;

  // When the next token is there, or was. Requires: a limit.
  std::uint64_t ready_at() const noexcept;
  // Takes one; false: there is none yet. Requires: a limit.
  bool try_take(std::uint64_t now_ns) noexcept;
  bool full(std::uint64_t now_ns) const noexcept;

 private:
  double tokens_at(std::uint64_t now_ns) const noexcept;  // not bounded by the burst

  RateLimit limit_{};
  std::uint64_t full_at_ns_ = 0;  // when it was last known to be full
  std::uint64_t taken_ = 0;       // since then
};

}  // namespace headrace::dispatch
