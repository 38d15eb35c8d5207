// SPDX-License-Identifier: Apache-2.0
// Definitions as the registry keeps them, and their form on disk (JSON; frozen, see
// docs/storage.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/numbers.h"
#include "headrace/id.h"
#include "headrace/result.h"

namespace headrace::engine {

// A link: of an app's webhook and env when `product` is empty, else of that product's registration
// for them.
struct LinkDefinition {
  LinkId id;
  core::LinkNumber number{};
  Bits128 token;
  std::string app;
  std::string webhook;
  std::string env;
  std::string product;

  std::string key() const;
  std::string to_json() const;
  static Result<LinkDefinition> from_json(std::string_view text);
};

struct WebhookDefinition {
  std::string app;
  std::string tag;
  std::string name;
  std::string description;
  std::vector<std::string> envs;  // slugs
  bool raw_payload = false;
  std::uint64_t body_bytes_max = 0;

  static std::string key_of(std::string_view app, std::string_view tag);
  std::string key() const { return key_of(app, tag); }
  std::string to_json() const;
  static Result<WebhookDefinition> from_json(std::string_view text);
};

struct EventDefinition {
  std::string app;
  std::string tag;  // webhook:event
  std::string name;
  std::string description;
  std::string selector;
  std::string value;
  std::string sample;          // JSON text, kept to the letter; empty: none
  core::EventNumber number{};  // grows in order of creation, which decides ties

  std::string webhook() const { return tag.substr(0, tag.find(':')); }
  std::string key() const;
  std::string to_json() const;
  static Result<EventDefinition> from_json(std::string_view text);
};

struct EndpointDefinition {
  EndpointId id;
  core::EndpointNumber number{};
  std::string product;
  std::string app;
  std::string webhook;
  std::string env;
  std::string url;
  std::string method;
  std::uint32_t in_flight_max = 0;
  std::optional<std::vector<std::chrono::milliseconds>> retry_schedule;  // none: the default

  std::string key() const;
  std::string to_json() const;
  static Result<EndpointDefinition> from_json(std::string_view text);
};

// What is given out once: the next of each kind of number, and the seed of dedupe hashes.
struct CounterDefinition {
  std::uint32_t next_link = 1;
  std::uint32_t next_endpoint = 1;
  std::uint32_t next_event = 1;
  std::uint64_t dedupe_seed = 0;

  std::string key() const;
  std::string to_json() const;
  static Result<CounterDefinition> from_json(std::string_view text);
};

// Every key begins with its kind and the workspace; there is one workspace.
inline constexpr std::string_view kWebhookPrefix = "webhook/default/";
inline constexpr std::string_view kEventPrefix = "event/default/";
inline constexpr std::string_view kEndpointPrefix = "endpoint/default/";
inline constexpr std::string_view kLinkPrefix = "link/default/";
inline constexpr std::string_view kCounterKey = "counter/default";

}  // namespace headrace::engine
