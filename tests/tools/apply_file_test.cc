// SPDX-License-Identifier: Apache-2.0
#include "tools/apply_file.h"

#include <gtest/gtest.h>

namespace headrace::tools {
namespace {

std::string fault(std::string_view text, const std::string& name) {
  const auto file = parse_apply_file(text, name);
  EXPECT_FALSE(file);
  return file ? "" : file.error().what;
}

constexpr std::string_view kToml = R"([[webhooks]]
app = "github"
tag = "repo"
body_bytes_max = 1000
envs = [{slug = "prd"}]

[[webhooks]]
app = "other"
tag = "w"
[webhooks.extra]
ratio = 1.5
on = true
)";

TEST(ApplyFileTest, TomlAndJsonHaveTheSameShape) {
  const auto toml = parse_apply_file(kToml, "a.toml");
  ASSERT_TRUE(toml) << toml.error().what;
  const auto json = parse_apply_file(
      R"({"webhooks":[{"app":"github","tag":"repo","body_bytes_max":1000,"envs":[{"slug":"prd"}]},
         {"app":"other","tag":"w","extra":{"ratio":1.5,"on":true}}]})",
      "a.json");
  ASSERT_TRUE(json) << json.error().what;
  EXPECT_TRUE(same_value(*toml, *json)) << to_text(*toml);
}

TEST(ApplyFileTest, PartsKnowTheirPlaceAndTheirOrder) {
  const auto file = parse_apply_file(kToml, "a.toml");
  ASSERT_TRUE(file);
  const Json& webhooks = *file->find("webhooks");
  EXPECT_EQ(place_of(*webhooks.items[0].find("tag"), "a.toml"), "a.toml:3:7");
  EXPECT_EQ(place_of(webhooks.items[1], "a.toml"), "a.toml:7:1");
  EXPECT_EQ(webhooks.items[0].members[0].name, "app");
  EXPECT_EQ(webhooks.items[0].members[3].name, "envs");
}

TEST(ApplyFileTest, AFaultOfTheSyntaxHasAPlace) {
  EXPECT_TRUE(fault("a = \n", "a.toml").starts_with("a.toml:1:"));
  EXPECT_TRUE(fault("{\n  \"a\": }", "a.json").starts_with("a.json:2:8: "))
      << fault("{\n  \"a\": }", "a.json");
}

TEST(ApplyFileTest, WhatJsonCannotSayIsRefusedWithItsPlace) {
  EXPECT_TRUE(fault("a = 1\nb = 1979-05-27\n", "a.toml").starts_with("a.toml:2:5: "));
  EXPECT_TRUE(fault("b = nan\n", "a.toml").starts_with("a.toml:1:5: "));
}

}  // namespace
}  // namespace headrace::tools
