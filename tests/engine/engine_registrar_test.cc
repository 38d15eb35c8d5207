// SPDX-License-Identifier: Apache-2.0
// Full registration, test sends and dry runs with real providers and receivers on loopback.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/engine_rig.h"

namespace headrace {
namespace {

using test::eventually;
using test::FakeEndpoint;
using test::home;
using test::kStarred;
using test::Sink;
using State = RegistrationState;

constexpr std::string_view kSecret = "s3cr3t\"&/value";
constexpr std::string_view kCredential = "typed-in-by-hand";

class EngineRegistrarTest : public testing::Test {
 protected:
  EngineRegistrarTest() {
    EngineConfig config = test::small_engine();
    config.public_url = "https://hooks.example";
    engine = test::open(config, {.log = {},
                                 .secret = [](std::string_view,
                                              std::string_view name) -> std::optional<std::string> {
                                   if (name != "TOKEN") return std::nullopt;
                                   return std::string(kSecret);
                                 }});
  }

  // App "github" with webhook "repo" whose env "prd" is registered at the provider.
  Webhook register_webhook(std::string method = "POST", std::string target = "/hooks",
                           std::string unregistration_target = "") {
    WebhookSpec spec{.tag = "repo", .name = "Repositories", .envs = {{.slug = "prd"}}};
    spec.envs[0].registration_url = provider.url("") + target;
    spec.envs[0].method = std::move(method);
    if (!unregistration_target.empty())
      spec.envs[0].unregistration_url = provider.url("") + unregistration_target;
    auto webhook = home(*engine).create_webhook("github", spec);
    EXPECT_TRUE(webhook) << webhook.error().what;
    EXPECT_TRUE(home(*engine).create_event(
        "github",
        {.tag = "repo:starred", .selector = "$Event{action}", .sample = std::string(kStarred)}));
    return *webhook;
  }
  EnableSpec enable_spec(std::string auth = "") {
    EnableSpec spec{.access_tag = "github", .webhook = "repo", .envs = {}};
    spec.wait = std::chrono::minutes(1);
    EnableEnvSpec env{.slug = "prd", .settings = {}, .delivery_auth = std::nullopt};
    env.settings.url = receiver.url();
    if (!auth.empty()) env.settings.auth = std::move(auth);
    spec.envs.push_back(std::move(env));
    return spec;
  }
  RegistrationEnv enable(const EnableSpec& spec) {
    auto registration = home(*engine).enable("shop", spec);
    EXPECT_TRUE(registration) << registration.error().what;
    return registration ? registration->envs[0] : RegistrationEnv{};
  }
  Registration disable() {
    auto registration =
        home(*engine).disable("shop", {.access_tag = "github", .webhook = "repo", .envs = {}});
    EXPECT_TRUE(registration) << registration.error().what;
    return registration ? *registration : Registration{};
  }
  std::vector<Registration> registrations() {
    return home(*engine).registrations("shop", "")->items;
  }

  Sink provider{FakeEndpoint::answer(201, R"({"id":17,"secret":"theirs"})")};
  Sink receiver;
  std::unique_ptr<Engine> engine;
};

// --- Telling a provider

TEST_F(EngineRegistrarTest, ProviderIsToldAsTheWebhookAndTheProductSay) {
  register_webhook("PUT", "/orgs/{org}/:repo/hooks?v=1");
  const RegistrationEnv env = enable(enable_spec(
      R"({"headers":{"Authorization":"Bearer $Secret{TOKEN}","X-Api-Version":3},)"
      R"("query":{"q":"a b"},"params":{"org":"acme inc","repo":"r"},)"
      R"("body":{"config":{"url":"$Link","key":"$Secret{TOKEN}"},"n":123456789012345678901234567890}})"));
  const FakeEndpoint::Request told = provider.wait_for(1)[0];
  EXPECT_EQ(told.method, "PUT");
  EXPECT_EQ(told.target, "/orgs/acme%20inc/r/hooks?v=1&q=a%20b");
  EXPECT_EQ(told.header("authorization"), "Bearer " + std::string(kSecret));
  EXPECT_EQ(told.header("x-api-version"), "3");
  EXPECT_EQ(told.header("content-type"), "application/json");
  EXPECT_EQ(told.body, R"({"config":{"url":")" + env.link +
                           R"(","key":"s3cr3t\"&/value"},"n":123456789012345678901234567890})");
  EXPECT_EQ(env.state, State::kRegistered);
  EXPECT_EQ(env.http_status, 201);
  EXPECT_EQ(env.response, R"({"id":17,"secret":"theirs"})");
  EXPECT_EQ(env.attempts, 1u);
  EXPECT_TRUE(env.called_at);
  EXPECT_FALSE(env.next_at);
  EXPECT_EQ(registrations().size(), 1u);
}

TEST_F(EngineRegistrarTest, ProviderWithoutABodyIsToldInTheQuery) {
  register_webhook("GET", "/subscribe");
  const RegistrationEnv env = enable(enable_spec());
  const FakeEndpoint::Request told = provider.wait_for(1)[0];
  EXPECT_EQ(told.method, "GET");
  EXPECT_EQ(told.body, "");
  EXPECT_EQ(told.target, "/subscribe?url=https%3A%2F%2Fhooks.example%2Fin%2F" +
                             std::string(test::token_of(env.link)));
}

// A secret is filled in where it is sent: neither the call's message nor its attempt holds it.
TEST_F(EngineRegistrarTest, SecretIsOnTheWireAndNotOnRecord) {
  register_webhook();
  const RegistrationEnv env =
      enable(enable_spec(R"({"headers":{"A":"$Secret{TOKEN}"},"body":{"key":"$Secret{TOKEN}"}})"));
  EXPECT_NE(provider.wait_for(1)[0].body.find("s3cr3t"), std::string::npos);
  const auto message = home(*engine).message(env.call);
  ASSERT_TRUE(message) << message.error().what;
  EXPECT_EQ(message->body, "");  // the body is the call's own, and no message's
  EXPECT_EQ(message->header_lines.find("s3cr3t"), std::string::npos);
}

TEST_F(EngineRegistrarTest, NoCredentialReachesTheOtherSide) {
  register_webhook();
  EnableSpec spec = enable_spec(R"({"headers":{"X-Provider":")" + std::string(kCredential) +
                                R"("},"query":{"pk":"for-provider"}})");
  spec.envs[0].delivery_auth = R"({"headers":{"X-Receiver":"for-receiver"},"query":{"rk":"mine"}})";
  const RegistrationEnv env = enable(spec);
  const FakeEndpoint::Request told = provider.wait_for(1)[0];
  EXPECT_EQ(told.header("x-provider"), kCredential);
  const std::string to_provider = told.target + told.head + told.body;
  EXPECT_EQ(to_provider.find("for-receiver"), std::string::npos);
  EXPECT_EQ(to_provider.find("mine"), std::string::npos);
  test::submit(*engine, env.link, kStarred);
  const FakeEndpoint::Request got = receiver.wait_for(1)[0];
  EXPECT_EQ(got.header("x-receiver"), "for-receiver");
  EXPECT_EQ(got.target, "/hook?rk=mine");
  const std::string to_receiver = got.target + got.head + got.body;
  EXPECT_EQ(to_receiver.find(kCredential), std::string::npos);
  EXPECT_EQ(to_receiver.find("for-provider"), std::string::npos);
  EXPECT_EQ(provider.count(), 1u);
}

TEST_F(EngineRegistrarTest, RepeatCallsNobodyAndAnotherCredentialCallsAgain) {
  register_webhook();
  const RegistrationEnv first = enable(enable_spec(R"({"headers":{"A":"1"}})"));
  const RegistrationEnv second = enable(enable_spec(R"({"headers":{"A":"1"}})"));
  EXPECT_EQ(second.call, first.call);
  EXPECT_EQ(second.state, State::kRegistered);
  const RegistrationEnv third = enable(enable_spec(R"({"headers":{"A":"2"}})"));
  EXPECT_NE(third.call, first.call);
  EXPECT_EQ(third.link, first.link);
  EXPECT_EQ(third.state, State::kRegistered);
  const auto told = provider.wait_for(2);
  EXPECT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].header("a"), "2");
}

// The first call is under way, whether or not anybody waits for it.
TEST_F(EngineRegistrarTest, RepeatsInQuickSuccessionCallOnce) {
  register_webhook();
  EnableSpec spec = enable_spec();
  const auto wait = std::exchange(spec.wait, std::chrono::milliseconds(0));
  for (int i = 0; i < 20; ++i) enable(spec);
  spec.wait = wait;
  const RegistrationEnv env = enable(spec);
  ASSERT_TRUE(eventually([&] { return registrations()[0].envs[0].state == State::kRegistered; }));
  EXPECT_EQ(registrations()[0].envs[0].link, env.link);
  // Whatever was called twice would have come before this one.
  enable(enable_spec(R"({"headers":{"A":"last"}})"));
  const auto told = provider.wait_for(2);
  EXPECT_EQ(told.size(), 2u);
  EXPECT_EQ(told.back().header("a"), "last");
}

TEST_F(EngineRegistrarTest, FailureLeavesItPendingWithTheReasonAndTheNextTime) {
  provider.answer_with(FakeEndpoint::answer(500, "try later"));
  register_webhook();
  const RegistrationEnv env = enable(enable_spec());
  EXPECT_EQ(env.state, State::kPending);
  EXPECT_EQ(env.http_status, 500);
  EXPECT_EQ(env.response, "try later");
  EXPECT_EQ(env.attempts, 1u);
  ASSERT_TRUE(env.called_at && env.next_at);
  EXPECT_GT(*env.next_at, *env.called_at);
  // The retry is on record like a delivery's.
  const auto attempts = test::attempts_of(*engine, env.call);
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts[0].state, DeliveryState::kRetrying);
  EXPECT_EQ(attempts[0].next_at, *env.next_at);
  EXPECT_EQ(enable(enable_spec()).call, env.call) << "it is tried again anyway";
  EXPECT_EQ(provider.count(), 1u);
  // The endpoint works all the same.
  test::submit(*engine, env.link, kStarred);
  receiver.wait_for(1);
}

TEST_F(EngineRegistrarTest, ProviderThatCannotBeReachedIsNamedByTheErrorsClass) {
  std::string url;
  {
    Sink gone;
    url = gone.url("/hooks");
  }
  WebhookSpec spec{.tag = "repo", .name = "", .envs = {{.slug = "prd"}}};
  spec.envs[0].registration_url = url;
  ASSERT_TRUE(home(*engine).create_webhook("github", spec));
  const RegistrationEnv env = enable(enable_spec());
  EXPECT_EQ(env.state, State::kPending);
  EXPECT_EQ(env.error, "connect");
  EXPECT_EQ(env.http_status, 0);
}

TEST_F(EngineRegistrarTest, NobodyWaitsLongerThanAsked) {
  provider.answer_with(FakeEndpoint::silence());
  register_webhook();
  EnableSpec spec = enable_spec();
  spec.wait = std::chrono::milliseconds(1);
  EXPECT_EQ(enable(spec).state, State::kPending);
}

// --- Telling it that it is over

TEST_F(EngineRegistrarTest, DisableTellsTheProviderByTheIdThatItGave) {
  register_webhook("POST", "/hooks", "/hooks/{id}");
  const RegistrationEnv before = enable(enable_spec(R"({"headers":{"A":"$Secret{TOKEN}"}})"));
  const Registration after = disable();
  ASSERT_EQ(after.envs.size(), 1u) << "it says what was disabled";
  EXPECT_EQ(after.envs[0].slug, "prd");
  EXPECT_FALSE(after.envs[0].endpoint);
  const FakeEndpoint::Request told = provider.wait_for(2)[1];
  EXPECT_EQ(told.method, "DELETE");
  EXPECT_EQ(told.target, "/hooks/17");
  EXPECT_EQ(told.header("a"), kSecret);
  EXPECT_EQ(told.body, "");
  ASSERT_TRUE(eventually([&] { return registrations().empty(); }));
  EXPECT_EQ(test::submit(*engine, before.link, kStarred).first, SubmitStatus::kRefused);
}

TEST_F(EngineRegistrarTest, DisableWithoutAnUnregistrationUrlIsOverAtOnce) {
  register_webhook();
  const RegistrationEnv before = enable(enable_spec());
  ASSERT_EQ(before.state, State::kRegistered);
  const Registration after = disable();
  ASSERT_EQ(after.envs.size(), 1u);
  EXPECT_EQ(after.envs[0].state, State::kDisabled);
  EXPECT_TRUE(registrations().empty());
  EXPECT_TRUE(home(*engine).endpoints({})->items.empty());
  EXPECT_EQ(test::submit(*engine, before.link, kStarred).first, SubmitStatus::kRefused);
  EXPECT_EQ(provider.count(), 1u);
}

// --- Test sends and dry runs

class EngineSendsTest : public EngineRegistrarTest {
 protected:
  EngineSendsTest() { app_link = test::register_app(*engine); }
  bool is_marked(MessageId id) {
    const auto message = home(*engine).message(id);
    return message && message->message.is_test;
  }
  std::string app_link;
};

TEST_F(EngineSendsTest, TriggerSendsTheSampleToEveryReceiverMarkedAsATest) {
  Sink crm;
  test::register_product(*engine, "shop", receiver.url());
  test::register_product(*engine, "crm", crm.url());
  const auto sent = home(*engine).trigger("github", "starred", {});
  ASSERT_TRUE(sent) << sent.error().what;
  EXPECT_EQ(sent->event, "repo:starred");
  EXPECT_TRUE(sent->selected);
  EXPECT_EQ(sent->receivers, 2u);
  for (Sink* sink : {&receiver, &crm}) {
    const FakeEndpoint::Request got = sink->wait_for(1)[0];
    EXPECT_EQ(got.body, kStarred);
    EXPECT_EQ(got.header("headrace-test"), "true");
    EXPECT_EQ(got.header("webhook-id"), sent->message.to_string());
  }
  EXPECT_TRUE(is_marked(sent->message));
  // What a provider posts is not.
  const MessageId real = test::submit(*engine, app_link, kStarred).second;
  EXPECT_EQ(receiver.wait_for(2)[1].header("headrace-test"), "");
  EXPECT_FALSE(is_marked(real));
}

TEST_F(EngineSendsTest, TriggerOfOneProductWithABodyOfItsOwn) {
  Sink crm;
  test::register_product(*engine, "shop", receiver.url());
  test::register_product(*engine, "crm", crm.url());
  const auto sent = home(*engine).trigger(
      "github", "repo:starred", {.env = "prd", .product = "shop", .body = R"({"action":"no"})"});
  ASSERT_TRUE(sent) << sent.error().what;
  EXPECT_FALSE(sent->selected) << "the selectors would not have found it";
  EXPECT_EQ(sent->receivers, 1u);
  EXPECT_EQ(receiver.wait_for(1)[0].body, R"({"action":"no"})");
  EXPECT_EQ(crm.count(), 0u);
  EXPECT_EQ(home(*engine).message(sent->message)->message.event, "repo:starred");
}

TEST_F(EngineSendsTest, TriggerThatCannotBeSentIsRefused) {
  const auto fault = [&](std::string_view event, const TriggerSpec& spec) {
    const auto sent = home(*engine).trigger("github", event, spec);
    EXPECT_FALSE(sent);
    return sent ? Error{} : sent.error();
  };
  EXPECT_EQ(fault("none", {}).code, ErrorCode::kNotFound);
  EXPECT_EQ(fault("starred", {.env = "dev"}).items[0].where, "/env");
  EXPECT_EQ(fault("starred", {.env = "", .product = "none"}).items[0].where, "/product");
  EXPECT_EQ(fault("starred", {.env = "", .product = "", .body = "{"}).code, ErrorCode::kMalformed);
  ASSERT_TRUE(
      home(*engine).create_event("github", {.tag = "repo:bare", .selector = "$Event{action}"}));
  EXPECT_EQ(fault("bare", {}).items[0].where, "/payload");
}

TEST_F(EngineSendsTest, EndpointIsTestedThoughItTakesNothingAndWantsNoneOfIt) {
  const Endpoint shop = test::register_product(*engine, "shop", receiver.url());
  Sink crm;
  test::register_product(*engine, "crm", crm.url());
  EndpointSettings off;
  off.state = EndpointState::kDraining;
  off.filter = R"({"$Event{never}":1})";
  ASSERT_TRUE(home(*engine).update_endpoint(shop.id, off));
  const auto plain = home(*engine).test_endpoint(shop.id, {});
  ASSERT_TRUE(plain) << plain.error().what;
  EXPECT_EQ(plain->receivers, 1u);
  const FakeEndpoint::Request got = receiver.wait_for(1)[0];
  EXPECT_EQ(got.body, R"({"type":"headrace.test"})");
  EXPECT_EQ(got.header("headrace-test"), "true");
  const auto of_event = home(*engine).test_endpoint(shop.id, {.event = "starred"});
  ASSERT_TRUE(of_event);
  EXPECT_EQ(of_event->event, "repo:starred");
  EXPECT_EQ(receiver.wait_for(2)[1].body, kStarred);
  EXPECT_TRUE(is_marked(of_event->message));
  EXPECT_EQ(crm.count(), 0u);
  EXPECT_EQ(home(*engine).test_endpoint(shop.id, {.event = "none"}).error().items[0].where,
            "/event");
}

TEST_F(EngineSendsTest, DryRunSaysWhoWouldGetItAndWhyNot) {
  ASSERT_TRUE(
      home(*engine).create_event("github", {.tag = "repo:second", .selector = "$Event{kind}"}));
  test::register_product(*engine, "all", receiver.url());
  EndpointSettings settings;
  settings.state = EndpointState::kDraining;
  ASSERT_TRUE(home(*engine).update_endpoint(
      test::register_product(*engine, "off", receiver.url()).id, settings));
  settings = {};
  settings.events = {"second"};
  ASSERT_TRUE(home(*engine).update_endpoint(
      test::register_product(*engine, "second", receiver.url()).id, settings));
  settings = {};
  settings.filter = R"({"$Event{n}":{"gt":10}})";
  ASSERT_TRUE(home(*engine).update_endpoint(
      test::register_product(*engine, "filtered", receiver.url()).id, settings));
  const auto run = [&](std::string body, std::string env = "") {
    auto report = home(*engine).match("github", "repo",
                                      {.env = std::move(env),
                                       .body = std::move(body),
                                       .content_type = "application/json",
                                       .query = {},
                                       .header_lines = {}});
    EXPECT_TRUE(report) << report.error().what;
    return *report;
  };
  const auto reason = [](const MatchReport& report, std::string_view product) {
    for (const auto& one : report.receivers) {
      EXPECT_EQ(one.reached, one.reason.empty());
      if (one.product == product) return one.reason;
    }
    return std::string("not listed");
  };
  const MatchReport one = run(R"({"action":"starred","kind":"second","n":5})");
  EXPECT_EQ(one.event, "repo:starred");
  EXPECT_EQ(one.others, std::vector<std::string>{"repo:second"});
  EXPECT_EQ(one.receivers.size(), 4u);
  EXPECT_EQ(reason(one, "all"), "");
  EXPECT_EQ(reason(one, "off"), "the endpoint is draining");
  EXPECT_EQ(reason(one, "second"), "it does not want the event repo:starred");
  EXPECT_NE(reason(one, "filtered").find("$Event{n}"), std::string::npos);
  EXPECT_EQ(reason(run(R"({"action":"starred","n":11})"), "filtered"), "");
  EXPECT_EQ(reason(run(R"({"kind":"second"})"), "second"), "");
  const MatchReport none = run("{}", "prd");
  EXPECT_EQ(none.event, "");
  EXPECT_EQ(reason(none, "all"), "no event of the webhook matches");
  EXPECT_EQ(home(*engine).match("github", "repo", {.env = "dev"}).error().items[0].where, "/env");
  EXPECT_EQ(
      home(*engine)
          .match("github", "repo", {.env = "", .body = "{", .content_type = "application/json"})
          .error()
          .code,
      ErrorCode::kMalformed);
  EXPECT_EQ(receiver.count(), 0u);
}

}  // namespace
}  // namespace headrace
