// SPDX-License-Identifier: Apache-2.0
// Secrets, what endpoints sign with, and the master key.
#include "api/call.h"
#include "api/signing_json.h"

namespace headrace::api {
namespace {

using core::Method;

Reply put_secret(Call& call) {
  const Json& json = call.body.json();
  return answer(
      call.workspace->put_secret(call.value("secret"), text_member(json, "value"), call.options()));
}

Reply list_secrets(Call& call) { return listed(call.workspace->secrets(call.page())); }

Reply get_secret(Call& call) { return answer(call.workspace->secret(call.value("secret"))); }

Reply delete_secret(Call& call) {
  return deleted(call.workspace->delete_secret(call.value("secret"), call.options()));
}

Reply get_signing_secret(Call& call) {
  return answer(call.workspace->signing_secret(call.id<EndpointId>("endpoint")));
}

Reply rotate_signing_secret(Call& call) {
  Faults faults;
  const SigningRotation rotation = signing_rotation(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->rotate_signing_secret(call.id<EndpointId>("endpoint"), rotation,
                                                      call.options()));
}

Reply rotate_master_key(Call& call) { return deleted(call.services.engine.rotate_master_key()); }

void add_secrets(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/secrets",
                .access = Access::kRead,
                .id = "listSecrets",
                .tag = "Secrets",
                .summary = "List secrets",
                .description = "Their names. What they are is never shown.",
                .answers = {{200, "Secret", "A page of them, by name."}},
                .is_list = true,
                .handler = list_secrets});
  to.push_back({.method = Method::kGet,
                .path = "/v1/secrets/{secret}",
                .access = Access::kRead,
                .id = "getSecret",
                .tag = "Secrets",
                .summary = "Show when a secret was made and changed",
                .answers = {{200, "Secret", "The secret, without its value."}},
                .failures = {{404, "not_found"}},
                .has_etag = true,
                .handler = get_secret});
  to.push_back({.method = Method::kPut,
                .path = "/v1/secrets/{secret}",
                .access = Access::kWrite,
                .id = "putSecret",
                .tag = "Secrets",
                .summary = "Make or change a secret",
                .description = "Whatever names it as $Secret{NAME} uses the new value from now on.",
                .body = "SecretSpec",
                .answers = {{200, "Secret", "It is sealed."}},
                .has_etag = true,
                .takes_if_match = true,
                .handler = put_secret});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/secrets/{secret}",
                .access = Access::kWrite,
                .id = "deleteSecret",
                .tag = "Secrets",
                .summary = "Delete a secret",
                .description = "One that is in use only with `cascade`: deliveries that need it "
                               "then fail, and are tried again.",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_if_match = true,
                .takes_cascade = true,
                .handler = delete_secret});
}

}  // namespace

void add_secret_routes(std::vector<Route>& to) {
  add_secrets(to);
  to.push_back({.method = Method::kGet,
                .path = "/v1/endpoints/{endpoint}/signing-secret",
                .access = Access::kWrite,
                .id = "getSigningSecret",
                .tag = "Endpoints",
                .summary = "Show what a receiver verifies deliveries with",
                .answers = {{200, "SigningSecret", "The secret, or the public key of v1a."}},
                .failures = {{404, "not_found"}},
                .has_etag = true,
                .handler = get_signing_secret});
  to.push_back({.method = Method::kPost,
                .path = "/v1/endpoints/{endpoint}/signing-secret/rotate",
                .access = Access::kWrite,
                .id = "rotateSigningSecret",
                .tag = "Endpoints",
                .summary = "Sign with a new secret",
                .description =
                    "The one before signs as well for `grace` (default 24h), and a still "
                    "older one no more. The github scheme has room for the new one only.",
                .body = "SigningRotation",
                .body_is_optional = true,
                .answers = {{200, "SigningSecret", "The new one."}},
                .failures = {{404, "not_found"}},
                .has_etag = true,
                .takes_if_match = true,
                .answer_is_secret = true,
                .handler = rotate_signing_secret});
  to.push_back({.method = Method::kPost,
                .path = "/v1/master-key/rotate",
                .access = Access::kOperator,
                .id = "rotateMasterKey",
                .tag = "Secrets",
                .summary = "Seal all secrets under a new master key",
                .description =
                    "Only where the key is a file of the data directory. After a failure "
                    "nothing is lost, and a repeat goes on.",
                .answers = {{204, "", "The key before opens nothing any more."}},
                .failures = {{412, "precondition_failed"}},
                .handler = rotate_master_key});
}

}  // namespace headrace::api
