// SPDX-License-Identifier: Apache-2.0
// Hot pieces with a fixed amount of work each, so that the instructions of one operation can be
// counted: the parts of instructions_run.
//
// Nothing here depends on the time, on chance or on how threads meet, so that two runs of the same
// program execute the same instructions. System calls count as none.
#pragma once

#include <valgrind/callgrind.h>

#include <cstdint>
#include <cstdio>

#include "core/check.h"
#include "core/clock.h"

namespace headrace::bench {

// Time stands still: nothing comes due, and a time as text is always as long.
class StandingClock final : public core::Clock {
 public:
  static constexpr core::WallMs kNow = 1'700'000'000'000;
  std::uint64_t steady_ns() const noexcept override { return 1'000'000'000'000; }
  core::WallMs wall_ms() const noexcept override { return kNow; }
};

// Has callgrind write a profile of `count` operations and one of twice as many: what they differ by
// is the cost of `count`, without that of beginning and ending. `work(n)` does n operations; it was
// done before, when memory has grown to what it needs. Outside callgrind it is simply done.
template <class Work>
void count_instructions(const char* name, std::uint64_t count, Work&& work) {
  work(count);
  CALLGRIND_START_INSTRUMENTATION;
  for (const std::uint64_t times : {count, 2 * count}) {
    char label[96];
    std::snprintf(label, sizeof(label), "%s %llu", name, static_cast<unsigned long long>(times));
    CALLGRIND_ZERO_STATS;
    work(times);
    CALLGRIND_DUMP_STATS_AT(label);
  }
  CALLGRIND_STOP_INSTRUMENTATION;
  std::printf("counted %s\n", name);
}

// Keeps the compiler from leaving out what makes `value`.
template <class T>
void keep(const T& value) noexcept {
  asm volatile("" : : "r,m"(value) : "memory");  // NOLINT: there is no other way
}

void count_core_pieces();
void count_message_pieces();
void count_ingest_pieces();
void count_dispatch_pieces();
void count_store_pieces();
// Of the library that only store/ knows.
const char* store_library_version() noexcept;

}  // namespace headrace::bench
