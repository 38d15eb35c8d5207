// SPDX-License-Identifier: Apache-2.0
// The members are listed once; a writer and a reader go over the same list.
#include "engine/job_definition.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <utility>

#include "engine/definitions.h"

namespace headrace::engine {
namespace {

using Json = nlohmann::ordered_json;
using Stage = JobDefinition::Stage;

template <class T>
concept Number = std::is_integral_v<T> || std::is_enum_v<T>;

// Members with their default are left out.
class Writer {
 public:
  void operator()(const char* name, const std::string& text) {
    if (!text.empty()) json_[name] = text;
  }
  void operator()(const char* name, bool flag) {
    if (flag) json_[name] = true;
  }
  template <Number N>
  void operator()(const char* name, N number) {
    if (number != N{}) json_[name] = static_cast<std::uint64_t>(number);
  }
  template <Number N>
  void operator()(const char* name, const std::optional<N>& number) {
    if (number) json_[name] = static_cast<std::uint64_t>(*number);
  }
  template <class Tag>
  void operator()(const char* name, const Id<Tag>& id) {
    if (id) json_[name] = id.to_string();
  }
  std::string text() const { return json_.dump(-1, ' ', false, Json::error_handler_t::replace); }

 private:
  Json json_ = Json::object();
};

// The first fault is kept. What we wrote ourselves does not fail unless the disk lied.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {
    if (!json_.is_object()) fault_ = "it is not a JSON object";
  }

  void operator()(const char* name, std::string& text) {
    const Json* value = find(name);
    if (value == nullptr) return;
    value->is_string() ? void(text = value->get_ref<const std::string&>()) : fail(name);
  }
  void operator()(const char* name, bool& flag) {
    const Json* value = find(name);
    if (value == nullptr) return;
    value->is_boolean() ? void(flag = value->get<bool>()) : fail(name);
  }
  template <Number N>
  void operator()(const char* name, N& number) {
    const Json* value = find(name);
    if (value == nullptr) return;
    value->is_number_unsigned() ? void(number = static_cast<N>(value->get<std::uint64_t>()))
                                : fail(name);
  }
  template <Number N>
  void operator()(const char* name, std::optional<N>& number) {
    if (find(name) != nullptr) (*this)(name, number.emplace());
  }
  template <class Tag>
  void operator()(const char* name, Id<Tag>& id) {
    std::string text;
    (*this)(name, text);
    if (text.empty()) return;
    auto parsed = Id<Tag>::parse(text);
    parsed ? void(id = *parsed) : fail(name);
  }
  const std::string& fault() const noexcept { return fault_; }

 private:
  const Json* find(const char* name) const {
    if (!json_.is_object()) return nullptr;
    const auto it = json_.find(name);
    return it == json_.end() ? nullptr : &*it;
  }
  void fail(const char* name) {
    if (fault_.empty()) fault_ = std::string("member ") + name;
  }

  const Json& json_;
  std::string fault_;
};

template <class Filter, class Visit>
void filter_members(Filter& filter, Visit& visit) {
  visit("message", filter.message);
  visit("link", filter.link);
  visit("endpoint", filter.endpoint);
  visit("app", filter.app);
  visit("webhook", filter.webhook);
  visit("env", filter.env);
  visit("product", filter.product);
  visit("event", filter.event);
  visit("message_state", filter.message_state);
  visit("delivery_state", filter.delivery_state);
  visit("error_class", filter.error);
  visit("http_status", filter.http_status);
  visit("since", filter.since);
  visit("until", filter.until);
}

template <class Self, class Visit>
void members(Self& self, Visit& visit) {
  visit("id", self.id);
  visit("workspace", self.workspace);
  visit("kind", self.kind);
  filter_members(self.filter, visit);
  visit("to", self.to);
  visit("per_second", self.per_second);
  visit("payload", self.payload);
  visit("is_dry_run", self.is_dry_run);
  visit("created_at", self.created_at);
  visit("stage", self.stage);
  visit("is_counted", self.is_counted);
  visit("is_paused", self.is_paused);
  visit("cursor", self.cursor);
  visit("total", self.total);
  visit("scanned", self.scanned);
  visit("done", self.done);
  visit("skipped", self.skipped);
  visit("failed", self.failed);
  visit("error", self.error);
  visit("ended_at", self.ended_at);
}

// What is on the disk may be anything, and enumerators are switched over.
bool is_sound(const JobDefinition& job) {
  const bool has_kind = job.kind == JobKind::kReplay || job.kind == JobKind::kErasure;
  const bool has_stage = job.stage >= Stage::kCounting && job.stage <= Stage::kFailed;
  const bool has_states =
      job.filter.message_state.value_or(MessageState::kRouted) <= MessageState::kNoEndpoint &&
      job.filter.delivery_state.value_or(DeliveryState::kWaiting) <= DeliveryState::kDead;
  return job.id && !job.workspace.empty() && has_kind && has_stage && has_states;
}

JobState state_of(const JobDefinition& job) noexcept {
  switch (job.stage) {
    case Stage::kCounting:
      return job.is_paused ? JobState::kPaused : JobState::kCounting;
    case Stage::kRunning:
      return job.is_paused ? JobState::kPaused : JobState::kRunning;
    case Stage::kDone:
      return JobState::kDone;
    case Stage::kCancelled:
      return JobState::kCancelled;
    case Stage::kFailed:
      break;
  }
  return JobState::kFailed;
}

}  // namespace

HistoryFilter JobDefinition::bounded_filter() const {
  HistoryFilter bounded = filter;
  // Ids have milliseconds: what came in the same one as the job, before it, is wanted.
  bounded.until = std::min(filter.until.value_or(created_at + 1), created_at + 1);
  return bounded;
}

std::string JobDefinition::key() const { return join_key({workspace, id.to_string()}); }

std::string JobDefinition::to_json() const {
  Writer writer;
  members(*this, writer);
  return writer.text();
}

Result<JobDefinition> JobDefinition::from_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  JobDefinition job;
  Reader reader(json);
  members(job, reader);
  if (reader.fault().empty() && is_sound(job)) return job;
  return Error{ErrorCode::kCorrupted, "a stored job cannot be read: " + reader.fault(), 0};
}

Job describe(const JobDefinition& job) {
  Job shown;
  shown.id = job.id;
  shown.kind = job.kind;
  shown.state = state_of(job);
  shown.filter = job.filter;
  shown.to = job.to;
  shown.per_second_max = job.per_second;
  shown.payload = job.payload;
  shown.is_dry_run = job.is_dry_run;
  if (job.is_counted) shown.total = job.total;
  shown.scanned = job.scanned;
  shown.matched = job.stage == Stage::kCounting || job.is_dry_run
                      ? job.total
                      : job.done + job.skipped + job.failed;
  shown.done = job.done;
  shown.skipped = job.skipped;
  shown.failed = job.failed;
  shown.error = job.error;
  shown.created_at = job.created_at;
  if (shown.state == JobState::kRunning) shown.per_second = job.lately;
  if (job.ended_at != 0) shown.ended_at = job.ended_at;
  return shown;
}

}  // namespace headrace::engine
