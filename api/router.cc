// SPDX-License-Identifier: Apache-2.0
#include "api/router.h"

#include <optional>
#include <utility>

namespace headrace::api {
namespace {

std::string_view next_segment(std::string_view& path) noexcept {
  path.remove_prefix(1);  // the slash
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

// The values of the template's names where the path follows it.
std::optional<PathValues> match(std::string_view pattern, const std::vector<std::string>& path) {
  PathValues values;
  for (const std::string& given : path) {
    if (pattern.empty()) return std::nullopt;
    const std::string_view wanted = next_segment(pattern);
    if (wanted.starts_with('{')) {
      if (given.empty()) return std::nullopt;
      values.emplace(wanted.substr(1, wanted.size() - 2), given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty()) return std::nullopt;
  return values;
}

}  // namespace

RouteMatch find_route(core::Method method, const std::vector<std::string>& path) {
  if (method == core::Method::kHead) method = core::Method::kGet;
  RouteMatch found;
  if (path.empty()) return found;
  for (const Route& route : route_table()) {
    auto values = match(route.path, path);
    if (!values) continue;
    if (route.method == method) {
      found.route = &route;
      found.values = std::move(*values);
      return found;
    }
    if (!found.allowed.empty()) found.allowed += ", ";
    found.allowed += core::to_string(route.method);
    if (route.method == core::Method::kGet) found.allowed += ", HEAD";
  }
  return found;
}

}  // namespace headrace::api
