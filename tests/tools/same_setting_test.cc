// SPDX-License-Identifier: Apache-2.0
#include "tools/same_setting.h"

#include <gtest/gtest.h>

namespace headrace::tools {
namespace {

bool same(std::string_view member, std::string_view wanted, std::string_view live) {
  const auto left = parse_json(wanted);
  const auto right = parse_json(live);
  EXPECT_TRUE(left && right) << wanted << " " << live;
  return left && right && same_setting(member, "repo", *left, &*right);
}

TEST(SameSettingTest, NothingIsNothingHoweverItIsSaid) {
  for (const char* wanted : {"null", "\"\"", "{}", "[]"}) {
    const auto json = parse_json(wanted);
    ASSERT_TRUE(json);
    EXPECT_TRUE(same_setting("description", "", *json, nullptr)) << wanted;
    EXPECT_TRUE(same("description", wanted, "null")) << wanted;
    EXPECT_FALSE(same("description", wanted, "\"x\"")) << wanted;
  }
  EXPECT_FALSE(same("description", "\"x\"", "null"));
  EXPECT_FALSE(same("adaptive", "false", "true"));
}

TEST(SameSettingTest, VerificationIsComparedAsFarAsItIsShown) {
  const char* live = R"({"provider":"github","secrets":["$Secret{A}","[hidden]"]})";
  EXPECT_TRUE(same("verification", R"({"provider":"github","secrets":["$Secret{A}","b"]})", live));
  EXPECT_TRUE(same("verification", R"({"secrets":["$Secret{A}","c"],"provider":"github"})", live));
  EXPECT_FALSE(same("verification", R"({"provider":"meta","secrets":["$Secret{A}","b"]})", live));
  EXPECT_FALSE(same("verification", R"({"provider":"github","secrets":["$Secret{B}","b"]})", live));
  EXPECT_FALSE(same("verification", R"({"provider":"github","secrets":["$Secret{A}"]})", live));
  EXPECT_FALSE(
      same("verification", R"({"provider":"github","secrets":["$Secret{A}","$Secret{B}"]})", live));
  EXPECT_FALSE(same("verification", R"({"provider":"github"})", live));
  EXPECT_FALSE(same("verification", "null", live));
  EXPECT_TRUE(same("verification", "null", "null"));
  EXPECT_FALSE(same("verification", live, "null"));
}

TEST(SameSettingTest, EventsMayBeShortAndInAnyOrder) {
  EXPECT_TRUE(same("events", R"(["opened","repo:closed"])", R"(["repo:closed","repo:opened"])"));
  EXPECT_FALSE(same("events", R"(["opened"])", R"(["other:opened"])"));
}

TEST(SameSettingTest, SchedulesAreComparedByTime) {
  EXPECT_TRUE(same("retry", R"({"schedule":["60s",120]})", R"({"schedule":["1m","2m"]})"));
  EXPECT_FALSE(same("retry", R"({"schedule":["60s"]})", R"({"schedule":["61s"]})"));
  EXPECT_FALSE(same("retry", R"({"schedule":[]})", "null")) << "no retry is not the default";
  EXPECT_TRUE(
      same("retry", R"({"schedule":["1m"]})", R"({"schedule":["1m"],"jitter_percent":20})"));
  EXPECT_FALSE(
      same("retry", R"({"schedule":["1m"]})", R"({"schedule":["1m"],"jitter_percent":0})"));
  const char* exponential =
      R"({"base":"5s","factor":2,"cap":"10h","count":10,"jitter_percent":20})";
  EXPECT_TRUE(same("retry", R"({"cap":"600m"})", exponential)) << "what is not said is as it comes";
  EXPECT_FALSE(same("retry", R"({"count":9})", exponential));
  EXPECT_FALSE(same("retry", R"({"schedule":[]})", exponential));
  const char* breaker = R"({"window":"1m","count_min":20,"threshold":0.9,"open_for":"30s",
                            "open_for_max":"10m","probes":1})";
  EXPECT_TRUE(same("breaker", "{}", breaker));
  EXPECT_TRUE(same("breaker", R"({"window":60})", breaker));
  EXPECT_FALSE(same("breaker", R"({"probes":2})", breaker));
  EXPECT_FALSE(same("breaker", "{}", "null")) << "none is a choice of its own";
  EXPECT_FALSE(same("breaker", "null", breaker));
  EXPECT_TRUE(same("breaker", "null", "null"));
  EXPECT_TRUE(same("rate_limit", R"({"per_second":2})", R"({"per_second":2,"burst":1})"));
  EXPECT_FALSE(same("rate_limit", R"({"per_second":2})", R"({"per_second":3,"burst":1})"));
  EXPECT_FALSE(same("rate_limit", "null", R"({"per_second":3,"burst":1})"));
  EXPECT_TRUE(same("disable_after", "\"5d\"", "\"120h\""));
  EXPECT_FALSE(same("disable_after", "4877901388888888888", "\"5d\"")) << "beyond milliseconds";
  EXPECT_TRUE(same("disable_after", "4877901388888888888", "4877901388888888888"));
  EXPECT_TRUE(same("order", "null", "\"none\"")) << "null is the default";
  EXPECT_FALSE(same("order", "null", "\"strict\""));
  EXPECT_TRUE(same("connect_timeout", "null", "\"5s\""));
  EXPECT_FALSE(same("disable_after", "null", "\"120h\""));
  EXPECT_TRUE(same("retry", "null", "null"));
  EXPECT_FALSE(same("retry", "null", R"({"schedule":["1m"]})"));
}

TEST(SameSettingTest, WhatIsHiddenIsTakenAsTheSame) {
  const char* live = R"({"headers":{"Authorization":"[hidden]"},"query":{}})";
  EXPECT_TRUE(same("auth", R"({"headers":{"Authorization":"Bearer x"}})", live));
  EXPECT_FALSE(same("auth", R"({"headers":{"Authorization":"$Secret{TOKEN}"}})", live));
  EXPECT_FALSE(same("auth", R"({"headers":{"X-Key":"x"}})", live));
  EXPECT_FALSE(same("auth", R"({"headers":{}})", live));
  EXPECT_FALSE(same("auth", R"({"headers":{"Authorization":"a"},"query":{"k":"v"}})", live));
  EXPECT_FALSE(same("auth", R"({"headers":{"A":"b"}})", "null"));
  EXPECT_TRUE(same("auth", R"({"headers":{},"query":{}})", "null"));
}

TEST(SameSettingTest, SecretsAreComparedByName) {
  const char* live = R"({"headers":{"A":"$Secret{ONE}"}})";
  EXPECT_TRUE(same("auth", R"({"headers":{"A":"$Secret{ONE}"}})", live));
  EXPECT_FALSE(same("auth", R"({"headers":{"A":"$Secret{TWO}"}})", live));
}

TEST(SameSettingTest, SelectorsAreComparedByMeaning) {
  EXPECT_TRUE(same("selector", R"("$Event{a.b}")", R"("$Event{a}{b}")"));
  EXPECT_FALSE(same("selector", R"("$Event{a}")", R"("$Event{b}")"));
  EXPECT_FALSE(same("selector", R"("oops")", R"("$Event{b}")"));
  EXPECT_TRUE(same("selector_value", "1", R"("1")"));
}

}  // namespace
}  // namespace headrace::tools
