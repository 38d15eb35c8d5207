// SPDX-License-Identifier: Apache-2.0
// The spelling of names that people choose.
#pragma once

#include <string_view>

#include "headrace/result.h"

namespace headrace::engine {

// A tag: [A-Za-z0-9][A-Za-z0-9._-]{0,127}. kInvalidArgument naming `what` otherwise.
Result<void> check_tag(std::string_view what, std::string_view tag);
// An env slug: [a-z0-9][a-z0-9_-]{0,63}.
Result<void> check_slug(std::string_view slug);
// A name or description: at most kTextBytesMax of UTF-8 without control characters but line ends.
Result<void> check_text(std::string_view what, std::string_view text);

}  // namespace headrace::engine
