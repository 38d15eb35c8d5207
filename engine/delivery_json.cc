// SPDX-License-Identifier: Apache-2.0
// Each object lists its members once; a writer and a reader go over the same list.
#include "engine/delivery_json.h"

#include <type_traits>

namespace headrace::engine {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

template <class Value>
Json json_of(const Value& value);
template <class Value>
bool read_value(const Json& json, Value& value);

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, ExponentialRetry>) {
  visit("base_ms", self.base);
  visit("factor", self.factor);
  visit("cap_ms", self.cap);
  visit("count", self.count);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, RetrySettings>) {
  visit("schedule_ms", self.schedule);
  visit("exponential", self.exponential);
  visit("jitter_percent", self.jitter_percent);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, BreakerSettings>) {
  visit("window_ms", self.window);
  visit("count_min", self.count_min);
  visit("threshold", self.threshold);
  visit("open_for_ms", self.open_for);
  visit("open_for_max_ms", self.open_for_max);
  visit("probes", self.probes);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, RateLimit>) {
  visit("per_second", self.per_second);
  visit("burst", self.burst);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, DeliverySettings>) {
  visit("retry", self.retry);
  visit("retry_on", self.retry_on);
  visit("final_on", self.final_on);
  visit("retry_after_max_ms", self.retry_after_max);
  visit("breaker", self.breaker);
  visit("rate_limit", self.rate_limit);
  visit("order", self.order);
  visit("order_by", self.order_by);
  visit("head_of_line", self.head_of_line);
  visit("retry_share_percent", self.retry_share_percent);
  visit("in_flight_max", self.in_flight_max);
  visit("adaptive", self.adaptive);
  visit("connect_timeout_ms", self.connect_timeout);
  visit("attempt_timeout_ms", self.attempt_timeout);
  visit("disable_after_ms", self.disable_after);
}

// An object's members that differ from its default, in order of the list.
template <class Object>
Json object_json(const Object& object) {
  Json json = Json::object();
  const Object usual;
  std::vector<Json> defaults;
  const auto keep = [&defaults](const char*, const auto& value) {
    defaults.push_back(json_of(value));
  };
  members(usual, keep);
  std::size_t at = 0;
  const auto write = [&](const char* name, const auto& value) {
    Json written = json_of(value);
    if (written != defaults[at++]) json[name] = std::move(written);
  };
  members(object, write);
  return json;
}

template <class Object>
bool read_object(const Json& json, Object& object) {
  if (!json.is_object()) return false;
  bool is_good = true;
  const auto read = [&](const char* name, auto& value) {
    if (const auto it = json.find(name); it != json.end())
      is_good = is_good && read_value(*it, value);
  };
  members(object, read);
  return is_good;
}

template <class Value>
Json json_of(const Value& value) {
  if constexpr (IsOptional<Value>::value) {
    return value ? json_of(*value) : Json();
  } else if constexpr (IsVector<Value>::value) {
    Json list = Json::array();
    for (const auto& item : value) list.push_back(json_of(item));
    return list;
  } else if constexpr (std::is_same_v<Value, milliseconds>) {
    return static_cast<std::uint64_t>(value.count());
  } else if constexpr (std::is_enum_v<Value>) {
    return static_cast<std::uint64_t>(value);
  } else if constexpr (std::is_arithmetic_v<Value> || std::is_same_v<Value, std::string>) {
    return value;
  } else {
    return object_json(value);
  }
}

template <class Value>
bool read_value(const Json& json, Value& value) {
  if constexpr (IsOptional<Value>::value) {
    value.reset();
    return json.is_null() || read_value(json, value.emplace());
  } else if constexpr (IsVector<Value>::value) {
    if (!json.is_array()) return false;
    for (const Json& item : json) {
      if (!read_value(item, value.emplace_back())) return false;
    }
    return true;
  } else if constexpr (std::is_same_v<Value, milliseconds>) {
    if (!json.is_number_unsigned()) return false;
    value = milliseconds(json.get<std::uint64_t>());
    return true;
  } else if constexpr (std::is_enum_v<Value>) {
    if (!json.is_number_unsigned()) return false;
    value = static_cast<Value>(json.get<std::uint64_t>());
    return true;
  } else if constexpr (std::is_same_v<Value, std::string>) {
    return json.is_string() && (value = json.get<std::string>(), true);
  } else if constexpr (std::is_same_v<Value, bool>) {
    return json.is_boolean() && (value = json.get<bool>(), true);
  } else if constexpr (std::is_floating_point_v<Value>) {
    return json.is_number() && (value = json.get<Value>(), true);
  } else if constexpr (std::is_integral_v<Value>) {
    return json.is_number_unsigned() && (value = json.get<Value>(), true);
  } else {
    return read_object(json, value);
  }
}

}  // namespace

Json delivery_json(const DeliverySettings& settings) { return object_json(settings); }

bool read_delivery(const Json& json, DeliverySettings& settings) {
  return read_object(json, settings);
}

}  // namespace headrace::engine
