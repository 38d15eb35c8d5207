// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_endpoint.h"

#include <openssl/err.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "core/check.h"

namespace headrace::test {

struct FakeEndpoint::Peer {
  FakeEndpoint* owner = nullptr;
  uv_tcp_t tcp{};
  std::size_t number = 0;
  std::size_t answered = 0;
  bool closing = false;
  bool greeted = false;
  SSL* ssl = nullptr;
  std::string input;
  std::array<char, 16384> buffer{};
  std::shared_ptr<Peer> self;  // while the handle is open

  ~Peer() { SSL_free(ssl); }
};

namespace {

struct Write {
  uv_write_t request{};
  std::string bytes;
};

std::string header_in(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon == name.size() && strncasecmp(line.data(), name.data(), colon) == 0) {
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      return std::string(value);
    }
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 2);
  }
  return {};
}

// Takes one whole request off the front of `input`.
std::optional<FakeEndpoint::Request> take_request(std::string& input) {
  const std::size_t head_end = input.find("\r\n\r\n");
  if (head_end == std::string::npos) return std::nullopt;
  FakeEndpoint::Request request;
  const std::size_t line_end = input.find("\r\n");
  const std::string line = input.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  request.head = input.substr(line_end + 2, head_end - line_end);
  std::size_t length = 0;
  const std::string length_text = header_in(request.head, "content-length");
  std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  if (input.size() < head_end + 4 + length) return std::nullopt;
  request.body = input.substr(head_end + 4, length);
  input.erase(0, head_end + 4 + length);
  return request;
}

}  // namespace

std::string FakeEndpoint::Request::header(std::string_view name) const {
  return header_in(head, name);
}

FakeEndpoint::Reply FakeEndpoint::answer(int status, std::string_view body,
                                         std::string_view extra_lines) {
  std::string bytes = "HTTP/1.1 " + std::to_string(status) + " Said\r\nContent-Length: ";
  bytes += std::to_string(body.size());
  bytes += "\r\n";
  bytes += extra_lines;
  bytes += "\r\n";
  bytes += body;
  return raw(std::move(bytes));
}

FakeEndpoint::Reply FakeEndpoint::drip(std::string_view bytes, std::size_t piece_bytes,
                                       After after) {
  Reply reply{{}, after};
  for (std::size_t i = 0; i < bytes.size(); i += piece_bytes) {
    reply.pieces.emplace_back(bytes.substr(i, piece_bytes));
  }
  return reply;
}

FakeEndpoint::FakeEndpoint(core::Loop& loop, Script script, SSL_CTX* tls)
    : loop_(loop), script_(std::move(script)), tls_(tls) {
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  HEADRACE_CHECK(uv_tcp_init(loop_.uv(), &server_) == 0);
  server_.data = this;
  ++handles_open_;
  HEADRACE_CHECK(uv_tcp_bind(&server_, reinterpret_cast<const sockaddr*>(&address), 0) == 0);
  HEADRACE_CHECK(
      uv_listen(reinterpret_cast<uv_stream_t*>(&server_), 1024, &FakeEndpoint::on_connection) == 0);
  int size = sizeof(address);
  uv_tcp_getsockname(&server_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

FakeEndpoint::~FakeEndpoint() { HEADRACE_CHECK(stopped()); }

std::string FakeEndpoint::url(std::string_view target, std::string_view host) const {
  std::string text = tls_ == nullptr ? "http://" : "https://";
  text += host;
  text += ':';
  text += std::to_string(port_);
  text += target;
  return text;
}

void FakeEndpoint::on_connection(uv_stream_t* server, int status) noexcept {
  if (status == 0) static_cast<FakeEndpoint*>(server->data)->accept();
}

void FakeEndpoint::accept() {
  auto peer = std::make_shared<Peer>();
  peer->owner = this;
  peer->self = peer;
  peer->number = connections_accepted_++;
  uv_tcp_init(loop_.uv(), &peer->tcp);
  peer->tcp.data = peer.get();
  ++handles_open_;
  peers_.push_back(peer);
  auto* stream = reinterpret_cast<uv_stream_t*>(&peer->tcp);
  HEADRACE_CHECK(uv_accept(reinterpret_cast<uv_stream_t*>(&server_), stream) == 0);
  uv_tcp_nodelay(&peer->tcp, 1);
  if (close_on_accept_) return close_peer(*peer, false);
  if (tls_ != nullptr) {
    peer->ssl = SSL_new(tls_);
    SSL_set_bio(peer->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(peer->ssl);
  }
  if (ignore_input_) return;
  uv_read_start(
      stream,
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        auto& reading = *static_cast<Peer*>(handle->data);
        *buffer = uv_buf_init(reading.buffer.data(), static_cast<unsigned>(reading.buffer.size()));
      },
      [](uv_stream_t* handle, ssize_t size, const uv_buf_t* buffer) {
        auto& reading = *static_cast<Peer*>(handle->data);
        if (size < 0) return reading.owner->close_peer(reading, false);
        reading.owner->on_bytes(reading.self, {buffer->base, static_cast<std::size_t>(size)});
      });
}

void FakeEndpoint::on_bytes(const std::shared_ptr<Peer>& peer, std::string_view bytes) {
  if (peer->ssl == nullptr) {
    peer->input.append(bytes);
    return on_plain(peer);
  }
  ERR_clear_error();
  BIO_write(SSL_get_rbio(peer->ssl), bytes.data(), static_cast<int>(bytes.size()));
  std::array<char, 16384> plain;
  for (int size = 0; (size = SSL_read(peer->ssl, plain.data(), plain.size())) > 0;) {
    peer->input.append(plain.data(), static_cast<std::size_t>(size));
  }
  if (!peer->greeted && SSL_is_init_finished(peer->ssl) != 0) {
    peer->greeted = true;
    sessions_resumed_ += SSL_session_reused(peer->ssl) == 1 ? 1 : 0;
  }
  flush_tls(*peer);
  on_plain(peer);
}

void FakeEndpoint::on_plain(const std::shared_ptr<Peer>& peer) {
  while (!peer->closing) {
    auto request = take_request(peer->input);
    if (!request) return;
    request->connection = peer->number;
    request->index = peer->answered++;
    ++request_count_;
    const Reply scripted = script_(*request);
    if (keep_requests_) requests_.push_back(std::move(*request));
    reply(peer, scripted, 0);
  }
}

void FakeEndpoint::reply(const std::shared_ptr<Peer>& peer, const Reply& scripted,
                         std::size_t piece) {
  if (peer->closing) return;
  if (piece < scripted.pieces.size()) write(*peer, scripted.pieces[piece]);
  if (piece + 1 >= scripted.pieces.size()) return finish(peer, scripted.after);
  loop_.post([this, peer, scripted, piece] { reply(peer, scripted, piece + 1); });
}

void FakeEndpoint::finish(const std::shared_ptr<Peer>& peer, After after) {
  if (after == After::kKeep) return;
  if (after == After::kClose && peer->ssl != nullptr) {
    SSL_shutdown(peer->ssl);
    flush_tls(*peer);
  }
  close_peer(*peer, after == After::kReset);
}

void FakeEndpoint::write(Peer& peer, std::string_view plain) {
  if (peer.ssl == nullptr) return write_raw(peer, plain);
  SSL_write(peer.ssl, plain.data(), static_cast<int>(plain.size()));
  flush_tls(peer);
}

void FakeEndpoint::flush_tls(Peer& peer) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(peer.ssl), &data);
  if (size > 0) write_raw(peer, {data, static_cast<std::size_t>(size)});
  (void)BIO_reset(SSL_get_wbio(peer.ssl));
}

void FakeEndpoint::write_raw(Peer& peer, std::string_view bytes) {
  if (peer.closing || bytes.empty()) return;
  auto* stream = reinterpret_cast<uv_stream_t*>(&peer.tcp);
  uv_buf_t buffer =
      uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  const int written = uv_try_write(stream, &buffer, 1);
  if (written < 0 && written != UV_EAGAIN) return;
  bytes.remove_prefix(static_cast<std::size_t>(std::max(written, 0)));
  if (bytes.empty()) return;
  auto* rest = new Write{{}, std::string(bytes)};
  rest->request.data = rest;
  buffer = uv_buf_init(rest->bytes.data(), static_cast<unsigned>(rest->bytes.size()));
  uv_write(&rest->request, stream, &buffer, 1,
           [](uv_write_t* request, int) { delete static_cast<Write*>(request->data); });
}

void FakeEndpoint::close_peer(Peer& peer, bool reset) {
  if (peer.closing) return;
  peer.closing = true;
  const auto closed = [](uv_handle_t* handle) {
    const auto gone = std::move(static_cast<Peer*>(handle->data)->self);
    std::erase(gone->owner->peers_, gone);
    --gone->owner->handles_open_;
  };
  if (reset && uv_tcp_close_reset(&peer.tcp, closed) == 0) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&peer.tcp), closed);
}

void FakeEndpoint::close_connections() {
  for (const auto& peer : peers_) close_peer(*peer, false);
}

void FakeEndpoint::stop() {
  if (std::exchange(stopping_, true)) return;
  close_connections();
  uv_close(reinterpret_cast<uv_handle_t*>(&server_),
           [](uv_handle_t* handle) { --static_cast<FakeEndpoint*>(handle->data)->handles_open_; });
}

}  // namespace headrace::test
