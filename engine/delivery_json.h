// SPDX-License-Identifier: Apache-2.0
// The form of delivery settings on disk: one JSON object, in which what is as it comes by default
// is left out. Frozen names, see docs/storage.md.
#pragma once

#include <nlohmann/json.hpp>

#include "headrace/delivery_settings.h"

namespace headrace::engine {

nlohmann::ordered_json delivery_json(const DeliverySettings& settings);
// False: it is not what delivery_json() makes.
bool read_delivery(const nlohmann::ordered_json& json, DeliverySettings& settings);

}  // namespace headrace::engine
