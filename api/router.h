// SPDX-License-Identifier: Apache-2.0
// Finds the route of a request.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/route_table.h"

namespace headrace::api {

using PathValues = std::map<std::string_view, std::string, std::less<>>;

struct RouteMatch {
  const Route* route = nullptr;
  PathValues values;    // of the template's names
  std::string allowed;  // without a route: the methods that the path takes; empty: no such path
};

// HEAD finds what GET does. `path` is taken apart already.
RouteMatch find_route(core::Method method, const std::vector<std::string>& path);

}  // namespace headrace::api
