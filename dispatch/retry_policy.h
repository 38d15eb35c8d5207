// SPDX-License-Identifier: Apache-2.0
// Whether and when a delivery is tried again.
//
// Pure: no clock, no loop, no random state. Same inputs, same answer.
// Limits: kRetriesMax delays of at most kDelayMax each.
#pragma once

#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "headrace/result.h"
#include "store/types.h"

namespace headrace::dispatch {

class RetryPolicy {
 public:
  using Delay = std::chrono::milliseconds;

  static constexpr std::size_t kRetriesMax = 100;
  static constexpr Delay kDelayMax = std::chrono::hours{24 * 7};
  static constexpr unsigned kJitterPercentDefault = 20;  // either way

  struct Exponential {
    Delay base{5'000};
    double factor = 2.0;
    Delay cap{std::chrono::hours{10}};
    std::size_t count = 10;
    unsigned jitter_percent = kJitterPercentDefault;
  };

  // 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, 10 h, then dead.
  RetryPolicy();

  // The delays as given, each varied by up to `jitter_percent` either way; an empty list means one
  // attempt only. kInvalidArgument when there are too many, one is negative or too long, or the
  // jitter is above 100 %.
  static Result<RetryPolicy> of_list(std::span<const Delay> delays,
                                     unsigned jitter_percent = kJitterPercentDefault);
  // min(base * factor^n, cap) for n in [0, count). kInvalidArgument when factor is not in [1, 100]
  // or a limit is exceeded.
  static Result<RetryPolicy> of_exponential(const Exponential& shape);

  // The delay after `attempts_made` failed attempts, jittered by any 64 random bits; nullopt: give
  // up. Requires: attempts_made >= 1.
  std::optional<Delay> delay_before_retry(std::uint32_t attempts_made,
                                          std::uint64_t jitter) const noexcept;

  std::span<const Delay> delays() const noexcept { return delays_; }
  unsigned jitter_percent() const noexcept { return jitter_percent_; }

 private:
  RetryPolicy(std::vector<Delay> delays, unsigned jitter_percent)
      : delays_(std::move(delays)), jitter_percent_(jitter_percent) {}

  std::vector<Delay> delays_;  // worked out once, so that both shapes cost the same to ask
  unsigned jitter_percent_ = kJitterPercentDefault;
};

// Which answers end a delivery at once, and which are tried again.
class RetryRules {
 public:
  // Everything but 410 is tried again.
  RetryRules();

  // The above, save for what is named: a status ("404") or a class of them ("3xx", "4xx", "5xx"). A
  // status outranks its class. kInvalidArgument, with the index in its list, for anything else and
  // for what both lists name.
  static Result<RetryRules> of(std::span<const std::string> retried,
                               std::span<const std::string> final);
  // The default, as one object to refer to.
  static const RetryRules& usual() noexcept;

  // Of an answer outside 2xx. What is no status of HTTP is tried again.
  bool is_final(std::uint16_t status) const noexcept {
    return status >= kFirst && status < kFirst + kCount && final_[status - kFirst];
  }

 private:
  static constexpr std::uint16_t kFirst = 300;
  static constexpr std::size_t kCount = 300;
  std::bitset<kCount> final_;
};

// The longest Retry-After that is believed, where an endpoint does not say.
inline constexpr std::chrono::seconds kRetryAfterMaxDefault = std::chrono::hours{24};

// All that judge() asks of an endpoint. Borrows.
struct RetryTerms {
  const RetryPolicy& policy;
  const RetryRules& rules = RetryRules::usual();
  std::chrono::seconds retry_after_max = kRetryAfterMaxDefault;
};

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
         error == AttemptError::kBlockedAddress || error == AttemptError::kPlainHttp;
}

// The whole decision about a finished attempt, the `attempts_made`-th (so at least 1): 2xx is
// delivered; what the rules call final is dead; an endpoint that is gone or has no usable URL and a
// request that is too large are dead; all else is retried while the policy allows, on 429, 502, 503
// and 504 not before Retry-After (capped by `retry_after_max`).
Judgement judge(const AttemptResult& result, const RetryTerms& terms, std::uint32_t attempts_made,
                std::uint64_t jitter) noexcept;

}  // namespace headrace::dispatch
