// SPDX-License-Identifier: Apache-2.0
// The rules of endpoints: what may be set, what reaches dispatch, and lists of them.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

// The same cases in every run, unless RC_PARAMS says otherwise.
const bool kSeeded = setenv("RC_PARAMS", "seed=20 max_success=500", 0) == 0;

using std::chrono::milliseconds;

std::optional<RetrySettings> list(std::vector<milliseconds> schedule) {
  RetrySettings retry;
  retry.schedule = std::move(schedule);
  return retry;
}

class EndpointsTest : public RegistryTest {
 protected:
  void SetUp() override { app_link = webhook("github", "repo", {"prd", "snd"}).envs[0].link; }

  Result<Endpoint> create(EndpointSettings settings, std::string_view product = "shop") {
    return registry->create_endpoint(kWorkspace, product, endpoint_spec(std::move(settings)));
  }
  Result<Endpoint> update(EndpointId id, const EndpointSettings& settings,
                          const ChangeOptions& options = {}) {
    return registry->update_endpoint(kWorkspace, id, settings, options);
  }
  // Of a spec that differs from a good one by that change.
  template <class Change>
  Error refused(Change change) {
    EndpointSettings settings = to(kReceiver);
    change(settings);
    return error_of(create(settings));
  }

  std::string app_link;
};

TEST_F(EndpointsTest, EndpointIsMadeWithItsLinkAndUsualSettings) {
  const Endpoint one = endpoint();
  EXPECT_EQ(one.product, "shop");
  EXPECT_EQ(one.access_tag, "github");
  EXPECT_EQ(one.app, "github");
  EXPECT_EQ(one.webhook, "repo");
  EXPECT_EQ(one.env, "prd");
  EXPECT_EQ(one.url, kReceiver);
  EXPECT_EQ(one.method, "POST");
  EXPECT_EQ(one.delivery, DeliverySettings());
  EXPECT_EQ(one.state, EndpointState::kActive);
  EXPECT_EQ(one.state_since, clock.wall_ms());
  EXPECT_TRUE(one.events.empty() && one.filter.empty());
  EXPECT_EQ(receivers(one.link), std::vector<std::string>{"shop"});
  EXPECT_EQ(registry->link(kWorkspace, one.link_id)->url, one.link);
  const auto number = registry->endpoint_number(kWorkspace, one.id);
  ASSERT_TRUE(number);
  EXPECT_EQ(registry->endpoint_id(*number), one.id);
  EXPECT_EQ(registry->workspace_of(*number), kWorkspace);
}

TEST_F(EndpointsTest, ProductHasOneForEachWebhookAndEnv) {
  endpoint();
  EXPECT_EQ(error_of(create(to(kReceiver))).code, ErrorCode::kConflict);
  endpoint("shop", to(kReceiver), "snd");
  endpoint("crm");
}

TEST_F(EndpointsTest, EachSettingThatIsAtFaultIsNamedAndLeavesNoTrace) {
  const std::string before = stored();
  for (const char* url : {"", "ftp://example.com/", "example.com", "http://", "http://a b/"})
    EXPECT_EQ(places(error_of(create(to(url)))), "/url") << url;
  EXPECT_EQ(places(error_of(create({}))), "/url");
  EXPECT_EQ(places(refused([](auto& s) { s.method = "TRACE"; })), "/method");
  EXPECT_EQ(places(refused([](auto& s) { s.delivery.in_flight_max = 0; })), "/in_flight_max");
  EXPECT_EQ(places(refused([](auto& s) { s.delivery.in_flight_max = 1025; })), "/in_flight_max");
  EXPECT_EQ(places(refused([](auto& s) { s.delivery.retry = list({milliseconds(-1)}); })),
            "/retry/schedule");
  EXPECT_EQ(places(refused([](auto& s) {
              s.delivery.retry = list(std::vector<milliseconds>(101, milliseconds(1)));
            })),
            "/retry/schedule");
  EXPECT_EQ(places(refused([](auto& s) { s.events = {{"starred"}}; })), "/events/0");
  EXPECT_EQ(places(refused([](auto& s) { s.auth = "[]"; })), "/auth");
  EXPECT_EQ(places(refused([](auto& s) { s.auth = R"({"headers":{"A b":"x"}})"; })),
            "/auth/headers");
  EXPECT_EQ(places(refused([](auto& s) { s.auth = R"({"headers":{"A":["x"]}})"; })),
            "/auth/headers/A");
  EXPECT_EQ(places(refused([](auto& s) { s.auth = R"({"body":{"a":1}})"; })), "/auth/body");
  EXPECT_EQ(places(refused([](auto& s) { s.auth = R"({"headers":{"A":"$Secret{NONE}"}})"; })),
            "/auth");
  EXPECT_EQ(refused([](auto& s) { s.filter = "{"; }).code, ErrorCode::kMalformed);
  EXPECT_EQ(places(refused([](auto& s) { s.filter = R"({"$Event{a}":{"gt":1,"no":1}})"; })),
            "/filter/$Event{a}/no");
  EXPECT_EQ(places(error_of(registry->create_endpoint(kWorkspace, "no product", endpoint_spec()))),
            "/product");
  EXPECT_EQ(stored(), before);
  EXPECT_TRUE(registry->endpoints(kWorkspace, {}, {})->items.empty());
}

TEST_F(EndpointsTest, UnknownEnvIsRefusedNamingThoseThatThereAre) {
  const Error error =
      error_of(registry->create_endpoint(kWorkspace, "shop", endpoint_spec(to(kReceiver), "dev")));
  EXPECT_EQ(places(error), "/env");
  EXPECT_NE(error.what.find("prd, snd"), std::string::npos);
}

TEST_F(EndpointsTest, UnknownAppOrWebhookIsNotFound) {
  EndpointSpec spec = endpoint_spec();
  spec.access_tag = "gitlab";
  EXPECT_EQ(error_of(registry->create_endpoint(kWorkspace, "shop", spec)).code,
            ErrorCode::kNotFound);
  spec = endpoint_spec();
  spec.webhook = "org";
  EXPECT_EQ(error_of(registry->create_endpoint(kWorkspace, "shop", spec)).code,
            ErrorCode::kNotFound);
}

// --- What dispatch is told

TEST_F(EndpointsTest, UrlParamsAndCredentialsAreReadyForDispatch) {
  EndpointSettings settings = to("https://{shop}.example.com/:id/in?k=$Secret{TOKEN}");
  settings.method = "PUT";
  settings.auth = R"({"headers":{"Authorization":"Bearer $Secret{TOKEN}"},"query":{"q":"a b"},)"
                  R"("params":{"shop":"eu-1","id":"x/y"}})";
  secrets["TOKEN"] = "a&b";
  const Endpoint one = endpoint("shop", settings);
  const dispatch::Endpoint* ready = dispatched(one.id);
  ASSERT_NE(ready, nullptr);
  EXPECT_EQ(ready->url.host, "eu-1.example.com");
  EXPECT_TRUE(ready->prefix.starts_with("PUT /x%2Fy/in?k=a%26b&q=a%20b HTTP/1.1\r\n"))
      << ready->prefix;
  EXPECT_NE(ready->prefix.find("Authorization: Bearer a&b\r\n"), std::string::npos);
  // The secret is nowhere but there.
  EXPECT_EQ(stored().find("a&b"), std::string::npos);
  EXPECT_EQ(lists().find("a&b"), std::string::npos);
}

TEST_F(EndpointsTest, SecretOfAUrlMustBeOneThatIsThere) {
  const std::string before = stored();
  for (const char* url : {"http://127.0.0.1:9/$Secret{NONE}", "http://127.0.0.1:9/$Secret{a b}/x",
                          "http://127.0.0.1:9/$Secret{"}) {
    const Error error = error_of(create(to(url)));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(places(error), "/url") << url;
  }
  EXPECT_EQ(stored(), before);
}

TEST_F(EndpointsTest, SecretThatIsTakenAwayLaterIsNamedToDispatch) {
  EndpointSettings settings = to(kReceiver);
  settings.auth = R"({"headers":{"A":"$Secret{TOKEN}"}})";
  const Endpoint one = endpoint("shop", settings);
  EXPECT_EQ(dispatched(one.id)->settings.missing_secret, "");
  secrets.clear();
  load();
  ASSERT_NE(dispatched(one.id), nullptr);
  EXPECT_EQ(dispatched(one.id)->settings.missing_secret, "TOKEN");
}

// A line end that came along with the value must not keep a daemon from starting.
TEST_F(EndpointsTest, SecretThatCannotBeSentIsRefusedAndFailsAttemptsLater) {
  EndpointSettings settings = to(kReceiver);
  settings.auth = R"({"headers":{"Authorization":"Bearer $Secret{TOKEN}"}})";
  const EndpointId id = endpoint("shop", settings).id;
  secrets["TOKEN"] = "two\nlines";
  EXPECT_EQ(
      places(error_of(registry->create_endpoint(kWorkspace, "other", endpoint_spec(settings)))),
      "/auth");
  load();
  ASSERT_NE(dispatched(id), nullptr);
  EXPECT_EQ(dispatched(id)->settings.missing_secret, "TOKEN");
  secrets["TOKEN"] = "one";
  load();
  EXPECT_EQ(dispatched(id)->settings.missing_secret, "");
}

TEST_F(EndpointsTest, WhatIsShownInPlaceOfACredentialIsNone) {
  EndpointSettings settings = to(kReceiver);
  settings.auth = R"({"headers":{"Authorization":"Bearer abc"}})";
  const Endpoint made_with = endpoint("shop", settings);
  settings.auth = made_with.auth;
  EXPECT_EQ(places(error_of(registry->update_endpoint(kWorkspace, made_with.id, settings, {}))),
            "/auth/headers/Authorization");
}

TEST_F(EndpointsTest, UsualRetryScheduleComesBack) {
  EndpointSettings settings = to(kReceiver);
  settings.delivery.retry = list({});
  const EndpointId id = endpoint("shop", settings).id;
  EXPECT_TRUE(dispatched(id)->settings.retry.delays().empty());
  EndpointSettings usual;
  usual.delivery.retry.emplace();
  EXPECT_FALSE(made(update(id, usual)).delivery.retry);
  EXPECT_FALSE(dispatched(id)->settings.retry.delays().empty());
}

TEST_F(EndpointsTest, RetryScheduleReachesDispatchAlsoAfterAReload) {
  EndpointSettings settings = to(kReceiver);
  settings.delivery.retry = list({milliseconds(1000), milliseconds(2000)});
  settings.delivery.in_flight_max = 3;
  const Endpoint one = endpoint("shop", settings);
  EXPECT_EQ(dispatched(one.id)->settings.retry.delays().size(), 2u);
  EXPECT_EQ(dispatched(one.id)->settings.in_flight_max, 3u);
  load();
  EXPECT_EQ(dispatched(one.id)->settings.retry.delays().size(), 2u);
}

TEST_F(EndpointsTest, CredentialsAreShownHidden) {
  EndpointSettings settings = to(kReceiver);
  settings.auth = R"({"headers":{"A":"Bearer typed-in","B":"Bearer $Secret{TOKEN}"}})";
  const Endpoint one = endpoint("shop", settings);
  EXPECT_EQ(one.auth, R"({"headers":{"A":"[hidden]","B":"Bearer $Secret{TOKEN}"}})");
  EXPECT_EQ(lists().find("typed-in"), std::string::npos);
}

// --- Who gets what

TEST_F(EndpointsTest, EndpointsGetWhatTheyWantOfTheAppsLink) {
  event();
  event("repo:forked");
  endpoint("all");
  EndpointSettings some = to(kReceiver);
  some.events = {"repo:forked", "forked"};
  const Endpoint forks = endpoint("forks", some);
  EXPECT_EQ(forks.events, std::vector<std::string>{"repo:forked"});
  EndpointSettings off = to(kReceiver);
  off.state = EndpointState::kDraining;
  const Endpoint disabled = endpoint("off", off);
  endpoint("other-env", to(kReceiver), "snd");
  EXPECT_EQ(receivers(app_link, "repo:starred"), std::vector<std::string>{"all"});
  EXPECT_EQ(receivers(app_link, "repo:forked"), (std::vector<std::string>{"all", "forks"}));
  EXPECT_EQ(receivers(forks.link, "repo:starred"), std::vector<std::string>{});
  EXPECT_EQ(receivers(forks.link, "repo:forked"), std::vector<std::string>{"forks"});
  EXPECT_EQ(receivers(disabled.link), std::vector<std::string>{});
  EXPECT_NE(dispatched(disabled.id), nullptr) << "what was accepted is still delivered";
  EndpointSettings on;
  on.state = EndpointState::kActive;
  made(update(disabled.id, on));
  EXPECT_EQ(receivers(app_link, "repo:starred"), (std::vector<std::string>{"all", "off"}));
}

TEST_F(EndpointsTest, EventsOfAnotherWebhookAreNone) {
  webhook("github", "org");
  event("org:new");
  EXPECT_EQ(places(refused([](auto& s) { s.events = {{"org:new"}}; })), "/events/0");
  event();
  EXPECT_EQ(places(refused([](auto& s) { s.events = {{"starred", "new"}}; })), "/events/1");
}

TEST_F(EndpointsTest, FilterDecidesAndCanBeTakenAway) {
  EndpointSettings settings = to(kReceiver);
  settings.filter = R"({"$Event{n}":{"gt":10}})";
  const Endpoint one = endpoint("shop", settings);
  ASSERT_EQ(route(app_link)->endpoints.size(), 1u);
  EXPECT_TRUE(route(app_link)->endpoints[0].filtered);
  EndpointSettings none;
  none.filter = "";
  made(update(one.id, none));
  EXPECT_FALSE(route(app_link)->endpoints[0].filtered);
}

// --- Changing

TEST_F(EndpointsTest, MembersWithoutAValueStayAsTheyAre) {
  event();
  EndpointSettings settings = to(kReceiver);
  settings.method = "PUT";
  settings.auth = R"({"headers":{"A":"x"}})";
  settings.events = {"starred"};
  settings.filter = R"({"$Event{n}":1})";
  settings.delivery.in_flight_max = 7;
  settings.delivery.retry = list({});
  const Endpoint before = endpoint("shop", settings);
  EndpointSettings patch;
  patch.url = "https://example.com/new";
  const Endpoint after = made(update(before.id, patch));
  EXPECT_EQ(after.url, "https://example.com/new");
  EXPECT_EQ(after.method, "PUT");
  EXPECT_EQ(after.auth, before.auth);
  EXPECT_EQ(after.events, before.events);
  EXPECT_EQ(after.filter, before.filter);
  EXPECT_EQ(after.delivery, before.delivery);
  EXPECT_EQ(after.link, before.link);
  EXPECT_GT(after.revision, before.revision);
  EXPECT_NE(dispatched(before.id)->prefix.find("A: x\r\n"), std::string::npos);
}

TEST_F(EndpointsTest, UpdateThatChangesNothingWritesNothing) {
  const Endpoint before = endpoint();
  const std::string was = stored();
  EXPECT_EQ(made(update(before.id, {})).revision, before.revision);
  EXPECT_EQ(made(update(before.id, to(kReceiver))).revision, before.revision);
  EXPECT_EQ(stored(), was);
}

TEST_F(EndpointsTest, ChangeIsGuardedByTheRevision) {
  const Endpoint first = endpoint();
  const Endpoint second =
      made(update(first.id, to("https://example.com/"), {.if_revision = first.revision}));
  EXPECT_EQ(error_of(update(first.id, to(kReceiver), {.if_revision = first.revision})).code,
            ErrorCode::kPrecondition);
  EXPECT_EQ(error_of(registry->delete_endpoint(kWorkspace, first.id,
                                               {.if_revision = first.revision, .cascade = true}))
                .code,
            ErrorCode::kPrecondition);
  EXPECT_EQ(registry->endpoint(kWorkspace, first.id)->revision, second.revision);
}

// --- Deleting

TEST_F(EndpointsTest, DeletingListsTheLinksThatLeadThere) {
  event();
  const Endpoint one = endpoint();
  const Link of_event =
      made(registry->create_link(kWorkspace, "shop", event_link_spec("starred"))).link;
  const Error orphans = error_of(registry->delete_endpoint(kWorkspace, one.id, {}));
  EXPECT_EQ(orphans.code, ErrorCode::kConflict);
  EXPECT_EQ(places(orphans),
            "link " + one.link_id.to_string() + " link " + of_event.id.to_string());
  done(registry->delete_endpoint(kWorkspace, one.id, {.cascade = true}));
  EXPECT_EQ(route(one.link), nullptr);
  EXPECT_EQ(route(of_event.url), nullptr);
  EXPECT_EQ(receivers(app_link), std::vector<std::string>{});
  EXPECT_EQ(dispatched(one.id), nullptr);
  EXPECT_EQ(error_of(registry->endpoint(kWorkspace, one.id)).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->delete_endpoint(kWorkspace, one.id, {})).code, ErrorCode::kNotFound);
}

TEST_F(EndpointsTest, NameOfADeletedEndpointIsKnownUntilTheRetention) {
  const Endpoint one = endpoint();
  const auto number = *registry->endpoint_number(kWorkspace, one.id);
  done(registry->delete_endpoint(kWorkspace, one.id, {.cascade = true}));
  EXPECT_EQ(registry->endpoint_id(number), one.id);
  EXPECT_EQ(*registry->endpoint_number(kWorkspace, one.id), number);
  load();
  EXPECT_EQ(registry->endpoint_id(number), one.id);
  clock.advance(retention + std::chrono::milliseconds(1));
  load();
  EXPECT_EQ(registry->endpoint_id(number), EndpointId{});
  EXPECT_EQ(error_of(registry->endpoint_number(kWorkspace, one.id)).code, ErrorCode::kNotFound);
  EXPECT_EQ(stored().find("retired/"), std::string::npos);
  EXPECT_NE(*registry->endpoint_number(kWorkspace, endpoint().id), number);
}

// --- Lists

// What a filter selects, by looking at all of them.
std::set<std::string> plain(const std::vector<Endpoint>& all, const LinkFilter& filter) {
  std::set<std::string> found;
  const auto is = [](const std::string& wanted, const std::string& name) {
    return wanted.empty() || wanted == name;
  };
  for (const Endpoint& one : all) {
    if (is(filter.app, one.app) && is(filter.webhook, one.webhook) && is(filter.env, one.env) &&
        is(filter.product, one.product))
      found.insert(one.id.to_string());
  }
  return found;
}

TEST_F(EndpointsTest, EveryCombinationOfAFilterSelectsWhatItNames) {
  webhook("github", "org");
  webhook("github-2", "repo", {"prd", "snd"});
  for (const char* product : {"shop", "shop-2"}) {
    for (const char* app : {"github", "github-2"}) {
      for (const char* env : {"prd", "snd"}) {
        EndpointSpec spec = endpoint_spec(to(kReceiver), env);
        spec.access_tag = app;
        made(registry->create_endpoint(kWorkspace, product, spec));
      }
    }
    EndpointSpec spec = endpoint_spec();
    spec.webhook = "org";
    made(registry->create_endpoint(kWorkspace, product, spec));
  }
  const auto all = registry->endpoints(kWorkspace, {}, {{}, 1000})->items;
  EXPECT_EQ(all.size(), 10u);
  for (const char* app : {"", "github", "github-2"})
    for (const char* tag : {"", "repo", "org", "none"})
      for (const char* env : {"", "prd", "snd", "none"})
        for (const char* product : {"", "shop", "shop-2", "none"}) {
          const LinkFilter filter{app, tag, env, product};
          std::set<std::string> found;
          for (const Endpoint& one : made(registry->endpoints(kWorkspace, filter, {})).items)
            EXPECT_TRUE(found.insert(one.id.to_string()).second);
          EXPECT_EQ(found, plain(all, filter)) << app << ' ' << tag << ' ' << env << ' ' << product;
        }
}

TEST_F(EndpointsTest, FilterByAProductTakesItsNameOfTheApp) {
  made(registry->connect(kWorkspace, "shop", "hub", "github", {}));
  endpoint();
  EXPECT_EQ(registry->endpoints(kWorkspace, {.app = "hub", .product = "shop"}, {})->items.size(),
            1u);
  EXPECT_EQ(registry->endpoints(kWorkspace, {.app = "hub"}, {})->items.size(), 0u);
}

// Names are joined to keys; what is none must not select by a part of one.
TEST_F(EndpointsTest, FilterOfWhatIsNoNameSelectsNothing) {
  endpoint();
  for (const LinkFilter& filter :
       {LinkFilter{.product = "shop/github"}, LinkFilter{.product = "shop/github/repo"},
        LinkFilter{.app = "github/repo"}, LinkFilter{.app = "github", .webhook = "repo/prd"}}) {
    EXPECT_TRUE(made(registry->endpoints(kWorkspace, filter, {})).items.empty());
    EXPECT_TRUE(made(registry->links(kWorkspace, filter, {})).items.empty());
  }
}

// Whatever comes and goes between two pages, what stays is seen once and in order.
TEST(EndpointPagesTest, PagesAreStableUnderInsertsAndDeletes) {
  EXPECT_TRUE(rc::check([] {
    RegistryRig rig;
    rig.webhook();
    std::set<std::string> stable;
    const auto product = [] { return "p" + std::to_string(*rc::gen::inRange(0, 40)); };
    for (int i = *rc::gen::inRange(0, 12); i > 0; --i) {
      const std::string name = product();
      if (stable.insert(name).second) rig.endpoint(name);
    }
    PageRequest page{.cursor = {}, .count_max = *rc::gen::inRange<std::size_t>(1, 6)};
    std::vector<std::string> seen;
    std::set<EndpointId> extra;
    for (;;) {
      auto part = rig.registry->endpoints(kWorkspace, {}, page);
      RC_ASSERT(part.has_value());
      RC_ASSERT(part->items.size() <= page.count_max);
      for (const Endpoint& one : part->items)
        if (!extra.contains(one.id)) seen.push_back(one.product);
      if (part->next.empty()) break;
      page.cursor = part->next;
      const std::string name = product() + "x";
      if (auto one = rig.registry->create_endpoint(kWorkspace, name, rig.endpoint_spec()))
        extra.insert(one->id);
      if (!extra.empty() && *rc::gen::arbitrary<bool>())
        (void)rig.registry->delete_endpoint(kWorkspace, *extra.begin(), {.cascade = true});
    }
    RC_ASSERT(seen == std::vector<std::string>(stable.begin(), stable.end()));
  }));
}

}  // namespace
}  // namespace headrace::test
