// SPDX-License-Identifier: Apache-2.0
#include "selector/selector.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"
#include "selector/utf8.h"

namespace headrace::selector {
namespace {

constexpr std::string_view kEventPrefix = "$Event";
constexpr std::string_view kHeaderPrefix = "$Header";
constexpr std::string_view kQueryPrefix = "$Query";
constexpr const char* kTooLong =
    "a selector has at most 1024 bytes, with every key in braces of its own";
static_assert(core::limits::kSelectorBytesMax == 1024 && core::limits::kSelectorSegmentsMax == 32);
constexpr std::string_view kSpecial = ".{}[]\\";  // a backslash may stand before each
constexpr std::string_view kQuerySpecial =
    "{}\\";                                 // of them, those that must be escaped in $Query{}
constexpr std::size_t kIndexDigitsMax = 9;  // fits 32 bits

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// RFC 9110 section 5.6.2.
bool is_token_char(char c) noexcept {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || is_digit(c) ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The number when `digits` is an index as it is canonically written: no sign, no leading zero, at
// most nine digits.
bool read_index(std::string_view digits, std::uint32_t& index) noexcept {
  if (digits.empty() || digits.size() > kIndexDigitsMax ||
      !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return false;
  }
  if (digits.size() > 1 && digits.front() == '0') return false;
  index = 0;
  for (const char c : digits) index = index * 10 + static_cast<std::uint32_t>(c - '0');
  return true;
}

Segment key_segment(std::string key) {
  Segment segment;
  segment.maybe_index = read_index(key, segment.index);
  segment.key = std::move(key);
  return segment;
}

class Parser {
 public:
  explicit Parser(std::string_view text) noexcept : text_(text) {}

  Result<Selector> run() {
    if (text_.size() > core::limits::kSelectorBytesMax) {
      at_ = core::limits::kSelectorBytesMax;
      return fault(kTooLong);
    }
    const bool done =
        parse_source() && (selector_.source == Source::kEvent ? parse_groups() : parse_name());
    if (!done) return fault(reason_);
    if (selector_.path.size() > core::limits::kSelectorSegmentsMax)
      return fault("a selector has at most 32 segments");
    // Its canonical spelling, which has a brace pair a key, must be readable again.
    if (selector_.canonical().size() > core::limits::kSelectorBytesMax) return fault(kTooLong);
    return std::move(selector_);
  }

 private:
  Error fault(const char* reason) const {
    return Error{ErrorCode::kMalformed, reason, static_cast<std::int64_t>(at_)};
  }
  bool refuse(const char* reason) noexcept {
    reason_ = reason;
    return false;
  }
  bool at_end() const noexcept { return at_ == text_.size(); }
  bool next_is(char c) const noexcept { return !at_end() && text_[at_] == c; }
  bool take(char c) noexcept {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }

  bool parse_source() noexcept {
    for (const auto& [prefix, source] :
         {std::pair{kEventPrefix, Source::kEvent}, std::pair{kHeaderPrefix, Source::kHeader},
          std::pair{kQueryPrefix, Source::kQuery}}) {
      if (!text_.starts_with(prefix)) continue;
      selector_.source = source;
      at_ = prefix.size();
      return true;
    }
    return refuse("a selector begins with $Event{, $Header{ or $Query{");
  }

  // One or more of {a.b[0]} and [0].
  bool parse_groups() {
    do {
      if (take('{')) {
        if (!parse_path()) return false;
      } else if (!parse_index()) {
        return false;
      }
    } while (!at_end());
    return true;
  }

  // Behind the opening brace, up to and with the closing one.
  bool parse_path() {
    if (!(next_is('[') ? parse_index() : parse_key())) return false;
    for (;;) {
      if (take('}')) return true;
      if (at_end()) return refuse("the closing brace is missing");
      if (take('.')) {
        if (!parse_key()) return false;
      } else if (next_is('[')) {
        if (!parse_index()) return false;
      } else {
        return refuse("a dot, a bracket or the closing brace was expected");
      }
    }
  }

  bool parse_key() {
    std::string key;
    if (!parse_text(key, kSpecial)) return false;
    selector_.path.push_back(key_segment(std::move(key)));
    return true;
  }

  // Characters up to one of `stops`, which a backslash makes literal. At least one.
  bool parse_text(std::string& text, std::string_view stops) {
    const std::size_t begin = at_;
    while (!at_end()) {
      if (text_[at_] == '\\') {
        if (at_ + 1 == text_.size() || kSpecial.find(text_[at_ + 1]) == std::string_view::npos) {
          return refuse("a backslash stands only before a dot, a brace, a bracket or a backslash");
        }
        text += text_[at_ + 1];
        at_ += 2;
        continue;
      }
      if (stops.find(text_[at_]) != std::string_view::npos) break;
      const std::size_t length = utf8_sequence(text_.data() + at_, text_.data() + text_.size());
      if (length == 0) return refuse("a selector is UTF-8");
      text += text_.substr(at_, length);
      at_ += length;
    }
    return at_ != begin || refuse("a key is empty");
  }

  bool parse_index() {
    if (!take('[')) return refuse("an opening brace or bracket was expected");
    Segment segment;
    segment.is_index = true;
    const std::size_t digits =
        std::min(text_.find_first_not_of("0123456789", at_), text_.size()) - at_;
    if (!read_index(text_.substr(at_, digits), segment.index)) {
      return refuse("an index is a number of at most nine digits without leading zeros");
    }
    at_ += digits;
    if (!take(']')) return refuse("the closing bracket is missing");
    selector_.path.push_back(std::move(segment));
    return true;
  }

  // The single group of a header or a query parameter.
  bool parse_name() {
    if (!take('{')) return refuse("an opening brace was expected");
    Segment segment;
    if (!(selector_.source == Source::kHeader ? parse_token(segment.key)
                                              : parse_text(segment.key, kQuerySpecial))) {
      return false;
    }
    if (!take('}')) return refuse("the closing brace is missing");
    if (!at_end()) return refuse("nothing may follow the name of a header or a parameter");
    selector_.path.push_back(std::move(segment));
    return true;
  }

  bool parse_token(std::string& token) {
    for (; !at_end() && text_[at_] != '}'; ++at_) {
      if (!is_token_char(text_[at_]))
        return refuse("this character is not allowed in a header's name");
      token += to_lower(text_[at_]);
    }
    return !token.empty() || refuse("a header's name is empty");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const char* reason_ = "";
  Selector selector_;
};

void append_escaped(std::string& out, std::string_view key, std::string_view special) {
  for (const char c : key) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
}

}  // namespace

Result<Selector> Selector::parse(std::string_view text) { return Parser(text).run(); }

std::string Selector::canonical() const {
  std::string out(source == Source::kEvent    ? kEventPrefix
                  : source == Source::kHeader ? kHeaderPrefix
                                              : kQueryPrefix);
  for (const Segment& segment : path) {
    if (segment.is_index) {
      out += '[' + std::to_string(segment.index) + ']';
      continue;
    }
    out += '{';
    const std::string_view special = source == Source::kQuery ? kQuerySpecial : kSpecial;
    append_escaped(out, segment.key, source == Source::kHeader ? std::string_view{} : special);
    out += '}';
  }
  return out;
}

}  // namespace headrace::selector
