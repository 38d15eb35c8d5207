// SPDX-License-Identifier: Apache-2.0
#include "headrace/id.h"

namespace headrace {
namespace {

constexpr char kDigits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
// The largest power of 62 in 64 bits: a 128-bit number is taken apart by two wide divisions, the
// rest is in words.
constexpr unsigned kChunkDigits = 10;
constexpr std::uint64_t kChunk = 839299365868340224ULL;  // 62^10
__extension__ using Wide = unsigned __int128;

void format_word(std::uint64_t word, char* out, unsigned digits) noexcept {
  for (unsigned i = digits; i-- > 0; word /= 62) out[i] = kDigits[word % 62];
}

int digit_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  if (c >= 'a' && c <= 'z') return c - 'a' + 36;
  return -1;
}

}  // namespace

void format_base62(Bits128 bits, char* out) noexcept {
  Wide number = (Wide{bits.high} << 64) | bits.low;
  const auto low = static_cast<std::uint64_t>(number % kChunk);
  number /= kChunk;
  const auto middle = static_cast<std::uint64_t>(number % kChunk);
  const auto high = static_cast<std::uint64_t>(number / kChunk);
  format_word(high, out, kIdDigits - 2 * kChunkDigits);
  format_word(middle, out + kIdDigits - 2 * kChunkDigits, kChunkDigits);
  format_word(low, out + kIdDigits - kChunkDigits, kChunkDigits);
}

Result<Bits128> parse_base62(std::string_view digits) {
  if (digits.size() != kIdDigits) {
    return Error{ErrorCode::kMalformed, "an id has 22 digits",
                 static_cast<std::int64_t>(digits.size())};
  }
  Wide number = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const int value = digit_value(digits[i]);
    if (value < 0) {
      return Error{ErrorCode::kMalformed, "an id is made of 0-9, A-Z and a-z",
                   static_cast<std::int64_t>(i)};
    }
    const Wide next = number * 62 + static_cast<unsigned>(value);
    // The first 21 digits cannot overflow; the last multiplication can.
    if (i + 1 == kIdDigits && number > (~Wide{0} - static_cast<unsigned>(value)) / 62) {
      return Error{ErrorCode::kMalformed, "an id has 128 bits", static_cast<std::int64_t>(i)};
    }
    number = next;
  }
  return Bits128{static_cast<std::uint64_t>(number >> 64), static_cast<std::uint64_t>(number)};
}

}  // namespace headrace
