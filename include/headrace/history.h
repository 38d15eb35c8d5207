// SPDX-License-Identifier: Apache-2.0
// What happened: messages, deliveries and attempts, as plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/id.h"
#include "headrace/registry.h"

namespace headrace {

enum class MessageState : std::uint8_t { kRouted, kUnmatched, kNoEndpoint };

struct Message {
  MessageId id;
  UnixMs received_at = 0;
  LinkId link;
  std::string event;  // its tag; empty: unmatched
  MessageState state = MessageState::kUnmatched;
  bool is_test = false;
  std::uint32_t body_bytes = 0;
};

struct MessageDetail {
  Message message;
  std::string method;
  std::string query;
  std::string header_lines;  // "Name: value\r\n" each, as passed on
  std::string body;          // the exact bytes
  // Further events that match it, as they are defined today; the first four.
  std::vector<std::string> others;
};

enum class DeliveryState : std::uint8_t {
  kWaiting,   // not tried yet, or not since it was opened again
  kRetrying,  // tried, and due again at next_at
  kDelivered,
  kDead,
};

struct Delivery {
  MessageId message;
  EndpointId endpoint;
  LinkId link;
  std::string event;
  UnixMs received_at = 0;
  bool is_test = false;
  DeliveryState state = DeliveryState::kWaiting;
  std::uint32_t attempts = 0;
  std::uint16_t http_status = 0;  // of the last attempt; 0: no answer
  std::string error;              // of the last attempt; empty when the peer answered
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

// Which messages, deliveries or attempts: what is set must hold. Newest messages first.
struct HistoryFilter {
  MessageId message;
  LinkId link;
  EndpointId endpoint;
  std::string app, webhook, env, product;
  std::string event;  // full tag, with `app`
  std::optional<MessageState> message_state;
  std::optional<DeliveryState> delivery_state;
  std::string error;  // the class of the last (or the) attempt's error: "timeout"; "any": has one;
                      // "none": has none
  std::optional<std::uint16_t> http_status;
  std::optional<UnixMs> since;  // accepted at or after
  std::optional<UnixMs> until;  // accepted before
  // A page may be short, even empty, and have a next one all the same: the work of one call is
  // bounded.
  PageRequest page;
};

}  // namespace headrace
