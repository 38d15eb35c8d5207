// SPDX-License-Identifier: Apache-2.0
// The pieces of HTTP's grammar that the request and the response reader share (RFC 9110
// section 5.6).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace headrace::core::http {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

namespace detail {
constexpr std::array<bool, 256> table_of(std::string_view others) noexcept {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 128; ++c) {
    const char lower = to_lower(static_cast<char>(c));
    table[c] = (lower >= 'a' && lower <= 'z') || is_digit(lower);
  }
  for (const char c : others) table[static_cast<unsigned char>(c)] = true;
  return table;
}
inline constexpr auto kTokenCharacters = table_of("!#$%&'*+-.^_`|~");
inline constexpr auto kHostCharacters = table_of("-._~%!$&'()*+,;=:[]");
}  // namespace detail

constexpr bool is_token_char(char c) noexcept {
  return detail::kTokenCharacters[static_cast<unsigned char>(c)];
}

// A visible character, a blank or a byte above ASCII: what a field value may hold.
constexpr bool is_value_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

// uri-host [":" port] by its characters (RFC 3986 section 3.2.2).
constexpr bool is_host(std::string_view text) noexcept {
  for (const char c : text) {
    if (!detail::kHostCharacters[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

// Whether `text` is `lower` but for the case of its letters. Requires: `lower` has no capital
// letters.
constexpr bool equals_lower(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (to_lower(text[i]) != lower[i]) return false;
  }
  return true;
}

constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Whether the comma-separated list holds the token `lower`.
constexpr bool list_contains(std::string_view list, std::string_view lower) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (equals_lower(trim(list.substr(0, comma)), lower)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// 1*DIGIT within 18 digits, as Content-Length and delays are; false for anything else.
constexpr bool parse_number(std::string_view digits, std::uint64_t& number) noexcept {
  if (digits.empty() || digits.size() > 18) return false;
  number = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return false;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

}  // namespace headrace::core::http
