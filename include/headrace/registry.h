// SPDX-License-Identifier: Apache-2.0
// What people register: plain values, copied into and out of the engine.
//
// JSON members hold JSON text to the letter, so that no number in them is rounded; empty: none.
// `revision` grows with every change of what it stands at; a caller that gives it back as
// `if_revision` changes only what it has seen. Threads: none of this is shared.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/delivery_settings.h"
#include "headrace/id.h"
#include "headrace/signing.h"

namespace headrace {

// Milliseconds since 1970-01-01T00:00Z.
using UnixMs = std::uint64_t;

// Which of many, in order of their names or ids. Inserting and deleting shifts nothing.
struct PageRequest {
  std::string cursor;           // Page::next of the page before; empty: from the beginning
  std::size_t count_max = 100;  // 1 to 1000
};

template <class Item>
struct Page {
  std::vector<Item> items;
  std::string next;  // of the next page; empty: this was the last
};

// How a change or a deletion is meant.
struct ChangeOptions {
  std::optional<std::uint64_t> if_revision;  // kPrecondition when it is another one by now
  bool if_exists = false;  // kPrecondition when what would be made or changed is not there
  bool cascade = false;    // a deletion takes along what it would orphan; else kConflict lists that
};

// --- Workspaces and keys -----------------------------------------------------------------------

struct WorkspaceInfo {
  std::string tag;
  std::string name;
  UnixMs created_at = 0;
};

// What a key allows.
enum class Scope : std::uint8_t {
  kRead = 1,    // to look
  kWrite = 2,   // to change definitions
  kReplay = 4,  // to send: test sends and replays
  kAdmin = 8,   // all of these, to erase messages, to manage keys and to read the audit log
};
using Scopes = std::uint8_t;  // Scope values, added

struct KeySpec {
  std::string name;
  Scopes scopes = static_cast<Scopes>(Scope::kRead);
  std::optional<UnixMs> expires_at;
};

struct Key {
  KeyId id;
  std::string name;
  Scopes scopes = 0;
  UnixMs created_at = 0;
  std::optional<UnixMs> expires_at;
  std::optional<UnixMs> last_used_at;  // to the hour
};

struct NewKey {
  Key key;
  std::string secret;  // "hrk_…"; shown here and never again, as only its hash is kept
};

// Who a key speaks for.
struct Caller {
  std::string workspace;
  Scopes scopes = 0;
  KeyId key;
};

// --- Apps: webhooks and events -----------------------------------------------------------------

struct App {  // It is there as long as it has a webhook.
  std::string tag;
  std::size_t webhooks = 0;
};

// An environment of a webhook. With a registration URL, enabling calls it; without, links are
// pasted by hand.
struct WebhookEnvSpec {
  std::string slug;              // [a-z0-9][a-z0-9_-]{0,63}
  std::string registration_url;  // http:// or https://; {name} and :name are filled from `params`
  std::string method = "POST";   // of the registration
  std::string
      sample;  // {"headers":{},"query":{},"body":{},"params":{}}: what `auth` must look like
  std::string
      unregistration_url;  // called by disable; placeholders also from the registration's answer
  std::string unregistration_method = "DELETE";
  // JSON: whose messages are taken, see docs/verification.md; may hold $Secret{NAME}. Empty:
  // anybody's.
  std::string verification;
};

struct WebhookSpec {
  std::string tag;  // [A-Za-z0-9][A-Za-z0-9._-]{0,127}
  std::string name;
  std::string description;
  std::vector<WebhookEnvSpec> envs;             // at least one
  bool raw_payload = false;                     // take bodies that are declared JSON and are not
  std::optional<std::uint64_t> body_bytes_max;  // at most 64 MiB; default 1 MiB
  std::string dedupe;  // a selector whose value names a message, when no header does; empty: none
  // How long its messages are kept: 1 minute to 10 years; none: as long as the engine keeps all.
  std::optional<std::chrono::milliseconds> retention;
};

// Members without a value stay as they are.
struct WebhookEnvPatch {
  std::string slug;
  std::optional<std::string> registration_url, method, sample, unregistration_url,
      unregistration_method, verification;
};

struct WebhookPatch {
  std::optional<std::string> name, description, dedupe;
  std::vector<WebhookEnvPatch> envs;  // merged by slug: a new one is added, others are kept
  std::optional<bool> raw_payload;
  std::optional<std::uint64_t> body_bytes_max;
  std::optional<std::optional<std::chrono::milliseconds>> retention;
};

struct WebhookEnv {
  std::string slug;
  LinkId link_id;
  std::string link;  // what is posted there goes to every endpoint of the webhook and env that
                     // takes messages
  std::string registration_url, method, sample, unregistration_url, unregistration_method;
  std::string verification;  // what is secret in it and no $Secret{} is hidden
};

struct Webhook {
  std::string app;
  std::string tag;
  std::string name;
  std::string description;
  std::vector<WebhookEnv> envs;
  bool raw_payload = false;
  std::uint64_t body_bytes_max = 0;
  std::string dedupe;
  std::optional<std::chrono::milliseconds> retention;
  std::vector<std::string> warnings;
  std::uint64_t revision = 0;
};

struct EventSpec {
  std::string tag;  // "webhook:event"
  std::string name;
  std::string description;
  std::string selector;  // "$Event{…}", "$Header{…}" or "$Query{…}"
  std::optional<std::string>
      selector_value;  // none or empty: the value in the sample, else the event part of the tag
  std::string sample;  // a JSON object
};

// Members without a value stay as they are. A value that was not given is worked out anew.
struct EventPatch {
  std::optional<std::string> name, description, selector, selector_value, sample;
};

struct Event {
  std::string app;
  std::string tag;
  std::string name;
  std::string description;
  std::string selector;
  std::string value;  // what the scalar at the selector must equal
  std::string sample;
  std::vector<std::string> warnings;
  std::uint64_t revision = 0;
};

// --- Products: connections, endpoints, links ------------------------------------

// It is there as long as it has a connection, an endpoint, a link or a call to a provider.
struct Product {
  std::string tag;
  std::size_t connections = 0;
  std::size_t endpoints = 0;
  std::size_t links = 0;
};

// The name under which a product knows an app. Without one, the app's own tag serves.
struct Connection {
  std::string product;
  std::string access_tag;
  std::string app;
  std::uint64_t revision = 0;
};

// How an endpoint is reached and what it wants. Members without a value keep what is there, or the
// default where nothing is.
struct EndpointSettings {
  std::optional<std::string> url;     // the receiver: http:// or https://
  std::optional<std::string> method;  // default POST
  // {"headers":{},"query":{},"params":{}}: credentials for the receiver; may hold $Secret{NAME}.
  std::optional<std::string> auth;
  std::optional<std::vector<std::string>>
      events;                         // tags or their event parts; empty: all (default)
  std::optional<std::string> filter;  // JSON, see docs/selectors.md; empty: none (default)
  DeliveryPatch delivery;
  std::optional<EndpointState> state;  // default active
  SigningPatch signing;
  // {"ca":PEM,"certificate":PEM,"key":PEM or "$Secret{NAME}","pins":["sha256//…"]}: whom to trust
  // and who we are, over https; empty: the engine's roots and no certificate (default).
  std::optional<std::string> tls;
};

struct EndpointSpec {
  std::string access_tag;
  std::string webhook;
  std::string env;
  EndpointSettings settings;
};

struct Endpoint {
  EndpointId id;
  std::string product;
  std::string access_tag;
  std::string app;
  std::string webhook;
  std::string env;
  std::string url;
  std::string method;
  std::string auth;                 // what is not a $Secret{} is hidden
  std::vector<std::string> events;  // full tags; empty: all
  std::string filter;
  DeliverySettings delivery;
  Signing signing;
  EndpointState state = EndpointState::kActive;
  StateReason state_reason = StateReason::kManual;
  UnixMs state_since = 0;
  // Whether nothing is under way and nothing waits; none: not known, as in lists.
  std::optional<bool> drained;
  LinkId link_id;
  std::string link;  // what is posted there goes to this endpoint
  std::uint64_t revision = 0;
  std::string tls;  // a key that is not a $Secret{} is hidden
};

enum class LinkKind : std::uint8_t {
  kApp,      // of a webhook and env: goes to every endpoint of these that takes messages
  kProduct,  // of a product's registration: goes to its endpoint
  kEvent,    // of a product and an event: as kProduct, and the selector is not consulted
};

struct LinkSpec {
  std::string access_tag;
  std::string webhook;  // may be empty when `event` is given
  std::string env;
  std::string event;          // a tag, or an event part that is unique in the app: an event link
  EndpointSettings settings;  // with a url: the product's endpoint is made or updated
  // Instead of the env's; none: as it is there, or as the env's. Empty: as the env's.
  std::optional<std::string> verification;
};

struct Link {
  LinkId id;
  LinkKind kind = LinkKind::kApp;
  std::string url;
  std::string app;
  std::string webhook;
  std::string env;
  std::string product;                   // empty: an app's link
  std::string access_tag;                // likewise
  std::string event;                     // full tag; of kEvent
  std::optional<UnixMs> previous_until;  // until then the token before the last rotation works
  std::string verification;              // its own, shown as the env's; empty: as the env's
  std::vector<std::string> warnings;
  std::uint64_t revision = 0;
};

struct LinkResult {
  Link link;
  EndpointId endpoint;   // of the product's registration; zero: it has none
  bool created = false;  // false: it was there already
};

struct LinkFilter {
  std::string app, webhook, env, product;  // empty: any; `app` may be an access tag with `product`
};

}  // namespace headrace
