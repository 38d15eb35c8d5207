// SPDX-License-Identifier: Apache-2.0
// Bytes as text: hex (RFC 4648 8) and base64 (RFC 4648 4 and 5). Pure.
//
// Decoders are strict: nothing but digits of the alphabet, no line ends, no bits behind the last
// byte that are not zero, so that a text has one reading and bytes one text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace headrace::core {

enum class Base64 : std::uint8_t {
  kStandard,    // + and /, padded
  kUrl,         // - and _, not padded
  kAnyPadding,  // as kStandard; padding may be missing
};

constexpr std::size_t base64_size(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }
constexpr std::size_t hex_size(std::size_t bytes) noexcept { return 2 * bytes; }

// Writes the text of `bytes` and answers its length. Requires: base64_size() or hex_size() of room.
std::size_t write_base64(std::string_view bytes, char* out,
                         Base64 form = Base64::kStandard) noexcept;
std::size_t write_hex(std::string_view bytes, char* out) noexcept;  // lower case
std::string to_base64(std::string_view bytes, Base64 form = Base64::kStandard);
std::string to_hex(std::string_view bytes);

// How many bytes were written to `out`; none: `text` is not of that form, or has no room there.
std::optional<std::size_t> read_base64(std::string_view text, std::span<char> out,
                                       Base64 form = Base64::kStandard) noexcept;
std::optional<std::size_t> read_hex(std::string_view text, std::span<char> out) noexcept;

// The time says nothing of where two texts of equal size differ.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace headrace::core
