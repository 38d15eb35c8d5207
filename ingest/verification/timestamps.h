// SPDX-License-Identifier: Apache-2.0
// When a message says that it was sent, and whether that is near enough to now. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/clock.h"

namespace headrace::verification {

enum class TimeForm : std::uint8_t { kSeconds, kMilliseconds, kRfc3339 };

// Nothing but the digits of a time between 1970 and 9999, or a time of RFC 3339 with its offset.
std::optional<core::WallMs> parse_time(std::string_view text, TimeForm form) noexcept;

// Half of the default dedupe window: from one end of it to the other a message is known again. For
// providers that send the same again for hours.
inline constexpr std::chrono::hours kLongTolerance{12};

struct Tolerance {
  std::optional<std::chrono::milliseconds> span;  // none: any time will do
  bool past_only = false;                         // what is ahead of our clock is never too far

  bool allows(core::WallMs sent, core::WallMs now) const noexcept;
  // From the first moment at which a time is allowed to the last; none: for ever. A provider's
  // clock is not taken to be ahead where that is allowed without a limit.
  std::optional<std::chrono::milliseconds> allowed_for() const noexcept {
    if (!span) return std::nullopt;
    return past_only ? *span : 2 * *span;
  }
};

}  // namespace headrace::verification
