// SPDX-License-Identifier: Apache-2.0
#include "api/problem.h"

#include <nlohmann/json.hpp>

#include "ingest/http_server.h"

namespace headrace::api {
namespace {

int status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kMalformed:
      return 422;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kUnauthorized:
      return 401;
    case ErrorCode::kUnavailable:
    case ErrorCode::kStorageFull:
    case ErrorCode::kStorageFailed:
      return 503;
    default:
      return 500;
  }
}

Reply document(int status, std::string_view code, std::string_view detail,
               const std::int64_t* position) {
  nlohmann::ordered_json json = {{"type", "about:blank"},
                                 {"title", ingest::status_text(status)},
                                 {"status", status},
                                 {"detail", detail},
                                 {"code", code}};
  if (position != nullptr) json["position"] = *position;
  return {status,
          "application/problem+json",
          json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace),
          {}};
}

}  // namespace

Reply problem(int status, std::string_view code, std::string_view detail) {
  return document(status, code, detail, nullptr);
}

Reply problem(const Error& error) {
  const std::int64_t* position = error.code == ErrorCode::kMalformed ? &error.detail : nullptr;
  Reply reply = document(status_of(error.code), to_string(error.code), error.what, position);
  if (reply.status == 503) reply.extra_lines = "Retry-After: 1\r\n";
  return reply;
}

}  // namespace headrace::api
