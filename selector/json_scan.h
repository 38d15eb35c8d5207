// SPDX-License-Identifier: Apache-2.0
// One pass over a JSON text that validates it and tells a handler what stands where.
//
// A Handler has: begin_object(), begin_array(), end(), key(JsonString), string(JsonString),
// number(string_view), literal(string_view). It is told of everything up to the fault, so on a
// fault it discards what it gathered. Invariant: no recursion and no allocation; the only memory is
// one bit for each open container.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/limits.h"
#include "selector/json.h"
#include "selector/utf8.h"

namespace headrace::selector {

// A string as it stands between its quotes.
struct JsonString {
  std::string_view raw;
  bool escaped = false;  // there is a backslash in it
};

template <class Handler>
class JsonScanner {
 public:
  JsonScanner(std::string_view text, Handler& handler) noexcept
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()), handler_(handler) {}

  // False: fault() says why and where.
  bool run() {
    if (std::string_view(begin_, static_cast<std::size_t>(end_ - begin_))
            .starts_with("\xEF\xBB\xBF")) {
      return refuse("a byte order mark does not belong into JSON");
    }
    do {
      skip_space();
      Next next = value();
      while (next == Next::kSeparator && depth_ != 0) next = separator();
      if (next == Next::kFault) return false;
    } while (depth_ != 0);
    skip_space();
    return at_ == end_ || refuse("nothing but white space may follow the document");
  }

  const JsonFault& fault() const noexcept { return fault_; }

 private:
  enum class Next : std::uint8_t { kFault, kValue, kSeparator };

  bool refuse(const char* reason) noexcept {
    fault_ = {static_cast<std::size_t>(at_ - begin_),
              at_ == end_ ? "the document ends too early" : reason};
    return false;
  }
  Next refuse_value(const char* reason) noexcept {
    refuse(reason);
    return Next::kFault;
  }
  bool next_is(char c) const noexcept { return at_ != end_ && *at_ == c; }
  bool next_is_digit() const noexcept { return at_ != end_ && *at_ >= '0' && *at_ <= '9'; }
  void skip_space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  Next value() {
    if (at_ == end_) return refuse_value("");
    switch (*at_) {
      case '{':
        return open(true);
      case '[':
        return open(false);
      case '"': {
        JsonString text;
        if (!string(text)) return Next::kFault;
        handler_.string(text);
        return Next::kSeparator;
      }
      case 't':
        return literal("true");
      case 'f':
        return literal("false");
      case 'n':
        return literal("null");
      default:
        return number();
    }
  }

  Next open(bool object) {
    if (depth_ == core::limits::kJsonDepthMax)
      return refuse_value("the document is nested deeper than 1024");
    ++at_;
    is_object_[depth_++] = object;
    if (object) {
      handler_.begin_object();
    } else {
      handler_.begin_array();
    }
    skip_space();
    if (next_is(object ? '}' : ']')) return close();
    return object ? member() : Next::kValue;
  }

  Next close() {
    ++at_;
    --depth_;
    handler_.end();
    return Next::kSeparator;
  }

  // Between two values of a container, or behind its last one.
  Next separator() {
    skip_space();
    const bool object = is_object_[depth_ - 1];
    if (next_is(object ? '}' : ']')) return close();
    if (!next_is(','))
      return refuse_value(object ? "a comma or } was expected" : "a comma or ] was expected");
    ++at_;
    skip_space();
    return object ? member() : Next::kValue;
  }

  // A key and its colon.
  Next member() {
    if (!next_is('"')) return refuse_value("a key in double quotes was expected");
    JsonString text;
    if (!string(text)) return Next::kFault;
    handler_.key(text);
    skip_space();
    if (!next_is(':')) return refuse_value("a colon was expected");
    ++at_;
    return Next::kValue;
  }

  Next literal(std::string_view word) {
    for (const char c : word) {
      if (!next_is(c)) return refuse_value("a value was expected");
      ++at_;
    }
    handler_.literal(word);
    return Next::kSeparator;
  }

  Next number() {
    const char* const first = at_;
    if (next_is('-')) ++at_;
    if (!next_is_digit())
      return refuse_value(at_ == first ? "a value was expected" : "a digit was expected");
    if (next_is('0')) {
      ++at_;
      if (next_is_digit()) return refuse_value("a number has no leading zeros");
    }
    skip_digits();
    if (next_is('.')) {
      ++at_;
      if (!next_is_digit()) return refuse_value("a digit was expected");
      skip_digits();
    }
    if (next_is('e') || next_is('E')) {
      ++at_;
      if (next_is('+') || next_is('-')) ++at_;
      if (!next_is_digit()) return refuse_value("a digit was expected");
      skip_digits();
    }
    handler_.number(std::string_view(first, static_cast<std::size_t>(at_ - first)));
    return Next::kSeparator;
  }
  void skip_digits() noexcept {
    while (next_is_digit()) ++at_;
  }

  // From the opening quote to behind the closing one.
  bool string(JsonString& text) noexcept {
    const char* const first = ++at_;
    text.escaped = false;
    for (;;) {
      skip_plain();
      if (at_ == end_) return refuse("");
      const auto c = static_cast<unsigned char>(*at_);
      if (c == '"') break;
      if (c == '\\') {
        text.escaped = true;
        if (!escape()) return false;
      } else if (c < 0x20) {
        return refuse("a control character in a string must be escaped");
      } else {
        const std::size_t length = utf8_sequence(at_, end_);
        if (length == 0) return refuse_utf8();
        at_ += length;
      }
    }
    text.raw = std::string_view(first, static_cast<std::size_t>(at_ - first));
    ++at_;
    return true;
  }

  bool refuse_utf8() noexcept { return refuse("a string must be UTF-8"); }

  // Over printable ASCII without quotes and backslashes, eight bytes at a time.
  void skip_plain() noexcept {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHighs = 0x8080808080808080;
    while (end_ - at_ >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at_, sizeof word);
      const std::uint64_t quote = word ^ (kOnes * '"');
      const std::uint64_t backslash = word ^ (kOnes * '\\');
      // A byte's high bit is set when it is below 0x20, a quote or a backslash (or behind such a
      // byte), or not ASCII.
      const std::uint64_t special =
          (word - kOnes * 0x20) | (quote - kOnes) | (backslash - kOnes) | word;
      if ((special & kHighs) != 0) break;
      at_ += 8;
    }
    while (at_ != end_) {
      const auto c = static_cast<unsigned char>(*at_);
      if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80) return;
      ++at_;
    }
  }

  bool escape() noexcept {
    ++at_;
    if (at_ == end_) return refuse("");
    if (std::string_view("\"\\/bfnrt").find(*at_) != std::string_view::npos) {
      ++at_;
      return true;
    }
    if (*at_ != 'u') return refuse("this character cannot be escaped");
    ++at_;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (!next_is_hex()) return refuse("four hex digits were expected");
    }
    return true;
  }
  bool next_is_hex() const noexcept {
    if (next_is_digit()) return true;
    return at_ != end_ && ((*at_ >= 'a' && *at_ <= 'f') || (*at_ >= 'A' && *at_ <= 'F'));
  }

  const char* const begin_;
  const char* at_;
  const char* const end_;
  Handler& handler_;
  std::size_t depth_ = 0;
  std::bitset<core::limits::kJsonDepthMax> is_object_;
  JsonFault fault_;
};

}  // namespace headrace::selector
