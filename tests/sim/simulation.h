// SPDX-License-Identifier: Apache-2.0
// One seed: the whole engine with its surroundings on one thread, from the first message to the
// last outcome.
//
// All that happens is decided by the seed. Time stands still while anything is left to do, save for
// a few microseconds a turn, and then moves to the next thing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/snapshot.h"
#include "store/rocks_store.h"
#include "tests/sim/process.h"
#include "tests/store/memory_rocks.h"

namespace headrace::sim {

struct Report {
  std::uint64_t seed = 0;
  std::optional<Failure> failure;
  std::uint64_t hash = 0;
  std::uint64_t steps = 0;
  std::uint64_t messages = 0;
  std::uint64_t requests = 0;
  std::uint64_t delivered = 0;
  std::uint64_t runs = 0;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, bool prints);
  ~Simulation();
  Report run();

 private:
  // What is drawn over and over while the troubles last.
  enum class End : std::uint8_t { kRestart, kCrash, kPowerCut };

  void prepare_tables();
  void publish();
  void schedule_traffic();
  void schedule_troubles();
  void schedule(bool on, std::uint64_t times_max, void (Simulation::*trouble)());
  void submit(std::vector<std::uint32_t> targets);
  void submit_any();
  void burst();
  void change_moods();
  void break_disk();
  void fill_disk();
  void refuse_appends(bool refuses);
  void refuse_index();
  void refuse_loads();
  void stall();
  void jump_clock();
  void edit();
  void pause_or_resume();
  void set_held(std::size_t index, bool held);
  void remove_endpoint();
  void checkpoint();
  void restart_in_order() { end_process(End::kRestart); }
  void crash() { end_process(End::kCrash); }
  void cut_power() { end_process(End::kPowerCut); }

  void end_process(End how);
  void drain();
  void open_store();
  void open_again_if_broken();
  void watch_health();  // again and again from now on
  void step();
  void turn_loops();
  void jump_to_next();
  void run_until(Ns when);
  void calm();
  void rest();
  bool nothing_left();
  bool disturbed() const noexcept;

  const Plan plan_;
  Dice dice_;
  SimClock clock_;
  Trace trace_;
  Agenda agenda_{clock_};
  Ledger ledger_;
  Network network_;
  core::NullLogSink log_;
  testing::FaultyFileSystem files_;
  store::MemoryRocks rocks_;
  store::StoreOptions options_;
  core::SnapshotCell<selector::RoutingTable> routes_;
  dispatch::EndpointTable table_;
  core::SnapshotCell<dispatch::EndpointTable> endpoints_;
  std::vector<std::optional<dispatch::EndpointSettings>> there_;  // by number - 1; none: deleted
  std::unique_ptr<Process> process_;
  std::vector<std::size_t> order_;  // in which the loops turn
  std::vector<Ns> stalled_until_;   // by loop
  std::uint64_t opened_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t quiet_turns_ = 0;
  bool power_was_cut_ = false;
  bool calm_ = false;
  bool opening_ = false;
  bool draining_ = false;
  std::optional<End> killed_by_;  // while draining
  std::uint64_t last_key_ = 0;
};

}  // namespace headrace::sim
