// SPDX-License-Identifier: Apache-2.0
#include "selector/form.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace headrace::selector {
namespace {

constexpr std::array<std::int8_t, 256> make_hex_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 10; ++i)
    values[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 0; i < 6; ++i) {
    values[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(10 + i);
    values[static_cast<std::size_t>('A' + i)] = static_cast<std::int8_t>(10 + i);
  }
  return values;
}
constexpr std::array<std::int8_t, 256> kHexValues = make_hex_values();

int hex_value(char c) noexcept { return kHexValues[static_cast<unsigned char>(c)]; }

// A plain loop: find_first_of would search its set anew for each byte.
std::size_t find_encoded(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && text[at] != '%' && text[at] != '+') ++at;
  return at;
}

}  // namespace

bool next_form_field(std::string_view& rest, FormField& field) noexcept {
  rest.remove_prefix(std::min(rest.find_first_not_of('&'), rest.size()));
  if (rest.empty()) return false;
  const std::string_view pair = rest.substr(0, rest.find('&'));
  rest.remove_prefix(pair.size());
  const std::size_t equals = std::min(pair.find('='), pair.size());
  field.name = pair.substr(0, equals);
  field.value = pair.substr(std::min(equals + 1, pair.size()));
  return true;
}

void append_form_decoded(std::string_view text, std::string& out) {
  // Decoded text is never longer, so it is written without a check a byte and cut to its size at
  // the end.
  const std::size_t before = out.size();
  out.resize(before + text.size());
  char* to = out.data() + before;
  const char* at = text.data();
  for (const char* const end = at + text.size(); at != end; ++at) {
    if (*at == '%' && end - at > 2 && hex_value(at[1]) >= 0 && hex_value(at[2]) >= 0) {
      *to++ = static_cast<char>(hex_value(at[1]) * 16 + hex_value(at[2]));
      at += 2;
    } else {
      *to++ = *at == '+' ? ' ' : *at;
    }
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

std::string_view form_decoded(std::string_view text, std::string& scratch) {
  if (find_encoded(text, 0) == text.size()) return text;
  scratch.clear();
  append_form_decoded(text, scratch);
  return scratch;
}

}  // namespace headrace::selector
