// SPDX-License-Identifier: Apache-2.0
#include "api/times.h"

#include <cstdint>

#include "core/time_text.h"

namespace headrace::api {
namespace {

// Reads a text from left to right; the first thing that is not as expected makes it bad.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : text_(text) {}

  int digits(int count) noexcept {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      const char c = next();
      is_bad_ = is_bad_ || c < '0' || c > '9';
      value = value * 10 + (is_bad_ ? 0 : c - '0');
    }
    return value;
  }
  void expect(std::string_view any_of) noexcept {
    if (any_of.find(next()) == std::string_view::npos) is_bad_ = true;
  }
  bool skip(char c) noexcept {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  // ".5", ".123456": in milliseconds; 0 where there is none.
  int fraction() noexcept {
    if (!skip('.')) return 0;
    int value = digits(1) * 100;
    for (int weight = 10; !text_.empty() && text_.front() >= '0' && text_.front() <= '9';
         weight /= 10) {
      value += (next() - '0') * weight;
    }
    return value;
  }
  bool is_good_end() const noexcept { return !is_bad_ && text_.empty(); }

 private:
  char next() noexcept {
    if (text_.empty()) {
      is_bad_ = true;
      return '\0';
    }
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }

  std::string_view text_;
  bool is_bad_ = false;
};

constexpr int kDayMinutes = 24 * 60;

// Minutes east of UTC; a whole day or more where there is no such offset.
int offset(Reader& reader) noexcept {
  if (reader.skip('Z') || reader.skip('z')) return 0;
  const bool is_west = reader.skip('-');
  if (!is_west) reader.expect("+");
  const int hours = reader.digits(2);
  reader.expect(":");
  const int minutes = reader.digits(2);
  const int total = minutes < 60 ? hours * 60 + minutes : kDayMinutes;
  return is_west ? -total : total;
}

}  // namespace

std::string time_text(UnixMs ms) {
  const auto text = core::format_timestamp(ms);
  return {text.data(), text.size()};
}

std::optional<UnixMs> parse_time(std::string_view text) noexcept {
  namespace chrono = std::chrono;
  Reader reader(text);
  const int year = reader.digits(4);
  reader.expect("-");
  const int month = reader.digits(2);
  reader.expect("-");
  const int day = reader.digits(2);
  reader.expect("Tt ");
  const int hour = reader.digits(2);
  reader.expect(":");
  const int minute = reader.digits(2);
  reader.expect(":");
  const int second = reader.digits(2);
  const int fraction = reader.fraction();
  const int east = offset(reader);
  const chrono::year_month_day date(chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day)));
  if (!reader.is_good_end() || !date.ok() || hour > 23 || minute > 59 || second > 60)
    return std::nullopt;
  if (east <= -kDayMinutes || east >= kDayMinutes) return std::nullopt;
  const chrono::milliseconds since =
      chrono::sys_days(date).time_since_epoch() + chrono::hours(hour) + chrono::minutes(minute) +
      chrono::seconds(second) + chrono::milliseconds(fraction) - chrono::minutes(east);
  if (since.count() < 0) return std::nullopt;
  return static_cast<UnixMs>(since.count());
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  if (ms % 1000 != 0) return std::to_string(ms) + "ms";
  if (ms == 0 || ms % 60'000 != 0) return std::to_string(ms / 1000) + "s";
  if (ms % 3'600'000 != 0) return std::to_string(ms / 60'000) + "m";
  return std::to_string(ms / 3'600'000) + "h";
}

}  // namespace headrace::api
