// SPDX-License-Identifier: Apache-2.0
#include "engine/jobs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/limits.h"
#include "tests/engine/jobs_rig.h"

namespace headrace::engine {
namespace {

using std::chrono::milliseconds;
using store::Verdict;

class JobsTest : public ::testing::TestWithParam<HistoryWorld::Kind> {
 protected:
  Job replay(const ReplaySpec& spec) {
    auto job = rig.jobs().replay(kHome, spec);
    EXPECT_TRUE(job) << job.error().what;
    return job ? *job : Job{};
  }
  Job erase(const ErasureSpec& spec) {
    auto job = rig.jobs().erase(kHome, spec);
    EXPECT_TRUE(job) << job.error().what;
    return job ? *job : Job{};
  }
  static ReplaySpec of_dead(std::uint32_t per_second = 0) {
    ReplaySpec spec;
    spec.filter.delivery_state = DeliveryState::kDead;
    spec.per_second = per_second;
    return spec;
  }
  std::vector<MessageId> reopened() const {
    std::vector<MessageId> ids;
    for (const auto& one : rig.store_thread.reopened) ids.push_back(one.message);
    return ids;
  }
  std::size_t count() const { return rig.store_thread.reopened.size(); }

  JobsRig rig{GetParam()};
  HistoryWorld& world = rig.world;
};

INSTANTIATE_TEST_SUITE_P(Stores, JobsTest,
                         ::testing::Values(HistoryWorld::Kind::kMemory, HistoryWorld::Kind::kRocks),
                         [](const auto& kind) {
                           return kind.param == HistoryWorld::Kind::kMemory ? "Memory" : "Rocks";
                         });

TEST_P(JobsTest, ReplayOpensWhatIsOverAndSkipsWhatIsOpen) {
  const Sent delivered = world.send(1, 1, {1});
  world.attempt(delivered, 1, Verdict::kDelivered);
  const Sent dead = rig.dead(1, {1, 2});
  world.send(1, 1, {1});
  const Job begun = replay({});
  EXPECT_EQ(begun.state, JobState::kCounting);
  EXPECT_FALSE(begun.total);
  rig.settle();
  const Job job = rig.state(begun.id);
  EXPECT_EQ(job.state, JobState::kDone);
  EXPECT_EQ(job.total, 4u);
  EXPECT_EQ(job.done, 3u);
  EXPECT_EQ(job.skipped, 1u);
  EXPECT_EQ(job.failed, 0u);
  EXPECT_EQ(job.matched, 4u);
  EXPECT_GE(job.scanned, 3u);
  EXPECT_EQ(job.ended_at, world.rig.clock.wall);
  EXPECT_EQ(reopened(), (std::vector{dead.id, dead.id, delivered.id}));
  EXPECT_EQ(rig.store_thread.reopened[0].position, dead.position);
  EXPECT_EQ(rig.store_thread.reopened[0].event, core::EventNumber::kNone);
  EXPECT_GE(rig.store_thread.reopened[0].due, 1u);
}

TEST_P(JobsTest, WhatWasReopenedIsOpenForTheHistory) {
  const Sent sent = rig.dead(1, {1});
  replay(of_dead());
  rig.settle();
  HistoryFilter filter;
  filter.message = sent.id;
  const auto waiting = world.history().deliveries(kHome, filter);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->items.at(0).state, DeliveryState::kWaiting);
  EXPECT_EQ(waiting->items.at(0).attempts, 1u);
  world.attempt(sent, 1, Verdict::kDelivered);
  EXPECT_EQ(world.history().deliveries(kHome, filter)->items.at(0).state,
            DeliveryState::kDelivered);
}

TEST_P(JobsTest, DryRunOnlyCounts) {
  rig.dead(1, {1, 2});
  ReplaySpec spec = of_dead();
  spec.is_dry_run = true;
  const Job begun = replay(spec);
  rig.settle();
  const Job job = rig.state(begun.id);
  EXPECT_EQ(job.state, JobState::kDone);
  EXPECT_EQ(job.total, 2u);
  EXPECT_EQ(job.matched, 2u);
  EXPECT_EQ(job.done, 0u);
  EXPECT_EQ(count(), 0u);
}

TEST_P(JobsTest, WhatIsAcceptedAfterTheJobIsMadeIsLeftOut) {
  const Sent before = rig.dead(1, {1});
  const Job begun = replay(of_dead());
  world.rig.clock.wall += 5;
  rig.dead(1, {1});
  rig.settle();
  EXPECT_EQ(rig.state(begun.id).done, 1u);
  EXPECT_EQ(reopened(), std::vector{before.id});
}

TEST_P(JobsTest, RateIsKept) {
  for (int i = 0; i < 30; ++i) rig.dead(1, {1});
  const Job begun = replay(of_dead(10));
  rig.settle();
  EXPECT_EQ(count(), 1u) << "a tenth of a second's worth at once";
  rig.pass(milliseconds(99));
  EXPECT_EQ(count(), 1u);
  rig.pass(milliseconds(1));
  EXPECT_EQ(count(), 2u);
  for (int i = 0; i < 20; ++i) rig.pass(milliseconds(50));
  EXPECT_EQ(count(), 12u);
  for (int i = 0; i < 20; ++i) rig.pass(milliseconds(50));
  EXPECT_EQ(rig.state(begun.id).per_second, 10.0);
  for (int i = 0; i < 40; ++i) rig.pass(milliseconds(50));
  EXPECT_EQ(count(), 30u);
  EXPECT_EQ(rig.state(begun.id).state, JobState::kDone);
}

TEST_P(JobsTest, PausedJobRestsAlsoOverARestartAndGoesOnWhenItIsResumed) {
  for (int i = 0; i < 5; ++i) rig.dead(1, {1});
  const JobId id = replay(of_dead(10)).id;
  rig.settle();
  rig.pass(milliseconds(100));
  EXPECT_EQ(count(), 2u);
  EXPECT_EQ(rig.jobs().pause(kHome, id)->state, JobState::kPaused);
  EXPECT_EQ(rig.jobs().pause(kHome, id)->state, JobState::kPaused) << "twice is once";
  rig.pass(milliseconds(1000));
  EXPECT_EQ(count(), 2u);
  rig.restart();
  rig.pass(milliseconds(1000));
  EXPECT_EQ(count(), 2u);
  EXPECT_EQ(rig.state(id).state, JobState::kPaused);
  EXPECT_EQ(rig.jobs().resume(kHome, id)->state, JobState::kRunning);
  rig.settle();
  for (int i = 0; i < 10; ++i) rig.pass(milliseconds(100));
  EXPECT_EQ(rig.state(id).state, JobState::kDone);
  const auto ids = reopened();
  EXPECT_EQ(std::set<MessageId>(ids.begin(), ids.end()).size(), 5u);
}

TEST_P(JobsTest, CancelledJobEndsForGood) {
  for (int i = 0; i < 5; ++i) rig.dead(1, {1});
  const JobId id = replay(of_dead(10)).id;
  rig.settle();
  const auto cancelled = rig.jobs().cancel(kHome, id);
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->state, JobState::kCancelled);
  EXPECT_TRUE(cancelled->ended_at);
  EXPECT_TRUE(rig.jobs().cancel(kHome, id)) << "twice is once";
  EXPECT_EQ(rig.jobs().pause(kHome, id).error().code, ErrorCode::kConflict);
  EXPECT_EQ(rig.jobs().resume(kHome, id).error().code, ErrorCode::kConflict);
  rig.pass(milliseconds(10'000));
  rig.restart();
  rig.pass(milliseconds(10'000));
  EXPECT_EQ(count(), 1u);
  EXPECT_EQ(rig.state(id).state, JobState::kCancelled);
  EXPECT_EQ(rig.state(id).done, 1u);
}

TEST_P(JobsTest, KilledBetweenItsCursorAndTheReopeningItDoesTheBatchAgain) {
  std::set<MessageId> all;
  const std::size_t many = 2 * core::limits::kJobPageMax + 10;
  for (std::size_t i = 0; i < many; ++i) {
    const Sent sent = world.send(1, 1, {1});
    world.attempt(sent, 1, Verdict::kDelivered);
    all.insert(sent.id);
  }
  const JobId id = replay({}).id;
  while (rig.store_thread.batches < 1) rig.turn();
  rig.store_thread.answer();
  while (rig.store_thread.batches < 2) rig.turn();
  rig.kill_and_restart();  // the second batch was asked for, and never made
  EXPECT_LT(rig.state(id).done, many);
  rig.settle();
  const Job job = rig.state(id);
  EXPECT_EQ(job.state, JobState::kDone);
  const auto ids = reopened();
  EXPECT_EQ(std::set<MessageId>(ids.begin(), ids.end()), all) << "none is left out";
  EXPECT_EQ(ids.size(), many) << "what is open by the first run's batch is not opened twice";
}

TEST_P(JobsTest, KilledWhileItCountsItCountsOn) {
  for (int i = 0; i < 5; ++i) rig.dead(1, {1});
  const JobId id = replay(of_dead()).id;
  rig.kill_and_restart();
  rig.settle();
  EXPECT_EQ(rig.state(id).total, 5u);
  EXPECT_EQ(rig.state(id).done, 5u);
}

TEST_P(JobsTest, CursorIsWrittenDownEverySecond) {
  for (int i = 0; i < 40; ++i) {
    const Sent sent = world.send(1, 1, {1});
    world.attempt(sent, 1, Verdict::kDelivered);
  }
  ReplaySpec spec;
  spec.per_second = 10;
  const JobId id = replay(spec).id;
  rig.settle();
  for (int i = 0; i < 25; ++i) rig.pass(milliseconds(100));
  const std::size_t before = count();
  const std::uint64_t done = rig.state(id).done;
  rig.kill_and_restart();
  EXPECT_GE(rig.state(id).done + 11, done) << "at most a second's worth is lost";
  EXPECT_GT(rig.state(id).done, 0u);
  rig.settle();
  for (int i = 0; i < 60; ++i) rig.pass(milliseconds(100));
  EXPECT_EQ(rig.state(id).state, JobState::kDone);
  EXPECT_GT(count(), before);
}

TEST_P(JobsTest, WhatTheStoreRefusesIsTriedAgain) {
  rig.dead(1, {1});
  rig.store_thread.refuse_with(Error{ErrorCode::kStorageFull, "the disk is full", 0});
  const JobId id = replay(of_dead()).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).state, JobState::kRunning);
  EXPECT_EQ(rig.state(id).error, "the disk is full");
  rig.store_thread.refuse_with(std::nullopt);
  rig.pass(milliseconds(1999));
  EXPECT_EQ(count(), 0u);
  rig.pass(milliseconds(1));
  EXPECT_EQ(count(), 1u);
  EXPECT_EQ(rig.state(id).state, JobState::kDone);
}

TEST_P(JobsTest, ToAnotherEndpointAMessageGoesOnce) {
  const Sent sent = rig.dead(1, {1, 2});
  ReplaySpec spec = of_dead();
  spec.to = endpoint_of(kMoneyEndpoint);
  const JobId id = replay(spec).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).done, 1u);
  ASSERT_EQ(count(), 1u);
  EXPECT_EQ(rig.store_thread.reopened[0].message, sent.id);
  EXPECT_EQ(rig.store_thread.reopened[0].endpoint, core::EndpointNumber{kMoneyEndpoint});
  spec.to = endpoint_of(kForeignEndpoint);
  EXPECT_EQ(rig.jobs().replay(kHome, spec).error().code, ErrorCode::kNotFound);
  spec.to = endpoint_of(kRetiredEndpoint);
  EXPECT_EQ(rig.jobs().replay(kHome, spec).error().code, ErrorCode::kNotFound);
}

TEST_P(JobsTest, WhatWasForADeletedEndpointFails) {
  rig.dead(2, {kRetiredEndpoint});
  const JobId id = replay(of_dead()).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).failed, 1u);
  EXPECT_EQ(rig.state(id).state, JobState::kDone);
  EXPECT_NE(rig.state(id).error, "");
  EXPECT_EQ(count(), 0u);
}

TEST_P(JobsTest, UnroutedMessagesGoWhereTheyWouldGoNow) {
  world.body = R"({"action":"repo:opened"})";
  const Sent fits = world.send(3, 0, {});
  world.body = R"({"action":"other"})";
  world.send(3, 0, {});
  world.body = R"({"action":"repo:opened"})";
  world.send(8, 0, {});  // its link is gone
  ReplaySpec spec;
  spec.filter.message_state = MessageState::kUnmatched;
  const JobId id = replay(spec).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).total, 3u);
  EXPECT_EQ(rig.state(id).done, 1u);
  EXPECT_EQ(rig.state(id).skipped, 2u);
  ASSERT_EQ(count(), 1u);
  EXPECT_EQ(rig.store_thread.reopened[0].message, fits.id);
  EXPECT_EQ(rig.store_thread.reopened[0].event, core::EventNumber{1});
  EXPECT_EQ(rig.store_thread.reopened[0].endpoint, core::EndpointNumber{kShopEndpoint});
  const auto record = world.store().find_message(fits.id);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->status, store::MessageStatus::kRouted);
}

TEST_P(JobsTest, MessageForSeveralEndpointsIsOneItem) {
  world.body = R"({"action":"repo:opened"})";
  world.send(1, 0, {});
  ReplaySpec spec;
  spec.filter.message_state = MessageState::kUnmatched;
  JobId id = replay(spec).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).done, 1u);
  EXPECT_EQ(count(), 2u);
  world.send(1, 0, {});
  spec.filter.endpoint = endpoint_of(kCrmEndpoint);
  id = replay(spec).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).done, 1u);
  ASSERT_EQ(count(), 3u);
  EXPECT_EQ(rig.store_thread.reopened[2].endpoint, core::EndpointNumber{kCrmEndpoint});
}

TEST_P(JobsTest, ErasureTakesWhatItsFilterOnThePayloadFits) {
  world.body = R"({"customer":{"id":"c1"}})";
  const Sent a = world.send(1, 1, {1});
  world.body = R"({"customer":{"id":"c2"}})";
  world.send(1, 1, {1});
  world.body = "no JSON";
  world.send(1, 0, {});
  world.body = R"({"customer":{"id":"c1"}})";
  const Sent b = world.send(6, 0, {});
  ErasureSpec spec;
  spec.payload = R"({"$Event{customer.id}": "c1"})";
  spec.is_dry_run = true;
  JobId id = erase(spec).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).total, 2u);
  EXPECT_TRUE(rig.store_thread.erased.empty());
  spec.is_dry_run = false;
  id = erase(spec).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).done, 2u);
  EXPECT_EQ(rig.store_thread.erased, (std::vector{b.id, a.id}));
}

TEST_P(JobsTest, ErasureThatTheStoreRefusesIsTriedAgain) {
  world.send(1, 1, {1});
  world.send(1, 1, {1});
  rig.store_thread.refuse_with(Error{ErrorCode::kStorageFull, "the disk is full", 0});
  ErasureSpec spec;
  spec.filter.app = "github";
  const JobId id = erase(spec).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).done, 0u);
  rig.store_thread.refuse_with(std::nullopt);
  rig.pass(milliseconds(2000));
  EXPECT_EQ(rig.state(id).done, 2u);
  EXPECT_EQ(rig.state(id).state, JobState::kDone);
}

TEST_P(JobsTest, WhatIsWrongIsSaidAtOnce) {
  const auto refused = [&](const ReplaySpec& spec) {
    return rig.jobs().replay(kHome, spec).error().code;
  };
  ReplaySpec spec;
  spec.filter.error = "nonsense";
  EXPECT_EQ(refused(spec), ErrorCode::kInvalidArgument);
  spec = {};
  spec.filter.event = "repo:opened";
  EXPECT_EQ(refused(spec), ErrorCode::kInvalidArgument) << "an event is found with its app";
  spec = {};
  spec.filter.message_state = MessageState::kUnmatched;
  spec.filter.delivery_state = DeliveryState::kDead;
  EXPECT_EQ(refused(spec), ErrorCode::kInvalidArgument);
  spec = {};
  spec.filter.message_state = MessageState::kRouted;
  EXPECT_EQ(refused(spec), ErrorCode::kInvalidArgument);
  spec = {};
  spec.per_second = core::limits::kJobPerSecondMax + 1;
  EXPECT_EQ(refused(spec), ErrorCode::kInvalidArgument);
  spec = of_dead();
  spec.filter.endpoint = endpoint_of(kForeignEndpoint);
  EXPECT_EQ(refused(spec), ErrorCode::kNotFound);
  ErasureSpec erasure;
  EXPECT_EQ(rig.jobs().erase(kHome, erasure).error().code, ErrorCode::kInvalidArgument)
      << "nothing said is not everything";
  erasure.payload = R"({"$Event{a}": {"nonsense": 1}})";
  EXPECT_EQ(rig.jobs().erase(kHome, erasure).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(rig.jobs().list(kHome, {})->items.empty());
}

TEST_P(JobsTest, AnotherWorkspaceSeesNothingOfAJob) {
  const Sent foreign = world.send(20, 11, {kForeignEndpoint});
  world.attempt(foreign, kForeignEndpoint, Verdict::kDead);
  const JobId id = replay(of_dead()).id;
  rig.settle();
  EXPECT_EQ(rig.state(id).total, 0u);
  EXPECT_EQ(rig.jobs().find(kElsewhere, id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(rig.jobs().cancel(kElsewhere, id).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(rig.jobs().list(kElsewhere, {})->items.empty());
}

TEST_P(JobsTest, SingleRetryNeedsADeliveryThatIsOver) {
  const Sent sent = rig.dead(1, {1});
  const auto retry = [&](EndpointId endpoint) {
    return rig.jobs().retry(kHome, sent.id, endpoint).error().code;
  };
  EXPECT_EQ(retry(endpoint_of(kCrmEndpoint)), ErrorCode::kNotFound);
  EXPECT_EQ(retry(endpoint_of(kForeignEndpoint)), ErrorCode::kNotFound);
  EXPECT_EQ(rig.jobs().retry(kElsewhere, sent.id, endpoint_of(1)).error().code,
            ErrorCode::kNotFound);
  const Sent retired = rig.dead(2, {kRetiredEndpoint});
  EXPECT_EQ(rig.jobs().retry(kHome, retired.id, endpoint_of(kRetiredEndpoint)).error().code,
            ErrorCode::kConflict);
}

}  // namespace
}  // namespace headrace::engine
