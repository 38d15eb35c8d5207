// SPDX-License-Identifier: Apache-2.0
// Whether repeated runs of two builds or settings differ by more than such runs differ anyway.
//
// For each figure that all runs have: median and range of both sides, the ratio of the medians (b's
// to a's), and a verdict by the ranges: overlapping ones are the same within noise. Of a single run
// nobody knows the noise, which the verdict says instead. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "headrace/result.h"
#include "tools/bench/figures.h"

namespace headrace::bench_tools {

struct Side {
  std::string file;
  std::vector<Json> runs;
};

struct Range {
  double median = 0;
  double min = 0;
  double max = 0;
};
// Requires: not empty.
Range range_of(std::vector<double> values);

// Of each figure that all runs have, in the order of the first; not of how they were run.
std::vector<std::pair<std::string, Range>> ranges_of(const std::vector<Json>& runs);

// The object "compare" of the published schema. Runs that are not valid are counted, and left out.
// kInvalidArgument: a side has no valid run, or they are not of one scenario.
Result<Json> compare(const Side& a, const Side& b);
// For people; `everything` shows also what the load and verify said of runs.
std::string compare_table(const Json& comparison, bool everything, bool with_colour);

}  // namespace headrace::bench_tools
