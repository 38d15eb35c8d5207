// SPDX-License-Identifier: Apache-2.0
#include "tests/ingest/verification/signing.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>

#include "core/check.h"

namespace headrace::verification::test {
namespace {

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

}  // namespace

std::string hex(const std::string& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) / 16];
    text += kDigits[static_cast<unsigned char>(c) % 16];
  }
  return text;
}

std::string base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string base64url(const std::string& bytes) {
  std::string text = base64(bytes);
  text.erase(text.find_last_not_of('=') + 1);
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::string hmac(const char* hash, const std::string& key, const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  std::size_t size = 0;
  HEADRACE_CHECK(EVP_Q_mac(nullptr, "HMAC", nullptr, hash, nullptr, key.data(), key.size(),
                           bytes_of(bytes), bytes.size(), out.data(), out.size(),
                           &size) != nullptr);
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string sha256(const std::string& bytes) {
  std::array<unsigned char, 32> out{};
  HEADRACE_CHECK(EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), out.data(),
                              nullptr) == 1);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

// Bit by bit, as the polynomial says.
std::uint32_t crc32_of(const std::string& bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

const SigningKey& SigningKey::rsa() {
  static const SigningKey key(EVP_RSA_gen(2048));
  return key;
}
const SigningKey& SigningKey::other_rsa() {
  static const SigningKey key(EVP_RSA_gen(2048));
  return key;
}
const SigningKey& SigningKey::weak_rsa() {
  static const SigningKey key(EVP_RSA_gen(1024));
  return key;
}
const SigningKey& SigningKey::p256() {
  static const SigningKey key(EVP_EC_gen("P-256"));
  return key;
}
const SigningKey& SigningKey::other_p256() {
  static const SigningKey key(EVP_EC_gen("P-256"));
  return key;
}
const SigningKey& SigningKey::p384() {
  static const SigningKey key(EVP_EC_gen("P-384"));
  return key;
}
const SigningKey& SigningKey::ed25519() {
  static const SigningKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return key;
}
const SigningKey& SigningKey::other_ed25519() {
  static const SigningKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return key;
}

SigningKey::~SigningKey() { EVP_PKEY_free(key_); }

std::string SigningKey::sign(const char* hash, const std::string& bytes) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  HEADRACE_CHECK(EVP_DigestSignInit_ex(context, nullptr, hash, nullptr, nullptr, key_, nullptr) ==
                 1);
  std::string out(1024, '\0');
  std::size_t size = out.size();
  HEADRACE_CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size,
                                bytes_of(bytes), bytes.size()) == 1);
  EVP_MD_CTX_free(context);
  out.resize(size);
  return out;
}

std::string SigningKey::sign_plain(const std::string& bytes) const {
  const std::string der = sign("SHA256", bytes);
  const unsigned char* at = bytes_of(der);
  ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  std::string out(64, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), to, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), to + 32, 32);
  ECDSA_SIG_free(signature);
  return out;
}

std::string SigningKey::public_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  HEADRACE_CHECK(PEM_write_bio_PUBKEY(bio, key_) == 1);
  return text_of(bio);
}

std::string SigningKey::public_der() const {
  BIO* bio = BIO_new(BIO_s_mem());
  HEADRACE_CHECK(i2d_PUBKEY_bio(bio, key_) == 1);
  return text_of(bio);
}

std::string SigningKey::public_raw() const {
  std::string out(32, '\0');
  std::size_t size = out.size();
  EVP_PKEY_get_raw_public_key(key_, reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

std::string SigningKey::certificate_pem(long from, long to) const {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate), from);
  ASN1_TIME_set(X509_getm_notAfter(certificate), to);
  X509_set_pubkey(certificate, key_);
  HEADRACE_CHECK(X509_sign(certificate, key_, EVP_sha256()) != 0);
  BIO* bio = BIO_new(BIO_s_mem());
  HEADRACE_CHECK(PEM_write_bio_X509(bio, certificate) == 1);
  X509_free(certificate);
  return text_of(bio);
}

}  // namespace headrace::verification::test
