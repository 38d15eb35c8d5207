// SPDX-License-Identifier: Apache-2.0
// What bench_histogram.test.mjs compares: reads "LOWEST HIGHEST DIGITS INTERVAL" and then values
// from standard input; prints each percentile of its arguments, mean, deviation, and the text.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "core/histogram.h"

int main(int argc, char** argv) {
  std::uint64_t lowest = 1, highest = 2, interval = 0, value = 0;
  int digits = 0;
  std::cin >> lowest >> highest >> digits >> interval;
  headrace::core::Histogram histogram(lowest, highest, digits);
  while (std::cin >> value) histogram.record_corrected(value, interval);
  for (int i = 1; i < argc; ++i) {
    const double percentile = std::strtod(argv[i], nullptr);
    std::printf("%llu\n", static_cast<unsigned long long>(histogram.value_at(percentile)));
  }
  std::printf("%.6f\n%.6f\n", histogram.mean(), histogram.stddev());
  std::string text;
  histogram.write_percentiles(text);
  std::fputs(text.c_str(), stdout);
  return 0;
}
