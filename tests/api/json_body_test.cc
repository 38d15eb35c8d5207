// SPDX-License-Identifier: Apache-2.0
#include "api/json_body.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "api/json_writer.h"

namespace headrace::api {
namespace {

JsonBody parsed(std::string_view text) {
  auto body = JsonBody::parse(text);
  EXPECT_TRUE(body) << text;
  return body ? std::move(*body) : JsonBody();
}

TEST(JsonBodyTest, MembersThatAreKeptAreKeptToTheLetter) {
  const std::string sample = R"({ "id" : 12345678901234567890123, "x":1.10, "b":1,"a":2 })";
  const std::string text = R"({"name":"n","sample":)" + sample + R"(,"filter":[1.0 , 2] })";
  const JsonBody body = parsed(text);
  EXPECT_EQ(body.raw("/sample"), sample);
  EXPECT_EQ(body.raw("/filter"), "[1.0 , 2]");
  EXPECT_EQ(body.json()["name"], "n");
  EXPECT_EQ(body.raw("/name"), "");
}

TEST(JsonBodyTest, MembersInElementsAreFoundByTheirPlace) {
  const std::string text =
      R"({"envs":[ {"sample":{"a":1.0}},{"slug":"b"}, {"auth":{"headers":{"A":"1"}},"sample":null}]})";
  const JsonBody body = parsed(text);
  EXPECT_EQ(body.raw("/envs/0/sample"), R"({"a":1.0})");
  EXPECT_EQ(body.raw("/envs/1/sample"), "");
  EXPECT_EQ(body.raw("/envs/2/auth"), R"({"headers":{"A":"1"}})");
  EXPECT_EQ(body.raw("/envs/2/sample"), "null");
}

TEST(JsonBodyTest, PayloadMayBeAnyJson) {
  for (const char* payload : {"1e400", "-0", "\"a\\u0041\"", "true", "false", "null", "[]", "{}",
                              "[[[1.50]]]", "123456789012345678901234567890"}) {
    const std::string text = std::string("{ \"payload\" : ") + payload + " , \"env\":\"prd\"}";
    const JsonBody body = parsed(text);
    EXPECT_EQ(body.raw("/payload"), payload);
    EXPECT_EQ(body.json()["env"], "prd");
  }
}

TEST(JsonBodyTest, OfTheSameMembersTheFirstCounts) {
  const std::string text =
      R"({"sample":{"a":1},"sample":{"b":{"sample":2}},"name":"x","name":"y"})";
  const JsonBody body = parsed(text);
  EXPECT_EQ(body.raw("/sample"), R"({"a":1})");
  EXPECT_EQ(body.json()["name"], "x");
}

TEST(JsonBodyTest, EscapedNamesAreTheirContent) {
  const std::string text = R"({"s\u0061mple":{"a":1.0}})";
  EXPECT_EQ(parsed(text).raw("/sample"), R"({"a":1.0})");
}

TEST(JsonBodyTest, FaultIsNamedByItsPosition) {
  const auto body = JsonBody::parse(R"({"tag":"repo",})");
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(body.error().detail, 14);
  for (const char* text : {"", " ", "{", "[1,]", "nul", "{}x", "\xEF\xBB\xBF{}", "\"\xFF\""})
    EXPECT_FALSE(JsonBody::parse(text)) << text;
}

TEST(JsonBodyTest, NestingWithoutEndIsRefusedNotSuffered) {
  const std::string open(1'000'000, '[');
  EXPECT_FALSE(JsonBody::parse(open));
  EXPECT_FALSE(JsonBody::parse(open + std::string(1'000'000, ']')));
  const std::string deep = std::string(1024, '[') + std::string(1024, ']');
  EXPECT_TRUE(JsonBody::parse(deep));
}

TEST(JsonBodyTest, NumbersBeyondAnyMachineTypeAreNumbers) {
  for (const char* text : {"1e999", "-1e999", "1e-999", "18446744073709551616", "0.1", "-5"})
    EXPECT_TRUE(parsed(text).json().is_number()) << text;
  EXPECT_EQ(parsed("18446744073709551615").json().get<std::uint64_t>(), 18446744073709551615u);
  EXPECT_TRUE(parsed("5").json().is_number_unsigned());
  EXPECT_FALSE(parsed("5.0").json().is_number_integer());
}

// What is written is what is read.
RC_GTEST_PROP(JsonBodyTest, TextsComeThroughTheWriter, (const std::string& ascii)) {
  std::string text;
  for (const char c : ascii) text += static_cast<char>(c & 0x7f);
  JsonWriter writer;
  writer.begin_object().member("name", text).member("n", std::uint64_t{7}).end_object();
  const std::string json = writer.take();
  auto body = JsonBody::parse(json);
  RC_ASSERT(body.has_value());
  RC_ASSERT(body->json()["name"] == text);
  RC_ASSERT(body->json()["n"] == 7);
}

TEST(JsonWriterTest, BytesThatAreNoTextShowAsReplaced) {
  JsonWriter writer;
  writer.value(std::string_view("a\xFF\xC3(\xE2\x82\xAC\0\x1f\x7f\"\\\n", 13));
  EXPECT_EQ(writer.take(),
            "\"a\xEF\xBF\xBD\xEF\xBF\xBD(\xE2\x82\xAC\\u0000\\u001f\\u007f\\\"\\\\\\n\"");
}

TEST(JsonWriterTest, CommasStandBetweenWhatFollowsEachOther) {
  JsonWriter writer;
  writer.begin_object().key("a").begin_array().value("x").raw("{}").null().end_array();
  writer.member("b", true).member_or_null("c", "").raw_or_null("d", "1.0");
  writer.key("e").begin_object().end_object().end_object();
  EXPECT_EQ(writer.take(), R"({"a":["x",{},null],"b":true,"c":null,"d":1.0,"e":{}})");
}

}  // namespace
}  // namespace headrace::api
