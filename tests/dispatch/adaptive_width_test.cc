// SPDX-License-Identifier: Apache-2.0
#include "dispatch/adaptive_width.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace headrace::dispatch {

using store::AttemptError;

TEST(AdaptiveWidthTest, StartsAtFourOrTheCap) {
  EXPECT_EQ(AdaptiveWidth{}.width(64), 4u);
  EXPECT_EQ(AdaptiveWidth{}.width(2), 2u);
}

TEST(AdaptiveWidthTest, GrowsByOneAfterAWidthOfSuccesses) {
  AdaptiveWidth width;
  for (std::uint32_t expected = 4; expected < 64; ++expected) {
    for (std::uint32_t i = 0; i < expected; ++i) {
      ASSERT_EQ(width.width(64), expected);
      width.on_success(expected, 64);
    }
  }
  for (int i = 0; i < 1000; ++i) width.on_success(64, 64);
  EXPECT_EQ(width.width(64), 64u);
}

TEST(AdaptiveWidthTest, AWidthThatIsNotUsedDoesNotGrow) {
  AdaptiveWidth width;
  for (int i = 0; i < 1000; ++i) width.on_success(1, 64);
  EXPECT_EQ(width.width(64), 4u);
}

TEST(AdaptiveWidthTest, HalvesOnceForAllThatWasUnderWay) {
  AdaptiveWidth width;
  while (width.width(64) < 40) width.on_success(64, 64);
  for (int i = 0; i < 40; ++i) width.on_overload(1'000, 2'000 + static_cast<std::uint64_t>(i), 64);
  EXPECT_EQ(width.width(64), 20u);
  width.on_overload(2'001, 3'000, 64);
  EXPECT_EQ(width.width(64), 10u);
}

TEST(AdaptiveWidthTest, NeverFallsBelowOneAndComesBack) {
  AdaptiveWidth width;
  for (std::uint64_t now = 10; now < 200; now += 10) width.on_overload(now - 5, now, 64);
  EXPECT_EQ(width.width(64), 1u);
  width.on_success(1, 64);
  EXPECT_EQ(width.width(64), 2u);
}

TEST(AdaptiveWidthTest, OnlyTimeLimitsAndTwoStatusesAreOverload) {
  EXPECT_TRUE(is_overload(AttemptError::kTimeout, 0));
  EXPECT_TRUE(is_overload(AttemptError::kConnectTimeout, 0));
  EXPECT_TRUE(is_overload(AttemptError::kNone, 429));
  EXPECT_TRUE(is_overload(AttemptError::kNone, 503));
  EXPECT_FALSE(is_overload(AttemptError::kNone, 500));
  EXPECT_FALSE(is_overload(AttemptError::kConnect, 0));
  EXPECT_FALSE(is_overload(AttemptError::kClosed, 503));
}

RC_GTEST_PROP(AdaptiveWidthTest, StaysWithinOneAndTheCapAndMovesAsItSays,
              (const std::vector<std::uint8_t>& events)) {
  AdaptiveWidth width;
  std::uint64_t now = 1;
  std::uint64_t decreased_at = 0;
  for (const std::uint8_t event : events) {
    const auto cap = *rc::gen::inRange<std::uint32_t>(1, 100);
    const std::uint32_t before = width.width(cap);
    now += event % 16;
    if (event % 3 == 0) {
      const std::uint64_t started = now - std::min<std::uint64_t>(now, event);
      width.on_overload(started, now, cap);
      const bool halves = started > decreased_at;
      if (halves) decreased_at = now;
      RC_ASSERT(width.width(cap) == (halves ? std::max(1u, before / 2) : before));
    } else {
      width.on_success(event, cap);
      RC_ASSERT(width.width(cap) >= before);
      RC_ASSERT(width.width(cap) <= before + 1);
    }
    RC_ASSERT(width.width(cap) >= 1u && width.width(cap) <= cap);
  }
}

}  // namespace headrace::dispatch
