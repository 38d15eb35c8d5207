// SPDX-License-Identifier: Apache-2.0
// The states of endpoints, what the engine decides about them by itself, and the system webhook.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/endpoint_watch.h"
#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

using engine::Complaint;
using std::chrono::hours;
using std::chrono::milliseconds;

class StatesTest : public RegistryTest {
 protected:
  struct Told {
    core::EndpointNumber endpoint{};
    bool held = false;
    bool held_in_table = false;
    bool operator==(const Told&) const = default;
  };

  void SetUp() override {
    app_link = webhook().envs[0].link;
    registry->set_gate([this](core::EndpointNumber number, bool held) {
      const auto table = registry->endpoint_table().load();
      const auto* found = table->find(number);
      told.push_back({number, held, found != nullptr && (*found)->settings.held});
    });
  }
  Endpoint set(EndpointId id, EndpointState state) {
    EndpointSettings settings;
    settings.state = state;
    return made(registry->update_endpoint(kWorkspace, id, settings, {}));
  }
  core::EndpointNumber number_of(const Endpoint& one) {
    return *registry->endpoint_number(kWorkspace, one.id);
  }
  Endpoint now(const Endpoint& one) { return *registry->endpoint(kWorkspace, one.id); }
  bool disable(const Complaint& complaint) {
    auto disabled = registry->disable_endpoint(complaint);
    EXPECT_TRUE(disabled);
    return disabled && disabled->has_value();
  }
  // An endpoint that hears of what happens to others.
  Endpoint listener() {
    EndpointSpec spec;
    spec.access_tag = "headrace";
    spec.webhook = "system";
    spec.env = "default";
    spec.settings = to(kReceiver);
    return made(registry->create_endpoint(kWorkspace, "operations", spec));
  }

  std::string app_link;
  std::vector<Told> told;
};

TEST_F(StatesTest, AStateSaysWhoGetsNewMessagesAndWhatIsHeld) {
  const Endpoint one = endpoint();
  struct Case {
    EndpointState state;
    bool takes, held;
  };
  for (const Case& expected :
       {Case{EndpointState::kPaused, true, true}, Case{EndpointState::kDraining, false, false},
        Case{EndpointState::kDisabled, false, true}, Case{EndpointState::kActive, true, false}}) {
    clock.advance(milliseconds(5));
    const Endpoint as_set = set(one.id, expected.state);
    EXPECT_EQ(as_set.state, expected.state);
    EXPECT_EQ(as_set.state_reason, StateReason::kManual);
    EXPECT_EQ(as_set.state_since, clock.wall_ms());
    EXPECT_EQ(receivers(app_link).empty(), !expected.takes) << int(expected.state);
    EXPECT_EQ(receivers(one.link).empty(), !expected.takes);
    EXPECT_EQ(dispatched(one.id)->settings.held, expected.held);
    EXPECT_EQ(registry->held_endpoints().size(), expected.held ? 1u : 0u);
    load();
    EXPECT_EQ(dispatched(one.id)->settings.held, expected.held) << "as after a restart";
    EXPECT_EQ(now(one).state, expected.state);
  }
}

TEST_F(StatesTest, WhoHandsOverIsToldBehindTheTables) {
  const Endpoint one = endpoint();
  EXPECT_TRUE(told.empty());
  const auto number = number_of(one);
  set(one.id, EndpointState::kPaused);
  set(one.id, EndpointState::kDisabled);
  set(one.id, EndpointState::kDisabled);
  set(one.id, EndpointState::kDraining);
  set(one.id, EndpointState::kActive);
  EXPECT_EQ(told, (std::vector<Told>{{number, true, true},
                                     {number, true, true},
                                     {number, false, false},
                                     {number, false, false}}));
  set(one.id, EndpointState::kPaused);
  told.clear();
  done(registry->delete_endpoint(kWorkspace, one.id, {.cascade = true}));
  EXPECT_EQ(told, (std::vector<Told>{{number, false, false}})) << "what waits is given up";
  EndpointSettings paused = to(kReceiver);
  paused.state = EndpointState::kPaused;
  told.clear();
  const Endpoint born = endpoint("shop", paused);
  EXPECT_EQ(told, (std::vector<Told>{{number_of(born), true, true}}));
}

TEST_F(StatesTest, AChangeThatTheDiskRefusesTellsNobody) {
  const Endpoint one = endpoint();
  store.faults.change_definitions = true;
  EndpointSettings settings;
  settings.state = EndpointState::kPaused;
  EXPECT_FALSE(registry->update_endpoint(kWorkspace, one.id, settings, {}));
  EXPECT_TRUE(told.empty());
  EXPECT_FALSE(dispatched(one.id)->settings.held);
}

TEST_F(StatesTest, OneThatIsGoneIsDisabledUnlessThatIsOldNews) {
  const Endpoint one = endpoint();
  const auto number = number_of(one);
  clock.advance(milliseconds(10));
  EXPECT_FALSE(disable({.endpoint = number, .began_at = clock.wall_ms() - 11}));
  EXPECT_TRUE(disable({.endpoint = number, .began_at = clock.wall_ms() - 10}));
  EXPECT_EQ(now(one).state, EndpointState::kDisabled);
  EXPECT_EQ(now(one).state_reason, StateReason::kGone);
  EXPECT_GT(now(one).revision, one.revision);
  EXPECT_EQ(told.size(), 1u);
  EXPECT_FALSE(disable({.endpoint = number, .began_at = clock.wall_ms()})) << "it is already";
  clock.advance(milliseconds(1));
  EXPECT_EQ(set(one.id, EndpointState::kActive).state_reason, StateReason::kManual);
  EXPECT_FALSE(disable({.endpoint = number, .began_at = clock.wall_ms() - 1}))
      << "an attempt from before somebody resumed it";
  EXPECT_FALSE(disable({.endpoint = core::EndpointNumber{999}, .began_at = clock.wall_ms()}));
}

TEST_F(StatesTest, OneThatOnlyFailsIsDisabledAfterItsOwnTime) {
  EndpointSettings settings = to(kReceiver);
  settings.delivery.disable_after = milliseconds(1000);
  const Endpoint one = endpoint("shop", settings);
  const Endpoint patient = endpoint("patient");
  settings.delivery.disable_after = std::optional<milliseconds>();
  const Endpoint forever = endpoint("forever", settings);
  const core::WallMs since = clock.wall_ms();
  clock.advance(milliseconds(999));
  const auto complaint = [&](const Endpoint& about) {
    return Complaint{.endpoint = number_of(about),
                     .reason = StateReason::kFailing,
                     .began_at = clock.wall_ms(),
                     .since = since,
                     .failures = 3};
  };
  EXPECT_FALSE(disable(complaint(one)));
  clock.advance(milliseconds(1));
  EXPECT_TRUE(disable(complaint(one)));
  EXPECT_EQ(now(one).state_reason, StateReason::kFailing);
  EXPECT_FALSE(disable(complaint(patient)));
  clock.advance(hours(24 * 5));
  EXPECT_TRUE(disable(complaint(patient))) << "five days by default";
  EXPECT_FALSE(disable(complaint(forever)));
  set(one.id, EndpointState::kActive);
  EXPECT_FALSE(disable(complaint(one))) << "it has all its time again";
}

// --- The system webhook

TEST_F(StatesTest, EveryWorkspaceHasASystemWebhookThatNobodyChanges) {
  done([&]() -> Result<void> {
    auto made_it = registry->create_workspace("tenant", "Tenant");
    return made_it ? Result<void>() : Result<void>(made_it.error());
  }());
  for (const std::string_view workspace : {kWorkspace, std::string_view("tenant")}) {
    const Webhook system = made(registry->webhook(workspace, "headrace", "system"));
    ASSERT_EQ(system.envs.size(), 1u);
    EXPECT_EQ(system.envs[0].slug, "default");
    const auto events = made(registry->events(workspace, "headrace", "system", {}));
    ASSERT_EQ(events.items.size(), 3u);
    for (const Event& event : events.items) {
      const std::string type = event.tag.substr(event.tag.find(':') + 1);
      EXPECT_EQ(nlohmann::json::parse(event.sample)["type"], type);
      EXPECT_EQ(event_in(system.envs[0].link, event.sample), event.tag);
      EXPECT_TRUE(event.warnings.empty());
    }
  }
  EXPECT_TRUE(registry->links("tenant", {}, {})->items.empty()) << "lists show what people made";
  EXPECT_TRUE(registry->apps("tenant", {})->items.empty());
  EXPECT_EQ(registry->links("tenant", {.app = "headrace"}, {})->items.size(), 1u);
  const std::string before = stored();
  const auto forbidden = [](const auto& result) {
    EXPECT_FALSE(result);
    EXPECT_TRUE(result || result.error().code == ErrorCode::kForbidden);
  };
  forbidden(registry->create_webhook(kWorkspace, "headrace", webhook_spec("mine")));
  forbidden(registry->update_webhook(kWorkspace, "headrace", "system", {.name = "x"}, {}));
  forbidden(registry->delete_webhook(kWorkspace, "headrace", "system", {.cascade = true}));
  forbidden(registry->delete_webhook_env(kWorkspace, "headrace", "system", "default", {}));
  forbidden(registry->delete_app(kWorkspace, "headrace", {.cascade = true}));
  forbidden(registry->create_event(kWorkspace, "headrace", event_spec("system:mine")));
  forbidden(registry->update_event(kWorkspace, "headrace", "endpoint.disabled", {.name = "x"}, {}));
  forbidden(registry->delete_event(kWorkspace, "headrace", "endpoint.disabled", {}));
  EXPECT_EQ(stored(), before);
  done(registry->delete_workspace("tenant", {}));
  load();
  EXPECT_EQ(made(registry->events(kWorkspace, "headrace", "system", {})).items.size(), 3u);
}

TEST_F(StatesTest, AWorkspaceWhoseSystemMessagesAreHeardIsNotEmpty) {
  ASSERT_TRUE(registry->create_workspace("tenant", "Tenant"));
  EndpointSpec spec;
  spec.access_tag = "headrace";
  spec.webhook = "system";
  spec.env = "default";
  spec.settings = to(kReceiver);
  const Endpoint one = made(registry->create_endpoint("tenant", "operations", spec));
  const Error full = error_of(registry->delete_workspace("tenant", {}));
  EXPECT_EQ(places(full), "endpoint " + one.id.to_string());
  done(registry->delete_workspace("tenant", {.cascade = true}));
}

TEST_F(StatesTest, DisablingMakesAMessageThatSaysWhatHappened) {
  const Endpoint one = endpoint("shop", to("https://receiver.example/secret-path"));
  const core::WallMs since = clock.wall_ms();
  clock.advance(hours(24 * 5));
  auto disabled = registry->disable_endpoint({.endpoint = number_of(one),
                                              .reason = StateReason::kFailing,
                                              .began_at = clock.wall_ms(),
                                              .since = since,
                                              .failures = 7});
  ASSERT_TRUE(disabled && *disabled && (*disabled)->message);
  const auto& message = *(*disabled)->message;
  const auto body = nlohmann::json::parse(message.body);
  EXPECT_EQ(body["type"], "endpoint.disabled");
  EXPECT_EQ(body["endpoint"], one.id.to_string());
  EXPECT_EQ(body["product"], "shop");
  EXPECT_EQ(body["app"], "github");
  EXPECT_EQ(body["webhook"], "repo");
  EXPECT_EQ(body["env"], "prd");
  EXPECT_EQ(body["host"], "receiver.example");
  EXPECT_EQ(body["reason"], "failing");
  EXPECT_EQ(body["failures"], 7);
  EXPECT_EQ(body["since"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(message.body.find("secret-path"), std::string::npos) << "a path may be a secret";
  const Webhook system = made(registry->webhook(kWorkspace, "headrace", "system"));
  EXPECT_EQ(message.link_token, token_of(system.envs[0].link));
  EXPECT_EQ(event_in(system.envs[0].link, message.body), "system:endpoint.disabled");
}

TEST_F(StatesTest, OneThatHearsOfOthersIsDisabledInSilence) {
  const Endpoint one = listener();
  auto disabled = registry->disable_endpoint(
      {.endpoint = number_of(one), .reason = StateReason::kGone, .began_at = clock.wall_ms()});
  ASSERT_TRUE(disabled && *disabled);
  EXPECT_FALSE((*disabled)->message) << "what it does not take would make ever new messages";
  EXPECT_EQ(now(one).state, EndpointState::kDisabled);
  EXPECT_FALSE(registry->breaker_message(number_of(one), true, 1));
}

TEST_F(StatesTest, ABreakerIsTalkedOfWhereSomebodyListens) {
  const Endpoint one = endpoint();
  EXPECT_FALSE(registry->breaker_message(number_of(one), true, clock.wall_ms()));
  listener();
  const auto opened = registry->breaker_message(number_of(one), true, clock.wall_ms());
  ASSERT_TRUE(opened);
  EXPECT_EQ(nlohmann::json::parse(opened->body)["type"], "endpoint.breaker_opened");
  const auto closed = registry->breaker_message(number_of(one), false, clock.wall_ms());
  ASSERT_TRUE(closed);
  EXPECT_EQ(nlohmann::json::parse(closed->body)["type"], "endpoint.breaker_closed");
}

// --- The watch

class WatchTest : public StatesTest {
 protected:
  // Lets a watch hear, and waits until it has done all that follows from it.
  template <class Hear>
  void watch(const Hear& hear) {
    engine::EndpointWatch watching(
        {*registry, store, log,
         [this](engine::SystemMessage message, const std::function<void(bool)>& stored) {
           messages.push_back(message.body);
           stored(true);
         },
         [this](const store::Failing&, const engine::FailingPast& past) {
           extended.push_back(past);
         }},
        system_clock);
    watching.start();
    hear(watching);
    watching.stop();
    gone = watching.counters().gone.value();
    failing = watching.counters().failing.value();
  }
  store::Failing failing_since(const Endpoint& one, core::WallMs since, bool is_first = false) {
    return {number_of(one), since, clock.wall_ms(), 4, is_first};
  }
  // An attempt as it is on record from before the start.
  void record(const Endpoint& one, std::uint64_t message, store::Verdict verdict) {
    store::Group group;
    store::Outcome& outcome = group.outcomes.emplace_back();
    outcome.message = MessageId{{message, 1}};
    outcome.endpoint = number_of(one);
    outcome.verdict = verdict;
    outcome.attempt = 1;
    outcome.http_status = verdict == store::Verdict::kDelivered ? 200 : 500;
    outcome.started_at = clock.wall_ms();
    ASSERT_TRUE(memory.append(group));
    ASSERT_TRUE(memory.apply(group));
  }

  const core::SystemClock system_clock{};
  core::NullLogSink log;
  std::vector<std::string> messages;
  std::vector<engine::FailingPast> extended;
  std::uint64_t gone = 0;
  std::uint64_t failing = 0;
};

TEST_F(WatchTest, OneThatIsGoneIsDisabledOnceHoweverOftenItSaysSo) {
  const Endpoint one = endpoint();
  store::Outcome outcome;
  outcome.endpoint = number_of(one);
  outcome.http_status = 410;
  outcome.started_at = clock.wall_ms();
  watch([&](engine::EndpointWatch& watch) {
    for (int i = 0; i < 10; ++i) watch.on_gone(outcome);
  });
  EXPECT_EQ(gone, 1u);
  EXPECT_EQ(now(one).state, EndpointState::kDisabled);
  EXPECT_EQ(messages.size(), 1u);
}

TEST_F(WatchTest, OneThatFailsForLessThanItMayIsLeftAlone) {
  const Endpoint one = endpoint();
  const core::WallMs since = clock.wall_ms();
  clock.advance(hours(24 * 5) - milliseconds(1));
  watch([&](engine::EndpointWatch& watch) { watch.on_failing(failing_since(one, since)); });
  EXPECT_EQ(now(one).state, EndpointState::kActive);
  clock.advance(milliseconds(1));
  watch([&](engine::EndpointWatch& watch) { watch.on_failing(failing_since(one, since)); });
  EXPECT_EQ(now(one).state_reason, StateReason::kFailing);
  EXPECT_EQ(failing, 1u);
  EXPECT_EQ(messages.size(), 1u);
}

TEST_F(WatchTest, FailuresFromBeforeTheStartCountToo) {
  const Endpoint one = endpoint();
  record(one, 1, store::Verdict::kDelivered);
  clock.advance(milliseconds(10));
  const core::WallMs since = clock.wall_ms();
  record(one, 2, store::Verdict::kRetry);
  clock.advance(hours(24));
  record(one, 3, store::Verdict::kRetry);
  clock.advance(hours(24));
  watch([&](engine::EndpointWatch& watch) {
    watch.on_failing(failing_since(one, clock.wall_ms(), true));
  });
  ASSERT_EQ(extended.size(), 1u);
  EXPECT_EQ(extended[0].since, since);
  EXPECT_EQ(extended[0].failures, 2u);
  EXPECT_EQ(now(one).state, EndpointState::kActive);
  clock.advance(hours(24 * 3));
  watch([&](engine::EndpointWatch& watch) {
    watch.on_failing(failing_since(one, clock.wall_ms(), true));
  });
  EXPECT_EQ(now(one).state_reason, StateReason::kFailing);
}

TEST_F(WatchTest, WhatFailedBeforeSomebodyResumedItIsForgotten) {
  const Endpoint one = endpoint();
  record(one, 1, store::Verdict::kRetry);
  clock.advance(hours(24 * 6));
  set(one.id, EndpointState::kPaused);
  set(one.id, EndpointState::kActive);
  clock.advance(hours(1));
  watch([&](engine::EndpointWatch& watch) {
    watch.on_failing(failing_since(one, clock.wall_ms(), true));
  });
  EXPECT_EQ(now(one).state, EndpointState::kActive);
}

TEST_F(WatchTest, WhatTheDiskRefusesIsDoneWithTheNextFailure) {
  const Endpoint one = endpoint();
  const core::WallMs since = clock.wall_ms();
  clock.advance(hours(24 * 5));
  store.faults.change_definitions = true;
  watch([&](engine::EndpointWatch& watch) { watch.on_failing(failing_since(one, since)); });
  EXPECT_EQ(now(one).state, EndpointState::kActive);
  EXPECT_TRUE(messages.empty());
  store.faults.change_definitions = false;
  watch([&](engine::EndpointWatch& watch) { watch.on_failing(failing_since(one, since)); });
  EXPECT_EQ(now(one).state, EndpointState::kDisabled);
}

}  // namespace
}  // namespace headrace::test
