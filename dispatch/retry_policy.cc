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

bool is_final(const AttemptResult& result, const RetryRules& rules) noexcept {
  return result.error == AttemptError::kEndpointGone || result.error == AttemptError::kInvalidUrl ||
         result.error == AttemptError::kTooLarge ||
         (result.error == AttemptError::kNone && rules.is_final(result.http_status));
}

// The statuses that a rule names: [first, first + count). A count of 0: it names none.
struct StatusRange {
  std::uint16_t first = 0;
  std::uint16_t count = 0;
};

StatusRange parse_statuses(std::string_view text) noexcept {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 3 || text[0] < '3' || text[0] > '5') return {};
  const auto hundreds = static_cast<std::uint16_t>((text[0] - '0') * 100);
  if (text.substr(1) == "xx") return {hundreds, 100};
  if (!is_digit(text[1]) || !is_digit(text[2])) return {};
  return {static_cast<std::uint16_t>(hundreds + (text[1] - '0') * 10 + (text[2] - '0')), 1};
}

Error invalid(const char* what, std::size_t detail = 0) {
  return Error{ErrorCode::kInvalidArgument, what, static_cast<std::int64_t>(detail)};
}

Result<void> check_statuses(std::span<const std::string> rules) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (parse_statuses(rules[i]).count != 0) continue;
    return invalid("a retry rule names a status from 300 to 599, or 3xx, 4xx or 5xx", i);
  }
  return {};
}

}  // namespace

RetryPolicy::RetryPolicy() {
  using namespace std::chrono_literals;
  delays_ = {5s, 30s, 2min, 10min, 30min, 2h, 5h, 10h, 10h};
}

Result<RetryPolicy> RetryPolicy::of_list(std::span<const Delay> delays, unsigned jitter_percent) {
  if (delays.size() > kRetriesMax) return invalid("a retry policy has at most 100 delays");
  if (jitter_percent > 100) return invalid("the jitter of a retry policy is at most 100 percent");
  for (std::size_t i = 0; i < delays.size(); ++i) {
    if (delays[i] >= Delay{0} && delays[i] <= kDelayMax) continue;
    return invalid("a retry delay lies between 0 and 7 days", i);
  }
  return RetryPolicy{std::vector<Delay>(delays.begin(), delays.end()), jitter_percent};
}

Result<RetryPolicy> RetryPolicy::of_exponential(const Exponential& shape) {
  if (!(shape.factor >= 1.0 && shape.factor <= 100.0)) {
    return invalid("the factor of a retry policy lies between 1 and 100");
  }
  if (shape.base < Delay{0} || shape.cap < Delay{0} || shape.cap > kDelayMax ||
      shape.count > kRetriesMax) {
    return invalid("a retry policy has at most 100 delays of 0 to 7 days");
  }
  if (shape.jitter_percent > 100) {
    return invalid("the jitter of a retry policy is at most 100 percent");
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
  return RetryPolicy{std::move(delays), shape.jitter_percent};
}

std::optional<RetryPolicy::Delay> RetryPolicy::delay_before_retry(
    std::uint32_t attempts_made, std::uint64_t jitter) const noexcept {
  HEADRACE_DCHECK(attempts_made >= 1);
  if (attempts_made > delays_.size()) return std::nullopt;
  const auto delay = static_cast<std::uint64_t>(delays_[attempts_made - 1].count());
  const std::uint64_t spread = delay * jitter_percent_ / 100;
  return Delay{static_cast<Delay::rep>(delay - spread + jitter % (2 * spread + 1))};
}

RetryRules::RetryRules() { final_.set(kGone - kFirst); }

Result<RetryRules> RetryRules::of(std::span<const std::string> retried,
                                  std::span<const std::string> final) {
  for (const auto list : {retried, final}) {
    if (auto checked = check_statuses(list); !checked) return std::move(checked).error();
  }
  for (std::size_t i = 0; i < final.size(); ++i) {
    if (std::find(retried.begin(), retried.end(), final[i]) == retried.end()) continue;
    return invalid("a retry rule is either retried or final", i);
  }
  RetryRules rules;
  const auto set = [&rules](std::span<const std::string> list, std::uint16_t count, bool value) {
    for (const std::string& text : list) {
      const StatusRange range = parse_statuses(text);
      if (range.count != count) continue;
      for (std::size_t i = 0; i < count; ++i) rules.final_.set(range.first - kFirst + i, value);
    }
  };
  for (const std::uint16_t count : {std::uint16_t{100}, std::uint16_t{1}}) {  // classes first
    set(retried, count, false);
    set(final, count, true);
  }
  return rules;
}

const RetryRules& RetryRules::usual() noexcept {
  static const RetryRules rules;
  return rules;
}

Judgement judge(const AttemptResult& result, const RetryTerms& terms, std::uint32_t attempts_made,
                std::uint64_t jitter) noexcept {
  if (is_success(result)) return {Verdict::kDelivered, {}};
  if (is_final(result, terms.rules)) return {Verdict::kDead, {}};
  const auto delay = terms.policy.delay_before_retry(attempts_made, jitter);
  if (!delay) return {Verdict::kDead, {}};
  const bool wait_as_told = result.error == AttemptError::kNone && says_when(result.http_status) &&
                            result.retry_after_seconds > 0;
  if (!wait_as_told) return {Verdict::kRetry, *delay};
  const std::chrono::seconds told{
      std::min<std::int64_t>(result.retry_after_seconds, terms.retry_after_max.count())};
  return {Verdict::kRetry, std::max<RetryPolicy::Delay>(*delay, told)};
}

}  // namespace headrace::dispatch
