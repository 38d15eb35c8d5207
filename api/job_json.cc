// SPDX-License-Identifier: Apache-2.0
#include "api/job_json.h"

#include <array>
#include <utility>

#include "api/times.h"

namespace headrace::api {
namespace {

template <class Value, std::size_t kSize>
using Names = std::array<std::pair<std::string_view, Value>, kSize>;

constexpr Names<MessageState, 3> kMessageStates = {{{"routed", MessageState::kRouted},
                                                    {"unmatched", MessageState::kUnmatched},
                                                    {"no_endpoint", MessageState::kNoEndpoint}}};
constexpr Names<DeliveryState, 4> kDeliveryStates = {{{"waiting", DeliveryState::kWaiting},
                                                      {"retrying", DeliveryState::kRetrying},
                                                      {"delivered", DeliveryState::kDelivered},
                                                      {"dead", DeliveryState::kDead}}};
constexpr Names<JobKind, 2> kKinds = {
    {{"replay", JobKind::kReplay}, {"erasure", JobKind::kErasure}}};
constexpr Names<JobState, 6> kStates = {{{"counting", JobState::kCounting},
                                         {"running", JobState::kRunning},
                                         {"paused", JobState::kPaused},
                                         {"done", JobState::kDone},
                                         {"cancelled", JobState::kCancelled},
                                         {"failed", JobState::kFailed}}};

template <class Value, std::size_t kSize>
std::optional<Value> find(const Names<Value, kSize>& names, std::string_view text) {
  for (const auto& [name, value] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

template <class Value, std::size_t kSize>
std::string_view name_of(const Names<Value, kSize>& names, Value wanted) {
  for (const auto& [name, value] : names) {
    if (value == wanted) return name;
  }
  return {};
}

// --- Bodies --------------------------------------------------------------------------------------

class FilterReader {
 public:
  FilterReader(const Json& json, Faults& faults) : json_(json), faults_(faults) {}

  HistoryFilter read() {
    HistoryFilter filter;
    id("message", filter.message);
    id("link", filter.link);
    id("endpoint", filter.endpoint);
    filter.app = text_member(json_, "app");
    filter.webhook = text_member(json_, "webhook");
    filter.env = text_member(json_, "env");
    filter.product = text_member(json_, "product");
    filter.event = text_member(json_, "event");
    filter.error = text_member(json_, "error");
    filter.message_state = message_state(text_member(json_, "message_state"));
    filter.delivery_state = delivery_state(text_member(json_, "state"));
    if (json_.contains("http_status"))
      filter.http_status = json_["http_status"].get<std::uint16_t>();
    instant("since", filter.since);
    instant("until", filter.until);
    return filter;
  }
  template <class SomeId>
  void id(const char* name, SomeId& to) {
    const std::string text = text_member(json_, name);
    if (text.empty()) return;
    auto parsed = SomeId::parse(text);
    parsed ? void(to = *parsed) : fail(name, "is no id of that kind");
  }

 private:
  void instant(const char* name, std::optional<UnixMs>& to) {
    const std::string text = text_member(json_, name);
    if (text.empty()) return;
    to = parse_time(text);
    if (!to) fail(name, "is not a time of RFC 3339");
  }
  void fail(const char* name, std::string what) {
    faults_.push_back({std::string("/") + name, std::move(what)});
  }

  const Json& json_;
  Faults& faults_;
};

bool flag_of(const Json& json, const char* name) {
  return json.contains(name) && json[name].get<bool>();
}

// --- What is shown -------------------------------------------------------------------------------

template <class SomeId>
void write_id(JsonWriter& json, std::string_view name, const SomeId& id) {
  if (id) json.member(name, id.to_string());
}

void write_text(JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.member(name, text);
}

// What is set, in the names of the bodies.
void write_filter(JsonWriter& json, const HistoryFilter& filter) {
  json.key("filter").begin_object();
  write_id(json, "message", filter.message);
  write_id(json, "link", filter.link);
  write_id(json, "endpoint", filter.endpoint);
  write_text(json, "app", filter.app);
  write_text(json, "webhook", filter.webhook);
  write_text(json, "env", filter.env);
  write_text(json, "product", filter.product);
  write_text(json, "event", filter.event);
  if (filter.message_state)
    json.member("message_state", name_of(kMessageStates, *filter.message_state));
  if (filter.delivery_state) json.member("state", name_of(kDeliveryStates, *filter.delivery_state));
  write_text(json, "error", filter.error);
  if (filter.http_status) json.member("http_status", std::uint64_t{*filter.http_status});
  if (filter.since) json.member("since", time_text(*filter.since));
  if (filter.until) json.member("until", time_text(*filter.until));
  json.end_object();
}

}  // namespace

ReplaySpec replay_spec(const JsonBody& body, Faults& faults) {
  const Json& json = body.json();
  FilterReader reader(json, faults);
  ReplaySpec spec;
  spec.filter = reader.read();
  reader.id("to", spec.to);
  if (json.contains("rate")) spec.per_second = json["rate"].get<std::uint32_t>();
  spec.is_dry_run = flag_of(json, "dry_run");
  return spec;
}

ReplaySpec dead_retry_spec(const JsonBody& body, Faults& faults) {
  ReplaySpec spec = replay_spec(body, faults);
  spec.filter.delivery_state = DeliveryState::kDead;
  return spec;
}

ErasureSpec erasure_spec(const JsonBody& body, Faults& faults) {
  ErasureSpec spec;
  spec.filter = FilterReader(body.json(), faults).read();
  spec.payload = std::string(body.raw("/payload"));
  spec.is_dry_run = flag_of(body.json(), "dry_run");
  return spec;
}

std::optional<MessageState> message_state(std::string_view text) {
  return find(kMessageStates, text);
}
std::optional<DeliveryState> delivery_state(std::string_view text) {
  return text == "retry" ? DeliveryState::kRetrying : find(kDeliveryStates, text);
}
std::optional<JobKind> job_kind(std::string_view text) { return find(kKinds, text); }
std::optional<JobState> job_state(std::string_view text) { return find(kStates, text); }

void write(JsonWriter& json, const Job& job) {
  json.begin_object();
  json.member("id", job.id.to_string()).member("kind", name_of(kKinds, job.kind));
  json.member("status", name_of(kStates, job.state)).member("dry_run", job.is_dry_run);
  write_filter(json, job.filter);
  json.member_or_null("to", job.to ? job.to.to_string() : "");
  if (job.per_second_max == 0) {
    json.key("rate").null();
  } else {
    json.member("rate", std::uint64_t{job.per_second_max});
  }
  json.raw_or_null("payload", job.payload);
  if (job.total) {
    json.member("total", *job.total);
  } else {
    json.key("total").null();
  }
  json.member("scanned", job.scanned).member("matched", job.matched);
  json.member(job.kind == JobKind::kReplay ? "reopened" : "erased", job.done);
  json.member("skipped", job.skipped).member("failed", job.failed);
  json.key("per_second").value(static_cast<std::uint64_t>(job.per_second + 0.5));
  json.member_or_null("error", job.error);
  json.member("created_at", time_text(job.created_at));
  json.member_or_null("ended_at", job.ended_at ? time_text(*job.ended_at) : "");
  json.end_object();
}

void write(JsonWriter& json, const DeadLetter& letter) {
  json.begin_object();
  json.member("message", letter.message.to_string());
  json.member_or_null("endpoint", letter.endpoint ? letter.endpoint.to_string() : "");
  json.member_or_null("link", letter.link ? letter.link.to_string() : "");
  json.member_or_null("event", letter.event);
  json.member("received_at", time_text(letter.received_at));
  json.member("died_at", time_text(letter.died_at));
  json.member("attempts", std::uint64_t{letter.attempts});
  json.member("http_status", std::uint64_t{letter.http_status});
  json.member_or_null("error", letter.error);
  json.end_object();
}

}  // namespace headrace::api
