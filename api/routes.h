// SPDX-License-Identifier: Apache-2.0
// Answers requests: finds the route, asks who may, holds parameters and body against what the table
// says, and calls the handler. Blocks on the engine, save where never_waits(); runs on worker
// threads.
#pragma once

#include <atomic>
#include <string>

#include "api/authorizer.h"
#include "api/call.h"
#include "api/idempotency.h"
#include "api/request.h"
#include "api/schema_validator.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "headrace/engine.h"

namespace headrace::api {

inline constexpr std::size_t kBodyBytesMax = std::size_t{4} << 20;

class Routes {
 public:
  // `root_key`: the operator's, which may do everything everywhere.
  // `log` may be null.
  Routes(Engine& engine, std::string root_key, const core::Clock& clock,
         core::LogSink* log = nullptr, const ThrottleOptions& throttle = {});

  // Any thread. The reply is whole: a problem is written out, and the request id is in it.
  Reply handle(const Request& request);
  // The same for a request that is not to be worked on.
  static Reply refuse(const Request& request, Reply reply);
  // Whether handle() does not block for it, so that a loop may call it.
  static bool never_waits(const Request& request);

  Idempotency& idempotency_for_test() noexcept { return idempotency_; }

 private:
  Reply find(const Request& request);
  Reply authorized(const Request& request, const RouteMatch& match);
  Reply checked(const Request& request, const RouteMatch& match, const Grant& grant);
  Reply once(Call& call);
  Reply run(Call& call);

  KeyGuard guard_;
  Authorizer authorizer_;
  SchemaValidator validator_;
  Idempotency idempotency_;
  const std::string openapi_;
  core::MetricsRegistry metrics_;
  std::atomic<int> waits_{0};
  Services services_;
};

// Where a client keeps a remembered answer: whose the key is, and the key.
std::string idempotency_key(const Grant& grant, UnixMs workspace_made_at, std::string_view key);
// What a request asks for.
std::string idempotency_digest(const Request& request);

}  // namespace headrace::api
