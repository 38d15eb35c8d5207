// SPDX-License-Identifier: Apache-2.0
// What a load found, for people and for programs.
//
// Pure. Names of members are stable; units stand in them.
#pragma once

#include <string>
#include <vector>

#include "tools/bench/load.h"

namespace headrace::bench_tools {

std::string load_json(const LoadOptions& options, const LoadResult& result);
std::string load_table(const LoadOptions& options, const LoadResult& result);

// One step of the search for the knee.
struct KneeStep {
  double per_second = 0;
  bool carried = false;
  LoadResult result;
};
std::string knee_json(double knee_per_second, const std::vector<KneeStep>& steps);
std::string knee_table(double knee_per_second, const std::vector<KneeStep>& steps);

}  // namespace headrace::bench_tools
