// SPDX-License-Identifier: Apache-2.0
// Results as people read them. Pure: shows the members that are there, and asks for none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/figures.h"

namespace headrace::bench_tools {

// "dispatch", "load" or "knee".
std::string title_of(const Json& result);
bool is_valid(const Json& result) noexcept;
std::vector<std::string> reasons_of(const Json& result);  // why it is not valid

// Latencies that were measured, by the name of their object.
struct Latency {
  std::string name;             // "accept"
  const Json* summary;          // of `result`
  std::string_view member_end;  // "_us" where members have it in their names: "p50_us"
  double scale = 1;             // how many microseconds a value of it is

  std::optional<double> us(std::string_view percentile) const noexcept;  // "p50", "max"
};
std::vector<Latency> latencies_of(const Json& result);

// A distribution as points of percentile and microseconds, rising.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;
  std::uint64_t count = 0;  // of what was measured; 0: unknown
};
// What "percentiles" holds; for latencies that are not in there, the points of their summaries.
std::vector<Curve> curves_of(const Json& result);

std::string report_table(const Json& result, bool with_colour);
// In the text format of HdrHistogram's tools, in microseconds.
std::string percentiles_text(const Curve& curve);

}  // namespace headrace::bench_tools
