// SPDX-License-Identifier: Apache-2.0
#include "api/route_table.h"

#include <algorithm>
#include <array>
#include <utility>

namespace headrace::api {

const std::vector<Route>& route_table() {
  static const std::vector<Route> table = [] {
    std::vector<Route> all;
    add_workspace_routes(all);
    add_app_routes(all);
    add_event_routes(all);
    add_product_routes(all);
    add_registration_routes(all);
    add_link_routes(all);
    add_endpoint_routes(all);
    add_history_routes(all);
    add_job_routes(all);
    add_audit_routes(all);
    add_secret_routes(all);
    add_operational_routes(all);
    return all;
  }();
  return table;
}

bool is_of_workspace(const Route& route) noexcept {
  return route.access != Access::kNone && route.access != Access::kOperator;
}

std::vector<Failure> failures_of(const Route& route) {
  std::vector<Failure> all = route.failures;
  all.push_back({400, "malformed"});  // a wrong percent escape, or a body that is not JSON
  if (route.access != Access::kNone) {
    all.insert(all.end(), {{401, "unauthorized"},
                           {429, "too_many_failures"},
                           {403, "forbidden"},
                           {422, "invalid_argument"},  // an unknown query parameter
                           {503, "unavailable"}});
  }
  // The workspace that the operator's key names may be none.
  if (is_of_workspace(route)) all.push_back({404, "not_found"});
  if (route.takes_if_match) all.push_back({412, "precondition_failed"});
  if (!route.body.empty()) {
    all.insert(all.end(), {{413, "too_large"}, {415, "unsupported_media_type"}});
  }
  if (route.method == core::Method::kPost) {
    all.insert(all.end(), {{409, "idempotency_in_progress"}, {422, "idempotency_mismatch"}});
  }
  if (route.answer_is_secret) all.push_back({409, "idempotency_replayed"});
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<Parameter> parameters_of(const Route& route) {
  std::vector<Parameter> all = route.query;
  if (route.is_list) {
    all.push_back({"limit", ParameterKind::kLimit, "How many a page has at most; default 100."});
    all.push_back({"cursor", ParameterKind::kCursor, "What the page before said as next."});
  }
  if (route.takes_cascade) {
    all.push_back({"cascade", ParameterKind::kFlag,
                   "true: what would be orphaned goes, too. Default: a conflict lists it."});
  }
  return all;
}

std::vector<std::string_view> path_names(std::string_view path) {
  std::vector<std::string_view> names;
  while (true) {
    const std::size_t open = path.find('{');
    if (open == std::string_view::npos) return names;
    const std::size_t close = path.find('}', open);
    names.push_back(path.substr(open + 1, close - open - 1));
    path.remove_prefix(close + 1);
  }
}

std::string_view path_description(std::string_view name) noexcept {
  using Entry = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Entry, 13> kAll = {{
      {"workspace", "The workspace's tag."},
      {"key", "The key's id."},
      {"app", "The app's tag."},
      {"webhook", "The webhook's tag."},
      {"env", "The env's slug."},
      {"event", "The event's full tag, or an event part that is unique in the app."},
      {"product", "The product's tag."},
      {"access_tag", "The name under which the product knows the app."},
      {"link", "The link's id."},
      {"endpoint", "The endpoint's id."},
      {"message", "The message's id."},
      {"job", "The job's id."},
      {"secret", "The secret's name."},
  }};
  for (const auto& [key, description] : kAll) {
    if (key == name) return description;
  }
  return {};
}

}  // namespace headrace::api
