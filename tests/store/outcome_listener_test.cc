// SPDX-License-Identifier: Apache-2.0
// What becomes of the engine's own calls, and which endpoints are gone.
#include <gtest/gtest.h>

#include <vector>

#include "tests/store/committer_rig.h"

namespace headrace::store {
namespace {

using namespace std::chrono_literals;  // NOLINT: time literals only

class OutcomeListenerTest : public testing::Test, private OutcomeListener {
 protected:
  struct Heard {
    MessageId message;
    Verdict verdict;
    std::uint16_t attempt;
    std::size_t attempts_on_record;
  };

  void SetUp() override {
    rig.listener = this;
    ASSERT_TRUE(rig.start());
  }
  MessageId accept(LinkNumber link, const std::vector<std::uint32_t>& endpoints = {1}) {
    rig.link = link;
    return rig.accept(endpoints).id;
  }
  void end_all(const Ending& ending = {}) {
    rig.end_all(ending);
    rig.turn();
  }

  std::vector<Heard> heard;
  std::vector<Heard> gone;
  std::vector<Failing> failing;
  std::vector<BreakerChange> breakers;
  CommitterRig rig;

 private:
  void on_outcome(const Outcome& outcome) noexcept override {
    const auto on_record = rig.memory.list_attempts(outcome.endpoint, outcome.message);
    heard.push_back({outcome.message, outcome.verdict, outcome.attempt, on_record->size()});
  }
  void on_gone(const Outcome& outcome) noexcept override {
    const auto on_record = rig.memory.list_attempts(outcome.endpoint, outcome.message);
    gone.push_back({outcome.message, outcome.verdict, outcome.attempt, on_record->size()});
  }
  void on_failing(const Failing& one) noexcept override { failing.push_back(one); }
  void on_breaker(const Outcome& outcome) noexcept override { breakers.push_back(outcome.breaker); }
};

TEST_F(OutcomeListenerTest, HearsOfEachAttemptAtASystemMessageOnceItIsOnRecord) {
  const MessageId call = accept(core::kSystemLink);
  end_all(retry_at(rig.now() + 1'000));
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].message, call);
  EXPECT_EQ(heard[0].verdict, Verdict::kRetry);
  EXPECT_EQ(heard[0].attempt, 1u);
  EXPECT_EQ(heard[0].attempts_on_record, 1u);
  rig.pass(1'000ms);
  end_all();
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[1].verdict, Verdict::kDelivered);
  EXPECT_EQ(heard[1].attempt, 2u);
  EXPECT_EQ(heard[1].attempts_on_record, 2u);
}

TEST_F(OutcomeListenerTest, HearsNothingOfOtherMessagesNorOfWhatWasNotAttempted) {
  accept(LinkNumber{1});
  accept(LinkNumber{0xffffffff});
  end_all();
  EXPECT_TRUE(heard.empty());
  accept(core::kSystemLink);
  end_all(returned());
  EXPECT_TRUE(heard.empty());
  end_all({Verdict::kDead, 0, 0, 410});
  EXPECT_EQ(heard.size(), 1u);
}

TEST_F(OutcomeListenerTest, HearsThatAnEndpointIsGoneOnceItIsOnRecord) {
  const MessageId message = accept(LinkNumber{1}, {1, 2});
  rig.end(rig.take(), {Verdict::kDead, 0, 0, 410});
  end_all();
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].message, message);
  EXPECT_EQ(gone[0].attempts_on_record, 1u);
  EXPECT_TRUE(heard.empty());
}

TEST_F(OutcomeListenerTest, AnEndpointIsGoneByADead410OfAnOrdinaryMessageOnly) {
  accept(core::kSystemLink);
  end_all({Verdict::kDead, 0, 0, 410});
  for (const Ending& ending :
       {Ending{Verdict::kDead, 0, 0, 404}, Ending{Verdict::kRetry, rig.now() + 1'000, 0, 410}}) {
    accept(LinkNumber{1});
    end_all(ending);
  }
  EXPECT_TRUE(gone.empty());
}

TEST_F(OutcomeListenerTest, HearsOncePerReceiver) {
  accept(core::kSystemLink, {1, 2, 3});
  end_all();
  EXPECT_EQ(heard.size(), 3u);
}

TEST_F(OutcomeListenerTest, HearsOnceWhenTheStoreWorksAgain) {
  accept(core::kSystemLink);
  rig.store.faults.append = true;
  end_all();
  EXPECT_TRUE(heard.empty()) << "it is not on record yet";
  rig.store.faults.append = false;
  rig.pass(1'000ms);
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].attempts_on_record, 1u);
  rig.pass(5'000ms);
  EXPECT_EQ(heard.size(), 1u);
}

TEST_F(OutcomeListenerTest, HearsSinceWhenAnEndpointDoesNothingButFail) {
  const core::WallMs first = rig.now();
  accept(LinkNumber{1});
  end_all({Verdict::kRetry, rig.now() + 1'000, 0, 500});
  ASSERT_EQ(failing.size(), 1u);
  EXPECT_EQ(failing[0].endpoint, EndpointNumber{1});
  EXPECT_EQ(failing[0].since, first);
  EXPECT_TRUE(failing[0].is_first) << "nothing is known of the time before";
  rig.pass(1'000ms);
  end_all({Verdict::kDead, 0, 0, 404});
  ASSERT_EQ(failing.size(), 2u);
  EXPECT_EQ(failing[1].since, first);
  EXPECT_GT(failing[1].began_at, first);
  EXPECT_EQ(failing[1].failures, 2u);
  EXPECT_FALSE(failing[1].is_first);
  rig.committer->extend_failing(EndpointNumber{1}, first, first - 5'000, 7);
  accept(LinkNumber{1});
  end_all({Verdict::kDead, 0, 0, 404});
  EXPECT_EQ(failing.at(2).since, first - 5'000);
  EXPECT_EQ(failing.at(2).failures, 10u);
}

TEST_F(OutcomeListenerTest, ASuccessOrSomebodyWhoLetsItGoBeginsTheFailuresAnew) {
  const auto fail = [&] {
    accept(LinkNumber{1});
    end_all({Verdict::kDead, 0, 0, 500});
    return failing.back();
  };
  fail();
  rig.pass(1'000ms);
  accept(LinkNumber{1});
  end_all();
  const core::WallMs later = rig.now();
  EXPECT_EQ(fail().since, later);
  EXPECT_EQ(failing.back().failures, 1u);
  EXPECT_FALSE(failing.back().is_first);
  rig.committer->extend_failing(EndpointNumber{1}, later - 1, 1, 100);
  EXPECT_EQ(fail().failures, 2u) << "what was looked up is over";
  rig.pass(1'000ms);
  rig.committer->release(EndpointNumber{1});
  EXPECT_EQ(fail().since, rig.now());
}

TEST_F(OutcomeListenerTest, WhatIsNotTheEndpointsFaultIsNoFailure) {
  accept(LinkNumber{1});
  end_all(returned());
  end_all();
  accept(core::kSystemLink);
  end_all({Verdict::kDead, 0, 0, 500});
  EXPECT_TRUE(failing.empty());
}

}  // namespace
}  // namespace headrace::store
