// SPDX-License-Identifier: Apache-2.0
// Holds query parameters against what a route takes.
#pragma once

#include <vector>

#include "api/route_table.h"

namespace headrace::api {

// What is wrong, each as "?name"; none: all is well, and what handlers read is of its kind.
std::vector<ErrorItem> check_query(const Route& route, const Request& request);

}  // namespace headrace::api
