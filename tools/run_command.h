// SPDX-License-Identifier: Apache-2.0
// Does one command of the table against a running daemon.
#pragma once

#include <string>

#include "headrace/result.h"
#include "tools/commands.h"
#include "tools/connection.h"
#include "tools/output.h"
#include "tools/request.h"

namespace headrace::tools {

struct RunOptions {
  ConnectionFlags connection;
  std::string output;  // table, json, ndjson; empty: a table on a terminal, else json
  bool all = false;    // of a list: every page
  bool wait = false;   // of a job: until it is over
};

// What is shown goes to standard output, faults to standard error; answers the exit code.
int run_command(const Command& command, const Values& values, const RunOptions& options);

// This process's environment.
Environment environment_of_process();
// Whether standard output takes colours: it is a terminal, and NO_COLOR is not set.
bool has_colour();
// To standard output. Failing is no exception; it is seen when everything is flushed at the end.
void print(std::string_view text);
// To standard error, behind what was printed so far.
void say(std::string_view text);
// Says why on standard error: "headrace: …".
int fail(int code, std::string_view what);
// The exit code for a call that brought no answer.
int exit_code_of(const Error& error) noexcept;
// 2xx is kOk, 4xx kRefused, anything else kFailed.
int exit_code_of_status(int status) noexcept;

}  // namespace headrace::tools
