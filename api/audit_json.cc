// SPDX-License-Identifier: Apache-2.0
#include "api/audit_json.h"

#include "api/schemas.h"
#include "api/times.h"

namespace headrace::api {
namespace {

// "operator", or the id of a key: as the parameter `actor` takes it.
std::string name_of(const Actor& actor) {
  switch (actor.kind) {
    case ActorKind::kHost:
      return "host";
    case ActorKind::kOperator:
      return "operator";
    case ActorKind::kEngine:
      return "engine";
    case ActorKind::kKey:
      break;
  }
  return actor.key.to_string();
}

}  // namespace

void write(JsonWriter& json, const AuditEntry& entry) {
  json.begin_object();
  json.member("id", entry.id.to_string()).member("at", time_text(entry.at));
  json.member("number", entry.number).member("actor", name_of(entry.actor));
  json.member_or_null("address", entry.actor.address);
  json.member_or_null("request_id", entry.actor.request_id);
  json.member("action", entry.action).member("kind", entry.kind).member("name", entry.name);
  json.member_or_null("object", entry.object);
  json.key("changed").begin_array();
  for (const std::string& name : entry.changed) json.value(name);
  json.end_array();
  json.raw_or_null("before", entry.before).raw_or_null("after", entry.after);
  json.end_object();
}

void add_audit_schemas(std::vector<Component>& to) {
  to.push_back({"AuditEntry", R"({
    "type": "object", "additionalProperties": false,
    "required": ["id", "at", "number", "actor", "address", "request_id", "action", "kind", "name", "object", "changed", "before", "after"],
    "description": "One change: who made it, when, from where, and of what.",
    "properties": {
      "id": {"type": "string", "pattern": "^aud_[0-9A-Za-z]{22}$"},
      "at": {"$ref": "#/components/schemas/Timestamp"},
      "number": {"type": "integer", "description": "Of the workspace; one more than that of the entry before."},
      "actor": {"type": "string", "description": "operator, engine, host (the process that embeds the engine), or the id of a key."},
      "address": {"type": ["string", "null"], "description": "The client's."},
      "request_id": {"type": ["string", "null"], "description": "As in X-Request-Id."},
      "action": {"type": "string", "examples": ["create", "update", "delete", "rotate", "set_state", "erase"]},
      "kind": {"type": "string", "examples": ["webhook", "endpoint", "key", "secret", "job", "message"]},
      "name": {"type": "string", "examples": ["github/repo"]},
      "object": {"type": ["string", "null"], "description": "The id of what was changed, where it has one."},
      "changed": {"type": "array", "items": {"type": "string"}, "description": "Of an update: the members."},
      "before": {"type": ["object", "null"], "description": "Of an update the members that changed. Credentials read [hidden], what is long is its size and digest."},
      "after": {"type": ["object", "null"], "description": "Likewise."}}})"});
}

}  // namespace headrace::api
