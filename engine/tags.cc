// SPDX-License-Identifier: Apache-2.0
#include "engine/tags.h"

#include <algorithm>
#include <string>

#include "core/limits.h"
#include "selector/utf8.h"

namespace headrace::engine {
namespace {

constexpr std::size_t kTagBytesMax = 128;
constexpr std::size_t kSlugBytesMax = 64;

bool is_lower_or_digit(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_letter_or_digit(char c) noexcept { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }

}  // namespace

Result<void> check_tag(std::string_view what, std::string_view tag) {
  const bool valid =
      !tag.empty() && tag.size() <= kTagBytesMax && is_letter_or_digit(tag.front()) &&
      std::all_of(tag.begin(), tag.end(),
                  [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
  if (valid) return {};
  return Error{
      ErrorCode::kInvalidArgument,
      std::string(what) + " must be 1 to 128 of A-Z a-z 0-9 . _ - and begin with a letter or digit",
      0};
}

Result<void> check_slug(std::string_view slug) {
  const bool valid =
      !slug.empty() && slug.size() <= kSlugBytesMax && is_lower_or_digit(slug.front()) &&
      std::all_of(slug.begin(), slug.end(),
                  [](char c) { return is_lower_or_digit(c) || c == '_' || c == '-'; });
  if (valid) return {};
  return Error{ErrorCode::kInvalidArgument,
               "an env slug must be 1 to 64 of a-z 0-9 _ - and begin with a letter or digit", 0};
}

Result<void> check_text(std::string_view what, std::string_view text) {
  if (text.size() > core::limits::kTextBytesMax)
    return Error{ErrorCode::kInvalidArgument, std::string(what) + " has at most 4096 bytes", 0};
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const auto byte = static_cast<unsigned char>(*at);
    const bool control =
        (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f;
    const std::size_t size = selector::utf8_sequence(at, end);
    if (control || size == 0) {
      return Error{ErrorCode::kInvalidArgument,
                   std::string(what) + " must be UTF-8 without control characters",
                   at - text.data()};
    }
    at += size;
  }
  return {};
}

}  // namespace headrace::engine
