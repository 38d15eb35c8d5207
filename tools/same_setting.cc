// SPDX-License-Identifier: Apache-2.0
#include "tools/same_setting.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/time_text.h"
#include "selector/selector.h"

namespace headrace::tools {
namespace {

constexpr std::string_view kHidden = "[hidden]";

bool is_nothing(const Json* json) {
  return json == nullptr || json->kind == Json::Kind::kNull ||
         (json->is_string() && json->text.empty()) || (json->is_array() && json->items.empty()) ||
         (json->is_object() && json->members.empty());
}

bool is_secret(std::string_view text) {
  return text.starts_with("$Secret{") && text.find('}') == text.size() - 1;
}

bool same_credentials(const Json& wanted, const Json* live);

// Every member that is something, there and here.
bool has_all(const Json& some, const Json& others) {
  return std::all_of(some.members.begin(), some.members.end(), [&](const JsonMember& member) {
    return is_nothing(&member.value) || !is_nothing(others.find(member.name));
  });
}

bool same_credentials(const Json& wanted, const Json* live) {
  if (live == nullptr || live->kind == Json::Kind::kNull)
    return is_nothing(&wanted) || (wanted.is_object() && has_all(wanted, Json::object()));
  // What is no secret is not shown again, so it can only be taken as the same.
  if (live->is_string() && live->text == kHidden) return !is_secret(wanted.text);
  if (wanted.is_array() && live->is_array())
    return std::equal(wanted.items.begin(), wanted.items.end(), live->items.begin(),
                      live->items.end(), [](const Json& one, const Json& other) {
                        return same_credentials(one, &other);
                      });
  if (!wanted.is_object() || !live->is_object()) return same_value(wanted, *live);
  const auto is_same = [&live](const JsonMember& member) {
    return same_credentials(member.value, live->find(member.name));
  };
  return has_all(*live, wanted) &&
         std::all_of(wanted.members.begin(), wanted.members.end(), is_same);
}

std::vector<std::string> full_tags(std::string_view webhook, const Json& list) {
  std::vector<std::string> tags;
  for (const Json& item : list.items) {
    const bool is_full = item.text.find(':') != std::string::npos;
    tags.push_back(is_full ? item.text : std::string(webhook) + ':' + item.text);
  }
  std::sort(tags.begin(), tags.end());
  return tags;
}

std::optional<std::int64_t> milliseconds_of(const Json& json) {
  if (const auto duration = core::parse_duration(json.text)) return duration->count();
  std::int64_t seconds = 0;
  const char* end = json.text.data() + json.text.size();
  const auto parsed = std::from_chars(json.text.data(), end, seconds);
  constexpr std::int64_t kSecondsMax = std::numeric_limits<std::int64_t>::max() / 1000;
  if (parsed.ec != std::errc{} || parsed.ptr != end || seconds > kSecondsMax ||
      seconds < -kSecondsMax)
    return std::nullopt;
  return seconds * 1000;
}

bool same_duration(const Json& left, const Json& right) {
  const auto left_ms = milliseconds_of(left);
  return left_ms ? left_ms == milliseconds_of(right) : same_value(left, right);
}

struct Usual {
  std::string_view name;
  std::string_view value;  // as JSON would have it, without quotes
  bool is_duration = false;
};
constexpr Usual kJitter[] = {{"jitter_percent", "20"}};
constexpr Usual kExponential[] = {
    {"base", "5s", true}, {"factor", "2"}, {"cap", "10h", true}, {"count", "10"}};
constexpr Usual kBreaker[] = {{"window", "60s", true},       {"count_min", "20"},
                              {"threshold", "0.9"},          {"open_for", "30s", true},
                              {"open_for_max", "10m", true}, {"probes", "1"}};
constexpr Usual kRateLimit[] = {{"per_second", ""}, {"burst", "1"}};

// What is not there is as it comes.
Json member_of(const Json& object, const Usual& usual) {
  const Json* member = object.find(usual.name);
  if (member != nullptr) return *member;
  return usual.is_duration ? Json::string(std::string(usual.value))
                           : Json::number(std::string(usual.value));
}

// Whether two objects say the same of these members.
bool same_members(std::span<const Usual> all, const Json& left, const Json& right) {
  return std::all_of(all.begin(), all.end(), [&](const Usual& usual) {
    const Json one = member_of(left, usual);
    const Json other = member_of(right, usual);
    return usual.is_duration ? same_duration(one, other) : same_value(one, other);
  });
}

bool is_object(const Json* json) { return json != nullptr && json->is_object(); }

// Null is a choice of its own, and an empty object is all as it comes.
bool same_object(std::span<const Usual> all, const Json& wanted, const Json* live) {
  if (!wanted.is_object() || !is_object(live)) return wanted.is_object() == is_object(live);
  return same_members(all, wanted, *live);
}

// An empty schedule is no retry at all, so it is not "nothing".
bool same_retry(const Json& wanted, const Json* live) {
  if (!wanted.is_object() || !is_object(live)) return wanted.is_object() == is_object(live);
  if (!same_members(kJitter, wanted, *live)) return false;
  const Json* wanted_list = wanted.find("schedule");
  const Json* live_list = live->find("schedule");
  if (wanted_list == nullptr && live_list == nullptr)
    return same_members(kExponential, wanted, *live);
  if (wanted_list == nullptr || live_list == nullptr) return false;
  return std::equal(wanted_list->items.begin(), wanted_list->items.end(), live_list->items.begin(),
                    live_list->items.end(), same_duration);
}

// What null puts a member back to, of those that are never shown as null.
const Json* usual_of(std::string_view member) {
  static const std::map<std::string_view, Json> kUsual = {
      {"in_flight_max", Json::number("64")},
      {"adaptive", Json::boolean(false)},
      {"order", Json::string("none")},
      {"head_of_line", Json::string("block")},
      {"retry_share_percent", Json::number("50")},
      {"retry_after_max", Json::string("24h")},
      {"connect_timeout", Json::string("5s")},
      {"attempt_timeout", Json::string("15s")}};
  const auto it = kUsual.find(member);
  return it == kUsual.end() ? nullptr : &it->second;
}

bool is_duration_member(std::string_view member) {
  return member == "retry_after_max" || member == "connect_timeout" ||
         member == "attempt_timeout" || member == "disable_after" || member == "retention";
}

bool same_selector(const Json& wanted, const Json& live) {
  const auto left = selector::Selector::parse(wanted.text);
  const auto right = selector::Selector::parse(live.text);
  return left && right ? *left == *right : wanted.text == live.text;
}

// A secret is not shown again, so it can only be taken as the same; what is not said stays.
bool same_signing(const Json& wanted, const Json* live) {
  if (!is_object(live)) return false;
  const std::string_view scheme = live->text_at("scheme");
  if (!wanted.is_object()) return scheme == "v1";
  const Json* const wanted_scheme = wanted.find("scheme");
  if (!is_nothing(wanted_scheme) && wanted_scheme->text != scheme) return false;
  const Json* const header = wanted.find("header");
  if (header == nullptr) return true;
  const bool is_usual = is_nothing(header);
  const std::string_view usual = scheme == "github"   ? "X-Hub-Signature-256"
                                 : scheme == "stripe" ? "Stripe-Signature"
                                                      : live->text_at("header");
  return live->text_at("header") == (is_usual ? usual : std::string_view(header->text));
}

}  // namespace

bool same_setting(std::string_view member, std::string_view webhook, const Json& wanted,
                  const Json* live) {
  if (member == "auth" || member == "delivery_auth" || member == "tls" || member == "verification")
    return same_credentials(wanted, live);
  if (const Json* usual = usual_of(member); usual != nullptr && is_nothing(&wanted))
    return live != nullptr && same_setting(member, webhook, *usual, live);
  if (member == "signing") return same_signing(wanted, live);
  if (member == "retry") return same_retry(wanted, live);
  if (member == "breaker") return same_object(kBreaker, wanted, live);
  if (member == "rate_limit") return same_object(kRateLimit, wanted, live);
  if (is_nothing(&wanted) || is_nothing(live)) return is_nothing(&wanted) && is_nothing(live);
  if (member == "events") return full_tags(webhook, wanted) == full_tags(webhook, *live);
  if (is_duration_member(member)) return same_duration(wanted, *live);
  if (member == "selector" || member == "dedupe") return same_selector(wanted, *live);
  if (member == "selector_value") return wanted.text == live->text;
  return same_value(wanted, *live);
}

}  // namespace headrace::tools
