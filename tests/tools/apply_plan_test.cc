// SPDX-License-Identifier: Apache-2.0
#include "tools/apply_plan.h"

#include <gtest/gtest.h>

#include <string>

#include "tools/apply_file.h"

namespace headrace::tools {
namespace {

Json parsed(std::string_view text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json) << text;
  return json ? *json : Json{};
}

Manifest manifest(std::string_view text) {
  auto read = read_manifest(parsed(text), "f.json");
  EXPECT_TRUE(read) << text;
  return read ? *read : Manifest{};
}

Resource live(ResourceKind kind, std::string_view text) { return {kind, parsed(text)}; }

// "METHOD TARGET BODY" of each step.
std::vector<std::string> requests(const std::vector<Step>& steps) {
  std::vector<std::string> all;
  for (const Step& step : steps) {
    std::string line = std::string(to_string(step.request.method)) + " " + step.request.target;
    if (step.body.is_object()) line += " " + to_text(step.body);
    all.push_back(line);
  }
  return all;
}

using Lines = std::vector<std::string>;

TEST(ApplyPlanTest, WhatIsNotThereIsMadeInAnOrderThatWorks) {
  const auto steps = make_plan(manifest(R"({
    "registrations":[{"product":"bank","access_tag":"gh","webhook":"repo",
                      "envs":[{"slug":"prd","url":"http://b.test"}]}],
    "endpoints":[{"product":"shop","access_tag":"gh","webhook_tag":"repo","env":"prd","url":"http://a.test"}],
    "connections":[{"product":"shop","access_tag":"gh","app":"github"}],
    "events":[{"app":"github","tag":"repo:opened","name":"Opened","selector":"$Event{action}"}],
    "webhooks":[{"app":"github","tag":"repo","name":"R","envs":[{"slug":"prd"}]}]})"),
                               {}, false);
  EXPECT_EQ(
      requests(steps),
      (Lines{
          R"(POST /v1/apps/github/webhooks {"tag":"repo","name":"R","envs":[{"slug":"prd"}]})",
          R"(POST /v1/apps/github/events {"tag":"repo:opened","name":"Opened","selector":"$Event{action}"})",
          R"(PUT /v1/products/shop/apps/gh {"app":"github"})",
          R"(POST /v1/products/shop/endpoints {"access_tag":"gh","env":"prd","url":"http://a.test","webhook_tag":"repo"})",
          R"(POST /v1/products/bank/webhooks/enable {"access_tag":"gh","webhook_tag":"repo","envs":[{"url":"http://b.test","slug":"prd"}]})"}));
  EXPECT_EQ(to_text(steps[0], false), "+ webhook github/repo");
}

TEST(ApplyPlanTest, OnlyMembersThatDifferAreSentWithTheRevisionThatWasSeen) {
  const auto steps = make_plan(
      manifest(R"({"webhooks":[{"app":"a","tag":"w","name":"New","description":"same","envs":[
        {"slug":"prd","registration_url":"http://new.test"},{"slug":"snd"},{"slug":"dev"}]}]})"),
      {live(
          ResourceKind::kWebhook,
          R"({"app":"a","tag":"w","name":"Old","description":"same","dedupe":"$Event{id}","revision":7,
                "envs":[{"slug":"prd","link":"x","registration_url":"http://old.test","method":"POST"},
                        {"slug":"snd","link":"y"}]})")},
      true);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(requests(steps),
            (Lines{R"(PATCH /v1/apps/a/webhooks/w {"name":"New","envs":[{"slug":"prd",)"
                   R"("registration_url":"http://new.test"},{"slug":"dev"}]})"}));
  EXPECT_EQ(steps[0].request.if_match, "\"7\"");
  EXPECT_EQ(to_text(steps[0], false),
            "~ webhook a/w\n"
            "    name: \"Old\" -> \"New\"\n"
            "    envs.prd.registration_url: \"http://old.test\" -> \"http://new.test\"\n"
            "    envs.dev: nothing -> {\"slug\":\"dev\"}");
}

TEST(ApplyPlanTest, WithoutARegistrationUrlItsMembersDoNotDiffer) {
  EXPECT_TRUE(make_plan(manifest(R"({"webhooks":[{"app":"a","tag":"w","envs":[
                          {"slug":"prd","method":"POST"}]}]})"),
                        {live(ResourceKind::kWebhook,
                              R"({"app":"a","tag":"w","envs":[{"slug":"prd"}],"revision":1})")},
                        true)
                  .empty());
}

TEST(ApplyPlanTest, CredentialsAreNeverShown) {
  const auto steps = make_plan(
      manifest(R"({"endpoints":[{"product":"p","access_tag":"a","webhook":"w","env":"prd",
                   "auth":{"headers":{"X":"very secret"}}}]})"),
      {live(
          ResourceKind::kEndpoint,
          R"({"id":"ep_1","product":"p","access_tag":"a","webhook":"w","env":"prd","auth":null,"revision":2})")},
      false);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(to_text(steps[0], false), "~ endpoint p/a/w/prd\n    auth: (not shown) -> (not shown)");
  EXPECT_EQ(requests(steps)[0],
            R"(PATCH /v1/endpoints/ep_1 {"auth":{"headers":{"X":"very secret"}}})");
}

TEST(ApplyPlanTest, ARegistrationThatDiffersIsEnabledAgainWithAllThatItSays) {
  const auto steps =
      make_plan(manifest(R"({"registrations":[{"product":"p","access_tag":"a","webhook":"w","envs":[
        {"slug":"prd","url":"http://new.test","auth":{"headers":{"K":"v"}},"delivery_auth":{"query":{"k":"v"}}}]}]})"),
                {live(ResourceKind::kEndpoint,
                      R"({"id":"ep_1","product":"p","access_tag":"a","webhook":"w","env":"prd",
                "url":"http://old.test","auth":{"query":{"k":"[hidden]"}},"revision":2})")},
                false);
  EXPECT_EQ(
      requests(steps),
      (Lines{
          R"(POST /v1/products/p/webhooks/enable {"access_tag":"a","webhook_tag":"w","envs":[)"
          R"({"url":"http://new.test","auth":{"headers":{"K":"v"}},"delivery_auth":{"query":{"k":"v"}},"slug":"prd"}]})"}));
  EXPECT_EQ(steps[0].differences.size(), 1u);
}

TEST(ApplyPlanTest, OnlyPruningDeletesAndUsersGoBeforeWhatTheyUse) {
  const std::vector<Resource> there = {
      live(ResourceKind::kWebhook,
           R"({"app":"a","tag":"w","envs":[{"slug":"prd"},{"slug":"dev"}],"revision":1})"),
      live(ResourceKind::kWebhook,
           R"({"app":"a","tag":"old","envs":[{"slug":"prd"}],"revision":1})"),
      live(ResourceKind::kEvent,
           R"({"app":"a","tag":"old:e","selector":"$Event{x}","revision":1})"),
      live(ResourceKind::kConnection, R"({"product":"p","access_tag":"x","app":"a"})"),
      live(
          ResourceKind::kEndpoint,
          R"({"id":"ep_1","product":"p","access_tag":"x","webhook":"old","env":"prd","revision":1})"),
  };
  const Manifest wanted =
      manifest(R"({"webhooks":[{"app":"a","tag":"w","envs":[{"slug":"prd"}]}],"products":["p"]})");
  EXPECT_TRUE(make_plan(wanted, there, false).empty());
  EXPECT_EQ(
      requests(make_plan(wanted, there, true)),
      (Lines{
          R"(POST /v1/products/p/webhooks/disable {"access_tag":"x","webhook_tag":"old","envs":["prd"]})",
          "DELETE /v1/products/p/apps/x", "DELETE /v1/apps/a/events/old%3Ae",
          "DELETE /v1/apps/a/webhooks/w/envs/dev", "DELETE /v1/apps/a/webhooks/old"}));
}

TEST(ApplyPlanTest, AnEventThatGetsAnotherTagGivesWayFirst) {
  const auto steps = make_plan(
      manifest(
          R"({"events":[{"app":"a","tag":"w:new","selector":"$Event{x}","selector_value":"v"}]})"),
      {live(
           ResourceKind::kEvent,
           R"({"app":"a","tag":"w:old","selector":"$Event{x}","selector_value":"v","revision":1})"),
       live(
           ResourceKind::kEvent,
           R"({"app":"a","tag":"w:other","selector":"$Event{x}","selector_value":"o","revision":1})")},
      true);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].name, "event a/w:old");
  EXPECT_EQ(steps[1].name, "event a/w:new");
  EXPECT_EQ(steps[2].name, "event a/w:other");
}

TEST(ApplyPlanTest, PartsOfABodyKnowWhereInTheFileTheyStand) {
  const auto steps = make_plan(
      manifest("{\"webhooks\":[\n{\"app\":\"a\",\"tag\":\"w\",\n\"envs\":[{\"slug\":\"prd\"}]}]}"),
      {}, false);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].body.line, 2u);
  EXPECT_EQ(steps[0].body.find("envs")->items[0].line, 3u);
  EXPECT_EQ(steps[0].body.find("envs")->items[0].column, 9u);
}

}  // namespace
}  // namespace headrace::tools
