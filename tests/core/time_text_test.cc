// SPDX-License-Identifier: Apache-2.0
#include "core/time_text.h"

#include <gtest/gtest.h>

#include <string>

namespace headrace::core {
namespace {

using std::chrono::milliseconds;

std::string timestamp(WallMs ms) {
  const auto text = format_timestamp(ms);
  return {text.data(), text.size()};
}

TEST(TimeTextTest, TimestampsAreThoseOfRfc3339WithMilliseconds) {
  EXPECT_EQ(timestamp(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(timestamp(1'234'567'890'123), "2009-02-13T23:31:30.123Z");
  EXPECT_EQ(timestamp(951'782'400'007), "2000-02-29T00:00:00.007Z");
  EXPECT_EQ(timestamp(~WallMs{0}), "9999-12-31T23:59:59.999Z");
}

TEST(TimeTextTest, DurationsHaveANumberAndAUnit) {
  EXPECT_EQ(parse_duration("0ms"), milliseconds(0));
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("15s"), milliseconds(15'000));
  EXPECT_EQ(parse_duration("10m"), milliseconds(600'000));
  EXPECT_EQ(parse_duration("24h"), milliseconds(86'400'000));
  EXPECT_EQ(parse_duration("30d"), milliseconds(2'592'000'000));
}

TEST(TimeTextTest, AnythingElseIsNoDuration) {
  for (const char* text :
       {"", "s", "5", "-5s", "+5s", "5 s", "5S", "1.5s", "5s ", "99999999999s", "0x5s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

}  // namespace
}  // namespace headrace::core
