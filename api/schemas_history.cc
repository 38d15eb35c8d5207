// SPDX-License-Identifier: Apache-2.0
#include "api/schemas.h"

namespace headrace::api {

void add_history_schemas(std::vector<Component>& to) {
  const std::string required =
      R"("required": ["id", "received_at", "link", "event", "status", "test", "body_bytes")";
  const std::string members = R"(
      "id": {"type": "string", "pattern": "^msg_[0-9A-Za-z]{22}$"},
      "received_at": {"$ref": "#/components/schemas/Timestamp"},
      "link": {"type": ["string", "null"], "description": "Null: it is gone."},
      "event": {"type": ["string", "null"], "description": "Null: unmatched."},
      "status": {"type": "string", "enum": ["routed", "unmatched", "no_endpoint"]},
      "test": {"type": "boolean", "description": "It was sent by a trigger or a test."},
      "body_bytes": {"type": "integer"})";
  to.push_back({"Message", R"({"type": "object", "additionalProperties": false, )" + required +
                               R"(], "properties": {)" + members + "}}"});
  to.push_back({"MessageDetail",
                R"({"type": "object", "additionalProperties": false, )" + required +
                    R"(, "method", "query", "headers", "body", "others"], "properties": {)" +
                    members + R"(,
      "method": {"type": "string"},
      "query": {"type": "string", "description": "Without the question mark."},
      "headers": {"type": "string", "description": "Lines of name and value, as passed on."},
      "body": {"type": "string", "description": "As text; bytes that are not UTF-8 show as U+FFFD."},
      "body_base64": {"type": "string", "description": "The exact bytes, where they are not UTF-8."},
      "others": {"type": "array", "items": {"type": "string"}, "description": "Further events that match it, as they are defined today; the first four."}}})"});
  to.push_back({"Delivery", R"({
    "type": "object", "additionalProperties": false,
    "required": ["message", "endpoint", "link", "event", "received_at", "test", "status", "attempts", "http_status", "error", "next_at"],
    "description": "One message to one endpoint.",
    "properties": {
      "message": {"type": "string"},
      "endpoint": {"type": ["string", "null"]},
      "link": {"type": ["string", "null"]},
      "event": {"type": ["string", "null"]},
      "received_at": {"$ref": "#/components/schemas/Timestamp"},
      "test": {"type": "boolean"},
      "status": {"type": "string", "enum": ["waiting", "retrying", "delivered", "dead"]},
      "attempts": {"type": "integer"},
      "http_status": {"type": "integer", "description": "Of the last attempt; 0: no answer."},
      "error": {"type": ["string", "null"], "description": "The class of the last attempt's error; null: the receiver answered."},
      "next_at": {"type": ["string", "null"], "format": "date-time", "description": "Of the next attempt, while retrying."}}})"});
  to.push_back({"Attempt", R"({
    "type": "object", "additionalProperties": false,
    "required": ["message", "endpoint", "attempt", "status", "http_status", "error", "started_at", "duration_us", "next_at",
                 "response_head", "response_body"],
    "description": "One HTTP try of a delivery.",
    "properties": {
      "message": {"type": "string"},
      "endpoint": {"type": ["string", "null"]},
      "attempt": {"type": "integer", "description": "1 for the first."},
      "status": {"type": "string", "enum": ["delivered", "retry", "dead"]},
      "http_status": {"type": "integer", "description": "0: no answer."},
      "error": {"type": ["string", "null"]},
      "started_at": {"$ref": "#/components/schemas/Timestamp"},
      "duration_us": {"type": "integer"},
      "next_at": {"type": ["string", "null"], "format": "date-time"},
      "response_head": {"type": "string", "description": "Header lines."},
      "response_body": {"type": "string", "description": "Its beginning."}}})"});
}

}  // namespace headrace::api
