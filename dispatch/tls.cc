// SPDX-License-Identifier: Apache-2.0
#include "dispatch/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <array>

namespace headrace::dispatch {

namespace {

// Called by OpenSSL when a session can be resumed later; with TLS 1.3 that is after the handshake.
int on_new_session(SSL* ssl, SSL_SESSION* session) noexcept {
  auto* slot = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  if (slot == nullptr) return 0;
  slot->keep(session);
  return 1;
}

std::string without_root_dot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::string(host);
}

bool is_literal(const Url& url) noexcept {
  std::array<unsigned char, 16> address{};
  return url.ipv6 || inet_pton(AF_INET, url.host.c_str(), address.data()) == 1;
}

// The name that the certificate must bear; for names, also what the server is told to choose it by.
bool expect_host(SSL* ssl, const Url& url) {
  if (is_literal(url)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url.host.c_str()) == 1;
  }
  const std::string host = without_root_dot(url.host);
  return SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 && SSL_set1_host(ssl, host.c_str()) == 1;
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::make(const TlsOptions& options) {
  std::unique_ptr<TlsContext> made{new TlsContext(SSL_CTX_new(TLS_client_method()))};
  SSL_CTX* context = made->native();
  if (context == nullptr) return Error{ErrorCode::kUnavailable, "OpenSSL has no memory", 0};
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  // Idle connections are many: they give their record buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &on_new_session);
  constexpr std::array<unsigned char, 9> kHttp11 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(context, kHttp11.data(), kHttp11.size());
  if (options.system_roots) SSL_CTX_set_default_verify_paths(context);
  if (!options.extra_roots_file.empty() &&
      SSL_CTX_load_verify_file(context, options.extra_roots_file.c_str()) != 1) {
    ERR_clear_error();
    return Error{ErrorCode::kInvalidArgument, "the file of extra root certificates cannot be read",
                 0};
  }
  return made;
}

bool TlsStream::start(const TlsContext& context, const Url& url, TlsSession& session) noexcept {
  ERR_clear_error();
  ssl_.reset(SSL_new(context.native()));
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  if (ssl_ == nullptr || in_ == nullptr || out_ == nullptr) {
    BIO_free(in_);
    BIO_free(out_);
    ssl_.reset();
    return false;
  }
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_app_data(ssl_.get(), &session);
  SSL_set_connect_state(ssl_.get());
  if (session.get() != nullptr) SSL_set_session(ssl_.get(), session.get());
  return expect_host(ssl_.get(), url);
}

// OpenSSL makes a session unusable when its stream is freed without a farewell; that of a failed
// handshake is forgotten by the caller.
void TlsStream::reset() noexcept {
  if (ssl_ != nullptr) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.reset();
}

void TlsStream::receive(std::string_view ciphertext) noexcept {
  BIO_write(in_, ciphertext.data(), static_cast<int>(ciphertext.size()));
}

TlsStream::Step TlsStream::handshake() noexcept {
  ERR_clear_error();
  return step_of(SSL_do_handshake(ssl_.get()));
}

TlsStream::Step TlsStream::read(std::span<char> out, std::size_t& size) noexcept {
  ERR_clear_error();
  return step_of(SSL_read_ex(ssl_.get(), out.data(), out.size(), &size));
}

bool TlsStream::write(std::string_view plain) noexcept {
  ERR_clear_error();
  std::size_t size = 0;
  return SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &size) == 1 && size == plain.size();
}

TlsStream::Step TlsStream::step_of(int result) noexcept {
  if (result == 1) return Step::kDone;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Step::kNeedMore;
    case SSL_ERROR_ZERO_RETURN:
      return Step::kClosed;
    default:
      return Step::kFailed;
  }
}

std::string_view TlsStream::outgoing() const noexcept {
  char* data = nullptr;
  const long size = BIO_get_mem_data(out_, &data);
  return size > 0 ? std::string_view{data, static_cast<std::size_t>(size)} : std::string_view{};
}

void TlsStream::drop_outgoing() noexcept { (void)BIO_reset(out_); }

}  // namespace headrace::dispatch
