// SPDX-License-Identifier: Apache-2.0
#include "dispatch/token_bucket.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <vector>

namespace headrace::dispatch {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'000 * kSecond;

TokenBucket bucket_of(RateLimit limit) {
  TokenBucket bucket;
  bucket.set_limit(limit, kStart);
  return bucket;
}

TEST(TokenBucketTest, GivesItsBurstAtOnceThenOneAtATime) {
  TokenBucket bucket = bucket_of({10, 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.try_take(kStart));
  EXPECT_FALSE(bucket.try_take(kStart));
  EXPECT_EQ(bucket.ready_at(), kStart + kSecond / 10);
  EXPECT_FALSE(bucket.try_take(kStart + kSecond / 10 - 1));
  EXPECT_TRUE(bucket.try_take(kStart + kSecond / 10));
  EXPECT_FALSE(bucket.try_take(kStart + kSecond / 10));
}

TEST(TokenBucketTest, ALongRestFillsItToItsBurstAndNoFurther) {
  TokenBucket bucket = bucket_of({10, 3});
  for (int i = 0; i < 3; ++i) bucket.try_take(kStart);
  EXPECT_FALSE(bucket.full(kStart + kSecond / 5));
  EXPECT_TRUE(bucket.full(kStart + 3 * kSecond / 10));
  const std::uint64_t later = kStart + 3'600 * kSecond;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.try_take(later));
  EXPECT_FALSE(bucket.try_take(later));
}

TEST(TokenBucketTest, ARateThatNoClockDividesIsExactAfterADay) {
  TokenBucket bucket = bucket_of({7, 1});
  std::uint64_t last = kStart;
  for (std::uint64_t i = 0; i < 86'400 * 7; ++i) {
    last = bucket.ready_at();
    ASSERT_TRUE(bucket.try_take(last));
  }
  // A burst of one makes each token full again: it is rounded up to a nanosecond each time.
  const std::uint64_t exact = kStart + (86'400 * 7 - 1) * kSecond / 7;
  EXPECT_GE(last, exact);
  EXPECT_LE(last, exact + 86'400 * 7);
}

TEST(TokenBucketTest, ATokenInTheFutureOfAChangedLimitIsWaitedForByTheNewRate) {
  TokenBucket bucket = bucket_of({1, 5});
  for (int i = 0; i < 4; ++i) bucket.try_take(kStart);
  bucket.set_limit({100, 2}, kStart);
  EXPECT_TRUE(bucket.try_take(kStart)) << "the one that was left";
  EXPECT_FALSE(bucket.try_take(kStart));
  EXPECT_EQ(bucket.ready_at(), kStart + kSecond / 100);
  bucket.set_limit({0.5, 10}, kStart);
  EXPECT_EQ(bucket.ready_at(), kStart + 2 * kSecond) << "a larger burst is not a gift";
}

TEST(TokenBucketTest, LimitsOutsideTheBoundsAreNotValid) {
  EXPECT_TRUE((RateLimit{1.0 / 86'400, 1}.valid()));
  EXPECT_FALSE((RateLimit{0, 1}.valid()));
  EXPECT_FALSE((RateLimit{-1, 1}.valid()));
  EXPECT_FALSE((RateLimit{std::numeric_limits<double>::quiet_NaN(), 1}.valid()));
  EXPECT_FALSE((RateLimit{std::numeric_limits<double>::infinity(), 1}.valid()));
  EXPECT_FALSE((RateLimit{1, 0}.valid()));
}

RateLimit any_limit() {
  return {static_cast<double>(*rc::gen::inRange(1, 1'000'000)) / 1000.0,
          *rc::gen::inRange<std::uint32_t>(1, 20)};
}

RC_GTEST_PROP(TokenBucketTest, NoWindowSeesMoreThanTheBurstAndTheRate,
              (const std::vector<std::uint16_t>& steps)) {
  const RateLimit limit = any_limit();
  TokenBucket bucket = bucket_of(limit);
  std::vector<std::uint64_t> taken;
  std::uint64_t now = kStart;
  for (const std::uint16_t step : steps) {
    // Now and then a wait, or exactly the next token's time.
    now = step % 3 == 0 ? std::max(now, bucket.ready_at())
                        : now + (step % 3 == 1 ? std::uint64_t{step} * 10'000 : 0);
    if (bucket.try_take(now)) taken.push_back(now);
  }
  for (std::size_t i = 0; i < taken.size(); ++i) {
    for (std::size_t j = i; j < taken.size(); ++j) {
      const double seconds = static_cast<double>(taken[j] - taken[i]) / 1e9;
      RC_ASSERT(static_cast<double>(j - i + 1) <= limit.burst + limit.per_second * seconds + 1e-6);
    }
  }
}

RC_GTEST_PROP(TokenBucketTest, WhoTakesEachAsItComesGetsTheWholeRate, ()) {
  RateLimit limit = any_limit();
  limit.burst += 1;
  TokenBucket bucket = bucket_of(limit);
  const auto count = *rc::gen::inRange<std::uint64_t>(1, 5'000);
  std::uint64_t last = kStart;
  for (std::uint64_t i = 0; i < limit.burst + count; ++i) {
    last = std::max(last, bucket.ready_at());
    RC_ASSERT(bucket.try_take(last));
  }
  const double ideal_ns = static_cast<double>(count) / limit.per_second * 1e9;
  RC_ASSERT(static_cast<double>(last - kStart) <= ideal_ns + 2);
}

RC_GTEST_PROP(TokenBucketTest, TheTokenIsThereWhenItIsSaidToBe, (std::uint64_t far)) {
  TokenBucket bucket = bucket_of(any_limit());
  std::uint64_t now = kStart + far % (365 * 86'400 * kSecond);
  for (int i = 0; i < 50; ++i) {
    if (bucket.ready_at() > now) {
      RC_ASSERT(!bucket.try_take(bucket.ready_at() - 1));
      now = bucket.ready_at();
    }
    RC_ASSERT(bucket.try_take(now));
  }
}

}  // namespace headrace::dispatch
