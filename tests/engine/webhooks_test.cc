// SPDX-License-Identifier: Apache-2.0
// The rules of apps and their webhooks.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/limits.h"
#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

namespace limits = core::limits;

class WebhooksTest : public RegistryTest {
 protected:
  Error refused(const WebhookSpec& spec, std::string_view app = "github") {
    return error_of(registry->create_webhook(kWorkspace, app, spec));
  }
  Result<Webhook> update(const WebhookPatch& patch, const ChangeOptions& options = {}) {
    return registry->update_webhook(kWorkspace, "github", "repo", patch, options);
  }
  Webhook shown() { return made(registry->webhook(kWorkspace, "github", "repo")); }
};

// Where a spec with one env is at fault.
#define EXPECT_FAULT(error, pointer)                    \
  do {                                                  \
    const Error fault = (error);                        \
    EXPECT_EQ(fault.code, ErrorCode::kInvalidArgument); \
    EXPECT_EQ(places(fault), pointer) << fault.what;    \
  } while (false)

// --- Creating

TEST_F(WebhooksTest, WebhookGetsALinkOfItsOwnForEachEnv) {
  const Webhook one = webhook("github", "repo", {"prd", "snd"});
  ASSERT_EQ(one.envs.size(), 2u);
  EXPECT_EQ(one.envs[0].slug, "prd");
  EXPECT_EQ(one.envs[1].slug, "snd");
  EXPECT_NE(one.envs[0].link_id, one.envs[1].link_id);
  EXPECT_TRUE(one.envs[0].link.starts_with("https://hooks.example/in/"));
  EXPECT_EQ(one.envs[0].link.size(), kPublicUrl.size() + 4 + kIdDigits);
  ASSERT_NE(route(one.envs[0].link), nullptr);
  EXPECT_NE(route(one.envs[0].link)->number, route(one.envs[1].link)->number);
  EXPECT_EQ(one.warnings.size(), 2u);  // nobody verifies what is posted
}

TEST_F(WebhooksTest, TagsThatAreNotTagsAreRefused) {
  for (const std::string& tag :
       {std::string(), std::string("-a"), std::string("a b"), std::string("a/b"),
        std::string("a:b"), std::string("\xc3\xa4"), std::string(129, 'a')}) {
    EXPECT_FAULT(refused(webhook_spec(tag)), "/tag");
    EXPECT_FAULT(refused(webhook_spec(), tag), "/app");
  }
  webhook("github", std::string(128, 'a'));
  webhook("0", "A.b_c-d");
}

TEST_F(WebhooksTest, SlugsThatAreNotSlugsAreRefused) {
  for (const std::string& slug : {std::string(), std::string("Prd"), std::string("_a"),
                                  std::string("a.b"), std::string("a/b"), std::string(65, 'a')})
    EXPECT_FAULT(refused(webhook_spec("repo", {"prd", slug})), "/envs/1/slug");
  webhook("github", "repo", {std::string(64, 'a'), "0-_"});
}

TEST_F(WebhooksTest, WebhookNeedsAtLeastOneEnvAndEachOnce) {
  EXPECT_FAULT(refused(webhook_spec("repo", {})), "/envs");
  EXPECT_FAULT(refused(webhook_spec("repo", {"prd", "snd", "prd"})), "/envs/2/slug");
  std::vector<std::string> many;
  for (std::size_t i = 0; i <= limits::kEnvsPerWebhookMax; ++i)
    many.push_back("e" + std::to_string(i));
  EXPECT_FAULT(refused(webhook_spec("repo", many)), "/envs");
  many.pop_back();
  webhook("github", "repo", many);
}

TEST_F(WebhooksTest, EachMemberThatIsAtFaultIsNamed) {
  const auto with = [](auto change) {
    WebhookSpec spec = webhook_spec("repo", {"prd", "snd"});
    spec.envs[1].registration_url = "https://api.example.com/hooks";
    change(spec);
    return spec;
  };
  EXPECT_FAULT(refused(with([](auto& s) { s.name = "a\x01"; })), "/name");
  EXPECT_FAULT(refused(with([](auto& s) { s.name = "\xff"; })), "/name");
  EXPECT_FAULT(refused(with([](auto& s) { s.description = std::string(4097, 'a'); })),
               "/description");
  EXPECT_FAULT(refused(with([](auto& s) { s.body_bytes_max = 0; })), "/body_bytes_max");
  EXPECT_FAULT(refused(with([](auto& s) { s.body_bytes_max = limits::kBodyBytesMax + 1; })),
               "/body_bytes_max");
  EXPECT_FAULT(refused(with([](auto& s) { s.envs[1].registration_url = "ftp://h/"; })),
               "/envs/1/registration_url");
  EXPECT_FAULT(refused(with([](auto& s) { s.envs[1].method = "post"; })), "/envs/1/method");
  EXPECT_FAULT(refused(with([](auto& s) { s.envs[1].sample = "[]"; })), "/envs/1/sample");
  EXPECT_FAULT(refused(with([](auto& s) { s.envs[1].sample = R"({"headers":{"A":{}}})"; })),
               "/envs/1/sample/headers/A");
  EXPECT_FAULT(refused(with([](auto& s) { s.envs[1].unregistration_url = "/relative"; })),
               "/envs/1/unregistration_url");
  EXPECT_FAULT(refused(with([](auto& s) { s.envs[1].unregistration_method = "OPTIONS"; })),
               "/envs/1/unregistration_method");
  EXPECT_FAULT(refused(with([](auto& s) { s.envs[0].unregistration_url = "https://h/"; })),
               "/envs/0/unregistration_url");
  const Error dedupe = refused(with([](auto& s) { s.dedupe = "$Evnt{a}"; }));
  EXPECT_EQ(dedupe.code, ErrorCode::kMalformed);
  EXPECT_EQ(places(dedupe), "/dedupe");
  EXPECT_EQ(registry->apps(kWorkspace, {})->items.size(), 0u);
}

TEST_F(WebhooksTest, PlaceholdersOfARegistrationUrlAreFilledLater) {
  const Webhook one = calling_webhook("https://{host}.example.com/:id/hooks?v={v}");
  EXPECT_EQ(one.envs[0].registration_url, "https://{host}.example.com/:id/hooks?v={v}");
}

TEST_F(WebhooksTest, SettingsReachTheRoutes) {
  WebhookSpec spec = webhook_spec();
  spec.raw_payload = true;
  spec.body_bytes_max = limits::kBodyBytesMax;
  spec.dedupe = "$Event{id}";
  const Webhook one = made(registry->create_webhook(kWorkspace, "github", spec));
  const auto routes = registry->routes().load();
  const auto found = routes->find(token_of(one.envs[0].link), clock.wall_ms());
  ASSERT_TRUE(found);
  EXPECT_EQ(found.webhook->payload, selector::PayloadRule::kRaw);
  EXPECT_EQ(found.webhook->body_bytes_max, limits::kBodyBytesMax);
  EXPECT_TRUE(found.webhook->dedupes);
}

TEST_F(WebhooksTest, TagOfAWebhookIsTakenInItsAppOnly) {
  webhook();
  EXPECT_EQ(refused(webhook_spec()).code, ErrorCode::kConflict);
  webhook("gitlab");
  EXPECT_EQ(registry->webhooks(kWorkspace, "github", {})->items.size(), 1u);
  EXPECT_TRUE(registry->webhooks(kWorkspace, "nobody", {})->items.empty());
}

// Keys of the store are joined from tags; what is no tag must not reach them.
TEST_F(WebhooksTest, NobodyReachesAWebhookByATagThatIsNone) {
  webhook();
  event();
  EXPECT_EQ(error_of(registry->webhook(kWorkspace, "", "github/repo")).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->webhook("", "default/github", "repo")).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->create_event(kWorkspace, "", event_spec("github/repo:x"))).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->events(kWorkspace, "", "github/repo", {})).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->app(kWorkspace, "github/repo")).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->delete_app(kWorkspace, "", {.cascade = true})).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->delete_app(kWorkspace, "github/repo", {.cascade = true})).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->delete_product(kWorkspace, "", {.cascade = true})).code,
            ErrorCode::kNotFound);
}

// --- Changing

TEST_F(WebhooksTest, EnvsMergeBySlugAndOthersAreKept) {
  WebhookSpec spec = webhook_spec("repo", {"prd", "snd"});
  spec.envs[0].registration_url = "https://api.example.com/hooks";
  spec.envs[0].sample = R"({"headers":{"A":"x"}})";
  const Webhook before = made(registry->create_webhook(kWorkspace, "github", spec));
  WebhookPatch patch;
  patch.description = "more";
  patch.envs.push_back({.slug = "stg"});
  patch.envs.push_back({.slug = "prd", .method = "PUT"});
  const Webhook after = made(update(patch));
  ASSERT_EQ(after.envs.size(), 3u);
  EXPECT_EQ(after.name, "Repositories");
  EXPECT_EQ(after.description, "more");
  EXPECT_EQ(after.envs[0].slug, "prd");
  EXPECT_EQ(after.envs[0].method, "PUT");
  EXPECT_EQ(after.envs[0].registration_url, "https://api.example.com/hooks");
  EXPECT_EQ(after.envs[0].sample, spec.envs[0].sample);
  EXPECT_EQ(after.envs[0].link, before.envs[0].link);
  EXPECT_EQ(after.envs[1].link, before.envs[1].link);
  EXPECT_EQ(after.envs[2].slug, "stg");
  EXPECT_EQ(after.envs[2].method, "POST");
  EXPECT_NE(route(after.envs[2].link), nullptr);
}

TEST_F(WebhooksTest, ChangeReachesTheRoutesAtOnce) {
  const Webhook before = webhook();
  WebhookPatch patch;
  patch.raw_payload = true;
  patch.body_bytes_max = 7;
  made(update(patch));
  const auto routes = registry->routes().load();
  const auto found = routes->find(token_of(before.envs[0].link), clock.wall_ms());
  EXPECT_EQ(found.webhook->payload, selector::PayloadRule::kRaw);
  EXPECT_EQ(found.webhook->body_bytes_max, 7u);
}

TEST_F(WebhooksTest, ChangeThatIsAtFaultChangesNothing) {
  webhook("github", "repo", {"prd"});
  const std::string before = stored();
  const auto with = [](auto change) {
    WebhookPatch patch;
    change(patch);
    return patch;
  };
  EXPECT_FAULT(error_of(update(with([](auto& p) { p.envs.push_back({.slug = "Stg"}); }))),
               "/envs/0/slug");
  EXPECT_FAULT(error_of(update(with([](auto& p) {
                 p.envs.push_back({.slug = "prd"});
                 p.envs.push_back({.slug = "prd", .method = "HEAD"});
               }))),
               "/envs/1/method");
  EXPECT_FAULT(error_of(update(with([](auto& p) {
                 p.envs.push_back({.slug = "prd", .unregistration_url = "https://h/"});
               }))),
               "/envs/0/unregistration_url");
  EXPECT_FAULT(error_of(update(with([](auto& p) { p.body_bytes_max = 0; }))), "/body_bytes_max");
  EXPECT_EQ(error_of(update(with([](auto& p) { p.dedupe = "$Event{"; }))).code,
            ErrorCode::kMalformed);
  EXPECT_EQ(error_of(registry->update_webhook(kWorkspace, "github", "org", {}, {})).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(stored(), before);
}

TEST_F(WebhooksTest, RevisionGrowsWithEachChangeAndGuardsIt) {
  const Webhook first = webhook();
  WebhookPatch patch;
  patch.name = "Other";
  const Webhook second = made(update(patch, {.if_revision = first.revision}));
  EXPECT_GT(second.revision, first.revision);
  EXPECT_EQ(error_of(update(patch, {.if_revision = first.revision})).code,
            ErrorCode::kPrecondition);
  const ChangeOptions stale{.if_revision = first.revision, .cascade = true};
  EXPECT_EQ(error_of(registry->delete_webhook(kWorkspace, "github", "repo", stale)).code,
            ErrorCode::kPrecondition);
  EXPECT_EQ(error_of(registry->delete_webhook_env(kWorkspace, "github", "repo", "prd", stale)).code,
            ErrorCode::kPrecondition);
  EXPECT_EQ(shown().revision, second.revision);
  done(registry->delete_webhook(kWorkspace, "github", "repo", {.if_revision = second.revision}));
}

// --- Deleting

TEST_F(WebhooksTest, DeletingListsWhatWouldBeOrphaned) {
  webhook();
  event();
  const Endpoint shop = endpoint();
  const Link of_event =
      made(registry->create_link(kWorkspace, "shop", event_link_spec("starred"))).link;
  const std::string before = stored();
  const Error orphans = error_of(registry->delete_webhook(kWorkspace, "github", "repo", {}));
  EXPECT_EQ(orphans.code, ErrorCode::kConflict);
  EXPECT_EQ(places(orphans), "event repo:starred endpoint " + shop.id.to_string() + " link " +
                                 shop.link_id.to_string() + " link " + of_event.id.to_string());
  EXPECT_EQ(error_of(registry->delete_app(kWorkspace, "github", {})).code, ErrorCode::kConflict);
  EXPECT_EQ(stored(), before);
}

TEST_F(WebhooksTest, CascadeTakesEverythingAlongAndNothingElse) {
  const Webhook gone = webhook();
  event();
  const Endpoint shop = endpoint();
  made(registry->create_link(kWorkspace, "shop", event_link_spec("starred")));
  const Webhook other = webhook("github", "repo-2");
  event("repo-2:starred");
  done(registry->delete_webhook(kWorkspace, "github", "repo", {.cascade = true}));
  EXPECT_EQ(error_of(registry->webhook(kWorkspace, "github", "repo")).code, ErrorCode::kNotFound);
  EXPECT_EQ(route(gone.envs[0].link), nullptr);
  EXPECT_EQ(route(shop.link), nullptr);
  EXPECT_TRUE(registry->endpoints(kWorkspace, {}, {})->items.empty());
  ASSERT_EQ(registry->links(kWorkspace, {}, {})->items.size(), 1u);
  EXPECT_EQ(registry->links(kWorkspace, {}, {})->items[0].url, other.envs[0].link);
  EXPECT_EQ(registry->events(kWorkspace, "github", "", {})->items.size(), 1u);
  EXPECT_EQ(registry->products(kWorkspace, {})->items.size(), 0u);
  webhook();  // its tag is free again
  EXPECT_EQ(registry->events(kWorkspace, "github", "repo", {})->items.size(), 0u);
}

TEST_F(WebhooksTest, WebhookWithNothingButItsLinksIsDeletedAtOnce) {
  const Webhook gone = webhook();
  done(registry->delete_webhook(kWorkspace, "github", "repo", {}));
  EXPECT_EQ(route(gone.envs[0].link), nullptr);
  EXPECT_EQ(error_of(registry->app(kWorkspace, "github")).code, ErrorCode::kNotFound);
}

TEST_F(WebhooksTest, EnvGoesWithItsLinkAndTheLastOneStays) {
  const Webhook before = webhook("github", "repo", {"prd", "snd"});
  const Endpoint shop = endpoint("shop", to(kReceiver), "snd");
  const auto remove = [&](std::string_view env, ChangeOptions options = {}) {
    return registry->delete_webhook_env(kWorkspace, "github", "repo", env, options);
  };
  const Error orphans = error_of(remove("snd"));
  EXPECT_EQ(orphans.code, ErrorCode::kConflict);
  EXPECT_EQ(places(orphans),
            "endpoint " + shop.id.to_string() + " link " + shop.link_id.to_string());
  EXPECT_EQ(error_of(remove("stg")).code, ErrorCode::kNotFound);
  done(remove("snd", {.cascade = true}));
  EXPECT_EQ(shown().envs.size(), 1u);
  EXPECT_GT(shown().revision, before.revision);
  EXPECT_EQ(route(before.envs[1].link), nullptr);
  EXPECT_EQ(route(shop.link), nullptr);
  EXPECT_NE(route(before.envs[0].link), nullptr);
  EXPECT_EQ(error_of(remove("prd", {.cascade = true})).code, ErrorCode::kConflict);
}

TEST_F(WebhooksTest, AppGoesWithAllItsWebhooks) {
  webhook();
  webhook("github", "org");
  event("org:new");
  const Webhook other = webhook("github-2");
  const Error orphans = error_of(registry->delete_app(kWorkspace, "github", {}));
  EXPECT_EQ(places(orphans), "webhook org webhook repo");
  done(registry->delete_app(kWorkspace, "github", {.cascade = true}));
  const auto apps = registry->apps(kWorkspace, {});
  ASSERT_EQ(apps->items.size(), 1u);
  EXPECT_EQ(apps->items[0].tag, "github-2");
  EXPECT_EQ(registry->links(kWorkspace, {}, {})->items.size(), 1u);
  EXPECT_NE(route(other.envs[0].link), nullptr);
}

// --- Listing

TEST_F(WebhooksTest, AppsAreListedInPagesWithTheirCounts) {
  for (const char* app : {"b", "b-c", "b.c", "b0", "a"}) {
    webhook(app, "one");
    webhook(app, "two");
  }
  std::multiset<std::string> found;
  PageRequest page{.cursor = {}, .count_max = 2};
  for (int pages = 0; pages < 9; ++pages) {
    const auto apps = made(registry->apps(kWorkspace, page));
    EXPECT_LE(apps.items.size(), 2u);
    for (const App& app : apps.items) {
      EXPECT_EQ(app.webhooks, 2u);
      found.insert(app.tag);
    }
    page.cursor = apps.next;
    if (apps.next.empty()) break;
  }
  EXPECT_EQ(found, (std::multiset<std::string>{"a", "b", "b-c", "b.c", "b0"}));
  EXPECT_EQ(registry->app(kWorkspace, "b")->webhooks, 2u);
}

TEST_F(WebhooksTest, PagesAreNeverEmptyOrEndless) {
  webhook();
  for (const std::size_t count : {std::size_t{0}, std::size_t{1001}})
    EXPECT_FAULT(error_of(registry->webhooks(kWorkspace, "github", {{}, count})), "/limit");
  const auto all = registry->webhooks(kWorkspace, "github", {{}, 1});
  EXPECT_EQ(all->items.size(), 1u);
  EXPECT_EQ(all->next, "");
}

TEST_F(WebhooksTest, LinksBeginWithThePublicUrlOfTheTime) {
  webhook();
  registry->set_public_url("http://127.0.0.1:4321");
  EXPECT_TRUE(shown().envs[0].link.starts_with("http://127.0.0.1:4321/in/"));
}

}  // namespace
}  // namespace headrace::test
