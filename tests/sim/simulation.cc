// SPDX-License-Identifier: Apache-2.0
// Time, loops and the lives of the process; troubles.cc has what goes wrong.
#include "tests/sim/simulation.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/check.h"

namespace headrace::sim {

namespace {

constexpr std::uint64_t kQuietTurns = 4;  // a notice takes up to three turns to become work
constexpr std::uint64_t kStepsMax = 3'000'000;
constexpr Ns kEndWithin = 6 * 3'600 * kSecond;  // of calm; a clock that was set back adds an hour
constexpr Ns kDrainMax = 20 * kSecond;

}  // namespace

Simulation::Simulation(std::uint64_t seed, bool prints)
    : plan_(Plan::of(seed)),
      dice_(seed * 3 + 5),
      trace_(clock_, prints),
      ledger_(clock_, trace_),
      network_(clock_, agenda_, trace_, ledger_, plan_),
      routes_(std::make_shared<const selector::RoutingTable>(7)),
      endpoints_(std::make_shared<const dispatch::EndpointTable>()) {
  options_.directory = "/store";
  options_.durability = plan_.durable ? store::Durability::kFsync : store::Durability::kOs;
  options_.dedupe_window_ms = plan_.dedupe_window_ms;
  options_.segment_bytes = plan_.segment_bytes;
  options_.disk_reserve_bytes = dice_.one_in(2) ? 0 : 2 * plan_.segment_bytes;
  options_.log_files = &files_;
  options_.rocks_env_for_test = rocks_.env();
  prepare_tables();
}

Simulation::~Simulation() {
  if (process_ && process_->running()) process_->kill();
  process_.reset();
}

bool Simulation::disturbed() const noexcept {
  const Troubles& on = plan_.troubles;
  return on.sync_fails || on.disk_full || on.index_fails || on.load_fails || on.stalls ||
         on.clock_jumps || on.crashes || on.power_cuts || on.restarts;
}

Report Simulation::run() {
  open_store();
  schedule_traffic();
  schedule_troubles();
  run_until(clock_.steady_ns() + plan_.duration);
  calm();
  run_until(clock_.steady_ns() + kEndWithin);
  if (!ledger_.failure() && !nothing_left()) ledger_.fail("liveness", ledger_.describe_open());
  if (!ledger_.failure()) rest();
  if (!ledger_.failure()) {
    ledger_.check_end(process_->store());
    if (process_->committer().counters().in_memory.value() != 0)
      ledger_.fail("memory", "deliveries are in memory though all is over");
  }
  Report report{plan_.seed, ledger_.failure(), trace_.hash(), steps_};
  report.messages = ledger_.stored();
  report.requests = ledger_.requests();
  report.delivered = ledger_.delivered();
  report.runs = opened_;
  return report;
}

// Opens what the last process left. An attempt at it that meets a trouble is repeated later, as
// whoever watches over the process would.
void Simulation::open_store() {
  opening_ = false;
  trace_.note("open", opened_, power_was_cut_ ? 1 : 0);
  auto opened = store::RocksStore::open(options_, clock_, plan_.seed * 1'000 + ++opened_, log_);
  if (!opened) {
    trace_.note("open_failed", static_cast<std::uint64_t>(opened.error().code));
    if (calm_ || !disturbed() || opened.error().code == ErrorCode::kCorrupted)
      return ledger_.fail("opens", opened.error().what);
    opening_ = true;
    return agenda_.after(kSecond + dice_.below(5 * kSecond), [this] { open_store(); });
  }
  ledger_.begin_run(**opened, std::exchange(power_was_cut_, false));
  process_ = std::make_unique<Process>(
      Surroundings{clock_, trace_, ledger_, network_, log_, routes_, endpoints_}, plan_.shards,
      plan_.seed + opened_);
  stalled_until_.assign(process_->loop_count(), 0);
  order_.resize(process_->loop_count());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::vector<core::EndpointNumber> held;
  for (const auto& settings : there_) {
    if (settings && settings->held) held.push_back(settings->number);
  }
  auto started = process_->start(
      std::make_unique<WatchedStore>(std::move(*opened), files_, ledger_, plan_.durable), held);
  if (!started) ledger_.fail("opens", started.error().what);
}

void Simulation::end_process(End how) {
  if (!process_ || !process_->running() || ledger_.failure()) return;
  trace_.note("end", static_cast<std::uint64_t>(how));
  if (draining_) {  // one that comes to its end is killed as others are
    if (how != End::kRestart) killed_by_ = how;
    return;
  }
  if (how == End::kRestart) {
    drain();
    how = killed_by_.value_or(how);
    killed_by_.reset();
  }
  if (how == End::kRestart) {
    process_->stop();
  } else {
    process_->kill();
  }
  ledger_.end_run();
  network_.begin_run();  // what is on its way yet belongs to none
  process_.reset();
  if (how == End::kPowerCut) {
    files_.cut_power(dice_.next());
    power_was_cut_ = true;
  }
  opening_ = true;
  agenda_.after(dice_.below(3 * kSecond), [this] { open_store(); });
}

void Simulation::drain() {
  draining_ = true;
  process_->begin_drain();
  const Ns until = clock_.steady_ns() + kDrainMax;
  while (!process_->drained() && !killed_by_ && clock_.steady_ns() < until && !ledger_.failure()) {
    step();
  }
  draining_ = false;
  if (!process_->drained() && !killed_by_ && !ledger_.failure())
    ledger_.fail("drains", "a shard does not come to an end");
}

// A store that failed for good takes nothing more until it is opened again.
void Simulation::open_again_if_broken() {
  if (process_ && process_->running() && !process_->committer().healthy()) {
    end_process(dice_.one_in(2) ? End::kRestart : End::kCrash);
  }
}

// A sync that failed while nothing was accepted is noticed with the next group only.
void Simulation::watch_health() {
  open_again_if_broken();
  agenda_.after(10 * kSecond, [this] { watch_health(); });
}

void Simulation::turn_loops() {
  if (!process_ || !process_->running()) return;
  if (plan_.shuffles) {
    for (std::size_t i = order_.size(); i > 1; --i)
      std::swap(order_[i - 1], order_[dice_.below(i)]);
  }
  for (const std::size_t index : order_) {
    if (clock_.steady_ns() >= stalled_until_[index]) process_->loop(index).run_once();
  }
}

void Simulation::step() {
  if (++steps_ > kStepsMax) return ledger_.fail("liveness", "it never comes to rest");
  const std::uint64_t before = trace_.count();
  turn_loops();
  if (trace_.count() != before) {
    quiet_turns_ = 0;
    clock_.move_to(clock_.steady_ns() + 1'000 + dice_.below(50'000));
  } else if (++quiet_turns_ >= kQuietTurns) {
    quiet_turns_ = 0;
    jump_to_next();
  }
  agenda_.run_due();
}

void Simulation::jump_to_next() {
  Ns next = agenda_.next();
  const bool runs = process_ && process_->running();
  for (std::size_t i = 0; runs && i < process_->loop_count(); ++i) {
    const core::SteadyMs deadline = process_->loop(i).next_deadline();
    const Ns due = deadline >= kNever / kMs ? kNever : deadline * kMs;
    next = std::min(next, std::max(due, stalled_until_[i]));
  }
  if (next == kNever) next = clock_.steady_ns() + kSecond;
  clock_.move_to(std::max(next, clock_.steady_ns() + 100'000));
  if (runs) process_->check_memory();
  if (!disturbed()) ledger_.check_progress();
}

void Simulation::run_until(Ns when) {
  while (clock_.steady_ns() < when && !ledger_.failure()) {
    if (calm_ && nothing_left()) return;
    step();
  }
}

// What the store made up for belatedly is there, too.
void Simulation::rest() {
  const Ns until = clock_.steady_ns() + 2 * kSecond;
  while (clock_.steady_ns() < until && !ledger_.failure()) step();
}

bool Simulation::nothing_left() {
  return !opening_ && process_ && process_->running() && ledger_.all_over() &&
         process_->committer().counters().in_memory.value() == 0;
}

}  // namespace headrace::sim
