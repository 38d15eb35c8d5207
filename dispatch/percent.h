// SPDX-License-Identifier: Apache-2.0
// Percent-encoding of names and values in a query (RFC 3986 2.1). Pure.
#pragma once

#include <string>
#include <string_view>

namespace headrace::dispatch {

// Appends `text` with every byte but the unreserved ones of RFC 3986 2.3 escaped.
void append_percent_encoded(std::string& out, std::string_view text);

}  // namespace headrace::dispatch
