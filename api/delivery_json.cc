// SPDX-License-Identifier: Apache-2.0
#include "api/delivery_json.h"

#include <array>
#include <charconv>
#include <utility>

#include "api/times.h"

namespace headrace::api {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::pair<EndpointState, std::string_view>, 4> kStates = {
    {{EndpointState::kActive, "active"},
     {EndpointState::kPaused, "paused"},
     {EndpointState::kDraining, "draining"},
     {EndpointState::kDisabled, "disabled"}}};

// Reads the members of one object; those that are null are as by default.
class Members {
 public:
  Members(const Json& object, std::string at, Faults& faults)
      : object_(object), at_(std::move(at)), faults_(faults) {}

  bool has(const char* name) const { return object_.contains(name); }
  // Nullptr: it is not there, or null.
  const Json* find(const char* name) const {
    const auto it = object_.find(name);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  Members inside(const char* name) const { return {object_[name], at_ + "/" + name, faults_}; }

  void take(const char* name, milliseconds& to) const {
    if (const Json* member = find(name)) to = duration(*member, name);
  }
  void take(const char* name, std::uint32_t& to) const {
    if (const Json* member = find(name)) to = member->get<std::uint32_t>();
  }
  void take(const char* name, double& to) const {
    if (const Json* member = find(name)) to = member->get<double>();
  }
  void take(const char* name, bool& to) const {
    if (const Json* member = find(name)) to = member->get<bool>();
  }
  void take(const char* name, std::string& to) const {
    if (const Json* member = find(name)) to = member->get<std::string>();
  }
  void take(const char* name, std::vector<std::string>& to) const {
    if (const Json* member = find(name)) to = member->get<std::vector<std::string>>();
  }
  void take(const char* name, std::vector<milliseconds>& to) const {
    if (const Json* member = find(name)) {
      for (const Json& entry : *member) to.push_back(duration(entry, name));
    }
  }
  // A member that is changed where it is given.
  template <class T>
  void change(const char* name, std::optional<T>& to, T usual) const {
    if (!has(name)) return;
    take(name, usual);
    to = std::move(usual);
  }
  void fail(const char* name, const char* what) const {
    faults_.push_back({at_ + "/" + name, what});
  }

 private:
  milliseconds duration(const Json& json, const char* name) const {
    const auto duration = duration_of(json);
    if (!duration) fail(name, "is or holds too long a duration");
    return duration.value_or(milliseconds(0));
  }

  const Json& object_;
  const std::string at_;
  Faults& faults_;
};

RetrySettings retry_of(const Members& members) {
  RetrySettings retry;
  members.take("jitter_percent", retry.jitter_percent);
  members.take("schedule", retry.schedule);
  const bool is_exponential = members.find("base") != nullptr ||
                              members.find("factor") != nullptr || members.find("cap") != nullptr ||
                              members.find("count") != nullptr;
  if (!is_exponential && members.find("schedule") == nullptr)
    members.fail("schedule", "is missing, and so are base, factor, cap and count");
  if (!is_exponential) return retry;
  if (members.find("schedule") != nullptr)
    members.fail("schedule", "goes without base, factor, cap and count");
  ExponentialRetry& shape = retry.exponential.emplace();
  members.take("base", shape.base);
  members.take("factor", shape.factor);
  members.take("cap", shape.cap);
  members.take("count", shape.count);
  return retry;
}

BreakerSettings breaker_of(const Members& members) {
  BreakerSettings breaker;
  members.take("window", breaker.window);
  members.take("count_min", breaker.count_min);
  members.take("threshold", breaker.threshold);
  members.take("open_for", breaker.open_for);
  members.take("open_for_max", breaker.open_for_max);
  members.take("probes", breaker.probes);
  return breaker;
}

RateLimit rate_limit_of(const Members& members) {
  RateLimit limit;
  members.take("per_second", limit.per_second);
  members.take("burst", limit.burst);
  return limit;
}

template <class T, class Read>
void change_object(const Members& members, const char* name, std::optional<std::optional<T>>& to,
                   const Read& read) {
  if (!members.has(name)) return;
  to.emplace();
  if (members.find(name) != nullptr) *to = read(members.inside(name));
}

void write_duration(JsonWriter& json, std::string_view name, milliseconds duration) {
  json.member(name, duration_text(duration));
}

// The shortest text of a number; 2, not 2.0.
void write_number(JsonWriter& json, std::string_view name, double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  json.key(name).raw({text.data(), static_cast<std::size_t>(end - text.data())});
}

void write_count(JsonWriter& json, std::string_view name, std::uint32_t count) {
  json.member(name, std::uint64_t{count});
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

void write_retry(JsonWriter& json, const std::optional<RetrySettings>& retry) {
  json.key("retry");
  if (!retry) {
    json.null();
    return;
  }
  json.begin_object();
  if (retry->exponential) {
    write_duration(json, "base", retry->exponential->base);
    write_number(json, "factor", retry->exponential->factor);
    write_duration(json, "cap", retry->exponential->cap);
    write_count(json, "count", retry->exponential->count);
  } else {
    json.key("schedule").begin_array();
    for (const auto delay : retry->schedule) json.value(duration_text(delay));
    json.end_array();
  }
  write_count(json, "jitter_percent", retry->jitter_percent);
  json.end_object();
}

void write_breaker(JsonWriter& json, const std::optional<BreakerSettings>& breaker) {
  json.key("breaker");
  if (!breaker) {
    json.null();
    return;
  }
  json.begin_object();
  write_duration(json, "window", breaker->window);
  write_count(json, "count_min", breaker->count_min);
  write_number(json, "threshold", breaker->threshold);
  write_duration(json, "open_for", breaker->open_for);
  write_duration(json, "open_for_max", breaker->open_for_max);
  write_count(json, "probes", breaker->probes);
  json.end_object();
}

void write_rate_limit(JsonWriter& json, const std::optional<RateLimit>& limit) {
  json.key("rate_limit");
  if (!limit) {
    json.null();
    return;
  }
  json.begin_object();
  write_number(json, "per_second", limit->per_second);
  write_count(json, "burst", limit->burst);
  json.end_object();
}

Order order_named(const Json& name) {
  if (name == "strict") return Order::kStrict;
  return name == "by_key" ? Order::kByKey : Order::kNone;
}

std::string_view name_of(Order order) noexcept {
  switch (order) {
    case Order::kNone:
      return "none";
    case Order::kStrict:
      return "strict";
    case Order::kByKey:
      return "by_key";
  }
  return "none";
}

}  // namespace

DeliveryPatch delivery_patch(const Json& object, const std::string& at, Faults& faults) {
  const DeliverySettings usual;
  const Members members(object, at, faults);
  DeliveryPatch patch;
  change_object(members, "retry", patch.retry, retry_of);
  members.change("retry_on", patch.retry_on, usual.retry_on);
  members.change("final_on", patch.final_on, usual.final_on);
  members.change("retry_after_max", patch.retry_after_max, usual.retry_after_max);
  change_object(members, "breaker", patch.breaker, breaker_of);
  change_object(members, "rate_limit", patch.rate_limit, rate_limit_of);
  if (members.has("order")) {
    const Json* order = members.find("order");
    patch.order = order == nullptr ? Order::kNone : order_named(*order);
  }
  members.change("order_by", patch.order_by, usual.order_by);
  if (members.has("head_of_line")) {
    const Json* rule = members.find("head_of_line");
    patch.head_of_line =
        rule != nullptr && *rule == "skip" ? HeadOfLine::kSkip : HeadOfLine::kBlock;
  }
  members.change("retry_share_percent", patch.retry_share_percent, usual.retry_share_percent);
  members.change("in_flight_max", patch.in_flight_max, usual.in_flight_max);
  members.change("adaptive", patch.adaptive, usual.adaptive);
  members.change("connect_timeout", patch.connect_timeout, usual.connect_timeout);
  members.change("attempt_timeout", patch.attempt_timeout, usual.attempt_timeout);
  if (members.has("disable_after")) {
    patch.disable_after.emplace();
    if (members.find("disable_after") != nullptr)
      members.take("disable_after", patch.disable_after->emplace());
  }
  return patch;
}

std::optional<EndpointState> endpoint_state(std::string_view text) noexcept {
  for (const auto& [state, name] : kStates) {
    if (name == text) return state;
  }
  return std::nullopt;
}

void write_delivery(JsonWriter& json, const DeliverySettings& settings) {
  write_count(json, "in_flight_max", settings.in_flight_max);
  json.member("adaptive", settings.adaptive);
  write_rate_limit(json, settings.rate_limit);
  json.member("order", name_of(settings.order));
  json.member_or_null("order_by", settings.order_by);
  json.member("head_of_line", settings.head_of_line == HeadOfLine::kSkip ? "skip" : "block");
  write_count(json, "retry_share_percent", settings.retry_share_percent);
  write_retry(json, settings.retry);
  write_texts(json, "retry_on", settings.retry_on);
  write_texts(json, "final_on", settings.final_on);
  write_duration(json, "retry_after_max", settings.retry_after_max);
  write_breaker(json, settings.breaker);
  write_duration(json, "connect_timeout", settings.connect_timeout);
  write_duration(json, "attempt_timeout", settings.attempt_timeout);
  json.member_or_null("disable_after",
                      settings.disable_after ? duration_text(*settings.disable_after) : "");
}

std::string_view name_of(EndpointState state) noexcept {
  for (const auto& [one, name] : kStates) {
    if (one == state) return name;
  }
  return "active";
}

std::string_view name_of(StateReason reason) noexcept {
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

}  // namespace headrace::api
