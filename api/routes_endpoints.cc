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
