// SPDX-License-Identifier: Apache-2.0
// Definitions as the registry keeps them, and their form on disk (JSON; frozen, see
// docs/storage.md).
//
// A key is joined from names, which never hold a slash; the first is always the workspace. On the
// disk kKind and a slash stand before it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/numbers.h"
#include "headrace/history.h"
#include "headrace/id.h"
#include "headrace/registry.h"
#include "headrace/result.h"

namespace headrace::engine {

// "a/b/c"; without names at the end that are empty.
std::string join_key(std::initializer_list<std::string_view> names);

struct WorkspaceDefinition {
  static constexpr std::string_view kKind = "workspace";
  std::string tag;
  std::string name;
  core::WallMs created_at = 0;
  // The upper half of the audit log's first id that is its own: what lies before is of a workspace
  // of the same name that was deleted.
  std::uint64_t audit_from = 0;

  std::string key() const { return tag; }
  std::string to_json() const;
  static Result<WorkspaceDefinition> from_json(std::string_view text);
};

struct KeyDefinition {
  static constexpr std::string_view kKind = "key";
  KeyId id;
  std::string workspace;
  std::string name;
  Scopes scopes = 0;
  std::string secret_hash;  // hex
  core::WallMs created_at = 0;
  core::WallMs expires_at = 0;  // 0: never
  core::WallMs last_used_at = 0;

  std::string key() const { return join_key({workspace, id.to_string()}); }
  std::string to_json() const;
  static Result<KeyDefinition> from_json(std::string_view text);
};

struct WebhookDefinition {
  static constexpr std::string_view kKind = "webhook";
  core::WebhookNumber number{};
  std::string workspace;
  std::string app;
  std::string tag;
  std::string name;
  std::string description;
  std::vector<WebhookEnvSpec> envs;
  bool raw_payload = false;
  std::uint64_t body_bytes_max = 0;
  std::string dedupe;
  std::uint64_t retention_ms = 0;  // 0: the engine's
  std::uint64_t revision = 0;

  const WebhookEnvSpec* env(std::string_view slug) const noexcept;
  std::string key() const { return join_key({workspace, app, tag}); }
  std::string to_json() const;
  static Result<WebhookDefinition> from_json(std::string_view text);
};

struct EventDefinition {
  static constexpr std::string_view kKind = "event";
  std::string workspace;
  std::string app;
  std::string tag;  // webhook:event
  std::string name;
  std::string description;
  std::string selector;
  std::string value;
  bool value_given = false;    // else it was worked out from sample and tag
  std::string sample;          // JSON text, kept to the letter; empty: none
  core::EventNumber number{};  // grows in order of creation, which decides ties
  std::uint64_t revision = 0;

  std::string_view webhook() const noexcept {
    return std::string_view(tag).substr(0, tag.find(':'));
  }
  std::string_view event_part() const noexcept {
    return std::string_view(tag).substr(tag.find(':') + 1);
  }
  std::string key() const { return join_key({workspace, app, tag}); }
  std::string to_json() const;
  static Result<EventDefinition> from_json(std::string_view text);
};

struct ConnectionDefinition {
  static constexpr std::string_view kKind = "connection";
  std::string workspace;
  std::string product;
  std::string access_tag;
  std::string app;
  std::uint64_t revision = 0;

  std::string key() const { return join_key({workspace, product, access_tag}); }
  std::string to_json() const;
  static Result<ConnectionDefinition> from_json(std::string_view text);
};

// A product's registration for a webhook and env.
struct EndpointDefinition {
  static constexpr std::string_view kKind = "endpoint";
  EndpointId id;
  core::EndpointNumber number{};
  std::string workspace;
  std::string product;
  std::string access_tag;
  std::string app;
  std::string webhook;
  std::string env;
  std::string url;
  std::string method;
  std::string auth;                 // JSON text; empty: none
  std::vector<std::string> events;  // full tags; empty: all
  std::string filter;               // JSON text; empty: none
  DeliverySettings delivery;
  EndpointState state = EndpointState::kActive;
  StateReason state_reason = StateReason::kManual;
  core::WallMs state_since = 0;
  SigningScheme signing_scheme = SigningScheme::kV1;
  std::string signing_header;    // empty: the scheme's own
  std::string signing_secret;    // sealed; empty: it was written before there were any
  std::string signing_previous;  // sealed; empty: none
  core::WallMs signing_previous_until = 0;
  std::uint64_t revision = 0;
  std::string tls;  // JSON text; empty: none

  std::string key() const { return join_key({workspace, app, webhook, env, product}); }
  std::string second_key() const { return join_key({workspace, product, app, webhook, env}); }
  std::string to_json() const;
  static Result<EndpointDefinition> from_json(std::string_view text);
};

// Of an app's webhook and env when `product` is empty; of that product's registration for them; or
// of the product and one event.
struct LinkDefinition {
  static constexpr std::string_view kKind = "link";
  LinkId id;
  core::LinkNumber number{};
  Bits128 token;
  Bits128 previous_token;  // zero: none
  core::WallMs previous_until = 0;
  std::string workspace;
  std::string app;
  std::string webhook;
  std::string env;
  std::string product;
  std::string access_tag;
  std::string event;         // full tag
  std::string verification;  // JSON text; empty: that of what it belongs to
  std::uint64_t revision = 0;

  LinkKind link_kind() const noexcept {
    return product.empty() ? LinkKind::kApp : event.empty() ? LinkKind::kProduct : LinkKind::kEvent;
  }
  std::string key() const { return join_key({workspace, app, webhook, env, product, event}); }
  std::string second_key() const {
    return product.empty() ? std::string()
                           : join_key({workspace, product, app, webhook, env, event});
  }
  std::string to_json() const;
  static Result<LinkDefinition> from_json(std::string_view text);
};

using Fields = std::vector<std::pair<std::string, std::string>>;

// What a provider is told: where to post, or that nobody listens any more. Sent as a message on the
// system link to an endpoint of its own, so it is retried and recorded like any delivery.
struct CallDefinition {
  static constexpr std::string_view kKind = "call";
  enum class Purpose : std::uint8_t { kRegister = 1, kUnregister = 2 };  // Frozen.

  EndpointId id;
  core::EndpointNumber number{};
  Purpose purpose = Purpose::kRegister;
  std::string workspace;
  std::string product;
  std::string access_tag;
  std::string app;
  std::string webhook;
  std::string env;
  std::string url;  // placeholders filled; $Secret{} is not
  std::string method;
  Fields headers, query, params;
  std::string body;   // JSON text; empty: none
  MessageId message;  // zero: not handed over yet
  // The last outcome.
  bool succeeded = false;
  bool given_up = false;
  std::uint32_t attempts = 0;
  std::uint16_t http_status = 0;
  std::string error;
  std::string response;
  core::WallMs called_at = 0;
  core::WallMs next_at = 0;

  std::string key() const { return join_key({workspace, app, webhook, env, product}); }
  std::string second_key() const { return join_key({workspace, product, app, webhook, env}); }
  bool same_request(const CallDefinition& other) const noexcept;
  std::string to_json() const;
  static Result<CallDefinition> from_json(std::string_view text);
};

// A value that definitions name as $Secret{NAME}.
struct SecretDefinition {
  static constexpr std::string_view kKind = "secret";
  std::string workspace;
  std::string name;
  std::string sealed;
  core::WallMs created_at = 0;
  core::WallMs updated_at = 0;
  std::uint64_t revision = 0;

  std::string key() const { return join_key({workspace, name}); }
  std::string to_json() const;
  static Result<SecretDefinition> from_json(std::string_view text);
};

// What is deleted, and still named by messages that are on record.
struct RetiredDefinition {
  static constexpr std::string_view kKind = "retired";
  enum class What : std::uint8_t { kLink = 1, kEndpoint = 2, kEvent = 3 };  // Frozen.

  What what = What::kLink;
  std::uint32_t number = 0;
  Bits128 id;  // zero for an event
  std::string workspace;
  std::string app, webhook, env, product;
  std::string event;  // full tag
  core::WallMs retired_at = 0;

  static std::string key_of(What what, std::uint32_t number);
  std::string key() const { return key_of(what, number); }
  std::string second_key() const { return join_key({workspace, key()}); }
  std::string to_json() const;
  static Result<RetiredDefinition> from_json(std::string_view text);
};

// What is given out once: the next of each kind of number, and the seed of dedupe hashes.
struct CounterDefinition {
  static constexpr std::string_view kKind = "counter";
  std::uint32_t next_webhook = 1;
  std::uint32_t next_link = 1;
  std::uint32_t next_endpoint = 1;
  std::uint32_t next_event = 1;
  std::uint64_t next_revision = 1;
  std::uint64_t dedupe_seed = 0;

  std::string key() const { return "all"; }
  std::string to_json() const;
  static Result<CounterDefinition> from_json(std::string_view text);
};

inline constexpr std::string_view kDefaultWorkspace = "default";
// Of what the engine keeps for itself: no workspace can have that tag.
inline constexpr std::string_view kOwnWorkspace = "~";

}  // namespace headrace::engine
