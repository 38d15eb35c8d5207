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

}  // namespace

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

void HttpServer::Connection::received(std::size_t size) noexcept {
  fill_ += size;
  process();
}

bool HttpServer::Connection::has_room() const noexcept {
  const std::size_t enciphered = tls_ == nullptr ? 0 : tls_->outgoing().size();
  return count_ < limits::kPipelineDepthMax && out_.size() + enciphered < kOutputBytesHigh;
}

// Everything that is in the buffer, as far as the pipeline and the output have room.
void HttpServer::Connection::process() noexcept {
  while (is_open() && !input_ended_ && fill_ > start_ && has_room()) {
    if (!parse_one()) break;
  }
  if (!is_open()) return;
  if (fill_ == start_ || input_ended_) {
    release_buffer();
    if (!input_ended_) set_phase(Phase::kIdle);
  } else {
    wait_in_line();
    make_small();
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
  const bool last = ++requests_ >= server_.options_.requests_per_connection_max;
  const std::uint32_t slot = push_pending(head.keep_alive && !last && !server_.draining_);
  pending_[slot].http_1_1 = head.http_1_1;
  invite_body_ = false;
  if (!pending_[slot].keep_alive) input_ended_ = true;
  const std::size_t end = start_ + parser_.end();
  const std::uint64_t generation = generation_;
  char* const base = buffer_.data() + start_;
  server_.handler_.on_request({head, parser_.body(), base, buffer_,
                               client_of(head, base, peer_, *server_.options_.clients)},
                              token(slot));
  if (generation != generation_ || !is_open()) return;
  start_ = end;
  parser_.reset(limits::kBodyBytesMaxDefault);
  phase_ = Phase::kIdle;
  server_.dequeue(*this);
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

}  // namespace headrace::ingest
