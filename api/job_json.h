// SPDX-License-Identifier: Apache-2.0
// Jobs and dead letters as the API takes and shows them.
//
// Requires of what reads bodies: the body is valid by its schema; what can still be wrong, a day
// that does not exist say, is added to `faults`.
#pragma once

#include "api/decode.h"
#include "api/json_writer.h"
#include "headrace/jobs.h"

namespace headrace::api {

ReplaySpec replay_spec(const JsonBody& body, Faults& faults);
// Of dead letters: the same without the members that they have not.
ReplaySpec dead_retry_spec(const JsonBody& body, Faults& faults);
ErasureSpec erasure_spec(const JsonBody& body, Faults& faults);

std::optional<MessageState> message_state(std::string_view text);
std::optional<DeliveryState> delivery_state(std::string_view text);
std::optional<JobKind> job_kind(std::string_view text);
std::optional<JobState> job_state(std::string_view text);

void write(JsonWriter& json, const Job& job);
void write(JsonWriter& json, const DeadLetter& letter);

}  // namespace headrace::api
