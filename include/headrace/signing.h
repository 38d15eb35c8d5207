// SPDX-License-Identifier: Apache-2.0
// How deliveries to an endpoint are signed, and the secrets of a workspace. Plain values; what each
// does is told in docs/delivery.md and docs/secrets.md.
//
// Threads: none of this is shared.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace headrace {

enum class SigningScheme : std::uint8_t {  // Frozen on disk.
  kV1 = 0,                                 // Standard Webhooks, HMAC: whsec_…
  kV1a = 1,                                // Standard Webhooks, Ed25519: whsk_… and whpk_…
  kGithub = 2,                             // X-Hub-Signature-256: sha256=…
  kStripe = 3,                             // Stripe-Signature: t=…,v1=…
  kNone = 4,                               // deliveries are not signed
};

// Members without a value keep what is there.
struct SigningPatch {
  std::optional<SigningScheme> scheme;  // default kV1
  std::optional<std::string> header;    // of kGithub and kStripe; empty: as those have it
  // What is signed with from now on, at once. Where none was ever given, one is made.
  std::optional<std::string> secret;
};

// As it is shown: never with a secret.
struct Signing {
  SigningScheme scheme = SigningScheme::kV1;
  std::string header;  // which carries the signature; empty: none does
  // Until then the secret before signs as well; milliseconds since 1970-01-01T00:00Z.
  std::optional<std::uint64_t> previous_until;
};

struct SigningRotation {
  // How long the one before signs, too: at most 30 days.
  std::chrono::milliseconds grace = std::chrono::hours(24);
  std::optional<std::string> secret;  // the new one; none: it is made
};

// What a receiver verifies with.
struct SigningSecret {
  Signing signing;
  std::string secret;  // "whsec_…"; of kV1a the public key, "whpk_…"
  std::uint64_t revision = 0;
};

// A secret that definitions name as $Secret{NAME}. Its value is never shown.
struct SecretInfo {
  std::string name;
  std::uint64_t created_at = 0;  // milliseconds since 1970-01-01T00:00Z
  std::uint64_t updated_at = 0;
  std::uint64_t revision = 0;
};

}  // namespace headrace
