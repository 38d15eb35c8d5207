// SPDX-License-Identifier: Apache-2.0
#include "api/schemas.h"

namespace headrace::api {
namespace {

const std::string kShown = R"(
      "scheme": {"$ref": "#/components/schemas/SigningScheme"},
      "header": {"type": ["string", "null"], "description": "What carries the signature; null: nothing does."},
      "previous_until": {"type": ["string", "null"], "format": "date-time", "description": "Until then the secret before signs as well."})";

}  // namespace

void add_secret_schemas(std::vector<Component>& to) {
  to.push_back({"SecretSpec", R"({
    "type": "object", "additionalProperties": false, "required": ["value"],
    "properties": {
      "value": {"type": "string", "minLength": 1, "maxLength": 65536, "description": "At most 64 KiB. It is never shown again."}}})"});
  to.push_back({"Secret", R"({
    "type": "object", "additionalProperties": false, "required": ["name", "created_at", "updated_at", "revision"],
    "description": "A value that definitions name as $Secret{NAME}.",
    "properties": {
      "name": {"type": "string", "pattern": "^[A-Za-z0-9_]{1,64}$"},
      "created_at": {"$ref": "#/components/schemas/Timestamp"},
      "updated_at": {"$ref": "#/components/schemas/Timestamp"},
      "revision": {"type": "integer"}}})"});
  to.push_back({"SigningScheme", R"({
    "type": "string", "enum": ["v1", "v1a", "github", "stripe", "none"],
    "description": "v1 (default): Standard Webhooks by HMAC; v1a: by Ed25519; github: X-Hub-Signature-256; stripe: Stripe-Signature; none: deliveries are not signed."})"});
  to.push_back({"SigningSettings", R"({
    "type": ["object", "null"], "additionalProperties": false,
    "description": "How deliveries are signed. Null: as they come, v1. A secret is made where none is given.",
    "properties": {
      "scheme": {"$ref": "#/components/schemas/SigningScheme"},
      "header": {"type": ["string", "null"], "maxLength": 64, "description": "Of github and stripe: another header than theirs."},
      "secret": {"type": ["string", "null"], "maxLength": 512, "description": "whsec_ and base64, of v1a whsk_ and base64, of github and stripe any text. It signs from now on; the one before no more."}}})"});
  to.push_back({"Signing", R"({
    "type": "object", "additionalProperties": false, "required": ["scheme", "header", "previous_until"],
    "description": "How deliveries are signed.",
    "properties": {)" + kShown +
                               "}}"});
  to.push_back({"SigningSecret", R"({
    "type": "object", "additionalProperties": false, "required": ["scheme", "header", "previous_until", "secret", "revision"],
    "properties": {)" + kShown + R"(,
      "secret": {"type": "string", "description": "whsec_…, or of v1a the public key, whpk_…"},
      "revision": {"type": "integer"}}})"});
  to.push_back({"SigningRotation", R"({
    "type": "object", "additionalProperties": false,
    "properties": {
      "grace": {"$ref": "#/components/schemas/Duration"},
      "secret": {"type": "string", "maxLength": 512, "description": "The new one; it is made where none is given."}}})"});
}

}  // namespace headrace::api
