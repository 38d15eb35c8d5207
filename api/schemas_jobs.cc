// SPDX-License-Identifier: Apache-2.0
#include "api/schemas.h"

namespace headrace::api {
namespace {

// Which messages; the members of every filter.
constexpr std::string_view kMessages = R"(
      "app": {"type": "string", "maxLength": 128, "description": "Only of this app; with a product, its access tag will do."},
      "webhook": {"type": "string", "maxLength": 128, "description": "Only of this webhook."},
      "env": {"type": "string", "maxLength": 64, "description": "Only of this env."},
      "product": {"type": "string", "maxLength": 128, "description": "Only of this product."},
      "link": {"type": "string", "pattern": "^lnk_[0-9A-Za-z]{22}$", "description": "Only what came by this link."},
      "endpoint": {"type": "string", "pattern": "^ep_[0-9A-Za-z]{22}$", "description": "Only what goes to this endpoint."},
      "event": {"type": "string", "maxLength": 257, "description": "Only this event: a full tag, with app."},
      "since": {"type": "string", "format": "date-time", "maxLength": 40, "description": "Accepted at or after."},
      "until": {"type": "string", "format": "date-time", "maxLength": 40, "description": "Accepted before; what is accepted after the job is made is never meant."})";
constexpr std::string_view kOneMessage = R"(,
      "message": {"type": "string", "pattern": "^msg_[0-9A-Za-z]{22}$", "description": "Only this message."})";
constexpr std::string_view kOutcomes = R"(,
      "error": {"type": "string", "maxLength": 64, "description": "Only with this class of error; any: with one, none: without."},
      "http_status": {"type": "integer", "minimum": 0, "maximum": 999, "description": "Only with this last answer of the receiver; 0: without one."})";
constexpr std::string_view kDryRun = R"(,
      "dry_run": {"type": "boolean", "description": "Only count."})";
constexpr std::string_view kRate = R"(,
      "to": {"type": "string", "pattern": "^ep_[0-9A-Za-z]{22}$", "description": "To this endpoint instead of those it was for."},
      "rate": {"type": "integer", "minimum": 1, "maximum": 1000000, "description": "Deliveries a second, at most. Default: as fast as the store takes them."})";

std::string object(std::string_view description, std::initializer_list<std::string_view> members) {
  std::string text = R"({"type": "object", "additionalProperties": false, "description": ")";
  text.append(description).append(R"(", "properties": {)");
  for (const std::string_view part : members) text += part;
  return text + "}}";
}

}  // namespace

void add_job_schemas(std::vector<Component>& to) {
  constexpr std::string_view kMessageState = R"(,
      "message_state": {"type": "string", "enum": ["unmatched", "no_endpoint"], "description": "Messages that went nowhere, to be routed by what is registered now."})";
  constexpr std::string_view kState = R"(,
      "state": {"type": "string", "enum": ["waiting", "retrying", "delivered", "dead"], "description": "Only deliveries in this state; those that are open are skipped."})";
  constexpr std::string_view kPayload = R"(,
      "payload": {"type": "object", "description": "Only messages that pass it: a filter as an endpoint has it."})";
  to.push_back(
      {"ReplaySpec", object("What is delivered again.", {kMessages, kOneMessage, kMessageState,
                                                         kState, kOutcomes, kRate, kDryRun})});
  to.push_back({"DeadRetrySpec", object("Which dead letters are delivered again.",
                                        {kMessages, kOutcomes, kRate, kDryRun})});
  to.push_back({"ErasureSpec", object("Which messages are erased.",
                                      {kMessages, kOneMessage, kMessageState, kPayload, kDryRun})});
  to.push_back({"JobFilter", object("What the job was asked to go over.",
                                    {kMessages, kOneMessage, kMessageState, kState, kOutcomes})});
  to.push_back({"Job", R"({
    "type": "object", "additionalProperties": false,
    "required": ["id", "kind", "status", "dry_run", "filter", "to", "rate", "payload", "total", "scanned", "matched", "skipped",
                 "failed", "per_second", "error", "created_at", "ended_at"],
    "description": "Work over what is on record, in the background.",
    "properties": {
      "id": {"type": "string", "pattern": "^job_[0-9A-Za-z]{22}$"},
      "kind": {"type": "string", "enum": ["replay", "erasure"]},
      "status": {"type": "string", "enum": ["counting", "running", "paused", "done", "cancelled", "failed"]},
      "dry_run": {"type": "boolean"},
      "filter": {"$ref": "#/components/schemas/JobFilter"},
      "to": {"type": ["string", "null"]},
      "rate": {"type": ["integer", "null"], "description": "Deliveries a second, at most."},
      "payload": {"type": ["object", "null"]},
      "total": {"type": ["integer", "null"], "description": "How many fit: deliveries, or messages where messages are meant. Null: still counting."},
      "scanned": {"type": "integer", "description": "Looked at, wanted or not, in this round: counting, or doing."},
      "matched": {"type": "integer", "description": "While counting, and of a dry run: so far; else reopened or erased, skipped and failed."},
      "reopened": {"type": "integer", "description": "Of a replay."},
      "erased": {"type": "integer", "description": "Of an erasure."},
      "skipped": {"type": "integer", "description": "Open already, gone, or still wanted by nobody."},
      "failed": {"type": "integer"},
      "per_second": {"type": "integer", "description": "Done lately."},
      "error": {"type": ["string", "null"], "description": "The last one."},
      "created_at": {"$ref": "#/components/schemas/Timestamp"},
      "ended_at": {"type": ["string", "null"], "format": "date-time"}}})"});
  to.push_back({"DeadLetter", R"({
    "type": "object", "additionalProperties": false,
    "required": ["message", "endpoint", "link", "event", "received_at", "died_at", "attempts", "http_status", "error"],
    "description": "A delivery that was given up.",
    "properties": {
      "message": {"type": "string"},
      "endpoint": {"type": ["string", "null"]},
      "link": {"type": ["string", "null"]},
      "event": {"type": ["string", "null"]},
      "received_at": {"$ref": "#/components/schemas/Timestamp"},
      "died_at": {"$ref": "#/components/schemas/Timestamp"},
      "attempts": {"type": "integer"},
      "http_status": {"type": "integer", "description": "Of the last attempt; 0: no answer."},
      "error": {"type": ["string", "null"], "description": "The class of the last attempt's error; null: the receiver answered."}}})"});
}

}  // namespace headrace::api
