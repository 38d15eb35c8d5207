// SPDX-License-Identifier: Apache-2.0
// Reads one HTTP/1.x response from a stream of pieces, keeping its head and the beginning of its
// body.
//
// Strictness as for requests: two lengths, bad chunk sizes, folded lines, bare LF are refused. 1xx
// responses are passed over (at most 8); 101 is refused. The body ends by length, by chunks, or
// with the connection. The verdict depends on the bytes only, not on the pieces in which they came.
//
// Threads: none. Pure: no I/O, no allocation, no clock.
#pragma once

#include <llhttp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/buffer.h"
#include "core/http_chunks.h"
#include "core/limits.h"

namespace headrace::core {

class ResponseParser {
 public:
  enum class Status : std::uint8_t { kNeedMore, kComplete, kFailed };

  ResponseParser() noexcept { reset(nullptr, 0, false); }

  // Ready for the next response. `capture[0, capture_size)` receives the header lines (each with
  // CRLF, without the status line; whole lines only) and then up to kResponseBodyBytesKept of the
  // decoded body, as far as there is room; it must stay valid until the response ended. `to_head`:
  // the request was HEAD, so no body follows.
  void reset(char* capture, std::size_t capture_size, bool to_head) noexcept;

  // kComplete and kFailed stay until reset().
  Status feed(std::string_view bytes) noexcept;
  // The connection ended in order: completes a body that ends with it; kFailed in the middle of
  // anything else.
  Status finish() noexcept;

  // How many bytes of the last feed() belonged to the response. Fewer than given means that the
  // peer said more than it was asked for: keep_alive() is then false.
  std::size_t consumed() const noexcept { return consumed_; }

  int status_code() const noexcept { return status_code_; }  // 0 before the head is read, never 1xx
  bool keep_alive() const noexcept {
    return keep_alive_;
  }  // after kComplete: may the connection be used again
  bool started() const noexcept { return started_; }  // has any byte arrived
  // Seconds of Retry-After when it is a number (kRetryAfterSecondsMax at most), -1 when absent or
  // unusable; a date's seconds are relative to `Date` or, without one, to the given wall time, and
  // 0 when it is past.
  std::int64_t retry_after_seconds(std::uint64_t wall_ms) const noexcept;
  static constexpr std::int64_t kRetryAfterSecondsMax = std::int64_t{1} << 31;

  Range captured_head() const noexcept { return captured_head_; }  // into the capture
  Range captured_body() const noexcept { return captured_body_; }
  std::uint64_t body_bytes() const noexcept { return body_bytes_; }  // all of it, kept or not
  const char* reason() const noexcept { return failed_reason_; }     // after kFailed

 private:
  enum class Phase : std::uint8_t {
    kBlankLines,
    kStatusLine,
    kFields,
    kLength,
    kChunks,
    kUntilClose,
    kComplete,
    kFailed
  };
  enum class Line : std::uint8_t { kMore, kEndOfHead, kBad };
  static constexpr std::size_t kInterimMax = 8;
  // As much of a line as any field that we read needs. A longer line is kept to this size only.
  static constexpr std::size_t kLineBytesKept = 256;
  // The longest date, that of RFC 850, has 33 characters.
  struct ShortText {
    std::array<char, 40> bytes;
    std::uint8_t size = 0;
    void set(std::string_view text) noexcept;
    std::string_view view() const noexcept { return {bytes.data(), size}; }
  };
  // What the fields of the head said.
  struct Seen {
    bool length = false;
    bool chunked = false;
    bool other_coding = false;
    bool close = false;
    bool keep_alive = false;
    std::uint64_t content_length = 0;
    ShortText retry_after;
    ShortText date;
  };

  void begin_head() noexcept;
  Status fail(const char* reason) noexcept;
  Status status() const noexcept;
  std::size_t skip_blank_lines(std::string_view bytes) noexcept;
  // Each answers how many of `bytes` it used.
  std::size_t feed_head(std::string_view bytes) noexcept;
  std::size_t feed_length(std::string_view bytes) noexcept;
  std::size_t feed_chunks(std::string_view bytes) noexcept;

  Line scan_line(std::string_view bytes, std::size_t& at) noexcept;
  Line end_line() noexcept;
  const char* read_status_line(std::string_view line) noexcept;
  const char* read_field(std::string_view line) noexcept;
  const char* read_length(std::string_view value) noexcept;
  const char* read_transfer_encoding(std::string_view value) noexcept;
  bool feed_llhttp(std::string_view bytes, bool head_ends) noexcept;
  void end_head() noexcept;
  void end_body(bool reusable) noexcept;

  void keep_line(std::string_view piece) noexcept;
  void capture_head(std::string_view piece) noexcept;
  void capture_body(std::string_view piece) noexcept;

  llhttp_t llhttp_;
  Phase phase_ = Phase::kBlankLines;
  bool to_head_ = false;
  bool started_ = false;
  bool keep_alive_ = false;
  bool http_1_1_ = false;
  bool blank_line_open_ = false;  // CR of an empty line in front of the status line seen
  bool capture_full_ = false;     // a header line did not fit
  std::uint8_t interim_count_ = 0;
  int status_code_ = 0;
  int head_status_ = 0;  // of the head being read, which may turn out to be interim
  char* capture_ = nullptr;
  std::size_t capture_size_ = 0;
  std::size_t captured_line_ = 0;  // bytes of the unfinished line behind captured_head_
  std::size_t head_bytes_ = 0;
  std::size_t line_bytes_ = 0;  // of the line being read
  char last_byte_ = 0;          // of the line being read
  std::size_t consumed_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::uint64_t body_left_ = 0;
  Range captured_head_;
  Range captured_body_;
  ChunkDecoder chunks_;
  Seen seen_;
  const char* failed_reason_ = "";
  const char* line_fault_ = "";
  std::array<char, kLineBytesKept> line_;
};

}  // namespace headrace::core
