// SPDX-License-Identifier: Apache-2.0
#include "store/committer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/limits.h"
#include "tests/store/committer_fixture.h"

namespace headrace::store {
namespace {

namespace limits = core::limits;
using namespace std::chrono_literals;  // NOLINT: time literals only

// --- Accepting ----------------------------------------------------------------------------------

TEST_F(CommitterTest, StoredMessageIsAnsweredAndHandedOver) {
  const Answer answer = rig.accept({1}, "hello");
  EXPECT_EQ(answer.acceptance, Acceptance::kStored);
  ASSERT_EQ(rig.held.size(), 1u);
  const Delivery& delivery = rig.held.front();
  EXPECT_EQ(delivery.message, answer.id);
  EXPECT_EQ(delivery.payload.body.in(delivery.payload.buffer), "hello");
  EXPECT_EQ(delivery.attempts, 0u);
  EXPECT_TRUE(rig.memory.find_message(answer.id));
}

TEST_F(CommitterTest, NothingIsAnsweredStoredOrHandedOverWhenTheAppendFails) {
  rig.store.faults.append = true;
  const Answer answer = rig.accept({1});
  EXPECT_EQ(answer.acceptance, Acceptance::kUnavailable);
  EXPECT_EQ(answer.id, MessageId{});
  EXPECT_TRUE(rig.held.empty());
  EXPECT_FALSE(rig.committer->healthy());
  EXPECT_EQ(rig.committer->counters().refused.value(), 1u);
}

TEST_F(CommitterTest, FullDiskIsAnsweredAsFull) {
  rig.store.faults.append = true;
  rig.store.faults.append_code = ErrorCode::kStorageFull;
  EXPECT_EQ(rig.accept({1}).acceptance, Acceptance::kFull);
}

TEST_F(CommitterTest, EveryIntakeOfAnyNumberIsAnsweredWhenAppendsFail) {
  rig.store.faults.append = true;
  std::vector<std::uint64_t> tokens;
  for (std::size_t i = 0; i < 3 * limits::kGroupIntakesMax + 7; ++i) {
    tokens.push_back(rig.push({1}));
  }
  rig.turn();
  ASSERT_EQ(rig.answers.size(), tokens.size());
  for (const std::uint64_t token : tokens) {
    EXPECT_EQ(rig.answer_to(token).acceptance, Acceptance::kUnavailable);
  }
}

TEST_F(CommitterTest, MessagesAreTakenAgainOnceTheStoreWorks) {
  rig.store.faults.append = true;
  rig.accept({1});
  rig.store.faults.append = false;
  EXPECT_EQ(rig.accept({1}).acceptance, Acceptance::kStored);
  EXPECT_TRUE(rig.committer->healthy());
  EXPECT_EQ(rig.held.size(), 1u);
}

TEST_F(CommitterTest, HealthComesBackWithoutAnyTraffic) {
  rig.store.faults.append = true;
  rig.accept({1});
  EXPECT_FALSE(rig.committer->healthy());
  rig.pass(10s);
  EXPECT_FALSE(rig.committer->healthy());
  rig.store.faults.append = false;
  rig.pass(10s);
  EXPECT_TRUE(rig.committer->healthy());
}

class CommitterPatienceTest : public CommitterTest {
 protected:
  void SetUp() override {
    rig.outcomes_wait = kPatience;
    CommitterTest::SetUp();
  }
  std::uint64_t recorded() const { return rig.committer->counters().outcomes.value(); }
  static constexpr core::SteadyMs kPatience = 2;
};

TEST_F(CommitterPatienceTest, AFewOutcomesWaitForOthers) {
  accept_many(3);
  rig.end(rig.take());
  rig.turn();
  rig.end(rig.take());
  rig.turn();
  EXPECT_EQ(recorded(), 0u);
  const std::uint64_t groups = rig.committer->counters().groups.value();
  rig.pass(std::chrono::milliseconds(kPatience));
  EXPECT_EQ(recorded(), 2u);
  EXPECT_EQ(rig.committer->counters().groups.value(), groups + 1);
  rig.end(rig.take());
  rig.turn();
  rig.pass(std::chrono::milliseconds(kPatience));
  EXPECT_EQ(recorded(), 3u);
}

TEST_F(CommitterPatienceTest, AnIntakeTakesThemAlong) {
  rig.accept({1});
  rig.end(rig.take());
  rig.turn();
  EXPECT_EQ(recorded(), 0u);
  rig.accept({1});
  EXPECT_EQ(recorded(), 1u);
}

TEST_F(CommitterPatienceTest, ManyOutcomesWaitForNothing) {
  accept_many(GroupPace::kEnough);
  rig.end_all(delivered());
  rig.turn();
  EXPECT_EQ(recorded(), GroupPace::kEnough);
}

TEST_F(CommitterTest, OutcomesOutliveAFailingStoreAndAreRecordedOnceItWorks) {
  const Answer answer = rig.accept({1});
  rig.store.faults.append = true;
  rig.end(rig.take());
  rig.turn();
  EXPECT_TRUE(attempts(answer.id).empty());
  rig.pass(10s);
  EXPECT_TRUE(attempts(answer.id).empty());
  rig.store.faults.append = false;
  rig.pass(10s);
  ASSERT_EQ(attempts(answer.id).size(), 1u);
  EXPECT_EQ(rig.committer->counters().in_memory.value(), 0u);
}

TEST_F(CommitterTest, RetriesOfAFailingStoreComeWhenTheyAreDue) {
  rig.accept({1});
  rig.store.faults.append = true;
  rig.end(rig.take(), retry_at(rig.now() + 5000));
  rig.turn();
  rig.pass(1s);
  EXPECT_TRUE(rig.held.empty());
  rig.store.faults.append = false;
  rig.pass(1s);
  rig.pass(2s);
  EXPECT_TRUE(rig.held.empty());
  rig.pass(2s);
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.held.front().attempts, 1u);
}

TEST_F(CommitterTest, DuplicateIsAnsweredWithTheFirstIdAndNotHandedOver) {
  const Answer first = rig.accept({1}, "{}", 42);
  const Answer second = rig.accept({1}, "{}", 42);
  EXPECT_EQ(second.acceptance, Acceptance::kDuplicate);
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.committer->counters().duplicates.value(), 1u);
}

TEST_F(CommitterTest, DuplicateWithinOneGroupIsFoundToo) {
  const auto first = rig.push({1}, "{}", 42);
  const auto second = rig.push({1}, "{}", 42);
  rig.turn();
  EXPECT_EQ(rig.answer_to(first).acceptance, Acceptance::kStored);
  EXPECT_EQ(rig.answer_to(second).acceptance, Acceptance::kDuplicate);
  EXPECT_EQ(rig.held.size(), 1u);
}

TEST_F(CommitterTest, MessageForNobodyIsStoredAndNothingMore) {
  const Answer answer = rig.accept({});
  EXPECT_EQ(answer.acceptance, Acceptance::kStored);
  EXPECT_TRUE(rig.held.empty());
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, MessageForManyEndpointsIsHandedOverOnceForEach) {
  const Answer answer = rig.accept({1, 2, 3, 4, 5, 6, 7, 8, 9});
  ASSERT_EQ(rig.held.size(), 9u);
  std::set<std::uint32_t> endpoints;
  for (const Delivery& delivery : rig.held) {
    EXPECT_EQ(delivery.message, answer.id);
    endpoints.insert(static_cast<std::uint32_t>(delivery.endpoint));
  }
  EXPECT_EQ(endpoints.size(), 9u);
}

TEST_F(CommitterTest, WhatArrivesTogetherIsOneGroup) {
  for (int i = 0; i < 100; ++i) rig.push({1});
  rig.turn();
  EXPECT_EQ(rig.committer->counters().groups.value(), 1u);
}

// --- Retries ------------------------------------------------------------------------------------

TEST_F(CommitterTest, RetryIsHandedOverAtItsTimeAndNotBefore) {
  const Answer answer = rig.accept({1}, "body");
  rig.end(rig.take(), retry_at(rig.now() + 5000));
  rig.turn();
  rig.pass(4999ms);
  EXPECT_TRUE(rig.held.empty());
  rig.pass(1ms);
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.held.front().message, answer.id);
  EXPECT_EQ(rig.held.front().attempts, 1u);
  EXPECT_EQ(rig.held.front().payload.body.in(rig.held.front().payload.buffer), "body");
  rig.end(rig.take());
  rig.pass(1h);
  EXPECT_TRUE(rig.held.empty());
  EXPECT_EQ(attempts(answer.id).size(), 2u);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, EarlierRetryComesFirstThoughItWasReportedLater) {
  const Answer a = rig.accept({1});
  const Answer b = rig.accept({1});
  rig.end(rig.take(), retry_at(rig.now() + 8000));
  rig.turn();
  rig.end(rig.take(), retry_at(rig.now() + 3000));
  rig.turn();
  rig.pass(3s);
  EXPECT_EQ(rig.held_ids(), std::vector{b.id});
  rig.pass(5s);
  EXPECT_EQ(rig.held_ids(), (std::vector{b.id, a.id}));
}

TEST_F(CommitterTest, NewMessagesGoOnWhileARetryWaits) {
  rig.accept({1});
  rig.end(rig.take(), retry_at(rig.now() + 5000));
  rig.turn();
  const Answer next = rig.accept({1});
  EXPECT_EQ(rig.held_ids(), std::vector{next.id});
}

TEST_F(CommitterTest, ClockSetBackAnHourDoesNotStrandRetries) {
  rig.accept({1});
  rig.end(rig.take(), retry_at(rig.now() + 1000));
  rig.turn();
  rig.pass(1s);  // read back: the cursor stands at this time
  ASSERT_EQ(rig.held.size(), 1u);
  rig.clock.set_wall(-1h);
  rig.turn();
  rig.end(rig.take(), retry_at(rig.now() + 2000));  // an hour before the cursor
  rig.turn();
  rig.pass(2s);
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.held.front().attempts, 2u);
}

TEST_F(CommitterTest, RetryThatWaitedWhenTheClockWasSetBackComesAtItsTime) {
  rig.accept({1});
  rig.end(rig.take(), retry_at(rig.now() + 1000));
  rig.turn();
  rig.clock.set_wall(-1h);
  rig.turn();
  rig.pass(1h);
  EXPECT_TRUE(rig.held.empty());
  rig.pass(1s);
  EXPECT_EQ(rig.held.size(), 1u);
}

TEST_F(CommitterTest, DeadDeliveryNeverComesAgain) {
  const Answer answer = rig.accept({1});
  rig.end(rig.take(), {Verdict::kDead, 0, 0, 410});
  rig.turn();
  rig.pass(24h);
  EXPECT_TRUE(rig.held.empty());
  EXPECT_EQ(attempts(answer.id).size(), 1u);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

// --- Holds and returns --------------------------------------------------------------------------

TEST_F(CommitterTest, HeldLaneIsProbedByOneAndThenServedInOrder) {
  const std::vector<MessageId> ids = accept_many(20);
  const core::WallMs until = rig.now() + 5000;
  rig.end(rig.take(), unreachable_until(until));
  rig.end_all(returned(until));
  rig.turn();
  const Answer late = rig.accept({1});
  rig.pass(4999ms);
  EXPECT_TRUE(rig.held.empty());
  rig.pass(1ms);
  EXPECT_EQ(rig.held_ids(), std::vector{ids.front()});
  rig.pass(10s);
  EXPECT_EQ(rig.held.size(), 1u);  // no more until the endpoint answers
  rig.end(rig.take());
  rig.turn();
  std::vector<MessageId> expected(ids.begin() + 1, ids.end());
  expected.push_back(late.id);
  EXPECT_EQ(rig.held_ids(), expected);
}

TEST_F(CommitterTest, FailedProbeHoldsTheLaneAgain) {
  const std::vector<MessageId> ids = accept_many(3);
  const core::WallMs until = rig.now() + 5000;
  for (int i = 0; i < 3; ++i) rig.end(rig.take(), unreachable_until(until));
  rig.turn();
  rig.pass(5s);
  ASSERT_EQ(rig.held_ids(), std::vector{ids[0]});
  rig.end(rig.take(), unreachable_until(rig.now() + 30'000));
  rig.turn();
  rig.pass(29'999ms);
  EXPECT_TRUE(rig.held.empty());
  rig.pass(1ms);
  ASSERT_EQ(rig.held.size(), 1u);
  rig.end(rig.take());
  rig.turn();
  EXPECT_EQ(rig.held.size(), 2u);
}

TEST_F(CommitterTest, HoldOfOneLaneLeavesTheOthersAlone) {
  rig.accept({1});
  rig.end(rig.take(), unreachable_until(rig.now() + 5000));
  rig.turn();
  rig.accept({1, 2});
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.held.front().endpoint, EndpointNumber{2});
}

TEST_F(CommitterTest, ReturnedDeliveriesComeAgainOnceAndInOrder) {
  const std::vector<MessageId> ids = accept_many(10);
  rig.end_all(returned());
  rig.turn();
  EXPECT_EQ(rig.held_ids(), ids);
  rig.end_all();
  rig.turn();
  EXPECT_TRUE(rig.held.empty());
  EXPECT_EQ(attempts(ids[3]).size(), 1u);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, ReturnedDeliveriesThatWereReadBackComeAgainOnceAndInOrder) {
  const std::vector<MessageId> ids = accept_many(limits::kLaneWindowMax + 600);
  for (std::size_t i = 0; i < limits::kLaneWindowMax; ++i) rig.end(rig.take());
  rig.turn();
  ASSERT_EQ(rig.held.size(), 600u);  // all of these came from the store
  rig.end_all(returned());
  rig.turn();
  EXPECT_EQ(rig.held_ids(),
            std::vector(ids.begin() + static_cast<long>(limits::kLaneWindowMax), ids.end()));
  deliver_all();
  EXPECT_EQ(rig.handed_over, limits::kLaneWindowMax + 2 * 600);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, ReturnedRetriesKeepTheirAttemptsAndComeAgain) {
  rig.accept({1});
  rig.end(rig.take(), retry_at(rig.now() + 1000));
  rig.turn();
  rig.pass(1s);
  rig.end(rig.take(), returned());
  rig.turn();
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.held.front().attempts, 1u);
}

// --- Long-lived deliveries ----------------------------------------------------------------------

TEST_F(CommitterTest, DeliveryThatStaysInMemoryGetsAPendingEntryAndIsNotHandedOverTwice) {
  const std::vector<MessageId> ids = accept_many(3);
  EXPECT_EQ(endpoints_waiting(), 0u);
  rig.store.grow_log(limits::kReplayBytesMax);
  rig.accept({2});  // any group
  EXPECT_EQ(endpoints_waiting(), 1u);
  // The lane overflows, so its entries are read back, those three among them.
  accept_many(limits::kLaneWindowMax + 400);
  std::set<MessageId> seen;
  std::size_t of_lane_1 = 0;
  rig.on_delivery = [&](const Delivery& delivery) {
    if (delivery.endpoint != EndpointNumber{1}) return;
    ++of_lane_1;
    EXPECT_TRUE(seen.insert(delivery.message).second);
  };
  // The first three stay; the others make room.
  std::vector<Delivery> kept;
  for (int i = 0; i < 3; ++i) kept.push_back(rig.take());
  while (!rig.held.empty()) {
    rig.end_all();
    rig.turn();
  }
  for (const MessageId id : ids) EXPECT_FALSE(seen.contains(id));
  for (Delivery& delivery : kept) rig.end(std::move(delivery));
  rig.turn();
  EXPECT_EQ(of_lane_1, 403u);
  EXPECT_EQ(attempts(ids[0]).size(), 1u);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, ForcedEntryOfAReturnedDeliveryIsReadBackOnce) {
  const Answer answer = rig.accept({1});
  rig.store.grow_log(limits::kReplayBytesMax);
  rig.accept({2});
  Delivery delivery = rig.take();
  rig.end(std::move(delivery), returned());
  rig.turn();
  ASSERT_EQ(rig.held.size(), 2u);
  EXPECT_EQ(rig.held.back().message, answer.id);
  rig.end_all();
  rig.turn();
  EXPECT_TRUE(rig.held.empty());
  EXPECT_EQ(endpoints_waiting(), 0u);
}

// --- A store that fails -------------------------------------------------------------------------

TEST_F(CommitterTest, FailedReadIsTriedAgainAndNothingIsSkipped) {
  const std::vector<MessageId> ids = accept_many(limits::kLaneWindowMax + 50);
  rig.store.faults.load = true;
  for (std::size_t i = 0; i < limits::kLaneWindowMax; ++i) rig.end(rig.take());
  rig.turn();
  EXPECT_TRUE(rig.held.empty());
  rig.pass(5s);
  EXPECT_TRUE(rig.held.empty());
  rig.store.faults.load = false;
  rig.pass(5s);
  EXPECT_EQ(rig.held_ids(),
            std::vector(ids.begin() + static_cast<long>(limits::kLaneWindowMax), ids.end()));
}

TEST_F(CommitterTest, RetryWhoseFirstReadFailsComesLater) {
  rig.accept({1});
  rig.end(rig.take(), retry_at(rig.now() + 1000));
  rig.turn();
  rig.store.faults.load = true;
  rig.pass(1s);
  EXPECT_TRUE(rig.held.empty());
  rig.store.faults.load = false;
  rig.pass(5s);
  EXPECT_EQ(rig.held.size(), 1u);
}

TEST_F(CommitterTest, WhatCouldNotBeIndexedIsHandedOverOnceItIs) {
  const std::vector<MessageId> first = accept_many(limits::kLaneWindowMax);
  rig.store.faults.apply = true;
  const std::vector<MessageId> waiting = accept_many(30);
  rig.end_all();
  rig.turn();
  rig.store.faults.apply = false;
  rig.pass(5s);
  EXPECT_EQ(rig.held_ids(), waiting);
  EXPECT_EQ(attempts(first.front()).size(), 1u);
}

TEST_F(CommitterTest, OutcomesThatCouldNotBeIndexedDoNotBringDeliveriesBack) {
  const std::vector<MessageId> ids = accept_many(limits::kLaneWindowMax + 10);
  for (std::size_t i = 0; i < limits::kLaneWindowMax; ++i) rig.end(rig.take());
  rig.turn();
  ASSERT_EQ(rig.held.size(), 10u);
  rig.store.faults.apply = true;
  rig.end(rig.take(), returned());
  rig.end_all();  // their pending entries are still there
  rig.turn();
  rig.pass(5s);
  rig.store.faults.apply = false;
  rig.pass(5s);
  EXPECT_EQ(rig.held_ids(), std::vector{ids[limits::kLaneWindowMax]});
}

TEST_F(CommitterTest, StartFailsCleanlyWhenTheStoreCannotBeRead) {
  rig.stop();
  rig.store.faults.pending_endpoints = true;
  EXPECT_EQ(rig.start().error().code, ErrorCode::kStorageFailed);
}

// --- Stopping -----------------------------------------------------------------------------------

TEST_F(CommitterTest, WhatIsOpenAtTheStopIsHandedOverByTheNextCommitter) {
  const std::vector<MessageId> ids = accept_many(limits::kLaneWindowMax + 20);
  rig.stop();
  EXPECT_EQ(endpoints_waiting(), 1u);
  ASSERT_TRUE(rig.start());
  const auto order = deliver_all();

  EXPECT_EQ(order, ids);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, AfterAStartALaneGetsOneUntilThatOneHasEnded) {
  const std::vector<MessageId> ids = accept_many(limits::kLaneWindowMax + 20);
  rig.stop();
  ASSERT_TRUE(rig.start());
  ASSERT_EQ(rig.held.size(), 1u);
  rig.accept({1});  // waits behind the others
  ASSERT_EQ(rig.held.size(), 1u);
  rig.end(rig.take(), {Verdict::kRetry, rig.now() + 5'000, 0, 0});  // a time limit: no hold
  rig.turn();
  EXPECT_GE(rig.held.size(), limits::kPendingLoadMax);
  deliver_all();
}

TEST_F(CommitterTest, AfterAStartALaneThatIsDownCostsOneReadAndOneAttempt) {
  const std::vector<MessageId> ids = accept_many(500);
  rig.stop();
  ASSERT_TRUE(rig.start());
  ASSERT_EQ(rig.held.size(), 1u);
  rig.end(rig.take(), unreachable_until(rig.now() + 5'000));
  rig.pass(4'999ms);
  EXPECT_TRUE(rig.held.empty());
  EXPECT_EQ(rig.committer->counters().loaded.value(), 1u);
  rig.pass(1ms);
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.held.front().message, ids.front());
  EXPECT_EQ(deliver_all().size(), ids.size());
}

TEST_F(CommitterTest, RetriesOutliveTheCommitter) {
  rig.accept({1});
  rig.end(rig.take(), retry_at(rig.now() + 5000));
  rig.turn();
  rig.stop();
  ASSERT_TRUE(rig.start());
  rig.pass(4999ms);
  EXPECT_TRUE(rig.held.empty());
  rig.pass(1ms);
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.held.front().attempts, 1u);
}

TEST_F(CommitterTest, MessagesThatArriveWhileDrainingAreStoredAndWait) {
  rig.committer->stop_hand_over();
  EXPECT_EQ(rig.accept({1}).acceptance, Acceptance::kStored);
  EXPECT_TRUE(rig.held.empty());
  rig.stop();
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(rig.held.size(), 1u);
}

TEST_F(CommitterTest, StopHandlesWhatIsStillQueued) {
  const auto token = rig.push({1});
  rig.stop();
  EXPECT_EQ(rig.answer_to(token).acceptance, Acceptance::kStored);
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(rig.held.size(), 1u);
}

TEST_F(CommitterTest, StopMakesUpForWhatCouldNotBeWrittenBefore) {
  const Answer recorded = rig.accept({1});
  const Answer indexed = rig.accept({2});
  rig.store.faults.apply = true;
  rig.end(rig.take());
  rig.turn();
  rig.store.faults = {.append = true};
  rig.end(rig.take());
  rig.turn();
  rig.store.faults = {};
  rig.stop();
  const std::size_t attempts_made =
      attempts(recorded.id, 1).size() + attempts(indexed.id, 2).size();
  EXPECT_EQ(attempts_made, 2u);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, StopIndexesWhatCouldNotBeIndexedBefore) {
  const Answer answer = rig.accept({1});
  rig.store.faults.apply = true;
  rig.end(rig.take());
  rig.turn();
  rig.store.faults = {};
  rig.stop();
  EXPECT_EQ(attempts(answer.id).size(), 1u);
}

TEST_F(CommitterTest, StopEndsThoughTheStoreFails) {
  rig.accept({1});
  rig.store.faults.append = true;
  const auto token = rig.push({1});
  rig.stop();
  EXPECT_EQ(rig.answer_to(token).acceptance, Acceptance::kUnavailable);
}

TEST_F(CommitterTest, TestStaysATestWhenItWaitsInTheStore) {
  rig.is_test = true;
  rig.accept({1});
  ASSERT_TRUE(rig.held.at(0).is_test);
  rig.end_all(returned());
  rig.turn();
  EXPECT_TRUE(rig.held.at(0).is_test);
  rig.stop();
  ASSERT_TRUE(rig.start());
  EXPECT_TRUE(rig.held.at(0).is_test);
}

}  // namespace
}  // namespace headrace::store
