// SPDX-License-Identifier: Apache-2.0
// As in the request parser, llhttp and a reader of lines must agree. Here the head may be cut
// anywhere and nothing of it is kept, so the line reader keeps the beginning of the line it is in.
#include "core/http_response.h"

#include <algorithm>
#include <cstring>

#include "core/http_date.h"
#include "core/http_grammar.h"

namespace headrace::core {
namespace {

constexpr std::uint64_t kChunkedBytesMax = std::uint64_t{1} << 56;

int pause_at_end_of_head(llhttp_t*) { return HPE_PAUSED; }

const llhttp_settings_t& settings() noexcept {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_headers_complete = &pause_at_end_of_head;
    return made;
  }();
  return kSettings;
}

}  // namespace

// Text that does not fit is no date and no number of seconds: it is kept as an empty one, which is
// unusable.
void ResponseParser::ShortText::set(std::string_view text) noexcept {
  if (text.size() > bytes.size()) text = {};
  text.copy(bytes.data(), text.size());
  size = static_cast<std::uint8_t>(text.size());
}

void ResponseParser::reset(char* capture, std::size_t capture_size, bool to_head) noexcept {
  capture_ = capture;
  capture_size_ =
      std::min(capture_size, limits::kResponseHeadBytesMax + limits::kResponseBodyBytesKept);
  to_head_ = to_head;
  started_ = keep_alive_ = false;
  interim_count_ = 0;
  status_code_ = 0;
  consumed_ = 0;
  body_bytes_ = body_left_ = 0;
  failed_reason_ = line_fault_ = "";
  begin_head();
}

void ResponseParser::begin_head() noexcept {
  llhttp_init(&llhttp_, HTTP_RESPONSE, &settings());
  phase_ = Phase::kBlankLines;
  blank_line_open_ = capture_full_ = false;
  captured_line_ = head_bytes_ = line_bytes_ = 0;
  captured_head_ = captured_body_ = {};
  seen_.length = seen_.chunked = seen_.other_coding = seen_.close = seen_.keep_alive = false;
  seen_.content_length = 0;
  seen_.retry_after.size = seen_.date.size = 0;
}

ResponseParser::Status ResponseParser::fail(const char* reason) noexcept {
  failed_reason_ = reason;
  phase_ = Phase::kFailed;
  keep_alive_ = false;
  return Status::kFailed;
}

ResponseParser::Status ResponseParser::status() const noexcept {
  if (phase_ == Phase::kComplete) return Status::kComplete;
  return phase_ == Phase::kFailed ? Status::kFailed : Status::kNeedMore;
}

ResponseParser::Status ResponseParser::feed(std::string_view bytes) noexcept {
  consumed_ = 0;
  started_ = started_ || !bytes.empty();
  while (consumed_ < bytes.size() && status() == Status::kNeedMore) {
    const std::string_view rest = bytes.substr(consumed_);
    switch (phase_) {
      case Phase::kBlankLines:
        consumed_ += skip_blank_lines(rest);
        break;
      case Phase::kLength:
        consumed_ += feed_length(rest);
        break;
      case Phase::kChunks:
        consumed_ += feed_chunks(rest);
        break;
      case Phase::kUntilClose:
        capture_body(rest);
        consumed_ += rest.size();
        break;
      default:
        consumed_ += feed_head(rest);
        break;
    }
  }
  if (consumed_ < bytes.size()) keep_alive_ = false;
  return status();
}

ResponseParser::Status ResponseParser::finish() noexcept {
  if (phase_ == Phase::kUntilClose) end_body(false);
  if (status() == Status::kNeedMore) {
    return fail(started_ ? "the connection ended within the response"
                         : "the connection ended without a response");
  }
  keep_alive_ = false;
  return status();
}

std::size_t ResponseParser::skip_blank_lines(std::string_view bytes) noexcept {
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const char expected = blank_line_open_ ? '\n' : '\r';
    if (bytes[at] != expected) {
      if (blank_line_open_ || bytes[at] == '\n') {
        fail("a line end that is not CRLF");
      } else {
        phase_ = Phase::kStatusLine;
      }
      return at;
    }
    blank_line_open_ = !blank_line_open_;
    if (++head_bytes_ > limits::kResponseHeadBytesMax)
      fail("too many empty lines before the response");
  }
  return bytes.size();
}

// Scans as many lines as there are, then gives llhttp the same bytes at once. A fault of ours at
// some byte counts only if llhttp found none before it.
std::size_t ResponseParser::feed_head(std::string_view bytes) noexcept {
  const std::string_view allowed = bytes.substr(0, limits::kResponseHeadBytesMax - head_bytes_);
  std::size_t at = 0;
  Line line = Line::kMore;
  while (line == Line::kMore && at < allowed.size()) line = scan_line(allowed, at);
  head_bytes_ += at;
  if (!feed_llhttp(allowed.substr(0, at), line == Line::kEndOfHead)) return at;
  if (line == Line::kBad) {
    fail(line_fault_);
  } else if (line == Line::kEndOfHead) {
    end_head();
  } else if (head_bytes_ == limits::kResponseHeadBytesMax) {
    fail("the response's head is too large");
  }
  return at;
}

// Reads to the end of a line or of what is there and moves `at` behind it; after kBad, to the
// fault.
ResponseParser::Line ResponseParser::scan_line(std::string_view bytes, std::size_t& at) noexcept {
  if (line_bytes_ == 0 && phase_ == Phase::kFields && http::is_blank(bytes[at])) {
    line_fault_ = "a folded header line";
    return Line::kBad;
  }
  const std::size_t found = bytes.find('\n', at);
  const std::string_view piece =
      bytes.substr(at, found == std::string_view::npos ? found : found - at);
  keep_line(piece);
  at += piece.size();
  if (found == std::string_view::npos) return Line::kMore;
  const Line line = end_line();
  if (line != Line::kBad) ++at;
  return line;
}

ResponseParser::Line ResponseParser::end_line() noexcept {
  if (line_bytes_ == 0 || last_byte_ != '\r') {
    line_fault_ = "a line feed without a carriage return";
    return Line::kBad;
  }
  const std::size_t size = line_bytes_ - 1;
  const std::string_view line{line_.data(), std::min(size, kLineBytesKept)};
  const char* fault = nullptr;
  if (phase_ == Phase::kStatusLine) {
    fault = read_status_line(line);
    phase_ = Phase::kFields;
  } else if (size == 0) {
    captured_line_ = 0;
    return Line::kEndOfHead;
  } else {
    fault = read_field(line);
    capture_head("\n");
    captured_head_.size += static_cast<std::uint32_t>(captured_line_);
    captured_line_ = 0;
  }
  line_bytes_ = 0;
  if (fault == nullptr) return Line::kMore;
  line_fault_ = fault;
  return Line::kBad;
}

const char* ResponseParser::read_status_line(std::string_view line) noexcept {
  constexpr std::string_view kVersion = "HTTP/1.";
  if (line.size() < 12 || !line.starts_with(kVersion) || (line[7] != '0' && line[7] != '1') ||
      line[8] != ' ' || !http::is_digit(line[9]) || !http::is_digit(line[10]) ||
      !http::is_digit(line[11]) || line[9] == '0' || (line.size() > 12 && line[12] != ' ')) {
    return "a malformed status line";
  }
  http_1_1_ = line[7] == '1';
  head_status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  return nullptr;
}

const char* ResponseParser::read_field(std::string_view line) noexcept {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos)
    return line.size() < kLineBytesKept ? "a header line without a name" : nullptr;
  if (colon == 0) return "a header line without a name";
  if (http::is_blank(line[colon - 1])) return "white space before a colon";
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = http::trim(line.substr(colon + 1));
  const bool whole = line.size() < kLineBytesKept;
  switch (name.size()) {
    case 4:
      if (http::equals_lower(name, "date") && whole && seen_.date.size == 0) seen_.date.set(value);
      break;
    case 10:
      if (!http::equals_lower(name, "connection")) break;
      seen_.close = seen_.close || !whole || http::list_contains(value, "close");
      seen_.keep_alive = seen_.keep_alive || http::list_contains(value, "keep-alive");
      break;
    case 11:
      if (http::equals_lower(name, "retry-after") && whole && seen_.retry_after.size == 0)
        seen_.retry_after.set(value);
      break;
    case 14:
      if (http::equals_lower(name, "content-length"))
        return whole ? read_length(value) : "an overlong Content-Length";
      break;
    case 17:
      if (!http::equals_lower(name, "transfer-encoding")) break;
      return whole ? read_transfer_encoding(value) : "an overlong Transfer-Encoding";
    default:
      break;
  }
  return nullptr;
}

const char* ResponseParser::read_length(std::string_view value) noexcept {
  if (seen_.length) return "more than one Content-Length";
  if (seen_.chunked || seen_.other_coding) return "both Content-Length and Transfer-Encoding";
  if (!http::parse_number(value, seen_.content_length))
    return "a Content-Length that is not a number";
  seen_.length = true;
  return nullptr;
}

const char* ResponseParser::read_transfer_encoding(std::string_view value) noexcept {
  if (seen_.length) return "both Content-Length and Transfer-Encoding";
  if (seen_.chunked || seen_.other_coding) return "more than one Transfer-Encoding";
  seen_.chunked = http::equals_lower(value, "chunked");
  seen_.other_coding = !seen_.chunked;
  if (seen_.other_coding && http::list_contains(value, "chunked"))
    return "a Transfer-Encoding that cannot be undone";
  return nullptr;
}

bool ResponseParser::feed_llhttp(std::string_view bytes, bool head_ends) noexcept {
  const llhttp_errno_t code = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
  if (code == (head_ends ? HPE_PAUSED : HPE_OK)) return true;
  const bool agrees = code == HPE_OK || code == HPE_PAUSED;
  fail(agrees ? "the head's end is ambiguous" : llhttp_get_error_reason(&llhttp_));
  return false;
}

// RFC 9112 section 6.3: which bodies there are and how they end.
void ResponseParser::end_head() noexcept {
  if (head_status_ == 101) {
    fail("the peer switched protocols unasked");
    return;
  }
  if (head_status_ < 200) {
    if (++interim_count_ > kInterimMax) {
      fail("too many interim responses");
    } else {
      begin_head();
    }
    return;
  }
  status_code_ = head_status_;
  captured_body_.offset = captured_head_.size;
  if (to_head_ || head_status_ == 204 || head_status_ == 304) {
    end_body(true);
  } else if (seen_.chunked) {
    chunks_.reset(kChunkedBytesMax);
    phase_ = Phase::kChunks;
  } else if (!seen_.length) {
    phase_ = Phase::kUntilClose;
  } else if (seen_.content_length == 0) {
    end_body(true);
  } else {
    body_left_ = seen_.content_length;
    phase_ = Phase::kLength;
  }
}

std::size_t ResponseParser::feed_length(std::string_view bytes) noexcept {
  const std::string_view piece =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), body_left_)));
  capture_body(piece);
  body_left_ -= piece.size();
  if (body_left_ == 0) end_body(true);
  return piece.size();
}

std::size_t ResponseParser::feed_chunks(std::string_view bytes) noexcept {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  for (;;) {
    std::string_view data;
    switch (chunks_.next(at, end, data)) {
      case ChunkDecoder::Step::kData:
        capture_body(data);
        break;
      case ChunkDecoder::Step::kNeedMore:
        return bytes.size();
      case ChunkDecoder::Step::kComplete:
        end_body(true);
        return static_cast<std::size_t>(at - bytes.data());
      default:
        fail("a malformed chunk");
        return static_cast<std::size_t>(at - bytes.data());
    }
  }
}

// RFC 9112 section 6.1: chunks on HTTP/1.0 are read, but such a connection is not trusted any
// further.
void ResponseParser::end_body(bool reusable) noexcept {
  keep_alive_ = reusable && !seen_.close && (http_1_1_ || (seen_.keep_alive && !seen_.chunked));
  phase_ = Phase::kComplete;
}

void ResponseParser::keep_line(std::string_view piece) noexcept {
  if (piece.empty()) return;
  if (line_bytes_ < kLineBytesKept) {
    piece.copy(line_.data() + line_bytes_, kLineBytesKept - line_bytes_);
  }
  line_bytes_ += piece.size();
  last_byte_ = piece.back();
  if (phase_ == Phase::kFields) capture_head(piece);
}

// Bytes of a line count only once the line is whole; the first line that does not fit is the end of
// it.
void ResponseParser::capture_head(std::string_view piece) noexcept {
  const std::size_t used = captured_head_.size + captured_line_;
  if (piece.size() > capture_size_ - used) capture_full_ = true;
  if (capture_full_) {
    captured_line_ = 0;
    return;
  }
  piece.copy(capture_ + used, piece.size());
  captured_line_ += piece.size();
}

void ResponseParser::capture_body(std::string_view piece) noexcept {
  body_bytes_ += piece.size();
  const std::size_t used = captured_body_.offset + captured_body_.size;
  const std::size_t room =
      std::min(capture_size_ - used, limits::kResponseBodyBytesKept - captured_body_.size);
  captured_body_.size += static_cast<std::uint32_t>(piece.copy(capture_ + used, room));
}

std::int64_t ResponseParser::retry_after_seconds(std::uint64_t wall_ms) const noexcept {
  const std::string_view text = seen_.retry_after.view();
  if (!text.empty() && std::all_of(text.begin(), text.end(), http::is_digit)) {
    std::uint64_t seconds = 0;
    if (!http::parse_number(text, seconds)) return kRetryAfterSecondsMax;
    return std::min(static_cast<std::int64_t>(seconds), kRetryAfterSecondsMax);
  }
  const auto wall = static_cast<std::int64_t>(wall_ms / 1000);
  std::int64_t until = 0;
  if (!http::parse_date(text, wall, until)) return -1;
  std::int64_t now = wall;
  if (std::int64_t date = 0; http::parse_date(seen_.date.view(), wall, date)) now = date;
  return std::clamp<std::int64_t>(until - now, 0, kRetryAfterSecondsMax);
}

}  // namespace headrace::core
