// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/compare.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tools/bench/expect.h"

namespace headrace::bench_tools {
namespace {

Json run(double cpu_us, std::string_view more = "", std::string_view scenario = "dispatch",
         bool valid = true) {
  return *tools::parse_json(fmt::format(
      R"({{"schema":1,"kind":"run","scenario":"{}","valid":{},"configuration":{{"shards":2}},)"
      R"("measured":{{"cpu_us_per_event":{}{}}}}})",
      scenario, valid, cpu_us, more));
}

Side side(const std::vector<double>& values) {
  Side side{"file", {}};
  for (const double value : values) side.runs.push_back(run(value));
  return side;
}

Json figure(const Side& a, const Side& b, std::string_view name = "cpu_us_per_event") {
  const auto comparison = compare(a, b);
  EXPECT_TRUE(comparison) << comparison.error().what;
  const Json* found = comparison->find("figures")->find(name);
  return found == nullptr ? Json() : *found;
}

std::string verdict(const std::vector<double>& a, const std::vector<double>& b) {
  return std::string(figure(side(a), side(b)).text_at("verdict"));
}

TEST(CompareTest, RangesThatOverlapAreNoise) {
  EXPECT_EQ(verdict({20, 22, 21}, {21.5, 24, 23}), "same within noise");
  EXPECT_EQ(verdict({20, 22}, {22, 24}), "same within noise");
  EXPECT_EQ(verdict({20, 22}, {22.1, 24}), "slower");
  EXPECT_EQ(verdict({22.1, 24}, {20, 22}), "faster");
}

TEST(CompareTest, OfASingleRunTheNoiseIsUnknown) {
  EXPECT_EQ(verdict({20}, {30, 31}), "one run");
  EXPECT_EQ(verdict({20, 21}, {30}), "one run");
  EXPECT_EQ(verdict({20}, {20}), "same within noise");
}

TEST(CompareTest, MedianRangeAndRatioAreThere) {
  const Json found = figure(side({10, 30, 20}), side({40, 50}));
  EXPECT_EQ(*number_of(found.find("a")->find("median")), 20);
  EXPECT_EQ(*number_of(found.find("a")->find("min")), 10);
  EXPECT_EQ(*number_of(found.find("a")->find("max")), 30);
  EXPECT_EQ(*number_of(found.find("b")->find("median")), 45);
  EXPECT_EQ(*number_of(found.find("ratio")), 2.25);
}

TEST(CompareTest, ARateIsFasterWhenItIsHigherAndASizeIsMore) {
  const auto with = [](std::string_view members) {
    return Side{"f", {run(1, members), run(1, members)}};
  };
  const std::string_view low = R"(,"events_per_s":10,"rss_max_bytes":10)";
  const std::string_view high = R"(,"events_per_s":20,"rss_max_bytes":20)";
  EXPECT_EQ(figure(with(low), with(high), "events_per_s").text_at("verdict"), "faster");
  EXPECT_EQ(figure(with(high), with(low), "events_per_s").text_at("verdict"), "slower");
  EXPECT_EQ(figure(with(low), with(high), "rss_max_bytes").text_at("verdict"), "more");
  EXPECT_EQ(figure(with(high), with(low), "rss_max_bytes").text_at("verdict"), "less");
}

TEST(CompareTest, WhatOnlySomeRunsHaveIsLeftOut) {
  Side some{"f", {run(1, R"(,"events":1)"), run(1)}};
  EXPECT_EQ(figure(some, some, "events").kind, Json::Kind::kNull);
  EXPECT_NE(figure(some, some, "cpu_us_per_event").kind, Json::Kind::kNull);
}

TEST(CompareTest, SettingsAreNoFiguresButDifferences) {
  Side a = side({1});
  Side b = side({1});
  b.runs[0].find("configuration")->set("shards", Json::number("4"));
  b.runs[0].find("configuration")->set("signing", Json::boolean(true));
  const auto comparison = compare(a, b);
  ASSERT_TRUE(comparison);
  EXPECT_EQ(comparison->find("figures")->find("configuration.shards"), nullptr);
  EXPECT_EQ(to_text(*comparison->find("differences")),
            R"([{"name":"configuration.shards","a":"2","b":"4"},)"
            R"({"name":"configuration.signing","a":"","b":"true"}])");
}

TEST(CompareTest, RunsThatAreNotValidAreLeftOut) {
  Side a = side({1, 2});
  a.runs.push_back(run(1000, "", "dispatch", false));
  const auto comparison = compare(a, side({1}));
  ASSERT_TRUE(comparison);
  EXPECT_EQ(comparison->find("a")->find("runs")->text, "2");
  EXPECT_EQ(comparison->find("a")->find("invalid_runs")->text, "1");
  EXPECT_EQ(
      *number_of(comparison->find("figures")->find("cpu_us_per_event")->find("a")->find("max")), 2);
  const Side none{"none.json", {run(1, "", "dispatch", false)}};
  EXPECT_EQ(compare(a, none).error().what, "none.json holds no valid run");
  EXPECT_EQ(compare(none, a).error().what, "none.json holds no valid run");
}

TEST(CompareTest, DifferentScenariosAreNotCompared) {
  EXPECT_FALSE(compare(side({1}), Side{"b", {run(1, "", "fanout")}}));
  EXPECT_FALSE(compare(side({1}), Side{"b", {run(1), run(1, "", "fanout")}}));
}

TEST(CompareTest, ExpectationsSpeakOfRatiosAndMedians) {
  const auto comparison = compare(side({10}), side({11}));
  const auto misses = [&comparison](std::string_view text) {
    return judge(*comparison, std::vector{*parse_expectation_syntax(text)});
  };
  EXPECT_EQ(misses("cpu_us_per_event.ratio<=1.1").size(), 0u);
  EXPECT_EQ(misses("cpu_us_per_event.ratio<=110%").size(), 0u);
  EXPECT_EQ(misses("cpu_us_per_event.b.median<=11us").size(), 0u);
  EXPECT_EQ(misses("cpu_us_per_event.ratio<=1.05"),
            std::vector<std::string>{"cpu_us_per_event.ratio is 1.100, expected <= 1.05"});
}

TEST(CompareTest, TheTableSaysWhatIsNotAlike) {
  Side b = side({3, 4});
  b.runs[0].find("configuration")->set("shards", Json::string("\x1b[31m"));
  const std::string table = compare_table(*compare(side({1, 2}), b), false, false);
  EXPECT_NE(
      table.find(
          "cpu_us_per_event  1.50 us [1.00 us … 2.00 us]  3.50 us [3.00 us … 4.00 us]  2.333"),
      std::string::npos)
      << table;
  EXPECT_NE(table.find("not alike: configuration.shards is 2 in a, \\x1b[31m in b"),
            std::string::npos)
      << table;
}

RC_GTEST_PROP(RangeProperty, HalfOfTheValuesAreOnEachSideOfTheMedian, (std::vector<int> numbers)) {
  RC_PRE(!numbers.empty());
  const std::vector<double> values(numbers.begin(), numbers.end());
  const Range range = range_of(values);
  const auto below = std::count_if(values.begin(), values.end(),
                                   [&range](double value) { return value < range.median; });
  const auto above = std::count_if(values.begin(), values.end(),
                                   [&range](double value) { return value > range.median; });
  RC_ASSERT(static_cast<std::size_t>(below) <= values.size() / 2);
  RC_ASSERT(static_cast<std::size_t>(above) <= values.size() / 2);
  RC_ASSERT(range.min == *std::min_element(values.begin(), values.end()));
  RC_ASSERT(range.max == *std::max_element(values.begin(), values.end()));
}

}  // namespace
}  // namespace headrace::bench_tools
