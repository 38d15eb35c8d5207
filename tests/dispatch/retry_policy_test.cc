// SPDX-License-Identifier: Apache-2.0
#include "dispatch/retry_policy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

namespace headrace::dispatch {

using store::AttemptError;
using store::Verdict;
using namespace std::chrono_literals;
using Delay = RetryPolicy::Delay;

TEST(RetryPolicyTest, DefaultScheduleHasTheNineDelaysThenEnds) {
  const RetryPolicy policy;
  const std::vector<Delay> expected = {5s, 30s, 2min, 10min, 30min, 2h, 5h, 10h, 10h};
  EXPECT_EQ(std::vector<Delay>(policy.delays().begin(), policy.delays().end()), expected);
  EXPECT_TRUE(policy.delay_before_retry(9, 0));
  EXPECT_FALSE(policy.delay_before_retry(10, 0));
}

TEST(RetryPolicyTest, ExponentialGrowsToItsCap) {
  const auto policy = RetryPolicy::of_exponential({1s, 3.0, 20s, 5});
  ASSERT_TRUE(policy);
  const std::vector<Delay> expected = {1s, 3s, 9s, 20s, 20s};
  EXPECT_EQ(std::vector<Delay>(policy->delays().begin(), policy->delays().end()), expected);
}

TEST(RetryPolicyTest, ShapesOutsideTheLimitsAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(RetryPolicy::of_exponential({1s, 0.5, 1h, 3}));
  EXPECT_FALSE(RetryPolicy::of_exponential({1s, nan, 1h, 3}));
  EXPECT_FALSE(RetryPolicy::of_exponential({-1s, 2.0, 1h, 3}));
  EXPECT_FALSE(RetryPolicy::of_exponential({1s, 2.0, 8 * 24h, 3}));
  EXPECT_FALSE(RetryPolicy::of_exponential({1s, 2.0, 1h, 101}));
  EXPECT_FALSE(RetryPolicy::of_list(std::vector<Delay>{-1ms}));
  EXPECT_FALSE(RetryPolicy::of_list(std::vector<Delay>(101, 1s)));
}

TEST(RetryPolicyTest, AnEmptyListIsOneAttemptOnly) {
  const auto policy = RetryPolicy::of_list({});
  ASSERT_TRUE(policy);
  EXPECT_EQ(judge({AttemptError::kTimeout, 0, -1}, {*policy}, 1, 0).verdict, Verdict::kDead);
}

RC_GTEST_PROP(RetryPolicyTest, DelayStaysWithinTwentyPercentForAnyJitter, (std::uint64_t jitter)) {
  const RetryPolicy policy;
  const auto attempts = *rc::gen::inRange<std::uint32_t>(1, 10);
  const double base = static_cast<double>(policy.delays()[attempts - 1].count());
  const double delay = static_cast<double>(policy.delay_before_retry(attempts, jitter)->count());
  RC_ASSERT(delay >= base * 0.8);
  RC_ASSERT(delay <= base * 1.2);
}

TEST(RetryPolicyTest, JitterReachesBothEnds) {
  const auto policy = RetryPolicy::of_list(std::vector<Delay>{1000ms});
  EXPECT_EQ(policy->delay_before_retry(1, 0), 800ms);
  EXPECT_EQ(policy->delay_before_retry(1, 400), 1200ms);
}

RC_GTEST_PROP(RetryPolicyTest, DelayStaysWithinItsJitterForAnyPercentAndBothShapes,
              (std::uint64_t jitter)) {
  const auto percent = *rc::gen::inRange<unsigned>(0, 101);
  const auto base = *rc::gen::inRange<Delay::rep>(0, RetryPolicy::kDelayMax.count() + 1);
  const auto list = RetryPolicy::of_list(std::vector<Delay>{Delay{base}}, percent);
  const auto shape = RetryPolicy::of_exponential({Delay{base}, 1.0, Delay{base}, 1, percent});
  RC_ASSERT(list && shape);
  const Delay::rep delay = list->delay_before_retry(1, jitter)->count();
  RC_ASSERT(delay * 100 >= base * (100 - percent));
  RC_ASSERT(delay * 100 <= base * (100 + percent));
  RC_ASSERT(shape->delay_before_retry(1, jitter)->count() == delay);
}

TEST(RetryPolicyTest, NoJitterIsTheDelayItself) {
  const auto policy = RetryPolicy::of_list(std::vector<Delay>{1000ms}, 0);
  EXPECT_EQ(policy->delay_before_retry(1, 123'456'789), 1000ms);
}

TEST(RetryPolicyTest, AJitterAboveAHundredPercentIsRefused) {
  EXPECT_TRUE(RetryPolicy::of_list({}, 100));
  EXPECT_FALSE(RetryPolicy::of_list({}, 101));
  EXPECT_FALSE(RetryPolicy::of_exponential({1s, 2.0, 1h, 3, 101}));
}

using Names = std::vector<std::string>;

TEST(RetryRulesTest, ByDefaultOnlyGoneIsFinal) {
  for (std::uint16_t status = 0; status < 1000; ++status) {
    EXPECT_EQ(RetryRules{}.is_final(status), status == 410);
  }
}

TEST(RetryRulesTest, AStatusOutranksItsClassInBothDirections) {
  const auto rules = RetryRules::of(Names{"429", "5xx"}, Names{"4xx", "501"});
  ASSERT_TRUE(rules);
  for (std::uint16_t status = 300; status < 1000; ++status) {
    const bool expected = (status / 100 == 4 && status != 429) || status == 501;
    EXPECT_EQ(rules->is_final(status), expected) << status;
  }
}

TEST(RetryRulesTest, GoneIsTriedAgainOnlyWhereItIsNamed) {
  EXPECT_FALSE(RetryRules::of(Names{"410"}, Names{})->is_final(410));
  EXPECT_FALSE(RetryRules::of(Names{"4xx"}, Names{})->is_final(410));
}

TEST(RetryRulesTest, WhatIsNoStatusIsRefusedWithItsPlace) {
  for (const char* bad :
       {"200", "2xx", "600", "6xx", "4x", "4XX", "40", "4040", "", "-44", "4 4"}) {
    const auto rules = RetryRules::of(Names{"404", bad}, Names{});
    ASSERT_FALSE(rules) << bad;
    EXPECT_EQ(rules.error().detail, 1);
    EXPECT_FALSE(RetryRules::of(Names{}, Names{bad})) << bad;
  }
  EXPECT_FALSE(RetryRules::of(Names{"404"}, Names{"5xx", "404"}));
}

RC_GTEST_PROP(RetryRulesTest, NamedStatusesAreAsTheyAreNamedAndOthersAsBefore, ()) {
  const auto status = rc::gen::inRange<std::uint16_t>(300, 600);
  const auto retried = *rc::gen::container<std::set<std::uint16_t>>(status);
  auto final = *rc::gen::container<std::set<std::uint16_t>>(status);
  for (const std::uint16_t one : retried) final.erase(one);
  const auto names = [](const std::set<std::uint16_t>& statuses) {
    Names texts;
    for (const std::uint16_t one : statuses) texts.push_back(std::to_string(one));
    return texts;
  };
  const auto rules = RetryRules::of(names(retried), names(final));
  RC_ASSERT(rules.has_value());
  const RetryPolicy policy;
  for (std::uint16_t one = 300; one < 600; ++one) {
    const bool is_final = final.contains(one) || (one == 410 && !retried.contains(one));
    const auto verdict = judge({AttemptError::kNone, one, -1}, {policy, *rules}, 1, 0).verdict;
    RC_ASSERT(verdict == (is_final ? Verdict::kDead : Verdict::kRetry));
  }
}

TEST(JudgeTest, EveryStatusOfTheTwoHundredsIsDelivered) {
  for (std::uint16_t status = 200; status < 300; ++status) {
    EXPECT_EQ(judge({AttemptError::kNone, status, -1}, {RetryPolicy{}}, 1, 0).verdict,
              Verdict::kDelivered);
  }
}

TEST(JudgeTest, GoneIsDeadAtOnce) {
  EXPECT_EQ(judge({AttemptError::kNone, 410, -1}, {RetryPolicy{}}, 1, 0).verdict, Verdict::kDead);
  EXPECT_EQ(judge({AttemptError::kEndpointGone, 0, -1}, {RetryPolicy{}}, 1, 0).verdict,
            Verdict::kDead);
  EXPECT_EQ(judge({AttemptError::kInvalidUrl, 0, -1}, {RetryPolicy{}}, 1, 0).verdict,
            Verdict::kDead);
  EXPECT_EQ(judge({AttemptError::kTooLarge, 0, -1}, {RetryPolicy{}}, 1, 0).verdict, Verdict::kDead);
}

TEST(JudgeTest, AnErrorBehindASuccessStatusIsRetried) {
  EXPECT_EQ(judge({AttemptError::kClosed, 200, -1}, {RetryPolicy{}}, 1, 0).verdict,
            Verdict::kRetry);
}

TEST(JudgeTest, AMissingSecretIsWaitedForLikeAnyFailure) {
  EXPECT_EQ(judge({AttemptError::kSecret, 0, -1}, {RetryPolicy{}}, 1, 0).verdict, Verdict::kRetry);
  EXPECT_EQ(judge({AttemptError::kSecret, 0, -1}, {RetryPolicy{}}, 10, 0).verdict, Verdict::kDead);
  EXPECT_FALSE(is_unreachable(AttemptError::kSecret));
}

TEST(JudgeTest, RetryAfterNeverShortensTheScheduleAndIsCapped) {
  const RetryPolicy policy;
  EXPECT_EQ(judge({AttemptError::kNone, 429, 1}, {policy}, 1, 0).delay, 4s);
  EXPECT_EQ(judge({AttemptError::kNone, 429, 60}, {policy}, 1, 0).delay, 60s);
  const std::int64_t forever = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(judge({AttemptError::kNone, 503, forever}, {policy}, 1, 0).delay, 24h);
}

TEST(JudgeTest, RetryAfterIsCutToWhatTheEndpointBelieves) {
  const RetryPolicy policy;
  const RetryTerms terms{policy, RetryRules::usual(), 1min};
  EXPECT_EQ(judge({AttemptError::kNone, 503, 3600}, terms, 1, 0).delay, 60s);
  EXPECT_EQ(judge({AttemptError::kNone, 503, 30}, terms, 1, 0).delay, 30s);
  const RetryTerms deaf{policy, RetryRules::usual(), 0s};
  EXPECT_EQ(judge({AttemptError::kNone, 503, 3600}, deaf, 1, 0).delay, 4s);
}

TEST(JudgeTest, TheRulesSayNothingAboutAnswersThatAreNotWhole) {
  const auto rules = RetryRules::of(Names{}, Names{"5xx"});
  const RetryPolicy policy;
  const RetryTerms terms{policy, *rules};
  EXPECT_EQ(judge({AttemptError::kClosed, 500, -1}, terms, 1, 0).verdict, Verdict::kRetry);
  EXPECT_EQ(judge({AttemptError::kNone, 500, -1}, terms, 1, 0).verdict, Verdict::kDead);
}

TEST(JudgeTest, RetryAfterCountsOnlyWithTheStatusesThatGiveItMeaning) {
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{429, 502, 503, 504}) {
    EXPECT_EQ(judge({AttemptError::kNone, status, 60}, {RetryPolicy{}}, 1, 0).delay, 60s);
  }
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{301, 400, 404, 500, 501}) {
    EXPECT_EQ(judge({AttemptError::kNone, status, 60}, {RetryPolicy{}}, 1, 0).delay, 4s);
  }
}

RC_GTEST_PROP(JudgeTest, AnyFailureIsRetriedWhileThePolicyAllowsAndDeadThen,
              (std::uint64_t jitter, std::int64_t retry_after)) {
  const auto error =
      static_cast<AttemptError>(*rc::gen::inRange(0, 9));  // those that a retry may mend
  auto status = *rc::gen::inRange<std::uint16_t>(300, 600);
  if (status == 410) status = 500;
  const auto attempts = *rc::gen::inRange<std::uint32_t>(1, 30);
  const Judgement judgement =
      judge({error, status, retry_after}, {RetryPolicy{}}, attempts, jitter);
  RC_ASSERT(judgement.verdict == (attempts <= 9 ? Verdict::kRetry : Verdict::kDead));
  RC_ASSERT(judgement.delay <= RetryPolicy::kDelayMax);
  RC_ASSERT((judgement.verdict == Verdict::kRetry) == (judgement.delay > 0ms));
}

}  // namespace headrace::dispatch
