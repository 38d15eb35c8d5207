// SPDX-License-Identifier: Apache-2.0
#include "core/check.h"

#include <cstdio>
#include <cstdlib>

namespace headrace::core {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "headrace: broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace headrace::core
