// SPDX-License-Identifier: Apache-2.0
// Reads one HTTP/1.x request out of a buffer that its owner fills, without copying (RFC 9110, 9112).
//
// The request begins at `base`; the owner reads more bytes from the socket behind what is there and calls
// parse() with the whole again. All positions are offsets from `base`, so the owner may move the bytes to a
// larger buffer between two calls. A chunked body is decoded in place: its data ends up contiguous.
//
// Strict beyond llhttp: refused are folded header lines, bare CR, LF or NUL, white space before a colon, empty
// names, both lengths, repeated or unequal Content-Length, any Transfer-Encoding other than exactly one
// "chunked" on HTTP/1.1, no or several Host on HTTP/1.1, targets that are not in origin form, CONNECT, TRACE,
// Upgrade and the HTTP/2 preface, chunk sizes with anything but hex digits, trailers' fields (they are
// checked and dropped). A refused request is answered by its status and the connection closed.
//
// Threads: none; one parser serves one connection. Pure: no I/O, no allocation, no clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <llhttp.h>

#include "core/buffer.h"
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

  // The value of the first field of that name (lower case given, compared without case); null data when
  // there is none.
  std::string_view find(const char* base, std::string_view lower_name) const noexcept;
};

class RequestParser {
 public:
  enum class Status : std::uint8_t {
    kNeedMore,      // read more bytes at end()
    kHeadComplete,  // the head is known, the body not yet read; call parse() again, perhaps after set_body_max()
    kComplete,      // the whole request is there
    kFailed,        // refused: status() and reason() say how
  };

  RequestParser() noexcept;

  // Ready for the next request. body_bytes_max applies until changed.
  void reset(std::size_t body_bytes_max) noexcept;
  // Allowed between kHeadComplete and the next parse().
  void set_body_max(std::size_t bytes) noexcept { body_bytes_max_ = bytes; }

  // `base[0, filled)` are the bytes of this request so far (and perhaps the beginning of the next).
  // kHeadComplete is answered exactly once a request, also when everything is there already.
  Status parse(char* base, std::size_t filled) noexcept;

  // After kNeedMore: where the next byte from the socket belongs. It is `filled`, or less when chunk framing
  // was removed. After kComplete: where the first byte behind this request lies in what was given.
  std::size_t end() const noexcept { return end_; }

  const RequestHead& head() const noexcept { return head_; }
  Range body() const noexcept { return body_; }  // as far as it is decoded

  // After kFailed: 400, 413, 414, 417, 431, 501 or 505, and a sentence without any of the peer's bytes.
  int status() const noexcept { return failed_status_; }
  const char* reason() const noexcept { return failed_reason_; }

 private:
  struct Callbacks;

  llhttp_t parser_;
  RequestHead head_;
  Range body_;
  std::size_t body_bytes_max_ = limits::kBodyBytesMaxDefault;
  std::size_t parsed_ = 0;  // bytes of the buffer already fed
  std::size_t end_ = 0;
  int failed_status_ = 0;
  const char* failed_reason_ = "";
  // The owner of this file adds what it needs.
};

}  // namespace headrace::core
