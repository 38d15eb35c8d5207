// SPDX-License-Identifier: Apache-2.0
// Due times by what each shape promises, and the search for the knee against servers whose knee is
// known.
#include "tools/bench/arrivals.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

namespace headrace::bench_tools {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::vector<std::uint64_t> all(const ArrivalOptions& options) {
  Arrivals arrivals(options);
  std::vector<std::uint64_t> times;
  while (const auto due = arrivals.next()) times.push_back(*due);
  return times;
}

TEST(ArrivalsTest, ConstantIsAtEqualDistancesWithoutDrift) {
  const auto times =
      all({.shape = Shape::kConstant, .per_second = 30'000, .duration_ns = 60 * kSecond});
  ASSERT_EQ(times.size(), 1'800'000u);
  EXPECT_EQ(times[0], 0u);
  EXPECT_EQ(times[1], 33'333u);
  EXPECT_EQ(times[900'000], 30 * kSecond);
}

TEST(ArrivalsTest, RampBringsWhatIsBetweenItsRates) {
  const auto times = all({.shape = Shape::kRamp,
                          .per_second = 100,
                          .per_second_end = 300,
                          .duration_ns = 10 * kSecond});
  ASSERT_EQ(times.size(), 2000u);
  EXPECT_EQ(times[0], 0u);
  // Half of the time brings 100 * 5 + 200 * 25 / 20 of them.
  EXPECT_NEAR(static_cast<double>(times[750]), 5e9, 1e3);
  EXPECT_NEAR(static_cast<double>(times[1999] - times[1998]), 1e9 / 300, 1e4);
}

TEST(ArrivalsTest, RampMayBeginOrEndAtNothing) {
  const auto grows = all(
      {.shape = Shape::kRamp, .per_second = 0, .per_second_end = 200, .duration_ns = 10 * kSecond});
  const auto falls = all(
      {.shape = Shape::kRamp, .per_second = 200, .per_second_end = 0, .duration_ns = 10 * kSecond});
  EXPECT_NEAR(static_cast<double>(grows.size()), 1000, 1);
  EXPECT_NEAR(static_cast<double>(falls.size()), 1000, 1);
  EXPECT_EQ(grows[250], 5 * kSecond);
  EXPECT_LT(falls[500], 3 * kSecond);
}

TEST(ArrivalsTest, PoissonHasItsRateAndSpread) {
  const auto times =
      all({.shape = Shape::kPoisson, .per_second = 10'000, .duration_ns = 20 * kSecond, .seed = 7});
  // The standard deviation of the count is its root: 447 of 200,000.
  EXPECT_NEAR(static_cast<double>(times.size()), 200'000, 5 * 447);
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double gap = static_cast<double>(times[i] - times[i - 1]);
    sum += gap;
    squares += gap * gap;
  }
  const double count = static_cast<double>(times.size() - 1);
  const double mean = sum / count;
  // Of exponential gaps, the deviation equals the mean.
  EXPECT_NEAR(std::sqrt(squares / count - mean * mean) / mean, 1, 0.02);
}

TEST(ArrivalsTest, PoissonDependsOnItsSeedAlone) {
  ArrivalOptions options{.shape = Shape::kPoisson, .per_second = 1000, .duration_ns = kSecond};
  const auto times = all(options);
  EXPECT_EQ(all(options), times);
  options.seed = 2;
  EXPECT_NE(all(options), times);
}

TEST(ArrivalsTest, BurstsComeAtOnce) {
  const auto times =
      all({.shape = Shape::kBursts, .per_second = 1000, .duration_ns = kSecond, .burst = 250});
  ASSERT_EQ(times.size(), 1000u);
  EXPECT_EQ(times[249], 0u);
  EXPECT_EQ(times[250], kSecond / 4);
  EXPECT_EQ(times[999], kSecond * 3 / 4);
}

RC_GTEST_PROP(ArrivalsTest, EveryShapeKeepsOrderRateAndEnd, ()) {
  ArrivalOptions options;
  options.shape =
      *rc::gen::element(Shape::kConstant, Shape::kRamp, Shape::kPoisson, Shape::kBursts);
  options.per_second = *rc::gen::inRange(1, 20'000);
  options.per_second_end = *rc::gen::inRange(1, 20'000);
  options.duration_ns = *rc::gen::inRange<std::uint64_t>(1, kSecond);
  options.burst = *rc::gen::inRange<std::uint64_t>(1, 1000);
  options.seed = *rc::gen::arbitrary<std::uint64_t>();
  RC_ASSERT(options.check().has_value());
  const auto times = all(options);
  std::uint64_t last = 0;
  for (const std::uint64_t time : times) {
    RC_ASSERT(time >= last);
    RC_ASSERT(time < options.duration_ns);
    last = time;
  }
  const double seconds = static_cast<double>(options.duration_ns) / 1e9;
  const double rate = options.shape == Shape::kRamp
                          ? (options.per_second + options.per_second_end) / 2
                          : options.per_second;
  const double expected = rate * seconds;
  const double room = options.shape == Shape::kBursts    ? static_cast<double>(options.burst) + 1
                      : options.shape == Shape::kPoisson ? 6 * std::sqrt(expected) + 10
                                                         : 2;
  RC_ASSERT(std::abs(static_cast<double>(times.size()) - expected) <= room);
}

TEST(ArrivalsTest, WhatMakesNoSenseIsRefused) {
  EXPECT_FALSE(ArrivalOptions{.per_second = 0}.check());
  EXPECT_FALSE(ArrivalOptions{.per_second = -1}.check());
  EXPECT_FALSE(ArrivalOptions{.per_second = std::nan("")}.check());
  EXPECT_FALSE(ArrivalOptions{.per_second = 1e9}.check());
  EXPECT_FALSE(ArrivalOptions{.duration_ns = 0}.check());
  EXPECT_FALSE((ArrivalOptions{.shape = Shape::kBursts, .burst = 0}.check()));
  EXPECT_FALSE(
      (ArrivalOptions{.shape = Shape::kRamp, .per_second = 0, .per_second_end = 0}.check()));
}

// What the search finds for a server that carries up to `knee`, and in how many steps.
std::pair<double, int> search(KneeSearch::Options options, double knee) {
  KneeSearch search(options);
  int steps = 0;
  while (const auto rate = search.next()) {
    search.tell(*rate <= knee);
    ++steps;
  }
  return {search.knee(), steps};
}

RC_GTEST_PROP(KneeSearchTest, FindsTheKneeWithinItsPrecisionInFewSteps, ()) {
  const double knee = *rc::gen::inRange(10, 200'000);
  const double first = *rc::gen::inRange(1, 200'000);
  const auto [found, steps] = search({.per_second = first}, knee);
  RC_ASSERT(found <= knee);
  RC_ASSERT(found >= knee / 1.04);
  RC_ASSERT(steps < 60);
}

TEST(KneeSearchTest, EndsWhereNothingIsCarried) {
  const auto [found, steps] = search({.per_second = 1000}, 0);
  EXPECT_EQ(found, 0);
  EXPECT_LT(steps, 20);
}

TEST(KneeSearchTest, EndsAtTheHighestRateThatMayBeTried) {
  EXPECT_EQ(search({.per_second = 1000, .per_second_max = 5000}, 1e9).first, 5000);
}

}  // namespace
}  // namespace headrace::bench_tools
