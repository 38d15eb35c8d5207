// SPDX-License-Identifier: Apache-2.0
#include "tests/ingest/tls_files.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/check.h"

namespace headrace::test {
namespace {

X509* make_certificate(EVP_PKEY* key, const char* name, long serial) {
  constexpr long kDay = 24 * 60 * 60;
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 10 * kDay);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return certificate;
}

void add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  HEADRACE_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void write_certificate(const std::string& path, X509* certificate) {
  std::FILE* out = std::fopen(path.c_str(), "w");
  HEADRACE_CHECK(out != nullptr && PEM_write_X509(out, certificate) == 1);
  std::fclose(out);
}

}  // namespace

TlsFiles::TlsFiles() : root_key_(EVP_EC_gen("P-256")) {
  std::string made = (std::filesystem::temp_directory_path() / "headrace-tls-XXXXXX").string();
  HEADRACE_CHECK(mkdtemp(made.data()) != nullptr);
  folder_ = made;
  root_ = make_certificate(root_key_, "headrace test root", serial_);
  X509_set_issuer_name(root_, X509_get_subject_name(root_));
  add_extension(root_, root_, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(root_, root_, NID_key_usage, "critical,keyCertSign");
  HEADRACE_CHECK(X509_sign(root_, root_key_, EVP_sha256()) != 0);
  write_certificate(path("root.pem"), root_);
}

TlsFiles::~TlsFiles() {
  X509_free(root_);
  EVP_PKEY_free(root_key_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void TlsFiles::make(const std::string& name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = make_certificate(key, name.c_str(), ++serial_);
  X509_set_issuer_name(certificate, X509_get_subject_name(root_));
  add_extension(certificate, root_, NID_subject_alt_name, "DNS:hooks.test");
  HEADRACE_CHECK(X509_sign(certificate, root_key_, EVP_sha256()) != 0);
  write_certificate(path(name + ".pem"), certificate);
  std::FILE* out = std::fopen(path(name + ".key").c_str(), "w");
  HEADRACE_CHECK(PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  std::fclose(out);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

void TlsFiles::write(const std::string& file, std::string_view text) const {
  std::ofstream(path(file), std::ios::trunc) << text;
}

TlsClient::TlsClient(TcpClient& tcp, const TlsClientOptions& options)
    : tcp_(tcp),
      context_(SSL_CTX_new(TLS_client_method())),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())) {
  SSL_CTX_set_security_level(context_, 0);  // or it would not even offer what must be refused
  SSL_CTX_set_min_proto_version(context_, options.version_min);
  SSL_CTX_set_max_proto_version(context_, options.version_max);
  if (options.certificate != nullptr) {
    const TlsFiles& files = *options.certificate;
    SSL_CTX_use_certificate_file(context_, files.path("client.pem").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, files.path("client.key").c_str(), SSL_FILETYPE_PEM);
  }
  ssl_ = SSL_new(context_);
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_connect_state(ssl_);
  if (!options.protocols.empty())
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(options.protocols.data()),
                        static_cast<unsigned>(options.protocols.size()));
  if (options.session != nullptr) SSL_set_session(ssl_, options.session);
}

TlsClient::~TlsClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

void TlsClient::move_bytes() {
  char bytes[16384];
  for (int size = 0; (size = BIO_read(out_, bytes, sizeof(bytes))) > 0;)
    unsent_.append(bytes, static_cast<std::size_t>(size));
  unsent_.erase(0, tcp_.send(unsent_));
  tcp_.poll();
  const std::string_view fresh = std::string_view(tcp_.received()).substr(given_);
  if (!fresh.empty()) BIO_write(in_, fresh.data(), static_cast<int>(fresh.size()));
  given_ += fresh.size();
}

void TlsClient::poll() {
  move_bytes();
  if (failed_) return;
  ERR_clear_error();
  char bytes[16384];
  int size = established() ? 1 : SSL_do_handshake(ssl_);
  while (established() && (size = SSL_read(ssl_, bytes, sizeof(bytes))) > 0)
    received_.append(bytes, static_cast<std::size_t>(size));
  const int error = SSL_get_error(ssl_, size);
  ended_ = ended_ || error == SSL_ERROR_ZERO_RETURN;
  failed_ = error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL;
  move_bytes();
}

void TlsClient::write(std::string_view plain) {
  HEADRACE_CHECK(SSL_write(ssl_, plain.data(), static_cast<int>(plain.size())) ==
                 static_cast<int>(plain.size()));
  move_bytes();
}

void TlsClient::end() {
  SSL_shutdown(ssl_);
  move_bytes();
}

long TlsClient::serial() const {
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  const long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
  X509_free(certificate);
  return serial;
}

}  // namespace headrace::test
