// SPDX-License-Identifier: Apache-2.0
// Where a page of what happened ends, as text to give out and take back.
//
// It names what was looked at last, never a count, so that what comes in meanwhile shifts nothing.
// The text is opaque to everybody else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "headrace/id.h"
#include "headrace/result.h"

namespace headrace::engine {

struct HistoryCursor {
  enum class List : char { kMessages = 'm', kDeliveries = 'd', kAttempts = 'a' };

  MessageId message;          // zero: at the beginning
  bool inside = false;        // false: behind the whole message
  std::uint32_t target = 0;   // `inside` alone: the next receiver of the message …
  std::uint32_t attempt = 0;  // … and its attempts up to here were shown

  std::string to_text(List list) const;  // empty at the beginning
  // An empty text is the beginning. kInvalidArgument: it was not given out for this list.
  static Result<HistoryCursor> parse(List list, std::string_view text);
};

}  // namespace headrace::engine
