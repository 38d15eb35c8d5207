// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/load_tls.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace headrace::bench_tools {
namespace {

// OpenSSL's own socket raises SIGPIPE when the peer is gone, which ends a process that does not
// expect it.
int fd_of(BIO* bio) noexcept {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int write_socket(BIO* bio, const char* bytes, int size) noexcept {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(fd_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int read_socket(BIO* bio, char* out, int size) noexcept {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(fd_of(bio), out, static_cast<std::size_t>(size), 0);
  if (got < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

// Nothing is kept back, so a flush is done already.
long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

bool is_address(const std::string& host) noexcept {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool expect_host(SSL* ssl, const std::string& host) noexcept {
  if (is_address(host))
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  return SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 && SSL_set1_host(ssl, host.c_str()) == 1;
}

}  // namespace

Result<std::shared_ptr<const LoadTls>> LoadTls::make(const LoadTlsOptions& options) {
  const std::shared_ptr<LoadTls> made(new LoadTls(options));
  made->context_.reset(SSL_CTX_new(TLS_client_method()));
  made->socket_.reset(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket"));
  SSL_CTX* const context = made->context_.get();
  BIO_METHOD* const socket = made->socket_.get();
  if (context == nullptr || socket == nullptr)
    return Error{ErrorCode::kUnavailable, "OpenSSL has no memory"};
  BIO_meth_set_write(socket, &write_socket);
  BIO_meth_set_read(socket, &read_socket);
  BIO_meth_set_ctrl(socket, &control);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, options.is_checked ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_default_verify_paths(context);
  const bool has_roots = options.roots_file.empty() ||
                         SSL_CTX_load_verify_file(context, options.roots_file.c_str()) == 1;
  ERR_clear_error();
  if (!has_roots)
    return Error{ErrorCode::kInvalidArgument, options.roots_file + " holds no certificates"};
  return std::shared_ptr<const LoadTls>(made);
}

std::unique_ptr<SSL, LoadTls::Free> LoadTls::make_ssl(int fd) const noexcept {
  std::unique_ptr<SSL, Free> ssl(SSL_new(context_.get()));
  BIO* const bio = ssl ? BIO_new(socket_.get()) : nullptr;
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);  // which owns it now
  SSL_set_connect_state(ssl.get());
  if (!expect_host(ssl.get(), options_.host)) return nullptr;
  return ssl;
}

bool LoadChannel::start(const LoadTls& tls, int fd) noexcept {
  ERR_clear_error();
  ssl_ = tls.make_ssl(fd);
  is_broken_ = true;
  return ssl_ != nullptr;
}

LoadChannel::Step LoadChannel::handshake() noexcept {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    is_broken_ = false;
    return Step::kDone;
  }
  const int error = SSL_get_error(ssl_.get(), result);
  const bool must_wait = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  return must_wait ? Step::kWait : Step::kFailed;
}

ssize_t LoadChannel::result_of(int result) noexcept {
  if (result > 0) return result;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      is_broken_ = true;
      errno = EPROTO;
      return -1;
  }
}

ssize_t LoadChannel::read(char* out, std::size_t size) noexcept {
  ERR_clear_error();
  return result_of(SSL_read(ssl_.get(), out, static_cast<int>(size)));
}

ssize_t LoadChannel::write(const char* bytes, std::size_t size) noexcept {
  ERR_clear_error();
  return result_of(SSL_write(ssl_.get(), bytes, static_cast<int>(size)));
}

bool LoadChannel::is_quiet() noexcept {
  char byte = 0;
  return read(&byte, 1) < 0 && errno == EAGAIN;
}

void LoadChannel::stop() noexcept {
  ERR_clear_error();
  if (ssl_ && !is_broken_) SSL_shutdown(ssl_.get());
  ssl_.reset();
  is_broken_ = true;
}

std::string LoadChannel::fault() const {
  if (const long verified = ssl_ ? SSL_get_verify_result(ssl_.get()) : X509_V_OK;
      verified != X509_V_OK)
    return X509_verify_cert_error_string(verified);
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "the server closed the connection" : reason;
}

}  // namespace headrace::bench_tools
