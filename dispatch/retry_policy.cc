// SPDX-License-Identifier: Apache-2.0
#include "dispatch/retry_policy.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace headrace::dispatch {

using store::AttemptError;
using store::Verdict;

namespace {

constexpr std::uint16_t kGone = 410;

bool says_when(std::uint16_t status) noexcept {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

bool is_success(const AttemptResult& result) noexcept {
  return result.error == AttemptError::kNone && result.http_status >= 200 &&
         result.http_status < 300;
}

bool is_final(const AttemptResult& result) noexcept {
  return result.error == AttemptError::kEndpointGone || result.error == AttemptError::kInvalidUrl ||
         result.error == AttemptError::kTooLarge ||
         (result.error == AttemptError::kNone && result.http_status == kGone);
}

}  // namespace

RetryPolicy::RetryPolicy() {
  using namespace std::chrono_literals;
  delays_ = {5s, 30s, 2min, 10min, 30min, 2h, 5h, 10h, 10h};
}

Result<RetryPolicy> RetryPolicy::of_list(std::span<const Delay> delays) {
  if (delays.size() > kRetriesMax) {
    return Error{ErrorCode::kInvalidArgument, "a retry policy has at most 100 delays", 0};
  }
  for (std::size_t i = 0; i < delays.size(); ++i) {
    if (delays[i] >= Delay{0} && delays[i] <= kDelayMax) continue;
    return Error{ErrorCode::kInvalidArgument, "a retry delay lies between 0 and 7 days",
                 static_cast<std::int64_t>(i)};
  }
  return RetryPolicy{std::vector<Delay>(delays.begin(), delays.end())};
}

Result<RetryPolicy> RetryPolicy::of_exponential(const Exponential& shape) {
  if (!(shape.factor >= 1.0 && shape.factor <= 100.0)) {
    return Error{ErrorCode::kInvalidArgument, "the factor of a retry policy lies between 1 and 100",
                 0};
  }
  if (shape.base < Delay{0} || shape.cap < Delay{0} || shape.cap > kDelayMax ||
      shape.count > kRetriesMax) {
    return Error{ErrorCode::kInvalidArgument,
                 "a retry policy has at most 100 delays of 0 to 7 days", 0};
  }
  const auto cap = static_cast<double>(shape.cap.count());
  auto next = static_cast<double>(shape.base.count());
  std::vector<Delay> delays;
  delays.reserve(shape.count);
  for (std::size_t i = 0; i < shape.count; ++i) {
    next = std::min(next, cap);
    delays.emplace_back(static_cast<Delay::rep>(next));
    next *= shape.factor;
  }
  return RetryPolicy{std::move(delays)};
}

std::optional<RetryPolicy::Delay> RetryPolicy::delay_before_retry(
    std::uint32_t attempts_made, std::uint64_t jitter) const noexcept {
  HEADRACE_DCHECK(attempts_made >= 1);
  if (attempts_made > delays_.size()) return std::nullopt;
  const auto delay = static_cast<std::uint64_t>(delays_[attempts_made - 1].count());
  const std::uint64_t spread = delay * kJitterPercent / 100;
  return Delay{static_cast<Delay::rep>(delay - spread + jitter % (2 * spread + 1))};
}

Judgement judge(const AttemptResult& result, const RetryPolicy& policy, std::uint32_t attempts_made,
                std::uint64_t jitter) noexcept {
  if (is_success(result)) return {Verdict::kDelivered, {}};
  if (is_final(result)) return {Verdict::kDead, {}};
  const auto delay = policy.delay_before_retry(attempts_made, jitter);
  if (!delay) return {Verdict::kDead, {}};
  const bool wait_as_told = result.error == AttemptError::kNone && says_when(result.http_status) &&
                            result.retry_after_seconds > 0;
  if (!wait_as_told) return {Verdict::kRetry, *delay};
  const std::chrono::seconds told{
      std::min<std::int64_t>(result.retry_after_seconds, kRetryAfterMax.count())};
  return {Verdict::kRetry, std::max<RetryPolicy::Delay>(*delay, told)};
}

}  // namespace headrace::dispatch
