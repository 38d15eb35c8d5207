// SPDX-License-Identifier: Apache-2.0
// The engine's threads, each with what lives on its loop and is made and destroyed with it.
//
// Members are in order of construction: mailboxes outlive the loops that they are open on, loops
// outlive their users.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/limits.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/metrics.h"
#include "dispatch/cares_resolver.h"
#include "dispatch/shard.h"
#include "engine/endpoint_watch.h"
#include "engine/jobs.h"
#include "engine/redelivery.h"
#include "ingest/receiver.h"
#include "ingest/submitter.h"
#include "store/committer.h"

namespace headrace::engine {

// Counts down calls from other threads; the control plane waits for them.
class Countdown {
 public:
  explicit Countdown(std::size_t count) : left_(count) {}
  void done();
  // False: the time is over.
  bool wait_for(std::chrono::milliseconds limit);
  void wait();
  // A callback that counts one; it may outlive the wait, so the count is shared.
  static std::function<void()> counter(const std::shared_ptr<Countdown>& countdown);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t left_;
};

struct IngestUnit {
  IngestUnit(const core::Clock& clock, std::size_t index);

  core::Mailbox<store::Answer> answers{core::limits::kAnswerMailboxSize};
  core::LoopThread thread;
  std::unique_ptr<ingest::Receiver> receiver;
};

// The way in for the host process; it shares the loop of an ingest unit.
struct SubmitUnit {
  core::Mailbox<store::Answer> answers{core::limits::kAnswerMailboxSize};
  std::unique_ptr<ingest::Submitter> submitter;
};

struct ShardUnit {
  ShardUnit(const core::Clock& clock, std::size_t index);

  core::BufferPool answers{core::limits::kBufferBytesMaxDefault};
  core::Mailbox<store::Delivery> deliveries{core::limits::kDeliveryMailboxSize};
  core::LoopThread thread;
  std::unique_ptr<dispatch::CaresResolver> resolver;
  std::unique_ptr<dispatch::Shard> shard;
};

struct StoreUnit {
  explicit StoreUnit(const core::Clock& clock);

  core::Mailbox<store::Intake> intakes{core::limits::kIntakeQueueMax};
  core::Mailbox<store::Outcome> outcomes{core::limits::kOutcomeMailboxSize};
  core::LoopThread thread;
  std::unique_ptr<store::Committer> committer;
};

// The jobs' thread, and their way to the store's.
struct JobsUnit {
  JobsUnit(const core::Clock& clock, StoreUnit& to);

  class Posted final : public Redelivery {
   public:
    explicit Posted(StoreUnit& unit) : unit_(unit) {}
    void reopen(std::vector<store::Reopening> reopenings,
                std::function<void(Result<store::ReopenResult>)> done) override;
    void erase(MessageId message, std::function<void(Result<void>)> done) override;

   private:
    StoreUnit& unit_;
  };

  core::LoopThread thread;
  Posted redelivery;
  std::unique_ptr<Jobs> jobs;
};

void register_metrics(core::MetricsRegistry& registry, const IngestUnit& unit);
void register_metrics(core::MetricsRegistry& registry, const ShardUnit& unit);
void register_metrics(core::MetricsRegistry& registry, const StoreUnit& unit);
void register_metrics(core::MetricsRegistry& registry, const EndpointWatch& watch);

}  // namespace headrace::engine
