// SPDX-License-Identifier: Apache-2.0
// The webhook by which headrace itself tells what happened: in every workspace there is the app
// `headrace` with the webhook `system`, which products enable like any other.
//
// It is made of definitions like any other, so its messages go the way of all messages; only people
// cannot change it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "engine/definitions.h"
#include "headrace/result.h"

namespace headrace::engine {

inline constexpr std::string_view kSystemApp = "headrace";
inline constexpr std::string_view kSystemWebhook = "system";
inline constexpr std::string_view kSystemEnv = "default";

enum class SystemEvent : std::uint8_t { kEndpointDisabled, kBreakerOpened, kBreakerClosed };

// "endpoint.disabled": the event part of the tag, and the `type` of the body.
std::string_view to_string(SystemEvent event) noexcept;
// "system:endpoint.disabled"
std::string tag_of(SystemEvent event);

// What a system message says of an endpoint.
struct SystemNews {
  SystemEvent event = SystemEvent::kEndpointDisabled;
  core::WallMs at = 0;
  std::string host;                         // of its URL
  StateReason reason = StateReason::kGone;  // of kEndpointDisabled
  core::WallMs since = 0;                   // of kFailing: when the first of the failures began
  std::uint32_t failures = 0;
};
// The JSON of the message.
std::string system_body(const EndpointDefinition& endpoint, const SystemNews& news);

// As they stand in every workspace, without numbers, revisions and ids.
WebhookDefinition system_webhook(std::string_view workspace);
std::vector<EventDefinition> system_events(std::string_view workspace);

// kForbidden for the app that is built in.
Result<void> check_not_system(std::string_view app);

}  // namespace headrace::engine
