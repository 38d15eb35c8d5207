// SPDX-License-Identifier: Apache-2.0
// Follows a job of the daemon until it is over.
#pragma once

#include <string>

#include "tools/api_client.h"

namespace headrace::tools {

struct Watched {
  int exit_code = 0;  // kOk: it is done, and nothing of it failed
  std::string text;   // the job, as the daemon showed it last; empty: it did not
  std::string fault;  // why not
};

// Asks for the job that `text` shows until it is over. On a terminal (standard error) a line says
// how far it is; elsewhere nothing is said.
Watched watch(ApiClient& client, std::string text);

}  // namespace headrace::tools
