// SPDX-License-Identifier: Apache-2.0
// The query parameters that say which messages, deliveries or attempts are meant.
#pragma once

#include <vector>

#include "api/call.h"

namespace headrace::api {

// app, webhook, env, product, link, endpoint, event, since and until.
std::vector<Parameter> history_parameters();
// All that queries say, save the states, and the page.
HistoryFilter history_filter(const Call& call);

}  // namespace headrace::api
