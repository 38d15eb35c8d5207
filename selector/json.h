// SPDX-License-Identifier: Apache-2.0
// Exact validation of JSON (RFC 8259), naming the first fault.
//
// Accepted is every document of the grammar whose nesting is at most kJsonDepthMax: numbers of any
// length and size, scalar roots, escapes that name lone surrogates. Refused is everything else: a
// byte order mark, and bytes that are not UTF-8. Iterative: the stack does not grow with the
// document. Pure; no allocation.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace headrace::selector {

struct JsonFault {
  std::size_t offset =
      0;  // of the first byte that cannot be there; the size of the text when it ends too early
  const char* reason = "";  // a sentence
};

// Nullopt: `text` is valid. Needs no padding behind the text.
std::optional<JsonFault> find_json_fault(std::string_view text) noexcept;

}  // namespace headrace::selector
