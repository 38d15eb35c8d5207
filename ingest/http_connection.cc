// SPDX-License-Identifier: Apache-2.0
#include "ingest/http_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "core/limits.h"

namespace headrace::ingest {

namespace limits = core::limits;

namespace {

// Answers that a client does not read stop its connection from being read at this size.
constexpr std::size_t kOutputBytesHigh = 256 * limits::kKiB;
// How long a refused client may go on sending before the connection is closed under it; closing at
// once would make the kernel reset it and the answer be lost.
constexpr core::SteadyMs kLingerMs = 2'000;
constexpr std::size_t kPromisedBytesMax = 64 * limits::kKiB;
constexpr std::size_t kReadBytesMin =
    2 * limits::kKiB;  // below it a larger buffer is worth its copy

template <class Duration>
core::SteadyMs ms(Duration duration) noexcept {
  return static_cast<core::SteadyMs>(std::chrono::milliseconds(duration).count());
}

}  // namespace

HttpServer::Connection::Connection(HttpServer& server, std::uint32_t index)
    : server_(server), index_(index) {
  timer_.owner = this;
  timer_.fire = &Connection::on_deadline;
  write_.data = shutdown_.data = this;
}

bool HttpServer::Connection::open(uv_stream_t* listener) noexcept {
  HEADRACE_CHECK(uv_tcp_init(server_.loop_.uv(), &tcp_) == 0);
  tcp_.data = this;
  ++generation_;
  state_ = State::kOpen;
  input_ended_ = close_when_sent_ = peer_ended_ = writing_active_ = dirty = reading_ = false;
  invite_body_ = false;
  first_ = count_ = 0;
  start_ = fill_ = 0;
  out_.clear();
  parser_.reset(limits::kBodyBytesMaxDefault);
  if (uv_accept(listener, stream()) != 0) {
    close();
    return false;
  }
  uv_tcp_nodelay(&tcp_, 1);
  set_phase(Phase::kIdle);
  update_reading();
  return true;
}

bool HttpServer::Connection::awaits(std::uint32_t slot) const noexcept {
  const std::uint32_t place =
      (slot + limits::kPipelineDepthMax - first_) % limits::kPipelineDepthMax;
  return place < count_ && !pending_[slot].answered;
}

ResponseToken HttpServer::Connection::token(std::uint32_t slot) const noexcept {
  return ResponseToken{(generation_ << 24) | (std::uint64_t{index_} << 8) | slot};
}

// --- Input
// ----------------------------------------------------------------------------------------------------------

void HttpServer::Connection::on_alloc(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept {
  auto& self = *static_cast<Connection*>(handle->data);
  if (self.input_ended_) {
    auto& discarded = self.server_.discarded_;
    *buffer = uv_buf_init(discarded.data(), static_cast<unsigned>(discarded.size()));
  } else if (self.make_room()) {
    *buffer = uv_buf_init(self.buffer_.data() + self.fill_,
                          static_cast<unsigned>(self.buffer_.capacity() - self.fill_));
  } else {
    *buffer = uv_buf_init(nullptr, 0);  // libuv reports UV_ENOBUFS
  }
}

// Room to read into, moving the current request to a larger buffer if it must be.
bool HttpServer::Connection::make_room() noexcept {
  if (!buffer_) {
    buffer_ = server_.pool_.acquire(limits::kReceiveBufferBytes);
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
  core::BufferRef larger = server_.pool_.acquire(std::max(need, limits::kReceiveBufferBytes));
  if (!larger) return false;
  std::memcpy(larger.data(), buffer_.data() + start_, have);
  buffer_ = std::move(larger);
  start_ = 0;
  fill_ = have;
  return true;
}

void HttpServer::Connection::on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t*) noexcept {
  auto& self = *static_cast<Connection*>(stream->data);
  if (size > 0) {
    if (!self.input_ended_) self.received(static_cast<std::size_t>(size));
  } else if (size == UV_ENOBUFS) {
    self.server_.counters_.shed.add();
    self.refuse(503, "no memory for another request", "Retry-After: 1\r\n");
  } else if (size == UV_EOF) {
    self.input_ended_ = self.close_when_sent_ = self.peer_ended_ = true;
    self.finish_output();
  } else if (size < 0) {
    self.close();
  }
}

void HttpServer::Connection::received(std::size_t size) noexcept {
  fill_ += size;
  process();
}

bool HttpServer::Connection::has_room() const noexcept {
  return count_ < limits::kPipelineDepthMax && out_.size() < kOutputBytesHigh;
}

// Everything that is in the buffer, as far as the pipeline and the output have room.
void HttpServer::Connection::process() noexcept {
  while (is_open() && !input_ended_ && fill_ > start_ && has_room()) {
    if (!parse_one()) break;
  }
  if (!is_open()) return;
  if (fill_ == start_ || input_ended_) {
    buffer_.reset();  // an idle connection holds no buffer
    start_ = fill_ = 0;
    if (!input_ended_) set_phase(Phase::kIdle);
  }
  update_reading();
}

// False: more bytes are needed, or nothing more is to be parsed.
bool HttpServer::Connection::parse_one() noexcept {
  char* base = buffer_.data() + start_;
  switch (parser_.parse(base, fill_ - start_)) {
    case core::RequestParser::Status::kNeedMore:
      fill_ = start_ + parser_.end();
      if (phase_ == Phase::kIdle) set_phase(Phase::kHead);
      return false;
    case core::RequestParser::Status::kHeadComplete:
      return head_complete();
    case core::RequestParser::Status::kComplete:
      request_complete();
      return true;
    case core::RequestParser::Status::kFailed:
      refuse(parser_.status(), parser_.reason(), {});
      return false;
  }
  return false;
}

bool HttpServer::Connection::head_complete() noexcept {
  const core::RequestHead& head = parser_.head();
  const HeadDecision decision = server_.handler_.on_head(head, buffer_.data() + start_);
  if (decision.refuse_status != 0) {
    refuse(decision.refuse_status, decision.refuse_reason, decision.refuse_lines);
    return false;
  }
  parser_.set_body_max(decision.body_bytes_max);
  set_phase(Phase::kBody);
  invite_body_ = head.expect_continue && head.content_length <= decision.body_bytes_max;
  maybe_invite_body();
  return true;
}

// Only in turn: an interim answer must not overtake the final ones of earlier requests.
void HttpServer::Connection::maybe_invite_body() noexcept {
  if (!invite_body_ || count_ != 0 || input_ended_) return;
  invite_body_ = false;
  const core::Range lines = parser_.head().lines;
  const std::size_t head_end = lines.offset + lines.size + 2;  // behind the empty line
  if (fill_ - start_ > head_end) return;                       // the body comes unasked
  out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  server_.mark_dirty(*this);
}

void HttpServer::Connection::request_complete() noexcept {
  server_.counters_.requests.add();
  const core::RequestHead& head = parser_.head();
  const std::uint32_t slot = push_pending(head.keep_alive && !server_.draining_);
  pending_[slot].http_1_1 = head.http_1_1;
  invite_body_ = false;
  if (!pending_[slot].keep_alive) input_ended_ = true;
  const std::size_t end = start_ + parser_.end();
  const std::uint64_t generation = generation_;
  server_.handler_.on_request({head, parser_.body(), buffer_.data() + start_, buffer_},
                              token(slot));
  if (generation != generation_ || !is_open()) return;
  start_ = end;
  parser_.reset(limits::kBodyBytesMaxDefault);
  phase_ = Phase::kIdle;
}

std::uint32_t HttpServer::Connection::push_pending(bool keep_alive) noexcept {
  HEADRACE_DCHECK(count_ < limits::kPipelineDepthMax);
  const std::uint32_t slot = (first_ + count_) % limits::kPipelineDepthMax;
  ++count_;
  Pending& pending = pending_[slot];
  pending.answered = pending.close = false;
  pending.head_only = parser_.head().method == core::Method::kHead;
  pending.http_1_1 = true;
  pending.keep_alive = keep_alive;
  return slot;
}

// Answers what cannot be a request, after the answers that are owed, and takes no more input.
void HttpServer::Connection::refuse(int status, std::string_view reason,
                                    std::string_view lines) noexcept {
  if (input_ended_) return;
  server_.counters_.rejected.add();
  input_ended_ = true;
  if (count_ ==
      limits::kPipelineDepthMax) {  // cannot be: nothing is read while the pipeline is full
    close();
    return;
  }
  const std::uint32_t slot = push_pending(false);
  const std::string body = problem_document(status, reason);
  reply(slot, Response{status, "application/problem+json", body, lines, true});
}

// --- Output
// ---------------------------------------------------------------------------------------------------------

void HttpServer::Connection::reply(std::uint32_t slot, const Response& response) noexcept {
  Pending& pending = pending_[slot];
  pending.answered = true;
  pending.close = response.close || !pending.keep_alive;
  if (slot != first_) {
    format(pending.text, pending, response);
    return;
  }
  format(out_, pending, response);
  pop_answered();
  server_.mark_dirty(*this);
}

// Takes the first request off the pipeline, and those behind it whose answers came before their
// turn.
void HttpServer::Connection::pop_answered() noexcept {
  while (count_ != 0 && pending_[first_].answered) {
    Pending& pending = pending_[first_];
    if (!pending.text.empty()) {
      out_ += pending.text;
      pending.text = std::string();
    }
    first_ = (first_ + 1) % limits::kPipelineDepthMax;
    --count_;
    if (pending.close) {
      input_ended_ = close_when_sent_ = true;
      count_ = 0;  // what comes behind a close is not answered
    }
  }
  maybe_invite_body();
}

void HttpServer::Connection::format(std::string& out, const Pending& pending,
                                    const Response& response) noexcept {
  const auto append_number = [&out](std::uint64_t number) {
    const fmt::format_int text(number);
    out.append(text.data(), text.size());
  };
  out += "HTTP/1.1 ";
  append_number(static_cast<std::uint64_t>(response.status));
  out += ' ';
  out += status_text(response.status);
  out += "\r\n";
  out += server_.date_line();
  if (!response.content_type.empty()) {
    out += "Content-Type: ";
    out += response.content_type;
    out += "\r\n";
  }
  out += response.extra_lines;
  if (pending.close) {
    out += "Connection: close\r\n";
  } else if (!pending.http_1_1) {
    out += "Connection: keep-alive\r\n";
  }
  if (response.status != 204 && response.status != 304) {
    out += "Content-Length: ";
    append_number(response.body.size());
    out += "\r\n";
  }
  out += "\r\n";
  if (!pending.head_only) out += response.body;
}

void HttpServer::Connection::flush() noexcept {
  if (!is_open() || writing_active_) return;
  if (!out_.empty()) {
    uv_buf_t buffer = uv_buf_init(out_.data(), static_cast<unsigned>(out_.size()));
    const int sent = uv_try_write(stream(), &buffer, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
      close();
      return;
    }
    if (sent == static_cast<int>(out_.size())) {
      out_.clear();
    } else {
      writing_.assign(out_, static_cast<std::size_t>(std::max(sent, 0)));
      out_.clear();
      buffer = uv_buf_init(writing_.data(), static_cast<unsigned>(writing_.size()));
      if (uv_write(&write_, stream(), &buffer, 1, &Connection::on_written) != 0) {
        close();
        return;
      }
      writing_active_ = true;
    }
  }
  finish_output();
  // Room in the pipeline may let requests go on that wait in the buffer.
  if (is_open() && !input_ended_ && !reading_) process();
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
  if (peer_ended_) {
    close();
    return;
  }
  if (state_ != State::kOpen) return;
  state_ = State::kLingering;
  buffer_.reset();
  start_ = fill_ = 0;
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

// --- Deadlines and the end
// -------------------------------------------------------------------------------------------

void HttpServer::Connection::set_phase(Phase phase) noexcept {
  phase_ = phase;
  const core::SteadyMs now = server_.loop_.now();
  switch (phase) {
    case Phase::kIdle:
      set_deadline(now + ms(limits::kIdleTimeout));
      break;
    case Phase::kHead:
      set_deadline(now + ms(limits::kHeadTimeout));
      break;
    case Phase::kBody:
      set_deadline(now + ms(limits::kBodyTimeout));
      break;
  }
}

// The timer is only ever brought forward; one that fires too early finds the deadline moved and is
// set again. So a busy connection does not touch the wheel for each request.
void HttpServer::Connection::set_deadline(core::SteadyMs deadline) noexcept {
  deadline_ = deadline;
  if (!timer_.armed() || timer_.deadline > deadline) server_.loop_.arm(timer_, deadline);
}

void HttpServer::Connection::on_deadline(core::Timer& timer) noexcept {
  static_cast<Connection*>(timer.owner)->deadline_passed();
}

void HttpServer::Connection::deadline_passed() noexcept {
  const core::SteadyMs now = server_.loop_.now();
  if (now < deadline_) {
    server_.loop_.arm(timer_, deadline_);
    return;
  }
  const bool answers_owed = count_ != 0 || writing_active_;
  if (state_ == State::kOpen && phase_ == Phase::kIdle && answers_owed && !writing_active_) {
    set_deadline(now + ms(limits::kIdleTimeout));  // it waits for us, not we for it
    return;
  }
  server_.counters_.timeouts.add();
  if (state_ == State::kOpen && phase_ != Phase::kIdle && !input_ended_) {
    refuse(408, "the request did not arrive in time", {});
    set_deadline(now + ms(limits::kHeadTimeout));
    return;
  }
  close();
}

// A request that is being read comes to its end first: request_complete() then takes no more.
void HttpServer::Connection::drain() noexcept {
  if (state_ != State::kOpen || phase_ != Phase::kIdle || input_ended_) return;
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

void HttpServer::Connection::close() noexcept {
  if (!is_open()) return;
  state_ = State::kClosing;
  server_.loop_.disarm(timer_);
  buffer_.reset();
  for (Pending& pending : pending_) pending.text = std::string();
  count_ = 0;
  out_ = std::string();
  ++server_.closing_;
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), &Connection::on_closed);
}

void HttpServer::Connection::on_closed(uv_handle_t* handle) noexcept {
  auto& self = *static_cast<Connection*>(handle->data);
  self.state_ = State::kFree;
  self.writing_ = std::string();
  self.server_.closed(self);
}

}  // namespace headrace::ingest
