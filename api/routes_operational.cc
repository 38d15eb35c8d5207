// SPDX-License-Identifier: Apache-2.0
// What load balancers, Prometheus and generators of clients ask: without a key, nothing secret.
#include "api/call.h"

namespace headrace::api {
namespace {

Reply livez(Call&) { return shown(R"({"status":"ok"})"); }

Reply readyz(Call& call) {
  if (call.services.engine.ready()) return shown(R"({"status":"ok"})");
  return problem(503, "unavailable", "messages are not taken");
}

Reply metrics(Call& call) {
  Reply reply = shown(call.services.engine.metrics() + call.services.metrics.prometheus());
  reply.content_type = call.route.media_type;
  return reply;
}

Reply openapi(Call& call) { return shown(call.services.openapi); }

}  // namespace

void add_operational_routes(std::vector<Route>& to) {
  using core::Method;
  to.push_back({.method = Method::kGet,
                .path = "/livez",
                .id = "getLive",
                .tag = "Operation",
                .summary = "Whether the process answers",
                .answers = {{200, "Health", "It does."}},
                .handler = livez});
  to.push_back({.method = Method::kGet,
                .path = "/readyz",
                .id = "getReady",
                .tag = "Operation",
                .summary = "Whether messages are taken",
                .description = "Not while the engine closes or its store fails.",
                .answers = {{200, "Health", "They are."}},
                .failures = {{503, "unavailable"}},
                .handler = readyz});
  to.push_back({.method = Method::kGet,
                .path = "/metrics",
                .id = "getMetrics",
                .tag = "Operation",
                .summary = "All counters, in Prometheus's text format",
                .answers = {{200, "Metrics", "The counters."}},
                .media_type = "text/plain; version=0.0.4",
                .handler = metrics});
  to.push_back({.method = Method::kGet,
                .path = "/openapi.json",
                .id = "getOpenApi",
                .tag = "Operation",
                .summary = "This API as an OpenAPI 3.1 document",
                .answers = {{200, "Document", "The document."}},
                .handler = openapi});
}

}  // namespace headrace::api
