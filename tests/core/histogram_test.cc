// SPDX-License-Identifier: Apache-2.0
#include "core/histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <vector>

namespace headrace::core {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

static_assert(std::forward_iterator<Histogram::Iterator>);

// As values come: of every magnitude, not only near the highest one.
std::vector<std::uint64_t> any_values(std::uint64_t highest) {
  const auto value = rc::gen::map(
      rc::gen::tuple(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange<unsigned>(0, 64)),
      [highest](std::tuple<std::uint64_t, unsigned> drawn) {
        return (std::get<0>(drawn) >> std::get<1>(drawn)) % (highest + 1);
      });
  return *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint64_t>>(value));
}

Histogram any_layout() {
  const auto lowest = *rc::gen::inRange<std::uint64_t>(1, 5000);
  const auto highest = *rc::gen::inRange<std::uint64_t>(2 * lowest, 100 * kSecond);
  return {lowest, highest, *rc::gen::inRange(0, 5)};
}

// How far the answer to a value may be from it.
std::uint64_t width_promised(const Histogram& histogram, std::uint64_t value) {
  const double relative =
      static_cast<double>(value) / std::pow(10.0, histogram.significant_digits());
  return std::max(std::bit_floor(histogram.lowest()), static_cast<std::uint64_t>(relative));
}

TEST(HistogramTest, AnEmptyOneAnswersZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.value_at(0), 0u);
  EXPECT_EQ(histogram.value_at(99.9), 0u);
  EXPECT_EQ(histogram.mean(), 0.0);
  EXPECT_EQ(histogram.stddev(), 0.0);
  EXPECT_TRUE(histogram.begin() == histogram.end());
}

TEST(HistogramTest, PercentilesAreTheValuesThatManyAreBelow) {
  Histogram histogram(1, kSecond, 3);
  for (std::uint64_t value = 1; value <= 1000; ++value) histogram.record(value);
  EXPECT_EQ(histogram.value_at(0), 1u);
  EXPECT_EQ(histogram.value_at(0.01), 1u);
  EXPECT_EQ(histogram.value_at(50), 500u);
  EXPECT_EQ(histogram.value_at(99), 990u);
  EXPECT_EQ(histogram.value_at(99.9), 999u);
  EXPECT_EQ(histogram.value_at(99.91), 1000u);
  EXPECT_EQ(histogram.value_at(100), 1000u);
  EXPECT_EQ(histogram.value_at(1000), 1000u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 500.5);
  EXPECT_NEAR(histogram.stddev(), 288.675, 0.001);
}

TEST(HistogramTest, ValuesAboveTheHighestCountAsItAndAreTold) {
  Histogram histogram(1, 1000, 2);
  histogram.record(1000);
  histogram.record(1001, 3);
  histogram.record(~std::uint64_t{0});
  EXPECT_EQ(histogram.count(), 5u);
  EXPECT_EQ(histogram.overflows(), 4u);
  EXPECT_EQ(histogram.max(), 1000u);
  EXPECT_EQ(histogram.lowest_equivalent(1000), (*histogram.begin()).lowest);
}

TEST(HistogramTest, AValueRecordedNoTimesIsNotThere) {
  Histogram histogram;
  histogram.record(5 * kSecond, 0);
  EXPECT_EQ(histogram, Histogram());
}

TEST(HistogramTest, CorrectionAddsWhatWasNotAskedMeanwhile) {
  Histogram histogram(1, kSecond, 5);
  histogram.record_corrected(1050, 100);
  std::vector<std::uint64_t> lowest;
  for (const Histogram::Bucket bucket : histogram) lowest.push_back(bucket.lowest);
  EXPECT_EQ(lowest,
            (std::vector<std::uint64_t>{150, 250, 350, 450, 550, 650, 750, 850, 950, 1050}));
}

TEST(HistogramTest, TheTextIsThatOfTheOriginal) {
  Histogram histogram(1, 1'000'000, 2);
  for (const std::uint64_t value : {1000u, 2000u, 2000u, 3000u}) histogram.record(value * 10);
  std::string text;
  histogram.write_percentiles(text, {.ticks_per_half_distance = 1, .unit = 10});
  // "00" behind the point are its two digits; each value is the highest of its bucket.
  EXPECT_EQ(text,
            "       Value     Percentile TotalCount 1/(1-Percentile)\n"
            "\n"
            "     1004.70 0.000000000000          1           1.00\n"
            "     2009.50 0.500000000000          3           2.00\n"
            "     2009.50 0.750000000000          3           4.00\n"
            "     3007.90 0.875000000000          4           8.00\n"
            "     3007.90 1.000000000000          4\n"
            "#[Mean    =      2002.40, StdDeviation   =       707.11]\n"
            "#[Max     =      3000.00, Total count    =            4]\n"
            "#[Buckets =           13, SubBuckets     =          256]\n");
}

TEST(HistogramTest, BytesOfAnotherVersionAreSaidToBe) {
  std::string bytes;
  Histogram().serialize(bytes);
  bytes[4] = 2;
  auto parsed = Histogram::parse(bytes);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::kUnsupported);
}

TEST(HistogramTest, AnEmptyOneIsAFewBytes) {
  std::string bytes;
  Histogram().serialize(bytes);
  EXPECT_LE(bytes.size(), 20u);
}

RC_GTEST_PROP(HistogramPropertyTest, PercentilesAreWithinThePromisedError, ()) {
  Histogram histogram = any_layout();
  std::vector<std::uint64_t> values = any_values(histogram.highest());
  for (const std::uint64_t value : values) histogram.record(value);
  std::sort(values.begin(), values.end());
  const double percentile = *rc::gen::inRange(1, 100'001) / 1000.0;
  const double rank = std::ceil(percentile / 100 * static_cast<double>(values.size()) - 1e-9);
  const std::uint64_t exact = values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
  const std::uint64_t answer = histogram.value_at(percentile);
  RC_ASSERT(answer >= exact);
  RC_ASSERT(answer - exact <= width_promised(histogram, exact));
  RC_ASSERT(histogram.min() == values.front());
  RC_ASSERT(histogram.max() == values.back());
  RC_ASSERT(histogram.count() == values.size());
}

RC_GTEST_PROP(HistogramPropertyTest, BucketsHoldTheirValuesAndMeetWithoutAGap, ()) {
  Histogram histogram = any_layout();
  for (const std::uint64_t value : any_values(histogram.highest())) {
    histogram.reset();
    histogram.record(value);
    const Histogram::Bucket bucket = *histogram.begin();
    RC_ASSERT(bucket.lowest <= value && value <= bucket.highest && bucket.count == 1U);
    RC_ASSERT(bucket.middle() >= bucket.lowest && bucket.middle() <= bucket.highest + 1);
    if (bucket.highest < histogram.highest()) {
      RC_ASSERT(histogram.lowest_equivalent(bucket.highest + 1) == bucket.highest + 1);
    }
  }
}

RC_GTEST_PROP(HistogramPropertyTest, AddingIsRecordingAll, ()) {
  Histogram left = any_layout();
  Histogram right(left.lowest(), left.highest(), left.significant_digits());
  Histogram all = left;
  const std::uint64_t above = left.highest() + left.highest() / 4;
  for (const std::uint64_t value : any_values(above)) left.record(value), all.record(value);
  for (const std::uint64_t value : any_values(above)) right.record(value, 2), all.record(value, 2);
  left.add(right);
  RC_ASSERT(left == all);
}

RC_GTEST_PROP(HistogramPropertyTest, AddingOneOfAnotherLayoutKeepsCountsAndPercentiles, ()) {
  Histogram sum(1, 100 * kSecond, 3);
  Histogram other = any_layout();
  std::vector<std::uint64_t> values = any_values(other.highest());
  for (const std::uint64_t value : values) other.record(value);
  sum.add(other);
  std::sort(values.begin(), values.end());
  const std::uint64_t median = values[(values.size() - 1) / 2];
  const std::uint64_t answer = sum.value_at(50);
  const std::uint64_t width = width_promised(other, median) + width_promised(sum, median) + 1;
  RC_ASSERT(sum.count() == values.size());
  RC_ASSERT((answer > median ? answer - median : median - answer) <= width);
}

RC_GTEST_PROP(HistogramPropertyTest, CorrectionIsRecordingEachMissedOne, ()) {
  Histogram corrected = any_layout();
  Histogram model = corrected;
  const std::uint64_t value =
      *rc::gen::inRange<std::uint64_t>(0, corrected.highest() + corrected.highest() / 4);
  // So that it takes no more than some thousand steps.
  const std::uint64_t interval = *rc::gen::inRange<std::uint64_t>(value / 5000 + 1, value + 3);
  const std::uint64_t count = *rc::gen::inRange<std::uint64_t>(1, 4);
  corrected.record_corrected(value, interval, count);
  model.record(value, count);
  for (std::uint64_t left = value; left >= 2 * interval;) model.record(left -= interval, count);
  RC_ASSERT(corrected == model);
}

RC_GTEST_PROP(HistogramPropertyTest, BytesComeBackAsTheyWent, ()) {
  Histogram histogram = any_layout();
  if (*rc::gen::arbitrary<bool>()) {
    for (const std::uint64_t value : any_values(histogram.highest() + 1000))
      histogram.record(value, value % 300 + 1);
  }
  std::string bytes;
  histogram.serialize(bytes);
  auto parsed = Histogram::parse(bytes);
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(*parsed == histogram);
}

RC_GTEST_PROP(HistogramPropertyTest, NoBytesBreakTheParser, ()) {
  Histogram histogram(1, 100'000, 1);
  for (const std::uint64_t value : any_values(100'000)) histogram.record(value);
  std::string bytes;
  histogram.serialize(bytes);
  const auto at = *rc::gen::inRange<std::size_t>(4, bytes.size());
  if (*rc::gen::arbitrary<bool>()) bytes.resize(at);
  if (at < bytes.size()) bytes[at] = *rc::gen::arbitrary<char>();
  // Changed, yet not so large that the test's memory is what ends it.
  RC_PRE(bytes.size() <= 5 || static_cast<unsigned char>(bytes[5]) <= 3);
  if (auto parsed = Histogram::parse(bytes)) {
    std::string again;
    parsed->serialize(again);
    auto twice = Histogram::parse(again);
    RC_ASSERT(twice.has_value());
    RC_ASSERT(*twice == *parsed);
  }
}

}  // namespace
}  // namespace headrace::core
