// SPDX-License-Identifier: Apache-2.0
#include "api/encode.h"

#include <array>
#include <optional>
#include <utility>

#include "api/delivery_json.h"
#include "api/signing_json.h"
#include "api/texts.h"
#include "api/times.h"

namespace headrace::api {
namespace {

template <class SomeId>
std::string id_text(SomeId id) {
  return id ? id.to_string() : std::string();
}

std::string optional_time(std::optional<UnixMs> ms) { return ms ? time_text(*ms) : std::string(); }

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

void write_key_members(JsonWriter& json, const Key& key) {
  json.member("id", key.id.to_string()).member("name", key.name).key("scopes");
  write_scopes(json, key.scopes);
  json.member("created_at", time_text(key.created_at));
  json.member_or_null("expires_at", optional_time(key.expires_at));
  json.member_or_null("last_used_at", optional_time(key.last_used_at));
}

void write_env(JsonWriter& json, const WebhookEnv& env) {
  json.begin_object();
  json.member("slug", env.slug).member("link", env.link).member("link_id", env.link_id.to_string());
  json.raw_or_null("verification", env.verification);
  if (!env.registration_url.empty()) {
    json.member("registration_url", env.registration_url).member("method", env.method);
    json.raw_or_null("sample", env.sample);
    json.member_or_null("unregistration_url", env.unregistration_url);
    json.member("unregistration_method", env.unregistration_method);
  }
  json.end_object();
}

std::string_view name_of(RegistrationState state) noexcept {
  switch (state) {
    case RegistrationState::kEnabled:
      return "enabled";
    case RegistrationState::kPending:
      return "pending";
    case RegistrationState::kRegistered:
      return "registered";
    case RegistrationState::kFailed:
      return "failed";
    case RegistrationState::kUnregistering:
      return "unregistering";
    case RegistrationState::kDisabled:
      return "disabled";
  }
  return "enabled";
}

void write_call(JsonWriter& json, const RegistrationEnv& env) {
  if (!env.call) {
    json.key("call").null();
    return;
  }
  json.key("call").begin_object();
  json.member("message", env.call.to_string());
  json.member("attempts", std::uint64_t{env.attempts});
  json.member("http_status", std::uint64_t{env.http_status});
  json.member_or_null("error", env.error);
  json.member("response", env.response);
  json.member_or_null("called_at", optional_time(env.called_at));
  json.member_or_null("next_at", optional_time(env.next_at));
  json.end_object();
}

void write_registration_env(JsonWriter& json, const RegistrationEnv& env) {
  json.begin_object();
  json.member("slug", env.slug).member("url", env.url).member("method", env.method);
  json.member_or_null("endpoint", id_text(env.endpoint));
  json.member_or_null("link", env.link).member_or_null("link_id", id_text(env.link_id));
  json.member("status", name_of(env.state));
  write_call(json, env);
  json.end_object();
}

std::string_view name_of(LinkKind kind) noexcept {
  switch (kind) {
    case LinkKind::kApp:
      return "app";
    case LinkKind::kProduct:
      return "product";
    case LinkKind::kEvent:
      return "event";
  }
  return "app";
}

void write_link_members(JsonWriter& json, const Link& link) {
  json.member("id", link.id.to_string()).member("kind", name_of(link.kind));
  json.member("url", link.url).member("app", link.app).member("webhook", link.webhook);
  json.member("env", link.env).member_or_null("product", link.product);
  json.member_or_null("access_tag", link.access_tag).member_or_null("event", link.event);
  json.member_or_null("previous_until", optional_time(link.previous_until));
  json.raw_or_null("verification", link.verification);
  write_texts(json, "warnings", link.warnings);
  json.member("revision", link.revision);
}

std::string_view name_of(MessageState state) noexcept {
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

std::string_view name_of(DeliveryState state) noexcept {
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

void write_message_members(JsonWriter& json, const Message& message) {
  json.member("id", message.id.to_string());
  json.member("received_at", time_text(message.received_at));
  json.member_or_null("link", id_text(message.link));
  json.member_or_null("event", message.event);
  json.member("status", name_of(message.state)).member("test", message.is_test);
  json.member("body_bytes", std::uint64_t{message.body_bytes});
}

}  // namespace

void write_scopes(JsonWriter& json, Scopes scopes) {
  constexpr std::array<std::pair<Scope, std::string_view>, 4> kNames = {{{Scope::kRead, "read"},
                                                                         {Scope::kWrite, "write"},
                                                                         {Scope::kReplay, "replay"},
                                                                         {Scope::kAdmin, "admin"}}};
  json.begin_array();
  for (const auto& [scope, name] : kNames) {
    if ((scopes & static_cast<Scopes>(scope)) != 0) json.value(name);
  }
  json.end_array();
}

void write(JsonWriter& json, const WorkspaceInfo& workspace) {
  json.begin_object();
  json.member("tag", workspace.tag).member("name", workspace.name);
  json.member("created_at", time_text(workspace.created_at)).end_object();
}

void write(JsonWriter& json, const Key& key) {
  json.begin_object();
  write_key_members(json, key);
  json.end_object();
}

void write(JsonWriter& json, const NewKey& key) {
  json.begin_object();
  write_key_members(json, key.key);
  json.member("secret", key.secret).end_object();
}

void write(JsonWriter& json, const App& app) {
  json.begin_object().member("tag", app.tag);
  json.member("webhooks", std::uint64_t{app.webhooks}).end_object();
}

void write(JsonWriter& json, const Webhook& webhook) {
  json.begin_object();
  json.member("app", webhook.app).member("tag", webhook.tag).member("name", webhook.name);
  json.member("description", webhook.description).key("envs").begin_array();
  for (const WebhookEnv& env : webhook.envs) write_env(json, env);
  json.end_array();
  json.member("payload", webhook.raw_payload ? "raw" : "json");
  json.member("body_bytes_max", webhook.body_bytes_max);
  json.member_or_null("dedupe", webhook.dedupe);
  json.member_or_null("retention", webhook.retention ? duration_text(*webhook.retention) : "");
  write_texts(json, "warnings", webhook.warnings);
  json.member("revision", webhook.revision).end_object();
}

void write(JsonWriter& json, const Event& event) {
  json.begin_object();
  json.member("app", event.app).member("tag", event.tag).member("name", event.name);
  json.member("description", event.description).member("selector", event.selector);
  json.member("selector_value", event.value).raw_or_null("sample", event.sample);
  write_texts(json, "warnings", event.warnings);
  json.member("revision", event.revision).end_object();
}

void write(JsonWriter& json, const TestSend& send) {
  json.begin_object().member("message", send.message.to_string());
  json.member_or_null("event", send.event).member("selected", send.selected);
  json.member("receivers", std::uint64_t{send.receivers}).end_object();
}

void write(JsonWriter& json, const MatchReport& report) {
  json.begin_object().member_or_null("event", report.event);
  write_texts(json, "others", report.others);
  json.key("receivers").begin_array();
  for (const MatchReport::Receiver& receiver : report.receivers) {
    json.begin_object().member("endpoint", receiver.endpoint.to_string());
    json.member("product", receiver.product).member("env", receiver.env);
    json.member("reached", receiver.reached).member_or_null("reason", receiver.reason);
    json.end_object();
  }
  json.end_array().end_object();
}

void write(JsonWriter& json, const Product& product) {
  json.begin_object().member("tag", product.tag);
  json.member("connections", std::uint64_t{product.connections});
  json.member("endpoints", std::uint64_t{product.endpoints});
  json.member("links", std::uint64_t{product.links}).end_object();
}

void write(JsonWriter& json, const Connection& connection) {
  json.begin_object().member("product", connection.product);
  json.member("access_tag", connection.access_tag).member("app", connection.app);
  json.member("revision", connection.revision).end_object();
}

void write(JsonWriter& json, const Registration& registration) {
  json.begin_object().member("product", registration.product);
  json.member("access_tag", registration.access_tag).member("app", registration.app);
  json.member("webhook_tag", registration.webhook).key("envs").begin_array();
  for (const RegistrationEnv& env : registration.envs) write_registration_env(json, env);
  json.end_array().end_object();
}

void write(JsonWriter& json, const Endpoint& endpoint) {
  json.begin_object();
  json.member("id", endpoint.id.to_string()).member("product", endpoint.product);
  json.member("access_tag", endpoint.access_tag).member("app", endpoint.app);
  json.member("webhook", endpoint.webhook).member("env", endpoint.env);
  json.member("url", endpoint.url).member("method", endpoint.method);
  json.raw_or_null("auth", endpoint.auth);
  write_texts(json, "events", endpoint.events);
  json.raw_or_null("filter", endpoint.filter);
  json.raw_or_null("tls", endpoint.tls);
  write_delivery(json, endpoint.delivery);
  json.key("signing");
  write(json, endpoint.signing);
  json.member("state", name_of(endpoint.state));
  json.member("state_reason", name_of(endpoint.state_reason));
  json.member("state_since", time_text(endpoint.state_since));
  json.key("drained");
  endpoint.drained ? json.value(*endpoint.drained) : json.null();
  json.member("link", endpoint.link);
  json.member("link_id", endpoint.link_id.to_string());
  json.member("revision", endpoint.revision).end_object();
}

void write(JsonWriter& json, const Link& link) {
  json.begin_object();
  write_link_members(json, link);
  json.end_object();
}

void write(JsonWriter& json, const LinkResult& result) {
  json.begin_object();
  write_link_members(json, result.link);
  json.member_or_null("endpoint", id_text(result.endpoint));
  json.member("link", result.link.url).member("link_id", result.link.id.to_string());
  json.end_object();
}

void write(JsonWriter& json, const Message& message) {
  json.begin_object();
  write_message_members(json, message);
  json.end_object();
}

void write(JsonWriter& json, const MessageDetail& detail) {
  json.begin_object();
  write_message_members(json, detail.message);
  json.member("method", detail.method).member("query", detail.query);
  json.member("headers", detail.header_lines).member("body", detail.body);
  if (!is_utf8(detail.body)) json.member("body_base64", base64(detail.body));
  write_texts(json, "others", detail.others);
  json.end_object();
}

void write(JsonWriter& json, const Delivery& delivery) {
  json.begin_object();
  json.member("message", delivery.message.to_string());
  json.member_or_null("endpoint", id_text(delivery.endpoint));
  json.member_or_null("link", id_text(delivery.link)).member_or_null("event", delivery.event);
  json.member("received_at", time_text(delivery.received_at)).member("test", delivery.is_test);
  json.member("status", name_of(delivery.state));
  json.member("attempts", std::uint64_t{delivery.attempts});
  json.member("http_status", std::uint64_t{delivery.http_status});
  json.member_or_null("error", delivery.error);
  json.member_or_null("next_at", delivery.next_at == 0 ? "" : time_text(delivery.next_at));
  json.end_object();
}

void write(JsonWriter& json, const Attempt& attempt) {
  const bool is_retried = attempt.state == DeliveryState::kRetrying;
  json.begin_object();
  json.member("message", attempt.message.to_string());
  json.member_or_null("endpoint", id_text(attempt.endpoint));
  json.member("attempt", std::uint64_t{attempt.number});
  json.member("status", is_retried ? "retry" : name_of(attempt.state));
  json.member("http_status", std::uint64_t{attempt.http_status});
  json.member_or_null("error", attempt.error);
  json.member("started_at", time_text(attempt.started_at));
  json.member("duration_us", std::int64_t{attempt.duration.count()});
  json.member_or_null("next_at", attempt.next_at == 0 ? "" : time_text(attempt.next_at));
  json.member("response_head", attempt.response_head);
  json.member("response_body", attempt.response_body).end_object();
}

}  // namespace headrace::api
