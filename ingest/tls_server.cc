// SPDX-License-Identifier: Apache-2.0
#include "ingest/tls_server.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace headrace::ingest {
namespace {

// RFC 9325 section 4.2: forward secrecy and authenticated encryption; of TLS 1.3 there is no other.
constexpr const char* kCiphersOfTls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr std::string_view kProtocol = "http/1.1";
// Any text will do that other servers do not use: which sessions are ours.
constexpr std::string_view kSessionContext = "headrace";

Error fault(const std::string& file, const char* what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  std::string text = file + " " + what;
  if (reason != nullptr) text.append(": ").append(reason);
  ERR_clear_error();
  return Error{ErrorCode::kInvalidArgument, std::move(text), 0};
}

// A key that is encrypted cannot be used: OpenSSL would ask for its password on the terminal.
int no_password(char*, int, int, void*) noexcept { return -1; }

// The client offered protocols; without an offer this is not called and HTTP/1.1 is understood.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned size, void*) noexcept {
  const unsigned char* const end = offered + size;
  while (offered != end && offered + 1 + *offered <= end) {
    const std::string_view name{reinterpret_cast<const char*>(offered + 1), *offered};
    if (name == kProtocol) {
      *chosen = offered + 1;
      *chosen_size = *offered;
      return SSL_TLSEXT_ERR_OK;
    }
    offered += 1 + *offered;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_rules(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphersOfTls12);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // Idle connections are many: they give their record buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // Tickets hold the sessions; nothing is remembered here.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context,
                                 reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 static_cast<unsigned>(kSessionContext.size()));
  SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context, &no_password);
}

Result<void> demand_client_certificates(SSL_CTX* context, const std::string& file) {
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(file.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return fault(file, "holds no certificates of client authorities");
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

}  // namespace

Result<std::unique_ptr<TlsServer>> TlsServer::make(TlsServerOptions options) {
  std::unique_ptr<TlsServer> made{new TlsServer(std::move(options))};
  if (auto loaded = made->reload(); !loaded) return std::move(loaded).error();
  return made;
}

Result<TlsServer::Context> TlsServer::load() const {
  ERR_clear_error();
  Context made{SSL_CTX_new(TLS_server_method())};
  SSL_CTX* const context = made.get();
  if (context == nullptr) return Error{ErrorCode::kUnavailable, "OpenSSL has no memory", 0};
  set_rules(context);
  const std::string& certificate = options_.certificate_file;
  const std::string& key = options_.key_file;
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
    return fault(certificate, "holds no certificate");
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fault(key, "holds no private key that fits the certificate");
  if (SSL_CTX_check_private_key(context) != 1) return fault(key, "does not fit the certificate");
  if (options_.client_ca_file.empty()) return made;
  if (auto demanded = demand_client_certificates(context, options_.client_ca_file); !demanded)
    return std::move(demanded).error();
  return made;
}

Result<void> TlsServer::reload() {
  auto loaded = load();
  if (!loaded) return std::move(loaded).error();
  const std::lock_guard lock(mutex_);
  context_.swap(*loaded);  // the old one lives as long as its streams do
  return {};
}

SSL* TlsServer::new_stream() const {
  const std::lock_guard lock(mutex_);
  return SSL_new(context_.get());
}

// --- A stream: OpenSSL reads the caller's memory and writes to outgoing_, without a copy between.
// ----------------------------------------------------------------------------------------------------

const BIO_METHOD* TlsServerStream::method() {
  struct Free {
    void operator()(BIO_METHOD* made) const noexcept { BIO_meth_free(made); }
  };
  static const std::unique_ptr<BIO_METHOD, Free> kMethod = [] {
    std::unique_ptr<BIO_METHOD, Free> made{
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory of a connection")};
    BIO_meth_set_write(made.get(), &TlsServerStream::bio_write);
    BIO_meth_set_read(made.get(), &TlsServerStream::bio_read);
    BIO_meth_set_ctrl(made.get(), &TlsServerStream::bio_ctrl);
    return made;
  }();
  return kMethod.get();
}

int TlsServerStream::bio_write(BIO* bio, const char* data, int size) {
  auto& self = *static_cast<TlsServerStream*>(BIO_get_data(bio));
  self.outgoing_.append(data, static_cast<std::size_t>(std::max(size, 0)));
  return size;
}

int TlsServerStream::bio_read(BIO* bio, char* data, int size) {
  auto& self = *static_cast<TlsServerStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.incoming_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t taken =
      std::min(self.incoming_.size(), static_cast<std::size_t>(std::max(size, 0)));
  std::memcpy(data, self.incoming_.data(), taken);
  self.incoming_.remove_prefix(taken);
  return static_cast<int>(taken);
}

long TlsServerStream::bio_ctrl(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

TlsServerStream::~TlsServerStream() { SSL_free(ssl_); }

bool TlsServerStream::start(const TlsServer& server) {
  ERR_clear_error();
  ssl_ = server.new_stream();
  BIO* const bio = BIO_new(method());
  if (ssl_ == nullptr || bio == nullptr) {
    BIO_free(bio);
    return false;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
  return true;
}

void TlsServerStream::receive(std::string_view ciphertext) {
  if (incoming_.empty()) {
    incoming_ = ciphertext;
    return;
  }
  kept_.append(ciphertext);
  incoming_ = std::string_view(kept_).substr(kept_.size() - incoming_.size() - ciphertext.size());
}

void TlsServerStream::keep_rest() {
  if (incoming_.empty()) {
    if (!kept_.empty()) kept_ = std::string();  // an idle connection holds no memory
    return;
  }
  std::string rest(incoming_);
  kept_ = std::move(rest);
  incoming_ = kept_;
}

TlsServerStream::Step TlsServerStream::handshake() noexcept {
  ERR_clear_error();
  const Step step = step_of(SSL_do_handshake(ssl_));
  established_ = step == Step::kDone;
  return step;
}

TlsServerStream::Step TlsServerStream::read(std::span<char> out, std::size_t& size) noexcept {
  ERR_clear_error();
  return step_of(SSL_read_ex(ssl_, out.data(), out.size(), &size));
}

bool TlsServerStream::write(std::string_view plain) noexcept {
  ERR_clear_error();
  std::size_t size = 0;
  return SSL_write_ex(ssl_, plain.data(), plain.size(), &size) == 1 && size == plain.size();
}

void TlsServerStream::end() noexcept {
  if (std::exchange(ended_, true)) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
}

TlsServerStream::Step TlsServerStream::step_of(int result) noexcept {
  if (result == 1) return Step::kDone;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Step::kNeedMore;
    case SSL_ERROR_ZERO_RETURN:
      return Step::kClosed;
    default:
      return Step::kFailed;
  }
}

}  // namespace headrace::ingest
