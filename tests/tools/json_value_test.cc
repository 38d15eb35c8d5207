// SPDX-License-Identifier: Apache-2.0
#include "tools/json_value.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>

namespace headrace::tools {
namespace {

Json parsed(std::string_view text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json) << text;
  return json ? *json : Json{};
}

std::string some_text() {
  // Bytes beyond ASCII would have to be whole characters; one of each length is put in.
  auto text = *rc::gen::container<std::string>(rc::gen::inRange('\0', '\x7f'));
  if (*rc::gen::arbitrary<bool>()) text += "é€😀";
  return text;
}

Json some_json(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 6 : 4)) {
    case 0:
      return Json{};
    case 1:
      return Json::boolean(*rc::gen::arbitrary<bool>());
    case 2:
      return Json::number(std::to_string(*rc::gen::arbitrary<std::int64_t>()));
    case 3:
      return Json::string(some_text());
    case 4: {
      Json list = Json::array();
      for (int n = *rc::gen::inRange(0, 4); n > 0; --n) list.items.push_back(some_json(depth - 1));
      return list;
    }
    default: {
      Json object = Json::object();
      for (int n = *rc::gen::inRange(0, 4); n > 0; --n)
        object.set(some_text(), some_json(depth - 1));
      return object;
    }
  }
}

TEST(JsonValueTest, AnEscapeThatHasNoCharacterIsWrittenAsItWas) {
  for (const char* text : {R"("\ud800")", R"("a\udfffb")", R"({"\udabc":"\ud83dx\udc00"})"}) {
    EXPECT_EQ(to_text(parsed(text)), text);
  }
  EXPECT_EQ(to_text(parsed(R"("\ud83d\ude00\ud7ff\ue000")")),
            "\"\xf0\x9f\x98\x80\xed\x9f\xbf\xee\x80\x80\"");
}

TEST(JsonValueTest, WhatIsWrittenReadsBackTheSame) {
  EXPECT_TRUE(rc::check([] {
    const Json json = some_json(4);
    const std::string text = to_text(json);
    const Json again = parsed(text);
    RC_ASSERT(same_value(json, again));
    RC_ASSERT(to_text(again) == text);
  }));
}

TEST(JsonValueTest, NumbersKeepTheirDigits) {
  const std::string text = R"({"id":123456789012345678901234567890,"rate":1.10,"small":1e-400})";
  EXPECT_EQ(to_text(parsed(text)), text);
}

TEST(JsonValueTest, EachValueKnowsWhereItStands) {
  const Json json = parsed("{\n  \"a\": [1,\n    {\"b\": true}]\n}");
  const Json& list = *json.find("a");
  EXPECT_EQ(list.line, 2u);
  EXPECT_EQ(list.column, 8u);
  EXPECT_EQ(list.items[1].line, 3u);
  EXPECT_EQ(list.items[1].column, 5u);
  EXPECT_EQ(list.items[1].find("b")->column, 11u);
}

TEST(JsonValueTest, AFaultIsNamedByLineAndColumn) {
  const auto json = parse_json("{\n \"a\": tru\n}");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code, ErrorCode::kMalformed);
  EXPECT_TRUE(json.error().what.starts_with("line 2, column ")) << json.error().what;
  EXPECT_FALSE(parse_json(""));
  EXPECT_FALSE(parse_json("{} {}"));
}

TEST(JsonValueTest, EscapesAreReadAndControlCharactersWritten) {
  const Json json = parsed(R"(["a\"b\\c\u0041\n\u001b"])");
  EXPECT_EQ(json.items[0].text, "a\"b\\cA\n\x1b");
  EXPECT_EQ(to_text(json), R"(["a\"b\\cA\u000a\u001b"])");
}

TEST(JsonValueTest, ValuesAreTheSameHoweverTheyAreWritten) {
  EXPECT_TRUE(same_value(parsed(R"({"a":1e2,"b":[1,2]})"), parsed(R"({"b":[1.0,2],"a":100})")));
  EXPECT_FALSE(same_value(parsed("[1,2]"), parsed("[2,1]")));
  EXPECT_FALSE(same_value(parsed(R"({"a":1})"), parsed(R"({"a":1,"b":1})")));
  EXPECT_FALSE(same_value(parsed(R"("1")"), parsed("1")));
  EXPECT_FALSE(same_value(parsed("null"), parsed("false")));
}

TEST(JsonValueTest, SettingReplacesAndTheFirstOfEqualNamesCounts) {
  Json json = parsed(R"({"a":1,"b":2,"a":3})");
  EXPECT_EQ(json.find("a")->text, "1");
  json.set("b", Json::string("x"));
  EXPECT_EQ(json.text_at("b"), "x");
  json.remove("a");
  EXPECT_EQ(to_text(json), R"({"b":"x"})");
  EXPECT_EQ(json.text_at("a"), "");
}

}  // namespace
}  // namespace headrace::tools
