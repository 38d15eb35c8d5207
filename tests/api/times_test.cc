// SPDX-License-Identifier: Apache-2.0
#include "api/times.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "api/texts.h"
#include "core/time_text.h"

namespace headrace::api {
namespace {

TEST(ApiTimesTest, TimesAreReadWithAnyOffset) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0u);
  EXPECT_EQ(parse_time("2009-02-13T23:31:30.123Z"), 1234567890123u);
  EXPECT_EQ(parse_time("2009-02-13t23:31:30.1239999z"), 1234567890123u);
  EXPECT_EQ(parse_time("2009-02-13T23:31:30.5Z"), 1234567890500u);
  EXPECT_EQ(parse_time("2009-02-14T01:31:30+02:00"), 1234567890000u);
  EXPECT_EQ(parse_time("2009-02-13T18:01:30-05:30"), 1234567890000u);
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z"), 1709164800000u);
}

TEST(ApiTimesTest, WhatIsNoTimeIsRefused) {
  for (const char* text : {"",
                           "2009",
                           "2009-02-13",
                           "2009-02-13T23:31Z",
                           "2009-02-13T23:31:30",
                           "2009-02-30T00:00:00Z",
                           "2023-02-29T00:00:00Z",
                           "2009-13-01T00:00:00Z",
                           "2009-00-01T00:00:00Z",
                           "2009-02-13T24:00:00Z",
                           "2009-02-13T23:60:00Z",
                           "2009-02-13T23:31:61Z",
                           "2009-02-13T23:31:30.Z",
                           "2009-02-13T23:31:30+24:00",
                           "2009-02-13T23:31:30+01:60",
                           "2009-02-13T23:31:30+0100",
                           "2009-02-13T23:31:30Zx",
                           "1969-12-31T23:59:59Z",
                           "x009-02-13T23:31:30Z",
                           "-009-02-13T23:31:30Z"})
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

RC_GTEST_PROP(ApiTimesTest, WhatIsShownIsReadBack, ()) {
  const auto ms = *rc::gen::inRange<UnixMs>(0, 253402300799999);
  RC_ASSERT(parse_time(time_text(ms)) == ms);
}

RC_GTEST_PROP(ApiTimesTest, DurationsAreReadBack, ()) {
  const auto ms = *rc::gen::inRange<std::int64_t>(0, 4'000'000'000);
  RC_ASSERT(core::parse_duration(duration_text(std::chrono::milliseconds(ms))) ==
            std::chrono::milliseconds(ms));
}

TEST(ApiTimesTest, DurationsAreShownInTheLargestUnitThatIsExact) {
  using std::chrono::milliseconds;
  EXPECT_EQ(duration_text(milliseconds(0)), "0s");
  EXPECT_EQ(duration_text(milliseconds(250)), "250ms");
  EXPECT_EQ(duration_text(milliseconds(5'000)), "5s");
  EXPECT_EQ(duration_text(milliseconds(90'000)), "90s");
  EXPECT_EQ(duration_text(milliseconds(120'000)), "2m");
  EXPECT_EQ(duration_text(milliseconds(86'400'000)), "24h");
}

TEST(ApiTextsTest, Base64IsOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xFF\xFE"), "//4=");
}

TEST(ApiTextsTest, Utf8IsTold) {
  EXPECT_TRUE(is_utf8("a\xC3\xA9\xF0\x9F\x98\x80"));
  EXPECT_FALSE(is_utf8("a\xFF"));
  EXPECT_FALSE(is_utf8("\xC3"));
}

}  // namespace
}  // namespace headrace::api
