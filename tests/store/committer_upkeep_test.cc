// SPDX-License-Identifier: Apache-2.0
// The committer erasing messages, and refusing new ones for want of room.
#include <optional>

#include "tests/store/committer_fixture.h"

namespace headrace::store {
namespace {

using Erased = std::optional<Result<std::size_t>>;

class CommitterUpkeepTest : public CommitterTest {
 protected:
  Erased erase(std::vector<MessageId> messages) {
    Erased told;
    rig.committer->erase(std::move(messages),
                         [&](Result<std::size_t> erased) { told = std::move(erased); });
    EXPECT_FALSE(told) << "not before the request returns";
    rig.turn();
    return told;
  }
};

TEST_F(CommitterUpkeepTest, ErasedMessageIsGoneAndItsOpenDeliveryLeavesNoTrace) {
  const MessageId id = rig.accept({1, 2}).id;
  const MessageId other = rig.accept({1}).id;
  ASSERT_EQ(rig.held.size(), 3u);
  const Erased told = erase({id});
  ASSERT_TRUE(told && *told);
  EXPECT_EQ(told->value(), 1u);
  EXPECT_EQ(rig.memory.find_message(id).error().code, ErrorCode::kNotFound);
  rig.end(rig.take(), retry_at(rig.now() + 10));  // one of the erased message's
  rig.end_all();
  rig.turn();
  EXPECT_TRUE(attempts(id, 1).empty());
  EXPECT_TRUE(attempts(id, 2).empty());
  EXPECT_EQ(attempts(other).size(), 1u);
  EXPECT_EQ(endpoints_waiting(), 0u);
  rig.pass(std::chrono::milliseconds(1'000));
  EXPECT_TRUE(rig.held.empty());
  EXPECT_EQ(rig.committer->counters().in_memory.value(), 0u);
  EXPECT_EQ(rig.committer->counters().erased.value(), 1u);
}

TEST_F(CommitterUpkeepTest, DeliveriesThatAreHandedBackOrWaitDoNotComeAgain) {
  const MessageId held = rig.accept({1}).id;
  const MessageId waits = rig.accept({2}).id;
  rig.end(rig.take(), returned());
  rig.end(rig.take(), retry_at(rig.now() + 500));
  rig.turn();
  ASSERT_EQ(rig.held_ids(), std::vector<MessageId>{held}) << "handed over again";
  ASSERT_EQ(endpoints_waiting(), 2u);
  ASSERT_TRUE(erase({held, waits}));
  rig.end_all(returned());
  rig.pass(std::chrono::milliseconds(1'000));
  EXPECT_TRUE(rig.held.empty());
  EXPECT_EQ(endpoints_waiting(), 0u);
  const MessageId next = rig.accept({1}).id;
  EXPECT_EQ(rig.held_ids(), std::vector<MessageId>{next}) << "the lane goes on";
}

TEST_F(CommitterUpkeepTest, ErasedDeliveryDoesNotHoldTheLog) {
  const MessageId id = rig.accept({1}).id;
  ASSERT_TRUE(erase({id}));
  rig.store.grow_log(core::limits::kReplayBytesMax);
  rig.accept({2});
  EXPECT_EQ(endpoints_waiting(), 0u) << "no pending entry is made to bound the replay";
  rig.end_all();
  rig.turn();
  EXPECT_TRUE(attempts(id).empty());
}

TEST_F(CommitterUpkeepTest, ForcedEntryOfAnErasedDeliveryLeavesItsLaneInOrder) {
  const MessageId id = rig.accept({1}).id;
  rig.store.grow_log(core::limits::kReplayBytesMax);
  rig.accept({2});
  ASSERT_EQ(endpoints_waiting(), 1u);
  ASSERT_TRUE(erase({id}));
  EXPECT_EQ(endpoints_waiting(), 0u);
  rig.end_all(returned());
  rig.turn();
  deliver_all();
  const auto ids = accept_many(5);
  EXPECT_EQ(deliver_all(), ids);
}

TEST_F(CommitterUpkeepTest, UnknownMessageIsNotFound) {
  std::optional<Result<void>> told;
  rig.committer->erase(MessageId{Bits128{7, 7}}, [&](Result<void> erased) { told = erased; });
  rig.turn();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->error().code, ErrorCode::kNotFound);
}

TEST_F(CommitterUpkeepTest, FailedErasureLeavesTheDeliveryAsItWas) {
  const MessageId id = rig.accept({1}).id;
  rig.store.faults.erase = true;
  const Erased told = erase({id});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->error().code, ErrorCode::kStorageFailed);
  rig.end_all();
  rig.turn();
  EXPECT_EQ(attempts(id).size(), 1u);
}

TEST_F(CommitterUpkeepTest, WhatCouldNotBeFinishedIsReportedAndTriedAgain) {
  const MessageId id = rig.accept({1}).id;
  rig.store.faults.finish_erasures = true;
  const Erased told = erase({id});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->error().code, ErrorCode::kStorageFull);
  rig.store.faults.finish_erasures = false;
  const std::size_t before = rig.store.finishes();
  rig.pass(std::chrono::minutes(1));
  rig.pass(std::chrono::minutes(1));
  EXPECT_EQ(rig.store.finishes(), before + 1);
}

TEST_F(CommitterUpkeepTest, FilesAreRewrittenByAThreadOfItsOwnAndABurstSharesIt) {
  rig.stop();
  rig.finish_in_place = false;
  ASSERT_TRUE(rig.start());
  const auto ids = accept_many(50);
  std::size_t told = 0;
  for (const MessageId id : ids) {
    rig.committer->erase(id, [&](Result<void> erased) { told += erased ? 1u : 0u; });
  }
  while (told < ids.size()) rig.loop.run_once();
  EXPECT_LE(rig.store.finishes(), 3u);
  const MessageId last = rig.accept({1}).id;
  bool stopped = false;
  rig.committer->erase(last, [&](Result<void> erased) { stopped = erased.has_value(); });
  rig.stop();
  EXPECT_TRUE(stopped) << "a stop waits for it";
}

TEST_F(CommitterUpkeepTest, MessagesAreRefusedWithoutRoomAndAllElseGoesOn) {
  const MessageId id = rig.accept({1}).id;
  const MessageId waits = rig.accept({2}).id;
  rig.store.faults.room = true;
  EXPECT_EQ(rig.accept({1}).acceptance, Acceptance::kStored) << "nobody has looked yet";
  rig.pass(std::chrono::seconds(1));
  EXPECT_EQ(rig.accept({1}).acceptance, Acceptance::kFull);
  EXPECT_FALSE(rig.committer->healthy());
  EXPECT_EQ(rig.committer->counters().out_of_room.value(), 1u);
  rig.end(rig.take());
  rig.end(rig.take(), retry_at(rig.now() + 10));
  rig.turn();
  EXPECT_EQ(attempts(id).size(), 1u);
  rig.pass(std::chrono::milliseconds(20));
  EXPECT_EQ(rig.held.back().message, waits) << "retries are made";
  rig.store.faults.room = false;
  rig.pass(std::chrono::seconds(1));
  EXPECT_TRUE(rig.committer->healthy());
  EXPECT_EQ(rig.accept({1}).acceptance, Acceptance::kStored);
  EXPECT_EQ(rig.committer->counters().out_of_room.value(), 0u);
}

TEST_F(CommitterUpkeepTest, NewSegmentHasTheDiskLookedAtAtOnce) {
  rig.accept({1});
  rig.store.faults.room = true;
  rig.store.grow_log(std::uint64_t{1} << 32);
  EXPECT_EQ(rig.accept({1}).acceptance, Acceptance::kStored);
  EXPECT_EQ(rig.accept({1}).acceptance, Acceptance::kFull);
}

TEST_F(CommitterUpkeepTest, NoRequestIsTakenByACommitterThatStopped) {
  const MessageId id = rig.accept({1}).id;
  rig.stop();
  ASSERT_TRUE(rig.start());
  EXPECT_TRUE(erase({id}));
  rig.committer->stop();
  Erased told;
  rig.committer->erase(std::vector<MessageId>{id}, [&](Result<std::size_t> r) { told = r; });
  ASSERT_TRUE(told);
  EXPECT_EQ(told->error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace headrace::store
