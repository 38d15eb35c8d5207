// SPDX-License-Identifier: Apache-2.0
// What is in memory, how much of it, and in which order the rest follows.
#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/limits.h"
#include "tests/store/committer_fixture.h"

namespace headrace::store {
namespace {

namespace limits = core::limits;
using namespace std::chrono_literals;  // NOLINT: time literals only

TEST_F(CommitterTest, LaneNeverHoldsMoreThanItsWindow) {
  accept_many(limits::kLaneWindowMax + 500);
  EXPECT_EQ(rig.held.size(), limits::kLaneWindowMax);
  EXPECT_EQ(rig.committer->counters().spilled.value(), 500u);
  rig.end(rig.take());
  rig.turn();
  EXPECT_LE(rig.held.size(), limits::kLaneWindowMax);
}

TEST_F(CommitterTest, FiveThousandMessagesAreHandedOverInOrderOfArrival) {
  std::vector<MessageId> expected = accept_many(3000);
  std::vector<MessageId> order;
  // New ones keep coming while old ones are read back: they wait behind.
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 150 && !rig.held.empty(); ++i) {
      Delivery delivery = rig.take();
      order.push_back(delivery.message);
      rig.end(std::move(delivery));
    }
    for (const MessageId id : accept_many(50)) expected.push_back(id);
    ASSERT_LE(rig.held.size(), limits::kLaneWindowMax);
  }
  for (const MessageId id : deliver_all()) order.push_back(id);
  EXPECT_EQ(expected.size(), 5000u);
  EXPECT_EQ(order, expected);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

// A lane in strict order: each failure is a hold, and what was handed over goes back.
TEST_F(CommitterTest, AFailureThatHoldsTheLaneIsOvertakenByNothing) {
  std::vector<MessageId> expected = accept_many(limits::kLaneWindowMax + 300);
  std::vector<MessageId> order;
  std::uint32_t round = 0;
  for (int failures = 0; failures < 5; ++failures) {
    for (int i = 0; i < 100; ++i) {
      Delivery delivery = rig.take();
      order.push_back(delivery.message);
      rig.end(std::move(delivery));
      rig.turn();
    }
    Delivery failing = rig.take();
    const MessageId failed = failing.message;
    const core::WallMs due = rig.now() + 1'000;
    rig.end(std::move(failing), unreachable_until(due));
    rig.end_all(returned(due));
    rig.turn();
    expected.push_back(rig.accept({1}).id);
    EXPECT_TRUE(rig.held.empty());
    rig.clock.advance(1'000ms);  // the hold ends, and before anybody looked there is a new message
    expected.push_back(rig.accept({1}).id);
    ASSERT_EQ(rig.held.size(), 1u);
    EXPECT_EQ(rig.held.front().message, failed);
    EXPECT_NE(rig.held.front().round, round);
    round = rig.held.front().round;
  }
  for (const MessageId id : deliver_all()) order.push_back(id);
  EXPECT_EQ(order, expected);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, OneFullLaneLeavesTheOthersAlone) {
  accept_many(limits::kLaneWindowMax + 100, 1);
  rig.held.clear();  // they are simply never ended
  rig.accept({2});
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.held.front().endpoint, EndpointNumber{2});
  rig.held.clear();
}

TEST_F(CommitterTest, PayloadBytesInMemoryStayWithinTheirBound) {
  const std::string body(900'000, 'x');
  std::size_t largest = 0;
  std::size_t bytes = 0;
  rig.on_delivery = [&](const Delivery& delivery) {
    bytes += delivery.payload.buffer.capacity();
    largest = std::max(largest, bytes);
  };
  std::vector<MessageId> expected;
  for (int i = 0; i < 120; ++i) expected.push_back(rig.accept({1}, body).id);
  EXPECT_LT(rig.held.size(), 60u);
  std::vector<MessageId> order;
  while (!rig.held.empty()) {
    Delivery delivery = rig.take();
    bytes -= delivery.payload.buffer.capacity();
    order.push_back(delivery.message);
    rig.end(std::move(delivery));
    rig.turn();
  }
  EXPECT_EQ(order, expected);
  EXPECT_LE(largest, limits::kDeliveryBytesInMemoryMax);
}

TEST_F(CommitterTest, LaneFullOfBytesLeavesRoomForTheOthers) {
  const std::string large(900'000, 'x');
  while (rig.committer->counters().spilled.value() == 0) rig.accept({1}, large);
  const std::size_t of_lane_1 = rig.held.size();
  EXPECT_LE(of_lane_1 * large.size(), limits::kLaneWindowBytesMax + large.size());
  rig.accept({2}, large);
  EXPECT_EQ(rig.held.size(), of_lane_1 + 1);
  EXPECT_EQ(deliver_all().size(), of_lane_1 + 2);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, LaneWithNothingInMemoryGetsOneWhateverTheOthersHold) {
  const std::string large(900'000, 'x');
  std::uint32_t lane = 10;  // each takes what a lane may have, until all memory is taken
  while (rig.held.size() < limits::kDeliveryBytesInMemoryMax / (std::size_t{1} << 20)) {
    const auto spilled = rig.committer->counters().spilled.value();
    rig.accept({lane}, large);
    rig.pass(100ms);  // nothing moves for so long, so that the lane's turn does not come
    if (rig.committer->counters().spilled.value() != spilled) ++lane;
  }
  const std::size_t before = rig.held.size();
  const Answer first = rig.accept({2}, large);
  const Answer second = rig.accept({2}, large);
  rig.pass(1s);
  ASSERT_EQ(rig.held.size(), before + 1);
  EXPECT_EQ(rig.held.back().message, first.id);
  const std::vector<MessageId> order = deliver_all();
  EXPECT_EQ(std::count(order.begin(), order.end(), second.id), 1);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, LargestMessageIsDelivered) {
  const std::string largest(limits::kBodyBytesMax, 'x');
  rig.accept({1}, largest);
  rig.accept({1}, "{}");
  rig.pass(1s);
  EXPECT_EQ(deliver_all().size(), 2u);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, BufferOfAFanOutCountsUntilItsLastDeliveryEnds) {
  const std::string large(900'000, 'x');
  std::vector<std::uint32_t> lanes;
  for (std::uint32_t lane = 1; lane <= 100; ++lane) lanes.push_back(lane);
  rig.accept(lanes, large);
  EXPECT_EQ(rig.held.size(), lanes.size());
  EXPECT_EQ(rig.committer->counters().spilled.value(), 0u);
}

TEST_F(CommitterTest, DeliveryThatDoesNotFitIsNotOvertakenByASmallerOne) {
  const std::string large(900'000, 'x');
  while (rig.committer->counters().spilled.value() == 0) rig.accept({1}, large);
  std::vector<MessageId> expected;
  for (const Delivery& delivery : rig.held) expected.push_back(delivery.message);
  const std::size_t in_memory = expected.size();
  expected.push_back(rig.accept({1}, large).id);
  expected.push_back(rig.accept({1}, "{}").id);
  const std::vector<MessageId> order = deliver_all();
  ASSERT_EQ(order.size(), in_memory + 3);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(order.back(), expected.back());
}

TEST_F(CommitterTest, ManyLanesThatDrainTakeTurnsInBatches) {
  // More lanes than there is memory for, with more than a batch each; all waits in the store.
  constexpr std::uint32_t kLanes = 80;
  constexpr std::size_t kEach = limits::kPendingLoadMax + 44;
  rig.committer->stop_hand_over();
  std::vector<std::uint32_t> lanes;
  for (std::uint32_t lane = 1; lane <= kLanes; ++lane) lanes.push_back(lane);
  for (std::size_t i = 0; i < kEach; ++i) {
    rig.push(lanes);
    if (i % 100 == 99) rig.turn();
  }
  rig.stop();
  ASSERT_TRUE(rig.start());
  // Each endpoint answers once, so that none is untried any more.
  ASSERT_EQ(rig.held.size(), kLanes);
  std::size_t ended = 0;
  const auto end_oldest = [&] {
    rig.end(rig.take());
    ++ended;
  };
  while (ended < kLanes) end_oldest();
  rig.turn();
  std::map<EndpointNumber, std::size_t> in_memory;
  for (const Delivery& delivery : rig.held) ++in_memory[delivery.endpoint];
  EXPECT_LT(in_memory.size(), std::size_t{kLanes});
  for (const auto& [lane, count] : in_memory) EXPECT_GE(count, limits::kPendingLoadMax / 2);
  while (!rig.held.empty()) {
    end_oldest();
    rig.turn();
    ASSERT_LE(rig.held.size(), limits::kDeliveriesInMemoryMax);
  }
  EXPECT_EQ(ended, kLanes * kEach);
  EXPECT_EQ(rig.committer->counters().loaded.value(), kLanes * kEach);  // each was read once
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterTest, DeliveriesInMemoryStayWithinTheSlots) {
  std::vector<std::uint32_t> lanes;
  for (std::uint32_t lane = 1; lane <= 40; ++lane) lanes.push_back(lane);
  for (int i = 0; i < 500; ++i) rig.push(lanes);
  rig.turn();
  EXPECT_EQ(rig.held.size(), limits::kDeliveriesInMemoryMax);
  std::size_t ended = 0;
  while (!rig.held.empty()) {
    ASSERT_LE(rig.held.size(), limits::kDeliveriesInMemoryMax);
    for (int i = 0; i < 4000 && !rig.held.empty(); ++i, ++ended) {
      rig.end(std::move(rig.held.back()));
      rig.held.pop_back();
    }
    rig.pass(200ms);
  }
  EXPECT_EQ(ended, 40u * 500u);
  EXPECT_EQ(endpoints_waiting(), 0u);
}

}  // namespace
}  // namespace headrace::store
