// SPDX-License-Identifier: Apache-2.0
#include "tools/openapi.h"

#include <cstdio>
#include <string>

#include "api/openapi.h"

namespace headrace::tools {

int print_openapi(bool markdown) {
  const std::string text = markdown ? api::api_reference() : api::openapi_document();
  const bool is_written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return is_written && std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace headrace::tools
