// SPDX-License-Identifier: Apache-2.0
// TLS towards endpoints, over memory: bytes of the socket in, bytes of the socket out, no I/O of
// its own.
//
// The peer's certificate must lead to a trusted root and name the host; there is no way to switch
// that off. Threads: a TlsContext may be shared by all loops; a TlsStream belongs to one.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dispatch/url.h"
#include "headrace/result.h"

namespace headrace::dispatch {

struct TlsOptions {
  bool system_roots = true;
  std::string extra_roots_file;  // PEM; empty: none
};

class TlsContext {
 public:
  // kInvalidArgument when the file of extra roots cannot be read.
  static Result<std::unique_ptr<TlsContext>> make(const TlsOptions& options);

  SSL_CTX* native() const noexcept { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  explicit TlsContext(SSL_CTX* context) noexcept : context_(context) {}
  std::unique_ptr<SSL_CTX, Free> context_;
};

// The last session with an endpoint, so that the next handshake is short.
class TlsSession {
 public:
  void keep(SSL_SESSION* session) noexcept { session_.reset(session); }  // Takes ownership.
  SSL_SESSION* get() const noexcept { return session_.get(); }
  void forget() noexcept { session_.reset(); }

 private:
  struct Free {
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
  };
  std::unique_ptr<SSL_SESSION, Free> session_;
};

class TlsStream {
 public:
  enum class Step : std::uint8_t { kDone, kNeedMore, kClosed, kFailed };

  TlsStream() = default;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // A new client stream to the host of `url`. `session` is read now and written when the peer sends
  // a newer one; it must outlive the stream or its reset(). False: out of memory.
  bool start(const TlsContext& context, const Url& url, TlsSession& session) noexcept;
  void reset() noexcept;

  void receive(std::string_view ciphertext) noexcept;
  Step handshake() noexcept;
  // kDone: `size` bytes of plain text are in `out`. kClosed: the peer ended the stream in order.
  Step read(std::span<char> out, std::size_t& size) noexcept;
  bool write(std::string_view plain) noexcept;  // Requires: the handshake is done.

  // What has to go to the socket; valid until the next call of anything but this.
  std::string_view outgoing() const noexcept;
  void drop_outgoing() noexcept;

  bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

 private:
  struct Free {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  };
  Step step_of(int result) noexcept;

  std::unique_ptr<SSL, Free> ssl_;
  BIO* in_ = nullptr;   // owned by ssl_
  BIO* out_ = nullptr;  // owned by ssl_
};

}  // namespace headrace::dispatch
