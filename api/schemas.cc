// SPDX-License-Identifier: Apache-2.0
#include "api/schemas.h"

namespace headrace::api {

const std::vector<Component>& components() {
  static const std::vector<Component> all = [] {
    std::vector<Component> list;
    add_common_schemas(list);
    add_app_schemas(list);
    add_product_schemas(list);
    add_history_schemas(list);
    add_job_schemas(list);
    add_audit_schemas(list);
    add_secret_schemas(list);
    return list;
  }();
  return all;
}

void add_common_schemas(std::vector<Component>& to) {
  to.push_back({"Tag", R"({
    "type": "string", "maxLength": 128, "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
    "description": "A name that people choose.", "examples": ["order_created"]})"});
  to.push_back({"EnvSlug", R"({
    "type": "string", "maxLength": 64, "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$",
    "description": "An environment of a webhook.", "examples": ["prd"]})"});
  to.push_back({"EventTag", R"({
    "type": "string", "maxLength": 257,
    "description": "WEBHOOK:EVENT, or where it is given only to find one, an event part that is unique in the app.",
    "examples": ["repo:push"]})"});
  to.push_back({"Timestamp", R"({
    "type": "string", "format": "date-time", "maxLength": 40,
    "description": "RFC 3339; shown with milliseconds in UTC.", "examples": ["2026-01-02T03:04:05.678Z"]})"});
  to.push_back({"Duration", R"({
    "type": ["string", "integer"], "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$", "minimum": 0, "maximum": 4294967295,
    "description": "A text like 5s, 250ms, 2m, 24h or 30d, or whole seconds.", "examples": ["5s", 120]})"});
  to.push_back({"HttpUrl", R"({
    "type": "string", "maxLength": 4096, "description": "http:// or https://", "examples": ["https://example.com/hook"]})"});
  to.push_back({"RequestParts", R"({
    "type": ["object", "null"], "additionalProperties": false,
    "description": "Parts of a request. Values may name secrets as $Secret{NAME}; shown, every other value of credentials reads [hidden].",
    "properties": {
      "headers": {"type": "object", "description": "Header lines by name."},
      "query": {"type": "object", "description": "Query parameters by name."},
      "body": {"description": "The body, any JSON."},
      "params": {"type": "object", "description": "What fills {name} and :name in the URL."}}})"});
  to.push_back({"Problem", R"({
    "type": "object", "additionalProperties": false,
    "description": "What went wrong (RFC 9457). `code` is stable, texts may change.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
      "type": {"type": "string", "examples": ["urn:headrace:problem:not_found"]},
      "title": {"type": "string", "description": "The status in words."},
      "status": {"type": "integer"},
      "detail": {"type": "string", "description": "One sentence."},
      "instance": {"type": "string", "description": "The path that was asked for."},
      "code": {"type": "string", "examples": ["not_found"]},
      "request_id": {"type": "string", "description": "As in X-Request-Id."},
      "errors": {
        "type": "array", "maxItems": 16,
        "description": "Each member of the body, by its JSON pointer, or query parameter that is at fault.",
        "items": {
          "type": "object", "additionalProperties": false, "required": ["detail"],
          "properties": {
            "pointer": {"type": "string"}, "parameter": {"type": "string"}, "detail": {"type": "string"}}}},
      "conflicts": {
        "type": "array", "maxItems": 16, "description": "What stands in the way.",
        "items": {
          "type": "object", "additionalProperties": false, "required": ["resource", "detail"],
          "properties": {
            "resource": {"type": "string", "description": "A kind and its name."}, "detail": {"type": "string"}}}},
      "position": {"type": "integer", "description": "Where in the body, or in the text at fault, counted in bytes from 0."}}})"});
  to.push_back({"Health", R"({
    "type": "object", "additionalProperties": false, "required": ["status"],
    "properties": {"status": {"const": "ok"}}})"});
  to.push_back({"WorkspaceSpec", R"({
    "type": "object", "additionalProperties": false, "required": ["tag", "name"],
    "properties": {
      "tag": {"$ref": "#/components/schemas/Tag"},
      "name": {"type": "string", "maxLength": 4096}}})"});
  to.push_back({"Workspace", R"({
    "type": "object", "additionalProperties": false, "required": ["tag", "name", "created_at"],
    "description": "A tenant: nothing of one is seen from another.",
    "properties": {
      "tag": {"$ref": "#/components/schemas/Tag"},
      "name": {"type": "string"},
      "created_at": {"$ref": "#/components/schemas/Timestamp"}}})"});
  to.push_back({"Scopes", R"({
    "type": "array", "minItems": 1, "maxItems": 4,
    "description": "read: to look; write: to change definitions; replay: to send; admin: all of these, to erase messages, to manage keys and to read the audit log.",
    "items": {"type": "string", "enum": ["read", "write", "replay", "admin"]}})"});
  to.push_back({"KeySpec", R"({
    "type": "object", "additionalProperties": false, "required": ["name", "scopes"],
    "properties": {
      "name": {"type": "string", "minLength": 1, "maxLength": 4096},
      "scopes": {"$ref": "#/components/schemas/Scopes"},
      "expires_at": {"type": ["string", "null"], "format": "date-time", "maxLength": 40, "description": "Default: never."}}})"});
  const std::string key = R"(
      "id": {"type": "string", "pattern": "^key_[0-9A-Za-z]{22}$"},
      "name": {"type": "string"},
      "scopes": {"$ref": "#/components/schemas/Scopes"},
      "created_at": {"$ref": "#/components/schemas/Timestamp"},
      "expires_at": {"type": ["string", "null"], "format": "date-time"},
      "last_used_at": {"type": ["string", "null"], "format": "date-time", "description": "To the hour across restarts."})";
  const std::string required =
      R"("required": ["id", "name", "scopes", "created_at", "expires_at", "last_used_at")";
  to.push_back({"Key", R"({"type": "object", "additionalProperties": false, )" + required +
                           R"(], "properties": {)" + key + "}}"});
  to.push_back(
      {"NewKey",
       R"({"type": "object", "additionalProperties": false, )" + required +
           R"(, "secret"], "properties": {)" + key +
           R"(, "secret": {"type": "string", "description": "The key itself, shown here and never again."}}})"});
  to.push_back({"Self", R"({
    "type": "object", "additionalProperties": false, "required": ["workspace", "scopes", "key"],
    "properties": {
      "workspace": {"$ref": "#/components/schemas/Tag"},
      "scopes": {"$ref": "#/components/schemas/Scopes"},
      "key": {"type": ["string", "null"], "description": "Its id; null: the operator's key."}}})"});
}

}  // namespace headrace::api
