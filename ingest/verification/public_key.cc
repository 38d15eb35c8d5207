// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/public_key.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <string>

#include "core/encoding.h"

namespace headrace::verification {
namespace {

constexpr int kRsaBitsMin = 2048;

struct Free {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const noexcept { ECDSA_SIG_free(signature); }
  void operator()(ASN1_TIME* time) const noexcept { ASN1_TIME_free(time); }
  void operator()(unsigned char* bytes) const noexcept { OPENSSL_free(bytes); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;
using OwnedKey = std::unique_ptr<EVP_PKEY, core::FreePkey>;

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const EVP_MD* openssl_hash(core::Hash hash) noexcept {
  switch (hash) {
    case core::Hash::kSha1:
      return EVP_sha1();
    case core::Hash::kSha256:
      return EVP_sha256();
    case core::Hash::kSha512:
      break;
  }
  return EVP_sha512();
}

Owned<BIO> reader_of(std::string_view text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

PublicKey::Kind kind_of(EVP_PKEY* key) noexcept {
  if (EVP_PKEY_is_a(key, "RSA") == 1) return PublicKey::Kind::kRsa;
  if (EVP_PKEY_is_a(key, "EC") != 1) return PublicKey::Kind::kOther;
  char curve[32];
  std::size_t size = 0;
  const bool p256 = EVP_PKEY_get_group_name(key, curve, sizeof(curve), &size) == 1 &&
                    std::string_view(curve, size) == "prime256v1";
  return p256 ? PublicKey::Kind::kEcP256 : PublicKey::Kind::kEcOther;
}

core::WallMs time_of(const ASN1_TIME* time, core::WallMs otherwise) noexcept {
  const Owned<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (epoch == nullptr || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return otherwise;
  const std::int64_t since = std::int64_t{days} * 86'400 + seconds;
  return since < 0 ? 0 : static_cast<core::WallMs>(since) * 1000;
}

// No password is ever asked for on a terminal.
int no_password(char*, int, int, void*) { return -1; }

OwnedKey key_of_der(std::string_view text) {
  std::string der(text.size(), '\0');
  const auto size = core::read_base64(text, der);
  if (!size) return nullptr;
  const unsigned char* at = bytes_of(der);
  OwnedKey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(*size)));
  return at == bytes_of(der) + *size ? std::move(key) : nullptr;
}

}  // namespace

PublicKey::PublicKey(OwnedKey key) noexcept : key_(std::move(key)), kind_(kind_of(key_.get())) {}

std::optional<PublicKey> PublicKey::from_text(std::string_view text) {
  const Owned<X509> certificate(
      PEM_read_bio_X509(reader_of(text).get(), nullptr, no_password, nullptr));
  OwnedKey key;
  if (certificate != nullptr) {
    key.reset(X509_get_pubkey(certificate.get()));
  } else {
    key.reset(PEM_read_bio_PUBKEY(reader_of(text).get(), nullptr, no_password, nullptr));
    if (key == nullptr) key = key_of_der(text);
  }
  ERR_clear_error();
  if (key == nullptr) return std::nullopt;
  PublicKey made(std::move(key));
  if (made.kind_ == Kind::kRsa && EVP_PKEY_get_bits(made.key_.get()) < kRsaBitsMin)
    return std::nullopt;
  if (certificate != nullptr) {
    // A time that cannot be read makes a certificate that is never valid.
    made.not_before_ = time_of(X509_get0_notBefore(certificate.get()), ~core::WallMs{0});
    made.not_after_ = time_of(X509_get0_notAfter(certificate.get()), 0);
  }
  return made;
}

bool PublicKey::verify(core::Hash hash, std::span<const std::string_view> pieces,
                       std::string_view signature) const noexcept {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  bool good =
      context != nullptr && !signature.empty() &&
      EVP_DigestVerifyInit(context.get(), nullptr, openssl_hash(hash), nullptr, key_.get()) == 1;
  for (const std::string_view piece : pieces)
    good = good && EVP_DigestVerifyUpdate(context.get(), piece.data(), piece.size()) == 1;
  good = good && EVP_DigestVerifyFinal(context.get(), bytes_of(signature), signature.size()) == 1;
  ERR_clear_error();
  return good;
}

bool PublicKey::verify_plain(core::Hash hash, std::string_view message,
                             std::string_view signature) const noexcept {
  constexpr std::size_t kHalf = 32;
  if (signature.size() != 2 * kHalf) return false;
  const Owned<ECDSA_SIG> made(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytes_of(signature), kHalf, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(signature) + kHalf, kHalf, nullptr);
  if (made == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(made.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return false;
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(made.get(), &der);
  const Owned<unsigned char> owned(der);
  return size > 0 && verify(hash, std::span(&message, 1),
                            {reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
}

}  // namespace headrace::verification
