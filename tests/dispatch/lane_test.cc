// SPDX-License-Identifier: Apache-2.0
#include "dispatch/lane.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <vector>

namespace headrace::dispatch {

using namespace std::chrono_literals;

TEST(LaneTest, LeavesInOrderUpToTheCap) {
  std::vector<Flight> flights(5);
  Lane lane;
  for (Flight& flight : flights) EXPECT_TRUE(lane.push(flight));
  EXPECT_EQ(lane.start_next(0, 2), &flights[0]);
  EXPECT_EQ(lane.start_next(0, 2), &flights[1]);
  EXPECT_EQ(lane.start_next(0, 2), nullptr);
  lane.on_attempt_end();
  EXPECT_EQ(lane.start_next(0, 2), &flights[2]);
  EXPECT_EQ(lane.queued(), 2u);
}

TEST(LaneTest, AHoldThatIsOnIsNotMovedByLaterFailures) {
  Lane lane;
  EXPECT_EQ(lane.hold(1000, 5s), 6000u);
  EXPECT_EQ(lane.hold(2000, 30s), 6000u);
  EXPECT_EQ(lane.hold(6000, 30s), 36'000u) << "the hold was over";
}

TEST(LaneTest, AfterAHoldOneProbesUntilTheAnswer) {
  std::vector<Flight> flights(3);
  Lane lane;
  lane.hold(1000, 5s);
  for (Flight& flight : flights) lane.push(flight);
  EXPECT_EQ(lane.start_next(5999, 8), nullptr);
  EXPECT_EQ(lane.start_next(6000, 8), &flights[0]);
  EXPECT_EQ(lane.start_next(6000, 8), nullptr);
  lane.on_reached(6000);
  EXPECT_EQ(lane.start_next(6000, 8), &flights[1]);
  EXPECT_EQ(lane.start_next(6000, 8), &flights[2]);
}

TEST(LaneTest, AfterAHoldAsManyProbeAsItSaysWithinTheCap) {
  std::vector<Flight> flights(9);
  Lane lane;
  lane.hold(1000, 5s, 3);
  lane.hold(2000, 5s, 7);
  for (Flight& flight : flights) lane.push(flight);
  EXPECT_NE(lane.start_next(6000, 2), nullptr);
  EXPECT_NE(lane.start_next(6000, 2), nullptr);
  EXPECT_EQ(lane.start_next(6000, 2), nullptr);
  EXPECT_NE(lane.start_next(6000, 8), nullptr);
  EXPECT_EQ(lane.start_next(6000, 8), nullptr) << "the first hold's number";
  lane.on_reached(6000);
  EXPECT_NE(lane.start_next(6000, 8), nullptr);
}

TEST(LaneTest, AClockSetBackDoesNotBringAHoldBackThatIsOver) {
  std::vector<Flight> flights(2);
  Lane lane;
  lane.hold(1000, 5s);
  for (Flight& flight : flights) lane.push(flight);
  EXPECT_EQ(lane.start_next(6000, 8), &flights[0]);
  lane.on_reached(6000);
  EXPECT_EQ(lane.start_next(2000, 8), &flights[1]);
}

TEST(LaneTest, ALateAnswerDoesNotEndAHold) {
  Flight flight;
  Lane lane;
  lane.push(flight);
  lane.hold(1000, 5s);
  lane.on_reached(2000);
  EXPECT_EQ(lane.start_next(5999, 8), nullptr);
  EXPECT_TRUE(lane.probing());
}

TEST(LaneTest, TheWindowIsBounded) {
  std::vector<Flight> flights(core::limits::kLaneWindowMax + 1);
  Lane lane;
  for (std::size_t i = 0; i < core::limits::kLaneWindowMax; ++i) EXPECT_TRUE(lane.push(flights[i]));
  EXPECT_FALSE(lane.push(flights.back()));
  EXPECT_EQ(lane.queued(), core::limits::kLaneWindowMax);
}

RC_GTEST_PROP(LaneTest, KeepsOrderCapAndHoldInAnySequenceOfEvents,
              (const std::vector<std::uint8_t>& events)) {
  std::deque<Flight> flights;
  std::deque<Flight*> expected;
  Lane lane;
  core::WallMs now = 1;
  const std::uint32_t cap = *rc::gen::inRange(1u, 6u);
  for (const std::uint8_t event : events) {
    switch (event % 6) {
      case 0:
        flights.emplace_back();
        RC_ASSERT(lane.push(flights.back()));
        expected.push_back(&flights.back());
        break;
      case 1: {
        const bool may = lane.in_flight() < (lane.probing() ? 1 : cap) && !lane.on_hold(now);
        Flight* flight = lane.start_next(now, cap);
        RC_ASSERT((flight != nullptr) == (may && !expected.empty()));
        if (flight == nullptr) break;
        RC_ASSERT(flight == expected.front());
        expected.pop_front();
        break;
      }
      case 2:
        if (lane.in_flight() != 0) lane.on_attempt_end();
        break;
      case 3:
        RC_ASSERT(lane.hold(now, std::chrono::milliseconds{event}) >= now);
        break;
      case 4:
        lane.on_reached(now);
        break;
      default:
        now += event;
    }
    RC_ASSERT(lane.queued() == expected.size());
    RC_ASSERT(lane.in_flight() <= cap);
  }
  while (!expected.empty()) {
    RC_ASSERT(lane.take_queued() == expected.front());
    expected.pop_front();
  }
}

}  // namespace headrace::dispatch
