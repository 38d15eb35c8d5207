// SPDX-License-Identifier: Apache-2.0
// Errors as problem documents (RFC 9457).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/request.h"
#include "headrace/result.h"

namespace headrace::api {

// `code` is the stable name of the kind of error.
Reply problem(int status, std::string_view code, std::string_view detail);
// With the status that the error's code means here. Its items become "conflicts" or "errors", and
// a position in what was sent becomes "position".
Reply problem(const Error& error);
// 422 invalid_argument; `errors` name the members or parameters at fault.
Reply invalid(std::string_view detail, std::vector<ErrorItem> errors);

// {"type","title","status","detail","instance","code","request_id"} and what else there is to say.
std::string problem_document(const Problem& problem, std::string_view instance,
                             std::string_view request_id);

}  // namespace headrace::api
