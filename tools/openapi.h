// SPDX-License-Identifier: Apache-2.0
// `headrace openapi`: the management API, as a document for programs or a page for people.
#pragma once

namespace headrace::tools {

// Prints OpenAPI 3.1 in JSON, or docs/api-reference.md. The exit code: 1 when it cannot be written.
int print_openapi(bool markdown);

}  // namespace headrace::tools
