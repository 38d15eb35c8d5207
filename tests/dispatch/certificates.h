// SPDX-License-Identifier: Apache-2.0
// Certificates made on the spot: a root of the test's own, and servers with every fault a
// certificate can have.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace headrace::dispatch {

struct CertificateOptions {
  std::string host = "hooks.test";  // a DNS name, or an address when `address` is set
  bool address = false;
  bool expired = false;
  bool self_signed = false;  // not by the test's root
  bool common_name = false;  // the host stands there, as in old times
};

// A root, and the file that a client needs to trust it. The file is removed with it.
class TestRoot {
 public:
  TestRoot();
  ~TestRoot();
  TestRoot(const TestRoot&) = delete;
  TestRoot& operator=(const TestRoot&) = delete;

  const std::string& file() const noexcept { return file_; }
  std::string pem() const;

  struct FreeContext {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  using ServerContext = std::unique_ptr<SSL_CTX, FreeContext>;
  ServerContext server(const CertificateOptions& options) const;
  // Makes the server ask for a certificate of this root's.
  void require_client(SSL_CTX* server) const;

  struct Identity {  // as PEM
    std::string certificate, key;
  };
  Identity client() const;

 private:
  EVP_PKEY* key_;
  X509* certificate_;
  std::string file_;
};

// Of the server's certificate.
std::string pem_of(SSL_CTX* server);
std::string pin_of(SSL_CTX* server);  // "sha256//…"
// The key, encrypted with a password that nobody is asked for.
std::string encrypted(const std::string& key_pem);

}  // namespace headrace::dispatch
