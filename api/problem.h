// SPDX-License-Identifier: Apache-2.0
// Errors as problem documents (RFC 9457).
#pragma once

#include <string_view>

#include "api/request.h"
#include "headrace/result.h"

namespace headrace::api {

// {"type","title","status","detail","code"}; `code` is the stable name of the kind of error.
Reply problem(int status, std::string_view code, std::string_view detail);
// With the status that the error's code means here; a position in what was sent becomes "position".
Reply problem(const Error& error);

}  // namespace headrace::api
