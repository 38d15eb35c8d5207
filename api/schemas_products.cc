// SPDX-License-Identifier: Apache-2.0
#include "api/schemas.h"

namespace headrace::api {
namespace {

// How an endpoint is reached and what it wants.
const std::string kSettings = R"(
      "url": {"$ref": "#/components/schemas/HttpUrl"},
      "method": {"type": "string", "maxLength": 16, "description": "Default POST."},
      "auth": {"description": "Credentials for the receiver.", "$ref": "#/components/schemas/RequestParts"},
      "events": {"type": ["array", "null"], "maxItems": 65536, "description": "Tags or their event parts; none: all.", "items": {"type": "string", "maxLength": 257}},
      "filter": {"type": ["object", "null"], "description": "Which messages it wants, see docs/selectors.md."},
      "signing": {"$ref": "#/components/schemas/SigningSettings"},
      "tls": {"$ref": "#/components/schemas/EndpointTls"},)" +
                              delivery_members();

// Members that the path says already; what they say must be the same.
const std::string kPathMembers = R"(
      "product": {"type": "string", "maxLength": 128, "description": "As in the path."},
      "product_tag": {"type": "string", "maxLength": 128, "description": "As in the path."},)";

void add_products(std::vector<Component>& to) {
  to.push_back({"Product", R"({
    "type": "object", "additionalProperties": false, "required": ["tag", "connections", "endpoints", "links"],
    "description": "It is there as long as it has a connection, an endpoint or a link.",
    "properties": {
      "tag": {"$ref": "#/components/schemas/Tag"},
      "connections": {"type": "integer"},
      "endpoints": {"type": "integer"},
      "links": {"type": "integer"}}})"});
  to.push_back({"ConnectionSpec", R"({
    "type": "object", "additionalProperties": false, "required": ["app"],
    "properties": {)" + kPathMembers + R"(
      "access_tag": {"type": "string", "maxLength": 128, "description": "As in the path."},
      "app": {"$ref": "#/components/schemas/Tag"}}})"});
  to.push_back({"Connection", R"({
    "type": "object", "additionalProperties": false, "required": ["product", "access_tag", "app", "revision"],
    "description": "The name under which a product knows an app. Without one, the app's own tag serves.",
    "properties": {
      "product": {"$ref": "#/components/schemas/Tag"},
      "access_tag": {"$ref": "#/components/schemas/Tag"},
      "app": {"$ref": "#/components/schemas/Tag"},
      "revision": {"type": "integer"}}})"});
}

void add_registrations(std::vector<Component>& to) {
  to.push_back({"EnableEnv", R"({
    "type": "object", "additionalProperties": false, "required": ["slug"],
    "description": "url and method are the receiver's. auth is the provider's where the env has a registration URL, else the receiver's.",
    "properties": {
      "slug": {"$ref": "#/components/schemas/EnvSlug"},
      "delivery_auth": {"description": "The receiver's credentials, where auth is the provider's.", "$ref": "#/components/schemas/RequestParts"},)" +
                                 kSettings + "}}"});
  to.push_back({"EnableSpec", R"({
    "type": "object", "additionalProperties": false, "required": ["access_tag", "webhook_tag", "envs"],
    "properties": {)" + kPathMembers +
                                  R"(
      "access_tag": {"$ref": "#/components/schemas/Tag"},
      "webhook_tag": {"$ref": "#/components/schemas/Tag"},
      "envs": {"type": "array", "minItems": 1, "maxItems": 64, "items": {"$ref": "#/components/schemas/EnableEnv"}},
      "wait": {"$ref": "#/components/schemas/Duration"}}})"});
  to.push_back({"DisableSpec", R"({
    "type": "object", "additionalProperties": false, "required": ["access_tag", "webhook_tag"],
    "properties": {)" + kPathMembers +
                                   R"(
      "access_tag": {"$ref": "#/components/schemas/Tag"},
      "webhook_tag": {"$ref": "#/components/schemas/Tag"},
      "envs": {"type": "array", "maxItems": 64, "description": "Default: all that are enabled.", "items": {"$ref": "#/components/schemas/EnvSlug"}}}})"});
  to.push_back({"RegistrationCall", R"({
    "type": "object", "additionalProperties": false,
    "required": ["message", "attempts", "http_status", "error", "response", "called_at", "next_at"],
    "description": "The call to the provider; its attempts are listed like a delivery's.",
    "properties": {
      "message": {"type": "string"},
      "attempts": {"type": "integer"},
      "http_status": {"type": "integer", "description": "Of the last one; 0: no answer."},
      "error": {"type": ["string", "null"]},
      "response": {"type": "string", "description": "The beginning of the last answer's body."},
      "called_at": {"type": ["string", "null"], "format": "date-time"},
      "next_at": {"type": ["string", "null"], "format": "date-time", "description": "Of the next attempt, while pending."}}})"});
  to.push_back({"RegistrationEnv", R"({
    "type": "object", "additionalProperties": false,
    "required": ["slug", "url", "method", "endpoint", "link", "link_id", "status", "call"],
    "properties": {
      "slug": {"$ref": "#/components/schemas/EnvSlug"},
      "url": {"type": "string"},
      "method": {"type": "string"},
      "endpoint": {"type": ["string", "null"], "description": "Null once it is disabled."},
      "link": {"type": ["string", "null"], "description": "Null once it is disabled."},
      "link_id": {"type": ["string", "null"]},
      "status": {"type": "string", "enum": ["enabled", "pending", "registered", "failed", "unregistering", "disabled"]},
      "call": {"oneOf": [{"$ref": "#/components/schemas/RegistrationCall"}, {"type": "null"}]}}})"});
  to.push_back({"Registration", R"({
    "type": "object", "additionalProperties": false, "required": ["product", "access_tag", "app", "webhook_tag", "envs"],
    "description": "A product's use of one webhook.",
    "properties": {
      "product": {"$ref": "#/components/schemas/Tag"},
      "access_tag": {"$ref": "#/components/schemas/Tag"},
      "app": {"$ref": "#/components/schemas/Tag"},
      "webhook_tag": {"$ref": "#/components/schemas/Tag"},
      "envs": {"type": "array", "items": {"$ref": "#/components/schemas/RegistrationEnv"}}}})"});
}

void add_endpoints(std::vector<Component>& to) {
  to.push_back({"EndpointTls", R"({
    "type": ["object", "null"], "additionalProperties": false,
    "description": "TLS to the receiver, see docs/outbound.md; null: the engine's roots, and no certificate of ours. A key that is no $Secret{} is not shown.",
    "properties": {
      "ca": {"type": ["string", "null"], "maxLength": 65536, "description": "PEM: whom to trust, and nobody else."},
      "certificate": {"type": ["string", "null"], "maxLength": 65536, "description": "PEM: what we show, with what leads to its root."},
      "key": {"type": ["string", "null"], "maxLength": 65536, "description": "PEM, or $Secret{NAME}."},
      "pins": {"type": ["array", "null"], "maxItems": 16, "description": "sha256// and the base64 of the SHA-256 of a public key: one of them must be the receiver's.", "items": {"type": "string", "maxLength": 64}}}})"});
  to.push_back({"EndpointSpec", R"({
    "type": "object", "additionalProperties": false, "required": ["access_tag", "webhook_tag", "env", "url"],
    "properties": {)" + kPathMembers +
                                    R"(
      "access_tag": {"$ref": "#/components/schemas/Tag"},
      "webhook_tag": {"$ref": "#/components/schemas/Tag"},
      "env": {"$ref": "#/components/schemas/EnvSlug"},
      "state": {"$ref": "#/components/schemas/EndpointState"},)" +
                                    kSettings + "}}"});
  to.push_back({"EndpointPatch", R"({
    "type": "object", "additionalProperties": false,
    "description": "Members that are not given stay as they are; null clears.",
    "properties": {
      "state": {"$ref": "#/components/schemas/EndpointState"},)" +
                                     kSettings + "}}"});
  to.push_back({"Endpoint", R"({
    "type": "object", "additionalProperties": false,
    "required": ["id", "product", "access_tag", "app", "webhook", "env", "url", "method", "auth", "events", "filter", "tls",
                 )" +
                                delivery_names() + R"(,
                 "signing", "state", "state_reason", "state_since", "drained", "link", "link_id", "revision"],
    "properties": {
      "id": {"type": "string", "pattern": "^ep_[0-9A-Za-z]{22}$"},
      "product": {"$ref": "#/components/schemas/Tag"},
      "access_tag": {"$ref": "#/components/schemas/Tag"},
      "app": {"$ref": "#/components/schemas/Tag"},
      "webhook": {"$ref": "#/components/schemas/Tag"},
      "env": {"$ref": "#/components/schemas/EnvSlug"},
      "url": {"type": "string"},
      "method": {"type": "string"},
      "auth": {"$ref": "#/components/schemas/RequestParts"},
      "events": {"type": "array", "items": {"type": "string"}, "description": "Full tags; empty: all."},
      "filter": {"type": ["object", "null"], "description": "Null: none."},
      "tls": {"$ref": "#/components/schemas/EndpointTls"},
)" + delivery_members() + R"(,
      "signing": {"$ref": "#/components/schemas/Signing"},
      "state": {"$ref": "#/components/schemas/EndpointState"},
      "state_reason": {"type": "string", "enum": ["manual", "gone", "failing"], "description": "manual: somebody said so; gone: it answered 410; failing: nothing but failures for disable_after."},
      "state_since": {"$ref": "#/components/schemas/Timestamp"},
      "drained": {"type": ["boolean", "null"], "description": "Whether nothing is under way and nothing waits; null in lists and answers to changes. No part of the ETag."},
      "link": {"type": "string", "description": "What is posted there goes to this endpoint."},
      "link_id": {"type": "string", "pattern": "^lnk_[0-9A-Za-z]{22}$"},
      "revision": {"type": "integer"}}})"});
}

void add_links(std::vector<Component>& to) {
  to.push_back({"LinkSpec", R"({
    "type": "object", "additionalProperties": false,
    "description": "access_tag (or app), env (or product_env), and webhook_tag or event are needed. With an event it is an event link; with a url, the product's endpoint is made or updated.",
    "properties": {)" + kPathMembers +
                                R"(
      "access_tag": {"$ref": "#/components/schemas/Tag"},
      "app": {"$ref": "#/components/schemas/Tag"},
      "webhook_tag": {"$ref": "#/components/schemas/Tag"},
      "event": {"$ref": "#/components/schemas/EventTag"},
      "env": {"$ref": "#/components/schemas/EnvSlug"},
      "product_env": {"$ref": "#/components/schemas/EnvSlug"},
      "verification": {"description": "Instead of the env's, where the provider gives each customer another secret. Not given: as it is; null: as the env's. An event link without one has that of the product's link.", "$ref": "#/components/schemas/Verification"},)" +
                                kSettings + "}}"});
  to.push_back({"RotateSpec", R"({
    "type": "object", "additionalProperties": false,
    "properties": {"grace": {"$ref": "#/components/schemas/Duration"}}})"});
  const std::string required =
      R"("required": ["id", "kind", "url", "app", "webhook", "env", "product", "access_tag", "event", "previous_until", "verification", "warnings", "revision")";
  const std::string members = R"(
      "id": {"type": "string", "pattern": "^lnk_[0-9A-Za-z]{22}$"},
      "kind": {"type": "string", "enum": ["app", "product", "event"], "description": "app: to every endpoint of the webhook and env that takes messages; product: to the product's; event: likewise, and the selector is not consulted."},
      "url": {"type": "string", "description": "What providers post to."},
      "app": {"$ref": "#/components/schemas/Tag"},
      "webhook": {"$ref": "#/components/schemas/Tag"},
      "env": {"$ref": "#/components/schemas/EnvSlug"},
      "product": {"type": ["string", "null"]},
      "access_tag": {"type": ["string", "null"]},
      "event": {"type": ["string", "null"]},
      "previous_until": {"type": ["string", "null"], "format": "date-time", "description": "The URL before the last rotation works until then."},
      "verification": {"description": "Its own; null: as what it belongs to.", "$ref": "#/components/schemas/Verification"},
      "warnings": {"type": "array", "items": {"type": "string"}},
      "revision": {"type": "integer"})";
  to.push_back({"Link", R"({"type": "object", "additionalProperties": false, )" + required +
                            R"(], "properties": {)" + members + "}}"});
  to.push_back({"LinkResult", R"({"type": "object", "additionalProperties": false, )" + required +
                                  R"(, "endpoint", "link", "link_id"], "properties": {)" + members +
                                  R"(,
      "endpoint": {"type": ["string", "null"], "description": "Of the product's registration; null: it has none."},
      "link": {"type": "string", "description": "The url again."},
      "link_id": {"type": "string", "description": "The id again."}}})"});
}

}  // namespace

void add_product_schemas(std::vector<Component>& to) {
  add_products(to);
  add_delivery_schemas(to);
  add_registrations(to);
  add_endpoints(to);
  add_links(to);
}

}  // namespace headrace::api
