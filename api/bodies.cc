// SPDX-License-Identifier: Apache-2.0
#include "api/bodies.h"

#include <simdjson.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "core/time_text.h"
#include "selector/json.h"

namespace headrace::api {
namespace {

using Json = nlohmann::ordered_json;

Error wrong(std::string_view member, std::string_view expected) {
  return Error{ErrorCode::kInvalidArgument,
               "member '" + std::string(member) + "' must be " + std::string(expected), 0};
}

Result<Json> parse_object(std::string_view body) {
  Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) {
    const auto fault = selector::find_json_fault(body);
    return Error{ErrorCode::kMalformed, "the body is not valid JSON",
                 fault ? static_cast<std::int64_t>(fault->offset) : 0};
  }
  if (!json.is_object())
    return Error{ErrorCode::kInvalidArgument, "the body must be a JSON object", 0};
  return json;
}

// Members of one object. The first fault is kept, and the rest is read as empty.
class Members {
 public:
  explicit Members(const Json& json) : json_(json) {}

  std::string text(const char* name, bool required = true) {
    const Json* value = find(name);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    if (value != nullptr || required) fail(wrong(name, "a string"));
    return {};
  }
  std::optional<std::uint64_t> number(const char* name) {
    const Json* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_unsigned()) return value->get<std::uint64_t>();
    fail(wrong(name, "a whole number"));
    return std::nullopt;
  }
  const Json* find(const char* name) const {
    const auto it = json_.find(name);
    return it == json_.end() || it->is_null() ? nullptr : &*it;
  }
  void fail(Error error) {
    if (!failed_) error_ = std::move(error);
    failed_ = true;
  }

  template <class Spec>
  Result<Spec> result(Spec spec) {
    if (failed_) return std::move(error_);
    return spec;
  }

 private:
  const Json& json_;
  Error error_;
  bool failed_ = false;
};

// The text of an object member to the letter: numbers in it may be longer than any machine type.
std::string raw_member(std::string_view body, std::string_view name) {
  const simdjson::padded_string padded(body);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  std::string_view raw;
  const bool failed = parser.iterate(padded).get(document) ||
                      document[name].get_object().get(object) || object.raw_json().get(raw);
  return failed ? std::string() : std::string(raw);
}

// A text like "5s", or a number of seconds.
std::optional<std::chrono::milliseconds> duration(const Json& json) {
  if (json.is_number_unsigned()) {
    const auto seconds = json.get<std::uint64_t>();
    if (seconds > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return std::chrono::seconds(seconds);
  }
  return json.is_string() ? core::parse_duration(json.get_ref<const std::string&>()) : std::nullopt;
}

std::string timestamp(UnixMs ms) {
  const auto text = core::format_timestamp(ms);
  return {text.data(), text.size()};
}

Json optional_timestamp(UnixMs ms) { return ms == 0 ? Json() : Json(timestamp(ms)); }

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

std::string write(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const char* name_of(MessageState state) noexcept {
  switch (state) {
    case MessageState::kRouted:
      return "routed";
    case MessageState::kUnmatched:
      return "unmatched";
    case MessageState::kNoEndpoint:
      return "no_endpoint";
  }
  return "unmatched";
}

const char* name_of(DeliveryState state) noexcept {
  switch (state) {
    case DeliveryState::kWaiting:
      return "waiting";
    case DeliveryState::kRetrying:
      return "retrying";
    case DeliveryState::kDelivered:
      return "delivered";
    case DeliveryState::kDead:
      return "dead";
  }
  return "waiting";
}

Json json_of(const Message& message) {
  return {{"id", message.id.to_string()},     {"received_at", timestamp(message.received_at)},
          {"link", message.link.to_string()}, {"event", text_or_null(message.event)},
          {"status", name_of(message.state)}, {"body_bytes", message.body_bytes}};
}

}  // namespace

Result<WebhookSpec> webhook_spec(std::string_view body) {
  auto json = parse_object(body);
  if (!json) return std::move(json).error();
  Members members(*json);
  WebhookSpec spec;
  spec.tag = members.text("tag");
  spec.name = members.text("name");
  spec.description = members.text("description", false);
  spec.body_bytes_max = members.number("body_bytes_max");
  if (const std::string payload = members.text("payload", false); payload == "raw") {
    spec.raw_payload = true;
  } else if (!payload.empty() && payload != "json") {
    members.fail(wrong("payload", "\"json\" or \"raw\""));
  }
  const Json* envs = members.find("envs");
  if (envs == nullptr || !envs->is_array()) {
    members.fail(wrong("envs", "an array of objects with a slug"));
    return members.result(std::move(spec));
  }
  for (const Json& env : *envs) {
    const auto slug = env.is_object() ? env.find("slug") : env.end();
    if (!env.is_object() || slug == env.end() || !slug->is_string()) {
      members.fail(wrong("envs", "an array of objects with a slug"));
    } else {
      spec.envs.push_back({slug->get<std::string>()});
    }
  }
  return members.result(std::move(spec));
}

Result<EventSpec> event_spec(std::string_view body) {
  auto json = parse_object(body);
  if (!json) return std::move(json).error();
  Members members(*json);
  EventSpec spec;
  spec.tag = members.text("tag");
  spec.name = members.text("name");
  spec.description = members.text("description", false);
  spec.selector = members.text("selector");
  for (const char* name : {"selector_value", "selectorValue"}) {
    if (members.find(name) != nullptr) spec.selector_value = members.text(name);
  }
  if (const Json* sample = members.find("sample"); sample != nullptr) {
    if (!sample->is_object()) members.fail(wrong("sample", "an object"));
    spec.sample = raw_member(body, "sample");
  }
  return members.result(std::move(spec));
}

Result<LinkSpec> link_spec(std::string_view body) {
  auto json = parse_object(body);
  if (!json) return std::move(json).error();
  Members members(*json);
  LinkSpec spec;
  spec.access_tag = members.text("access_tag");
  spec.webhook_tag = members.text("webhook_tag");
  spec.env = members.text("env");
  spec.url = members.text("url");
  if (members.find("method") != nullptr) spec.method = members.text("method");
  if (const auto in_flight_max = members.number("in_flight_max")) {
    spec.in_flight_max = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(*in_flight_max, std::numeric_limits<std::uint32_t>::max()));
  }
  if (const Json* retry = members.find("retry"); retry != nullptr) {
    const auto schedule = retry->is_object() ? retry->find("schedule") : retry->end();
    if (!retry->is_object() || schedule == retry->end() || !schedule->is_array()) {
      members.fail(wrong("retry", "an object with a schedule"));
      return members.result(std::move(spec));
    }
    spec.retry_schedule.emplace();
    for (const Json& entry : *schedule) {
      if (const auto delay = duration(entry)) {
        spec.retry_schedule->push_back(*delay);
      } else {
        members.fail(wrong("retry.schedule", "a list of durations like \"5s\""));
      }
    }
  }
  return members.result(std::move(spec));
}

std::string to_json(const Webhook& webhook) {
  Json envs = Json::array();
  for (const WebhookEnv& env : webhook.envs) {
    envs.push_back({{"slug", env.slug}, {"link", env.link}, {"link_id", env.link_id.to_string()}});
  }
  return write({{"app", webhook.app},
                {"tag", webhook.tag},
                {"name", webhook.name},
                {"description", webhook.description},
                {"envs", std::move(envs)},
                {"warnings", webhook.warnings}});
}

std::string to_json(const Event& event) {
  std::string text = write({{"app", event.app},
                            {"tag", event.tag},
                            {"name", event.name},
                            {"description", event.description},
                            {"selector", event.selector},
                            {"selector_value", event.value}});
  text.pop_back();
  return text + R"(,"sample":)" + (event.sample.empty() ? "null" : event.sample) + '}';
}

std::string to_json(const ProductLink& link) {
  return write({{"link", link.link},
                {"link_id", link.link_id.to_string()},
                {"endpoint", link.endpoint.to_string()}});
}

std::string to_json(const Endpoint& endpoint) {
  return write({{"id", endpoint.id.to_string()},
                {"product", endpoint.product},
                {"app", endpoint.app},
                {"webhook", endpoint.webhook},
                {"env", endpoint.env},
                {"url", endpoint.url},
                {"method", endpoint.method},
                {"in_flight_max", endpoint.in_flight_max}});
}

std::string to_json(const Message& message) { return write(json_of(message)); }

std::string to_json(const MessageDetail& detail) {
  Json json = json_of(detail.message);
  json["method"] = detail.method;
  json["query"] = detail.query;
  json["headers"] = detail.header_lines;
  json["body"] = detail.body;
  return write(json);
}

std::string to_json(const Delivery& delivery) {
  return write({{"message", delivery.message.to_string()},
                {"endpoint", delivery.endpoint.to_string()},
                {"status", name_of(delivery.state)},
                {"attempts", delivery.attempts},
                {"http_status", delivery.http_status},
                {"next_at", optional_timestamp(delivery.next_at)}});
}

std::string to_json(const Attempt& attempt) {
  return write(
      {{"message", attempt.message.to_string()},
       {"endpoint", attempt.endpoint.to_string()},
       {"attempt", attempt.number},
       {"status", attempt.state == DeliveryState::kRetrying ? "retry" : name_of(attempt.state)},
       {"http_status", attempt.http_status},
       {"error", text_or_null(attempt.error)},
       {"started_at", timestamp(attempt.started_at)},
       {"duration_us", attempt.duration.count()},
       {"next_at", optional_timestamp(attempt.next_at)},
       {"response_head", attempt.response_head},
       {"response_body", attempt.response_body}});
}

}  // namespace headrace::api
