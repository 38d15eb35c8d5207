// SPDX-License-Identifier: Apache-2.0
#include "api/problem.h"

#include <algorithm>
#include <utility>

#include "api/json_writer.h"
#include "ingest/http_server.h"

namespace headrace::api {
namespace {

constexpr std::size_t kErrorsMax = 16;  // more of them help nobody

int status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kMalformed:
    case ErrorCode::kAddressNotAllowed:
    case ErrorCode::kPlainHttpNotAllowed:
      return 422;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kPrecondition:
      return 412;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kUnauthorized:
      return 401;
    case ErrorCode::kForbidden:
      return 403;
    case ErrorCode::kUnavailable:
    case ErrorCode::kStorageFull:
    case ErrorCode::kStorageFailed:
    case ErrorCode::kTimedOut:
    case ErrorCode::kCancelled:
      return 503;
    default:
      return 500;
  }
}

// The header lines that belong to a status (RFC 9110, 11.6.1 and 10.2.3).
std::string_view lines_of(int status) noexcept {
  if (status == 401) return "WWW-Authenticate: Bearer\r\n";
  if (status == 503) return "Retry-After: 1\r\n";
  return {};
}

Reply reply_of(Problem problem) {
  Reply reply;
  reply.status = problem.status;
  reply.content_type = "application/problem+json";
  reply.extra_lines = lines_of(problem.status);
  for (auto* items : {&problem.errors, &problem.conflicts}) {
    if (items->size() > kErrorsMax) items->resize(kErrorsMax);
  }
  reply.problem = std::move(problem);
  return reply;
}

void write_items(JsonWriter& json, std::string_view member, std::string_view name,
                 const std::vector<ErrorItem>& items) {
  if (items.empty()) return;
  json.key(member).begin_array();
  for (const ErrorItem& item : items) {
    // "?limit" names a query parameter; JSON pointers begin with a slash or are empty.
    const bool is_parameter = item.where.starts_with('?');
    json.begin_object();
    json.member(is_parameter ? "parameter" : name,
                std::string_view(item.where).substr(is_parameter ? 1 : 0));
    json.member("detail", item.what);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

Reply problem(int status, std::string_view code, std::string_view detail) {
  return reply_of({.status = status, .code = std::string(code), .detail = std::string(detail)});
}

Reply problem(const Error& error) {
  Problem problem{.status = status_of(error.code),
                  .code = std::string(to_string(error.code)),
                  .detail = error.what};
  (error.code == ErrorCode::kConflict ? problem.conflicts : problem.errors) = error.items;
  if (error.code == ErrorCode::kMalformed) problem.position = error.detail;
  return reply_of(std::move(problem));
}

Reply invalid(std::string_view detail, std::vector<ErrorItem> errors) {
  return problem(Error{ErrorCode::kInvalidArgument, std::string(detail), 0, std::move(errors)});
}

std::string problem_document(const Problem& problem, std::string_view instance,
                             std::string_view request_id) {
  JsonWriter json;
  json.begin_object();
  json.member("type", "urn:headrace:problem:" + problem.code);
  json.member("title", ingest::status_text(problem.status));
  json.member("status", static_cast<std::int64_t>(problem.status));
  json.member("detail", problem.detail);
  json.member("instance", instance);
  json.member("code", problem.code);
  json.member("request_id", request_id);
  write_items(json, "errors", "pointer", problem.errors);
  write_items(json, "conflicts", "resource", problem.conflicts);
  if (problem.position) json.member("position", *problem.position);
  json.end_object();
  return json.take();
}

}  // namespace headrace::api
