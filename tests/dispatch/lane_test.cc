// SPDX-License-Identifier: Apache-2.0
#include "dispatch/lane.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
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
  lane.on_attempt_end(flights[0]);
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

TEST(LaneTest, AClockSetBackDoesNotBringAHoldBackThatAnAnswerEnded) {
  std::vector<Flight> flights(2);
  Lane lane;
  lane.hold(1000, 5s);
  for (Flight& flight : flights) lane.push(flight);
  EXPECT_EQ(lane.start_next(6000, 8), &flights[0]);
  lane.on_reached(6000);
  EXPECT_EQ(lane.start_next(2000, 8), &flights[1]);
}

// The peer need not have answered since: where the rate is limited, nothing may have been
// attempted.
TEST(LaneTest, AHoldThatWasSeenToBeOverStaysOverWhenTheClockIsSetBack) {
  Flight flight;
  Lane lane;
  lane.hold(1000, 5s);
  EXPECT_FALSE(lane.on_hold(6000));
  lane.push(flight);
  EXPECT_EQ(lane.start_next(2000, 8), &flight);
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
  std::deque<Flight*> in_flight;
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
        in_flight.push_back(flight);
        break;
      }
      case 2:
        if (in_flight.empty()) break;
        lane.on_attempt_end(*in_flight.front());
        in_flight.pop_front();
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

namespace {

Flight& make_retry(Flight& flight) {
  flight.delivery.ticket.due = 1;
  return flight;
}

Flight& with_key(Flight& flight, std::uint64_t key) {
  flight.order_key = key;
  return flight;
}

}  // namespace

TEST(LaneTest, RetriesAndFreshOnesTakeTurns) {
  std::vector<Flight> flights(6);
  Lane lane;
  for (int i = 0; i < 3; ++i) lane.push(make_retry(flights[static_cast<std::size_t>(i)]));
  for (std::size_t i = 3; i < 6; ++i) lane.push(flights[i]);
  for (const std::size_t next : {3u, 0u, 4u, 1u, 5u, 2u})
    EXPECT_EQ(lane.start_next(0, 9), &flights[next]);
}

TEST(LaneTest, RetriesComeFirstWhereTheyHaveAllTurns) {
  std::vector<Flight> flights(4);
  Lane lane;
  lane.push(flights[0]);
  lane.push(flights[1]);
  lane.push(make_retry(flights[2]));
  lane.push(make_retry(flights[3]));
  for (const std::size_t next : {2u, 3u, 0u, 1u}) {
    EXPECT_EQ(lane.start_next(0, 9, 100), &flights[next]);
  }
}

TEST(LaneTest, OneOfAKeyIsInFlightAndOthersGoOn) {
  std::vector<Flight> flights(4);
  Lane lane;
  for (const std::size_t i : {0u, 1u, 2u}) lane.push(with_key(flights[i], 5));
  lane.push(with_key(flights[3], 5 + 1024));  // of the same bucket
  EXPECT_EQ(lane.start_next(0, 9), &flights[0]);
  EXPECT_EQ(lane.start_next(0, 9), &flights[3]);
  EXPECT_EQ(lane.start_next(0, 9), nullptr);
  EXPECT_EQ(lane.queued(), 2u);
  EXPECT_FALSE(lane.has_ready());
  lane.on_attempt_end(flights[0]);
  EXPECT_EQ(lane.start_next(0, 9), &flights[1]);
  EXPECT_EQ(lane.take_behind(flights[1]), &flights[2]);
  EXPECT_EQ(lane.take_behind(flights[1]), nullptr);
  lane.on_attempt_end(flights[1]);
  EXPECT_EQ(lane.start_next(0, 9), nullptr);
  EXPECT_EQ(lane.queued(), 0u);
}

RC_GTEST_PROP(LaneTest, OneAtATimeInOrderOfAKeyWithinTheCapInAnySequenceOfEvents,
              (const std::vector<std::uint16_t>& events)) {
  std::deque<Flight> flights;
  std::map<std::uint64_t, std::deque<Flight*>> queued;  // by key
  std::vector<Flight*> in_flight;
  std::set<std::uint64_t> busy;
  std::size_t count = 0;
  Lane lane;
  const std::uint32_t cap = *rc::gen::inRange(1u, 6u);
  const auto take_out = [&](Flight* flight) {
    auto& of_key = queued[flight->order_key];
    const auto found = std::find(of_key.begin(), of_key.end(), flight);
    RC_ASSERT(found != of_key.end());
    RC_ASSERT(flight->order_key == 0 || found == of_key.begin());
    of_key.erase(found);
    --count;
  };
  for (const std::uint16_t event : events) {
    switch (event % 5) {
      case 0:
      case 1: {
        Flight& flight = flights.emplace_back();
        flight.order_key = event / 5 % 4 * (event % 3 == 0 ? 1 : 1024);
        if (event % 7 == 0) make_retry(flight);
        RC_ASSERT(lane.push(flight));
        queued[flight.order_key].push_back(&flight);
        ++count;
        break;
      }
      case 2: {
        const bool ready = std::any_of(queued.begin(), queued.end(), [&](const auto& of_key) {
          return !of_key.second.empty() && !busy.contains(of_key.first);
        });
        RC_ASSERT(lane.has_ready() == ready);
        Flight* flight = lane.start_next(1, cap);
        RC_ASSERT((flight != nullptr) == (ready && in_flight.size() < cap));
        if (flight == nullptr) break;
        take_out(flight);
        if (flight->order_key != 0) RC_ASSERT(busy.insert(flight->order_key).second);
        in_flight.push_back(flight);
        break;
      }
      case 3: {
        if (in_flight.empty()) break;
        Flight* flight = in_flight[event % in_flight.size()];
        std::erase(in_flight, flight);
        busy.erase(flight->order_key);
        while (event % 2 == 0) {
          Flight* behind = lane.take_behind(*flight);
          if (behind == nullptr) break;
          take_out(behind);
        }
        if (event % 2 == 0 && flight->order_key != 0) RC_ASSERT(queued[flight->order_key].empty());
        lane.on_attempt_end(*flight);
        break;
      }
      default:
        if (event % 11 != 0) break;
        if (Flight* flight = lane.take_queued()) take_out(flight);
    }
    RC_ASSERT(lane.queued() == count);
    RC_ASSERT(lane.in_flight() == in_flight.size());
  }
  while (Flight* flight = lane.take_queued()) take_out(flight);
  RC_ASSERT(count == 0u);
}

}  // namespace headrace::dispatch
