// SPDX-License-Identifier: Apache-2.0
#include "tests/dispatch/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>

#include "core/check.h"
#include "core/encoding.h"

namespace headrace::dispatch {

namespace {

constexpr long kDay = 24 * 60 * 60;

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  HEADRACE_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Valid from `from_days` to `to_days` relative to today.
X509* make_certificate(EVP_PKEY* key, const char* name, long serial, long from_days, long to_days) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from_days * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), to_days * kDay);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return certificate;
}

template <class Write>
std::string written(const Write& write) {
  BIO* out = BIO_new(BIO_s_mem());
  HEADRACE_CHECK(write(out) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free(out);
  return text;
}

}  // namespace

TestRoot::TestRoot() : key_(EVP_EC_gen("P-256")) {
  // Issuers are found by their names.
  static int count = 0;
  const std::string name = "headrace test root " + std::to_string(++count);
  certificate_ = make_certificate(key_, name.c_str(), 1, -1, 30);
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  add_extension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate_, certificate_, NID_key_usage, "critical,keyCertSign");
  HEADRACE_CHECK(X509_sign(certificate_, key_, EVP_sha256()) != 0);
  char path[] = "/tmp/headrace-root-XXXXXX";
  const int fd = mkstemp(path);
  HEADRACE_CHECK(fd >= 0);
  file_ = path;
  std::FILE* out = fdopen(fd, "w");
  PEM_write_X509(out, certificate_);
  std::fclose(out);
}

TestRoot::~TestRoot() {
  unlink(file_.c_str());
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

TestRoot::ServerContext TestRoot::server(const CertificateOptions& options) const {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = make_certificate(key, options.common_name ? options.host.c_str() : "server",
                                       2, options.expired ? -10 : -1, options.expired ? -1 : 10);
  X509* issuer = options.self_signed ? certificate : certificate_;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  if (!options.common_name)
    add_extension(certificate, issuer, NID_subject_alt_name,
                  (options.address ? "IP:" : "DNS:") + options.host);
  HEADRACE_CHECK(X509_sign(certificate, options.self_signed ? key : key_, EVP_sha256()) != 0);
  ServerContext context{SSL_CTX_new(TLS_server_method())};
  HEADRACE_CHECK(SSL_CTX_use_certificate(context.get(), certificate) == 1);
  HEADRACE_CHECK(SSL_CTX_use_PrivateKey(context.get(), key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

std::string TestRoot::pem() const {
  return written([this](BIO* out) { return PEM_write_bio_X509(out, certificate_); });
}

void TestRoot::require_client(SSL_CTX* server) const {
  SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  HEADRACE_CHECK(X509_STORE_add_cert(SSL_CTX_get_cert_store(server), certificate_) == 1);
  constexpr unsigned char kContext[] = {'t'};
  SSL_CTX_set_session_id_context(server, kContext, sizeof(kContext));
}

TestRoot::Identity TestRoot::client() const {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = make_certificate(key, "headrace", 3, -1, 10);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
  add_extension(certificate, certificate_, NID_ext_key_usage, "clientAuth");
  HEADRACE_CHECK(X509_sign(certificate, key_, EVP_sha256()) != 0);
  Identity made{written([&](BIO* out) { return PEM_write_bio_X509(out, certificate); }),
                written([&](BIO* out) {
                  return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
                })};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

std::string pem_of(SSL_CTX* server) {
  return written(
      [&](BIO* out) { return PEM_write_bio_X509(out, SSL_CTX_get0_certificate(server)); });
}

std::string pin_of(SSL_CTX* server) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(SSL_CTX_get0_certificate(server)), &bytes);
  std::string digest(32, '\0');
  EVP_Digest(bytes, static_cast<std::size_t>(size), reinterpret_cast<unsigned char*>(digest.data()),
             nullptr, EVP_sha256(), nullptr);
  OPENSSL_free(bytes);
  return "sha256//" + core::to_base64(digest);
}

std::string encrypted(const std::string& key_pem) {
  BIO* in = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  char password[] = "password";
  auto* const bytes = reinterpret_cast<unsigned char*>(password);
  std::string text = written([&](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), bytes, 8, nullptr, nullptr);
  });
  EVP_PKEY_free(key);
  return text;
}

}  // namespace headrace::dispatch
