// SPDX-License-Identifier: Apache-2.0
#include "api/link_filter.h"

namespace headrace::api {

std::vector<Parameter> link_filter_parameters(bool with_product) {
  std::vector<Parameter> parameters = {
      {"app", ParameterKind::kText, "Only of this app; with a product, its access tag will do."},
      {"webhook", ParameterKind::kText, "Only of this webhook."},
      {"env", ParameterKind::kText, "Only of this env."}};
  if (with_product)
    parameters.push_back({"product", ParameterKind::kText, "Only of this product."});
  return parameters;
}

LinkFilter link_filter(const Call& call) {
  const auto product = call.path.find("product");
  return {.app = call.text("app"),
          .webhook = call.text("webhook"),
          .env = call.text("env"),
          .product = product == call.path.end() ? call.text("product") : product->second};
}

}  // namespace headrace::api
