// SPDX-License-Identifier: Apache-2.0
// Points in time and spans of it as people write them.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

#include "core/clock.h"

namespace headrace::core {

// "2009-02-13T23:31:30.123Z" (RFC 3339). A year past 9999 has no such form and shows as 9999's end.
std::array<char, 24> format_timestamp(WallMs wall_ms) noexcept;

// "500ms", "15s", "10m", "24h" or "30d"; nullopt for anything else.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;

}  // namespace headrace::core
