// SPDX-License-Identifier: Apache-2.0
// The side of a connection that faces the network: the socket, what is spoken below HTTP, memory
// and deadlines.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "core/limits.h"
#include "ingest/http_connection.h"
#include "ingest/proxy_protocol.h"

namespace headrace::ingest {

namespace limits = core::limits;

namespace {

// How long a refused client may go on sending before the connection is closed under it; closing at
// once would make the kernel reset it and the answer be lost.
constexpr core::SteadyMs kLingerMs = 2'000;
constexpr std::size_t kPromisedBytesMax = 64 * limits::kKiB;
constexpr std::size_t kReadBytesMin =
    2 * limits::kKiB;  // below it a larger buffer is worth its copy
// Once this part of a loop's receive buffers is in use, those that hold little are made small.
constexpr std::size_t kScarcePart = 16;
constexpr std::size_t kLittlePart = 4;

constexpr core::SteadyMs ms(std::chrono::milliseconds duration) noexcept {
  return static_cast<core::SteadyMs>(duration.count());
}
constexpr core::SteadyMs kBodyGraceMs = ms(limits::kBodyGrace);
constexpr core::SteadyMs kWriteGraceMs = ms(limits::kWriteGrace);
constexpr std::size_t kWriteBytesPerGrace =
    limits::kBodyRateMin * static_cast<std::size_t>(limits::kWriteGrace.count());

}  // namespace

HttpServer::Connection::Connection(HttpServer& server) : server_(server) {
  timer_.owner = this;
  timer_.fire = &Connection::on_deadline;
  write_.data = shutdown_.data = this;
}

void HttpServer::Connection::open(int fd, const core::IpAddress& peer, std::uint32_t index,
                                  std::uint64_t generation) noexcept {
  HEADRACE_CHECK(uv_tcp_init(server_.loop_.uv(), &tcp_) == 0);
  tcp_.data = this;
  index_ = index;
  generation_ = generation;
  state_ = State::kOpen;
  wire_ = Wire::kHttp;
  phase_ = Phase::kIdle;
  input_ended_ = close_when_sent_ = peer_ended_ = writing_active_ = dirty = reading_ = false;
  invite_body_ = false;
  first_ = count_ = 0;
  start_ = fill_ = 0;
  requests_ = 0;
  peer_ = peer;
  out_.clear();
  parser_.reset(limits::kBodyBytesMaxDefault);
  if (uv_tcp_open(&tcp_, fd) != 0) {
    ::close(fd);
    close();
    return;
  }
  uv_tcp_nodelay(&tcp_, 1);
  if (contains(server_.options_.clients->proxy_protocol, peer_)) {
    wire_ = Wire::kGreeting;
    set_phase(Phase::kOpening);
  } else {
    admit();
  }
  update_reading();
}

// --- Below HTTP: the PROXY protocol, then TLS
// ----------------------------------------------------------------------------------------------------

// Decides whether the client may come in, once it is known who it is. A proxy comes for many.
void HttpServer::Connection::admit() noexcept {
  const HttpServerOptions& options = server_.options_;
  if (options.peers != nullptr && !contains(options.clients->trusted_proxies, peer_)) {
    if (!options.peers->add(peer_)) {
      server_.counters_.crowding.add();
      close();
      return;
    }
    peer_counted_ = true;
  }
  if (options.tls == nullptr) {
    wire_ = Wire::kHttp;
    set_phase(Phase::kIdle);
    return;
  }
  wire_ = Wire::kTls;
  tls_ = std::make_unique<TlsServerStream>();
  set_phase(Phase::kOpening);
  if (!tls_->start(*options.tls)) {
    server_.counters_.shed.add();
    close();
  }
}

void HttpServer::Connection::greeted(std::size_t size) noexcept {
  fill_ += size;
  const ProxyHeader header = read_proxy_header({buffer_.data(), fill_});
  if (header.status == ProxyHeader::Status::kNeedMore) return;
  if (header.status == ProxyHeader::Status::kMalformed) {
    server_.counters_.handshake.add();
    close();
    return;
  }
  if (header.client) peer_ = *header.client;
  start_ = header.size;
  admit();
  if (!is_open()) return;
  if (wire_ == Wire::kHttp) {
    process();
    return;
  }
  const core::BufferRef held = std::move(buffer_);
  const std::string_view rest{held.data() + start_, fill_ - start_};
  release_buffer();
  if (!rest.empty()) decrypt(rest);
}

void HttpServer::Connection::decrypt(std::string_view ciphertext) noexcept {
  tls_->receive(ciphertext);
  if (!tls_->established()) {
    const auto step = tls_->handshake();
    server_.mark_dirty(*this);  // its part of the handshake, or its alert
    if (step == TlsServerStream::Step::kNeedMore) {
      tls_->keep_rest();
      return;
    }
    if (step != TlsServerStream::Step::kDone) {
      server_.counters_.handshake.add();
      input_ended_ = close_when_sent_ = true;
      return;
    }
    set_phase(Phase::kIdle);
  }
  read_plain();
}

// As much as the pipeline and the output have room for; the rest waits as it came.
void HttpServer::Connection::read_plain() noexcept {
  using Step = TlsServerStream::Step;
  while (is_open() && !input_ended_ && has_room()) {
    if (!make_room()) {
      out_of_memory();
      break;
    }
    std::size_t size = 0;
    const Step step = tls_->read({buffer_.data() + fill_, buffer_.capacity() - fill_}, size);
    if (step == Step::kDone) {
      received(size);
      continue;
    }
    if (step == Step::kFailed) {
      server_.counters_.handshake.add();
      input_ended_ = close_when_sent_ = true;
    } else if (step == Step::kClosed) {
      peer_ended();
    }
    break;
  }
  if (!is_open()) return;
  if (fill_ == start_) release_buffer();
  tls_->keep_rest();
  if (!tls_->outgoing().empty() || input_ended_) server_.mark_dirty(*this);
  update_reading();
}

void HttpServer::Connection::peer_ended() noexcept {
  input_ended_ = close_when_sent_ = peer_ended_ = true;
  finish_output();
}

// --- Bytes in
// ----------------------------------------------------------------------------------------------------

void HttpServer::Connection::on_alloc(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept {
  auto& self = *static_cast<Connection*>(handle->data);
  if (self.input_ended_ || self.wire_ == Wire::kTls) {
    auto& scratch = self.server_.scratch_;
    *buffer = uv_buf_init(scratch.data(), static_cast<unsigned>(scratch.size()));
  } else if (self.make_room()) {
    *buffer = uv_buf_init(self.buffer_.data() + self.fill_,
                          static_cast<unsigned>(self.buffer_.capacity() - self.fill_));
  } else {
    *buffer = uv_buf_init(nullptr, 0);  // libuv reports UV_ENOBUFS
  }
}

void HttpServer::Connection::on_read(uv_stream_t* stream, ssize_t size,
                                     const uv_buf_t* buffer) noexcept {
  auto& self = *static_cast<Connection*>(stream->data);
  if (size > 0) {
    if (!self.input_ended_) self.take(buffer->base, static_cast<std::size_t>(size));
  } else if (size == UV_ENOBUFS) {
    self.out_of_memory();
  } else if (size == UV_EOF) {
    self.peer_ended();
  } else if (size < 0) {
    self.close();
  }
}

void HttpServer::Connection::take(const char* bytes, std::size_t size) noexcept {
  switch (wire_) {
    case Wire::kHttp:
      received(size);
      return;
    case Wire::kTls:
      decrypt({bytes, size});
      return;
    case Wire::kGreeting:
      greeted(size);
      return;
  }
}

void HttpServer::Connection::out_of_memory() noexcept {
  server_.counters_.shed.add();
  if (wire_ == Wire::kGreeting) {
    close();
    return;
  }
  refuse(503, "no memory for another request", "Retry-After: 1\r\n");
}

// Room to read into, moving the current request to a larger buffer if it must be.
bool HttpServer::Connection::make_room() noexcept {
  if (!buffer_) {
    buffer_ = server_.acquire(limits::kReceiveBufferBytes, *this);
    start_ = fill_ = 0;
    return static_cast<bool>(buffer_);
  }
  const std::size_t have = fill_ - start_;
  std::size_t need = have + kReadBytesMin;
  const core::RequestHead& head = parser_.head();
  if (phase_ == Phase::kBody && head.has_content_length) {
    // The whole request contiguous, but no more than a few times what has arrived: a promise costs
    // nothing.
    const std::size_t whole = parser_.body().offset + static_cast<std::size_t>(head.content_length);
    need = std::max(have + 1, std::min(whole, std::max(kPromisedBytesMax, 4 * have)));
  }
  if (start_ + need <= buffer_.capacity()) return true;
  if (phase_ == Phase::kBody && head.chunked) need = std::max(need, 2 * have);
  core::BufferRef larger = server_.acquire(std::max(need, limits::kReceiveBufferBytes), *this);
  if (!larger) return false;
  std::memcpy(larger.data(), buffer_.data() + start_, have);
  buffer_ = std::move(larger);
  start_ = 0;
  fill_ = have;
  return true;
}

// A connection that has sent little, and now waits, holds little, when many of them do.
void HttpServer::Connection::make_small() noexcept {
  core::BufferPool& pool = server_.pool_;
  const std::size_t have = fill_ - start_;
  if (pool.bytes_used() < pool.bytes_max() / kScarcePart || have > buffer_.capacity() / kLittlePart)
    return;
  core::BufferRef smaller = pool.acquire(have);
  if (!smaller || smaller.capacity() >= buffer_.capacity()) return;
  std::memcpy(smaller.data(), buffer_.data() + start_, have);
  buffer_ = std::move(smaller);
  start_ = 0;
  fill_ = have;
}

void HttpServer::Connection::release_buffer() noexcept {
  buffer_.reset();
  start_ = fill_ = 0;
}

void HttpServer::Connection::update_reading() noexcept {
  const bool want = is_open() && (input_ended_ || has_room());
  if (want == reading_) return;
  reading_ = want;
  if (want) {
    if (uv_read_start(stream(), &Connection::on_alloc, &Connection::on_read) != 0) close();
  } else {
    uv_read_stop(stream());
  }
}

// --- Bytes out
// ----------------------------------------------------------------------------------------------------

void HttpServer::Connection::flush() noexcept {
  if (!is_open() || writing_active_) return;
  if (tls_ != nullptr && !out_.empty()) {
    if (!tls_->write(out_)) {
      close();
      return;
    }
    out_.clear();
  }
  send();
  if (is_open()) finish_output();
  // Room in the pipeline may let requests go on that wait in the buffer.
  if (!is_open() || input_ended_ || reading_) return;
  process();
  if (tls_ != nullptr && is_open()) read_plain();
}

// Gives what is ready to the socket. Requires: nothing is being written.
void HttpServer::Connection::send() noexcept {
  std::string& ready = tls_ == nullptr ? out_ : tls_->outgoing();
  if (ready.empty()) return;
  uv_buf_t buffer = uv_buf_init(ready.data(), static_cast<unsigned>(ready.size()));
  const int sent = uv_try_write(stream(), &buffer, 1);
  if (sent < 0 && sent != UV_EAGAIN) {
    close();
    return;
  }
  if (sent == static_cast<int>(ready.size())) {
    ready.clear();
    return;
  }
  writing_.assign(ready, static_cast<std::size_t>(std::max(sent, 0)));
  ready.clear();
  buffer = uv_buf_init(writing_.data(), static_cast<unsigned>(writing_.size()));
  if (uv_write(&write_, stream(), &buffer, 1, &Connection::on_written) != 0) {
    close();
    return;
  }
  writing_active_ = true;
  write_checked_ = server_.loop_.now();
  write_left_ = unread();
  arm_by(write_checked_ + kWriteGraceMs);
}

void HttpServer::Connection::on_written(uv_write_t* request, int status) noexcept {
  auto& self = *static_cast<Connection*>(request->data);
  self.writing_active_ = false;
  if (status < 0) {
    self.close();
    return;
  }
  self.flush();
}

// When nothing is owed any more: shut our side and wait for the client to close its own.
void HttpServer::Connection::finish_output() noexcept {
  if (!close_when_sent_ || count_ != 0 || writing_active_ || !out_.empty()) return;
  if (tls_ != nullptr) {
    if (tls_->established()) tls_->end();
    send();
    if (!is_open() || writing_active_) return;
  }
  if (peer_ended_) {
    close();
    return;
  }
  if (state_ != State::kOpen) return;
  state_ = State::kLingering;
  server_.enqueue(server_.idle_, *this);  // nothing is lost when it makes room for another
  release_buffer();
  if (uv_shutdown(&shutdown_, stream(), &Connection::on_shutdown) != 0) {
    close();
    return;
  }
  set_deadline(server_.loop_.now() + kLingerMs);
  update_reading();
}

void HttpServer::Connection::on_shutdown(uv_shutdown_t* request, int status) noexcept {
  if (status < 0 && status != UV_ECANCELED) static_cast<Connection*>(request->data)->close();
}

// --- Deadlines and the end
// -------------------------------------------------------------------------------------------

void HttpServer::Connection::set_phase(Phase phase) noexcept {
  phase_ = phase;
  const core::SteadyMs now = server_.loop_.now();
  const HttpServerOptions& options = server_.options_;
  phase_since_ = now;
  switch (phase) {
    case Phase::kOpening:
      wait_in_line();
      set_deadline(now + ms(options.head_timeout));
      break;
    case Phase::kIdle:
      server_.enqueue(server_.idle_, *this);
      set_deadline(now + ms(options.idle_timeout));
      break;
    case Phase::kHead:
      set_deadline(now + ms(options.head_timeout));
      break;
    case Phase::kBody: {
      const core::SteadyMs whole = ms(options.body_timeout);
      set_deadline(now + (options.body_rate_min == 0 ? whole : std::min(whole, kBodyGraceMs)));
      break;
    }
  }
}

// Among those that have begun something and not ended it.
void HttpServer::Connection::wait_in_line() noexcept {
  if (queue == &server_.under_way_) return;
  under_way_since_ = server_.loop_.now();
  server_.enqueue(server_.under_way_, *this);
}

// The timer is only ever brought forward; one that fires too early finds the deadline moved and is
// set again. So a busy connection does not touch the wheel for each request.
void HttpServer::Connection::set_deadline(core::SteadyMs deadline) noexcept {
  deadline_ = deadline;
  arm_by(deadline);
}

void HttpServer::Connection::arm_by(core::SteadyMs time) noexcept {
  if (!timer_.armed() || timer_.deadline > time) server_.loop_.arm(timer_, time);
}

void HttpServer::Connection::on_deadline(core::Timer& timer) noexcept {
  static_cast<Connection*>(timer.owner)->deadline_passed();
}

void HttpServer::Connection::deadline_passed() noexcept {
  const core::SteadyMs now = server_.loop_.now();
  if (writing_active_ && !is_being_read(now)) {
    server_.counters_.timeouts.add();
    close();
    return;
  }
  if (writing_active_) arm_by(write_checked_ + kWriteGraceMs);
  if (now < deadline_) {
    arm_by(deadline_);
    return;
  }
  // Many that came together would also go together, and the others would wait for it.
  if (const std::size_t later = server_.timeouts_this_turn_++ / limits::kTimeoutsPerMsMax) {
    server_.loop_.arm(timer_, now + later);
    return;
  }
  if (state_ == State::kOpen && phase_ == Phase::kIdle && (count_ != 0 || writing_active_)) {
    set_deadline(now + ms(server_.options_.idle_timeout));  // it waits for us, not we for it
    return;
  }
  if (state_ == State::kOpen && phase_ == Phase::kBody && !input_ended_ && body_may_go_on(now))
    return;
  server_.counters_.timeouts.add();
  const bool in_request = phase_ == Phase::kHead || phase_ == Phase::kBody;
  if (state_ == State::kOpen && in_request && !input_ended_) {
    refuse(408, "the request did not arrive in time", {});
    set_deadline(now + ms(server_.options_.head_timeout));
    return;
  }
  close_in_order();
}

// Sets the next deadline of a body that comes fast enough, or was not asked for yet.
bool HttpServer::Connection::body_may_go_on(core::SteadyMs now) noexcept {
  const HttpServerOptions& options = server_.options_;
  if (invite_body_) {
    set_phase(Phase::kBody);
    return true;
  }
  const core::SteadyMs end = phase_since_ + ms(options.body_timeout);
  if (now >= end || options.body_rate_min == 0) return false;
  const core::SteadyMs earned = 1000 * (fill_ - start_) / options.body_rate_min;
  const core::SteadyMs until = phase_since_ + kBodyGraceMs + earned;
  if (now >= until) return false;
  set_deadline(std::min(end, until));
  return true;
}

// What the client has still to take, the kernel's part included: it may hold megabytes.
std::size_t HttpServer::Connection::unread() noexcept {
  int fd = -1, held = 0;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp_), &fd) != 0 || ioctl(fd, SIOCOUTQ, &held) != 0)
    held = 0;
  return uv_stream_get_write_queue_size(stream()) + static_cast<std::size_t>(held);
}

bool HttpServer::Connection::is_being_read(core::SteadyMs now) noexcept {
  if (now < write_checked_ + kWriteGraceMs) return true;
  const std::size_t left = unread();
  const bool moved = write_left_ - std::min(left, write_left_) >= kWriteBytesPerGrace;
  write_checked_ = now;
  write_left_ = left;
  return moved;
}

// A request that is being read comes to its end first: request_complete() then takes no more.
void HttpServer::Connection::drain() noexcept {
  if (state_ != State::kOpen || input_ended_) return;
  if (phase_ == Phase::kOpening) close();
  if (phase_ != Phase::kIdle) return;
  input_ended_ = true;
  if (count_ == 0) {
    close_when_sent_ = true;
    finish_output();
    return;
  }
  Pending& last = pending_[(first_ + count_ - 1) % limits::kPipelineDepthMax];
  last.keep_alive = false;
  last.close = true;  // if it is answered already, it does not say so
}

void HttpServer::Connection::close_in_order() noexcept {
  if (is_open() && tls_ != nullptr && tls_->established() && !writing_active_) {
    tls_->end();
    std::string& last = tls_->outgoing();
    uv_buf_t buffer = uv_buf_init(last.data(), static_cast<unsigned>(last.size()));
    uv_try_write(stream(), &buffer, 1);
  }
  close();
}

void HttpServer::Connection::close() noexcept {
  if (!is_open()) return;
  state_ = State::kClosing;
  server_.loop_.disarm(timer_);
  server_.dequeue(*this);
  if (std::exchange(peer_counted_, false)) server_.options_.peers->remove(peer_);
  buffer_.reset();
  tls_.reset();
  for (Pending& pending : pending_) pending.text = std::string();
  count_ = 0;
  out_ = std::string();
  server_.closing();
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), &Connection::on_closed);
}

void HttpServer::Connection::on_closed(uv_handle_t* handle) noexcept {
  auto& self = *static_cast<Connection*>(handle->data);
  self.state_ = State::kFree;
  self.writing_ = std::string();
  self.server_.closed(self);
}

}  // namespace headrace::ingest
