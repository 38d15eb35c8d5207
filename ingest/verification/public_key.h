// SPDX-License-Identifier: Apache-2.0
// A provider's public key or certificate. Threads: may be used by all at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/clock.h"
#include "core/ed25519.h"
#include "core/hmac.h"

namespace headrace::verification {

class PublicKey {
 public:
  enum class Kind : std::uint8_t { kRsa, kEcP256, kEcOther, kOther };

  // A certificate or public key in PEM, or the base64 of a public key's DER. None: `text` is
  // neither, or an RSA key of less than 2048 bits.
  static std::optional<PublicKey> from_text(std::string_view text);
  explicit PublicKey(std::unique_ptr<EVP_PKEY, core::FreePkey> key) noexcept;

  Kind kind() const noexcept { return kind_; }
  // False before a certificate's time and after it.
  bool valid_at(core::WallMs now) const noexcept { return now >= not_before_ && now <= not_after_; }
  // Of the pieces, one behind the other: PKCS #1 1.5 for RSA, DER for ECDSA.
  bool verify(core::Hash hash, std::span<const std::string_view> pieces,
              std::string_view signature) const noexcept;
  // An ECDSA signature that is r and s, each of 32 bytes (RFC 7518 3.4).
  bool verify_plain(core::Hash hash, std::string_view message,
                    std::string_view signature) const noexcept;

 private:
  std::unique_ptr<EVP_PKEY, core::FreePkey> key_;
  Kind kind_ = Kind::kOther;
  core::WallMs not_before_ = 0;
  core::WallMs not_after_ = ~core::WallMs{0};
};

}  // namespace headrace::verification
