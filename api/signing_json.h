// SPDX-License-Identifier: Apache-2.0
// How an endpoint signs, and secrets, as JSON that people write and read.
#pragma once

#include <string_view>

#include "api/decode.h"
#include "api/json_writer.h"
#include "headrace/signing.h"

namespace headrace::api {

// Of a valid object, the member `signing` of which may be null: as it comes by default.
SigningPatch signing_patch(const Json& object);
SigningRotation signing_rotation(const JsonBody& body, Faults& faults);

// Appends one object.
void write(JsonWriter& json, const Signing& signing);
void write(JsonWriter& json, const SigningSecret& secret);
void write(JsonWriter& json, const SecretInfo& secret);

}  // namespace headrace::api
