// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/expect.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace headrace::bench_tools {
namespace {

Json json(std::string_view text) { return *tools::parse_json(text); }

const Json& run() {
  static const Json result = json(R"({
    "schema": 1, "kind": "run", "scenario": "dispatch", "valid": true,
    "measured": {"events_per_s": 45000, "cpu_us_per_event": 20.5, "rss_max_bytes": 150000000,
                 "bytes_written_over_body": 1.25, "bytes_written_per_event": 9216,
                 "cpu_us_per_event_by_thread": {"hr-ingest-0": 9.5},
                 "accept": {"count": 9, "p50_us": 300, "p99_us": 4999.9, "p99_9_us": 8000, "max_us": 9000},
                 "e2e": null},
    "load": {"format": "headrace.bench.load/1", "late_share": 0.005, "statuses": {"200": 12},
             "latency_from_due_us": {"count": 9, "p99": 60000}},
    "verify": {"lost": 0, "duplicated": 3}})");
  return result;
}

std::vector<std::string> misses(std::string_view text) {
  const auto expectation = parse_expectation(text);
  if (!expectation) return {"error: " + expectation.error().what};
  return judge(run(), std::vector{*expectation});
}

void expect_held(std::string_view text) {
  EXPECT_EQ(misses(text), std::vector<std::string>{}) << text;
}

void expect_missed(std::string_view text, const std::string& what) {
  EXPECT_EQ(misses(text), std::vector<std::string>{what}) << text;
}

std::string fault(std::string_view text, ResultKind kind = ResultKind::kRun) {
  const auto expectation = parse_expectation(text, kind);
  return expectation ? "" : expectation.error().what;
}

TEST(ExpectTest, NamesBeginInWhatWasMeasured) {
  expect_held("cpu_us_per_event<=21");
  expect_held("measured.cpu_us_per_event<=21");
  expect_held("verify.lost==0");
  expect_held("load.late_share<=1%");
  expect_held("load.statuses.200==12");
  expect_held("cpu_us_per_event_by_thread.hr-ingest-0<10");
}

TEST(ExpectTest, AUnitStandsBehindTheNumberOrInTheName) {
  expect_held("accept.p99<5ms");
  expect_held("accept.p99_us<5000");
  expect_held("accept.p99_us < 5 ms");
  expect_held("accept.p99>4999us");
  expect_held("accept.max<=0.009s");
  expect_held("accept.p50>=300000ns");
  expect_held("rss_max<=150MB");
  expect_held("rss_max_bytes<150000001");
  expect_held("rss_max<=143.1MiB");
  expect_held("bytes_written_per_event<=9KiB");
  expect_held("cpu_us_per_event<20501ns");
  expect_held("load.latency_from_due.p99<=60ms");
}

TEST(ExpectTest, AShareOrARatioHasNoUnit) {
  expect_held("bytes_written_over_body<=1.3");
  expect_held("bytes_written_over_body<=130%");
  expect_held("events_per_s>=45000");
}

TEST(ExpectTest, PercentilesMayBeWrittenWithTheirPoint) {
  expect_held("accept.p99.9==8ms");
  expect_held("accept.p99_9==8ms");
}

TEST(ExpectTest, OperatorsAreWhatTheySay) {
  expect_held("verify.duplicated<=3");
  expect_held("verify.duplicated>=3");
  expect_held("verify.duplicated==3");
  expect_held("verify.duplicated!=4");
  expect_missed("verify.duplicated<3", "verify.duplicated is 3, expected < 3");
  expect_missed("verify.duplicated>3", "verify.duplicated is 3, expected > 3");
  expect_missed("verify.duplicated==0", "verify.duplicated is 3, expected == 0");
  expect_missed("verify.duplicated!=3", "verify.duplicated is 3, expected != 3");
}

TEST(ExpectTest, AMissSaysNameValueAndBound) {
  expect_missed("accept.p99<4ms", "accept.p99_us is 5.00 ms, expected < 4ms");
  expect_missed("rss_max<=100 MB", "rss_max_bytes is 150.0 MB, expected <= 100 MB");
}

TEST(ExpectTest, WhatWasNotMeasuredIsAMiss) {
  expect_missed("e2e.p99<50ms", "e2e.p99 was not measured, expected < 50ms");
  expect_missed("verify.altered==0", "verify.altered was not measured, expected == 0");
}

TEST(ExpectTest, WhatNoResultHasIsAnError) {
  EXPECT_EQ(fault("cpu<=1"), "--expect cpu<=1: there is no figure cpu");
  EXPECT_NE(fault("e2e.p98<1ms"), "");
  EXPECT_NE(fault("e2e<1ms"), "");
  EXPECT_NE(fault("e2e.p99.x<1ms"), "");
  EXPECT_NE(fault("scenario==1"), "");
  EXPECT_NE(fault("latency_from_due.p99<1ms"), "");
  EXPECT_EQ(fault("latency_from_due.p99<1ms", ResultKind::kLoad), "");
  EXPECT_EQ(fault("send_lag_us.p99<100", ResultKind::kLoad), "");
  EXPECT_EQ(fault("errors.timeout==0", ResultKind::kLoad), "");
  EXPECT_EQ(fault("knee_per_s>=1000", ResultKind::kKnee), "");
}

TEST(ExpectTest, AUnitMustBeSaidAndBeOne) {
  EXPECT_EQ(fault("e2e.p99<50"),
            "--expect e2e.p99<50: say the unit, behind the number or at the end of the name");
  EXPECT_EQ(fault("e2e.p99<50KB"), "--expect e2e.p99<50KB: e2e.p99_us is not counted in KB");
  EXPECT_NE(fault("events_per_s>1s"), "");
  EXPECT_NE(fault("verify.lost<1ms"), "");
  EXPECT_NE(fault("rss_max_bytes<50%"), "");
  EXPECT_NE(fault("e2e.p99<50min"), "");
}

TEST(ExpectTest, AnythingElseIsNoExpectation) {
  for (const std::string_view text :
       {"", "<", "e2e.p99_us", "e2e.p99_us<", "<5", "e2e.p99_us=5", "e2e.p99_us=<5",
        "e2e.p99_us<<5", "e2e.p99_us<nan", "e2e.p99_us<inf", "e2e.p99_us<5 5", "e2e..p99_us<5",
        ".e2e<5", "e2e.<5", "e2e p99_us<5", "e2e.p99_us!5", "e2e.p99_us<1e999", "*.p99_us<5"}) {
    EXPECT_NE(fault(text), "") << text;
  }
}

RC_GTEST_PROP(ExpectProperty, AnyTextIsReadOrRefused, (const std::string& text)) {
  const auto expectation = parse_expectation_syntax(text);
  if (expectation) RC_ASSERT(!expectation->name.empty());
}

RC_GTEST_PROP(ExpectProperty, TheUnitDoesNotMatter, (std::uint32_t us, std::uint32_t bound)) {
  const Figure figure{"accept.p99_us", static_cast<double>(us)};
  const auto in_us = parse_expectation("accept.p99<" + std::to_string(bound) + "us");
  const auto in_ns = parse_expectation("accept.p99<" + std::to_string(bound) + "000ns");
  RC_ASSERT(in_us->holds(figure) == (us < bound));
  RC_ASSERT(in_ns->holds(figure) == (us < bound));
}

}  // namespace
}  // namespace headrace::bench_tools
