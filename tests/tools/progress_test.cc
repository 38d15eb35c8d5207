// SPDX-License-Identifier: Apache-2.0
#include "tools/progress.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace headrace::tools {
namespace {

JobProgress running(std::uint64_t matched, std::uint64_t total, std::uint64_t per_second = 0) {
  JobProgress progress;
  progress.status = "running";
  progress.matched = matched;
  progress.total = total;
  progress.per_second = per_second;
  return progress;
}

TEST(ProgressTest, LineSaysHowFarItIsAndHowLongItTakes) {
  EXPECT_EQ(progress_line(running(250, 1000, 10), 100),
            "running [#######.......................] 25 %, 250 of 1000, 10/s, 1m 15s left");
  EXPECT_EQ(progress_line(running(0, 3), 100),
            "running [..............................] 0 %, 0 of 3");
  EXPECT_EQ(progress_line(running(3, 3, 1), 100),
            "running [##############################] 100 %, 3 of 3, 1/s, 0s left");
}

TEST(ProgressTest, LineTellsOfFailuresAndOfRest) {
  JobProgress progress = running(1, 2, 5);
  progress.failed = 1;
  progress.status = "paused";
  EXPECT_EQ(progress_line(progress, 100),
            "paused [###############...............] 50 %, 1 of 2, 1 failed");
}

TEST(ProgressTest, LineHasNoBarWhileTheEndIsNotKnown) {
  JobProgress progress;
  progress.status = "counting";
  progress.matched = 5;
  progress.scanned = 700;
  EXPECT_EQ(progress_line(progress, 80), "counting 5 found, 700 looked at");
  EXPECT_EQ(progress_line(running(0, 0), 80), "running nothing to do");
}

TEST(ProgressTest, MoreThanWasCountedIsAllOfIt) {
  EXPECT_EQ(progress_line(running(12, 10, 1), 60),
            "running [####################] 100 %, 10 of 10, 1/s, 0s left");
}

TEST(ProgressTest, LineFitsEveryWidth) {
  EXPECT_TRUE(rc::check("the line is not wider than it may be", [] {
    JobProgress progress =
        running(*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::arbitrary<std::uint64_t>(),
                *rc::gen::arbitrary<std::uint64_t>());
    progress.failed = *rc::gen::arbitrary<std::uint64_t>();
    const auto width = *rc::gen::inRange<std::size_t>(0, 200);
    RC_ASSERT(progress_line(progress, width).size() <= width);
  }));
}

TEST(ProgressTest, SpansHaveTwoUnits) {
  EXPECT_EQ(span_text(0), "0s");
  EXPECT_EQ(span_text(59), "59s");
  EXPECT_EQ(span_text(61), "1m 1s");
  EXPECT_EQ(span_text(3600), "1h 0m");
  EXPECT_EQ(span_text(90'000), "1d 1h");
}

TEST(ProgressTest, IsReadFromAJob) {
  const auto job = parse_json(
      R"({"status":"done","total":10,"matched":10,"scanned":20,"failed":1,"per_second":3})");
  ASSERT_TRUE(job);
  const auto progress = progress_of(*job);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->total, 10u);
  EXPECT_TRUE(progress->is_over());
  EXPECT_FALSE(progress->is_success()) << "something of it failed";
  const auto counting = parse_json(R"({"status":"counting","total":null,"matched":0})");
  EXPECT_FALSE(progress_of(*counting)->total);
  EXPECT_FALSE(progress_of(*counting)->is_over());
  for (const char* text : {"{}", "[]", R"({"status":"done"})", R"({"matched":1})"})
    EXPECT_FALSE(progress_of(*parse_json(text))) << text;
}

}  // namespace
}  // namespace headrace::tools
