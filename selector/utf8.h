// SPDX-License-Identifier: Apache-2.0
// Well-formed UTF-8 (The Unicode Standard, table 3-7), one sequence at a time.
#pragma once

#include <cstddef>

namespace headrace::selector {

// The length in bytes of the well-formed sequence at `at`, 1 to 4; 0 when there is none before
// `end`. Requires: at < end.
inline std::size_t utf8_sequence(const char* at, const char* end) noexcept {
  const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  const auto within = [](unsigned value, unsigned low, unsigned high) {
    return value >= low && value <= high;
  };
  const auto left = static_cast<std::size_t>(end - at);
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (within(first, 0xC2, 0xDF)) return left >= 2 && within(byte(1), 0x80, 0xBF) ? 2 : 0;
  // The second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF.
  if (within(first, 0xE0, 0xEF)) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return left >= 3 && within(byte(1), low, high) && within(byte(2), 0x80, 0xBF) ? 3 : 0;
  }
  if (within(first, 0xF0, 0xF4)) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return left >= 4 && within(byte(1), low, high) && within(byte(2), 0x80, 0xBF) &&
                   within(byte(3), 0x80, 0xBF)
               ? 4
               : 0;
  }
  return 0;
}

}  // namespace headrace::selector
