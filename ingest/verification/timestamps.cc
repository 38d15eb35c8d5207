// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/timestamps.h"

#include "core/http_grammar.h"

namespace headrace::verification {
namespace {

constexpr core::WallMs kLast = 253'402'300'799'999;  // of the year 9999

// Takes exactly `count` digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) noexcept {
  std::uint64_t number = 0;
  if (text.size() < count || !core::http::parse_number(text.substr(0, count), number))
    return std::nullopt;
  text.remove_prefix(count);
  return static_cast<int>(number);
}

bool take(std::string_view& text, char wanted) noexcept {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

// hh:mm, in minutes.
std::optional<int> take_minutes(std::string_view& text) noexcept {
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return *hours * 60 + *minutes;
}

std::optional<std::chrono::sys_days> take_date(std::string_view& text) noexcept {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

// ".123456789", in whole milliseconds; nothing at all is 0.
std::optional<int> take_fraction(std::string_view& text) noexcept {
  if (!take(text, '.')) return 0;
  int ms = 0;
  std::size_t digits = 0;
  for (; !text.empty() && core::http::is_digit(text.front()); text.remove_prefix(1), ++digits)
    if (digits < 3) ms = ms * 10 + (text.front() - '0');
  if (digits == 0 || digits > 9) return std::nullopt;
  for (; digits < 3; ++digits) ms *= 10;
  return ms;
}

// "Z" or "+01:00", in minutes ahead of UTC.
std::optional<int> take_offset(std::string_view& text) noexcept {
  if (take(text, 'Z')) return 0;
  const bool behind = text.starts_with('-');
  if (!take(text, behind ? '-' : '+')) return std::nullopt;
  const auto minutes = take_minutes(text);
  if (!minutes) return std::nullopt;
  return behind ? -*minutes : *minutes;
}

std::optional<core::WallMs> parse_rfc3339(std::string_view text) noexcept {
  const auto date = take_date(text);
  if (!date || !take(text, 'T')) return std::nullopt;
  const auto minutes = take_minutes(text);
  if (!minutes || !take(text, ':')) return std::nullopt;
  const auto seconds = take_digits(text, 2);
  if (!seconds || *seconds > 60) return std::nullopt;
  const auto ms = take_fraction(text);
  const auto offset = ms ? take_offset(text) : std::nullopt;
  if (!offset || !text.empty()) return std::nullopt;
  const std::chrono::milliseconds since =
      date->time_since_epoch() + std::chrono::minutes(*minutes - *offset) +
      std::chrono::seconds(*seconds) + std::chrono::milliseconds(*ms);
  if (since.count() < 0) return std::nullopt;
  return static_cast<core::WallMs>(since.count());
}

}  // namespace

std::optional<core::WallMs> parse_time(std::string_view text, TimeForm form) noexcept {
  if (form == TimeForm::kRfc3339) return parse_rfc3339(text);
  std::uint64_t number = 0;
  if (!core::http::parse_number(text, number)) return std::nullopt;
  const std::uint64_t unit = form == TimeForm::kSeconds ? 1000 : 1;
  if (number > kLast / unit) return std::nullopt;
  return number * unit;
}

bool Tolerance::allows(core::WallMs sent, core::WallMs now) const noexcept {
  if (!span) return true;
  const auto most = static_cast<core::WallMs>(span->count());
  if (sent > now) return past_only || sent - now <= most;
  return now - sent <= most;
}

}  // namespace headrace::verification
