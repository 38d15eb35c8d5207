// SPDX-License-Identifier: Apache-2.0
#include "core/ed25519.h"

#include <openssl/err.h>
#include <openssl/evp.h>

namespace headrace::core {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

void FreePkey::operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }

std::optional<Ed25519PublicKey> Ed25519PublicKey::from_bytes(std::string_view bytes) {
  Ed25519PublicKey made;
  if (bytes.size() == kBytes)
    made.key_.reset(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(bytes), bytes.size()));
  if (made.key_ == nullptr) return std::nullopt;
  return made;
}

bool Ed25519PublicKey::verify(std::string_view message, std::string_view signature) const noexcept {
  if (signature.size() != kSignatureBytes) return false;
  const Context context(EVP_MD_CTX_new());
  const bool good =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                       message.size()) == 1;
  ERR_clear_error();
  return good;
}

std::optional<Ed25519PrivateKey> Ed25519PrivateKey::from_seed(std::string_view seed) {
  Ed25519PrivateKey made;
  if (seed.size() == 32)
    made.key_.reset(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size()));
  if (made.key_ == nullptr) return std::nullopt;
  return made;
}

std::array<char, Ed25519PublicKey::kBytes> Ed25519PrivateKey::public_key() const noexcept {
  std::array<char, Ed25519PublicKey::kBytes> bytes{};
  std::size_t size = bytes.size();
  EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size);
  return bytes;
}

std::optional<Ed25519PrivateKey::Signature> Ed25519PrivateKey::sign(
    std::string_view message) const noexcept {
  Signature signature{};
  std::size_t size = signature.size();
  const Context context(EVP_MD_CTX_new());
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes_of(message), message.size()) != 1)
    return std::nullopt;
  return signature;
}

}  // namespace headrace::core
