// SPDX-License-Identifier: Apache-2.0
// The flags that `bench run` and `bench chaos` share, and how both end.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tools/bench/scenario.h"

namespace headrace::tools {

struct BenchRunFlags {
  bench_tools::RunOptions options;
  std::string scenario;
  std::vector<std::string> expect;
  bool json = false;
};

inline constexpr const char* kRunFooter =
    "Exit code 7: messages were lost, altered or never accepted, or an expectation does not hold.";

// --duration, --connections, --daemon and what else both take. Ownership: `flags` outlives
// `command`.
void add_run_flags(CLI::App& command, BenchRunFlags& flags);

// Runs it as often as the options say, and prints each result. Answers the exit code: kUsage before
// anything starts, kBreach where something was lost or is not as expected, kFailed for a run that
// is not valid or did not come to its end.
int play_scenario(const bench_tools::Scenario& scenario, const BenchRunFlags& flags);

}  // namespace headrace::tools
