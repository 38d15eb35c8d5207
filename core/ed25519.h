// SPDX-License-Identifier: Apache-2.0
// Ed25519 (RFC 8032). Threads: a key may be used by all at once.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

typedef struct evp_pkey_st EVP_PKEY;

namespace headrace::core {

struct FreePkey {
  void operator()(EVP_PKEY* key) const noexcept;
};

class Ed25519PublicKey {
 public:
  static constexpr std::size_t kBytes = 32;
  static constexpr std::size_t kSignatureBytes = 64;

  // None: not 32 bytes.
  static std::optional<Ed25519PublicKey> from_bytes(std::string_view bytes);
  // False also for a signature that is not 64 bytes.
  bool verify(std::string_view message, std::string_view signature) const noexcept;

 private:
  std::unique_ptr<EVP_PKEY, FreePkey> key_;
};

class Ed25519PrivateKey {
 public:
  using Signature = std::array<char, Ed25519PublicKey::kSignatureBytes>;

  // From the seed, which is what is kept of a private key. None: not 32 bytes.
  static std::optional<Ed25519PrivateKey> from_seed(std::string_view seed);
  std::array<char, Ed25519PublicKey::kBytes> public_key() const noexcept;
  // None: out of memory. The message is one piece, as it is read twice.
  std::optional<Signature> sign(std::string_view message) const noexcept;

 private:
  std::unique_ptr<EVP_PKEY, FreePkey> key_;
};

}  // namespace headrace::core
