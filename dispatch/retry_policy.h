// SPDX-License-Identifier: Apache-2.0
// Whether and when a delivery is tried again.
//
// Pure: no clock, no loop, no random state. Same inputs, same answer.
// Limits: kRetriesMax delays of at most kDelayMax each.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "headrace/result.h"
#include "store/types.h"

namespace headrace::dispatch {

class RetryPolicy {
 public:
  using Delay = std::chrono::milliseconds;

  static constexpr std::size_t kRetriesMax = 100;
  static constexpr Delay kDelayMax = std::chrono::hours{24 * 7};
  static constexpr unsigned kJitterPercent = 20;  // either way

  struct Exponential {
    Delay base{5'000};
    double factor = 2.0;
    Delay cap{std::chrono::hours{10}};
    std::size_t count = 10;
  };

  // 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, 10 h, then dead.
  RetryPolicy();

  // The delays as given; an empty list means one attempt only. kInvalidArgument when there are too
  // many or one is negative or too long.
  static Result<RetryPolicy> of_list(std::span<const Delay> delays);
  // min(base * factor^n, cap) for n in [0, count). kInvalidArgument when factor is not in [1, 100]
  // or a limit is exceeded.
  static Result<RetryPolicy> of_exponential(const Exponential& shape);

  // The delay after `attempts_made` failed attempts, jittered by any 64 random bits; nullopt: give
  // up. Requires: attempts_made >= 1.
  std::optional<Delay> delay_before_retry(std::uint32_t attempts_made,
                                          std::uint64_t jitter) const noexcept;

  std::span<const Delay> delays() const noexcept { return delays_; }

 private:
  explicit RetryPolicy(std::vector<Delay> delays) : delays_(std::move(delays)) {}

  std::vector<Delay> delays_;  // worked out once, so that both shapes cost the same to ask
};

// The longest Retry-After that is believed.
inline constexpr std::chrono::seconds kRetryAfterMax = std::chrono::hours{24};

// What came of one attempt.
struct AttemptResult {
  store::AttemptError error = store::AttemptError::kNone;
  std::uint16_t http_status = 0;
  std::int64_t retry_after_seconds = -1;  // -1: the peer did not say
};

struct Judgement {
  store::Verdict verdict = store::Verdict::kRetry;
  RetryPolicy::Delay delay{0};  // of kRetry: wait so long before the next attempt
};

// The peer could not be reached at all, so no other delivery can reach it now.
constexpr bool is_unreachable(store::AttemptError error) noexcept {
  using store::AttemptError;
  return error == AttemptError::kResolve || error == AttemptError::kConnect ||
         error == AttemptError::kConnectTimeout || error == AttemptError::kTls ||
         error == AttemptError::kBlockedAddress;
}

// The whole decision about a finished attempt, the `attempts_made`-th (so at least 1): 2xx is
// delivered; 410 is dead; an endpoint that is gone or has no usable URL and a request that is too
// large are dead; all else is retried while the policy allows, on 429, 502, 503 and 504 not before
// Retry-After (capped by kRetryAfterMax).
Judgement judge(const AttemptResult& result, const RetryPolicy& policy, std::uint32_t attempts_made,
                std::uint64_t jitter) noexcept;

}  // namespace headrace::dispatch
