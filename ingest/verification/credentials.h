// SPDX-License-Identifier: Apache-2.0
// What proves a message besides its form: keys and secrets, read off the settings.
//
// Faults are in the settings' document. Of a secret that is still open there is no key.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ed25519.h"
#include "core/hmac.h"
#include "ingest/verification/description.h"
#include "ingest/verification/public_key.h"

namespace headrace::verification {

struct Credentials {
  std::vector<core::HmacKey> hmacs;
  std::vector<core::Digest> tokens;
  std::vector<core::Ed25519PublicKey> ed25519s;
  std::vector<PublicKey> public_keys;
  std::string url;  // without a query; empty: what the request was posted to
  std::unique_ptr<core::Digest> verify_token;  // of Meta's question; of the digest of the text
};

// Of the members `secrets`, `public_keys`, `url` and `verify_token`.
Credentials read_credentials(Settings& settings, const Description& description);

// Of the member `secrets`, which must be there.
std::vector<core::HmacKey> read_hmac_keys(Settings& settings, KeyForm form, core::Hash hash);
// Of an array of certificates or public keys, which must be there and of that kind.
std::vector<PublicKey> read_public_keys(Settings& settings, std::string_view name,
                                        PublicKey::Kind kind);
std::string read_url(Settings& settings);

// What a secret that is compared as it is, is kept as.
core::Digest token_digest(std::string_view token) noexcept;
bool equal_digests(const core::Digest& a, const core::Digest& b) noexcept;
// Whether `token` has one of these digests; takes the same time for each.
bool is_one_of(std::string_view token, const std::vector<core::Digest>& digests) noexcept;
// Of the member `secrets`, which must be there.
std::vector<core::Digest> read_tokens(Settings& settings);

}  // namespace headrace::verification
