// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/jobs_rig.h"

#include <gtest/gtest.h>

#include "tests/store/store_rig.h"

namespace headrace::engine {

void FakeStoreThread::reopen(std::vector<store::Reopening> reopenings,
                             std::function<void(Result<store::ReopenResult>)> done) {
  ++batches;
  waiting_.push_back([this, reopenings = std::move(reopenings), done = std::move(done)] {
    if (refusal_) return done(*refusal_);
    store::Group group;
    group.reopenings = reopenings;
    EXPECT_TRUE(store::commit(store_, group));
    store::ReopenResult result;
    for (std::size_t i = 0; i < reopenings.size(); ++i) {
      result.open += group.reopened[i] == store::Reopened::kOpen ? 1 : 0;
      if (group.reopened[i] != store::Reopened::kYes) continue;
      ++result.reopened;
      reopened.push_back(reopenings[i]);
    }
    done(result);
  });
}

void FakeStoreThread::erase(MessageId message, std::function<void(Result<void>)> done) {
  waiting_.push_back([this, message, done = std::move(done)] {
    if (refusal_) return done(*refusal_);
    erased.push_back(message);
    done({});
  });
}

bool FakeStoreThread::answer() {
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& one : waiting) one();
  return !waiting.empty();
}

JobsRig::JobsRig(HistoryWorld::Kind kind) : world(kind) { start(); }

JobsRig::~JobsRig() { stop(); }

void JobsRig::start() {
  jobs_ = std::make_unique<Jobs>(
      loop, store, JobSources{world.store(), world.registry(), world.history(), dead_letters},
      store_thread, log, std::chrono::hours(24));
  EXPECT_TRUE(jobs_->load());
  jobs_->start();
}

void JobsRig::stop() {
  jobs_->stop();
  store_thread.forget();
  loop.run_once();  // what was posted has nobody to reach
  jobs_.reset();
}

void JobsRig::kill_and_restart() {
  store.faults.change_definitions = true;
  stop();
  store.faults.change_definitions = false;
  start();
}

void JobsRig::restart() {
  stop();
  start();
}

void JobsRig::settle() {
  // Far more turns than anything here takes, yet an end for a test that fails.
  for (int idle = 0, turns = 0; idle < 3; ++turns) {
    ASSERT_LT(turns, 100'000);
    const std::size_t before = store_thread.batches;
    turn();
    const bool was_busy = store_thread.answer() || store_thread.batches != before;
    idle = was_busy ? 0 : idle + 1;
  }
}

void JobsRig::pass(std::chrono::milliseconds time) {
  world.rig.clock.wall += static_cast<core::WallMs>(time.count());
  settle();
}

Job JobsRig::state(JobId id) {
  auto job = jobs().find(kHome, id);
  EXPECT_TRUE(job);
  return job ? *job : Job{};
}

Sent JobsRig::dead(std::uint32_t link, std::vector<std::uint32_t> endpoints,
                   store::AttemptError error) {
  const Sent sent = world.send(link, 1, endpoints);
  for (const std::uint32_t endpoint : endpoints)
    world.attempt(sent, endpoint, store::Verdict::kDead, 0, error);
  return sent;
}

}  // namespace headrace::engine
