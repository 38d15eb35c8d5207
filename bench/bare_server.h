// SPDX-License-Identifier: Apache-2.0
// The least that an HTTP server can be: libuv reads, llhttp finds where a request ends, and the
// same 200 is written. Without limits, deadlines, pipelining or a second look at what came: what
// any server on these two libraries pays at least.
#pragma once

#include <llhttp.h>
#include <uv.h>

#include <array>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/clock.h"
#include "core/loop.h"
#include "ingest/listener.h"

namespace headrace::bench {

// On a thread of its own, until it is destroyed.
class BareServer {
 public:
  // `on_answer` is called on that thread after each answer.
  BareServer(const core::Clock& clock, const char* thread_name, std::function<void()> on_answer)
      : on_answer_(std::move(on_answer)), thread_(clock, thread_name) {
    llhttp_settings_init(&settings_);
    settings_.on_message_complete = [](llhttp_t* parser) {
      static_cast<Peer*>(parser->data)->answer();
      return 0;
    };
    thread_.start();
    thread_.run_and_wait([this] { listen(); });
  }
  ~BareServer() {
    thread_.run_and_wait([this] {
      uv_close(reinterpret_cast<uv_handle_t*>(&listener_), nullptr);
      for (const auto& peer : peers_) {
        auto* handle = reinterpret_cast<uv_handle_t*>(&peer->tcp);
        if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
      }
    });
    thread_.run_and_wait([] {});
    thread_.stop();
  }
  const std::string& address() const noexcept { return address_; }

 private:
  static constexpr std::string_view kAnswer =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
      "{\"status\":\"ok\"}";

  struct Peer {
    uv_tcp_t tcp{};
    llhttp_t parser{};
    BareServer* server = nullptr;

    void answer() noexcept {
      uv_buf_t bytes = uv_buf_init(const_cast<char*>(kAnswer.data()), kAnswer.size());
      HEADRACE_CHECK(uv_try_write(reinterpret_cast<uv_stream_t*>(&tcp), &bytes, 1) ==
                     static_cast<int>(kAnswer.size()));
      server->on_answer_();
    }
  };

  void listen() {
    auto socket = ingest::BoundSocket::bind(*ingest::ListenAddress::parse("127.0.0.1:0"));
    HEADRACE_CHECK(socket.has_value());
    address_ = socket->address().to_string();
    HEADRACE_CHECK(uv_tcp_init(thread_.loop().uv(), &listener_) == 0);
    listener_.data = this;
    HEADRACE_CHECK(uv_tcp_open(&listener_, socket->release()) == 0);
    HEADRACE_CHECK(uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), 512,
                             &BareServer::on_connection) == 0);
  }

  static void on_connection(uv_stream_t* listener, int) noexcept {
    auto& server = *static_cast<BareServer*>(listener->data);
    Peer& peer = *server.peers_.emplace_back(std::make_unique<Peer>());
    peer.server = &server;
    llhttp_init(&peer.parser, HTTP_REQUEST, &server.settings_);
    peer.parser.data = peer.tcp.data = &peer;
    HEADRACE_CHECK(uv_tcp_init(server.thread_.loop().uv(), &peer.tcp) == 0);
    auto* stream = reinterpret_cast<uv_stream_t*>(&peer.tcp);
    HEADRACE_CHECK(uv_accept(listener, stream) == 0);
    uv_tcp_nodelay(&peer.tcp, 1);
    uv_read_start(
        stream,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
          auto& bytes = static_cast<Peer*>(handle->data)->server->bytes_;
          *buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
        },
        &BareServer::on_read);
  }
  static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept {
    auto& peer = *static_cast<Peer*>(stream->data);
    if (size < 0) return uv_close(reinterpret_cast<uv_handle_t*>(stream), nullptr);
    HEADRACE_CHECK(llhttp_execute(&peer.parser, buffer->base, static_cast<std::size_t>(size)) ==
                   HPE_OK);
  }

  const std::function<void()> on_answer_;
  core::LoopThread thread_;
  llhttp_settings_t settings_{};
  uv_tcp_t listener_{};
  std::string address_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::array<char, 64 * 1024> bytes_{};  // of all connections, as nothing is kept
};

}  // namespace headrace::bench
