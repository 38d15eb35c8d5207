// SPDX-License-Identifier: Apache-2.0
// TLS of a load: a context for all of its connections, and a channel for each.
//
// The server's certificate must lead to a trusted root and name the host, unless it is not to be
// checked. Each connection makes a whole handshake: none resumes the session of another.
// Threads: a context may be shared; a channel belongs to one. Limits: OpenSSL allocates as it
// likes.
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "headrace/result.h"

namespace headrace::bench_tools {

struct LoadTlsOptions {
  std::string host;        // a name, or an address without brackets
  std::string roots_file;  // PEM, beside the system's; empty: none
  bool is_checked = true;  // false: any certificate will do
};

class LoadTls {
 public:
  // kInvalidArgument: the file of roots cannot be read; kUnavailable.
  static Result<std::shared_ptr<const LoadTls>> make(const LoadTlsOptions& options);

 private:
  friend class LoadChannel;
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    void operator()(BIO_METHOD* method) const noexcept { BIO_meth_free(method); }
  };
  explicit LoadTls(const LoadTlsOptions& options) : options_(options) {}
  // Null: no memory.
  std::unique_ptr<SSL, Free> make_ssl(int fd) const noexcept;

  const LoadTlsOptions options_;
  std::unique_ptr<BIO_METHOD, Free> socket_;  // outlives what is made by it
  std::unique_ptr<SSL_CTX, Free> context_;
};

class LoadChannel {
 public:
  // At most so many bytes go into a record, and so into one write.
  static constexpr std::size_t kRecordBytesMax = 16 * 1024;

  enum class Step : std::uint8_t { kDone, kWait, kFailed };

  // Over a connected socket, which stays the caller's. False: no memory.
  bool start(const LoadTls& tls, int fd) noexcept;
  Step handshake() noexcept;
  // As recv() and send() of a socket that does not block: 0 at the end of what the peer sends, -1
  // with errno, EAGAIN among it. What was not taken is offered again with the same bytes.
  ssize_t read(char* out, std::size_t size) noexcept;
  ssize_t write(const char* bytes, std::size_t size) noexcept;
  // Whether what arrived while nothing was asked for means nothing, such as a session ticket.
  bool is_quiet() noexcept;
  // Says goodbye, if that can be done at once. Before the socket is closed.
  void stop() noexcept;

  // Why the last handshake failed.
  std::string fault() const;

 private:
  ssize_t result_of(int result) noexcept;

  std::unique_ptr<SSL, LoadTls::Free> ssl_;
  bool is_broken_ = true;  // nothing may be said any more
};

}  // namespace headrace::bench_tools
