// SPDX-License-Identifier: Apache-2.0
// The key that opens the management API, kept in a file that only its owner may read.
#pragma once

#include <string>

#include "headrace/result.h"

namespace headrace::api {

// The key in `path`; when there is no such file, a new random one is written there with mode 0600.
// kStorageFailed with errno; kInvalidArgument when the file holds no key, or others may read it.
Result<std::string> load_or_make_admin_key(const std::string& path);

}  // namespace headrace::api
