// SPDX-License-Identifier: Apache-2.0
// How retries and fresh deliveries of one endpoint share it, and what keeps its order all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/limits.h"
#include "core/random.h"
#include "tests/store/committer_fixture.h"
#include "tests/support/sanitized.h"

namespace headrace::store {
namespace {

namespace limits = core::limits;
using namespace std::chrono_literals;  // NOLINT: time literals only

TEST(FairShareTest, RetriesGetTheirPercentOfAnyTurnsInARow) {
  FairShare share;
  for (const unsigned percent : {1u, 25u, 50u, 99u}) {
    std::size_t retries = 0;
    for (int i = 0; i < 100; ++i) retries += share.retries_of(1, percent);
    EXPECT_EQ(retries, percent);
  }
  EXPECT_EQ(share.retries_of(7, 100), 7u);
}

class CommitterShareTest : public CommitterTest {
 protected:
  // That many deliveries of endpoint 1 that are due for their retry a second from now.
  void make_retries(std::size_t count) {
    const core::WallMs due = rig.now() + 1'000;
    accept_many(count);
    while (!rig.held.empty()) {
      rig.end_all(retry_at(due));
      rig.turn();
    }
  }
  static std::size_t retries_in(const std::vector<Delivery>& deliveries) {
    return static_cast<std::size_t>(
        std::count_if(deliveries.begin(), deliveries.end(),
                      [](const Delivery& delivery) { return delivery.is_retry(); }));
  }
};

TEST_F(CommitterShareTest, FreshOnesGoStraightToTheShardHoweverManyRetriesAreDue) {
  make_retries(5'000);
  rig.pass(1s);
  EXPECT_EQ(rig.held.size(), limits::kLaneWindowMax / 2) << "the rest of the window stays free";
  const Answer fresh = rig.accept({1});
  EXPECT_EQ(rig.held.back().message, fresh.id);
  EXPECT_EQ(rig.committer->counters().handed_over.value(), limits::kLaneWindowMax + 1);
  rig.held.clear();
}

TEST_F(CommitterShareTest, RetriesAreNotStarvedByFreshOnesThatComeAsFastAsTheyGo) {
  make_retries(2'000);
  accept_many(limits::kLaneWindowMax);
  EXPECT_EQ(retries_in(rig.held), 0u);
  rig.clock.advance(1s);
  std::size_t retries = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 64; ++i) {
      retries += rig.held.front().is_retry() ? 1 : 0;
      rig.end(rig.take());
    }
    accept_many(64);
  }
  EXPECT_EQ(retries, 2'000u) << "of 6,400";
  deliver_all();
  EXPECT_EQ(endpoints_waiting(), 0u);
}

TEST_F(CommitterShareTest, ALargeRetryLeavesRoomForFreshOnes) {
  const std::string large(limits::kPendingLoadBytesMax + 1, 'x');
  const core::WallMs due = rig.now() + 1'000;
  for (int i = 0; i < 8; ++i) rig.accept({1}, large);
  while (!rig.held.empty()) {
    rig.end_all(retry_at(due));
    rig.turn();
  }
  for (std::uint32_t lane = 2; lane < 80; ++lane) rig.accept({lane}, std::string(900'000, 'x'));
  rig.clock.advance(1s);
  std::vector<MessageId> fresh;
  for (int i = 0; i < 4; ++i) fresh.push_back(rig.accept({1}).id);
  std::size_t retries = 0;
  while (!fresh.empty()) {
    rig.pass(200ms);
    for (std::size_t i = 0; i < rig.held.size(); ++i) {
      if (rig.held[i].endpoint != EndpointNumber{1}) continue;
      retries += rig.held[i].is_retry() ? 1 : 0;
      std::erase(fresh, rig.held[i].message);
      rig.end(std::move(rig.held[i]));
      rig.held.erase(rig.held.begin() + static_cast<std::ptrdiff_t>(i--));
    }
    ASSERT_LE(retries, 5u);
  }
  deliver_all();
}

// Whatever the share and the pace, while both kinds wait each gets its part of the hand-overs.
void expect_both_progress(core::Random& random) {
  CommitterRig rig;
  const auto percent = static_cast<unsigned>(5 + random.below(91));
  rig.terms[1].retry_share_percent = percent;
  ASSERT_TRUE(rig.start());
  const auto accept = [&rig](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) rig.push({1});
    rig.turn();
  };
  const core::WallMs due = rig.now() + 60'000;
  for (int i = 0; i < 5; ++i) accept(1'000);
  while (!rig.held.empty()) {
    rig.end_all(retry_at(due));
    rig.turn();
  }
  for (int i = 0; i < 5; ++i) accept(1'000);
  rig.clock.advance(60s);
  std::size_t fresh = 0;
  std::size_t retries = 0;
  const std::size_t pace = 50 + random.below(350);
  std::size_t skip = limits::kLaneWindowMax;  // these were in memory before the retries were due
  while (retries + fresh < 4'000) {
    for (std::size_t i = 0; i < pace && !rig.held.empty(); ++i) {
      if (skip != 0) {
        --skip;
      } else {
        (rig.held.front().is_retry() ? retries : fresh) += 1;
      }
      rig.end(rig.take());
    }
    if (random.below(4) == 0) accept(random.below(2 * pace));
    rig.pass(200ms);
    const std::size_t total = retries + fresh;
    const std::size_t share = total * percent / 100;
    ASSERT_GE(retries + limits::kLaneWindowMax, share);
    ASSERT_GE(fresh + limits::kLaneWindowMax, total - share);
  }
  ASSERT_GE(retries + limits::kPendingLoadMax, 4'000 * percent / 100);
  rig.end_all();
}

TEST(CommitterSharesTest, BothKindsProgressInProportion) {
  constexpr std::uint64_t kSeeds = test::kSanitized ? 5 : 20;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    core::Random random(seed);
    ASSERT_NO_FATAL_FAILURE(expect_both_progress(random));
  }
}

class CommitterStrictTest : public CommitterTest {
 protected:
  void SetUp() override {
    rig.terms[1].order = KeptOrder::kLane;
    CommitterTest::SetUp();
  }
};

TEST_F(CommitterStrictTest, TheOneThatBlockedComesFirstAfterARestart) {
  std::vector<MessageId> expected = accept_many(10);
  const core::WallMs due = rig.now() + 5'000;
  rig.end(rig.take(), blocked_until(due));
  rig.end_all(returned(due));
  rig.turn();
  rig.stop();
  ASSERT_TRUE(rig.start());
  expected.push_back(rig.accept({1}).id);
  rig.pass(4'999ms);
  EXPECT_TRUE(rig.held.empty());
  rig.clock.advance(1ms);
  expected.push_back(rig.accept({1}).id);
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(deliver_all(), expected);
}

TEST_F(CommitterStrictTest, ARetryThatIsOverdueAtTheStartComesFirst) {
  std::vector<MessageId> expected = accept_many(3);
  const core::WallMs due = rig.now() + 5'000;
  rig.end(rig.take(), blocked_until(due));
  rig.end_all(returned(due));
  rig.turn();
  rig.stop();
  rig.clock.advance(1h);
  ASSERT_TRUE(rig.start());
  expected.push_back(rig.accept({1}).id);
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(deliver_all(), expected);
}

TEST_F(CommitterStrictTest, TheOneThatBlocksComesBeforeAllFreshOnesWhateverTheShare) {
  rig.terms[1].retry_share_percent = 1;
  std::vector<MessageId> expected = accept_many(limits::kLaneWindowMax + 200);
  const core::WallMs due = rig.now() + 1'000;
  rig.end(rig.take(), blocked_until(due));
  rig.end_all(returned(due));
  rig.turn();
  rig.pass(1s);
  EXPECT_EQ(deliver_all(), expected);
}

TEST_F(CommitterTest, ALaneThatDoesNotBlockIsNotHeldByARestart) {
  const std::vector<MessageId> ids = accept_many(2);
  rig.end(rig.take(), retry_at(rig.now() + 5'000));
  rig.turn();
  rig.stop();
  ASSERT_TRUE(rig.start());
  ASSERT_EQ(rig.held.size(), 1u);
  EXPECT_EQ(rig.held.front().message, ids[1]);
}

}  // namespace
}  // namespace headrace::store
