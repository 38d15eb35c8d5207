// SPDX-License-Identifier: Apache-2.0
// What the registry is opened with, and what it exchanges with those who send: plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/log.h"
#include "core/numbers.h"
#include "engine/audit_book.h"
#include "engine/master_key.h"
#include "engine/secrets.h"
#include "engine/target_check.h"
#include "headrace/delivery_settings.h"
#include "headrace/id.h"
#include "store/types.h"

namespace headrace::engine {

struct WebhookDefinition;

struct RegistryOptions {
  std::string public_url;                 // what links begin with, without a slash at the end
  SecretSource secrets;                   // asked for those that are not in the store
  std::chrono::milliseconds retention{};  // how long what is deleted can still be named
  TargetRules targets{};                  // of endpoints and calls
  MasterKeySource master_key;             // empty: one of this process alone
  AuditOptions audit{};
  // For how long the store knows a message again.
  std::chrono::milliseconds dedupe_window = std::chrono::hours(24);
  core::LogSink* log = nullptr;  // null: nothing is said
};

// What a registration is for: product, access tag, the webhook and one of its envs.
struct RegistrationPlace {
  std::string_view workspace, product, access_tag, env;
  const WebhookDefinition* webhook = nullptr;
};

// What was disabled.
struct DisabledEnvs {
  std::vector<std::string> slugs;  // of all that was asked for
  std::vector<core::EndpointNumber> calls;
};

// What came of one attempt to tell a provider.
struct CallOutcome {
  core::EndpointNumber number{};
  MessageId message;
  store::Verdict verdict = store::Verdict::kRetry;
  std::uint32_t attempt = 0;
  std::uint16_t http_status = 0;
  std::string error;
  std::string response;  // the beginning of the body
  core::WallMs started_at = 0;
  core::WallMs next_at = 0;
};

// What says that an endpoint is to be disabled.
struct Complaint {
  core::EndpointNumber endpoint{};
  StateReason reason = StateReason::kGone;
  core::WallMs began_at = 0;  // the attempt that said so
  core::WallMs since = 0;     // of kFailing: since when there were nothing but failures
  std::uint32_t failures = 0;
};

// A message of the system webhook, to be posted to its link.
struct SystemMessage {
  std::string link_token;
  core::EventNumber event{};
  std::string body;
};

// What was made of a complaint.
struct Disablement {
  EndpointId endpoint;
  std::string host;
  std::optional<SystemMessage> message;
};

// Who is told that what waits for an endpoint is held from now on, or let go. In order, and never
// blocking.
using Gate = std::function<void(core::EndpointNumber endpoint, bool held)>;

// Where a test send goes.
struct TestTarget {
  std::string link_token;
  core::LinkNumber link{};
  core::EndpointNumber endpoint{};
  core::WebhookNumber webhook{};
  core::EventNumber event = core::EventNumber::kNone;
  std::string event_tag;
  std::string body;
};

// Where a message on record would go now.
struct Rerouting {
  core::EventNumber event = core::EventNumber::kNone;
  std::vector<core::EndpointNumber> endpoints;
};

}  // namespace headrace::engine
