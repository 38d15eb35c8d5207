// SPDX-License-Identifier: Apache-2.0
// How deliveries are made, as JSON that people write and read: members of an endpoint.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/decode.h"
#include "api/json_writer.h"
#include "headrace/delivery_settings.h"

namespace headrace::api {

// Of a valid body; null puts a member back to what it is by default, or to none where that is a
// choice of its own. `at`: the pointer of the object.
DeliveryPatch delivery_patch(const Json& object, const std::string& at, Faults& faults);
// None: the text names no state.
std::optional<EndpointState> endpoint_state(std::string_view text) noexcept;

// Appends the members.
void write_delivery(JsonWriter& json, const DeliverySettings& settings);
std::string_view name_of(EndpointState state) noexcept;
std::string_view name_of(StateReason reason) noexcept;

}  // namespace headrace::api
