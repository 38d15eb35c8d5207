// SPDX-License-Identifier: Apache-2.0
// The flags that `bench run` and `bench chaos` share, and how both end.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "tools/bench/scenario.h"

namespace headrace::tools {

struct BenchRunFlags {
  bench_tools::RunOptions options;
  std::string scenario;
  bool json = false;
};

// --duration, --connections, --daemon and what else both take. Ownership: `flags` outlives
// `command`.
void add_run_flags(CLI::App& command, BenchRunFlags& flags);
void add_time_flag(CLI::App& command, const char* name, std::uint64_t& ns, const char* help);

// Runs it as often as the options say, and prints each result. Answers the exit code: kBreach,
// kFailed for a run that is not valid or did not come to its end.
int play_scenario(const bench_tools::Scenario& scenario, const BenchRunFlags& flags);

}  // namespace headrace::tools
