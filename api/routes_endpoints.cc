// SPDX-License-Identifier: Apache-2.0
// Endpoints: where messages are delivered to.
#include "api/call.h"
#include "api/link_filter.h"

namespace headrace::api {
namespace {

using core::Method;

Reply create_endpoint(Call& call) {
  Faults faults;
  check_same(call, "product", "product", faults);
  check_same(call, "product_tag", "product", faults);
  const EndpointSpec spec = endpoint_spec(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->create_endpoint(call.value("product"), spec), 201);
}

Reply list_endpoints(Call& call) {
  return listed(call.workspace->endpoints(link_filter(call), call.page()));
}

Reply get_endpoint(Call& call) {
  return answer(call.workspace->endpoint(call.id<EndpointId>("endpoint")));
}

Reply update_endpoint(Call& call) {
  Faults faults;
  const EndpointSettings settings = endpoint_patch(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(
      call.workspace->update_endpoint(call.id<EndpointId>("endpoint"), settings, call.options()));
}

Reply delete_endpoint(Call& call) {
  return deleted(call.workspace->delete_endpoint(call.id<EndpointId>("endpoint"), call.options()));
}

// The state, and whether what waits is gone by now.
Reply set_state(Call& call, EndpointState state) {
  const auto id = call.id<EndpointId>("endpoint");
  EndpointSettings settings;
  settings.state = state;
  if (auto set = call.workspace->update_endpoint(id, settings, call.options()); !set)
    return problem(set.error());
  return answer(call.workspace->endpoint(id));
}

Reply pause_endpoint(Call& call) { return set_state(call, EndpointState::kPaused); }
Reply resume_endpoint(Call& call) { return set_state(call, EndpointState::kActive); }
Reply disable_endpoint(Call& call) { return set_state(call, EndpointState::kDisabled); }
Reply drain_endpoint(Call& call) { return set_state(call, EndpointState::kDraining); }

Reply discard_waiting(Call& call) {
  const auto discarded = call.workspace->discard_waiting(call.id<EndpointId>("endpoint"));
  if (!discarded) return problem(discarded.error());
  JsonWriter json;
  json.begin_object().member("discarded", std::uint64_t{*discarded}).end_object();
  return shown(json.take());
}

Reply test_endpoint(Call& call) {
  Faults faults;
  const EndpointTestSpec spec = endpoint_test_spec(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->test_endpoint(call.id<EndpointId>("endpoint"), spec), 202);
}

void add_single(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/endpoints/{endpoint}",
                .access = Access::kRead,
                .id = "getEndpoint",
                .tag = "Endpoints",
                .summary = "Show an endpoint",
                .answers = {{200, "Endpoint", "The endpoint."}},
                .failures = {{404, "not_found"}},
                .has_etag = true,
                .handler = get_endpoint});
  to.push_back({.method = Method::kPatch,
                .path = "/v1/endpoints/{endpoint}",
                .access = Access::kWrite,
                .id = "updateEndpoint",
                .tag = "Endpoints",
                .summary = "Change an endpoint",
                .body = "EndpointPatch",
                .answers = {{200, "Endpoint", "As it is now."}},
                .failures = {{404, "not_found"}, {422, "malformed"}},
                .has_etag = true,
                .takes_if_match = true,
                .handler = update_endpoint});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/endpoints/{endpoint}",
                .access = Access::kWrite,
                .id = "deleteEndpoint",
                .tag = "Endpoints",
                .summary = "Delete an endpoint",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_if_match = true,
                .takes_cascade = true,
                .handler = delete_endpoint});
}

Route state_route(std::string_view path, std::string_view id, std::string_view summary,
                  std::string_view description, Handler handler) {
  return {.method = Method::kPost,
          .path = path,
          .access = Access::kWrite,
          .id = id,
          .tag = "Endpoints",
          .summary = summary,
          .description = description,
          .answers = {{200, "Endpoint", "As it is now."}},
          .failures = {{404, "not_found"}},
          .has_etag = true,
          .takes_if_match = true,
          .handler = handler};
}

void add_states(std::vector<Route>& to) {
  to.push_back(state_route("/v1/endpoints/{endpoint}/pause", "pauseEndpoint", "Pause an endpoint",
                           "It goes on taking messages; what waits is held. What is under way ends.",
                           pause_endpoint));
  to.push_back(state_route("/v1/endpoints/{endpoint}/resume", "resumeEndpoint",
                           "Resume an endpoint",
                           "Whatever stopped it: it takes messages, and what waits is delivered.",
                           resume_endpoint));
  to.push_back(state_route("/v1/endpoints/{endpoint}/drain", "drainEndpoint", "Drain an endpoint",
                           "It takes nothing new; what waits is delivered. `drained` says when "
                           "nothing is left.",
                           drain_endpoint));
  to.push_back(state_route("/v1/endpoints/{endpoint}/disable", "disableEndpoint",
                           "Disable an endpoint",
                           "It takes nothing new; what waits is held until it is resumed, drained "
                           "or discarded.",
                           disable_endpoint));
  to.push_back({.method = Method::kPost,
                .path = "/v1/endpoints/{endpoint}/discard",
                .access = Access::kWrite,
                .id = "discardEndpoint",
                .tag = "Endpoints",
                .summary = "Give up all that waits for an endpoint",
                .description = "In whatever state it is. What is under way ends as it ends.",
                .answers = {{200, "Discarded", "It is dead, and on record."}},
                .failures = {{404, "not_found"}},
                .handler = discard_waiting});
}

}  // namespace

void add_endpoint_routes(std::vector<Route>& to) {
  to.push_back({.method = Method::kPost,
                .path = "/v1/products/{product}/endpoints",
                .access = Access::kWrite,
                .id = "createEndpoint",
                .tag = "Endpoints",
                .summary = "Make an endpoint, with its product link",
                .body = "EndpointSpec",
                .answers = {{201, "Endpoint", "It is made."}},
                .failures = {{404, "not_found"}, {409, "conflict"}, {422, "malformed"}},
                .has_etag = true,
                .handler = create_endpoint});
  to.push_back({.method = Method::kGet,
                .path = "/v1/endpoints",
                .access = Access::kRead,
                .id = "listEndpoints",
                .tag = "Endpoints",
                .summary = "List endpoints",
                .query = link_filter_parameters(true),
                .answers = {{200, "Endpoint", "A page of them, by app, webhook, env and product."}},
                .is_list = true,
                .handler = list_endpoints});
  add_single(to);
  add_states(to);
  to.push_back({.method = Method::kPost,
                .path = "/v1/endpoints/{endpoint}/test",
                .access = Access::kReplay,
                .id = "testEndpoint",
                .tag = "Endpoints",
                .summary = "Send a test message to an endpoint",
                .body = "EndpointTestSpec",
                .body_is_optional = true,
                .answers = {{202, "TestSend", "It is stored, and will be delivered."}},
                .failures = {{404, "not_found"}},
                .handler = test_endpoint});
}

}  // namespace headrace::api
