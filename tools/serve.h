// SPDX-License-Identifier: Apache-2.0
// The daemon: an engine and its management API, until a signal.
#pragma once

#include "tools/settings.h"

namespace headrace::tools {

// Runs until SIGTERM or SIGINT, then drains. 0: it ended in order; 1: it could not start (said on
// stderr).
int serve(const Settings& settings);

}  // namespace headrace::tools
