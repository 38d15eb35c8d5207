// SPDX-License-Identifier: Apache-2.0
// headrace apply: makes what is there be what a file says.
#pragma once

#include <string>

#include "tools/connection.h"

namespace headrace::tools {

struct ApplyOptions {
  ConnectionFlags connection;
  std::string file;
  bool dry_run = false;    // shows the difference, and changes nothing
  bool exit_code = false;  // of a dry run: kWouldChange when there is a difference
  bool prune = false;      // removes what the file does not have
  bool yes = false;        // does not ask
};

// Shows what differs, asks on a terminal, and does it step by step; the first step that fails ends
// it. A repeat goes on from there. Answers the exit code.
int run_apply(const ApplyOptions& options);

}  // namespace headrace::tools
