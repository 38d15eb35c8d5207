// SPDX-License-Identifier: Apache-2.0
// TLS towards endpoints, over memory: bytes of the socket in, bytes of the socket out, no I/O of
// its own.
//
// The peer's certificate must lead to a trusted root and name the host; there is no way to switch
// that off. Threads: a TlsContext may be shared by all loops; a TlsStream belongs to one.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/url.h"
#include "headrace/result.h"

namespace headrace::dispatch {

struct TlsOptions {
  bool system_roots = true;
  std::string extra_roots_file;  // PEM; empty: none
};

// What one endpoint asks of TLS beyond what holds for all.
struct EndpointTls {
  static constexpr std::size_t kPemBytesMax = 64 * 1024;
  static constexpr std::size_t kPinsMax = 16;

  std::string ca;                 // PEM: whom to trust, and nobody else; empty: the engine's roots
  std::string certificate;        // PEM, with what leads to its root; empty: we show none
  std::string key;                // PEM, of the certificate
  std::vector<std::string> pins;  // "sha256//" and base64: one of them must be the peer's key
};

class TlsContext {
 public:
  using Pin = std::array<unsigned char, 32>;  // SHA-256 of a SubjectPublicKeyInfo

  // kInvalidArgument when the file of extra roots cannot be read.
  static Result<std::unique_ptr<TlsContext>> make(const TlsOptions& options);
  // kInvalidArgument; the first item names the member at fault ("/ca", "/pins/0") and never holds
  // any of its bytes.
  static Result<std::shared_ptr<const TlsContext>> make(const EndpointTls& settings);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  SSL_CTX* native() const noexcept { return context_.get(); }
  // Whether it says itself whom to trust.
  bool has_roots() const noexcept { return has_roots_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  explicit TlsContext(SSL_CTX* context) noexcept : context_(context) {}
  static Result<std::unique_ptr<TlsContext>> make_bare();
  static int check_pin(int verified, X509_STORE_CTX* chain) noexcept;
  Result<void> trust(const std::string& ca);
  Result<void> show(const EndpointTls& settings);
  Result<void> pin(const std::vector<std::string>& pins);

  std::unique_ptr<SSL_CTX, Free> context_;
  std::vector<Pin> pins_;
  bool has_roots_ = false;
};

// The last session with an endpoint, so that the next handshake is short. A session stands for a
// certificate that was checked: it is good for the settings and the host that it was made with, and
// no others.
class TlsSession {
 public:
  // Takes ownership of the session.
  void keep(SSL_SESSION* session, SSL_CTX* context, const std::string& authority);
  // Null: there is none for these.
  SSL_SESSION* get(SSL_CTX* context, const std::string& authority) const noexcept;
  void forget() noexcept { session_.reset(); }

 private:
  struct Free {
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_SESSION, Free> session_;
  std::unique_ptr<SSL_CTX, Free> context_;  // held, so that no other gets its address
  std::string authority_;
};

class TlsStream {
 public:
  enum class Step : std::uint8_t { kDone, kNeedMore, kClosed, kFailed };

  TlsStream() = default;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // A new client stream to the host of `url`, with the endpoint's own settings where it has any.
  // `session` is read now and written when the peer sends a newer one; it, `engine` and `own` must
  // outlive the stream or its reset(). False: out of memory.
  bool start(const TlsContext& engine, const TlsContext* own, const Url& url,
             TlsSession& session) noexcept;
  void reset() noexcept;

  void receive(std::string_view ciphertext) noexcept;
  Step handshake() noexcept;
  // kDone: `size` bytes of plain text are in `out`. kClosed: the peer ended the stream in order.
  Step read(std::span<char> out, std::size_t& size) noexcept;
  bool write(std::string_view plain) noexcept;  // Requires: the handshake is done.

  // What has to go to the socket; valid until the next call of anything but this.
  std::string_view outgoing() const noexcept;
  void drop_outgoing() noexcept;

 private:
  struct Free {
    void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  };
  static int on_new_session(SSL* ssl, SSL_SESSION* session) noexcept;
  Step step_of(int result) noexcept;
  friend class TlsContext;

  std::unique_ptr<SSL, Free> ssl_;
  TlsSession* session_ = nullptr;
  std::string authority_;
  BIO* in_ = nullptr;   // owned by ssl_
  BIO* out_ = nullptr;  // owned by ssl_
};

}  // namespace headrace::dispatch
