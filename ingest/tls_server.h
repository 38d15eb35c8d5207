// SPDX-License-Identifier: Apache-2.0
// TLS towards clients, over memory: bytes of the socket in, bytes of the socket out, no I/O of its
// own.
//
// TLS 1.2 with forward secrecy and authenticated ciphers, and 1.3; no renegotiation, no early data,
// no compression. ALPN: a client that names protocols must name http/1.1 (RFC 7301 section 3.2).
// Sessions are resumed by tickets whose keys live as long as a loaded certificate, in this process
// only. Threads: a TlsServer is shared by all loops and may be reloaded from any thread; a
// TlsServerStream belongs to one loop.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "headrace/result.h"

namespace headrace::ingest {

struct TlsServerOptions {
  std::string certificate_file;  // PEM: the certificate, then those that lead to its root
  std::string key_file;          // PEM, not encrypted
  std::string client_ca_file;    // PEM; clients must show a certificate from it. Empty: none asked
};

class TlsServer {
 public:
  // kInvalidArgument: a file cannot be read, or key and certificate are not a pair; the text names
  // the file and what OpenSSL says of it.
  static Result<std::unique_ptr<TlsServer>> make(TlsServerOptions options);

  // Reads the files again. New handshakes use what they say now; connections that are there go on.
  // The errors of make(), and then everything stays as it was.
  Result<void> reload();

  // A new stream's state; null: out of memory.
  SSL* new_stream() const;

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  using Context = std::unique_ptr<SSL_CTX, Free>;

  explicit TlsServer(TlsServerOptions options) noexcept : options_(std::move(options)) {}
  Result<Context> load() const;

  const TlsServerOptions options_;
  mutable std::mutex mutex_;  // taken once a connection, against a reload
  Context context_;
};

class TlsServerStream {
 public:
  enum class Step : std::uint8_t { kDone, kNeedMore, kClosed, kFailed };

  TlsServerStream() = default;
  TlsServerStream(const TlsServerStream&) = delete;
  TlsServerStream& operator=(const TlsServerStream&) = delete;
  ~TlsServerStream();

  // False: out of memory.
  bool start(const TlsServer& server);
  bool established() const noexcept { return established_; }

  // What came from the socket. It must stay valid until keep_rest(), which copies what is not yet
  // used.
  void receive(std::string_view ciphertext);
  void keep_rest();
  // kFailed: an alert may be in outgoing().
  Step handshake() noexcept;
  // kDone: `size` bytes of plain text are in `out`. kClosed: the client ended the stream in order.
  Step read(std::span<char> out, std::size_t& size) noexcept;
  bool write(std::string_view plain) noexcept;  // Requires: established.
  // Says that nothing more comes (close_notify), once.
  void end() noexcept;

  // What has to go to the socket; whoever sends it takes it out.
  std::string& outgoing() noexcept { return outgoing_; }
  const std::string& outgoing() const noexcept { return outgoing_; }

 private:
  static const BIO_METHOD* method();
  static int bio_write(BIO* bio, const char* data, int size);
  static int bio_read(BIO* bio, char* data, int size);
  static long bio_ctrl(BIO* bio, int command, long number, void* pointer);
  Step step_of(int result) noexcept;

  SSL* ssl_ = nullptr;
  bool established_ = false;
  bool ended_ = false;
  std::string_view incoming_;  // not yet read by OpenSSL; in the caller's memory or in kept_
  std::string kept_;
  std::string outgoing_;
};

}  // namespace headrace::ingest
