// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/process.h"

#include <utility>

#include "core/check.h"
#include "core/limits.h"

namespace headrace::sim {

namespace {
constexpr int kTurnsToStop = 12;
constexpr std::uint64_t kDedupeSeed = 7;
}  // namespace

Process::ShardUnit::ShardUnit(const Surroundings& around)
    : loop(around.clock),
      transport(around.network.make_transport(loop)),
      resolver(around.network.make_resolver(loop)) {}

Process::Process(const Surroundings& around, std::size_t shards, std::uint64_t seed)
    : around_(around), ingest_loop_(around.clock), store_loop_(around.clock) {
  for (std::size_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<ShardUnit>(around));
    ShardUnit& unit = *shards_.back();
    dispatch::ShardOptions options;
    options.seed = seed + i;
    // All of the simulated network is there for endpoints.
    options.allowed = [](const dispatch::Url&, const sockaddr&) { return true; };
    options.plain_http = true;
    unit.shard = std::make_unique<dispatch::Shard>(
        unit.loop,
        dispatch::ShardLinks{unit.deliveries, outcomes_, around_.endpoints, *unit.resolver,
                             unit.answers, around_.log, nullptr, unit.transport.get()},
        options);
  }
  submitter_ = std::make_unique<ingest::Submitter>(
      ingest_loop_, ingest::Receiver::Ports{0, intakes_, answers_, around_.routes, kDedupeSeed});
}

Process::~Process() {
  HEADRACE_CHECK(!running_);
  // What holds ways into mailboxes goes before them, and what is left in those before the pools.
  committer_.reset();
  for (auto& unit : shards_) unit->shard.reset();
  std::vector<store::Outcome> outcomes(64);
  while (outcomes_.drain(outcomes) != 0) {
  }
  outcomes.clear();
  for (auto& unit : shards_) {
    std::vector<store::Delivery> deliveries(64);
    while (unit->deliveries.drain(deliveries) != 0) {
    }
  }
  std::vector<store::Intake> intakes(64);
  while (intakes_.drain(intakes) != 0) {
  }
  intakes.clear();
  store_.reset();
  turn_all();
  submitter_.reset();
}

core::Loop& Process::loop(std::size_t index) noexcept {
  if (index == 0) return ingest_loop_;
  return index == 1 ? store_loop_ : shards_[index - 2]->loop;
}

void Process::hold(core::EndpointNumber endpoint, bool held) {
  held ? committer_->hold(endpoint) : committer_->release(endpoint);
}

Result<void> Process::start(std::unique_ptr<WatchedStore> store,
                            const std::vector<core::EndpointNumber>& held) {
  store_ = std::move(store);
  store::Committer::Ports ports{intakes_, outcomes_, {&answers_}, {}};
  for (auto& unit : shards_) ports.shards.push_back(&unit->deliveries);
  ports.finish_erasures_in_place = true;  // no other thread
  ports.outcomes_wait = core::limits::kOutcomesWaitMs;
  committer_ =
      std::make_unique<store::Committer>(store_loop_, *store_, std::move(ports), around_.log);
  for (const core::EndpointNumber endpoint : held) committer_->hold(endpoint);
  if (auto started = committer_->start(); !started) return started;
  for (auto& unit : shards_) unit->shard->start();
  submitter_->start();
  running_ = true;
  return {};
}

void Process::begin_drain() {
  committer_->stop_hand_over();
  for (auto& unit : shards_) unit->shard->drain([this] { ++drained_; });
}

void Process::turn_all() {
  for (int i = 0; i < kTurnsToStop; ++i) {
    for (std::size_t index = 0; index < loop_count(); ++index) loop(index).run_once();
  }
}

void Process::stop_parts() {
  submitter_->stop();
  std::size_t stopped = 0;
  for (auto& unit : shards_) unit->shard->stop([&stopped] { ++stopped; });
  turn_all();
  HEADRACE_CHECK(stopped == shards_.size());
  committer_->stop();
  turn_all();
  running_ = false;
}

void Process::stop() { stop_parts(); }

void Process::kill() {
  store_->die();
  stop_parts();
}

void Process::check_memory() {
  const std::uint64_t in_memory = committer_->counters().in_memory.value();
  if (in_memory > core::limits::kDeliveriesInMemoryMax) {
    around_.ledger.fail("memory", std::to_string(in_memory) + " deliveries are in memory");
  }
}

}  // namespace headrace::sim
