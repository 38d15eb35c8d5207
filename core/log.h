// SPDX-License-Identifier: Apache-2.0
// What the engine has to say to its operator: structured events, handed to a sink that the host may
// replace.
//
// Never logged: secrets, credentials, link tokens, bodies, and anything once per message.
// Threads: any. A sink must be thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "core/clock.h"

namespace headrace::core {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
std::string_view to_string(LogLevel level) noexcept;

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  // `event` is a fixed snake_case name ("store_opened"), `message` a sentence.
  virtual void write(LogLevel level, std::string_view event, std::string_view message,
                     std::initializer_list<LogField> fields) noexcept = 0;
};

// One JSON object a line: {"ts":"…Z","level":"info","event":"…","message":"…", fields…}. One
// write() a line. Whatever is given, the line is valid JSON in UTF-8: bytes that are not UTF-8
// become U+FFFD. Limits: kLineBytesMax a line; longer texts are cut, and what has no room is left
// out and "truncated" set.
class JsonLogSink : public LogSink {
 public:
  // Shorter than PIPE_BUF, so that lines of several processes on one pipe do not mix either.
  static constexpr std::size_t kLineBytesMax = 4096;
  static constexpr std::size_t kTextBytesMax = 1024;  // of one message or value, before escaping

  explicit JsonLogSink(int fd, LogLevel least = LogLevel::kInfo) noexcept
      : fd_(fd), least_(least) {}
  // `clock` must outlive the sink.
  JsonLogSink(int fd, const Clock& clock, LogLevel least = LogLevel::kInfo) noexcept
      : fd_(fd), least_(least), clock_(&clock) {}
  void write(LogLevel level, std::string_view event, std::string_view message,
             std::initializer_list<LogField> fields) noexcept override;

 protected:
  // Where a line goes, its "\n" included; one call at a time.
  virtual void write_line(LogLevel level, std::string_view line) noexcept;

 private:
  const int fd_;
  const LogLevel least_;
  const SystemClock system_clock_;
  const Clock* const clock_ = &system_clock_;
  std::mutex mutex_;  // lines must not mix, even where the kernel takes one in two pieces
};

// Says nothing; the library's default.
class NullLogSink final : public LogSink {
 public:
  void write(LogLevel, std::string_view, std::string_view,
             std::initializer_list<LogField>) noexcept override {}
};

}  // namespace headrace::core
