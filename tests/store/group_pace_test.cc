// SPDX-License-Identifier: Apache-2.0
#include "store/group_pace.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace headrace::store {
namespace {

constexpr std::uint64_t kUs = 1'000;
constexpr std::uint64_t kStart = 1'000'000'000;

// After many groups of `events`, one each `apart_ns`; the last began at kStart.
GroupPace steady(std::uint64_t apart_ns, std::size_t events) {
  GroupPace pace;
  for (std::uint64_t i = 100; i != 0; --i) pace.gathered(kStart - i * apart_ns, events);
  pace.gathered(kStart, events);
  return pace;
}

TEST(GroupPaceTest, AtFirstNothingWaits) { EXPECT_EQ(GroupPace().wait_ns(kStart, 1), 0u); }

TEST(GroupPaceTest, WhereEventsComeFastAGroupWaitsForEnough) {
  const GroupPace pace = steady(100 * kUs, 20);  // one each 5 us
  EXPECT_EQ(pace.wait_ns(kStart + 100 * kUs, 20), GroupPace::kEnough * 5 * kUs - 100 * kUs);
}

TEST(GroupPaceTest, WhatIsEnoughWaitsForNothing) {
  const GroupPace pace = steady(100 * kUs, 20);
  EXPECT_EQ(pace.wait_ns(kStart + 100 * kUs, GroupPace::kEnough), 0u);
  EXPECT_EQ(pace.wait_ns(kStart + GroupPace::kEnough * 5 * kUs, 1), 0u);
}

TEST(GroupPaceTest, WhereTheyComeSlowlyNothingWaits) {
  EXPECT_EQ(steady(1'000 * kUs, 1).wait_ns(kStart + 10 * kUs, 1), 0u);    // one client in a circle
  EXPECT_EQ(steady(1'000 * kUs, 10).wait_ns(kStart + 10 * kUs, 10), 0u);  // or ten
}

TEST(GroupPaceTest, NoWaitIsLongerThanItsBound) {
  for (std::size_t events = 1; events < 200; ++events) {
    for (const std::uint64_t apart : {10 * kUs, 200 * kUs, 1'000 * kUs, 10'000 * kUs}) {
      EXPECT_LE(steady(apart, events).wait_ns(kStart, 1), GroupPace::kWaitNsMax);
    }
  }
}

TEST(GroupPaceTest, AnHourOfNothingIsForgottenAfterAFewGroups) {
  GroupPace pace = steady(100 * kUs, 20);
  std::uint64_t now = kStart + 3'600'000'000'000;
  pace.gathered(now, 20);
  EXPECT_EQ(pace.wait_ns(now, 1), 0u);
  for (int i = 0; i < 20; ++i) pace.gathered(now += 100 * kUs, 20);
  EXPECT_GT(pace.wait_ns(now, 1), 0u);
}

}  // namespace
}  // namespace headrace::store
