// SPDX-License-Identifier: Apache-2.0
// Bodies as the structs of the public headers.
//
// Requires of all: the body is valid by its schema, so only values can be wrong here: a day that
// does not exist, a header name with a space. Those are added to `faults`, by JSON pointer.
#pragma once

#include <vector>

#include "api/json_body.h"
#include "headrace/registration.h"
#include "headrace/registry.h"
#include "headrace/test_send.h"

namespace headrace::api {

using Faults = std::vector<ErrorItem>;

KeySpec key_spec(const JsonBody& body, Faults& faults);
WebhookSpec webhook_spec(const JsonBody& body);
WebhookPatch webhook_patch(const JsonBody& body);
EventSpec event_spec(const JsonBody& body);
EventPatch event_patch(const JsonBody& body);
TriggerSpec trigger_spec(const JsonBody& body, Faults& faults);
EndpointTestSpec endpoint_test_spec(const JsonBody& body, Faults& faults);
MatchRequest match_request(const JsonBody& body, Faults& faults);
EnableSpec enable_spec(const JsonBody& body, Faults& faults);
DisableSpec disable_spec(const JsonBody& body);
EndpointSpec endpoint_spec(const JsonBody& body, Faults& faults);
EndpointSettings endpoint_patch(const JsonBody& body, Faults& faults);
LinkSpec link_spec(const JsonBody& body, Faults& faults);
// How long the link before a rotation works.
std::chrono::milliseconds grace_of(const JsonBody& body, Faults& faults);

// None: it is too long. Requires: the value is a Duration by its schema.
std::optional<std::chrono::milliseconds> duration_of(const Json& json);
// A text member; empty when it is not there or null.
std::string text_member(const Json& object, const char* name);

}  // namespace headrace::api
