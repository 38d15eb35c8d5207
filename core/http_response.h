// SPDX-License-Identifier: Apache-2.0
// Reads one HTTP/1.x response from a stream of pieces, keeping its head and the beginning of its body.
//
// Strictness as for requests: two lengths, bad chunk sizes, folded lines, bare LF are refused. 1xx responses are
// passed over (at most 8); 101 is refused. The body ends by length, by chunks, or with the connection.
//
// Threads: none. Pure: no I/O, no allocation, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <llhttp.h>

#include "core/buffer.h"
#include "core/limits.h"

namespace headrace::core {

class ResponseParser {
 public:
  enum class Status : std::uint8_t { kNeedMore, kComplete, kFailed };

  ResponseParser() noexcept;

  // Ready for the next response. `capture[0, capture_size)` receives the header lines (each with CRLF, without
  // the status line) and then up to kResponseBodyBytesKept of the decoded body, as far as there is room;
  // it must stay valid until the response ended. `to_head`: the request was HEAD, so no body follows.
  void reset(char* capture, std::size_t capture_size, bool to_head) noexcept;

  Status feed(std::string_view bytes) noexcept;
  // The connection ended in order: completes a body that ends with it; kFailed in the middle of anything else.
  Status finish() noexcept;

  int status_code() const noexcept { return status_code_; }  // 0 before the status line is read
  bool keep_alive() const noexcept { return keep_alive_; }   // after kComplete: may the connection be used again
  bool started() const noexcept { return started_; }         // has any byte arrived
  // Seconds of Retry-After when it is a number, -1 when absent or unusable; a date's seconds are relative to `Date`
  // or, without one, to the given wall time.
  std::int64_t retry_after_seconds(std::uint64_t wall_ms) const noexcept;

  Range captured_head() const noexcept { return captured_head_; }  // into the capture
  Range captured_body() const noexcept { return captured_body_; }
  std::uint64_t body_bytes() const noexcept { return body_bytes_; }  // all of it, kept or not
  const char* reason() const noexcept { return failed_reason_; }     // after kFailed

 private:
  struct Callbacks;

  llhttp_t parser_;
  int status_code_ = 0;
  bool keep_alive_ = false;
  bool started_ = false;
  std::uint64_t body_bytes_ = 0;
  Range captured_head_;
  Range captured_body_;
  const char* failed_reason_ = "";
  // The owner of this file adds what it needs.
};

}  // namespace headrace::core
