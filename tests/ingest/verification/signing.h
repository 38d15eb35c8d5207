// SPDX-License-Identifier: Apache-2.0
// How providers sign, worked out with OpenSSL alone: nothing of what is tested is used here.
#pragma once

#include <memory>
#include <string>

typedef struct evp_pkey_st EVP_PKEY;

namespace headrace::verification::test {

std::string hex(const std::string& bytes);
std::string base64(const std::string& bytes);
std::string base64url(const std::string& bytes);
// `hash` as OpenSSL names it: "SHA1", "SHA256", "SHA512".
std::string hmac(const char* hash, const std::string& key, const std::string& bytes);
std::string sha256(const std::string& bytes);
std::uint32_t crc32_of(const std::string& bytes);

// A key pair, made anew in each run.
class SigningKey {
 public:
  static const SigningKey& rsa();
  static const SigningKey& other_rsa();
  static const SigningKey& weak_rsa();
  static const SigningKey& p256();
  static const SigningKey& other_p256();
  static const SigningKey& p384();
  static const SigningKey& ed25519();
  static const SigningKey& other_ed25519();

  explicit SigningKey(EVP_PKEY* key) : key_(key) {}
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;
  ~SigningKey();

  // `hash` null for Ed25519. PKCS #1 1.5, DER or 64 bytes.
  std::string sign(const char* hash, const std::string& bytes) const;
  // r and s of 32 bytes each.
  std::string sign_plain(const std::string& bytes) const;
  std::string public_pem() const;
  std::string public_der() const;
  std::string public_raw() const;  // Ed25519 only
  // Valid between these seconds since 1970.
  std::string certificate_pem(long from, long to) const;

 private:
  EVP_PKEY* key_;
};

}  // namespace headrace::verification::test
