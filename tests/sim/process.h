// SPDX-License-Identifier: Apache-2.0
// One life of the engine: its real parts, wired as engine/ does it, on loops that the simulation
// turns.
//
// Threads: the simulation's one. Ownership: borrows the store's files, the network and the tables,
// which outlive it.
#pragma once

#include <memory>
#include <vector>

#include "core/log.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/snapshot.h"
#include "dispatch/shard.h"
#include "ingest/submitter.h"
#include "selector/routing_table.h"
#include "store/committer.h"
#include "tests/sim/network.h"
#include "tests/sim/watched_store.h"

namespace headrace::sim {

// What outlives a process.
struct Surroundings {
  const SimClock& clock;
  Trace& trace;
  Ledger& ledger;
  Network& network;
  core::LogSink& log;
  const core::SnapshotCell<selector::RoutingTable>& routes;
  const core::SnapshotCell<dispatch::EndpointTable>& endpoints;
};

class Process {
 public:
  Process(const Surroundings& around, std::size_t shards, std::uint64_t seed);
  ~Process();  // Requires: not running.

  // Takes a store that is open and starts everything.
  Result<void> start(std::unique_ptr<WatchedStore> store,
                     const std::vector<core::EndpointNumber>& held);
  // As engine/ does it: what is under way has a grace, then all is stopped. Time passes by `turn`.
  void begin_drain();
  bool drained() const noexcept { return drained_ == shards_.size(); }
  void stop();
  // All at once, and the store takes nothing more.
  void kill();
  bool running() const noexcept { return running_; }

  ingest::Submitter& submitter() noexcept { return *submitter_; }
  const store::Committer& committer() const noexcept { return *committer_; }
  WatchedStore& store() noexcept { return *store_; }
  // Whether anything is handed over for an endpoint.
  void hold(core::EndpointNumber endpoint, bool held);

  // Its loops: the senders', the store's, the shards'.
  std::size_t loop_count() const noexcept { return 2 + shards_.size(); }
  core::Loop& loop(std::size_t index) noexcept;
  // The counters that bound memory.
  void check_memory();

 private:
  struct ShardUnit {
    ShardUnit(const Surroundings& around);
    core::BufferPool answers{core::limits::kBufferBytesMaxDefault};
    core::Mailbox<store::Delivery> deliveries{core::limits::kDeliveryMailboxSize};
    core::Loop loop;
    std::unique_ptr<dispatch::Transport> transport;
    std::unique_ptr<dispatch::Resolver> resolver;
    std::unique_ptr<dispatch::Shard> shard;
  };
  void turn_all();
  void stop_parts();

  Surroundings around_;
  std::vector<std::unique_ptr<ShardUnit>> shards_;
  core::Mailbox<store::Intake> intakes_{core::limits::kIntakeQueueMax};
  core::Mailbox<store::Outcome> outcomes_{core::limits::kOutcomeMailboxSize};
  core::Mailbox<store::Answer> answers_{core::limits::kAnswerMailboxSize};
  core::Loop ingest_loop_;
  core::Loop store_loop_;
  std::unique_ptr<WatchedStore> store_;
  std::unique_ptr<ingest::Submitter> submitter_;
  std::unique_ptr<store::Committer> committer_;
  std::size_t drained_ = 0;
  bool running_ = false;
};

}  // namespace headrace::sim
