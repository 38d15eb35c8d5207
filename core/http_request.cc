// SPDX-License-Identifier: Apache-2.0
// Verdicts must not depend on the pieces in which bytes arrive. So whoever finds a fault says at
// which byte, and llhttp is fed up to that byte before the fault is believed: the first fault in
// the order of bytes wins.
#include "core/http_request.h"

#include <cstring>

#include "core/http_grammar.h"

namespace headrace::core {
namespace {

// The longest method that llhttp knows (UNSUBSCRIBE), two spaces, "HTTP/1.1" and CR fit behind the
// target.
constexpr std::size_t kRequestLineBytesMax = limits::kTargetBytesMax + 32;

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

Range range_of(std::size_t begin, std::size_t end) noexcept {
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)};
}

Range range_of(const char* base, std::string_view text) noexcept {
  return {static_cast<std::uint32_t>(text.data() - base), static_cast<std::uint32_t>(text.size())};
}

Method method_of(std::uint8_t llhttp_method) noexcept {
  switch (llhttp_method) {
    case HTTP_GET:
      return Method::kGet;
    case HTTP_HEAD:
      return Method::kHead;
    case HTTP_POST:
      return Method::kPost;
    case HTTP_PUT:
      return Method::kPut;
    case HTTP_PATCH:
      return Method::kPatch;
    case HTTP_DELETE:
      return Method::kDelete;
    case HTTP_OPTIONS:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

}  // namespace

std::string_view to_string(Method method) noexcept {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  return "other";
}

std::string_view RequestHead::find(const char* base, std::string_view lower_name) const noexcept {
  for (std::size_t i = 0; i < field_count; ++i) {
    if (fields[i].name.size != lower_name.size()) continue;
    if (http::equals_lower(fields[i].name.in(base), lower_name)) return fields[i].value.in(base);
  }
  return {};
}

void RequestParser::reset(std::size_t body_bytes_max) noexcept {
  llhttp_init(&llhttp_, HTTP_REQUEST, &settings());
  phase_ = Phase::kBlankLines;
  seen_ = {};
  line_start_ = scanned_ = fed_ = head_end_ = end_ = 0;
  request_line_ = body_ = {};
  refusal_ = {};
  set_body_max(body_bytes_max);
  // All but the fields, of which only field_count mean anything.
  head_.method = Method::kOther;
  head_.http_1_1 = head_.keep_alive = true;
  head_.chunked = head_.expect_continue = head_.has_content_length = false;
  head_.content_length = 0;
  head_.target = head_.lines = {};
  head_.field_count = 0;
}

RequestParser::Status RequestParser::parse(char* base, std::size_t filled) noexcept {
  switch (phase_) {
    case Phase::kHeadDone:
      return begin_body(base, filled);
    case Phase::kLength:
      return parse_length(filled);
    case Phase::kChunks:
      return parse_chunks(base, filled);
    case Phase::kComplete:
      return Status::kComplete;
    case Phase::kFailed:
      return Status::kFailed;
    default:
      return parse_head(base, filled);
  }
}

RequestParser::Status RequestParser::fail(Refusal refusal) noexcept {
  refusal_ = refusal;
  phase_ = Phase::kFailed;
  return Status::kFailed;
}

RequestParser::Status RequestParser::parse_head(char* base, std::size_t filled) noexcept {
  end_ = filled;
  if (phase_ == Phase::kBlankLines) {
    if (const Refusal refusal = skip_blank_lines(base, filled); refusal.status != 0)
      return fail(refusal);
    if (phase_ == Phase::kBlankLines) return Status::kNeedMore;
  }
  const Refusal found = scan_lines(base, filled);
  if (const Refusal earlier = feed_llhttp(base, scanned_); earlier.status != 0)
    return fail(earlier);
  if (found.status != 0) return fail(found);
  if (head_end_ == 0) return Status::kNeedMore;
  if (const Refusal refusal = finish_head(base); refusal.status != 0) return fail(refusal);
  phase_ = Phase::kHeadDone;
  return Status::kHeadComplete;
}

// RFC 9112 section 2.2: empty lines in front of a request line are passed over.
RequestParser::Refusal RequestParser::skip_blank_lines(const char* base,
                                                       std::size_t filled) noexcept {
  for (; line_start_ < filled; line_start_ += 2) {
    if (line_start_ >= limits::kHeadBytesMax)
      return {431, "too many empty lines before the request"};
    if (base[line_start_] == '\n') return {400, "a line feed without a carriage return"};
    if (base[line_start_] != '\r') {
      scanned_ = fed_ = line_start_;
      phase_ = Phase::kRequestLine;
      return {};
    }
    if (line_start_ + 1 == filled) return {};
    if (base[line_start_ + 1] != '\n') return {400, "a carriage return without a line feed"};
  }
  return {};
}

// Reads lines up to the end of the head or of what is there. When it refuses, scanned_ is the place
// of the fault.
RequestParser::Refusal RequestParser::scan_lines(const char* base, std::size_t filled) noexcept {
  const std::size_t limit = std::min(filled, limits::kHeadBytesMax);
  while (scanned_ < limit) {
    if (phase_ == Phase::kFields && scanned_ == line_start_ && http::is_blank(base[scanned_])) {
      return {400, "a folded header line"};
    }
    const std::size_t stop =
        phase_ == Phase::kRequestLine ? std::min(limit, line_start_ + kRequestLineBytesMax) : limit;
    const void* found = std::memchr(base + scanned_, '\n', stop - scanned_);
    if (found == nullptr) {
      scanned_ = stop;
      if (stop < limit) return {414, "the request target is too long"};
      break;
    }
    scanned_ = static_cast<std::size_t>(static_cast<const char*>(found) - base);
    if (const Refusal refusal = end_line(base, scanned_); refusal.status != 0) return refusal;
    ++scanned_;
    line_start_ = scanned_;
    if (head_end_ != 0) return {};
  }
  if (filled >= limits::kHeadBytesMax && scanned_ == limits::kHeadBytesMax) {
    return {431, "the header section is too large"};
  }
  return {};
}

RequestParser::Refusal RequestParser::end_line(const char* base, std::size_t line_feed) noexcept {
  if (line_feed == line_start_ || base[line_feed - 1] != '\r')
    return {400, "a line feed without a carriage return"};
  const std::size_t line_end = line_feed - 1;
  if (phase_ == Phase::kRequestLine) {
    request_line_ = range_of(line_start_, line_end);
    head_.lines = range_of(line_feed + 1, line_feed + 1);
    phase_ = Phase::kFields;
    return {};
  }
  if (line_end == line_start_) {
    head_end_ = line_feed + 1;
    return {};
  }
  head_.lines.size += static_cast<std::uint32_t>(line_feed + 1 - line_start_);
  return add_field(base, line_end);
}

RequestParser::Refusal RequestParser::add_field(const char* base, std::size_t line_end) noexcept {
  if (head_.field_count == limits::kHeaderCountMax) return {431, "too many header lines"};
  const std::string_view line{base + line_start_, line_end - line_start_};
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return {400, "a header line without a name"};
  if (http::is_blank(line[colon - 1])) return {400, "white space before a colon"};
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = http::trim(line.substr(colon + 1));
  head_.fields[head_.field_count++] = {range_of(base, name), range_of(base, value)};
  return note_framing(name, value);
}

RequestParser::Refusal RequestParser::note_framing(std::string_view name,
                                                   std::string_view value) noexcept {
  switch (name.size()) {
    case 4:
      if (!http::equals_lower(name, "host")) break;
      if (++seen_.hosts > 1) return {400, "more than one Host"};
      if (!http::is_host(value)) return {400, "a Host that is not one"};
      break;
    case 6:
      if (!http::equals_lower(name, "expect")) break;
      if (!http::equals_lower(value, "100-continue"))
        return {417, "an expectation other than 100-continue"};
      head_.expect_continue = true;
      break;
    case 7:
      if (http::equals_lower(name, "upgrade")) return {501, "Upgrade is not offered"};
      break;
    case 10:
      if (!http::equals_lower(name, "connection")) break;
      seen_.close = seen_.close || http::list_contains(value, "close");
      seen_.keep_alive = seen_.keep_alive || http::list_contains(value, "keep-alive");
      break;
    case 14:
      if (http::equals_lower(name, "content-length")) return note_length(value);
      break;
    case 17:
      if (http::equals_lower(name, "transfer-encoding")) return note_transfer_encoding(value);
      break;
    default:
      break;
  }
  return {};
}

RequestParser::Refusal RequestParser::note_length(std::string_view value) noexcept {
  if (head_.has_content_length) return {400, "more than one Content-Length"};
  if (seen_.transfer_encoding) return {400, "both Content-Length and Transfer-Encoding"};
  if (!http::parse_number(value, head_.content_length))
    return {400, "a Content-Length that is not a number"};
  head_.has_content_length = true;
  return {};
}

RequestParser::Refusal RequestParser::note_transfer_encoding(std::string_view value) noexcept {
  if (seen_.transfer_encoding) return {400, "more than one Transfer-Encoding"};
  if (head_.has_content_length) return {400, "both Content-Length and Transfer-Encoding"};
  if (!http::equals_lower(value, "chunked")) return {400, "a Transfer-Encoding other than chunked"};
  seen_.transfer_encoding = head_.chunked = true;
  return {};
}

RequestParser::Refusal RequestParser::feed_llhttp(const char* base, std::size_t until) noexcept {
  if (until <= fed_) return {};
  const llhttp_errno_t code = llhttp_execute(&llhttp_, base + fed_, until - fed_);
  fed_ = until;
  if (llhttp_.method == HTTP_PRI && (code != HPE_OK || head_end_ == until))
    return {505, "HTTP/2 is not spoken here"};
  switch (code) {
    case HPE_OK:
      return head_end_ == until ? Refusal{400, "the head has no end"} : Refusal{};
    case HPE_PAUSED:
      return head_end_ == until ? Refusal{} : Refusal{400, "the head has two ends"};
    case HPE_INVALID_VERSION:
      if (llhttp_.http_major != 1 || llhttp_.http_minor > 1)
        return {505, "an HTTP version other than 1.0 and 1.1"};
      return {400, "a malformed request line"};
    default:
      return {400, llhttp_get_error_reason(&llhttp_)};
  }
}

RequestParser::Refusal RequestParser::finish_head(const char* base) noexcept {
  if (llhttp_.http_major != 1 || llhttp_.http_minor > 1)
    return {505, "an HTTP version other than 1.0 and 1.1"};
  if (llhttp_.method == HTTP_CONNECT || llhttp_.method == HTTP_TRACE)
    return {501, "a method that is not offered"};
  if (const Refusal refusal = read_request_line(base); refusal.status != 0) return refusal;
  head_.method = method_of(llhttp_.method);
  head_.http_1_1 = llhttp_.http_minor == 1;
  if (head_.http_1_1 && seen_.hosts == 0) return {400, "no Host"};
  if (!head_.http_1_1 && seen_.transfer_encoding) return {400, "Transfer-Encoding on HTTP/1.0"};
  head_.expect_continue = head_.expect_continue && head_.http_1_1;
  head_.keep_alive = !seen_.close && (head_.http_1_1 || seen_.keep_alive);
  return {};
}

// llhttp has accepted the characters; here the form is checked: METHOD SP origin-form SP
// HTTP-version.
RequestParser::Refusal RequestParser::read_request_line(const char* base) noexcept {
  constexpr std::string_view kVersion = "HTTP/1.x";
  const std::string_view line = request_line_.in(base);
  const std::size_t begin = line.find(' ') + 1;
  const std::size_t size = line.substr(begin).find(' ');
  if (begin == 0 || size == std::string_view::npos ||
      line.size() != begin + size + 1 + kVersion.size() ||
      line.substr(begin + size + 1, 5) != "HTTP/") {
    return {400, "a malformed request line"};
  }
  const std::string_view target = line.substr(begin, size);
  if (target.size() > limits::kTargetBytesMax) return {414, "the request target is too long"};
  if (!target.starts_with('/') || target.find('#') != std::string_view::npos) {
    return {400, "a request target that is not in origin form"};
  }
  head_.target = range_of(base, target);
  return {};
}

RequestParser::Status RequestParser::begin_body(char* base, std::size_t filled) noexcept {
  if (head_.content_length > body_bytes_max_) return fail({413, "the body is too large"});
  body_ = range_of(head_end_, head_end_);
  end_ = head_end_;
  if (!head_.chunked) {
    phase_ = Phase::kLength;
    return parse_length(filled);
  }
  chunks_.reset(body_bytes_max_);
  phase_ = Phase::kChunks;
  return parse_chunks(base, filled);
}

// The bytes of such a body are neither looked at nor moved.
RequestParser::Status RequestParser::parse_length(std::size_t filled) noexcept {
  const auto declared = static_cast<std::size_t>(head_.content_length);
  const std::size_t size = std::min(filled - head_end_, declared);
  body_.size = static_cast<std::uint32_t>(size);
  end_ = head_end_ + size;
  if (size < declared) return Status::kNeedMore;
  phase_ = Phase::kComplete;
  return Status::kComplete;
}

RequestParser::Status RequestParser::parse_chunks(char* base, std::size_t filled) noexcept {
  const char* at = base + end_;
  const char* const end = base + filled;
  for (;;) {
    std::string_view data;
    switch (chunks_.next(at, end, data)) {
      case ChunkDecoder::Step::kData:
        std::memmove(base + body_.offset + body_.size, data.data(), data.size());
        body_.size += static_cast<std::uint32_t>(data.size());
        break;
      case ChunkDecoder::Step::kNeedMore:
        end_ = body_.offset + body_.size;
        return Status::kNeedMore;
      case ChunkDecoder::Step::kComplete:
        end_ = static_cast<std::size_t>(at - base);
        phase_ = Phase::kComplete;
        return Status::kComplete;
      case ChunkDecoder::Step::kMalformed:
        return fail({400, "a malformed chunk"});
      case ChunkDecoder::Step::kTooLarge:
        return fail({413, "the body is too large"});
    }
  }
}

}  // namespace headrace::core
