// SPDX-License-Identifier: Apache-2.0
// Basic authentication (RFC 7617): a token that is the base64 of the user's name and password.
#include "core/encoding.h"
#include "ingest/verification/coded_schemes.h"
#include "ingest/verification/described_scheme.h"

namespace headrace::verification {

std::unique_ptr<const Scheme> make_basic(Settings& settings) {
  Description description;
  description.algorithm = Algorithm::kToken;
  description.header = "authorization";
  description.prefix = "Basic ";
  const std::string user = settings.required_text("username");
  if (user.find(':') != std::string::npos) settings.fail("username", "must have no colon");
  Credentials credentials;
  for (const Secret& password : settings.secrets("secrets")) {
    if (password.open || settings.failed()) continue;
    core::SecretBytes pair = core::SecretBytes::of_size(user.size() + 1 + password.text.size());
    (user + ":").copy(pair.data(), user.size() + 1);
    password.text.view().copy(pair.data() + user.size() + 1, password.text.size());
    core::SecretBytes token = core::SecretBytes::of_size(core::base64_size(pair.size()));
    core::write_base64(pair.view(), token.data());
    credentials.tokens.push_back(token_digest(token.view()));
  }
  if (!settings.has("secrets")) settings.fail("secrets", "must be given");
  return std::make_unique<DescribedScheme>(std::move(description), std::move(credentials));
}

}  // namespace headrace::verification
