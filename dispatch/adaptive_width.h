// SPDX-License-Identifier: Apache-2.0
// How many attempts an endpoint that sets its own pace has in flight: additive increase,
// multiplicative decrease.
//
// Pure: times come in as arguments, in nanoseconds of a clock that is not set back.
// Invariant: the width lies between 1 and the cap.
#pragma once

#include <algorithm>
#include <cstdint>

#include "store/types.h"

namespace headrace::dispatch {

class AdaptiveWidth {
 public:
  static constexpr std::uint32_t kStart = 4;

  // At most `cap`, which may change.
  std::uint32_t width(std::uint32_t cap) const noexcept { return std::min(width_, cap); }

  // The peer kept up, with `in_flight` under way, this one included: one wider after a width of
  // these. While less than half of the width is used nothing is learnt about the rest.
  void on_success(std::uint32_t in_flight, std::uint32_t cap) noexcept {
    width_ = width(cap);
    if (2 * in_flight < width_ || ++successes_ < width_) return;
    successes_ = 0;
    width_ = std::min(width_ + 1, cap);
  }
  // Too much for the peer: half as wide, once a round trip. What began before the last decrease
  // says nothing about the width since.
  void on_overload(std::uint64_t started_ns, std::uint64_t now_ns, std::uint32_t cap) noexcept {
    if (started_ns <= decreased_at_ns_) return;
    decreased_at_ns_ = now_ns;
    successes_ = 0;
    width_ = std::max<std::uint32_t>(1, width(cap) / 2);
  }

 private:
  std::uint32_t width_ = kStart;
  std::uint32_t successes_ = 0;
  std::uint64_t decreased_at_ns_ = 0;
};

// Whether an attempt ended as they do when there are too many of them: out of time, 429 or 503.
constexpr bool is_overload(store::AttemptError error, std::uint16_t http_status) noexcept {
  using store::AttemptError;
  return error == AttemptError::kTimeout || error == AttemptError::kConnectTimeout ||
         (error == AttemptError::kNone && (http_status == 429 || http_status == 503));
}

}  // namespace headrace::dispatch
