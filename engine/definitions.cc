// SPDX-License-Identifier: Apache-2.0
#include "engine/definitions.h"

#include <nlohmann/json.hpp>

namespace headrace::engine {
namespace {

using Json = nlohmann::ordered_json;

// Reads members of one definition; the first fault is kept. What we wrote ourselves does not fail
// unless the disk lied.
class Reader {
 public:
  explicit Reader(std::string_view text) : json_(Json::parse(text, nullptr, false)) {
    if (!json_.is_object()) fault_ = "a definition is not a JSON object";
  }

  std::string text(const char* name) {
    const auto it = find(name);
    if (it != json_.end() && it->is_string()) return it->get<std::string>();
    fail(name);
    return {};
  }
  std::uint64_t number(const char* name) {
    const auto it = find(name);
    if (it != json_.end() && it->is_number_unsigned()) return it->get<std::uint64_t>();
    fail(name);
    return 0;
  }
  bool flag(const char* name) {
    const auto it = find(name);
    if (it != json_.end() && it->is_boolean()) return it->get<bool>();
    fail(name);
    return false;
  }
  bool has(const char* name) { return find(name) != json_.end(); }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> result;
    for (const Json& item : array(name)) {
      if (item.is_string()) result.push_back(item.get<std::string>());
    }
    return result;
  }
  std::vector<std::uint64_t> numbers(const char* name) {
    std::vector<std::uint64_t> result;
    for (const Json& item : array(name)) {
      if (item.is_number_unsigned()) result.push_back(item.get<std::uint64_t>());
    }
    return result;
  }
  template <class SomeId>
  SomeId id(const char* name) {
    auto parsed = SomeId::parse(text(name));
    if (parsed) return *parsed;
    fail(name);
    return {};
  }

  template <class Definition>
  Result<Definition> result(Definition definition) {
    if (fault_.empty()) return definition;
    return Error{ErrorCode::kCorrupted, "a stored definition cannot be read: " + fault_, 0};
  }

 private:
  Json::const_iterator find(const char* name) {
    return json_.is_object() ? static_cast<const Json&>(json_).find(name)
                             : static_cast<const Json&>(json_).end();
  }
  Json array(const char* name) {
    const auto it = find(name);
    if (it != json_.end() && it->is_array()) return *it;
    fail(name);
    return Json::array();
  }
  void fail(const char* name) {
    if (fault_.empty()) fault_ = std::string("member ") + name;
  }

  Json json_;
  std::string fault_;
};

std::string join(std::string_view prefix, std::initializer_list<std::string_view> tags) {
  std::string key(prefix);
  for (const std::string_view tag : tags) {
    if (key.back() != '/') key += '/';
    key += tag;
  }
  return key;
}

std::string write(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string LinkDefinition::key() const {
  return product.empty() ? join(kLinkPrefix, {"app", app, webhook, env})
                         : join(kLinkPrefix, {"product", product, app, webhook, env});
}

std::string LinkDefinition::to_json() const {
  std::string digits(kIdDigits, '\0');
  format_base62(token, digits.data());
  return write({{"id", id.to_string()},
                {"number", static_cast<std::uint32_t>(number)},
                {"token", digits},
                {"app", app},
                {"webhook", webhook},
                {"env", env},
                {"product", product}});
}

Result<LinkDefinition> LinkDefinition::from_json(std::string_view text) {
  Reader read(text);
  LinkDefinition link;
  link.id = read.id<LinkId>("id");
  link.number = core::LinkNumber{static_cast<std::uint32_t>(read.number("number"))};
  auto token = parse_base62(read.text("token"));
  if (!token)
    return Error{ErrorCode::kCorrupted, "a stored definition cannot be read: member token", 0};
  link.token = *token;
  link.app = read.text("app");
  link.webhook = read.text("webhook");
  link.env = read.text("env");
  link.product = read.text("product");
  return read.result(std::move(link));
}

std::string WebhookDefinition::key_of(std::string_view app, std::string_view tag) {
  return join(kWebhookPrefix, {app, tag});
}

std::string WebhookDefinition::to_json() const {
  return write({{"app", app},
                {"tag", tag},
                {"name", name},
                {"description", description},
                {"envs", envs},
                {"raw_payload", raw_payload},
                {"body_bytes_max", body_bytes_max}});
}

Result<WebhookDefinition> WebhookDefinition::from_json(std::string_view text) {
  Reader read(text);
  WebhookDefinition webhook;
  webhook.app = read.text("app");
  webhook.tag = read.text("tag");
  webhook.name = read.text("name");
  webhook.description = read.text("description");
  webhook.envs = read.texts("envs");
  webhook.raw_payload = read.flag("raw_payload");
  webhook.body_bytes_max = read.number("body_bytes_max");
  return read.result(std::move(webhook));
}

std::string EventDefinition::key() const { return join(kEventPrefix, {app, tag}); }

std::string EventDefinition::to_json() const {
  return write({{"app", app},
                {"tag", tag},
                {"name", name},
                {"description", description},
                {"selector", selector},
                {"value", value},
                {"sample", sample},
                {"number", static_cast<std::uint32_t>(number)}});
}

Result<EventDefinition> EventDefinition::from_json(std::string_view text) {
  Reader read(text);
  EventDefinition event;
  event.app = read.text("app");
  event.tag = read.text("tag");
  event.name = read.text("name");
  event.description = read.text("description");
  event.selector = read.text("selector");
  event.value = read.text("value");
  event.sample = read.text("sample");
  event.number = core::EventNumber{static_cast<std::uint32_t>(read.number("number"))};
  return read.result(std::move(event));
}

std::string EndpointDefinition::key() const {
  return join(kEndpointPrefix, {product, app, webhook, env});
}

std::string EndpointDefinition::to_json() const {
  Json json = {{"id", id.to_string()},
               {"number", static_cast<std::uint32_t>(number)},
               {"product", product},
               {"app", app},
               {"webhook", webhook},
               {"env", env},
               {"url", url},
               {"method", method},
               {"in_flight_max", in_flight_max}};
  if (retry_schedule) {
    Json delays = Json::array();
    for (const auto delay : *retry_schedule)
      delays.push_back(static_cast<std::uint64_t>(delay.count()));
    json["retry_schedule_ms"] = std::move(delays);
  }
  return write(json);
}

Result<EndpointDefinition> EndpointDefinition::from_json(std::string_view text) {
  Reader read(text);
  EndpointDefinition endpoint;
  endpoint.id = read.id<EndpointId>("id");
  endpoint.number = core::EndpointNumber{static_cast<std::uint32_t>(read.number("number"))};
  endpoint.product = read.text("product");
  endpoint.app = read.text("app");
  endpoint.webhook = read.text("webhook");
  endpoint.env = read.text("env");
  endpoint.url = read.text("url");
  endpoint.method = read.text("method");
  endpoint.in_flight_max = static_cast<std::uint32_t>(read.number("in_flight_max"));
  if (read.has("retry_schedule_ms")) {
    endpoint.retry_schedule.emplace();
    for (const std::uint64_t delay : read.numbers("retry_schedule_ms")) {
      endpoint.retry_schedule->push_back(std::chrono::milliseconds(delay));
    }
  }
  return read.result(std::move(endpoint));
}

std::string CounterDefinition::key() const { return std::string(kCounterKey); }

std::string CounterDefinition::to_json() const {
  return write({{"next_link", next_link},
                {"next_endpoint", next_endpoint},
                {"next_event", next_event},
                {"dedupe_seed", dedupe_seed}});
}

Result<CounterDefinition> CounterDefinition::from_json(std::string_view text) {
  Reader read(text);
  CounterDefinition counter;
  counter.next_link = static_cast<std::uint32_t>(read.number("next_link"));
  counter.next_endpoint = static_cast<std::uint32_t>(read.number("next_endpoint"));
  counter.next_event = static_cast<std::uint32_t>(read.number("next_event"));
  counter.dedupe_seed = read.number("dedupe_seed");
  return read.result(std::move(counter));
}

}  // namespace headrace::engine
