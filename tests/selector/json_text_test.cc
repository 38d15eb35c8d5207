// SPDX-License-Identifier: Apache-2.0
#include "selector/json_text.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

namespace headrace::selector {
namespace {

std::string normal(std::string_view number) {
  std::string out;
  append_normal_number(number, out);
  return out;
}

std::string unescaped(std::string_view raw) {
  std::string out;
  append_unescaped(raw, out);
  return out;
}

TEST(JsonTextTest, EqualNumbersHaveOneSpelling) {
  for (const char* hundred : {"100", "1e2", "1E+2", "10.0e1", "100.000", "1000e-1", "0.1e3",
                              "1e0000000000000000000002"}) {
    EXPECT_EQ(normal(hundred), "100") << hundred;
  }
  EXPECT_EQ(normal("1.10"), "1.1");
  EXPECT_EQ(normal("-12.50e1"), "-125");
  EXPECT_EQ(normal("0.00012"), "0.00012");
  EXPECT_EQ(normal("12e-5"), "0.00012");
  EXPECT_EQ(normal("10500e-3"), "10.5");
}

TEST(JsonTextTest, ZeroHasNoSignAndNoExponent) {
  for (const char* zero : {"0", "-0", "0.0", "-0.000e5", "0e99999999999999999999999"})
    EXPECT_EQ(normal(zero), "0");
}

TEST(JsonTextTest, LongIntegersStayExact) {
  EXPECT_EQ(normal("18446744073709551616"), "18446744073709551616");
  EXPECT_EQ(normal("123456789012345678901234567890123456789"),
            "123456789012345678901234567890123456789");
  EXPECT_NE(normal("9007199254740993"), normal("9007199254740992"));
}

TEST(JsonTextTest, NumbersFarFromOneAreScientific) {
  EXPECT_EQ(normal("1e21"), "1" + std::string(21, '0'));
  EXPECT_EQ(normal("1e22"), "1e22");
  EXPECT_EQ(normal("1" + std::string(22, '0')), "1e22");
  EXPECT_EQ(normal("15e-30"), "1.5e-29");
  EXPECT_EQ(normal("-0.00000001"), "-1e-8");
  EXPECT_EQ(normal("0.00000012"), "0.00000012");
}

TEST(JsonTextTest, ExponentsOfAnyLengthAreExact) {
  EXPECT_EQ(normal("1e99999999999999999999999999"), "1e99999999999999999999999999");
  EXPECT_EQ(normal("10e99999999999999999999999999"), "1e100000000000000000000000000");
  EXPECT_EQ(normal("0.01e100000000000000000000000000"), "1e99999999999999999999999998");
  EXPECT_EQ(normal("0.01e-99999999999999999999999999"), "1e-100000000000000000000000001");
  EXPECT_EQ(normal("1000e-100000000000000000000000000"), "1e-99999999999999999999999997");
  // Where the short way of adding ends and the long one begins.
  EXPECT_EQ(normal("0.1e100000000000000000"), normal("1e99999999999999999"));
  EXPECT_EQ(normal("10e-100000000000000000"), normal("1e-99999999999999999"));
}

TEST(JsonTextTest, EscapesAreResolved) {
  EXPECT_EQ(unescaped(R"(a\"\\\/\b\f\n\r\tz)"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(unescaped(R"(\u0041\u00e9\u20AC\uD83D\uDE00)"),
            "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(unescaped(R"(\u0000)"), std::string(1, '\0'));
}

TEST(JsonTextTest, LoneSurrogatesStayDistinct) {
  EXPECT_EQ(unescaped(R"(\ud800)"), "\xED\xA0\x80");
  EXPECT_EQ(unescaped(R"(\ud800\ud800\udc00)"), "\xED\xA0\x80\xF0\x90\x80\x80");
  EXPECT_EQ(unescaped(R"(\udc00\ud800)"), "\xED\xB0\x80\xED\xA0\x80");
  EXPECT_EQ(unescaped(R"(\ud800A\ud800\n)"),
            "\xED\xA0\x80"
            "A\xED\xA0\x80\n");
}

TEST(JsonTextTest, NumbersCompareByValue) {
  const auto order = [](std::string_view left, std::string_view right) {
    return compare_normal_numbers(normal(left), normal(right));
  };
  EXPECT_TRUE(order("100", "1e2") == 0);
  EXPECT_TRUE(order("99.999", "100") < 0);
  EXPECT_TRUE(order("-99.999", "-100") > 0);
  EXPECT_TRUE(order("-0.5", "0") < 0);
  EXPECT_TRUE(order("0.05", "0.5") < 0);
  EXPECT_TRUE(order("1e22", "10000000000000000000001") < 0);
  EXPECT_TRUE(order("1e-99999999999999999", "1e-100000000000000000") > 0);
  EXPECT_TRUE(order("2e100000000000000000", "1e100000000000000001") < 0);
  EXPECT_TRUE(order("-2e-100000000000000000", "1e-100000000000000000") < 0);
}

TEST(JsonTextTest, OnlyNumbersAreNumbers) {
  for (const char* number : {"0", "-1", "1.5e+3"}) EXPECT_TRUE(is_json_number(number)) << number;
  for (const char* other :
       {"", "-", "01", "1.", " 1", "1 ", "+1", ".5", "1,2", "\"1\"", "true", "[1]", "1e", "0x1"}) {
    EXPECT_FALSE(is_json_number(other)) << other;
  }
}

// A value as whole digits and a power of ten, in one of its many spellings.
std::string spell(const std::string& digits, int power, std::size_t point, int zeros) {
  const std::size_t behind =
      point % (digits.size() + 1);  // this many digits stand behind the point
  std::string whole = digits.substr(0, digits.size() - behind);
  if (whole.empty()) whole = "0";
  std::string fraction =
      digits.substr(digits.size() - behind) + std::string(static_cast<std::size_t>(zeros), '0');
  std::string text = whole;
  if (!fraction.empty()) text += "." + fraction;
  return text + "e" + std::to_string(power + static_cast<int>(behind));
}

TEST(JsonTextTest, AllSpellingsOfANumberAgreeAndOtherNumbersDiffer) {
  EXPECT_TRUE(rc::check([] {
    const auto number = *rc::gen::inRange<std::int64_t>(1, 1'000'000'000);
    const std::string digits = std::to_string(number);
    const int power = *rc::gen::inRange(-40, 40);
    const auto spelling = [&](int at) {
      return spell(digits, at, *rc::gen::inRange<std::size_t>(0, 12), *rc::gen::inRange(0, 4));
    };
    const std::string expected = normal(digits + "e" + std::to_string(power));
    RC_ASSERT(normal(spelling(power)) == expected);
    RC_ASSERT(normal(expected) == expected);
    RC_ASSERT(is_json_number(expected));
    RC_ASSERT(normal(spelling(power + 1)) != expected);
    RC_ASSERT(normal(std::to_string(number + 1) + "e" + std::to_string(power)) != expected);
  }));
}

// Two multiples of one power of ten are ordered as their multipliers are.
TEST(JsonTextTest, NumbersOfAnySpellingAreOrderedByValue) {
  EXPECT_TRUE(rc::check([] {
    const int power = *rc::gen::inRange(-40, 40);
    const auto left = *rc::gen::inRange(-1'000'000'000, 1'000'000'000);
    const auto right = *rc::gen::oneOf(rc::gen::inRange(-1'000'000'000, 1'000'000'000),
                                       rc::gen::map(rc::gen::inRange(-2, 3), [left](int step) {
                                         return (left / 10 + step) * 10;
                                       }));
    const auto spelled = [power](std::int64_t number) {
      const std::string sign = number < 0 ? "-" : "";
      return normal(sign + spell(std::to_string(number < 0 ? -number : number), power,
                                 *rc::gen::inRange<std::size_t>(0, 12), *rc::gen::inRange(0, 4)));
    };
    RC_ASSERT(compare_normal_numbers(spelled(left), spelled(right)) == (left <=> right));
  }));
}

}  // namespace
}  // namespace headrace::selector
