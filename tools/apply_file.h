// SPDX-License-Identifier: Apache-2.0
// A file of definitions as a value that knows where each part stands.
//
// TOML and JSON have the same shape here; which of the two a file is, its name says.
#pragma once

#include <string>
#include <string_view>

#include "headrace/result.h"
#include "tools/json_value.h"

namespace headrace::tools {

// `name`: "FILE.toml", or anything else for JSON. kMalformed: "FILE:3:1: what is wrong".
Result<Json> parse_apply_file(std::string_view text, const std::string& name);

// "FILE:3:1"
std::string place_of(const Json& json, const std::string& name);

}  // namespace headrace::tools
