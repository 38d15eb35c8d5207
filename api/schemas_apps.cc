// SPDX-License-Identifier: Apache-2.0
#include "api/schemas.h"

namespace headrace::api {
namespace {

// What an env is given with, new or changed.
const std::string kEnvMembers = R"(
      "slug": {"$ref": "#/components/schemas/EnvSlug"},
      "registration_url": {"type": ["string", "null"], "maxLength": 4096, "description": "Where enabling calls the provider; {name} and :name are filled from params. None: links are pasted by hand."},
      "method": {"type": "string", "maxLength": 16, "description": "Of the registration; default POST."},
      "sample": {"description": "What credentials for the registration look like.", "$ref": "#/components/schemas/RequestParts"},
      "unregistration_url": {"type": ["string", "null"], "maxLength": 4096, "description": "What disabling calls; placeholders also from the registration's answer."},
      "unregistration_method": {"type": "string", "maxLength": 16, "description": "Default DELETE."},
      "verification": {"$ref": "#/components/schemas/Verification"})";

const std::string kWebhookMembers = R"(
      "name": {"type": "string", "maxLength": 4096},
      "description": {"type": ["string", "null"], "maxLength": 4096},
      "payload": {"type": "string", "enum": ["json", "raw"], "description": "raw: take bodies that are declared JSON and are not."},
      "body_bytes_max": {"type": "integer", "minimum": 1, "maximum": 67108864, "description": "Default 1 MiB."},
      "dedupe": {"type": ["string", "null"], "maxLength": 1024, "description": "A selector whose value names a message, when no header does."},
      "retention": {"description": "How long its messages are kept: 1m to 3650d. Default, null: as long as all others.", "$ref": "#/components/schemas/DurationOrNull"},)";

const std::string kEventMembers = R"(
      "name": {"type": "string", "maxLength": 4096},
      "description": {"type": ["string", "null"], "maxLength": 4096},
      "selector": {"type": "string", "maxLength": 1024, "description": "$Event{path}, $Header{name} or $Query{name}."},
      "selector_value": {"type": ["string", "null"], "maxLength": 4096, "description": "Default: the value in the sample, else the event part of the tag."},
      "selectorValue": {"type": ["string", "null"], "maxLength": 4096, "description": "The same."},
      "sample": {"type": ["object", "null"], "description": "A payload of this event, kept to the letter."})";

void add_webhooks(std::vector<Component>& to) {
  to.push_back({"App", R"({
    "type": "object", "additionalProperties": false, "required": ["tag", "webhooks"],
    "description": "It is there as long as it has a webhook.",
    "properties": {
      "tag": {"$ref": "#/components/schemas/Tag"},
      "webhooks": {"type": "integer", "description": "How many it has."}}})"});
  to.push_back({"Verification", R"({
    "type": ["object", "null"],
    "description": "Whose messages are taken, and how that is proved: {\"provider\": \"github\", \"secrets\": [\"$Secret{GITHUB}\"]}, see docs/verification.md. Null: anybody's. What is shown instead of a secret that is no $Secret{} is [hidden]."})"});
  to.push_back({"WebhookEnvSpec", R"({
    "type": "object", "additionalProperties": false, "required": ["slug"],
    "properties": {)" + kEnvMembers + "}}"});
  to.push_back({"WebhookSpec", R"({
    "type": "object", "additionalProperties": false, "required": ["tag", "name", "envs"],
    "properties": {
      "tag": {"$ref": "#/components/schemas/Tag"},)" +
                                   kWebhookMembers + R"(
      "envs": {"type": "array", "minItems": 1, "maxItems": 64, "items": {"$ref": "#/components/schemas/WebhookEnvSpec"}}}})"});
  to.push_back({"WebhookPatch", R"({
    "type": "object", "additionalProperties": false,
    "description": "Members that are not given stay as they are; null clears.",
    "properties": {)" + kWebhookMembers +
                                    R"(
      "envs": {"type": "array", "maxItems": 64, "description": "Merged by slug: a new one is added, others are kept.", "items": {"$ref": "#/components/schemas/WebhookEnvSpec"}}}})"});
  to.push_back({"WebhookEnv", R"({
    "type": "object", "additionalProperties": false, "required": ["slug", "link", "link_id", "verification"],
    "description": "The members of a registration are there only where there is a registration_url.",
    "properties": {
      "slug": {"$ref": "#/components/schemas/EnvSlug"},
      "link": {"type": "string", "description": "What is posted there goes to every endpoint of the webhook and env that takes messages."},
      "link_id": {"type": "string", "pattern": "^lnk_[0-9A-Za-z]{22}$"},
      "verification": {"$ref": "#/components/schemas/Verification"},
      "registration_url": {"type": "string"},
      "method": {"type": "string"},
      "sample": {"type": ["object", "null"]},
      "unregistration_url": {"type": ["string", "null"]},
      "unregistration_method": {"type": "string"}}})"});
  to.push_back({"Webhook", R"({
    "type": "object", "additionalProperties": false,
    "required": ["app", "tag", "name", "description", "envs", "payload", "body_bytes_max", "dedupe", "retention", "warnings", "revision"],
    "properties": {
      "app": {"$ref": "#/components/schemas/Tag"},
      "tag": {"$ref": "#/components/schemas/Tag"},
      "name": {"type": "string"},
      "description": {"type": "string"},
      "envs": {"type": "array", "items": {"$ref": "#/components/schemas/WebhookEnv"}},
      "payload": {"type": "string", "enum": ["json", "raw"]},
      "body_bytes_max": {"type": "integer"},
      "dedupe": {"type": ["string", "null"]},
      "retention": {"type": ["string", "null"]},
      "warnings": {"type": "array", "items": {"type": "string"}},
      "revision": {"type": "integer"}}})"});
}

void add_events(std::vector<Component>& to) {
  to.push_back({"EventSpec", R"({
    "type": "object", "additionalProperties": false, "required": ["tag", "name", "selector"],
    "properties": {
      "tag": {"$ref": "#/components/schemas/EventTag"},)" +
                                 kEventMembers + "}}"});
  to.push_back({"EventPatch", R"({
    "type": "object", "additionalProperties": false,
    "description": "Members that are not given stay as they are; selector_value null: it is worked out anew.",
    "properties": {)" + kEventMembers +
                                  "}}"});
  to.push_back({"Event", R"({
    "type": "object", "additionalProperties": false,
    "required": ["app", "tag", "name", "description", "selector", "selector_value", "sample", "warnings", "revision"],
    "properties": {
      "app": {"$ref": "#/components/schemas/Tag"},
      "tag": {"$ref": "#/components/schemas/EventTag"},
      "name": {"type": "string"},
      "description": {"type": "string"},
      "selector": {"type": "string"},
      "selector_value": {"type": "string", "description": "What the scalar at the selector must equal."},
      "sample": {"type": ["object", "null"]},
      "warnings": {"type": "array", "items": {"type": "string"}},
      "revision": {"type": "integer"}}})"});
}

void add_sends(std::vector<Component>& to) {
  const std::string body = R"(
      "body": {"type": "string", "description": "What is sent, instead of the sample."},
      "payload": {"description": "The same as any JSON, sent to the letter."},
      "content_type": {"type": "string", "minLength": 1, "maxLength": 256, "description": "Default application/json."})";
  to.push_back({"TriggerSpec", R"({
    "type": "object", "additionalProperties": false,
    "properties": {
      "env": {"$ref": "#/components/schemas/EnvSlug"},
      "product": {"type": "string", "maxLength": 128, "description": "Only its endpoint; default: every endpoint of the webhook and env."},)" +
                                   body + "}}"});
  to.push_back({"EndpointTestSpec", R"({
    "type": "object", "additionalProperties": false,
    "properties": {
      "event": {"type": "string", "maxLength": 257, "description": "Whose sample is sent; default: a small document that says what it is."},)" +
                                        body + "}}"});
  to.push_back({"TestSend", R"({
    "type": "object", "additionalProperties": false, "required": ["message", "event", "selected", "receivers"],
    "properties": {
      "message": {"type": "string", "pattern": "^msg_[0-9A-Za-z]{22}$"},
      "event": {"type": ["string", "null"]},
      "selected": {"type": "boolean", "description": "The selectors find this event in the body, too."},
      "receivers": {"type": "integer", "description": "How many endpoints it goes to."}}})"});
  to.push_back({"MatchRequest", R"({
    "type": "object", "additionalProperties": false,
    "properties": {
      "env": {"$ref": "#/components/schemas/EnvSlug"},
      "payload": {"description": "Any JSON, looked at to the letter."},
      "body": {"type": "string", "description": "The same as text."},
      "content_type": {"type": "string", "maxLength": 256},
      "headers": {"type": "object", "maxProperties": 128, "additionalProperties": {"type": "string", "maxLength": 8192}},
      "query": {"type": ["object", "string"], "maxLength": 8192, "maxProperties": 256, "additionalProperties": {"type": ["string", "number", "boolean"]}}}})"});
  to.push_back({"MatchReport", R"({
    "type": "object", "additionalProperties": false, "required": ["event", "others", "receivers"],
    "properties": {
      "event": {"type": ["string", "null"], "description": "Null: unmatched."},
      "others": {"type": "array", "items": {"type": "string"}, "description": "Further events that match; the first four."},
      "receivers": {
        "type": "array", "description": "Every endpoint of the webhook.",
        "items": {
          "type": "object", "additionalProperties": false, "required": ["endpoint", "product", "env", "reached", "reason"],
          "properties": {
            "endpoint": {"type": "string"},
            "product": {"type": "string"},
            "env": {"type": "string"},
            "reached": {"type": "boolean"},
            "reason": {"type": ["string", "null"], "description": "Why not; null when it is reached."}}}}}})"});
}

}  // namespace

void add_app_schemas(std::vector<Component>& to) {
  add_webhooks(to);
  add_events(to);
  add_sends(to);
}

}  // namespace headrace::api
