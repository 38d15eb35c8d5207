// SPDX-License-Identifier: Apache-2.0
#include "dispatch/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/encoding.h"

namespace headrace::dispatch {

namespace {

template <auto kFree>
struct Freeing {
  template <class T>
  void operator()(T* one) const noexcept {
    kFree(one);
  }
};
using Bio = std::unique_ptr<BIO, Freeing<&BIO_free>>;
using Certificate = std::unique_ptr<X509, Freeing<&X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freeing<&EVP_PKEY_free>>;

Error fault(const char* member, const char* what) {
  ERR_clear_error();  // it may hold bytes of what was given
  Error error{ErrorCode::kInvalidArgument, what, 0};
  error.items.push_back({member, what});
  return error;
}

// A key that is encrypted is not asked for on some terminal.
int no_password(char*, int, int, void*) noexcept { return -1; }

// All certificates of a PEM text; empty: there is none, or one that cannot be read.
std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> read;
  if (pem.size() > EndpointTls::kPemBytesMax) return read;
  const Bio bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, &no_password, nullptr))
    read.emplace_back(one);
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!ended) read.clear();
  return read;
}

PrivateKey read_key(const std::string& pem) {
  if (pem.size() > EndpointTls::kPemBytesMax) return nullptr;
  const Bio bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  return PrivateKey{PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_password, nullptr)};
}

bool hash_of_key(X509* certificate, TlsContext::Pin& hash) noexcept {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
  if (size <= 0) return false;
  const bool hashed = EVP_Digest(bytes, static_cast<std::size_t>(size), hash.data(), nullptr,
                                 EVP_sha256(), nullptr) == 1;
  OPENSSL_free(bytes);
  return hashed;
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
  // As browsers do: alternative names only, and no wildcards for parts of a label.
  SSL_set_hostflags(ssl,
                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 && SSL_set1_host(ssl, host.c_str()) == 1;
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::make_bare() {
  std::unique_ptr<TlsContext> made{new TlsContext(SSL_CTX_new(TLS_client_method()))};
  SSL_CTX* context = made->native();
  if (context == nullptr) return Error{ErrorCode::kUnavailable, "OpenSSL has no memory", 0};
  SSL_CTX_set_app_data(context, made.get());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, &TlsContext::check_pin);
  // Idle connections are many: they give their record buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &TlsStream::on_new_session);
  constexpr std::array<unsigned char, 9> kHttp11 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(context, kHttp11.data(), kHttp11.size());
  return made;
}

Result<std::unique_ptr<TlsContext>> TlsContext::make(const TlsOptions& options) {
  auto made = make_bare();
  if (!made) return made;
  SSL_CTX* context = (*made)->native();
  (*made)->has_roots_ = true;
  if (options.system_roots) SSL_CTX_set_default_verify_paths(context);
  if (!options.extra_roots_file.empty() &&
      SSL_CTX_load_verify_file(context, options.extra_roots_file.c_str()) != 1) {
    ERR_clear_error();
    return Error{ErrorCode::kInvalidArgument, "the file of extra root certificates cannot be read",
                 0};
  }
  return made;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const EndpointTls& settings) {
  auto made = make_bare();
  if (!made) return std::move(made).error();
  if (auto done = (*made)->trust(settings.ca); !done) return std::move(done).error();
  if (auto done = (*made)->show(settings); !done) return std::move(done).error();
  if (auto done = (*made)->pin(settings.pins); !done) return std::move(done).error();
  return std::shared_ptr<const TlsContext>(std::move(*made));
}

// Also a certificate that is no root, and the server's own: what is given is what is trusted.
Result<void> TlsContext::trust(const std::string& ca) {
  if (ca.empty()) return {};
  X509_STORE* store = SSL_CTX_get_cert_store(native());
  const auto roots = read_certificates(ca);
  if (roots.empty()) return fault("/ca", "is not a PEM text of certificates (at most 64 KiB)");
  for (const auto& root : roots) {
    if (X509_STORE_add_cert(store, root.get()) != 1)
      return fault("/ca", "has a certificate that cannot be used");
  }
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  has_roots_ = true;
  return {};
}

Result<void> TlsContext::show(const EndpointTls& settings) {
  if (settings.certificate.empty() && settings.key.empty()) return {};
  if (settings.certificate.empty()) return fault("/certificate", "is missing: the key needs it");
  if (settings.key.empty()) return fault("/key", "is missing: the certificate needs it");
  const auto chain = read_certificates(settings.certificate);
  if (chain.empty())
    return fault("/certificate", "is not a PEM text of certificates (at most 64 KiB)");
  if (SSL_CTX_use_certificate(native(), chain[0].get()) != 1)
    return fault("/certificate", "cannot be used: its key may be too short, or its hash too weak");
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(native(), chain[i].get()) != 1)
      return fault("/certificate", "has a certificate that cannot be used");
  }
  const auto key = read_key(settings.key);
  if (key == nullptr) return fault("/key", "is not a PEM text of a private key, not encrypted");
  if (SSL_CTX_use_PrivateKey(native(), key.get()) != 1 || SSL_CTX_check_private_key(native()) != 1)
    return fault("/key", "is not the certificate's");
  return {};
}

Result<void> TlsContext::pin(const std::vector<std::string>& pins) {
  constexpr std::string_view kPrefix = "sha256//";
  if (pins.size() > EndpointTls::kPinsMax) return fault("/pins", "has more than 16 pins");
  for (std::size_t i = 0; i < pins.size(); ++i) {
    const std::string_view text = pins[i];
    std::array<char, sizeof(Pin)> bytes{};
    const bool known = text.starts_with(kPrefix);
    const auto size = known ? core::read_base64(text.substr(kPrefix.size()), bytes) : std::nullopt;
    if (size != bytes.size()) {
      const std::string member = "/pins/" + std::to_string(i);
      return fault(member.c_str(), "is not sha256// and the base64 of 32 bytes");
    }
    Pin& pin = pins_.emplace_back();
    std::copy(bytes.begin(), bytes.end(), pin.begin());
  }
  return {};
}

// Called by OpenSSL for each certificate of the chain, and last for the peer's own (depth 0), when
// all others and the host are found good. Before our own certificate is shown.
int TlsContext::check_pin(int verified, X509_STORE_CTX* chain) noexcept {
  if (verified != 1 || X509_STORE_CTX_get_error_depth(chain) != 0) return verified;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* self = static_cast<const TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (self->pins_.empty()) return 1;
  Pin hash{};
  const bool known = hash_of_key(X509_STORE_CTX_get_current_cert(chain), hash) &&
                     std::find(self->pins_.begin(), self->pins_.end(), hash) != self->pins_.end();
  if (!known) X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
  return known ? 1 : 0;
}

void TlsSession::keep(SSL_SESSION* session, SSL_CTX* context, const std::string& authority) {
  session_.reset(session);
  if (context_.get() != context) {
    SSL_CTX_up_ref(context);
    context_.reset(context);
  }
  authority_ = authority;
}

SSL_SESSION* TlsSession::get(SSL_CTX* context, const std::string& authority) const noexcept {
  return context_.get() == context && authority_ == authority ? session_.get() : nullptr;
}

// Called by OpenSSL when a session can be resumed later; with TLS 1.3 that is after the handshake.
int TlsStream::on_new_session(SSL* ssl, SSL_SESSION* session) noexcept {
  auto* self = static_cast<TlsStream*>(SSL_get_app_data(ssl));
  if (self == nullptr || self->session_ == nullptr) return 0;
  self->session_->keep(session, SSL_get_SSL_CTX(ssl), self->authority_);
  return 1;
}

bool TlsStream::start(const TlsContext& engine, const TlsContext* own, const Url& url,
                      TlsSession& session) noexcept {
  ERR_clear_error();
  const TlsContext& context = own != nullptr ? *own : engine;
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
  session_ = &session;
  authority_ = url.authority();
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_connect_state(ssl_.get());
  if (!context.has_roots() &&
      SSL_set1_verify_cert_store(ssl_.get(), SSL_CTX_get_cert_store(engine.native())) != 1)
    return false;
  if (SSL_SESSION* known = session.get(context.native(), authority_); known != nullptr)
    SSL_set_session(ssl_.get(), known);
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
