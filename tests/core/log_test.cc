// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace headrace::core {
namespace {

class FixedClock final : public Clock {
 public:
  explicit FixedClock(WallMs wall) : wall_(wall) {}
  std::uint64_t steady_ns() const noexcept override { return 0; }
  WallMs wall_ms() const noexcept override { return wall_; }

 private:
  WallMs wall_;
};

// What one write of the sink puts into a pipe.
std::string logged(WallMs wall, LogLevel least, LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const FixedClock clock(wall);
  JsonLogSink(ends[1], clock, least).write(level, "something_happened", message, fields);
  close(ends[1]);
  std::array<char, 2 * JsonLogSink::kLineBytesMax> bytes;
  std::string text;
  for (ssize_t got; (got = read(ends[0], bytes.data(), bytes.size())) > 0;)
    text.append(bytes.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  return text;
}

std::string logged(std::string_view message, std::initializer_list<LogField> fields = {}) {
  return logged(0, LogLevel::kDebug, LogLevel::kInfo, message, fields);
}

TEST(JsonLogSinkTest, WritesOneJsonObjectALine) {
  EXPECT_EQ(
      logged(1'234'567'890'123, LogLevel::kInfo, LogLevel::kWarning, "It did.",
             {{"text", "a\"b\\c\n\x01"}, {"count", -5}, {"share", 0.5}, {"yes", true}}),
      "{\"ts\":\"2009-02-13T23:31:30.123Z\",\"level\":\"warning\",\"event\":\"something_happened\","
      "\"message\":\"It "
      "did.\",\"text\":\"a\\\"b\\\\c\\n\\u0001\",\"count\":-5,\"share\":0.5,\"yes\":true}\n");
}

TEST(JsonLogSinkTest, TimestampsAreRfc3339InUtc) {
  const auto time = [](WallMs wall) {
    return nlohmann::json::parse(logged(wall, LogLevel::kInfo, LogLevel::kInfo, "", {}))
        .at("ts")
        .get<std::string>();
  };
  EXPECT_EQ(time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(time(951'782'400'007), "2000-02-29T00:00:00.007Z");
  EXPECT_EQ(time(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(time(~WallMs{0}), "9999-12-31T23:59:59.999Z");
}

TEST(JsonLogSinkTest, SaysNothingBelowItsLevel) {
  EXPECT_EQ(logged(0, LogLevel::kWarning, LogLevel::kInfo, "x", {}), "");
  EXPECT_NE(logged(0, LogLevel::kWarning, LogLevel::kError, "x", {}), "");
}

TEST(JsonLogSinkTest, NumbersThatJsonLacksAreNull) {
  EXPECT_NE(logged("", {{"n", std::nan("")}}).find("\"n\":null"), std::string::npos);
  EXPECT_NE(logged("", {{"n", -INFINITY}}).find("\"n\":null"), std::string::npos);
}

TEST(JsonLogSinkTest, KeepsUtf8AndReplacesWhatIsNot) {
  const auto message = [](std::string_view text) {
    return nlohmann::json::parse(logged(text)).at("message").get<std::string>();
  };
  EXPECT_EQ(message("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
            "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  const std::string replaced = "\xef\xbf\xbd";
  EXPECT_EQ(message("a\xff"
                    "b"),
            "a" + replaced + "b");
  EXPECT_EQ(message("\xc0\xaf"), replaced + replaced);                 // overlong
  EXPECT_EQ(message("\xed\xa0\x80"), replaced + replaced + replaced);  // a surrogate
  EXPECT_EQ(message("\xe2\x82"), replaced + replaced);                 // cut short
}

TEST(JsonLogSinkTest, CutsAndSaysSo) {
  const auto cut = nlohmann::json::parse(logged(std::string(5000, 'm'), {{"a", 1}}));
  EXPECT_EQ(cut.at("message").get<std::string>().size(), JsonLogSink::kTextBytesMax);
  EXPECT_EQ(cut.at("a"), 1);
  EXPECT_EQ(cut.at("truncated"), true);
  const std::string wide(1000,
                         '\x01');  // six bytes each when escaped: does not fit beside the rest
  const auto left_out = nlohmann::json::parse(logged("m", {{"wide", wide}, {"b", 2}}));
  EXPECT_FALSE(left_out.contains("wide"));
  EXPECT_EQ(left_out.at("b"), 2);
  EXPECT_EQ(left_out.at("truncated"), true);
}

RC_GTEST_PROP(JsonLogSinkPropertyTest, AnyBytesMakeOneValidLine,
              (const std::string& message, const std::string& value, double number)) {
  const std::string line = logged(message, {{"value", value}, {"number", number}});
  RC_ASSERT(line.size() <= JsonLogSink::kLineBytesMax);
  RC_ASSERT(line.find('\n') == line.size() - 1);
  RC_ASSERT(nlohmann::json::accept(line));
}

}  // namespace
}  // namespace headrace::core
