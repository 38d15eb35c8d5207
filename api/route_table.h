// SPDX-License-Identifier: Apache-2.0
// The one table of what the API can do. The router, the OpenAPI document and docs/api-reference.md
// are made from it, so none of them can say what another does not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/authorizer.h"
#include "api/request.h"
#include "core/http_request.h"

namespace headrace::api {

struct Call;
using Handler = Reply (*)(Call& call);

// What a query parameter may be.
enum class ParameterKind : std::uint8_t {
  kText,
  kLimit,       // 1 to 1000
  kCursor,      // what a page's `next` said
  kFlag,        // true or false
  kTime,        // RFC 3339
  kHttpStatus,  // 0 to 999
  kChoice,      // one of Parameter::choices
  kLinkId,
  kEndpointId,
  kMessageId,
};

struct Parameter {
  std::string_view name;
  ParameterKind kind = ParameterKind::kText;
  std::string_view description;
  std::vector<std::string_view> choices{};
};

// A status and the schema of what it bears: a component's name, empty for no body.
struct Answer {
  int status = 200;
  std::string_view schema{};
  std::string_view description = "Done.";
};

// An answer that is a problem document.
struct Failure {
  int status = 0;
  std::string_view code;
  friend auto operator<=>(const Failure&, const Failure&) = default;
};

struct Route {
  core::Method method = core::Method::kGet;  // kGet serves HEAD, too
  std::string_view path;                     // "/v1/apps/{app}"
  Access access = Access::kNone;
  std::string_view id;  // of the operation: "listApps"
  std::string_view tag;
  std::string_view summary;
  std::string_view description{};
  std::vector<Parameter> query{};
  std::string_view body{};  // the component that the body must be; empty: none is read
  bool body_is_optional = false;
  std::vector<Answer> answers{};
  std::vector<Failure> failures{};  // besides those that failures_of() adds
  bool is_list = false;             // answers a page; takes limit and cursor
  bool has_etag = false;            // its answer shows a revision
  bool takes_if_match = false;
  bool takes_cascade = false;
  bool answer_is_secret = false;  // not kept for a repeat with the same Idempotency-Key
  std::string_view media_type = "application/json";
  Handler handler = nullptr;
};

const std::vector<Route>& route_table();

// All of a route's: its own, and those that follow from what it is.
std::vector<Failure> failures_of(const Route& route);
// All of a route's: its own, and limit, cursor and cascade.
std::vector<Parameter> parameters_of(const Route& route);
// Whether what it does is a workspace's.
bool is_of_workspace(const Route& route) noexcept;
// The names that a path template has, in order: {"app", "webhook"}.
std::vector<std::string_view> path_names(std::string_view path);
// What {name} in a path stands for.
std::string_view path_description(std::string_view name) noexcept;

// Each file's part.
void add_operational_routes(std::vector<Route>& to);
void add_workspace_routes(std::vector<Route>& to);
void add_app_routes(std::vector<Route>& to);
void add_event_routes(std::vector<Route>& to);
void add_product_routes(std::vector<Route>& to);
void add_registration_routes(std::vector<Route>& to);
void add_link_routes(std::vector<Route>& to);
void add_endpoint_routes(std::vector<Route>& to);
void add_history_routes(std::vector<Route>& to);
void add_job_routes(std::vector<Route>& to);
void add_audit_routes(std::vector<Route>& to);
void add_secret_routes(std::vector<Route>& to);

}  // namespace headrace::api
