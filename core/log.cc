// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>

#include "core/time_text.h"

namespace headrace::core {
namespace {

constexpr std::string_view kReplacement = "\\ufffd";
constexpr std::string_view kTruncated = ",\"truncated\":true";
constexpr std::size_t kClosingBytes = kTruncated.size() + 2;  // and "}\n"

// The size of the valid UTF-8 sequence that `text` begins with, 0 when there is none (RFC 3629).
std::size_t utf8_sequence(std::string_view text) noexcept {
  const auto at = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = at(0);
  const auto follows = [at](std::size_t i) { return (at(i) & 0xc0u) == 0x80u; };
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    const bool shortest = first != 0xe0 || at(1) >= 0xa0;
    const bool surrogate = first == 0xed && at(1) >= 0xa0;
    return follows(1) && follows(2) && shortest && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const bool in_range = (first != 0xf0 || at(1) >= 0x90) && (first != 0xf4 || at(1) < 0x90);
    return follows(1) && follows(2) && follows(3) && in_range ? 4 : 0;
  }
  return 0;
}

// Builds one line. A part that does not fit whole is taken back, so the line is always valid.
class Line {
 public:
  void raw(std::string_view text) noexcept {
    const std::size_t room = bytes_.size() - kClosingBytes - size_;
    if (text.size() > room) {
      overflowed_ = true;
      return;
    }
    text.copy(bytes_.data() + size_, text.size());
    size_ += text.size();
  }

  void quoted(std::string_view text) noexcept {
    const std::string_view whole = text;
    raw("\"");
    for (text = text.substr(0, JsonLogSink::kTextBytesMax); !text.empty();)
      text.remove_prefix(escaped(text));
    if (whole.size() > JsonLogSink::kTextBytesMax) truncated_ = true;
    raw("\"");
  }

  void member(std::string_view name, const decltype(LogField::value)& value) noexcept {
    const std::size_t before = size_;
    raw(size_ == 0 ? "{" : ",");
    quoted(name);
    raw(":");
    std::visit([this](const auto& held) { this->value(held); }, value);
    if (!overflowed_) return;
    size_ = before;
    overflowed_ = false;
    truncated_ = true;
  }

  std::string_view close() noexcept {
    const std::string_view end = "}\n";
    if (truncated_) size_ += kTruncated.copy(bytes_.data() + size_, kTruncated.size());
    size_ += end.copy(bytes_.data() + size_, end.size());
    return {bytes_.data(), size_};
  }

 private:
  // Writes the first character of `text` and answers its size.
  std::size_t escaped(std::string_view text) noexcept {
    const char c = text.front();
    switch (c) {
      case '"':
        raw("\\\"");
        return 1;
      case '\\':
        raw("\\\\");
        return 1;
      case '\n':
        raw("\\n");
        return 1;
      case '\r':
        raw("\\r");
        return 1;
      case '\t':
        raw("\\t");
        return 1;
      default:
        break;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      constexpr std::string_view kHex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      const std::array<char, 6> code{'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
      raw({code.data(), code.size()});
      return 1;
    }
    const std::size_t size = utf8_sequence(text);
    raw(size == 0 ? kReplacement : text.substr(0, size));
    return size == 0 ? 1 : size;
  }

  void value(std::string_view text) noexcept { quoted(text); }
  void value(bool truth) noexcept { raw(truth ? "true" : "false"); }
  void value(std::int64_t number) noexcept { digits(number); }
  // JSON has no infinity and no NaN.
  void value(double number) noexcept {
    if (std::isfinite(number)) {
      digits(number);
    } else {
      raw("null");
    }
  }
  template <class Number>
  void digits(Number number) noexcept {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    raw({text.data(), static_cast<std::size_t>(end - text.data())});
  }

  std::array<char, JsonLogSink::kLineBytesMax> bytes_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
  bool truncated_ = false;
};

void write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nowhere to complain
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

void JsonLogSink::write(LogLevel level, std::string_view event, std::string_view message,
                        std::initializer_list<LogField> fields) noexcept {
  if (level < least_) return;
  const auto time = format_timestamp(clock_->wall_ms());
  Line line;
  line.member("ts", std::string_view{time.data(), time.size()});
  line.member("level", to_string(level));
  line.member("event", event);
  line.member("message", message);
  for (const LogField& field : fields) line.member(field.name, field.value);
  const std::string_view text = line.close();
  const std::lock_guard lock(mutex_);
  write_line(level, text);
}

void JsonLogSink::write_line(LogLevel, std::string_view line) noexcept { write_all(fd_, line); }

}  // namespace headrace::core
