// SPDX-License-Identifier: Apache-2.0
// The timer wheel with half a million deadlines armed: what a connection or delivery pays for its
// own. allocs_per_op must be 0; the program fails when it is not.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>

#include "bench/cost.h"
#include "core/random.h"
#include "core/timer_wheel.h"

namespace headrace::core {
namespace {

constexpr std::size_t kTimers = 500'000;
constexpr std::uint64_t kSpanMs = 75'000;  // the idle time limit

struct Armed {
  Armed() : wheel(0), random(1), timers(std::make_unique<Timer[]>(kTimers)) {
    for (std::size_t i = 0; i < kTimers; ++i) {
      timers[i].owner = this;
      timers[i].fire = [](Timer& timer) noexcept {
        static_cast<Armed*>(timer.owner)->rearm(timer);
      };
      rearm(timers[i]);
    }
  }
  void rearm(Timer& timer) noexcept { wheel.arm(timer, now + 1 + random.below(kSpanMs)); }

  std::uint64_t now = 0;
  TimerWheel wheel;
  Random random;
  std::unique_ptr<Timer[]> timers;
};

void finish(benchmark::State& state, const bench::Cost& cost) {
  const std::uint64_t made = cost.report_rounds(state);
  if (made / static_cast<std::uint64_t>(state.iterations()) != 0)
    state.SkipWithError("the wheel allocated");
}

// A deadline put off, as activity on a connection does.
void BM_Rearm(benchmark::State& state) {
  Armed armed;
  const bench::Cost cost;
  for (auto _ : state) armed.rearm(armed.timers[armed.random.below(kTimers)]);
  finish(state, cost);
}
BENCHMARK(BM_Rearm);

// A millisecond passes; about a dozen timers fire in it and are armed again.
void BM_AdvanceByAMillisecond(benchmark::State& state) {
  Armed armed;
  std::uint64_t fired = 0;
  const bench::Cost cost;
  for (auto _ : state) fired += armed.wheel.advance(++armed.now);
  finish(state, cost);
  state.counters["fired_per_op"] =
      static_cast<double>(fired) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_AdvanceByAMillisecond);

void BM_NextWakeup(benchmark::State& state) {
  Armed armed;
  const bench::Cost cost;
  for (auto _ : state) benchmark::DoNotOptimize(armed.wheel.next_wakeup());
  finish(state, cost);
}
BENCHMARK(BM_NextWakeup);

}  // namespace
}  // namespace headrace::core

BENCHMARK_MAIN();
