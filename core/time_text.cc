// SPDX-License-Identifier: Apache-2.0
#include "core/time_text.h"

#include <charconv>
#include <cstdint>
#include <cstring>

namespace headrace::core {

std::array<char, 24> format_timestamp(WallMs wall_ms) noexcept {
  constexpr WallMs kLast = 253'402'300'799'999;
  const auto ms = static_cast<std::int64_t>(wall_ms < kLast ? wall_ms : kLast);
  const auto day = std::chrono::sys_days(std::chrono::days(ms / 86'400'000));
  const std::chrono::year_month_day date(day);
  std::array<char, 24> text{};
  std::memcpy(text.data(), "0000-00-00T00:00:00.000Z", text.size());
  const auto put = [&text](std::size_t last, std::int64_t number) {
    for (; number != 0; number /= 10) text[last--] = static_cast<char>('0' + number % 10);
  };
  put(3, static_cast<int>(date.year()));
  put(6, static_cast<unsigned>(date.month()));
  put(9, static_cast<unsigned>(date.day()));
  put(12, ms / 3'600'000 % 24);
  put(15, ms / 60'000 % 60);
  put(18, ms / 1000 % 60);
  put(22, ms % 1000);
  return text;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  std::uint32_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  if (parsed.ec != std::errc{}) return std::nullopt;
  const std::string_view unit(parsed.ptr,
                              static_cast<std::size_t>(text.data() + text.size() - parsed.ptr));
  if (unit == "ms") return std::chrono::milliseconds(count);
  if (unit == "s") return std::chrono::seconds(count);
  if (unit == "m") return std::chrono::minutes(count);
  if (unit == "h") return std::chrono::hours(count);
  if (unit == "d") return std::chrono::hours(24) * count;
  return std::nullopt;
}

}  // namespace headrace::core
