// SPDX-License-Identifier: Apache-2.0
// Signs what is delivered, so that a receiver knows who sent it, and that nobody changed it.
//
// What a secret needs is worked out once, when the signer is made. While a secret before is still
// good, its signature stands beside the new one. Immutable. Threads: any, at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/secret_bytes.h"
#include "headrace/result.h"

namespace headrace::dispatch {

enum class SignatureShape : std::uint8_t {
  // Standard Webhooks: "webhook-signature: v1,…" of id.time.body by an HMAC of SHA-256, where the
  // secret is "whsec_" and 16 to 64 bytes as base64; "v1a,…" by Ed25519, where it is "whsk_" and a
  // seed of 32 bytes, or one and its public key.
  kStandard,
  // "X-Hub-Signature-256: sha256=…", the hex HMAC of the body. There is room for one signature.
  kGithub,
  // "Stripe-Signature: t=…,v1=…", the hex HMAC of time.body. As in the one above the key is the
  // secret as it is written, prefix and all.
  kStripe,
};

// The header that carries it unless another one is named.
std::string_view default_header(SignatureShape shape) noexcept;

struct SigningKey;  // what is worked out of a secret

struct SignerSettings {
  SignatureShape shape = SignatureShape::kStandard;
  std::string header;  // empty: the shape's own. kStandard has no other
  core::SecretBytes secret;
  core::SecretBytes previous;       // empty: none
  core::WallMs previous_until = 0;  // before then its signature is sent as well
};

// What is signed, in this attempt.
struct Signed {
  std::string_view id;
  std::string_view timestamp;  // seconds, decimal
  std::string_view body;       // exactly as it is sent
  core::WallMs now = 0;
};

class Signer {
 public:
  static constexpr std::size_t kHeaderBytesMax = 64;
  // The longest line is that of two Ed25519 signatures.
  static constexpr std::size_t kLineBytesMax = kHeaderBytesMax + 5 + 2 * 92;

  // kInvalidArgument: a secret that is none of the shape, or a header name that is no token. The
  // text names no byte of a secret.
  static Result<std::shared_ptr<const Signer>> make(SignerSettings settings);
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  ~Signer();

  // Lower case.
  const std::string& header() const noexcept { return key_; }
  // Writes the line, with its end, and answers where it ends; null: memory ran out, which only an
  // Ed25519 signature can meet with. Allocates for that one alone. Requires: kLineBytesMax of room.
  char* write(const Signed& what, char* out) const noexcept;

 private:
  explicit Signer(SignatureShape shape);
  char* write_standard(const Signed& what, char* out) const noexcept;
  char* write_github(const Signed& what, char* out) const noexcept;
  char* write_stripe(const Signed& what, char* out) const noexcept;
  bool has_previous(core::WallMs now) const noexcept;

  SignatureShape shape_;
  std::string name_;  // of the header, with ": "
  std::string key_;
  std::unique_ptr<const SigningKey> current_;
  std::unique_ptr<const SigningKey> previous_;
  core::WallMs previous_until_ = 0;
};

// Whether `secret` can sign in that shape; kInvalidArgument says what one looks like.
Result<void> check_signing_secret(SignatureShape shape, std::string_view secret);
// Whether it is one of Ed25519, of which receivers get the public half.
bool is_asymmetric(std::string_view secret) noexcept;
// "whpk_…" of a "whsk_…". Requires: it is a secret of kStandard, and asymmetric.
std::string public_half(std::string_view secret);
// "whsec_…" of 32 random bytes, or "whsk_…".
core::SecretBytes new_signing_secret(bool asymmetric);

}  // namespace headrace::dispatch
