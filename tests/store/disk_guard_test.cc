// SPDX-License-Identifier: Apache-2.0
#include "store/disk_guard.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace headrace::store {
namespace {

TEST(DiskGuardTest, RefusesAboveTheBudgetAndTakesAgainALittleBelow) {
  DiskGuard guard({0, 1'000});
  EXPECT_TRUE(guard.update(0, 1'000));
  EXPECT_FALSE(guard.update(0, 1'001));
  EXPECT_FALSE(guard.update(0, 951));
  EXPECT_TRUE(guard.update(0, 950));
  EXPECT_TRUE(guard.update(0, 1'000));
}

TEST(DiskGuardTest, RefusesBelowTheReserveAndTakesAgainALittleAbove) {
  DiskGuard guard({1'000, 0});
  EXPECT_TRUE(guard.update(1'000, ~std::uint64_t{0}));
  EXPECT_FALSE(guard.update(999, 0));
  EXPECT_FALSE(guard.update(1'049, 0));
  EXPECT_TRUE(guard.update(1'050, 0));
}

RC_GTEST_PROP(DiskGuardTest, WithoutLimitsItAlwaysTakes, (std::uint64_t free, std::uint64_t used)) {
  DiskGuard guard({});
  RC_ASSERT(guard.update(free, used));
}

RC_GTEST_PROP(DiskGuardTest, NeverTakesBeyondALimitAndAlwaysWellWithin, ()) {
  const DiskLimits limits{*rc::gen::inRange<std::uint64_t>(0, 2'000),
                          *rc::gen::inRange<std::uint64_t>(0, 2'000)};
  DiskGuard guard(limits);
  for (int step = 0; step < 20; ++step) {
    const auto free = *rc::gen::inRange<std::uint64_t>(0, 4'000);
    const auto used = *rc::gen::inRange<std::uint64_t>(0, 4'000);
    const bool takes = guard.update(free, used);
    const bool within =
        free >= limits.reserve_bytes && (limits.budget_bytes == 0 || used <= limits.budget_bytes);
    if (!within) RC_ASSERT(!takes);
    const bool well_within =
        free >= limits.reserve_bytes + DiskGuard::slack(limits.reserve_bytes) &&
        (limits.budget_bytes == 0 ||
         used <= limits.budget_bytes - DiskGuard::slack(limits.budget_bytes));
    if (well_within) RC_ASSERT(takes);
  }
}

}  // namespace
}  // namespace headrace::store
