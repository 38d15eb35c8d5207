// SPDX-License-Identifier: Apache-2.0
// A receiver that answers 200 at once: the other end of a load test on loopback.
#pragma once

#include <string>

namespace headrace::tools {

// Serves on "HOST:PORT" until SIGTERM or SIGINT; prints the address first and the number of
// requests last, on stdout.
int run_sink(const std::string& listen);

}  // namespace headrace::tools
