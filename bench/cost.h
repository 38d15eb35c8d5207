// SPDX-License-Identifier: Apache-2.0
// What the rounds of a bench cost besides time. Include in one file of a program only, as it counts
// the program's allocations.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>

#include "bench/allocations.h"
#include "bench/instructions_counter.h"

namespace headrace::bench {

// Counts from its making to report().
class Cost {
 public:
  Cost() noexcept
      : instructions_before_(instructions_.count().value_or(0)), before_(allocations.load()) {}

  std::uint64_t allocated() const noexcept { return allocations.load() - before_; }

  // Sets allocs_per_op (the whole program's), instructions_per_op (this thread's, where they can be
  // counted) and, unless it is 0, bytes_per_second. Answers how many allocations there were.
  std::uint64_t report(benchmark::State& state, std::uint64_t operations,
                       std::uint64_t bytes_per_operation = 0) const {
    const std::uint64_t made = allocated();
    const auto instructions = instructions_.count();
    const auto count = static_cast<double>(operations);
    state.counters["allocs_per_op"] = static_cast<double>(made) / count;
    if (instructions)
      state.counters["instructions_per_op"] = (*instructions - instructions_before_) / count;
    if (bytes_per_operation != 0)
      state.SetBytesProcessed(static_cast<std::int64_t>(operations * bytes_per_operation));
    return made;
  }

  // The same for a bench whose operations are its rounds.
  std::uint64_t report_rounds(benchmark::State& state, std::uint64_t bytes_per_round = 0) const {
    return report(state, static_cast<std::uint64_t>(state.iterations()), bytes_per_round);
  }

 private:
  InstructionsCounter instructions_;
  double instructions_before_;
  std::uint64_t before_;
};

}  // namespace headrace::bench
