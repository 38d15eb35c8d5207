// SPDX-License-Identifier: Apache-2.0
#include "api/decode.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/delivery_json.h"
#include "api/signing_json.h"
#include "api/times.h"
#include "core/http_grammar.h"
#include "core/time_text.h"

namespace headrace::api {
namespace {

namespace chrono = std::chrono;

constexpr chrono::hours kGraceDefault{24};
constexpr chrono::seconds kWaitMax{60};

using Text = std::optional<std::string>;

// Nullptr: it is not there, or null.
const Json* find(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// What a change says of a text: nothing, a new one, or (null) none.
Text changed_text(const Json& object, const char* name) {
  if (!object.contains(name)) return std::nullopt;
  return text_member(object, name);
}

// The same of a member that is JSON.
Text changed_raw(const JsonBody& body, const Json& object, const std::string& pointer,
                 const char* name) {
  if (!object.contains(name)) return std::nullopt;
  return find(object, name) == nullptr ? std::string() : std::string(body.raw(pointer));
}

std::string raw_text(const JsonBody& body, const Json& object, const std::string& pointer,
                     const char* name) {
  return changed_raw(body, object, pointer, name).value_or(std::string());
}

chrono::milliseconds duration_member(const Json& object, const char* name,
                                     chrono::milliseconds otherwise, Faults& faults) {
  const Json* member = find(object, name);
  if (member == nullptr) return otherwise;
  const auto duration = duration_of(*member);
  if (!duration) faults.push_back({std::string("/") + name, "is too long a duration"});
  return duration.value_or(otherwise);
}

std::vector<std::string> texts_of(const Json& list) {
  return list.is_array() ? list.get<std::vector<std::string>>() : std::vector<std::string>();
}

// A new env, or one that is changed: the members are the same.
WebhookEnvPatch env_patch(const JsonBody& body, const Json& env, std::size_t index) {
  const std::string at = "/envs/" + std::to_string(index);
  return {.slug = text_member(env, "slug"),
          .registration_url = changed_text(env, "registration_url"),
          .method = changed_text(env, "method"),
          .sample = changed_raw(body, env, at + "/sample", "sample"),
          .unregistration_url = changed_text(env, "unregistration_url"),
          .unregistration_method = changed_text(env, "unregistration_method"),
          .verification = changed_raw(body, env, at + "/verification", "verification")};
}

WebhookEnvSpec env_spec(WebhookEnvPatch given) {
  WebhookEnvSpec spec;
  spec.slug = std::move(given.slug);
  const auto take = [](Text& from, std::string& to) {
    if (from) to = std::move(*from);
  };
  take(given.registration_url, spec.registration_url);
  take(given.method, spec.method);
  take(given.sample, spec.sample);
  take(given.unregistration_url, spec.unregistration_url);
  take(given.unregistration_method, spec.unregistration_method);
  take(given.verification, spec.verification);
  return spec;
}

// `at`: the pointer of the object that holds the settings.
EndpointSettings settings_of(const JsonBody& body, const Json& object, const std::string& at,
                             Faults& faults) {
  EndpointSettings settings;
  settings.url = changed_text(object, "url");
  settings.method = changed_text(object, "method");
  settings.auth = changed_raw(body, object, at + "/auth", "auth");
  settings.filter = changed_raw(body, object, at + "/filter", "filter");
  settings.tls = changed_raw(body, object, at + "/tls", "tls");
  if (object.contains("events")) settings.events = texts_of(object["events"]);
  settings.delivery = delivery_patch(object, at, faults);
  settings.state = endpoint_state(text_member(object, "state"));
  settings.signing = signing_patch(object);
  return settings;
}

bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), core::http::is_value_char);
}

bool is_field_name(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), core::http::is_token_char);
}

struct SendBody {
  std::string body;
  std::string content_type;
};

// `body` or `payload`, and what it is.
SendBody send_body(const JsonBody& body, Faults& faults) {
  const Json& json = body.json();
  SendBody send{text_member(json, "body"), text_member(json, "content_type")};
  if (json.contains("body") && json.contains("payload"))
    faults.push_back({"/payload", "body or payload is given, not both"});
  if (json.contains("payload")) send.body = body.raw("/payload");
  if (!is_field_value(send.content_type))
    faults.push_back({"/content_type", "is not a header field's value"});
  return send;
}

void append_escaped(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (is_letter || (c >= '0' && c <= '9') || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
}

std::string query_text(const Json& query) {
  if (query.is_string()) return query.get<std::string>();
  std::string text;
  for (const auto& [name, value] : query.items()) {
    if (!text.empty()) text += '&';
    append_escaped(name, text);
    text += '=';
    append_escaped(value.is_string() ? value.get<std::string>() : value.dump(), text);
  }
  return text;
}

std::string header_lines(const Json& headers, Faults& faults) {
  std::string lines;
  for (const auto& [name, value] : headers.items()) {
    const auto& text = value.get_ref<const std::string&>();
    if (!is_field_name(name) || !is_field_value(text)) {
      faults.push_back({"/headers", "holds what is not a header field"});
    } else {
      lines.append(name).append(": ").append(text).append("\r\n");
    }
  }
  return lines;
}

// One of two names of the same member.
std::string either(const Json& json, const char* name, const char* alias, Faults& faults) {
  std::string text = text_member(json, name);
  if (text.empty()) text = text_member(json, alias);
  if (text.empty()) faults.push_back({std::string("/") + name, "is missing"});
  return text;
}

}  // namespace

std::optional<chrono::milliseconds> duration_of(const Json& json) {
  if (json.is_string()) return core::parse_duration(json.get_ref<const std::string&>());
  return chrono::seconds(json.get<std::uint32_t>());
}

std::string text_member(const Json& object, const char* name) {
  const Json* member = find(object, name);
  return member == nullptr ? std::string() : member->get<std::string>();
}

KeySpec key_spec(const JsonBody& body, Faults& faults) {
  const Json& json = body.json();
  KeySpec spec{.name = text_member(json, "name"), .scopes = 0};
  constexpr std::array<std::pair<std::string_view, Scope>, 4> kNames = {{{"read", Scope::kRead},
                                                                         {"write", Scope::kWrite},
                                                                         {"replay", Scope::kReplay},
                                                                         {"admin", Scope::kAdmin}}};
  for (const std::string& given : texts_of(json["scopes"])) {
    for (const auto& [name, scope] : kNames) {
      if (given == name) spec.scopes |= static_cast<Scopes>(scope);
    }
  }
  if (find(json, "expires_at") == nullptr) return spec;
  spec.expires_at = parse_time(text_member(json, "expires_at"));
  if (!spec.expires_at) faults.push_back({"/expires_at", "is not a time of RFC 3339"});
  return spec;
}

WebhookSpec webhook_spec(const JsonBody& body) {
  WebhookPatch given = webhook_patch(body);
  WebhookSpec spec;
  spec.tag = text_member(body.json(), "tag");
  spec.name = given.name.value_or("");
  spec.description = given.description.value_or("");
  spec.dedupe = given.dedupe.value_or("");
  spec.raw_payload = given.raw_payload.value_or(false);
  spec.body_bytes_max = given.body_bytes_max;
  spec.retention = given.retention.value_or(std::nullopt);
  for (WebhookEnvPatch& env : given.envs) spec.envs.push_back(env_spec(std::move(env)));
  return spec;
}

WebhookPatch webhook_patch(const JsonBody& body) {
  const Json& json = body.json();
  WebhookPatch patch;
  patch.name = changed_text(json, "name");
  patch.description = changed_text(json, "description");
  patch.dedupe = changed_text(json, "dedupe");
  if (const Json* payload = find(json, "payload")) patch.raw_payload = *payload == "raw";
  if (const Json* most = find(json, "body_bytes_max"))
    patch.body_bytes_max = most->get<std::uint64_t>();
  if (json.contains("retention")) {
    const Json* retention = find(json, "retention");
    patch.retention = retention != nullptr ? duration_of(*retention) : std::nullopt;
  }
  if (const Json* envs = find(json, "envs")) {
    for (std::size_t i = 0; i < envs->size(); ++i)
      patch.envs.push_back(env_patch(body, (*envs)[i], i));
  }
  return patch;
}

EventSpec event_spec(const JsonBody& body) {
  const Json& json = body.json();
  EventSpec spec;
  spec.tag = text_member(json, "tag");
  spec.name = text_member(json, "name");
  spec.description = text_member(json, "description");
  spec.selector = text_member(json, "selector");
  spec.sample = raw_text(body, json, "/sample", "sample");
  for (const char* name : {"selectorValue", "selector_value"}) {
    if (find(json, name) != nullptr) spec.selector_value = text_member(json, name);
  }
  return spec;
}

EventPatch event_patch(const JsonBody& body) {
  const Json& json = body.json();
  EventPatch patch;
  patch.name = changed_text(json, "name");
  patch.description = changed_text(json, "description");
  patch.selector = changed_text(json, "selector");
  patch.sample = changed_raw(body, json, "/sample", "sample");
  for (const char* name : {"selectorValue", "selector_value"}) {
    if (json.contains(name)) patch.selector_value = text_member(json, name);
  }
  return patch;
}

TriggerSpec trigger_spec(const JsonBody& body, Faults& faults) {
  TriggerSpec spec;
  spec.env = text_member(body.json(), "env");
  spec.product = text_member(body.json(), "product");
  SendBody send = send_body(body, faults);
  spec.body = std::move(send.body);
  if (!send.content_type.empty()) spec.content_type = std::move(send.content_type);
  return spec;
}

EndpointTestSpec endpoint_test_spec(const JsonBody& body, Faults& faults) {
  EndpointTestSpec spec;
  spec.event = text_member(body.json(), "event");
  SendBody send = send_body(body, faults);
  spec.body = std::move(send.body);
  if (!send.content_type.empty()) spec.content_type = std::move(send.content_type);
  return spec;
}

MatchRequest match_request(const JsonBody& body, Faults& faults) {
  const Json& json = body.json();
  MatchRequest request;
  request.env = text_member(json, "env");
  SendBody send = send_body(body, faults);
  request.body = std::move(send.body);
  request.content_type = std::move(send.content_type);
  if (request.content_type.empty() && json.contains("payload"))
    request.content_type = "application/json";
  if (const Json* query = find(json, "query")) request.query = query_text(*query);
  if (const Json* headers = find(json, "headers"))
    request.header_lines = header_lines(*headers, faults);
  return request;
}

EnableSpec enable_spec(const JsonBody& body, Faults& faults) {
  const Json& json = body.json();
  EnableSpec spec;
  spec.access_tag = text_member(json, "access_tag");
  spec.webhook = text_member(json, "webhook_tag");
  spec.wait =
      std::min<chrono::milliseconds>(duration_member(json, "wait", spec.wait, faults), kWaitMax);
  const Json& envs = json["envs"];
  for (std::size_t i = 0; i < envs.size(); ++i) {
    const std::string at = "/envs/" + std::to_string(i);
    spec.envs.push_back(
        {.slug = text_member(envs[i], "slug"),
         .settings = settings_of(body, envs[i], at, faults),
         .delivery_auth = changed_raw(body, envs[i], at + "/delivery_auth", "delivery_auth")});
  }
  return spec;
}

DisableSpec disable_spec(const JsonBody& body) {
  const Json& json = body.json();
  DisableSpec spec;
  spec.access_tag = text_member(json, "access_tag");
  spec.webhook = text_member(json, "webhook_tag");
  if (const Json* envs = find(json, "envs")) spec.envs = texts_of(*envs);
  return spec;
}

EndpointSpec endpoint_spec(const JsonBody& body, Faults& faults) {
  const Json& json = body.json();
  return {.access_tag = text_member(json, "access_tag"),
          .webhook = text_member(json, "webhook_tag"),
          .env = text_member(json, "env"),
          .settings = settings_of(body, json, "", faults)};
}

EndpointSettings endpoint_patch(const JsonBody& body, Faults& faults) {
  return settings_of(body, body.json(), "", faults);
}

LinkSpec link_spec(const JsonBody& body, Faults& faults) {
  const Json& json = body.json();
  LinkSpec spec;
  spec.access_tag = either(json, "access_tag", "app", faults);
  spec.env = either(json, "env", "product_env", faults);
  spec.webhook = text_member(json, "webhook_tag");
  spec.event = text_member(json, "event");
  if (spec.webhook.empty() && spec.event.empty())
    faults.push_back({"/webhook_tag", "is missing, and so is event"});
  spec.settings = settings_of(body, json, "", faults);
  spec.verification = changed_raw(body, json, "/verification", "verification");
  return spec;
}

chrono::milliseconds grace_of(const JsonBody& body, Faults& faults) {
  return duration_member(body.json(), "grace", kGraceDefault, faults);
}

}  // namespace headrace::api
