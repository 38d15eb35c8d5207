// SPDX-License-Identifier: Apache-2.0
#include "core/encoding.h"

#include <openssl/crypto.h>

#include <array>

namespace headrace::core {
namespace {

constexpr std::string_view kStandardDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kHexDigits = "0123456789abcdef";

using Values = std::array<std::int8_t, 256>;

constexpr Values values_of(std::string_view digits) {
  Values values{};
  values.fill(-1);
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  return values;
}

constexpr Values kStandardValues = values_of(kStandardDigits);
constexpr Values kUrlValues = values_of(kUrlDigits);

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Without its padding; none: it is not padded as the form demands.
std::optional<std::string_view> without_padding(std::string_view text, Base64 form) noexcept {
  const std::size_t end = text.find('=');
  if (end == std::string_view::npos) {
    const bool whole = text.size() % 4 == 0;
    return form == Base64::kStandard && !whole ? std::nullopt : std::optional(text);
  }
  const std::string_view padding = text.substr(end);
  const bool right = form != Base64::kUrl && text.size() % 4 == 0 && end % 4 != 0 &&
                     (padding == "=" || padding == "==");
  return right ? std::optional(text.substr(0, end)) : std::nullopt;
}

}  // namespace

std::size_t write_base64(std::string_view bytes, char* out, Base64 form) noexcept {
  const std::string_view digits = form == Base64::kUrl ? kUrlDigits : kStandardDigits;
  char* at = out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) *at++ = digits[bits >> (held - 6) & 63];
  }
  if (held != 0) *at++ = digits[bits << (6 - held) & 63];
  if (form != Base64::kUrl)
    while ((at - out) % 4 != 0) *at++ = '=';
  return static_cast<std::size_t>(at - out);
}

std::size_t write_hex(std::string_view bytes, char* out) noexcept {
  char* at = out;
  for (const char c : bytes) {
    *at++ = kHexDigits[static_cast<unsigned char>(c) >> 4];
    *at++ = kHexDigits[static_cast<unsigned char>(c) & 15];
  }
  return static_cast<std::size_t>(at - out);
}

std::string to_base64(std::string_view bytes, Base64 form) {
  std::string text(base64_size(bytes.size()), '\0');
  text.resize(write_base64(bytes, text.data(), form));
  return text;
}

std::string to_hex(std::string_view bytes) {
  std::string text(hex_size(bytes.size()), '\0');
  write_hex(bytes, text.data());
  return text;
}

std::optional<std::size_t> read_base64(std::string_view text, std::span<char> out,
                                       Base64 form) noexcept {
  const auto digits = without_padding(text, form);
  if (!digits || digits->size() % 4 == 1 || digits->size() * 6 / 8 > out.size())
    return std::nullopt;
  const Values& values = form == Base64::kUrl ? kUrlValues : kStandardValues;
  std::size_t size = 0;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : *digits) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[size++] = static_cast<char>(bits >> held & 255);
    }
  }
  const bool bits_left = (bits & ((1U << held) - 1)) != 0;
  return bits_left ? std::nullopt : std::optional(size);
}

std::optional<std::size_t> read_hex(std::string_view text, std::span<char> out) noexcept {
  if (text.size() % 2 != 0 || text.size() / 2 > out.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i / 2] = static_cast<char>(high << 4 | low);
  }
  return text.size() / 2;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace headrace::core
