// SPDX-License-Identifier: Apache-2.0
// Reads one HTTP/1.x request out of a buffer that its owner fills, without copying (RFC 9110,
// 9112).
//
// The request begins at `base`; the owner reads more bytes from the socket behind what is there and
// calls parse() with the whole again. All positions are offsets from `base`, so the owner may move
// the bytes to a larger buffer between two calls. A chunked body is decoded in place: its data ends
// up contiguous.
//
// Two readers must agree: llhttp in strict mode sees every byte of the head, and a reader of lines
// beside it decides what the lines mean. Refused besides what llhttp refuses: folded header lines,
// bare LF, white space before a colon, both lengths or any Content-Length twice, any
// Transfer-Encoding other than exactly one "chunked" on HTTP/1.1, no or several Host on HTTP/1.1,
// targets that are not in origin form, CONNECT, TRACE, Upgrade and the HTTP/2 preface, chunk sizes
// with anything but hex digits. Trailer fields are checked and dropped. A refused request is
// answered by its status and the connection closed. The verdict depends on the bytes only, not on
// the pieces in which they came.
//
// Threads: none; one parser serves one connection. Pure: no I/O, no allocation, no clock.
#pragma once

#include <llhttp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/buffer.h"
#include "core/http_chunks.h"
#include "core/limits.h"

namespace headrace::core {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
std::string_view to_string(Method method) noexcept;

struct HeaderField {
  Range name;
  Range value;  // without surrounding white space
};

struct RequestHead {
  Method method = Method::kOther;
  bool http_1_1 = true;
  bool keep_alive = true;
  bool chunked = false;
  bool expect_continue = false;
  bool has_content_length = false;
  std::uint64_t content_length = 0;
  Range target;  // as sent: path and query
  Range lines;   // the header section: every line with its CRLF, without the empty line
  std::size_t field_count = 0;
  std::array<HeaderField, limits::kHeaderCountMax> fields;

  // The value of the first field of that name (lower case given, compared without case); null data
  // when there is none.
  std::string_view find(const char* base, std::string_view lower_name) const noexcept;
};

class RequestParser {
 public:
  enum class Status : std::uint8_t {
    kNeedMore,      // read more bytes at end()
    kHeadComplete,  // the head is known, the body not yet read; call parse() again, perhaps after
                    // set_body_max()
    kComplete,      // the whole request is there
    kFailed,        // refused: status() and reason() say how
  };

  RequestParser() noexcept { reset(limits::kBodyBytesMaxDefault); }

  // Ready for the next request. body_bytes_max applies until changed; more than kBodyBytesMax
  // counts as that.
  void reset(std::size_t body_bytes_max) noexcept;
  // Allowed between kHeadComplete and the next parse().
  void set_body_max(std::size_t bytes) noexcept {
    body_bytes_max_ = std::min(bytes, limits::kBodyBytesMax);
  }

  // `base[0, filled)` are the bytes of this request so far (and perhaps the beginning of the next).
  // kHeadComplete is answered exactly once a request, also when everything is there already; a body
  // that is declared too long is refused by the call after it. kComplete and kFailed stay until
  // reset().
  Status parse(char* base, std::size_t filled) noexcept;

  // After kNeedMore and kHeadComplete: where the next byte from the socket belongs, and what
  // `filled` counts from. It is `filled`, or less when chunk framing was removed. After kComplete:
  // where the first byte behind this request lies in what was given.
  std::size_t end() const noexcept { return end_; }

  const RequestHead& head() const noexcept { return head_; }
  Range body() const noexcept { return body_; }  // as far as it is decoded

  // After kFailed: 400, 413, 414, 417, 431, 501 or 505, and a sentence without any of the peer's
  // bytes.
  int status() const noexcept { return refusal_.status; }
  const char* reason() const noexcept { return refusal_.reason; }

 private:
  enum class Phase : std::uint8_t {
    kBlankLines,
    kRequestLine,
    kFields,
    kHeadDone,
    kLength,
    kChunks,
    kComplete,
    kFailed
  };
  struct Refusal {
    int status = 0;  // 0: not refused
    const char* reason = "";
  };
  // What the fields said that decide about framing.
  struct Seen {
    std::uint8_t hosts = 0;
    bool transfer_encoding = false;
    bool close = false;
    bool keep_alive = false;
  };

  Status parse_head(char* base, std::size_t filled) noexcept;
  Status parse_length(std::size_t filled) noexcept;
  Status parse_chunks(char* base, std::size_t filled) noexcept;
  Status begin_body(char* base, std::size_t filled) noexcept;
  Status fail(Refusal refusal) noexcept;

  // Each answers how the head is refused by what it looked at, if at all.
  Refusal skip_blank_lines(const char* base, std::size_t filled) noexcept;
  Refusal scan_lines(const char* base, std::size_t filled) noexcept;
  Refusal end_line(const char* base, std::size_t line_feed) noexcept;
  Refusal add_field(const char* base, std::size_t line_end) noexcept;
  Refusal note_framing(std::string_view name, std::string_view value) noexcept;
  Refusal note_length(std::string_view value) noexcept;
  Refusal note_transfer_encoding(std::string_view value) noexcept;
  Refusal feed_llhttp(const char* base, std::size_t until) noexcept;
  Refusal finish_head(const char* base) noexcept;
  Refusal read_request_line(const char* base) noexcept;

  llhttp_t llhttp_;
  Phase phase_ = Phase::kBlankLines;
  Seen seen_;
  std::size_t line_start_ = 0;  // of the line being read
  std::size_t scanned_ = 0;     // up to here the line reader has seen the head
  std::size_t fed_ = 0;         // and up to here llhttp
  std::size_t head_end_ = 0;
  Range request_line_;  // without its CRLF
  std::size_t end_ = 0;
  std::size_t body_bytes_max_ = limits::kBodyBytesMaxDefault;
  Range body_;
  ChunkDecoder chunks_;
  Refusal refusal_;
  RequestHead head_;
};

}  // namespace headrace::core
