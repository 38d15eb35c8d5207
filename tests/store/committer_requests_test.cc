// SPDX-License-Identifier: Apache-2.0
// What the committer does by request: opens deliveries again, holds lanes, empties them.
#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "tests/store/committer_fixture.h"

namespace headrace::store {
namespace {

namespace limits = core::limits;
using namespace std::chrono_literals;  // NOLINT: time literals only

constexpr EndpointNumber kLane{1};

Ending dead() { return {Verdict::kDead, 0, 0, 410}; }

class CommitterRequestsTest : public CommitterTest {
 protected:
  Reopening reopening_of(MessageId id, EndpointNumber endpoint = kLane, core::WallMs due = 0) {
    const auto record = rig.memory.find_message(id);
    EXPECT_TRUE(record);
    return {id, record ? record->position : LogPosition{}, endpoint, EventNumber::kNone,
            due == 0 ? rig.now() : due};
  }
  std::vector<Reopening> reopenings_of(const std::vector<MessageId>& ids) {
    std::vector<Reopening> reopenings;
    for (const MessageId id : ids) reopenings.push_back(reopening_of(id));
    return reopenings;
  }
  void ask(std::vector<Reopening> reopenings) {
    answer.reset();
    rig.committer->reopen(std::move(reopenings), [this](auto result) { answer = result; });
  }
  ReopenResult reopen(std::vector<Reopening> reopenings) {
    ask(std::move(reopenings));
    rig.turn();
    EXPECT_TRUE(answer && *answer) << "no answer, or a failure";
    return answer && *answer ? **answer : ReopenResult{};
  }
  void ask_discard(EndpointNumber endpoint = kLane) {
    emptied.reset();
    rig.committer->discard(endpoint, [this](auto result) { emptied = result; });
  }
  std::size_t discard(EndpointNumber endpoint = kLane) {
    ask_discard(endpoint);
    rig.turn();
    EXPECT_TRUE(emptied && *emptied) << "no answer, or a failure";
    return emptied && *emptied ? **emptied : 0;
  }
  std::vector<MessageId> dead_ids(EndpointNumber endpoint = kLane) {
    std::vector<MessageId> ids;
    const auto records = rig.memory.list_dead(endpoint, MessageId{}, 1'000'000);
    for (const DeadRecord& record : *records) {
      ids.push_back(record.message);
    }
    std::reverse(ids.begin(), ids.end());
    return ids;
  }

  std::optional<Result<ReopenResult>> answer;
  std::optional<Result<std::size_t>> emptied;
};

TEST_F(CommitterRequestsTest, ADeadDeliveryIsMadeOnceMore) {
  const MessageId id = rig.accept({1}).id;
  rig.end(rig.take(), dead());
  rig.turn();
  ASSERT_EQ(dead_ids(), std::vector{id});
  const ReopenResult result = reopen({reopening_of(id)});
  EXPECT_EQ(result.reopened, 1u);
  EXPECT_EQ(result.open, 0u);
  EXPECT_TRUE(dead_ids().empty());
  const Delivery delivery = rig.take();
  EXPECT_EQ(delivery.message, id);
  EXPECT_EQ(delivery.attempts, 1);
  EXPECT_EQ(delivery.attempts_before, 1);
  rig.end(delivery, retry_at(rig.now() + 50));
  rig.pass(50ms);
  const Delivery again = rig.take();
  EXPECT_EQ(again.attempts, 2);
  EXPECT_EQ(again.attempts_before, 1) << "its schedule goes on from where it was opened again";
  rig.end(again);
  rig.turn();
  const auto record = attempts(id);
  ASSERT_EQ(record.size(), 3u);
  EXPECT_EQ(record[0].verdict, Verdict::kDead);
  EXPECT_EQ(record[2].verdict, Verdict::kDelivered);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterRequestsTest, AnOpenDeliveryIsLeftAloneWhereverItIs) {
  const MessageId in_memory = rig.accept({1}).id;
  const MessageId waits = rig.accept({2}).id;
  rig.end(rig.held.back(), retry_at(rig.now() + 60'000));
  rig.held.pop_back();
  rig.turn();
  const ReopenResult result =
      reopen({reopening_of(in_memory), reopening_of(waits, EndpointNumber{2})});
  EXPECT_EQ(result.reopened, 0u);
  EXPECT_EQ(result.open, 2u);
  EXPECT_EQ(rig.held.size(), 1u);
}

TEST_F(CommitterRequestsTest, AMessageGoesToAnEndpointItDidNotGoTo) {
  const MessageId id = rig.accept({}).id;
  Reopening reopening = reopening_of(id, EndpointNumber{5});
  reopening.event = EventNumber{77};
  EXPECT_EQ(reopen({reopening}).reopened, 1u);
  const Delivery delivery = rig.take();
  EXPECT_EQ(delivery.endpoint, EndpointNumber{5});
  EXPECT_EQ(delivery.event, EventNumber{77});
  EXPECT_EQ(delivery.attempts, 0);
  rig.end(delivery);
  rig.turn();
  EXPECT_EQ(rig.memory.find_message(id)->status, MessageStatus::kRouted);
}

TEST_F(CommitterRequestsTest, AMessageThatIsGoneIsNeitherReopenedNorOpen) {
  const MessageId id = rig.accept({1}).id;
  rig.end_all(dead());
  rig.turn();
  Reopening gone = reopening_of(id);
  gone.message.bits.high += 1;
  const ReopenResult result = reopen({gone});
  EXPECT_EQ(result.reopened + result.open, 0u);
}

TEST_F(CommitterRequestsTest, NoAnswerComesBeforeTheRequestReturns) {
  const MessageId id = rig.accept({1}).id;
  rig.end_all(dead());
  rig.turn();
  ask({reopening_of(id)});
  EXPECT_FALSE(answer);
  ask_discard();
  EXPECT_FALSE(emptied);
  rig.turn();
  EXPECT_TRUE(answer && *answer);
  EXPECT_TRUE(emptied && *emptied);
}

TEST_F(CommitterRequestsTest, NothingComesBeforeItsTime) {
  const MessageId id = rig.accept({1}).id;
  rig.end_all(dead());
  rig.turn();
  reopen({reopening_of(id, kLane, rig.now() + 10'000)});
  rig.pass(9'999ms);
  EXPECT_TRUE(rig.held.empty());
  rig.pass(1ms);
  EXPECT_EQ(rig.held_ids(), std::vector{id});
}

TEST_F(CommitterRequestsTest, ManyAreOpenedInSeveralGroupsAndEachComesOnce) {
  const std::vector<MessageId> ids = accept_many(2'000);
  while (!rig.held.empty()) {
    rig.end_all(dead());
    rig.turn();
  }
  const auto groups = rig.committer->counters().groups.value();
  EXPECT_EQ(reopen(reopenings_of(ids)).reopened, ids.size());
  EXPECT_GE(rig.committer->counters().groups.value() - groups,
            ids.size() / limits::kGroupReopeningsMax);
  const std::vector<MessageId> order = deliver_all();
  EXPECT_EQ(std::set(order.begin(), order.end()).size(), ids.size());
  EXPECT_EQ(order.size(), ids.size());
}

// A lane whose retries were read up to now gets them without having to drain first.
TEST_F(CommitterRequestsTest, WhatIsDueAtOnceDoesNotWaitForTheLaneToDrain) {
  const std::vector<MessageId> ids = accept_many(4);
  rig.end_all(dead());
  rig.turn();
  reopen({reopening_of(ids[3])});
  ASSERT_EQ(rig.held_ids(), std::vector{ids[3]});
  reopen({reopening_of(ids[0]), reopening_of(ids[1], kLane, 1), reopening_of(ids[2], kLane, 5)});
  rig.pass(1ms);
  EXPECT_EQ(rig.held.size(), 4u) << "the first one is still under way";
}

TEST_F(CommitterRequestsTest, WhatWouldNotFitIsRefusedAndTheRestGoesOn) {
  const MessageId id = rig.accept({1}).id;
  rig.end_all(dead());
  rig.turn();
  std::optional<Result<ReopenResult>> refused;
  ask({reopening_of(id)});
  rig.committer->reopen(std::vector<Reopening>(limits::kReopeningsQueuedMax, reopening_of(id)),
                        [&](auto result) { refused = result; });
  rig.turn();
  ASSERT_TRUE(refused && !*refused);
  EXPECT_EQ(refused->error().code, ErrorCode::kUnavailable);
  EXPECT_EQ((*answer)->reopened, 1u);
  EXPECT_EQ(reopen(std::vector<Reopening>(limits::kReopeningsQueuedMax, reopening_of(id))).open,
            limits::kReopeningsQueuedMax);
}

TEST_F(CommitterRequestsTest, AFullDiskIsReportedAndAskingAgainWorks) {
  const MessageId id = rig.accept({1}).id;
  rig.end_all(dead());
  rig.turn();
  rig.store.faults.append = true;
  rig.store.faults.append_code = ErrorCode::kStorageFull;
  ask({reopening_of(id)});
  rig.turn();
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::kStorageFull);
  EXPECT_TRUE(rig.held.empty());
  rig.store.faults = {};
  EXPECT_EQ(reopen({reopening_of(id)}).reopened, 1u);
  EXPECT_EQ(rig.held_ids(), std::vector{id});
}

TEST_F(CommitterRequestsTest, AnAnswerMayAskForTheNextBatch) {
  const std::vector<MessageId> ids = accept_many(3);
  rig.end_all(dead());
  rig.turn();
  std::size_t next = 0;
  std::function<void()> pump = [&] {
    if (next == ids.size()) return;
    rig.committer->reopen({reopening_of(ids[next++])}, [&](auto result) {
      EXPECT_TRUE(result);
      pump();
    });
  };
  pump();
  rig.turn();
  rig.pass(1ms);
  EXPECT_EQ(rig.held.size(), 3u);
}

TEST_F(CommitterRequestsTest, WhatIsAskedOfAStoppedCommitterIsRefusedAtOnce) {
  const MessageId id = rig.accept({1}).id;
  rig.end_all(dead());
  rig.turn();
  const Reopening reopening = reopening_of(id);
  // What is asked as it stops is done, and asking for more then is not.
  std::optional<Result<ReopenResult>> more;
  rig.committer->reopen({reopening}, [&](auto result) {
    answer = result;
    rig.committer->reopen({reopening}, [&](auto late) { more = late; });
  });
  rig.committer->stop();
  EXPECT_EQ((*answer)->reopened, 1u);
  ASSERT_TRUE(more && !*more);
  EXPECT_EQ(more->error().code, ErrorCode::kUnavailable);
  ask_discard();
  ASSERT_TRUE(emptied && !*emptied);
  EXPECT_EQ(emptied->error().code, ErrorCode::kUnavailable);
  rig.stop();
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(rig.held_ids(), std::vector{id}) << "what was opened is found at the next start";
}

TEST_F(CommitterRequestsTest, AHeldLaneIsNeitherHandedOverNorLookedAt) {
  rig.committer->hold(kLane);
  const std::vector<MessageId> ids = accept_many(50);
  const MessageId other = rig.accept({2}).id;
  EXPECT_EQ(rig.held_ids(), std::vector{other}) << "another lane is not touched by it";
  EXPECT_EQ(rig.committer->counters().spilled.value(), 50u);
  const std::size_t loads = rig.store.loads();
  for (int minute = 0; minute < 60; ++minute) rig.pass(60s);
  EXPECT_EQ(rig.store.loads(), loads);
  EXPECT_EQ(rig.held.size(), 1u);
  rig.end(rig.take());
  rig.committer->release(kLane);
  rig.turn();
  EXPECT_EQ(rig.held_ids(), ids) << "in order of arrival";
}

TEST_F(CommitterRequestsTest, WhatAHeldLaneHandsBackAndRetriesWaits) {
  const std::vector<MessageId> ids = accept_many(3);
  rig.committer->hold(kLane);
  rig.end(rig.take(), retry_at(rig.now() + 10));
  rig.end(rig.take(), returned());
  rig.end(rig.take(), unreachable_until(rig.now() + 10));
  rig.pass(60s);
  EXPECT_TRUE(rig.held.empty());
  rig.committer->release(kLane);
  rig.committer->release(kLane);  // twice is once
  for (int i = 0; i < 3; ++i) {
    rig.turn();
    if (!rig.held.empty()) rig.end_all();
  }
  rig.turn();
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterRequestsTest, AHoldSetBeforeTheStartHoldsWhatWaitedBefore) {
  const std::vector<MessageId> ids = accept_many(5);
  rig.stop();
  rig.before_start = [](Committer& committer) { committer.hold(kLane); };
  ASSERT_TRUE(rig.start());
  rig.pass(60s);
  EXPECT_TRUE(rig.held.empty());
  rig.committer->release(kLane);
  rig.turn();
  ASSERT_EQ(rig.held.size(), 1u);  // after a start one goes first
  EXPECT_EQ(deliver_all(), ids);
}

TEST_F(CommitterRequestsTest, AReopenedDeliveryOfAHeldLaneWaits) {
  const MessageId id = rig.accept({1}).id;
  rig.end_all(dead());
  rig.committer->hold(kLane);
  rig.turn();
  EXPECT_EQ(reopen({reopening_of(id)}).reopened, 1u);
  rig.pass(60s);
  EXPECT_TRUE(rig.held.empty());
  rig.committer->release(kLane);
  rig.turn();
  EXPECT_EQ(rig.held_ids(), std::vector{id});
}

TEST_F(CommitterRequestsTest, ALaneIsEmptied) {
  rig.committer->hold(kLane);
  const std::vector<MessageId> ids = accept_many(3'000);
  const MessageId other = rig.accept({2}).id;
  rig.end(rig.held.back(), retry_at(rig.now() + 5'000));
  rig.held.clear();
  rig.turn();
  const auto groups = rig.committer->counters().groups.value();
  EXPECT_EQ(discard(), ids.size());
  EXPECT_GE(rig.committer->counters().groups.value() - groups,
            ids.size() / limits::kDiscardStepMax);
  EXPECT_EQ(dead_ids(), ids);
  EXPECT_EQ(rig.committer->counters().discarded.value(), ids.size());
  for (const MessageId id : {ids.front(), ids.back()}) {
    const auto record = attempts(id);
    ASSERT_EQ(record.size(), 1u);
    EXPECT_EQ(record[0].verdict, Verdict::kDead);
    EXPECT_EQ(record[0].error, AttemptError::kDiscarded);
    EXPECT_EQ(record[0].started_at, rig.now());
  }
  rig.committer->release(kLane);
  rig.pass(60s);
  EXPECT_EQ(rig.held_ids(), std::vector{other}) << "another lane is not touched by it";
}

TEST_F(CommitterRequestsTest, WhatIsDiscardedKeepsItsAttemptsAndCanBeOpenedAgain) {
  const MessageId id = rig.accept({1}).id;
  rig.end(rig.take(), retry_at(rig.now() + 5'000));
  rig.turn();
  EXPECT_EQ(discard(), 1u);
  const auto record = attempts(id);
  ASSERT_EQ(record.size(), 2u);
  EXPECT_EQ(record[0].verdict, Verdict::kRetry);
  EXPECT_EQ(record[1].error, AttemptError::kDiscarded);
  EXPECT_EQ(reopen({reopening_of(id)}).reopened, 1u);
  const Delivery delivery = rig.take();
  EXPECT_EQ(delivery.attempts, 2);
  EXPECT_EQ(delivery.attempts_before, 2);
  rig.end(delivery);
  rig.turn();
  EXPECT_TRUE(dead_ids().empty());
}

TEST_F(CommitterRequestsTest, WhatIsInMemoryEndsAsItEndsOrIsDiscarded) {
  const std::vector<MessageId> ids = accept_many(4);
  EXPECT_EQ(discard(), 0u) << "nothing waits, so nothing was ended by the time of the answer";
  const MessageId later = rig.accept({1}).id;
  rig.end(rig.take(), delivered());
  rig.end(rig.take(), retry_at(rig.now() + 10));
  rig.end(rig.take(), returned());
  rig.end(rig.take(), dead());
  rig.turn();
  EXPECT_EQ(dead_ids(), (std::vector{ids[1], ids[2], ids[3]}));
  EXPECT_EQ(attempts(ids[1]).back().error, AttemptError::kDiscarded);
  EXPECT_EQ(attempts(ids[1]).back().http_status, 500);
  EXPECT_EQ(attempts(ids[2]).back().error, AttemptError::kDiscarded);
  EXPECT_EQ(attempts(ids[3]).back().error, AttemptError::kNone);
  ASSERT_EQ(rig.held_ids(), std::vector{later}) << "what came later was not meant";
  rig.end(rig.take(), returned());
  rig.turn();
  EXPECT_EQ(rig.held_ids(), std::vector{later});
  rig.end_all();
  rig.pass(60s);
  EXPECT_EQ(endpoints_waiting(), 0u);
  EXPECT_EQ(rig.committer->counters().in_memory.value(), 0u);
}

TEST_F(CommitterRequestsTest, WhatWasReadBackIsNotEndedBehindTheShardsBack) {
  rig.committer->hold(kLane);
  const std::vector<MessageId> ids = accept_many(limits::kPendingLoadMax + 100);
  rig.committer->release(kLane);
  rig.turn();
  ASSERT_EQ(rig.held.size(), ids.size());  // all of them have pending entries
  EXPECT_EQ(discard(), 0u);
  rig.end_all();
  rig.turn();
  EXPECT_TRUE(dead_ids().empty());
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterRequestsTest, TrafficGoesOnWhileALaneIsEmptiedAndNewMessagesAreNotMeant) {
  rig.committer->hold(kLane);
  const std::vector<MessageId> ids = accept_many(20'000);
  ask_discard();
  std::vector<std::uint64_t> tokens;
  std::size_t turns = 0;
  for (; !emptied && turns < 1'000; ++turns) {
    tokens.push_back(rig.push({1}));
    rig.loop.run_once();
  }
  ASSERT_TRUE(emptied && *emptied);
  EXPECT_GT(turns, 3u) << "it was done in one go";
  EXPECT_EQ(**emptied, ids.size());
  rig.turn();
  for (const std::uint64_t token : tokens) {
    EXPECT_EQ(rig.answer_to(token).acceptance, Acceptance::kStored);
  }
  rig.committer->release(kLane);
  rig.turn();
  EXPECT_EQ(rig.held.size(), tokens.size());
}

TEST_F(CommitterRequestsTest, RequestsAreHandledInTheirOrder) {
  const std::vector<MessageId> ids = accept_many(1);
  rig.end_all(dead());
  rig.committer->hold(kLane);
  accept_many(1'500);
  ask_discard();
  ask({reopening_of(ids[0])});
  rig.turn();
  EXPECT_EQ(**emptied, 1'500u);
  EXPECT_EQ((*answer)->reopened, 1u) << "what was asked for after the discard is not discarded";
  rig.committer->release(kLane);
  rig.turn();
  EXPECT_EQ(rig.held_ids(), ids);
}

TEST_F(CommitterRequestsTest, ADiscardThatFailsSaysSoAndCanBeAskedForAgain) {
  rig.committer->hold(kLane);
  const std::vector<MessageId> ids = accept_many(700);
  rig.store.faults.list = true;
  ask_discard();
  rig.turn();
  ASSERT_TRUE(emptied && !*emptied);
  EXPECT_EQ(emptied->error().code, ErrorCode::kStorageFailed);
  rig.store.faults = {};
  rig.store.faults.append = true;
  ask_discard();
  rig.turn();
  ASSERT_TRUE(emptied && !*emptied);
  rig.store.faults = {};
  rig.pass(200ms);
  EXPECT_TRUE(dead_ids().empty()) << "what failed does not happen later";
  EXPECT_EQ(discard(), ids.size());
  EXPECT_EQ(dead_ids(), ids);
}

TEST_F(CommitterRequestsTest, ADiscardWaitsWhileTheIndexIsBehind) {
  rig.committer->hold(kLane);
  const std::vector<MessageId> ids = accept_many(600);
  rig.store.faults.apply = true;
  rig.push({2});
  ask_discard();
  rig.pass(300ms);
  EXPECT_FALSE(emptied);
  rig.store.faults = {};
  rig.pass(300ms);
  ASSERT_TRUE(emptied && *emptied);
  EXPECT_EQ(**emptied, ids.size());
  EXPECT_EQ(dead_ids(), ids);
}

TEST_F(CommitterRequestsTest, AStopCancelsADiscard) {
  rig.committer->hold(kLane);
  accept_many(2'000);
  ask_discard();
  rig.committer->stop();
  ASSERT_TRUE(emptied && !*emptied);
  EXPECT_EQ(emptied->error().code, ErrorCode::kCancelled);
  rig.stop();
  rig.before_start = [](Committer& committer) { committer.hold(kLane); };
  ASSERT_TRUE(rig.start());
  EXPECT_EQ(discard(), 2'000u);
}

}  // namespace
}  // namespace headrace::store
