// SPDX-License-Identifier: Apache-2.0
#include "tests/dispatch/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>

#include "core/check.h"

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

}  // namespace

TestRoot::TestRoot() : key_(EVP_EC_gen("P-256")) {
  certificate_ = make_certificate(key_, "headrace test root", 1, -1, 30);
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
  X509* certificate =
      make_certificate(key, "server", 2, options.expired ? -10 : -1, options.expired ? -1 : 10);
  X509* issuer = options.self_signed ? certificate : certificate_;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
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

}  // namespace headrace::dispatch
