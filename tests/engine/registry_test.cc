// SPDX-License-Identifier: Apache-2.0
#include "engine/registry.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "selector/program.h"
#include "store/memory_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manual_clock.h"

namespace headrace::engine {
namespace {

constexpr std::string_view kPublicUrl = "https://hooks.example";

class RegistryTest : public testing::Test {
 protected:
  void SetUp() override { reload(); }

  void reload() {
    auto loaded = Registry::load(store, std::string(kPublicUrl));
    ASSERT_TRUE(loaded) << loaded.error().what;
    registry = std::move(*loaded);
  }
  static WebhookSpec webhook(std::string tag = "repo", std::vector<std::string> envs = {"prd"}) {
    WebhookSpec spec;
    spec.tag = std::move(tag);
    spec.name = "Repositories";
    for (std::string& env : envs) spec.envs.push_back({std::move(env)});
    return spec;
  }
  static EventSpec event(std::string tag, std::string selector = "$Event{action}",
                         std::string sample = "") {
    EventSpec spec;
    spec.tag = std::move(tag);
    spec.name = "An event";
    spec.selector = std::move(selector);
    spec.sample = std::move(sample);
    return spec;
  }
  static LinkSpec link(std::string url = "http://127.0.0.1:9/hook", std::string env = "prd") {
    LinkSpec spec;
    spec.access_tag = "github";
    spec.webhook_tag = "repo";
    spec.env = std::move(env);
    spec.url = std::move(url);
    return spec;
  }
  void make_webhook() { ASSERT_TRUE(registry->create_webhook("github", webhook())); }

  ErrorCode webhook_error(std::string_view app, const WebhookSpec& spec) {
    auto made = registry->create_webhook(app, spec);
    EXPECT_FALSE(made);
    return made ? ErrorCode::kUnsupported : made.error().code;
  }
  Error event_error(const EventSpec& spec, std::string_view app = "github") {
    auto made = registry->create_event(app, spec);
    EXPECT_FALSE(made);
    return made ? Error{ErrorCode::kUnsupported, "", 0} : made.error();
  }
  Error link_error(const LinkSpec& spec, std::string_view product = "shop") {
    auto made = registry->create_link(product, spec);
    EXPECT_FALSE(made);
    return made ? Error{ErrorCode::kUnsupported, "", 0} : made.error();
  }
  // The route of a link as ingest finds it; null when there is none.
  const selector::LinkRoute* route(std::string_view url) {
    table = registry->routes().load();
    return table->find(url.substr(url.rfind('/') + 1));
  }
  // The tag of the event that the link finds in a body; empty when none.
  std::string event_in(std::string_view url, std::string_view json) {
    std::string padded(json);
    padded.append(core::BufferPool::kPadding, ' ');
    const selector::Match match = matcher.run(
        *route(url)->program,
        {std::string_view(padded).substr(0, json.size()), selector::BodyKind::kJson, {}, {}});
    return registry->event_tag(match.event);
  }
  // Everything that the store holds, as one text.
  std::string stored() {
    std::string all;
    auto scanned = memory.scan_definitions("", [&](std::string_view key, std::string_view value) {
      all.append(key).append("=").append(value).append("\n");
    });
    EXPECT_TRUE(scanned);
    return all;
  }

  test::ManualClock clock;
  store::MemoryStore memory{store::StoreOptions{}, clock, 1};
  test::FaultyStore store{memory};
  std::unique_ptr<Registry> registry;
  std::shared_ptr<const selector::RoutingTable> table;
  selector::Matcher matcher;
};

// --- Webhooks -----------------------------------------------------------------------------------

TEST_F(RegistryTest, WebhookGetsALinkOfItsOwnForEachEnv) {
  auto made = registry->create_webhook("github", webhook("repo", {"prd", "snd"}));
  ASSERT_TRUE(made);
  ASSERT_EQ(made->envs.size(), 2u);
  EXPECT_EQ(made->envs[0].slug, "prd");
  EXPECT_EQ(made->envs[1].slug, "snd");
  EXPECT_NE(made->envs[0].link_id, made->envs[1].link_id);
  EXPECT_TRUE(made->envs[0].link.starts_with("https://hooks.example/in/"));
  EXPECT_EQ(made->envs[0].link.size(), kPublicUrl.size() + 4 + kIdDigits);
  EXPECT_NE(route(made->envs[0].link), nullptr);
  EXPECT_NE(route(made->envs[0].link)->number, route(made->envs[1].link)->number);
}

TEST_F(RegistryTest, WebhookWithoutVerificationSaysSo) {
  auto made = registry->create_webhook("github", webhook());
  ASSERT_TRUE(made);
  EXPECT_EQ(made->warnings.size(), 1u);
}

TEST_F(RegistryTest, TagsThatAreNotTagsAreRefused) {
  for (const std::string& tag :
       {std::string(), std::string("-a"), std::string("a b"), std::string("a/b"),
        std::string("a:b"), std::string("\xc3\xa4"), std::string(129, 'a')}) {
    EXPECT_EQ(webhook_error("github", webhook(tag)), ErrorCode::kInvalidArgument) << tag;
    EXPECT_EQ(webhook_error(tag, webhook()), ErrorCode::kInvalidArgument) << tag;
  }
  EXPECT_TRUE(registry->create_webhook("github", webhook(std::string(128, 'a'))));
  EXPECT_TRUE(registry->create_webhook("0", webhook("A.b_c-d")));
}

TEST_F(RegistryTest, SlugsThatAreNotSlugsAreRefused) {
  for (const std::string& slug : {std::string(), std::string("Prd"), std::string("_a"),
                                  std::string("a.b"), std::string(65, 'a')}) {
    EXPECT_EQ(webhook_error("github", webhook("repo", {slug})), ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(registry->create_webhook("github", webhook("repo", {std::string(64, 'a'), "0-_"})));
}

TEST_F(RegistryTest, WebhookNeedsAtLeastOneEnvAndEachOnce) {
  EXPECT_EQ(webhook_error("github", webhook("repo", {})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(webhook_error("github", webhook("repo", {"prd", "prd"})), ErrorCode::kInvalidArgument);
}

TEST_F(RegistryTest, BodyLimitMustBeWithinItsBounds) {
  WebhookSpec spec = webhook();
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{64 * 1024 * 1024 + 1}}) {
    spec.body_bytes_max = bytes;
    EXPECT_EQ(webhook_error("github", spec), ErrorCode::kInvalidArgument);
  }
  spec.body_bytes_max = 64 * 1024 * 1024;
  auto made = registry->create_webhook("github", spec);
  ASSERT_TRUE(made);
  EXPECT_EQ(route(made->envs[0].link)->body_bytes_max, 64u * 1024 * 1024);
}

TEST_F(RegistryTest, RawWebhookTakesAnyBytes) {
  WebhookSpec spec = webhook();
  spec.raw_payload = true;
  auto made = registry->create_webhook("github", spec);
  ASSERT_TRUE(made);
  EXPECT_EQ(route(made->envs[0].link)->payload, selector::PayloadRule::kRaw);
}

TEST_F(RegistryTest, TagOfAWebhookIsTakenInItsAppOnly) {
  make_webhook();
  EXPECT_EQ(webhook_error("github", webhook()), ErrorCode::kConflict);
  EXPECT_TRUE(registry->create_webhook("gitlab", webhook()));
  EXPECT_EQ(registry->webhooks("github")->size(), 1u);
  EXPECT_TRUE(registry->webhooks("nobody")->empty());
}

// --- Events -------------------------------------------------------------------------------------

TEST_F(RegistryTest, EventMatchesTheValueOfItsSample) {
  auto app = registry->create_webhook("github", webhook());
  auto made = registry->create_event(
      "github", event("repo:starred", "$Event{action}", R"({"action":"created"})"));
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_EQ(made->value, "created");
  EXPECT_EQ(event_in(app->envs[0].link, R"({"action":"created"})"), "repo:starred");
  EXPECT_EQ(event_in(app->envs[0].link, R"({"action":"deleted"})"), "");
}

TEST_F(RegistryTest, EventWhoseSampleLacksThePathMatchesTheEventPartOfItsTag) {
  auto app = registry->create_webhook("github", webhook());
  auto made = registry->create_event(
      "github", event("repo:new-event", "$Event{identifier}", R"({"event":"x","data":{}})"));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->value, "new-event");
  EXPECT_EQ(event_in(app->envs[0].link, R"({"identifier":"new-event"})"), "repo:new-event");
}

TEST_F(RegistryTest, EventWithoutASampleMatchesTheEventPartOfItsTag) {
  make_webhook();
  auto made = registry->create_event("github", event("repo:payment.succeeded"));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->value, "payment.succeeded");
}

TEST_F(RegistryTest, GivenValueComesBeforeSampleAndTag) {
  make_webhook();
  EventSpec spec = event("repo:starred", "$Event{action}", R"({"action":"created"})");
  spec.selector_value = "started";
  auto made = registry->create_event("github", spec);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->value, "started");
}

TEST_F(RegistryTest, EventCanBeNamedByAHeader) {
  make_webhook();
  auto made = registry->create_event(
      "github", event("repo:push", "$Header{X-GitHub-Event}", R"({"X-GitHub-Event":"no"})"));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->value, "push");
}

TEST_F(RegistryTest, SampleIsKeptToTheLetter) {
  make_webhook();
  const std::string sample =
      "{ \"id\": 123456789012345678901234567890.10,\n\t\"e\":1E+2, \"\\u00e4\": \"\xc3\xa4\" }";
  auto made = registry->create_event("github", event("repo:big", "$Event{action}", sample));
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_EQ(made->sample, sample);
  reload();
  EXPECT_EQ(registry->events("github", "repo")->front().sample, sample);
}

TEST_F(RegistryTest, BigNumberInASampleIsAValueThatMatchesAllItsSpellings) {
  auto app = registry->create_webhook("github", webhook());
  auto made = registry->create_event(
      "github", event("repo:big", "$Event{id}", R"({"id":123456789012345678901234567890})"));
  ASSERT_TRUE(made);
  EXPECT_EQ(event_in(app->envs[0].link, R"({"id":123456789012345678901234567890})"), "repo:big");
  EXPECT_EQ(event_in(app->envs[0].link, R"({"id":1234567890123456789012345678900e-1})"),
            "repo:big");
  EXPECT_EQ(event_in(app->envs[0].link, R"({"id":123456789012345678901234567891})"), "");
}

TEST_F(RegistryTest, EventOfAnUnknownWebhookIsNotFound) {
  make_webhook();
  EXPECT_EQ(event_error(event("nothing:starred")).code, ErrorCode::kNotFound);
  EXPECT_EQ(event_error(event("repo:starred"), "gitlab").code, ErrorCode::kNotFound);
  EXPECT_EQ(registry->events("github", "nothing").error().code, ErrorCode::kNotFound);
}

TEST_F(RegistryTest, TagOfAnEventNamesItsWebhookAndItself) {
  make_webhook();
  for (const char* tag : {"", "repo", "repo:", "repo:a b", "repo:a:b", "repo:a/b"}) {
    EXPECT_EQ(event_error(event(tag)).code, ErrorCode::kInvalidArgument) << tag;
  }
}

// Keys of the store are joined from tags; what is no tag must not reach them.
TEST_F(RegistryTest, NobodyReachesAWebhookByATagThatIsNone) {
  auto app = registry->create_webhook("github", webhook());
  ASSERT_TRUE(registry->create_event("github", event("repo:starred")));
  EXPECT_EQ(event_error(event("github/repo:other"), "").code, ErrorCode::kNotFound);
  LinkSpec spec = link();
  spec.access_tag = "";
  spec.webhook_tag = "github/repo";
  EXPECT_EQ(link_error(spec).code, ErrorCode::kNotFound);
  EXPECT_EQ(registry->events("", "github/repo").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(event_in(app->envs[0].link, R"({"action":"starred"})"), "repo:starred");
}

TEST_F(RegistryTest, BadSelectorIsMalformedWithThePositionOfItsFault) {
  make_webhook();
  const Error empty = event_error(event("repo:a", ""));
  EXPECT_EQ(empty.code, ErrorCode::kMalformed);
  const Error open = event_error(event("repo:a", "$Event{action"));
  EXPECT_EQ(open.code, ErrorCode::kMalformed);
  EXPECT_EQ(open.detail, 13);
  const Error word = event_error(event("repo:a", "$Evnt{action}"));
  EXPECT_EQ(word.code, ErrorCode::kMalformed);
  EXPECT_EQ(word.detail, 0);
}

TEST_F(RegistryTest, SampleThatIsNotJsonIsMalformedWithThePositionOfItsFault) {
  make_webhook();
  const Error error = event_error(event("repo:a", "$Event{action}", R"({"a":tru})"));
  EXPECT_EQ(error.code, ErrorCode::kMalformed);
  EXPECT_GE(error.detail, 5);
  EXPECT_NE(error.what.find("sample"), std::string::npos);
}

TEST_F(RegistryTest, TwoEventsOfAWebhookWithTheSamePathAndValueConflict) {
  make_webhook();
  ASSERT_TRUE(
      registry->create_event("github", event("repo:a", "$Event{n}{m}", R"({"n":{"m":100}})")));
  EXPECT_EQ(event_error(event("repo:b", "$Event{n.m}", R"({"n":{"m":1e2}})")).code,
            ErrorCode::kConflict);
  EXPECT_EQ(event_error(event("repo:a", "$Event{other}")).code, ErrorCode::kConflict);
  EXPECT_TRUE(
      registry->create_event("github", event("repo:b", "$Event{n.m}", R"({"n":{"m":101}})")));
}

TEST_F(RegistryTest, SameEventInTwoWebhooksOrAppsIsNoConflict) {
  make_webhook();
  ASSERT_TRUE(registry->create_webhook("github", webhook("org")));
  ASSERT_TRUE(registry->create_webhook("gitlab", webhook("repo")));
  EXPECT_TRUE(registry->create_event("github", event("repo:a")));
  EXPECT_TRUE(registry->create_event("github", event("org:a")));
  EXPECT_TRUE(registry->create_event("gitlab", event("repo:a")));
  EXPECT_EQ(registry->events("github", "repo")->size(), 1u);
}

TEST_F(RegistryTest, OfTwoMatchingEventsTheOneCreatedFirstWinsAlsoAfterAReload) {
  auto app = registry->create_webhook("github", webhook());
  ASSERT_TRUE(registry->create_event("github", event("repo:z", "$Event{kind}")));
  ASSERT_TRUE(registry->create_event("github", event("repo:a", "$Event{action}")));
  const std::string body = R"({"action":"a","kind":"z"})";
  EXPECT_EQ(event_in(app->envs[0].link, body), "repo:z");
  reload();
  EXPECT_EQ(event_in(app->envs[0].link, body), "repo:z");
}

// --- Links --------------------------------------------------------------------------------------

TEST_F(RegistryTest, ProductGetsALinkAndAnEndpoint) {
  make_webhook();
  auto made = registry->create_link("shop", link());
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_TRUE(made->created);
  ASSERT_EQ(registry->endpoints().size(), 1u);
  const Endpoint endpoint = registry->endpoints().front();
  EXPECT_EQ(endpoint.id, made->endpoint);
  EXPECT_EQ(endpoint.product, "shop");
  EXPECT_EQ(endpoint.app, "github");
  EXPECT_EQ(endpoint.webhook, "repo");
  EXPECT_EQ(endpoint.env, "prd");
  EXPECT_EQ(endpoint.url, "http://127.0.0.1:9/hook");
  EXPECT_EQ(endpoint.method, "POST");
  EXPECT_EQ(endpoint.in_flight_max, 64u);
  EXPECT_EQ(registry->endpoint_id(*registry->endpoint_number(made->endpoint)), made->endpoint);
  EXPECT_EQ(registry->link_id(*registry->link_number(made->link_id)), made->link_id);
}

TEST_F(RegistryTest, AskingAgainGivesTheSameLinkAndUpdatesTheEndpoint) {
  make_webhook();
  auto first = registry->create_link("shop", link());
  LinkSpec changed = link("https://example.com/other");
  changed.method = "PUT";
  changed.in_flight_max = 3;
  auto second = registry->create_link("shop", changed);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->created);
  EXPECT_EQ(second->link, first->link);
  EXPECT_EQ(second->link_id, first->link_id);
  EXPECT_EQ(second->endpoint, first->endpoint);
  ASSERT_EQ(registry->endpoints().size(), 1u);
  EXPECT_EQ(registry->endpoints().front().url, "https://example.com/other");
  EXPECT_EQ(registry->endpoints().front().method, "PUT");
  EXPECT_EQ(registry->endpoints().front().in_flight_max, 3u);
}

TEST_F(RegistryTest, AppLinkGoesToAllProductsAndAProductsLinkToItsOwn) {
  auto app = registry->create_webhook("github", webhook("repo", {"prd", "snd"}));
  auto shop = registry->create_link("shop", link());
  auto crm = registry->create_link("crm", link("http://127.0.0.1:9/crm"));
  auto other_env = registry->create_link("shop", link("http://127.0.0.1:9/snd", "snd"));
  EXPECT_NE(shop->link, crm->link);
  EXPECT_EQ(route(app->envs[0].link)->endpoints.size(), 2u);
  const auto of_shop = route(shop->link)->endpoints;
  ASSERT_EQ(of_shop.size(), 1u);
  EXPECT_EQ(registry->endpoint_id(of_shop[0]), shop->endpoint);
  const auto of_snd = route(app->envs[1].link)->endpoints;
  ASSERT_EQ(of_snd.size(), 1u);
  EXPECT_EQ(registry->endpoint_id(of_snd[0]), other_env->endpoint);
}

TEST_F(RegistryTest, UnknownEnvIsRefusedNamingThoseThatThereAre) {
  ASSERT_TRUE(registry->create_webhook("github", webhook("repo", {"prd", "snd"})));
  const Error error = link_error(link("http://127.0.0.1:9/", "dev"));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_NE(error.what.find("prd, snd"), std::string::npos);
}

TEST_F(RegistryTest, LinkOfAnUnknownAppOrWebhookIsNotFound) {
  make_webhook();
  LinkSpec spec = link();
  spec.access_tag = "gitlab";
  EXPECT_EQ(link_error(spec).code, ErrorCode::kNotFound);
  spec = link();
  spec.webhook_tag = "org";
  EXPECT_EQ(link_error(spec).code, ErrorCode::kNotFound);
}

TEST_F(RegistryTest, EndpointThatDispatchCannotUseIsRefusedAndLeavesNoTrace) {
  make_webhook();
  const std::string before = stored();
  for (const char* url : {"", "ftp://example.com/", "example.com", "http://", "http://a b/"}) {
    EXPECT_FALSE(registry->create_link("shop", link(url))) << url;
  }
  LinkSpec spec = link();
  spec.method = "TRACE";
  EXPECT_EQ(link_error(spec).code, ErrorCode::kInvalidArgument);
  spec = link();
  spec.in_flight_max = 0;
  EXPECT_EQ(link_error(spec).code, ErrorCode::kInvalidArgument);
  spec.in_flight_max = 1025;
  EXPECT_EQ(link_error(spec).code, ErrorCode::kInvalidArgument);
  spec = link();
  spec.retry_schedule = {std::chrono::milliseconds(-1)};
  EXPECT_EQ(link_error(spec).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(link_error(link(), "no product").code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(stored(), before);
  EXPECT_TRUE(registry->endpoints().empty());
}

TEST_F(RegistryTest, RetryScheduleReachesDispatchAlsoAfterAReload) {
  make_webhook();
  LinkSpec spec = link();
  spec.retry_schedule = {std::chrono::seconds(1), std::chrono::seconds(2)};
  auto made = registry->create_link("shop", spec);
  ASSERT_TRUE(made);
  const auto delays = [&] {
    const auto endpoints = registry->endpoint_table().load();
    const auto* found = endpoints->find(*registry->endpoint_number(made->endpoint));
    return found == nullptr ? 0 : (*found)->settings.retry.delays().size();
  };
  EXPECT_EQ(delays(), 2u);
  reload();
  EXPECT_EQ(delays(), 2u);
}

TEST_F(RegistryTest, UnknownIdsAreNotFoundAndUnknownNumbersEmpty) {
  EXPECT_EQ(registry->link_number(LinkId{{1, 2}}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(registry->endpoint_number(EndpointId{{1, 2}}).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(registry->link_id(core::LinkNumber{99}));
  EXPECT_FALSE(registry->endpoint_id(core::EndpointNumber{99}));
  EXPECT_EQ(registry->event_tag(core::EventNumber{99}), "");
}

// --- What is on disk ----------------------------------------------------------------------------

TEST_F(RegistryTest, EverythingIsThereAfterAReload) {
  WebhookSpec spec = webhook("repo", {"prd", "snd"});
  spec.description = "what \"it\" is\n\xc3\xa4";
  auto app = registry->create_webhook("github", spec);
  auto starred = registry->create_event(
      "github", event("repo:starred", "$Event{action}", R"({"action":"created"})"));
  auto shop = registry->create_link("shop", link());
  const std::uint64_t seed = registry->dedupe_seed();
  EXPECT_NE(seed, 0u);
  reload();
  EXPECT_EQ(registry->dedupe_seed(), seed);
  const auto webhooks = registry->webhooks("github");
  ASSERT_EQ(webhooks->size(), 1u);
  EXPECT_EQ(webhooks->front().name, app->name);
  EXPECT_EQ(webhooks->front().description, app->description);
  ASSERT_EQ(webhooks->front().envs.size(), 2u);
  EXPECT_EQ(webhooks->front().envs[1].link, app->envs[1].link);
  EXPECT_EQ(webhooks->front().envs[1].link_id, app->envs[1].link_id);
  const auto events = registry->events("github", "repo");
  ASSERT_EQ(events->size(), 1u);
  EXPECT_EQ(events->front().value, "created");
  EXPECT_EQ(event_in(shop->link, R"({"action":"created"})"), "repo:starred");
  EXPECT_EQ(registry->create_link("shop", link())->link, shop->link);
  // Numbers go on where they stopped.
  auto next = registry->create_link("crm", link());
  EXPECT_NE(*registry->endpoint_number(next->endpoint), *registry->endpoint_number(shop->endpoint));
  EXPECT_NE(*registry->link_number(next->link_id), *registry->link_number(shop->link_id));
}

TEST_F(RegistryTest, WebhookThatCannotBeWrittenLeavesNoTrace) {
  const std::string before = stored();
  store.faults.change_definitions = true;
  EXPECT_EQ(webhook_error("github", webhook()), ErrorCode::kStorageFailed);
  EXPECT_TRUE(registry->webhooks("github")->empty());
  EXPECT_TRUE(registry->routes().load()->links().empty());
  EXPECT_EQ(stored(), before);
  store.faults = {};
  EXPECT_TRUE(registry->create_webhook("github", webhook()));
}

TEST_F(RegistryTest, EventThatCannotBeWrittenLeavesNoTrace) {
  auto app = registry->create_webhook("github", webhook());
  store.faults.change_definitions = true;
  EXPECT_EQ(event_error(event("repo:starred")).code, ErrorCode::kStorageFailed);
  EXPECT_TRUE(registry->events("github", "repo")->empty());
  EXPECT_EQ(event_in(app->envs[0].link, R"({"action":"starred"})"), "");
  store.faults = {};
  EXPECT_TRUE(registry->create_event("github", event("repo:starred")));
  EXPECT_EQ(event_in(app->envs[0].link, R"({"action":"starred"})"), "repo:starred");
}

TEST_F(RegistryTest, LinkThatCannotBeWrittenLeavesNoTrace) {
  auto app = registry->create_webhook("github", webhook());
  store.faults.change_definitions = true;
  EXPECT_EQ(link_error(link()).code, ErrorCode::kStorageFailed);
  EXPECT_TRUE(registry->endpoints().empty());
  EXPECT_TRUE(route(app->envs[0].link)->endpoints.empty());
  store.faults = {};
  auto made = registry->create_link("shop", link());
  ASSERT_TRUE(made);
  store.faults.change_definitions = true;
  EXPECT_EQ(link_error(link("http://127.0.0.1:9/new")).code, ErrorCode::kStorageFailed);
  EXPECT_EQ(registry->endpoints().front().url, "http://127.0.0.1:9/hook");
}

TEST_F(RegistryTest, DefinitionThatCannotBeReadFailsTheLoad) {
  const std::vector<store::DefinitionChange> changes{{"webhook/default/a/b", "{\"app\":1}"}};
  ASSERT_TRUE(store.change_definitions(changes));
  EXPECT_EQ(Registry::load(store, "").error().code, ErrorCode::kCorrupted);
}

TEST_F(RegistryTest, LinkWithoutItsWebhookFailsTheLoad) {
  make_webhook();
  const std::vector<store::DefinitionChange> changes{{"webhook/default/github/repo", std::nullopt}};
  ASSERT_TRUE(store.change_definitions(changes));
  EXPECT_EQ(Registry::load(store, "").error().code, ErrorCode::kCorrupted);
}

TEST_F(RegistryTest, LinksBeginWithThePublicUrlOfTheTime) {
  make_webhook();
  registry->set_public_url("http://127.0.0.1:4321");
  EXPECT_TRUE(
      registry->webhooks("github")->front().envs[0].link.starts_with("http://127.0.0.1:4321/in/"));
}

}  // namespace
}  // namespace headrace::engine
