// SPDX-License-Identifier: Apache-2.0
// The name of one request, by which its answer is found in logs.
#pragma once

#include <string>
#include <string_view>

namespace headrace::api {

// The client's own if it is 1 to 128 of [A-Za-z0-9._-], else a new one: "req_" and 22 digits.
std::string request_id(std::string_view given);

}  // namespace headrace::api
