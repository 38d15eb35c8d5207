// SPDX-License-Identifier: Apache-2.0
#include "selector/json_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "selector/json_scan.h"

namespace headrace::selector {
namespace {

unsigned hex_digit(char c) noexcept {
  if (c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a' + 10);
}

unsigned hex4(const char* digits) noexcept {
  return hex_digit(digits[0]) << 12 | hex_digit(digits[1]) << 8 | hex_digit(digits[2]) << 4 |
         hex_digit(digits[3]);
}

void append_code_point(unsigned code, std::string& out) {
  const auto push = [&out](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0 | code >> 6);
    push(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    push(0xE0 | code >> 12);
    push(0x80 | (code >> 6 & 0x3F));
    push(0x80 | (code & 0x3F));
  } else {
    push(0xF0 | code >> 18);
    push(0x80 | (code >> 12 & 0x3F));
    push(0x80 | (code >> 6 & 0x3F));
    push(0x80 | (code & 0x3F));
  }
}

// `at` is behind "\u"; returns where to go on. A high surrogate takes a low one that follows with
// it.
std::size_t append_unicode_escape(std::string_view raw, std::size_t at, std::string& out) {
  unsigned code = hex4(raw.data() + at);
  at += 4;
  if (code >= 0xD800 && code < 0xDC00 && raw.size() - at >= 6 && raw[at] == '\\' &&
      raw[at + 1] == 'u') {
    const unsigned low = hex4(raw.data() + at + 2);
    if (low >= 0xDC00 && low < 0xE000) {
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      at += 6;
    }
  }
  append_code_point(code, out);
  return at;
}

char simple_escape(char c) noexcept {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

void append_integer(std::int64_t value, std::string& out) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

// Adds `delta` to the decimal `digits`, whose value is larger than it.
void add_to_decimal(std::string& digits, std::int64_t delta) {
  for (std::size_t i = digits.size(); i-- > 0 && delta != 0;) {
    std::int64_t sum = (digits[i] - '0') + delta % 10;
    delta /= 10;
    if (sum < 0) {
      sum += 10;
      --delta;
    } else if (sum > 9) {
      sum -= 10;
      ++delta;
    }
    digits[i] = static_cast<char>('0' + sum);
  }
  if (delta > 0) digits.insert(0, std::to_string(delta));
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

// A number taken apart: sign, 0.DIGITS of the mantissa without outer zeros, and the power of ten.
class Decimal {
 public:
  explicit Decimal(std::string_view number) {
    negative_ = number.front() == '-';
    if (negative_) number.remove_prefix(1);
    const std::size_t e = std::min(number.find_first_of("eE"), number.size());
    const std::string_view mantissa = number.substr(0, e);
    exponent_ = e == number.size() ? std::string_view{} : number.substr(e + 1);
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    whole_ = mantissa.substr(0, point);
    fraction_ = point == mantissa.size() ? std::string_view{} : mantissa.substr(point + 1);
    read_exponent();
    strip();
  }

  void append_to(std::string& out) const {
    if (count() == 0) {
      out += '0';
      return;
    }
    if (negative_) out += '-';
    if (long_exponent_) {
      append_scientific(out);
      return;
    }
    // The point stands behind `position` digits.
    const std::int64_t position = position_ + power_;
    const auto digits = static_cast<std::int64_t>(count());
    if (position >= digits && position - digits <= kZerosMax) {
      append_digits(0, count(), out);
      out.append(static_cast<std::size_t>(position - digits), '0');
    } else if (position > 0 && position < digits) {
      append_digits(0, static_cast<std::size_t>(position), out);
      out += '.';
      append_digits(static_cast<std::size_t>(position), count(), out);
    } else if (position <= 0 && -position <= kLeadingZerosMax) {
      out += "0.";
      out.append(static_cast<std::size_t>(-position), '0');
      append_digits(0, count(), out);
    } else {
      append_scientific(out);
    }
  }

 private:
  static constexpr std::size_t kShortExponentDigits =
      17;  // such a power and the length of any text add up in 64 bits

  void read_exponent() {
    if (exponent_.empty()) return;
    exponent_negative_ = exponent_.front() == '-';
    exponent_.remove_prefix(std::min(exponent_.find_first_of("0123456789"), exponent_.size()));
    exponent_.remove_prefix(std::min(exponent_.find_first_not_of('0'), exponent_.size()));
    long_exponent_ = exponent_.size() > kShortExponentDigits;
    if (long_exponent_) return;
    for (const char c : exponent_) power_ = power_ * 10 + (c - '0');
    if (exponent_negative_) power_ = -power_;
  }

  // Moves zeros at either end of the digits into the position of the point.
  void strip() noexcept {
    whole_.remove_prefix(std::min(whole_.find_first_not_of('0'), whole_.size()));
    position_ = static_cast<std::int64_t>(whole_.size());
    if (whole_.empty()) {
      const std::size_t zeros = std::min(fraction_.find_first_not_of('0'), fraction_.size());
      fraction_.remove_prefix(zeros);
      position_ = -static_cast<std::int64_t>(zeros);
    }
    fraction_ = without_trailing_zeros(fraction_);
    if (fraction_.empty()) whole_ = without_trailing_zeros(whole_);
  }
  static std::string_view without_trailing_zeros(std::string_view digits) noexcept {
    const std::size_t last = digits.find_last_not_of('0');
    return digits.substr(0, last == std::string_view::npos ? 0 : last + 1);
  }

  std::size_t count() const noexcept { return whole_.size() + fraction_.size(); }

  void append_digits(std::size_t from, std::size_t to, std::string& out) const {
    if (from < whole_.size()) out += whole_.substr(from, to - from);
    if (to > whole_.size()) {
      const std::size_t begin = std::max(from, whole_.size());
      out += fraction_.substr(begin - whole_.size(), to - begin);
    }
  }

  void append_scientific(std::string& out) const {
    append_digits(0, 1, out);
    if (count() > 1) {
      out += '.';
      append_digits(1, count(), out);
    }
    out += 'e';
    if (!long_exponent_) {
      append_integer(position_ + power_ - 1, out);
      return;
    }
    std::string magnitude(exponent_);
    add_to_decimal(magnitude, exponent_negative_ ? 1 - position_ : position_ - 1);
    if (exponent_negative_) out += '-';
    out += magnitude;
  }

  bool negative_ = false;
  bool exponent_negative_ = false;
  bool long_exponent_ = false;  // then power_ is 0 and exponent_ has the digits
  std::string_view whole_;
  std::string_view fraction_;
  std::string_view exponent_;  // digits without leading zeros
  std::int64_t position_ =
      0;  // of the point, relative to the first digit, before the exponent is applied
  std::int64_t power_ = 0;
};

// A number in its normal spelling, taken apart for comparison: its digits and the power of ten
// of the first one.
class NormalNumber {
 public:
  explicit NormalNumber(std::string_view text) noexcept {
    negative_ = text.front() == '-';
    if (negative_) text.remove_prefix(1);
    const std::size_t e = std::min(text.find('e'), text.size());
    digits_ = text.substr(0, e);
    if (e != text.size()) {
      read_exponent(text.substr(e + 1));
      return;
    }
    power_ = static_cast<std::int64_t>(std::min(digits_.find('.'), digits_.size())) - 1;
    const std::size_t first = std::min(digits_.find_first_not_of("0."), digits_.size());
    if (first > 1) power_ = -static_cast<std::int64_t>(first - 1);  // 0.00DIGITS
    digits_.remove_prefix(first);
  }

  std::strong_ordering operator<=>(const NormalNumber& right) const noexcept {
    if (sign() != right.sign()) return sign() <=> right.sign();
    const std::strong_ordering order = compare_magnitude(right);
    return negative_ ? 0 <=> order : order;
  }
  bool operator==(const NormalNumber& right) const noexcept { return (*this <=> right) == 0; }

 private:
  static constexpr std::size_t kShortPowerDigits = 17;  // fit 64 bits

  int sign() const noexcept { return digits_.empty() ? 0 : negative_ ? -1 : 1; }

  void read_exponent(std::string_view exponent) noexcept {
    const bool negative = exponent.front() == '-';
    if (negative) exponent.remove_prefix(1);
    if (exponent.size() > kShortPowerDigits) {
      long_sign_ = negative ? -1 : 1;
      long_power_ = exponent;
      return;
    }
    for (const char c : exponent) power_ = power_ * 10 + (c - '0');
    if (negative) power_ = -power_;
  }

  std::strong_ordering compare_magnitude(const NormalNumber& right) const noexcept {
    if (const auto order = compare_power(right); order != 0) return order;
    return compare_digits(right);
  }

  // A power that is too long for 64 bits lies beyond all that are not.
  std::strong_ordering compare_power(const NormalNumber& right) const noexcept {
    if (long_sign_ != right.long_sign_) return long_sign_ <=> right.long_sign_;
    if (long_sign_ == 0) return power_ <=> right.power_;
    const std::strong_ordering order = long_power_.size() != right.long_power_.size()
                                           ? long_power_.size() <=> right.long_power_.size()
                                           : long_power_.compare(right.long_power_) <=> 0;
    return long_sign_ < 0 ? 0 <=> order : order;
  }

  // Digit by digit; behind the last one stand zeros.
  std::strong_ordering compare_digits(const NormalNumber& right) const noexcept {
    std::size_t at = 0;
    std::size_t right_at = 0;
    while (at < digits_.size() || right_at < right.digits_.size()) {
      const char digit = next_digit(digits_, at);
      const char right_digit = next_digit(right.digits_, right_at);
      if (digit != right_digit) return digit <=> right_digit;
    }
    return std::strong_ordering::equal;
  }
  static char next_digit(std::string_view digits, std::size_t& at) noexcept {
    if (at < digits.size() && digits[at] == '.') ++at;
    return at < digits.size() ? digits[at++] : '0';
  }

  bool negative_ = false;
  std::string_view digits_;      // without leading zeros, maybe with a point; empty: zero
  std::int64_t power_ = 0;       // of the first digit
  int long_sign_ = 0;            // not 0: the power is long_power_
  std::string_view long_power_;  // its digits
};

struct NumberOnly {
  bool number_seen = false;
  void begin_object() noexcept {}
  void begin_array() noexcept {}
  void end() noexcept {}
  void key(const JsonString&) noexcept {}
  void string(const JsonString&) noexcept {}
  void number(std::string_view) noexcept { number_seen = true; }
  void literal(std::string_view) noexcept {}
};

}  // namespace

void append_unescaped(std::string_view raw, std::string& out) {
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t next = std::min(raw.find('\\', at), raw.size());
    out += raw.substr(at, next - at);
    if (next == raw.size()) return;
    if (raw[next + 1] == 'u') {
      at = append_unicode_escape(raw, next + 2, out);
    } else {
      out += simple_escape(raw[next + 1]);
      at = next + 2;
    }
  }
}

void append_normal_number(std::string_view number, std::string& out) {
  Decimal(number).append_to(out);
}

std::strong_ordering compare_normal_numbers(std::string_view left,
                                            std::string_view right) noexcept {
  return NormalNumber(left) <=> NormalNumber(right);
}

bool is_json_number(std::string_view text) noexcept {
  // White space around it is a document, but not a number; inside a container it is not one alone.
  if (text.empty() || (text.front() != '-' && (text.front() < '0' || text.front() > '9')))
    return false;
  if (text.back() < '0' || text.back() > '9') return false;
  NumberOnly handler;
  return JsonScanner<NumberOnly>(text, handler).run() && handler.number_seen;
}

}  // namespace headrace::selector
