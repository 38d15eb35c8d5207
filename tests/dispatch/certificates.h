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
};

// A root, and the file that a client needs to trust it. The file is removed with it.
class TestRoot {
 public:
  TestRoot();
  ~TestRoot();
  TestRoot(const TestRoot&) = delete;
  TestRoot& operator=(const TestRoot&) = delete;

  const std::string& file() const noexcept { return file_; }

  struct FreeContext {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  using ServerContext = std::unique_ptr<SSL_CTX, FreeContext>;
  ServerContext server(const CertificateOptions& options) const;

 private:
  EVP_PKEY* key_;
  X509* certificate_;
  std::string file_;
};

}  // namespace headrace::dispatch
