// SPDX-License-Identifier: Apache-2.0
#include "engine/history_cursor.h"

#include <limits>

#include "core/limits.h"
#include "engine/faults.h"

namespace headrace::engine {
namespace {

// One letter for the list, 22 digits for the message, 22 for the place in it.
constexpr std::size_t kTextSize = 1 + 2 * kIdDigits;

constexpr std::uint64_t kAttemptMax = std::numeric_limits<std::uint16_t>::max();

}  // namespace

std::string HistoryCursor::to_text(List list) const {
  if (!message) return {};
  std::string text(kTextSize, static_cast<char>(list));
  format_base62(message.bits, text.data() + 1);
  const Bits128 place = inside ? Bits128{std::uint64_t{target} + 1, attempt} : Bits128{};
  format_base62(place, text.data() + 1 + kIdDigits);
  return text;
}

Result<HistoryCursor> HistoryCursor::parse(List list, std::string_view text) {
  if (text.empty()) return HistoryCursor{};
  const Error fault = invalid("/cursor", "the cursor is not one that was given out");
  if (text.size() != kTextSize || text.front() != static_cast<char>(list)) return fault;
  const auto message = parse_base62(text.substr(1, kIdDigits));
  const auto place = parse_base62(text.substr(1 + kIdDigits));
  if (!message || *message == Bits128{} || !place) return fault;
  HistoryCursor cursor;
  cursor.message = MessageId{*message};
  if (*place == Bits128{}) return cursor;
  if (list == List::kMessages || place->high == 0 ||
      place->high > core::limits::kTargetsPerMessageMax || place->low > kAttemptMax)
    return fault;
  cursor.inside = true;
  cursor.target = static_cast<std::uint32_t>(place->high - 1);
  cursor.attempt = static_cast<std::uint32_t>(place->low);
  return cursor;
}

}  // namespace headrace::engine
