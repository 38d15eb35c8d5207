// SPDX-License-Identifier: Apache-2.0
// Products, and under which names they know apps.
#include "api/call.h"

namespace headrace::api {
namespace {

using core::Method;

Reply list_products(Call& call) { return listed(call.workspace->products(call.page())); }
Reply get_product(Call& call) { return answer(call.workspace->product(call.value("product"))); }
Reply delete_product(Call& call) {
  return deleted(call.workspace->delete_product(call.value("product"), call.options()));
}

Reply list_connections(Call& call) {
  return listed(call.workspace->connections(call.value("product"), call.page()));
}
Reply get_connection(Call& call) {
  return answer(call.workspace->connection(call.value("product"), call.value("access_tag")));
}
Reply disconnect(Call& call) {
  return deleted(
      call.workspace->disconnect(call.value("product"), call.value("access_tag"), call.options()));
}

Reply connect(Call& call) {
  Faults faults;
  check_same(call, "product", "product", faults);
  check_same(call, "product_tag", "product", faults);
  check_same(call, "access_tag", "access_tag", faults);
  if (!faults.empty()) return refused(std::move(faults));
  const std::string& product = call.value("product");
  const std::string& access_tag = call.value("access_tag");
  const bool is_new = !call.workspace->connection(product, access_tag);
  return answer(call.workspace->connect(product, access_tag, text_member(call.body.json(), "app"),
                                        call.options()),
                is_new ? 201 : 200);
}

void add_products(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/products",
                .access = Access::kRead,
                .id = "listProducts",
                .tag = "Products",
                .summary = "List products",
                .answers = {{200, "Product", "A page of them, by tag."}},
                .is_list = true,
                .handler = list_products});
  to.push_back({.method = Method::kGet,
                .path = "/v1/products/{product}",
                .access = Access::kRead,
                .id = "getProduct",
                .tag = "Products",
                .summary = "Show a product",
                .answers = {{200, "Product", "The product."}},
                .failures = {{404, "not_found"}},
                .handler = get_product});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/products/{product}",
                .access = Access::kWrite,
                .id = "deleteProduct",
                .tag = "Products",
                .summary = "Delete a product",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_cascade = true,
                .handler = delete_product});
}

void add_connections(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/products/{product}/apps",
                .access = Access::kRead,
                .id = "listConnections",
                .tag = "Products",
                .summary = "List the apps that a product is connected to",
                .answers = {{200, "Connection", "A page of them, by access tag."}},
                .is_list = true,
                .handler = list_connections});
  to.push_back({.method = Method::kGet,
                .path = "/v1/products/{product}/apps/{access_tag}",
                .access = Access::kRead,
                .id = "getConnection",
                .tag = "Products",
                .summary = "Show which app an access tag means",
                .answers = {{200, "Connection", "The connection."}},
                .failures = {{404, "not_found"}},
                .has_etag = true,
                .handler = get_connection});
  to.push_back({.method = Method::kPut,
                .path = "/v1/products/{product}/apps/{access_tag}",
                .access = Access::kWrite,
                .id = "putConnection",
                .tag = "Products",
                .summary = "Connect an app under an access tag",
                .body = "ConnectionSpec",
                .answers = {{200, "Connection", "It was there, and is as given now."},
                            {201, "Connection", "It is made."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .has_etag = true,
                .takes_if_match = true,
                .handler = connect});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/products/{product}/apps/{access_tag}",
                .access = Access::kWrite,
                .id = "deleteConnection",
                .tag = "Products",
                .summary = "Disconnect an app",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_if_match = true,
                .takes_cascade = true,
                .handler = disconnect});
}

}  // namespace

void add_product_routes(std::vector<Route>& to) {
  add_products(to);
  add_connections(to);
}

}  // namespace headrace::api
