// SPDX-License-Identifier: Apache-2.0
// Links: what providers post to.
#include "api/call.h"
#include "api/link_filter.h"

namespace headrace::api {
namespace {

using core::Method;

Reply list_links(Call& call) {
  return listed(call.workspace->links(link_filter(call), call.page()));
}

Reply create_link(Call& call) {
  Faults faults;
  check_same(call, "product", "product", faults);
  check_same(call, "product_tag", "product", faults);
  const LinkSpec spec = link_spec(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  const auto made = call.workspace->create_link(call.value("product"), spec);
  if (!made) return problem(made.error());
  return shown(to_json(made.value()), made->link.revision, made->created ? 201 : 200);
}

Reply get_link(Call& call) { return answer(call.workspace->link(call.id<LinkId>("link"))); }

Reply delete_link(Call& call) {
  return deleted(call.workspace->delete_link(call.id<LinkId>("link"), call.options()));
}

Reply rotate_link(Call& call) {
  Faults faults;
  const auto grace = grace_of(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->rotate_link(call.id<LinkId>("link"), grace, call.options()));
}

void add_product_links(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/products/{product}/links",
                .access = Access::kRead,
                .id = "listProductLinks",
                .tag = "Links",
                .summary = "List a product's links",
                .query = link_filter_parameters(false),
                .answers = {{200, "Link", "A page of them, by app, webhook, env and product."}},
                .is_list = true,
                .handler = list_links});
  to.push_back({.method = Method::kPost,
                .path = "/v1/products/{product}/links",
                .access = Access::kWrite,
                .id = "createLink",
                .tag = "Links",
                .summary = "Get a product's link to a webhook and env, or to an event",
                .description = "The same request gets the same link.",
                .body = "LinkSpec",
                .answers = {{200, "LinkResult", "It was there already."},
                            {201, "LinkResult", "It is made."}},
                .failures = {{404, "not_found"}, {409, "conflict"}, {422, "malformed"}},
                .has_etag = true,
                .handler = create_link});
}

}  // namespace

void add_link_routes(std::vector<Route>& to) {
  add_product_links(to);
  to.push_back({.method = Method::kGet,
                .path = "/v1/links",
                .access = Access::kRead,
                .id = "listLinks",
                .tag = "Links",
                .summary = "List links",
                .query = link_filter_parameters(true),
                .answers = {{200, "Link", "A page of them, by app, webhook, env and product."}},
                .is_list = true,
                .handler = list_links});
  to.push_back({.method = Method::kGet,
                .path = "/v1/links/{link}",
                .access = Access::kRead,
                .id = "getLink",
                .tag = "Links",
                .summary = "Show a link",
                .answers = {{200, "Link", "The link."}},
                .failures = {{404, "not_found"}},
                .has_etag = true,
                .handler = get_link});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/links/{link}",
                .access = Access::kWrite,
                .id = "deleteLink",
                .tag = "Links",
                .summary = "Delete a link",
                .description = "An event link, or a product's link that has no endpoint: others go "
                               "with what they belong to.",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_if_match = true,
                .handler = delete_link});
  to.push_back({.method = Method::kPost,
                .path = "/v1/links/{link}/rotate",
                .access = Access::kWrite,
                .id = "rotateLink",
                .tag = "Links",
                .summary = "Give a link a new URL",
                .description = "The one before works for `grace` (default 24h), and a still older "
                               "one no more.",
                .body = "RotateSpec",
                .body_is_optional = true,
                .answers = {{200, "Link", "With its new URL."}},
                .failures = {{404, "not_found"}},
                .has_etag = true,
                .takes_if_match = true,
                .handler = rotate_link});
}

}  // namespace headrace::api
