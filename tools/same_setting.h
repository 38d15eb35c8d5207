// SPDX-License-Identifier: Apache-2.0
// Whether what a file says of one member is what the daemon already has, however each spells it.
#pragma once

#include <string_view>

#include "tools/json_value.h"

namespace headrace::tools {

// `member`: "retry", "events", "auth" and so on. `webhook`: whose events short tags are. `live` may
// be null: it has none.
bool same_setting(std::string_view member, std::string_view webhook, const Json& wanted,
                  const Json* live);

}  // namespace headrace::tools
