// SPDX-License-Identifier: Apache-2.0
// A server's files, made on the spot, and a client that speaks TLS to it through a TcpClient.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "tests/support/tcp_client.h"

namespace headrace::test {

// A folder with root.pem, and certificates from it: NAME.pem with NAME.key. Removed with it.
class TlsFiles {
 public:
  TlsFiles();
  ~TlsFiles();
  TlsFiles(const TlsFiles&) = delete;
  TlsFiles& operator=(const TlsFiles&) = delete;

  // Over what is there of that name.
  void make(const std::string& name);
  void write(const std::string& file, std::string_view text) const;
  std::string path(const std::string& file) const { return folder_ + "/" + file; }

 private:
  std::string folder_;
  EVP_PKEY* root_key_;
  X509* root_;
  long serial_ = 1;
};

struct TlsClientOptions {
  int version_min = TLS1_2_VERSION;
  int version_max = TLS1_3_VERSION;
  std::string_view protocols{};           // ALPN's list as it is on the wire
  const TlsFiles* certificate = nullptr;  // shows its "client"
  SSL_SESSION* session = nullptr;
};

class TlsClient {
 public:
  TlsClient(TcpClient& tcp, const TlsClientOptions& options);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // Goes on with the handshake, or reads; moves bytes both ways as far as the kernel lets it.
  void poll();
  void write(std::string_view plain);
  void end();

  bool established() const noexcept { return SSL_is_init_finished(ssl_) == 1; }
  bool failed() const noexcept { return failed_; }
  bool told_of_the_end() const noexcept { return ended_; }
  const std::string& received() const noexcept { return received_; }
  SSL* native() const noexcept { return ssl_; }
  // The serial number of the server's certificate.
  long serial() const;

 private:
  void move_bytes();

  TcpClient& tcp_;
  SSL_CTX* context_;
  SSL* ssl_;
  BIO* in_;
  BIO* out_;
  std::size_t given_ = 0;
  std::string unsent_;
  std::string received_;
  bool failed_ = false;
  bool ended_ = false;
};

}  // namespace headrace::test
