// SPDX-License-Identifier: Apache-2.0
// Full registration as rules: what is written down for several envs at once, and which providers
// are to be called. The calls themselves are in engine_registrar_test.cc.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

using engine::CallDefinition;
using engine::CallOutcome;
using Calls = std::vector<core::EndpointNumber>;
using State = RegistrationState;

constexpr std::string_view kProvider = "https://api.example.com/hooks";

class RegistrationsTest : public RegistryTest {
 protected:
  Calls enable(const EnableSpec& spec) { return made(registry->enable(kWorkspace, "shop", spec)); }
  Error refused(const EnableSpec& spec) {
    return error_of(registry->enable(kWorkspace, "shop", spec));
  }
  Calls disable(std::vector<std::string> envs = {}) {
    return made(registry->disable(kWorkspace, "shop", {"github", "repo", std::move(envs)})).calls;
  }
  // Of "prd".
  RegistrationEnv shown() {
    return made(registry->registration(kWorkspace, "shop", "github", "repo", {"prd"})).envs[0];
  }
  static EnableSpec with_auth(std::string auth) {
    EnableSpec spec = enable_spec();
    spec.envs[0].settings.auth = std::move(auth);
    return spec;
  }
  void outcome(core::EndpointNumber number, store::Verdict verdict, std::uint16_t status,
               std::string response = "", std::uint32_t attempt = 1) {
    CallOutcome result;
    result.number = number;
    result.message = MessageId{{7, 7}};
    result.verdict = verdict;
    result.attempt = attempt;
    result.http_status = status;
    result.error = status == 0 ? "connect" : "";
    result.response = std::move(response);
    result.started_at = clock.wall_ms();
    result.next_at = verdict == store::Verdict::kRetry ? clock.wall_ms() + 5000 : 0;
    done(registry->note_call_outcome(result));
  }
  CallDefinition call_of(const Calls& calls) {
    EXPECT_EQ(calls.size(), 1u);
    auto call = calls.empty() ? std::nullopt : registry->call(calls[0]);
    EXPECT_TRUE(call);
    return call.value_or(CallDefinition());
  }
};

// --- Without a provider to call

TEST_F(RegistrationsTest, EnvWithoutARegistrationUrlGetsEndpointAndLink) {
  webhook("github", "repo", {"prd", "snd"});
  EnableSpec spec = with_auth(R"({"headers":{"A":"mine"}})");
  spec.envs.push_back({"snd", to("http://127.0.0.1:9/snd"), std::nullopt});
  EXPECT_TRUE(enable(spec).empty());
  const auto all =
      made(registry->registration(kWorkspace, "shop", "github", "repo", {"snd", "prd"}));
  ASSERT_EQ(all.envs.size(), 2u);
  EXPECT_EQ(all.app, "github");
  EXPECT_EQ(all.envs[0].slug, "snd");
  EXPECT_EQ(all.envs[0].url, "http://127.0.0.1:9/snd");
  EXPECT_EQ(all.envs[0].state, State::kEnabled);
  EXPECT_EQ(receivers(all.envs[0].link), std::vector<std::string>{"shop"});
  EXPECT_NE(dispatched(all.envs[1].endpoint)->prefix.find("A: mine\r\n"), std::string::npos);
}

TEST_F(RegistrationsTest, AllEnvsAreEnabledOrNone) {
  webhook("github", "repo", {"prd", "snd"});
  const std::string before = stored();
  EnableSpec spec = enable_spec();
  spec.envs.push_back({"dev", to(kReceiver), std::nullopt});
  EXPECT_EQ(places(refused(spec)), "/envs/1/slug");
  spec.envs[1] = {"snd", to("ftp://h/"), std::nullopt};
  EXPECT_EQ(places(refused(spec)), "/envs/1/url");
  spec.envs[1] = {"snd", {}, std::nullopt};
  EXPECT_EQ(places(refused(spec)), "/envs/1/url");
  spec.envs[1] = {"prd", to(kReceiver), std::nullopt};
  EXPECT_EQ(places(refused(spec)), "/envs/1/slug");
  spec.envs[1] = {"snd", to(kReceiver), R"({"headers":{}})"};
  EXPECT_EQ(places(refused(spec)), "/envs/1/delivery_auth");
  spec.envs.clear();
  EXPECT_EQ(places(refused(spec)), "/envs");
  EXPECT_EQ(stored(), before);
  EXPECT_TRUE(registry->endpoints(kWorkspace, {}, {})->items.empty());
}

TEST_F(RegistrationsTest, RepeatWritesNothing) {
  webhook();
  enable(enable_spec());
  const std::string before = stored();
  enable(enable_spec());
  EXPECT_EQ(stored(), before);
}

// --- What a provider is told

TEST_F(RegistrationsTest, CallHasTheCredentialTheLinkAndTheParams) {
  calling_webhook("https://api.example.com/{org}/:repo/hooks",
                  R"({"headers":{"Authorization":"Bearer x"},"params":{"org":"o"}})", "PUT");
  EnableSpec spec =
      with_auth(R"({"headers":{"authorization":"Bearer $Secret{TOKEN}"},"query":{"v":2},)"
                R"("body":{"config":{"url":"$Link"},"n":123456789012345678901234567890},)"
                R"("params":{"org":"a b","repo":"r"}})");
  spec.envs[0].delivery_auth = R"({"headers":{"X-Mine":"1"}})";
  const CallDefinition call = call_of(enable(spec));
  const RegistrationEnv env = shown();
  EXPECT_EQ(call.url, "https://api.example.com/a%20b/r/hooks");
  EXPECT_EQ(call.method, "PUT");
  EXPECT_EQ(call.headers, (engine::Fields{{"authorization", "Bearer $Secret{TOKEN}"}}));
  EXPECT_EQ(call.query, (engine::Fields{{"v", "2"}}));
  EXPECT_EQ(call.body,
            R"({"config":{"url":")" + env.link + R"("},"n":123456789012345678901234567890})");
  EXPECT_EQ(env.state, State::kPending);
  EXPECT_FALSE(env.call);
  // Neither credential goes to the other side.
  const auto table = registry->endpoint_table().load();
  const auto& provider = **table->find(call.number);
  EXPECT_NE(provider.prefix.find("authorization: Bearer s3cr3t\r\n"), std::string::npos);
  EXPECT_EQ(provider.prefix.find("X-Mine"), std::string::npos);
  EXPECT_FALSE(provider.settings.forward_headers);
  const std::string_view receiver = dispatched(env.endpoint)->prefix;
  EXPECT_NE(receiver.find("X-Mine: 1\r\n"), std::string::npos);
  EXPECT_EQ(receiver.find("s3cr3t"), std::string::npos);
  EXPECT_EQ(stored().find("s3cr3t"), std::string::npos);
}

TEST_F(RegistrationsTest, ProviderThatIsAskedByGetIsToldInTheQuery) {
  calling_webhook(std::string(kProvider), "", "GET");
  const CallDefinition call = call_of(enable(enable_spec()));
  EXPECT_EQ(call.query, (engine::Fields{{"url", shown().link}}));
  EXPECT_EQ(call.body, "");
  EXPECT_EQ(places(refused(with_auth(R"({"body":{"a":1}})"))), "/envs/0/auth/body");
}

TEST_F(RegistrationsTest, AuthIsHeldToTheSampleAndTheUrl) {
  calling_webhook("https://api.example.com/{id}",
                  R"({"headers":{"A":"x"},"body":{"deep":{"n":1}}})");
  EXPECT_EQ(places(refused(enable_spec())), "/envs/0/auth/headers/A /envs/0/auth/body/deep");
  EXPECT_EQ(places(refused(with_auth(R"({"headers":{"a":"y"},"body":{"deep":{"n":"1"}}})"))),
            "/envs/0/auth/body/deep/n");
  const std::string good = R"("headers":{"a":"y"},"body":{"deep":{"n":2}})";
  EXPECT_EQ(places(refused(with_auth("{" + good + "}"))), "/envs/0/auth/params/id");
  EXPECT_EQ(call_of(enable(with_auth("{" + good + R"(,"params":{"id":7}})"))).url,
            "https://api.example.com/7");
}

TEST_F(RegistrationsTest, WhatCannotBeSentIsRefusedAtAuth) {
  calling_webhook(std::string(kProvider));
  const std::string before = stored();
  EXPECT_EQ(places(refused(with_auth("{"))), "/envs/0/auth");
  EXPECT_EQ(places(refused(with_auth(R"({"headers":{"A":"$Secret{NONE}"}})"))), "/envs/0/auth");
  EXPECT_EQ(places(refused(with_auth(R"({"headers":{"A b":"x"}})"))), "/envs/0/auth");
  EXPECT_EQ(places(refused(with_auth(R"({"body":{"url":"mine"}})"))), "/envs/0/auth/body");
  EnableSpec spec = enable_spec();
  spec.envs[0].delivery_auth = R"({"body":{"a":1}})";
  EXPECT_EQ(places(refused(spec)), "/envs/0/delivery_auth/body");
  EXPECT_EQ(stored(), before);
}

// --- Repeats

TEST_F(RegistrationsTest, CallIsNotMadeAgainUnlessItIsAnother) {
  calling_webhook(std::string(kProvider));
  const Calls first = enable(with_auth(R"({"headers":{"A":"1"}})"));
  EXPECT_EQ(registry->calls_to_hand_over(), first);
  done(registry->note_call_message(first[0], MessageId{{7, 7}}));
  EXPECT_TRUE(registry->calls_to_hand_over().empty());
  EXPECT_TRUE(enable(with_auth(R"({"headers":{"A":"1"}})")).empty()) << "under way";
  outcome(first[0], store::Verdict::kDelivered, 201);
  EXPECT_EQ(shown().state, State::kRegistered);
  const std::string before = stored();
  EXPECT_TRUE(enable(with_auth(R"({"headers":{"A":"1"}})")).empty());
  EXPECT_EQ(stored(), before);
  const Calls second = enable(with_auth(R"({"headers":{"A":"2"}})"));
  ASSERT_EQ(second.size(), 1u);
  EXPECT_NE(second, first);
  EXPECT_EQ(shown().state, State::kPending);
  EXPECT_FALSE(registry->call(first[0]));
  outcome(first[0], store::Verdict::kDelivered, 200);  // too late
  EXPECT_EQ(shown().state, State::kPending);
}

TEST_F(RegistrationsTest, ReceiverMayChangeWithoutACall) {
  calling_webhook(std::string(kProvider));
  outcome(enable(enable_spec())[0], store::Verdict::kDelivered, 200);
  EXPECT_TRUE(enable(enable_spec(to("https://example.com/new"))).empty());
  EXPECT_EQ(shown().url, "https://example.com/new");
  EXPECT_EQ(shown().state, State::kRegistered);
}

TEST_F(RegistrationsTest, FailureIsShownAndCallThatWasGivenUpIsMadeAgain) {
  calling_webhook(std::string(kProvider));
  const Calls calls = enable(enable_spec());
  outcome(calls[0], store::Verdict::kRetry, 500, "sorry");
  RegistrationEnv env = shown();
  EXPECT_EQ(env.state, State::kPending);
  EXPECT_EQ(env.http_status, 500);
  EXPECT_EQ(env.response, "sorry");
  EXPECT_EQ(env.attempts, 1u);
  EXPECT_EQ(env.called_at, clock.wall_ms());
  EXPECT_EQ(env.next_at, clock.wall_ms() + 5000);
  EXPECT_TRUE(enable(enable_spec()).empty()) << "it is tried again anyway";
  outcome(calls[0], store::Verdict::kDead, 0, "", 10);
  env = shown();
  EXPECT_EQ(env.state, State::kFailed);
  EXPECT_EQ(env.error, "connect");
  EXPECT_FALSE(env.next_at);
  load();
  EXPECT_EQ(shown().state, State::kFailed);
  EXPECT_EQ(enable(enable_spec()).size(), 1u);
  EXPECT_EQ(shown().state, State::kPending);
}

// --- Disabling

class FarewellTest : public RegistrationsTest {
 protected:
  void SetUp() override {
    WebhookSpec spec = webhook_spec();
    spec.envs[0].registration_url = kProvider;
    spec.envs[0].unregistration_url = "https://api.example.com/hooks/{id}/:org";
    app_link = made(registry->create_webhook(kWorkspace, "github", spec)).envs[0].link;
  }
  // Registers; the provider answers so.
  core::EndpointNumber register_with(std::string response) {
    const Calls calls = enable(with_auth(
        R"({"headers":{"A":"Bearer $Secret{TOKEN}"},"params":{"org":"mine"},"body":{"k":1}})"));
    EXPECT_EQ(calls.size(), 1u);
    outcome(calls[0], store::Verdict::kDelivered, 201, std::move(response));
    return calls[0];
  }
  std::string app_link;
};

TEST_F(FarewellTest, ProviderIsToldByTheIdThatItGave) {
  const core::EndpointNumber registered = register_with(R"({"id":17,"org":"theirs"})");
  const RegistrationEnv before = shown();
  const CallDefinition call = call_of(disable());
  EXPECT_EQ(call.url, "https://api.example.com/hooks/17/mine");
  EXPECT_EQ(call.method, "DELETE");
  EXPECT_EQ(call.body, "");
  EXPECT_EQ(call.headers, (engine::Fields{{"A", "Bearer $Secret{TOKEN}"}}));
  EXPECT_NE(call.number, registered);
  EXPECT_EQ(shown().state, State::kUnregistering);
  EXPECT_FALSE(shown().endpoint);
  EXPECT_EQ(route(before.link), nullptr);
  EXPECT_TRUE(receivers(app_link).empty());
  EXPECT_EQ(made(registry->registrations(kWorkspace, "shop", "", {})).items.size(), 1u);
  outcome(call.number, store::Verdict::kDelivered, 204);
  EXPECT_EQ(shown().state, State::kDisabled);
  EXPECT_TRUE(made(registry->registrations(kWorkspace, "shop", "", {})).items.empty());
}

TEST_F(FarewellTest, ProviderThatGaveNoIdIsNotCalled) {
  for (const char* response :
       {"", "not json", "[1]", R"({"id":null})", R"({"id":{}})", R"({"other":1})"}) {
    register_with(response);
    EXPECT_TRUE(disable().empty()) << response;
    EXPECT_EQ(shown().state, State::kDisabled);
    EXPECT_TRUE(made(registry->registrations(kWorkspace, "", "", {})).items.empty());
  }
}

// A provider must not talk us into telling it another's secret.
TEST_F(FarewellTest, ProvidersAnswerIsNeverReadAsASecret) {
  for (const char* response :
       {R"({"id":"$Secret{TOKEN}"})", R"({"id":"a$Secret{TOKEN}b"})", R"({"id":"$Secret{"})"}) {
    register_with(response);
    const Calls calls = disable();
    const auto endpoints = registry->endpoint_table().load();
    for (const auto number : calls) {
      const auto* told = endpoints->find(number);
      ASSERT_NE(told, nullptr);
      const std::string first_line{(*told)->prefix.substr(0, (*told)->prefix.find("\r\n"))};
      EXPECT_EQ(first_line.find("s3cr3t"), std::string::npos) << first_line;
      outcome(number, store::Verdict::kDelivered, 204);
    }
  }
}

TEST_F(FarewellTest, EnablingAgainTakesTheFarewellBack) {
  register_with(R"({"id":17})");
  const Calls farewell = disable();
  const Calls again = enable(with_auth(R"({"params":{"org":"mine"}})"));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_FALSE(registry->call(farewell[0]));
  EXPECT_EQ(registry->endpoint_table().load()->find(farewell[0]), nullptr);
  EXPECT_EQ(shown().state, State::kPending);
}

TEST_F(FarewellTest, FarewellThatFailedIsListedAndMadeAgainOnRequest) {
  register_with(R"({"id":17})");
  const CallDefinition first = call_of(disable());
  EXPECT_EQ(registry->product(kWorkspace, "shop")->tag, "shop");
  EXPECT_EQ(error_of(registry->delete_webhook(kWorkspace, "github", "repo", {})).code,
            ErrorCode::kConflict);  // it would end the farewell
  outcome(first.number, store::Verdict::kDead, 500);
  EXPECT_EQ(shown().state, State::kFailed);
  const CallDefinition second = call_of(disable());
  EXPECT_EQ(second.url, first.url);
  EXPECT_NE(second.number, first.number);
  EXPECT_EQ(shown().state, State::kUnregistering);
  done(registry->delete_product(kWorkspace, "shop", {.cascade = true}));
  EXPECT_EQ(shown().state, State::kDisabled);
}

TEST_F(FarewellTest, WhatIsNotGivenAgainStaysAsItWas) {
  EnableSpec spec = with_auth(R"({"headers":{"A":"provider"},"params":{"org":"mine"}})");
  spec.envs[0].delivery_auth = R"({"headers":{"A":"receiver"}})";
  const Calls calls = enable(spec);
  outcome(calls[0], store::Verdict::kDelivered, 200, R"({"id":17})");
  EnableSpec again = enable_spec();
  again.envs[0].settings = {.delivery = {.in_flight_max = 3}};
  EXPECT_TRUE(enable(again).empty());
  const Endpoint endpoint = made(registry->endpoint(kWorkspace, shown().endpoint));
  EXPECT_EQ(endpoint.delivery.in_flight_max, 3u);
  EXPECT_NE(dispatched(endpoint.id)->prefix.find("A: receiver"), std::string::npos);
  EXPECT_EQ(shown().state, State::kRegistered);
}

TEST_F(FarewellTest, ProviderThatWasGivenUpIsCalledAgainAsBefore) {
  const Calls calls = enable(with_auth(R"({"headers":{"A":"provider"},"params":{"org":"mine"}})"));
  const CallDefinition first = call_of(calls);
  outcome(calls[0], store::Verdict::kDead, 500);
  const CallDefinition second = call_of(enable(enable_spec()));
  EXPECT_TRUE(second.same_request(first));
  EXPECT_EQ(second.attempts, 0u);
  EXPECT_EQ(shown().state, State::kPending);
}

TEST_F(FarewellTest, DisablingTwiceTellsOnce) {
  register_with(R"({"id":17})");
  EXPECT_EQ(disable({"prd"}).size(), 1u);
  EXPECT_TRUE(disable({"prd"}).empty());
  EXPECT_TRUE(disable().empty());
}

TEST_F(RegistrationsTest, DisablingNamesItsEnvsAndLeavesOthers) {
  webhook("github", "repo", {"prd", "snd"});
  EnableSpec spec = enable_spec();
  spec.envs.push_back({"snd", to(kReceiver), std::nullopt});
  enable(spec);
  const std::string link = shown().link;
  EXPECT_EQ(
      places(error_of(registry->disable(kWorkspace, "shop", {"github", "repo", {"prd", "dev"}}))),
      "/envs/1");
  EXPECT_NE(route(link), nullptr);
  disable({"prd"});
  EXPECT_EQ(route(link), nullptr);
  EXPECT_EQ(shown().state, State::kDisabled);
  const auto left = made(registry->registrations(kWorkspace, "shop", "github", {}));
  ASSERT_EQ(left.items.size(), 1u);
  ASSERT_EQ(left.items[0].envs.size(), 1u);
  EXPECT_EQ(left.items[0].envs[0].slug, "snd");
}

// --- Lists

TEST_F(RegistrationsTest, RegistrationsAreListedByProductNameAndPage) {
  webhook();
  webhook("github", "org");
  webhook("gitlab");
  made(registry->connect(kWorkspace, "b", "lab", "gitlab", {}));
  const auto add = [&](std::string_view product, std::string access_tag, std::string tag) {
    EnableSpec spec = enable_spec();
    spec.access_tag = std::move(access_tag);
    spec.webhook = std::move(tag);
    made(registry->enable(kWorkspace, product, spec));
  };
  add("a", "github", "repo");
  add("a", "github", "org");
  add("a", "gitlab", "repo");
  add("b", "lab", "repo");
  const auto names = [&](std::string_view product, std::string_view access_tag) {
    std::string all;
    PageRequest page{.cursor = {}, .count_max = 1};
    for (int pages = 0; pages < 9; ++pages) {
      const auto part = made(registry->registrations(kWorkspace, product, access_tag, page));
      for (const Registration& one : part.items)
        all += one.product + "/" + one.access_tag + "/" + one.webhook + " ";
      page.cursor = part.next;
      if (part.next.empty()) break;
    }
    return all;
  };
  EXPECT_EQ(names("", ""), "a/github/org a/github/repo a/gitlab/repo b/lab/repo ");
  EXPECT_EQ(names("a", ""), "a/github/org a/github/repo a/gitlab/repo ");
  EXPECT_EQ(names("", "lab"), "b/lab/repo ");
  EXPECT_EQ(names("a", "gitlab"), "a/gitlab/repo ");
  EXPECT_EQ(names("a", "lab"), "");
  EXPECT_EQ(names("a/github", ""), "");
}

}  // namespace
}  // namespace headrace::test
