// SPDX-License-Identifier: Apache-2.0
// Times and durations as the API takes and shows them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "headrace/registry.h"

namespace headrace::api {

// "2009-02-13T23:31:30.123Z"
std::string time_text(UnixMs ms);
// An RFC 3339 date-time with any offset, from 1970 on; fractions beyond milliseconds are cut off.
// Nullopt: it is none, or names a day or time that does not exist.
std::optional<UnixMs> parse_time(std::string_view text) noexcept;
// "5s", "2m", "1h", "250ms": the largest unit that is exact.
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace headrace::api
