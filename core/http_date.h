// SPDX-License-Identifier: Apache-2.0
// HTTP-date in its three forms (RFC 9110 section 5.6.7).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/http_grammar.h"

namespace headrace::core::http {

namespace detail {

// Takes what is expected from the front of a text, or fails for good.
class DateReader {
 public:
  explicit DateReader(std::string_view text) noexcept : text_(text) {}

  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return ok_ && text_.empty(); }

  void literal(std::string_view expected) noexcept {
    ok_ = ok_ && text_.starts_with(expected);
    if (ok_) text_.remove_prefix(expected.size());
  }
  int digits(std::size_t count) noexcept {
    std::uint64_t number = 0;
    ok_ = ok_ && text_.size() >= count && parse_number(text_.substr(0, count), number);
    if (ok_) text_.remove_prefix(count);
    return static_cast<int>(number);
  }
  // Two digits, the first of which may be a space.
  int padded_day() noexcept {
    if (!text_.starts_with(' ')) return digits(2);
    literal(" ");
    return digits(1);
  }
  // The index of the name that the text begins with.
  template <std::size_t kCount>
  int one_of(const std::array<std::string_view, kCount>& names) noexcept {
    for (std::size_t i = 0; ok_ && i < kCount; ++i) {
      if (!text_.starts_with(names[i])) continue;
      text_.remove_prefix(names[i].size());
      return static_cast<int>(i);
    }
    ok_ = false;
    return 0;
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

inline constexpr std::array<std::string_view, 12> kMonths = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
inline constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu",
                                                          "Fri", "Sat", "Sun"};
inline constexpr std::array<std::string_view, 7> kLongDays = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

struct DateFields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;

  void read_time(DateReader& reader) noexcept {
    hour = reader.digits(2);
    reader.literal(":");
    minute = reader.digits(2);
    reader.literal(":");
    second = reader.digits(2);
  }
  // Seconds since 1970; false for a day or time that does not exist. 60 is a leap second.
  bool to_seconds(std::int64_t& seconds) const noexcept {
    namespace chrono = std::chrono;
    const chrono::year_month_day date{chrono::year(year),
                                      chrono::month(static_cast<unsigned>(month + 1)),
                                      chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return false;
    const std::int64_t days = chrono::sys_days(date).time_since_epoch().count();
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    return true;
  }
};

// "Sun, 06 Nov 1994 08:49:37 GMT"
inline bool read_fixdate(std::string_view text, DateFields& fields) noexcept {
  DateReader reader(text);
  reader.one_of(kDays);
  reader.literal(", ");
  fields.day = reader.digits(2);
  reader.literal(" ");
  fields.month = reader.one_of(kMonths);
  reader.literal(" ");
  fields.year = reader.digits(4);
  reader.literal(" ");
  fields.read_time(reader);
  reader.literal(" GMT");
  return reader.at_end();
}

// "Sunday, 06-Nov-94 08:49:37 GMT"; the year has two digits only.
inline bool read_rfc850(std::string_view text, DateFields& fields) noexcept {
  DateReader reader(text);
  reader.one_of(kLongDays);
  reader.literal(", ");
  fields.day = reader.digits(2);
  reader.literal("-");
  fields.month = reader.one_of(kMonths);
  reader.literal("-");
  fields.year = reader.digits(2);
  reader.literal(" ");
  fields.read_time(reader);
  reader.literal(" GMT");
  return reader.at_end();
}

// "Sun Nov  6 08:49:37 1994"
inline bool read_asctime(std::string_view text, DateFields& fields) noexcept {
  DateReader reader(text);
  reader.one_of(kDays);
  reader.literal(" ");
  fields.month = reader.one_of(kMonths);
  reader.literal(" ");
  fields.day = reader.padded_day();
  reader.literal(" ");
  fields.read_time(reader);
  reader.literal(" ");
  fields.year = reader.digits(4);
  return reader.at_end();
}

// A two-digit year that seems to be more than 50 years ahead is the most recent one in the past
// with these digits.
inline int full_year(int two_digits, std::int64_t now) noexcept {
  const auto today = std::chrono::sys_days(std::chrono::days(now / 86'400));
  const int this_year = static_cast<int>(std::chrono::year_month_day(today).year());
  const int year = this_year - this_year % 100 + two_digits;
  return year > this_year + 50 ? year - 100 : year;
}

}  // namespace detail

// `now` and `seconds` are since 1970; `now` settles the century of two-digit years. False: not an
// HTTP-date.
inline bool parse_date(std::string_view text, std::int64_t now, std::int64_t& seconds) noexcept {
  detail::DateFields fields;
  if (detail::read_fixdate(text, fields) || detail::read_asctime(text, fields))
    return fields.to_seconds(seconds);
  if (!detail::read_rfc850(text, fields)) return false;
  fields.year = detail::full_year(fields.year, now);
  return fields.to_seconds(seconds);
}

}  // namespace headrace::core::http
