// SPDX-License-Identifier: Apache-2.0
// Jobs over the world of the history's tests, on a loop that the test turns by hand, and a store
// thread that answers when the test says so.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/log.h"
#include "core/loop.h"
#include "engine/jobs.h"
#include "tests/engine/history_world.h"
#include "tests/support/faulty_store.h"

namespace headrace::engine {

// Does what it is asked for in the store of the world, as the committer does.
class FakeStoreThread final : public Redelivery {
 public:
  explicit FakeStoreThread(store::EventStore& store) : store_(store) {}

  void reopen(std::vector<store::Reopening> reopenings,
              std::function<void(Result<store::ReopenResult>)> done) override;
  void erase(MessageId message, std::function<void(Result<void>)> done) override;

  // Refuses from now on, or does not any more.
  void refuse_with(std::optional<Error> error) { refusal_ = std::move(error); }
  // Answers everything that it was asked for; false: there was nothing.
  bool answer();
  // It dies with everything that it was not asked for an answer of.
  void forget() { waiting_.clear(); }

  std::size_t batches = 0;                 // asked for
  std::vector<store::Reopening> reopened;  // done, in order
  std::vector<MessageId> erased;

 private:
  store::EventStore& store_;
  std::optional<Error> refusal_;
  std::deque<std::function<void()>> waiting_;
};

class JobsRig {
 public:
  explicit JobsRig(HistoryWorld::Kind kind);
  ~JobsRig();
  JobsRig(const JobsRig&) = delete;

  Jobs& jobs() { return *jobs_; }
  // A new engine on what the store holds; what was noted and not written down is lost.
  void kill_and_restart();
  void restart();

  // One turn of the loop, without an answer of the store thread.
  void turn() { loop.run_once(); }
  // Turns, with all answers, until nothing happens any more without time passing.
  void settle();
  void pass(std::chrono::milliseconds time);
  Job state(JobId id);
  // Sends a message to the endpoints, where its deliveries die.
  Sent dead(std::uint32_t link, std::vector<std::uint32_t> endpoints,
            store::AttemptError error = store::AttemptError::kTimeout);

  HistoryWorld world;
  test::FaultyStore store{world.store()};
  core::NullLogSink log;
  core::Loop loop{world.rig.clock};
  FakeStoreThread store_thread{world.store()};
  DeadLetters dead_letters{world.store(), world.registry()};

 private:
  void start();
  void stop();

  std::unique_ptr<Jobs> jobs_;
};

}  // namespace headrace::engine
