// SPDX-License-Identifier: Apache-2.0
#include "engine/delivery_rules.h"

#include <utility>

#include "core/limits.h"
#include "engine/faults.h"

namespace headrace::engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeLimitMax = std::chrono::minutes(10);
constexpr milliseconds kDisableAfterMax = std::chrono::hours(24 * 365);

template <class T>
void take(const std::optional<T>& given, T& to) {
  if (given) to = *given;
}

bool is_delay(milliseconds delay) noexcept {
  return delay.count() >= 0 && delay <= dispatch::RetryPolicy::kDelayMax;
}

Result<dispatch::RetryPolicy> policy_of(const std::optional<RetrySettings>& retry) {
  if (!retry) return dispatch::RetryPolicy();
  if (!retry->exponential)
    return dispatch::RetryPolicy::of_list(retry->schedule, retry->jitter_percent);
  const ExponentialRetry& shape = *retry->exponential;
  return dispatch::RetryPolicy::of_exponential({.base = shape.base,
                                                .factor = shape.factor,
                                                .cap = shape.cap,
                                                .count = shape.count,
                                                .jitter_percent = retry->jitter_percent});
}

Result<void> check_exponential(const ExponentialRetry& shape, const std::string& pointer) {
  if (!is_delay(shape.base)) return invalid(pointer + "/base", "must be between 0 and 7 days");
  if (!(shape.factor >= 1.0 && shape.factor <= 100.0))
    return invalid(pointer + "/factor", "must be between 1 and 100");
  if (!is_delay(shape.cap)) return invalid(pointer + "/cap", "must be between 0 and 7 days");
  if (shape.count > dispatch::RetryPolicy::kRetriesMax)
    return invalid(pointer + "/count", "must be at most 100");
  return {};
}

Result<void> check_retry(const RetrySettings& retry, const std::string& pointer) {
  if (retry.jitter_percent > 100)
    return invalid(pointer + "/jitter_percent", "must be at most 100");
  if (retry.exponential && !retry.schedule.empty())
    return invalid(pointer, "is either a schedule or base, factor, cap and count");
  if (retry.exponential) return check_exponential(*retry.exponential, pointer);
  if (policy_of(retry)) return {};
  return invalid(pointer + "/schedule",
                 "has at most 100 delays, each of them between 0 and 7 days");
}

Result<void> check_rules(const DeliverySettings& settings, const std::string& pointer) {
  using dispatch::RetryRules;
  const auto fault = [&](const char* member, const Error& error) {
    return invalid(pointer + member + std::to_string(error.detail), error.what);
  };
  if (auto rules = RetryRules::of(settings.retry_on, {}); !rules)
    return fault("/retry_on/", rules.error());
  if (auto rules = RetryRules::of(settings.retry_on, settings.final_on); !rules)
    return fault("/final_on/", rules.error());
  return {};
}

dispatch::BreakerSettings breaker_of(const BreakerSettings& breaker) {
  return {.window = breaker.window,
          .count_min = breaker.count_min,
          .threshold = breaker.threshold,
          .open_for = breaker.open_for,
          .open_for_max = breaker.open_for_max,
          .probes = breaker.probes};
}

// The first member with which the breaker is none, when all others are as they come.
Result<void> check_breaker(const BreakerSettings& breaker, const std::string& pointer) {
  const auto is_good = [&](const auto& take_member) {
    BreakerSettings one;
    take_member(one);
    return breaker_of(one).valid();
  };
  if (!is_good([&](auto& one) { one.window = breaker.window; }))
    return invalid(pointer + "/window", "must be between 10 ms and 24 h");
  if (!is_good([&](auto& one) { one.count_min = breaker.count_min; }))
    return invalid(pointer + "/count_min", "must be between 1 and 1000000");
  if (!is_good([&](auto& one) { one.threshold = breaker.threshold; }))
    return invalid(pointer + "/threshold", "must be above 0 and at most 1");
  if (!is_good([&](auto& one) { one.probes = breaker.probes; }))
    return invalid(pointer + "/probes", "must be between 1 and 1024");
  if (breaker_of(breaker).valid()) return {};
  return invalid(pointer + "/open_for", "must be at least 1 ms, and at most open_for_max (24 h)");
}

Result<void> check_order(const DeliverySettings& settings, const std::string& pointer) {
  if (settings.retry_share_percent < 1 || settings.retry_share_percent > 99)
    return invalid(pointer + "/retry_share_percent", "must be between 1 and 99");
  if (settings.order_by.empty()) {
    if (settings.order != Order::kByKey) return {};
    return invalid(pointer + "/order_by", "is needed for an order by key");
  }
  auto key = dispatch::OrderKey::of(settings.order_by);
  if (!key) return at(pointer + "/order_by", std::move(key).error());
  return {};
}

dispatch::Order order_of(Order order) noexcept {
  switch (order) {
    case Order::kNone:
      return dispatch::Order::kNone;
    case Order::kStrict:
      return dispatch::Order::kStrict;
    case Order::kByKey:
      return dispatch::Order::kByKey;
  }
  return dispatch::Order::kNone;
}

Result<void> check_times(const DeliverySettings& settings, const std::string& pointer) {
  if (!is_delay(settings.retry_after_max))
    return invalid(pointer + "/retry_after_max", "must be between 0 and 7 days");
  const auto is_limit = [](milliseconds limit) {
    return limit.count() >= 1 && limit <= kTimeLimitMax;
  };
  if (!is_limit(settings.connect_timeout))
    return invalid(pointer + "/connect_timeout", "must be between 1 ms and 10 min");
  if (!is_limit(settings.attempt_timeout))
    return invalid(pointer + "/attempt_timeout", "must be between 1 ms and 10 min");
  const auto& after = settings.disable_after;
  if (after && (after->count() < 1 || *after > kDisableAfterMax))
    return invalid(pointer + "/disable_after", "must be between 1 ms and 365 days");
  return {};
}

}  // namespace

void apply(const DeliveryPatch& patch, DeliverySettings& settings) {
  take(patch.retry, settings.retry);
  take(patch.retry_on, settings.retry_on);
  take(patch.final_on, settings.final_on);
  take(patch.retry_after_max, settings.retry_after_max);
  take(patch.breaker, settings.breaker);
  take(patch.rate_limit, settings.rate_limit);
  take(patch.order, settings.order);
  take(patch.order_by, settings.order_by);
  take(patch.head_of_line, settings.head_of_line);
  take(patch.retry_share_percent, settings.retry_share_percent);
  take(patch.in_flight_max, settings.in_flight_max);
  take(patch.adaptive, settings.adaptive);
  take(patch.connect_timeout, settings.connect_timeout);
  take(patch.attempt_timeout, settings.attempt_timeout);
  take(patch.disable_after, settings.disable_after);
}

Result<void> check_delivery(const DeliverySettings& settings, const std::string& pointer) {
  if (settings.in_flight_max == 0 || settings.in_flight_max > core::limits::kLaneInFlightMax)
    return invalid(pointer + "/in_flight_max", "must be between 1 and 1024");
  if (auto checked = check_order(settings, pointer); !checked) return checked;
  if (settings.retry) {
    if (auto checked = check_retry(*settings.retry, pointer + "/retry"); !checked) return checked;
  }
  if (auto checked = check_rules(settings, pointer); !checked) return checked;
  if (settings.breaker) {
    if (auto checked = check_breaker(*settings.breaker, pointer + "/breaker"); !checked)
      return checked;
  }
  if (settings.rate_limit) {
    const dispatch::RateLimit limit{settings.rate_limit->per_second, settings.rate_limit->burst};
    if (!limit.valid())
      return invalid(pointer + "/rate_limit",
                     "lies between one a day and 1000000 a second, with a burst of 1 to 1000000");
  }
  return check_times(settings, pointer);
}

Result<void> add_delivery(const DeliverySettings& settings, dispatch::EndpointSettings& to) {
  auto policy = policy_of(settings.retry);
  if (!policy) return std::move(policy).error();
  auto rules = dispatch::RetryRules::of(settings.retry_on, settings.final_on);
  if (!rules) return std::move(rules).error();
  to.retry = std::move(*policy);
  to.retry_rules = std::move(*rules);
  to.retry_after_max = std::chrono::floor<std::chrono::seconds>(settings.retry_after_max);
  to.breaker.reset();
  if (settings.breaker) to.breaker = breaker_of(*settings.breaker);
  to.rate_limit.reset();
  if (settings.rate_limit)
    to.rate_limit = {settings.rate_limit->per_second, settings.rate_limit->burst};
  to.order = order_of(settings.order);
  to.order_by = settings.order == Order::kByKey ? settings.order_by : "";
  to.retry_share_percent = settings.retry_share_percent;
  to.head_of_line = settings.head_of_line == HeadOfLine::kSkip ? dispatch::HeadOfLine::kSkip
                                                               : dispatch::HeadOfLine::kBlock;
  to.in_flight_max = settings.in_flight_max;
  to.adaptive = settings.adaptive;
  to.connect_timeout = settings.connect_timeout;
  to.attempt_timeout = settings.attempt_timeout;
  to.disable_after = settings.disable_after;
  return {};
}

std::string_view to_string(EndpointState state) noexcept {
  switch (state) {
    case EndpointState::kActive:
      return "active";
    case EndpointState::kPaused:
      return "paused";
    case EndpointState::kDraining:
      return "draining";
    case EndpointState::kDisabled:
      return "disabled";
  }
  return "active";
}

std::string_view to_string(StateReason reason) noexcept {
  switch (reason) {
    case StateReason::kManual:
      return "manual";
    case StateReason::kGone:
      return "gone";
    case StateReason::kFailing:
      return "failing";
  }
  return "manual";
}

}  // namespace headrace::engine
