// SPDX-License-Identifier: Apache-2.0
// What may be said of how deliveries are made, and what dispatch is told of it.
#pragma once

#include <string>

#include "dispatch/endpoint.h"
#include "headrace/delivery_settings.h"
#include "headrace/result.h"

namespace headrace::engine {

void apply(const DeliveryPatch& patch, DeliverySettings& settings);

// kInvalidArgument naming the member at fault; `pointer`: of the object that holds the settings.
Result<void> check_delivery(const DeliverySettings& settings, const std::string& pointer);

// Fills in how often, how fast and in which order. Errors as check_delivery(), less precise.
Result<void> add_delivery(const DeliverySettings& settings, dispatch::EndpointSettings& to);

// What the states mean for messages that come in, and for those that wait.
constexpr bool takes_messages(EndpointState state) noexcept {
  return state == EndpointState::kActive || state == EndpointState::kPaused;
}
constexpr bool holds_messages(EndpointState state) noexcept {
  return state == EndpointState::kPaused || state == EndpointState::kDisabled;
}

// "active"
std::string_view to_string(EndpointState state) noexcept;
// "manual"
std::string_view to_string(StateReason reason) noexcept;

}  // namespace headrace::engine
