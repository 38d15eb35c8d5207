// SPDX-License-Identifier: Apache-2.0
// The daemon: an engine and its management API, until a signal.
#pragma once

#include "tools/settings.h"

namespace headrace::tools {

// Runs until SIGTERM or SIGINT, then drains; SIGHUP reads the certificates again. kOk: it ended in
// order; kFailed, kConfiguration: it could not start (said on stderr).
int serve(const Settings& settings);

}  // namespace headrace::tools
