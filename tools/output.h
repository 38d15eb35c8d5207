// SPDX-License-Identifier: Apache-2.0
// Answers of the daemon as people and programs read them.
//
// Pure. What the daemon shows came from strangers in part (headers, bodies, errors of receivers):
// control characters never reach a terminal as they are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/json_value.h"

namespace headrace::tools {

enum class Format : std::uint8_t { kTable, kJson, kNdjson };

std::optional<Format> parse_format(std::string_view text) noexcept;

// Lines of aligned columns below their headers. `columns`: "tag,envs.slug", where a name behind an
// array stands for that member of each item.
std::string table(std::string_view columns, const std::vector<Json>& rows, bool with_colour);
// One object: a line for each member, arrays of objects as tables below.
std::string details(const Json& object, bool with_colour);
// A problem document (RFC 9457) in lines for a person: what, where, and what stands in the way.
std::string problem_text(int status, std::string_view body);

// Control characters shown as \n, \t or \x1b; without an effect on a terminal.
std::string harmless(std::string_view text);

enum class Paint : std::uint8_t { kBold, kGreen, kYellow, kRed };
std::string painted(std::string_view text, Paint paint, bool with_colour);

}  // namespace headrace::tools
