// SPDX-License-Identifier: Apache-2.0
// A real HTTP/1.1 server on loopback whose every answer the test scripts, byte by byte.
//
// Threads: everything on the loop's thread.
// Lifecycle: stop() and a few turns of the loop (until stopped()) before destruction.
#pragma once

#include <openssl/ssl.h>
#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/loop.h"

namespace headrace::test {

class FakeEndpoint {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::string head;  // the header lines, each with CRLF
    std::string body;
    std::size_t connection = 0;  // which one, from 0, in order of accepting
    std::size_t index = 0;       // of the request on its connection

    // The value of the header, compared without case; empty when there is none.
    std::string header(std::string_view name) const;
  };

  enum class After : std::uint8_t { kKeep, kClose, kReset };

  struct Reply {
    std::vector<std::string> pieces;  // one write a turn of the loop
    After after =
        After::kKeep;  // with no pieces: the request is left without an answer, or dropped at once
  };

  // "HTTP/1.1 200 OK" and the like with a Content-Length.
  static Reply answer(int status, std::string_view body = "", std::string_view extra_lines = "");
  static Reply silence() { return {}; }
  static Reply drop() { return {{}, After::kClose}; }
  static Reply reset() { return {{}, After::kReset}; }
  static Reply raw(std::string bytes, After after = After::kKeep) {
    return {{std::move(bytes)}, after};
  }
  static Reply drip(std::string_view bytes, std::size_t piece_bytes, After after = After::kKeep);

  using Script = std::function<Reply(const Request&)>;

  // Listens on 127.0.0.1 at a port that the system chooses. `tls`: null for plain HTTP; borrowed.
  FakeEndpoint(core::Loop& loop, Script script, SSL_CTX* tls = nullptr);
  ~FakeEndpoint();

  std::uint16_t port() const noexcept { return port_; }
  std::string url(std::string_view target = "/hook", std::string_view host = "127.0.0.1") const;

  void set_script(Script script) { script_ = std::move(script); }
  // Off: a connection is closed as soon as it is accepted, before any byte (for TLS: a failed
  // handshake).
  void close_on_accept(bool on) noexcept { close_on_accept_ = on; }
  // Accepts, but never reads.
  void ignore_input(bool on) noexcept { ignore_input_ = on; }

  // Closes the connections that are open now, in order.
  void close_connections();
  void stop();
  bool stopped() const noexcept { return handles_open_ == 0; }

  std::size_t connections() const noexcept { return connections_accepted_; }
  std::size_t connections_open() const noexcept { return peers_.size(); }
  std::size_t sessions_resumed() const noexcept { return sessions_resumed_; }
  const std::vector<Request>& requests() const noexcept { return requests_; }
  void keep_requests(bool on) noexcept { keep_requests_ = on; }
  std::size_t request_count() const noexcept { return request_count_; }

 private:
  struct Peer;

  static void on_connection(uv_stream_t* server, int status) noexcept;
  void accept();
  void on_bytes(const std::shared_ptr<Peer>& peer, std::string_view bytes);
  void on_plain(const std::shared_ptr<Peer>& peer);
  void reply(const std::shared_ptr<Peer>& peer, const Reply& reply, std::size_t piece);
  void finish(const std::shared_ptr<Peer>& peer, After after);
  void write(Peer& peer, std::string_view plain);
  void write_raw(Peer& peer, std::string_view bytes);
  void flush_tls(Peer& peer);
  void close_peer(Peer& peer, bool reset);

  core::Loop& loop_;
  Script script_;
  SSL_CTX* tls_;
  uv_tcp_t server_{};
  std::uint16_t port_ = 0;
  bool stopping_ = false;
  bool close_on_accept_ = false;
  bool ignore_input_ = false;
  bool keep_requests_ = true;
  std::size_t handles_open_ = 0;
  std::size_t connections_accepted_ = 0;
  std::size_t sessions_resumed_ = 0;
  std::size_t request_count_ = 0;
  std::vector<std::shared_ptr<Peer>> peers_;
  std::vector<Request> requests_;
};

}  // namespace headrace::test
