// SPDX-License-Identifier: Apache-2.0
// Plays one scenario and says what was measured.
//
// The window is exact: it begins when everything is connected, warm and idle, and ends when all
// that was accepted in it has arrived and is on record. So what it cost is the cost of its
// messages, and of nothing before or after them. Threads: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/random.h"
#include "tools/bench/run_result.h"
#include "tools/bench/scenario_rig.h"
#include "tools/bench/verify.h"

namespace headrace::tools {

class ScenarioRun {
 public:
  ScenarioRun(const bench_tools::Scenario& scenario, const bench_tools::RunOptions& options);

  // The record of a run that came to its end, valid or not. Else why it did not: kCancelled by a
  // signal, kInvalidArgument and kNotFound for the payloads, kUnavailable, kTimedOut,
  // kStorageFailed.
  Result<bench_tools::RunRecord> run();
  // Of the last one: nothing was found that must not be.
  bool is_without_breach() const noexcept { return breaches_ == 0; }
  const std::string& directory() const noexcept { return rig_.directory(); }

 private:
  // What is there now, of good endpoints only.
  struct Ledgers {
    std::vector<bench_tools::Ledger> opened;
    std::deque<std::vector<bench_tools::LedgerRecord>> chosen;  // where some records are not wanted
    std::vector<bench_tools::LedgerView> all;
    std::vector<bench_tools::LedgerView> measured;  // of these, what is of the run that counts
  };

  Result<void> choose_payloads();
  Result<void> play();
  Result<void> play_steady();
  Result<void> play_backlog();
  Result<void> play_kills();
  Result<void> warm_up();

  // --- the load ---
  Result<void> watch(bench_tools::Child& load);
  Result<Json> result_of(bench_tools::Child& load);
  void count_expected(const Json& load_result);
  bool is_time_to_kill(std::uint64_t now_ns) const noexcept;
  Result<void> kill_and_start_again();
  void plan_next_kill(std::uint64_t now_ns);

  // --- until all has arrived ---
  Result<void> settle_by_counters();
  Result<void> settle_by_ledgers();

  // --- what it cost ---
  Result<void> begin_window();
  Result<void> end_window();
  void sample(std::uint64_t now_ns);

  // --- what became of it ---
  Result<Ledgers> read_ledgers() const;
  bench_tools::VerifyOptions verify_options() const noexcept;
  Result<void> conclude();
  void check_counts();

  const bench_tools::Scenario scenario_;
  const bench_tools::RunOptions options_;
  ScenarioRig rig_;
  bench_tools::RunRecord record_;
  core::Random random_;
  std::size_t breaches_ = 0;
  std::uint64_t measured_run_ = 0;
  std::uint64_t deliveries_expected_ = 0;  // since the daemon's start
  std::uint64_t window_start_ns_ = 0;      // steady clock
  std::uint64_t sample_at_ns_ = 0;
  std::uint64_t sampled_ns_ = 0;  // when the last sample was taken
  std::uint64_t kill_at_ns_ = 0;  // 0: no more
  DaemonCounters counters_at_start_;
  DaemonCounters counters_sampled_;
  std::uint64_t cpu_sampled_ns_ = 0;
  bench_tools::ProcessUsage daemon_before_;
  bench_tools::ProcessUsage daemon_killed_;  // what those that were killed had used
  bench_tools::ProcessUsage sink_before_;
};

}  // namespace headrace::tools
