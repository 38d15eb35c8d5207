// SPDX-License-Identifier: Apache-2.0
// Each kind lists its members once; a writer and a reader go over the same list.
#include "engine/definitions.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/delivery_json.h"

namespace headrace::engine {
namespace {

using Json = nlohmann::ordered_json;

// Members with their default are left out.
class Writer {
 public:
  void operator()(const char* name, const std::string& text) {
    if (!text.empty()) json_[name] = text;
  }
  void operator()(const char* name, bool flag) {
    if (flag) json_[name] = true;
  }
  template <class Number>
  requires(std::is_integral_v<Number> || std::is_enum_v<Number>) void operator()(const char* name,
                                                                                 Number number) {
    if (number != Number{}) json_[name] = static_cast<std::uint64_t>(number);
  }
  void operator()(const char* name, const std::vector<std::string>& texts) {
    if (!texts.empty()) json_[name] = texts;
  }
  void operator()(const char* name, const Fields& fields) {
    for (const auto& [field, value] : fields) json_[name].push_back({field, value});
  }
  void operator()(const char* name, Bits128 bits) {
    if (bits == Bits128{}) return;
    std::string digits(kIdDigits, '\0');
    format_base62(bits, digits.data());
    json_[name] = digits;
  }
  template <class Tag>
  void operator()(const char* name, const Id<Tag>& id) {
    (*this)(name, id.bits);
  }
  void operator()(const char* name, const DeliverySettings& delivery) {
    if (Json json = delivery_json(delivery); !json.empty()) json_[name] = std::move(json);
  }
  void operator()(const char* name, const std::vector<WebhookEnvSpec>& envs);

  Json take() { return std::move(json_); }
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
    if (const Json* value = find(name)) {
      value->is_string() ? void(text = value->get_ref<const std::string&>()) : fail(name);
    }
  }
  void operator()(const char* name, bool& flag) {
    if (const Json* value = find(name)) {
      value->is_boolean() ? void(flag = value->get<bool>()) : fail(name);
    }
  }
  template <class Number>
  requires(std::is_integral_v<Number> || std::is_enum_v<Number>) void operator()(const char* name,
                                                                                 Number& number) {
    if (const Json* value = find(name)) {
      value->is_number_unsigned() ? void(number = static_cast<Number>(value->get<std::uint64_t>()))
                                  : fail(name);
    }
  }
  void operator()(const char* name, std::vector<std::string>& texts) {
    each(name, [&](const Json& item) {
      if (!item.is_string()) return false;
      texts.push_back(item.get_ref<const std::string&>());
      return true;
    });
  }
  void operator()(const char* name, Fields& fields) {
    each(name, [&](const Json& item) {
      if (!item.is_array() || item.size() != 2 || !item[0].is_string() || !item[1].is_string())
        return false;
      fields.emplace_back(item[0].get<std::string>(), item[1].get<std::string>());
      return true;
    });
  }
  void operator()(const char* name, Bits128& bits) {
    std::string digits;
    (*this)(name, digits);
    if (digits.empty()) return;
    auto parsed = parse_base62(digits);
    parsed ? void(bits = *parsed) : fail(name);
  }
  template <class Tag>
  void operator()(const char* name, Id<Tag>& id) {
    (*this)(name, id.bits);
  }
  void operator()(const char* name, DeliverySettings& delivery) {
    if (const Json* value = find(name); value != nullptr && !read_delivery(*value, delivery))
      fail(name);
  }
  void operator()(const char* name, std::vector<WebhookEnvSpec>& envs);

  const std::string& fault() const noexcept { return fault_; }

 private:
  const Json* find(const char* name) const {
    if (!json_.is_object()) return nullptr;
    const auto it = json_.find(name);
    return it == json_.end() ? nullptr : &*it;
  }
  template <class Take>
  void each(const char* name, Take take) {
    const Json* value = find(name);
    if (value == nullptr) return;
    const bool whole = value->is_array() && std::all_of(value->begin(), value->end(), take);
    if (!whole) fail(name);
  }
  void fail(const char* name) {
    if (fault_.empty()) fault_ = std::string("member ") + name;
  }

  const Json& json_;
  std::string fault_;
};

// --- The members of each kind. Frozen names. -----------------------------------------------------

template <class Self, class Visit>
void members(Self& env,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, WebhookEnvSpec>) {
  visit("slug", env.slug);
  visit("registration_url", env.registration_url);
  visit("method", env.method);
  visit("sample", env.sample);
  visit("unregistration_url", env.unregistration_url);
  visit("unregistration_method", env.unregistration_method);
  visit("verification", env.verification);
}

template <class Self, class Visit>
void members(Self& self, Visit& visit) requires(
    std::is_same_v<std::remove_const_t<Self>, WorkspaceDefinition>) {
  visit("tag", self.tag);
  visit("name", self.name);
  visit("created_at", self.created_at);
  visit("audit_from", self.audit_from);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, KeyDefinition>) {
  visit("id", self.id);
  visit("workspace", self.workspace);
  visit("name", self.name);
  visit("scopes", self.scopes);
  visit("secret_hash", self.secret_hash);
  visit("created_at", self.created_at);
  visit("expires_at", self.expires_at);
  visit("last_used_at", self.last_used_at);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, WebhookDefinition>) {
  visit("number", self.number);
  visit("workspace", self.workspace);
  visit("app", self.app);
  visit("tag", self.tag);
  visit("name", self.name);
  visit("description", self.description);
  visit("envs", self.envs);
  visit("raw_payload", self.raw_payload);
  visit("body_bytes_max", self.body_bytes_max);
  visit("dedupe", self.dedupe);
  visit("retention_ms", self.retention_ms);
  visit("revision", self.revision);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, EventDefinition>) {
  visit("workspace", self.workspace);
  visit("app", self.app);
  visit("tag", self.tag);
  visit("name", self.name);
  visit("description", self.description);
  visit("selector", self.selector);
  visit("value", self.value);
  visit("value_given", self.value_given);
  visit("sample", self.sample);
  visit("number", self.number);
  visit("revision", self.revision);
}

template <class Self, class Visit>
void members(Self& self, Visit& visit) requires(
    std::is_same_v<std::remove_const_t<Self>, ConnectionDefinition>) {
  visit("workspace", self.workspace);
  visit("product", self.product);
  visit("access_tag", self.access_tag);
  visit("app", self.app);
  visit("revision", self.revision);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, EndpointDefinition>) {
  visit("id", self.id);
  visit("number", self.number);
  visit("workspace", self.workspace);
  visit("product", self.product);
  visit("access_tag", self.access_tag);
  visit("app", self.app);
  visit("webhook", self.webhook);
  visit("env", self.env);
  visit("url", self.url);
  visit("method", self.method);
  visit("auth", self.auth);
  visit("events", self.events);
  visit("filter", self.filter);
  visit("delivery", self.delivery);
  visit("state", self.state);
  visit("state_reason", self.state_reason);
  visit("state_since", self.state_since);
  visit("signing_scheme", self.signing_scheme);
  visit("signing_header", self.signing_header);
  visit("signing_secret", self.signing_secret);
  visit("signing_previous", self.signing_previous);
  visit("signing_previous_until", self.signing_previous_until);
  visit("revision", self.revision);
  visit("tls", self.tls);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, LinkDefinition>) {
  visit("id", self.id);
  visit("number", self.number);
  visit("token", self.token);
  visit("previous_token", self.previous_token);
  visit("previous_until", self.previous_until);
  visit("workspace", self.workspace);
  visit("app", self.app);
  visit("webhook", self.webhook);
  visit("env", self.env);
  visit("product", self.product);
  visit("access_tag", self.access_tag);
  visit("event", self.event);
  visit("verification", self.verification);
  visit("revision", self.revision);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, CallDefinition>) {
  visit("id", self.id);
  visit("number", self.number);
  visit("purpose", self.purpose);
  visit("workspace", self.workspace);
  visit("product", self.product);
  visit("access_tag", self.access_tag);
  visit("app", self.app);
  visit("webhook", self.webhook);
  visit("env", self.env);
  visit("url", self.url);
  visit("method", self.method);
  visit("headers", self.headers);
  visit("query", self.query);
  visit("params", self.params);
  visit("body", self.body);
  visit("message", self.message);
  visit("succeeded", self.succeeded);
  visit("given_up", self.given_up);
  visit("attempts", self.attempts);
  visit("http_status", self.http_status);
  visit("error", self.error);
  visit("response", self.response);
  visit("called_at", self.called_at);
  visit("next_at", self.next_at);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, SecretDefinition>) {
  visit("workspace", self.workspace);
  visit("name", self.name);
  visit("sealed", self.sealed);
  visit("created_at", self.created_at);
  visit("updated_at", self.updated_at);
  visit("revision", self.revision);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, RetiredDefinition>) {
  visit("what", self.what);
  visit("number", self.number);
  visit("id", self.id);
  visit("workspace", self.workspace);
  visit("app", self.app);
  visit("webhook", self.webhook);
  visit("env", self.env);
  visit("product", self.product);
  visit("event", self.event);
  visit("retired_at", self.retired_at);
}

template <class Self, class Visit>
void members(Self& self,
             Visit& visit) requires(std::is_same_v<std::remove_const_t<Self>, CounterDefinition>) {
  visit("next_webhook", self.next_webhook);
  visit("next_link", self.next_link);
  visit("next_endpoint", self.next_endpoint);
  visit("next_event", self.next_event);
  visit("next_revision", self.next_revision);
  visit("dedupe_seed", self.dedupe_seed);
}

void Writer::operator()(const char* name, const std::vector<WebhookEnvSpec>& envs) {
  json_[name] = Json::array();
  for (const WebhookEnvSpec& env : envs) {
    Writer one;
    members(env, one);
    json_[name].push_back(one.take());
  }
}

void Reader::operator()(const char* name, std::vector<WebhookEnvSpec>& envs) {
  each(name, [&](const Json& item) {
    Reader one(item);
    members(envs.emplace_back(), one);
    return one.fault().empty();
  });
}

template <class Definition>
std::string written(const Definition& definition) {
  Writer writer;
  members(definition, writer);
  return writer.text();
}

template <class Definition>
Result<Definition> read(std::string_view text, Definition definition = {}) {
  const Json json = Json::parse(text, nullptr, false);
  Reader reader(json);
  members(definition, reader);
  if (reader.fault().empty()) return definition;
  return Error{ErrorCode::kCorrupted,
               "a stored definition (" + std::string(Definition::kKind) +
                   ") cannot be read: " + reader.fault(),
               0};
}

}  // namespace

std::string join_key(std::initializer_list<std::string_view> names) {
  std::string key;
  for (const std::string_view name : names) {
    if (name.empty()) break;
    if (!key.empty()) key += '/';
    key += name;
  }
  return key;
}

const WebhookEnvSpec* WebhookDefinition::env(std::string_view slug) const noexcept {
  const auto it = std::find_if(envs.begin(), envs.end(),
                               [slug](const WebhookEnvSpec& env) { return env.slug == slug; });
  return it == envs.end() ? nullptr : &*it;
}

bool CallDefinition::same_request(const CallDefinition& other) const noexcept {
  return purpose == other.purpose && url == other.url && method == other.method &&
         headers == other.headers && query == other.query && body == other.body;
}

std::string RetiredDefinition::key_of(What what, std::uint32_t number) {
  return std::to_string(static_cast<unsigned>(what)) + "/" + std::to_string(number);
}

std::string WorkspaceDefinition::to_json() const { return written(*this); }
std::string KeyDefinition::to_json() const { return written(*this); }
std::string WebhookDefinition::to_json() const { return written(*this); }
std::string EventDefinition::to_json() const { return written(*this); }
std::string ConnectionDefinition::to_json() const { return written(*this); }
std::string EndpointDefinition::to_json() const { return written(*this); }
std::string LinkDefinition::to_json() const { return written(*this); }
std::string CallDefinition::to_json() const { return written(*this); }
std::string SecretDefinition::to_json() const { return written(*this); }
std::string RetiredDefinition::to_json() const { return written(*this); }
std::string CounterDefinition::to_json() const { return written(*this); }

Result<WorkspaceDefinition> WorkspaceDefinition::from_json(std::string_view text) {
  return read<WorkspaceDefinition>(text);
}
Result<KeyDefinition> KeyDefinition::from_json(std::string_view text) {
  return read<KeyDefinition>(text);
}
Result<WebhookDefinition> WebhookDefinition::from_json(std::string_view text) {
  return read<WebhookDefinition>(text);
}
Result<EventDefinition> EventDefinition::from_json(std::string_view text) {
  return read<EventDefinition>(text);
}
Result<ConnectionDefinition> ConnectionDefinition::from_json(std::string_view text) {
  return read<ConnectionDefinition>(text);
}
Result<EndpointDefinition> EndpointDefinition::from_json(std::string_view text) {
  return read<EndpointDefinition>(text);
}
Result<LinkDefinition> LinkDefinition::from_json(std::string_view text) {
  return read<LinkDefinition>(text);
}
Result<CallDefinition> CallDefinition::from_json(std::string_view text) {
  return read<CallDefinition>(text);
}
Result<SecretDefinition> SecretDefinition::from_json(std::string_view text) {
  return read<SecretDefinition>(text);
}
Result<RetiredDefinition> RetiredDefinition::from_json(std::string_view text) {
  return read<RetiredDefinition>(text);
}
Result<CounterDefinition> CounterDefinition::from_json(std::string_view text) {
  return read<CounterDefinition>(text);
}

}  // namespace headrace::engine
