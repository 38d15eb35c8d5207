// SPDX-License-Identifier: Apache-2.0
// What the route table says, as an OpenAPI 3.1 document and as a page for people.
#pragma once

#include <string>

namespace headrace::api {

// JSON, the same bytes in every run of this version.
std::string openapi_document();
// docs/api-reference.md
std::string api_reference();

}  // namespace headrace::api
