// SPDX-License-Identifier: Apache-2.0
// One client connection of an HttpServer. Private to it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ingest/http_server.h"

namespace headrace::ingest {

class HttpServer::Connection {
 public:
  explicit Connection(HttpServer& server);

  // Takes a connected socket over. closed() follows when nothing can be done with it.
  void open(int fd, const core::IpAddress& peer, std::uint32_t index,
            std::uint64_t generation) noexcept;
  void reply(std::uint32_t slot, const Response& response) noexcept;
  void flush() noexcept;
  // Takes no further request, and closes as soon as nothing is owed.
  void drain() noexcept;
  void close() noexcept;
  // The same, and tells a client that speaks TLS so if it can be told at once.
  void close_in_order() noexcept;

  std::uint32_t index() const noexcept { return index_; }
  std::uint64_t generation() const noexcept { return generation_; }
  bool awaits(std::uint32_t slot) const noexcept;
  bool is_open() const noexcept { return state_ == State::kOpen || state_ == State::kLingering; }
  bool owes_answers() const noexcept { return count_ != 0 || writing_active_ || !out_.empty(); }
  // Requires: it is in the queue of those that are.
  core::SteadyMs under_way_since() const noexcept { return under_way_since_; }

  bool dirty = false;
  // Its place in the server's queues.
  Queue* queue = nullptr;
  Connection* before = nullptr;
  Connection* behind = nullptr;

 private:
  enum class State : std::uint8_t {
    kFree,
    kOpen,
    kLingering,  // everything is answered, our side is shut; input is thrown away until the client
                 // closes
    kClosing,
  };
  // What the bytes from the socket are.
  enum class Wire : std::uint8_t { kHttp, kTls, kGreeting };
  enum class Phase : std::uint8_t { kOpening, kIdle, kHead, kBody };

  // A request that was handed to the handler, or refused; answers leave in this order.
  struct Pending {
    bool answered = false;
    bool keep_alive = true;
    bool http_1_1 = true;
    bool head_only = false;
    bool close = false;
    std::string text;  // an answer that came before its turn
  };

  static void on_alloc(uv_handle_t* handle, std::size_t suggested, uv_buf_t* buffer) noexcept;
  static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept;
  static void on_written(uv_write_t* request, int status) noexcept;
  static void on_shutdown(uv_shutdown_t* request, int status) noexcept;
  static void on_closed(uv_handle_t* handle) noexcept;
  static void on_deadline(core::Timer& timer) noexcept;

  // http_connection.cc: requests and answers.
  void received(std::size_t size) noexcept;
  void process() noexcept;
  bool parse_one() noexcept;
  bool head_complete() noexcept;
  void request_complete() noexcept;
  void refuse(int status, std::string_view reason, std::string_view lines) noexcept;
  bool has_room() const noexcept;
  void maybe_invite_body() noexcept;
  std::uint32_t push_pending(bool keep_alive) noexcept;
  void format(std::string& out, const Pending& pending, const Response& response) noexcept;
  void pop_answered() noexcept;
  ResponseToken token(std::uint32_t slot) const noexcept;

  // http_connection_io.cc: the socket, what is spoken below HTTP, memory and deadlines.
  void admit() noexcept;
  void greeted(std::size_t size) noexcept;
  void decrypt(std::string_view ciphertext) noexcept;
  void read_plain() noexcept;
  void peer_ended() noexcept;
  void take(const char* bytes, std::size_t size) noexcept;
  void out_of_memory() noexcept;
  bool make_room() noexcept;
  void make_small() noexcept;
  void release_buffer() noexcept;
  void update_reading() noexcept;
  void send() noexcept;
  void finish_output() noexcept;
  void set_phase(Phase phase) noexcept;
  void wait_in_line() noexcept;
  void set_deadline(core::SteadyMs deadline) noexcept;
  void arm_by(core::SteadyMs time) noexcept;
  void deadline_passed() noexcept;
  bool body_may_go_on(core::SteadyMs now) noexcept;
  std::size_t unread() noexcept;
  bool is_being_read(core::SteadyMs now) noexcept;
  uv_stream_t* stream() noexcept { return reinterpret_cast<uv_stream_t*>(&tcp_); }

  HttpServer& server_;
  std::uint32_t index_ = 0;
  std::uint64_t generation_ = 0;
  State state_ = State::kFree;
  Wire wire_ = Wire::kHttp;
  Phase phase_ = Phase::kIdle;
  bool reading_ = false;
  bool input_ended_ = false;  // nothing more is parsed: refused, closing, or the client's EOF
  bool close_when_sent_ = false;
  bool peer_ended_ = false;  // the client will send nothing more
  bool writing_active_ = false;
  bool invite_body_ = false;   // the client waits for 100 Continue
  bool peer_counted_ = false;  // by server_.options_.peers

  uv_tcp_t tcp_;
  uv_write_t write_;
  uv_shutdown_t shutdown_;
  core::IpAddress peer_;  // by the socket, or by the PROXY protocol
  core::RequestParser parser_;
  core::BufferRef buffer_;
  std::size_t start_ = 0;  // where the current request begins in the buffer
  std::size_t fill_ = 0;   // where the next byte from the socket goes
  std::uint64_t requests_ = 0;
  std::array<Pending, core::limits::kPipelineDepthMax> pending_;
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  std::unique_ptr<TlsServerStream> tls_;  // null: plain
  std::string out_;                       // formatted, not yet given to the socket
  std::string writing_;                   // being written by libuv
  core::Timer timer_;
  core::SteadyMs deadline_ = 0;
  core::SteadyMs phase_since_ = 0;
  core::SteadyMs under_way_since_ = 0;
  core::SteadyMs write_checked_ = 0;  // when the client last had `write_left_` bytes to take
  std::size_t write_left_ = 0;
};

}  // namespace headrace::ingest
