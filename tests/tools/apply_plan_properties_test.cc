// SPDX-License-Identifier: Apache-2.0
// Plans carried out on simulated definitions, for any two files.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>
#include <string>

#include "tests/tools/simulated_definitions.h"
#include "tools/apply_plan.h"

namespace headrace::tools {
namespace {

template <class... Texts>
std::string one_of(Texts... texts) {
  return *rc::gen::element(std::string(texts)...);
}

void maybe_set(Json& json, std::string_view member, Json value) {
  if (*rc::gen::arbitrary<bool>()) json.set(member, std::move(value));
}

Json some_env(const std::string& slug) {
  Json env = Json::object();
  env.set("slug", Json::string(slug));
  maybe_set(env, "registration_url", Json::string(one_of("", "http://a.test", "http://b.test")));
  maybe_set(env, "method", Json::string(one_of("POST", "PUT")));
  return env;
}

Json some_webhook(const std::string& app, const std::string& tag) {
  Json webhook = Json::object();
  webhook.set("app", Json::string(app));
  webhook.set("tag", Json::string(tag));
  maybe_set(webhook, "name", Json::string(one_of("One", "Two")));
  maybe_set(webhook, "body_bytes_max", Json::number(one_of("1000", "1e3", "2000")));
  Json envs = Json::array({some_env("prd")});
  if (*rc::gen::arbitrary<bool>()) envs.items.push_back(some_env("snd"));
  webhook.set("envs", std::move(envs));
  return webhook;
}

Json some_event(const std::string& app, const std::string& tag) {
  Json event = Json::object();
  event.set("app", Json::string(app));
  event.set("tag", Json::string(tag));
  event.set("selector", Json::string(one_of("$Event{a.b}", "$Event{a}{b}", "$Header{X-Kind}")));
  maybe_set(event, "selector_value", Json::string(one_of("v", "w")));
  return event;
}

Json some_endpoint_settings() {
  Json settings = Json::object();
  settings.set("url", Json::string(one_of("http://a.test", "http://b.test")));
  maybe_set(settings, "method", Json::string(one_of("POST", "PUT")));
  if (*rc::gen::arbitrary<bool>()) {
    Json retry = Json::object();
    retry.set("schedule", Json::array({Json::string(one_of("60s", "1m", "5s"))}));
    settings.set("retry", std::move(retry));
  }
  return settings;
}

Json with_identity(Json definition, const std::string& product) {
  definition.set("product", Json::string(product));
  definition.set("access_tag", Json::string("a"));
  definition.set("webhook", Json::string("w"));
  return definition;
}

// Webhooks first, and events only of webhooks that are in the file.
Json some_file() {
  Json webhooks = Json::array();
  Json events = Json::array();
  for (const char* tag : {"w", "v"}) {
    if (!*rc::gen::arbitrary<bool>()) continue;
    webhooks.items.push_back(some_webhook("a", tag));
    for (const char* part : {":one", ":two", ":three"}) {
      if (*rc::gen::arbitrary<bool>())
        events.items.push_back(some_event("a", std::string(tag) + part));
    }
  }
  Json endpoints = Json::array();
  Json registrations = Json::array();
  for (const char* product : {"p", "q"}) {
    const int kind = *rc::gen::inRange(0, 3);
    Json settings = some_endpoint_settings();
    if (kind == 1) {
      settings.set("env", Json::string("prd"));
      endpoints.items.push_back(with_identity(std::move(settings), product));
    } else if (kind == 2) {
      settings.set("slug", Json::string("prd"));
      Json registration = Json::object();
      registration.set("envs", Json::array({std::move(settings)}));
      registrations.items.push_back(with_identity(std::move(registration), product));
    }
  }
  Json file = Json::object();
  file.set("webhooks", std::move(webhooks));
  file.set("events", std::move(events));
  file.set("endpoints", std::move(endpoints));
  file.set("registrations", std::move(registrations));
  return file;
}

Manifest some_manifest() {
  const Json file = some_file();
  auto manifest = read_manifest(file, "f.json");
  RC_ASSERT(manifest.has_value());
  return *manifest;
}

std::set<std::string> names(const std::vector<Resource>& resources) {
  std::set<std::string> all;
  for (const Resource& resource : resources) all.insert(name_of(resource));
  return all;
}

TEST(ApplyPlanPropertiesTest, AfterAPlanThereIsNothingToDo) {
  EXPECT_TRUE(rc::check([] {
    SimulatedDefinitions definitions;
    for (int round = 0; round < 3; ++round) {
      const Manifest manifest = some_manifest();
      const bool prune = *rc::gen::arbitrary<bool>();
      for (const Step& step : make_plan(manifest, definitions.resources(), prune))
        definitions.carry_out(step);
      RC_ASSERT(!testing::Test::HasFailure());
      RC_ASSERT(make_plan(manifest, definitions.resources(), prune).empty());
    }
  }));
}

TEST(ApplyPlanPropertiesTest, WithPruningOnlyWhatTheFileHasIsLeft) {
  EXPECT_TRUE(rc::check([] {
    SimulatedDefinitions definitions;
    for (int round = 0; round < 3; ++round) {
      const Manifest manifest = some_manifest();
      for (const Step& step : make_plan(manifest, definitions.resources(), true))
        definitions.carry_out(step);
      RC_ASSERT(!testing::Test::HasFailure());
      RC_ASSERT(names(definitions.resources()) == names(manifest.resources));
    }
  }));
}

TEST(ApplyPlanPropertiesTest, WithoutPruningNothingIsDeleted) {
  EXPECT_TRUE(rc::check([] {
    SimulatedDefinitions definitions;
    for (const Step& step : make_plan(some_manifest(), {}, false)) definitions.carry_out(step);
    for (const Step& step : make_plan(some_manifest(), definitions.resources(), false))
      RC_ASSERT(step.action != Action::kDelete);
  }));
}

}  // namespace
}  // namespace headrace::tools
