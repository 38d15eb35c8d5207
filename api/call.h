// SPDX-License-Identifier: Apache-2.0
// One request whose route, caller, parameters and body are known to be right: what handlers work
// on.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/decode.h"
#include "api/encode.h"
#include "api/json_body.h"
#include "api/problem.h"
#include "api/router.h"
#include "core/metrics.h"
#include "headrace/engine.h"

namespace headrace::api {

// What the server shares among its requests.
struct Services {
  Engine& engine;
  const std::string& openapi;          // the document
  const core::MetricsRegistry& metrics;  // of the API itself
  std::atomic<int>& waits_for_others;  // requests that wait for providers
};

struct Call {
  Services& services;
  const Route& route;
  const Request& request;
  const PathValues& path;
  const Grant& grant;
  std::optional<Workspace> workspace;  // of every route that is one's
  JsonBody body;

  // Requires: the route's path has that name.
  const std::string& value(std::string_view name) const { return path.find(name)->second; }
  // Zero when the text is no id of that kind: it names nothing then.
  template <class SomeId>
  SomeId id(std::string_view name) const {
    auto parsed = SomeId::parse(value(name));
    return parsed ? *parsed : SomeId{};
  }
  // A query parameter; empty when it is not given.
  std::string text(std::string_view name) const {
    return request.parameter(name).value_or(std::string());
  }
  PageRequest page() const;
  // If-Match and cascade.
  ChangeOptions options() const;
};

// --- Answers -------------------------------------------------------------------------------------

Reply shown(std::string json, std::optional<std::uint64_t> revision = std::nullopt,
            int status = 200);

template <class T>
std::optional<std::uint64_t> revision_of(const T& value) {
  if constexpr (requires { value.revision; }) {
    return value.revision;
  } else {
    return std::nullopt;
  }
}

template <class T>
Reply answer(const Result<T>& result, int status = 200) {
  if (!result) return problem(result.error());
  return shown(to_json(result.value()), revision_of(result.value()), status);
}

template <class T>
Reply listed(const Result<Page<T>>& result) {
  if (result) return shown(to_json(result.value()));
  Error error = result.error();
  // The only text that a list parses is the cursor.
  if (error.code == ErrorCode::kMalformed) error.code = ErrorCode::kInvalidArgument;
  return problem(error);
}

Reply deleted(const Result<void>& result);
// 422 with what is wrong in the body.
Reply refused(Faults faults);
// The body's `name` where it is there must say what the path says.
void check_same(const Call& call, const char* name, std::string_view path_name, Faults& faults);

}  // namespace headrace::api
