// SPDX-License-Identifier: Apache-2.0
// The parameters that say which links, endpoints or messages are meant.
#pragma once

#include <vector>

#include "api/call.h"

namespace headrace::api {

// app, webhook, env and, where the path does not say it, product.
std::vector<Parameter> link_filter_parameters(bool with_product);
LinkFilter link_filter(const Call& call);

}  // namespace headrace::api
