// SPDX-License-Identifier: Apache-2.0
// What people register and what they can look up: plain values, copied out of the engine.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/id.h"

namespace headrace {

// Milliseconds since 1970-01-01T00:00Z.
using UnixMs = std::uint64_t;

// --- Definitions
// --------------------------------------------------------------------------------------------------------

struct WebhookEnvSpec {
  std::string slug;  // [a-z0-9][a-z0-9_-]{0,63}
};

struct WebhookSpec {
  std::string tag;  // [A-Za-z0-9][A-Za-z0-9._-]{0,127}
  std::string name;
  std::string description;
  std::vector<WebhookEnvSpec> envs;             // at least one
  bool raw_payload = false;                     // take bodies that are declared JSON and are not
  std::optional<std::uint64_t> body_bytes_max;  // at most 64 MiB; default 1 MiB
};

struct WebhookEnv {
  std::string slug;
  LinkId link_id;
  std::string link;  // what is posted there goes to every endpoint of the webhook and env
};

struct Webhook {
  std::string app;
  std::string tag;
  std::string name;
  std::string description;
  std::vector<WebhookEnv> envs;
  std::vector<std::string> warnings;
};

struct EventSpec {
  std::string tag;  // "webhook:event"
  std::string name;
  std::string description;
  std::string selector;  // "$Event{…}", "$Header{…}" or "$Query{…}"
  std::optional<std::string>
      selector_value;  // default: the value in the sample, else the event part of the tag
  std::string sample;  // JSON text; empty: none
};

struct Event {
  std::string app;
  std::string tag;
  std::string name;
  std::string description;
  std::string selector;
  std::string value;  // what the scalar at the selector must equal
  std::string sample;
};

struct LinkSpec {
  std::string access_tag;  // the app
  std::string webhook_tag;
  std::string env;
  std::string url;  // the receiver: http:// or https://
  std::string method = "POST";
  std::optional<std::uint32_t> in_flight_max;  // 1 to 1024; default 64
  // Delays before each retry; none: the default schedule, an empty list: no retry.
  std::optional<std::vector<std::chrono::milliseconds>> retry_schedule;
};

struct ProductLink {
  LinkId link_id;
  std::string link;
  EndpointId endpoint;
  bool created = false;  // false: it was there already and the endpoint was updated
};

struct Endpoint {
  EndpointId id;
  std::string product;
  std::string app;
  std::string webhook;
  std::string env;
  std::string url;
  std::string method;
  std::uint32_t in_flight_max = 0;
};

// --- What happened
// ------------------------------------------------------------------------------------------------------

enum class MessageState : std::uint8_t { kRouted, kUnmatched, kNoEndpoint };

struct Message {
  MessageId id;
  UnixMs received_at = 0;
  LinkId link;
  std::string event;  // its tag; empty: unmatched
  MessageState state = MessageState::kUnmatched;
  std::uint32_t body_bytes = 0;
};

struct MessageDetail {
  Message message;
  std::string method;
  std::string query;
  std::string header_lines;  // "Name: value\r\n" each, as passed on
  std::string body;          // the exact bytes
};

enum class DeliveryState : std::uint8_t {
  kWaiting,   // not tried yet
  kRetrying,  // tried, and due again at next_at
  kDelivered,
  kDead,
};

struct Delivery {
  MessageId message;
  EndpointId endpoint;
  DeliveryState state = DeliveryState::kWaiting;
  std::uint32_t attempts = 0;
  std::uint16_t http_status = 0;  // of the last attempt; 0: no answer
  UnixMs next_at = 0;             // of kRetrying
};

struct Attempt {
  MessageId message;
  EndpointId endpoint;
  std::uint32_t number = 0;                         // 1 for the first
  DeliveryState state = DeliveryState::kDelivered;  // what the delivery became by it
  std::uint16_t http_status = 0;
  std::string error;  // "connect", "timeout", …; empty when the peer answered
  UnixMs started_at = 0;
  std::chrono::microseconds duration{};
  UnixMs next_at = 0;
  std::string response_head;  // header lines
  std::string response_body;  // its beginning
};

}  // namespace headrace
