// SPDX-License-Identifier: Apache-2.0
// Workspaces, the keys that open them, and that nothing of one is seen from another.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "tests/engine/registry_rig.h"
#include "tests/support/master_key.h"
#include "tests/support/loopback_targets.h"

namespace headrace::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class WorkspacesTest : public RegistryTest {
 protected:
  void SetUp() override { made(registry->create_workspace("acme", "Acme")); }
  NewKey create_key(KeySpec spec = {.name = "ci"}, std::string_view workspace = "acme") {
    return made(registry->create_key(workspace, spec));
  }
  ErrorCode refused(std::string_view secret) {
    return error_of(registry->authenticate(secret)).code;
  }
};

// --- Keys

TEST_F(WorkspacesTest, KeySpeaksForItsWorkspaceWithItsScopes) {
  const NewKey one = create_key({.name = "ci", .scopes = 5});
  const Caller caller = made(registry->authenticate(one.secret));
  EXPECT_EQ(caller.workspace, "acme");
  EXPECT_EQ(caller.scopes, 5);
  EXPECT_EQ(caller.key, one.key.id);
  EXPECT_TRUE(one.secret.starts_with("hrk_"));
  EXPECT_EQ(one.secret.size(), 4 + 2 * kIdDigits);
  EXPECT_EQ(one.key.created_at, clock.wall_ms());
  load();
  EXPECT_EQ(made(registry->authenticate(one.secret)).key, one.key.id);
}

TEST_F(WorkspacesTest, SecretIsStoredAndShownNowhere) {
  const NewKey one = create_key();
  made(registry->authenticate(one.secret));
  EXPECT_EQ(stored().find(one.secret), std::string::npos);
  EXPECT_EQ(stored().find(one.secret.substr(4)), std::string::npos);
  EXPECT_EQ(lists().find(one.secret.substr(4)), std::string::npos);
}

TEST_F(WorkspacesTest, UnknownRevokedAndMisspelledKeysAreRefusedAlike) {
  const NewKey one = create_key();
  for (const std::string& secret :
       {std::string(), std::string("hrk_"), one.secret.substr(4), "hrx_" + one.secret.substr(4),
        one.secret + "0", one.secret.substr(0, one.secret.size() - 1), one.key.id.to_string()})
    EXPECT_EQ(refused(secret), ErrorCode::kUnauthorized) << secret;
  done(registry->revoke_key("acme", one.key.id));
  EXPECT_EQ(refused(one.secret), ErrorCode::kUnauthorized);
  EXPECT_EQ(error_of(registry->key("acme", one.key.id)).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->revoke_key("acme", one.key.id)).code, ErrorCode::kNotFound);
  load();
  EXPECT_EQ(refused(one.secret), ErrorCode::kUnauthorized);
}

TEST_F(WorkspacesTest, KeyWorksUntilItExpires) {
  const NewKey one = create_key({.name = "ci", .expires_at = clock.wall_ms() + 1000});
  clock.advance(milliseconds(999));
  made(registry->authenticate(one.secret));
  clock.advance(milliseconds(1));
  EXPECT_EQ(refused(one.secret), ErrorCode::kUnauthorized);
  EXPECT_EQ(registry->key("acme", one.key.id)->expires_at, clock.wall_ms());
}

TEST_F(WorkspacesTest, LastUseIsKnownToTheHour) {
  const NewKey one = create_key();
  const auto last_use = [&] { return registry->key("acme", one.key.id)->last_used_at; };
  EXPECT_FALSE(last_use());
  made(registry->authenticate(one.secret));
  const UnixMs first = clock.wall_ms();
  EXPECT_EQ(last_use(), first);
  clock.advance(hours(1) - milliseconds(1));
  const std::string before = stored();
  made(registry->authenticate(one.secret));
  EXPECT_EQ(stored(), before) << "a write is a sync";
  clock.advance(milliseconds(1));
  made(registry->authenticate(one.secret));
  EXPECT_EQ(last_use(), clock.wall_ms());
}

TEST_F(WorkspacesTest, FullDiskLocksNobodyOut) {
  const NewKey one = create_key();
  store.faults.change_definitions = true;
  EXPECT_EQ(made(registry->authenticate(one.secret)).workspace, "acme");
}

TEST_F(WorkspacesTest, KeySpecIsHeldToItsRules) {
  const auto fault = [&](const KeySpec& spec) {
    return places(error_of(registry->create_key("acme", spec)));
  };
  EXPECT_EQ(fault({.name = "\x01"}), "/name");
  EXPECT_EQ(fault({.name = "a", .scopes = 0}), "/scopes");
  EXPECT_EQ(fault({.name = "a", .scopes = 16}), "/scopes");
  EXPECT_EQ(fault({.name = "a", .expires_at = clock.wall_ms()}), "/expires_at");
  EXPECT_EQ(error_of(registry->create_key("nobody", {})).code, ErrorCode::kNotFound);
}

TEST_F(WorkspacesTest, WorkspaceHasABoundedNumberOfKeys) {
  for (std::size_t i = 0; i < core::limits::kKeysPerWorkspaceMax; ++i) create_key();
  EXPECT_EQ(error_of(registry->create_key("acme", {.name = "more"})).code, ErrorCode::kTooLarge);
  create_key({}, kWorkspace);
  std::size_t seen = 0;
  PageRequest page{.cursor = {}, .count_max = 300};
  do {
    const auto part = made(registry->keys("acme", page));
    seen += part.items.size();
    page.cursor = part.next;
  } while (!page.cursor.empty());
  EXPECT_EQ(seen, core::limits::kKeysPerWorkspaceMax);
}

// --- Workspaces

TEST_F(WorkspacesTest, WorkspacesAreListedAndNamedOnce) {
  EXPECT_EQ(error_of(registry->create_workspace("acme", "")).code, ErrorCode::kConflict);
  EXPECT_EQ(error_of(registry->create_workspace("default", "")).code, ErrorCode::kConflict);
  EXPECT_EQ(places(error_of(registry->create_workspace("a/b", ""))), "/tag");
  EXPECT_EQ(places(error_of(registry->create_workspace("b", "\x01"))), "/name");
  const auto first = made(registry->workspaces({{}, 1}));
  ASSERT_EQ(first.items.size(), 1u);
  EXPECT_EQ(first.items[0].tag, "acme");
  const auto rest = made(registry->workspaces({first.next, 1}));
  EXPECT_EQ(rest.items[0].tag, "default");
  EXPECT_EQ(rest.next, "");
  EXPECT_EQ(registry->workspace("acme")->name, "Acme");
  EXPECT_EQ(error_of(registry->workspace("nobody")).code, ErrorCode::kNotFound);
}

TEST_F(WorkspacesTest, DefaultWorkspaceStays) {
  EXPECT_EQ(places(error_of(registry->delete_workspace("default", {.cascade = true}))),
            "/workspace");
  EXPECT_EQ(error_of(registry->delete_workspace("nobody", {})).code, ErrorCode::kNotFound);
}

TEST_F(WorkspacesTest, DeletingTakesEverythingAlongAndALaterOneOfTheNameSeesNothing) {
  const NewKey key = create_key();
  const Webhook gone = webhook("github", "repo", {"prd"}, "acme");
  event("repo:starred", "$Event{action}", "github", "acme");
  const Endpoint shop = endpoint("shop", to(kReceiver), "prd", "acme");
  made(registry->connect("acme", "shop", "hub", "github", {}));
  const core::EndpointNumber number = *registry->endpoint_number("acme", shop.id);
  const core::LinkNumber link_number = route(shop.link)->number;
  const Endpoint deleted = endpoint("crm", to(kReceiver), "prd", "acme");
  done(registry->delete_endpoint("acme", deleted.id, {.cascade = true}));
  const Webhook other = webhook();

  const Error orphans = error_of(registry->delete_workspace("acme", {}));
  EXPECT_EQ(orphans.code, ErrorCode::kConflict);
  EXPECT_EQ(places(orphans), "webhook github/repo connection shop/hub");
  done(registry->delete_workspace("acme", {.cascade = true}));
  EXPECT_EQ(refused(key.secret), ErrorCode::kUnauthorized);
  EXPECT_EQ(route(gone.envs[0].link), nullptr);
  EXPECT_EQ(route(shop.link), nullptr);
  EXPECT_EQ(registry->endpoint_table().load()->find(number), nullptr);
  EXPECT_EQ(registry->workspace_of(number), "");
  EXPECT_EQ(registry->workspace_of(link_number), "");
  EXPECT_NE(route(other.envs[0].link), nullptr);
  EXPECT_EQ(stored().find("acme"), std::string::npos);

  made(registry->create_workspace("acme", "Another"));
  EXPECT_EQ(lists_of(*registry, "acme"), "keys\napps\nproducts\nendpoints\nlinks\nregistrations\n");
  EXPECT_EQ(error_of(registry->endpoint_number("acme", shop.id)).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->endpoint_number("acme", deleted.id)).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->links_of("acme", {.link = shop.link_id})).code,
            ErrorCode::kNotFound);
}

// --- Isolation

TEST_F(WorkspacesTest, SameNamesInTwoWorkspacesAreTwoThings) {
  const Webhook mine = webhook("github", "repo", {"prd"}, kWorkspace);
  const Webhook theirs = webhook("github", "repo", {"prd"}, "acme");
  EXPECT_NE(mine.envs[0].link, theirs.envs[0].link);
  event();
  endpoint();
  EXPECT_EQ(receivers(mine.envs[0].link), std::vector<std::string>{"shop"});
  EXPECT_TRUE(receivers(theirs.envs[0].link).empty());
  EXPECT_EQ(event_in(mine.envs[0].link, R"({"action":"starred"})"), "repo:starred");
  EXPECT_EQ(event_in(theirs.envs[0].link, R"({"action":"starred"})"), "");
}

#define EXPECT_NOT_FOUND(call) EXPECT_EQ(error_of(call).code, ErrorCode::kNotFound)

TEST_F(WorkspacesTest, WhatIsAnotherWorkspacesIsNotFound) {
  webhook();
  event();
  const Endpoint shop = endpoint();
  made(registry->connect(kWorkspace, "shop", "hub", "github", {}));
  const Key key = create_key({}, kWorkspace).key;
  const std::string before = stored();
  const ChangeOptions all{.if_revision = std::nullopt, .cascade = true};
  for (const std::string_view other : {"acme", "nobody"}) {
    engine::Registry& r = *registry;
    EXPECT_NOT_FOUND(r.key(other, key.id));
    EXPECT_NOT_FOUND(r.revoke_key(other, key.id));
    EXPECT_NOT_FOUND(r.app(other, "github"));
    EXPECT_NOT_FOUND(r.delete_app(other, "github", all));
    EXPECT_NOT_FOUND(r.webhook(other, "github", "repo"));
    EXPECT_NOT_FOUND(r.update_webhook(other, "github", "repo", {}, {}));
    EXPECT_NOT_FOUND(r.delete_webhook(other, "github", "repo", all));
    EXPECT_NOT_FOUND(r.delete_webhook_env(other, "github", "repo", "prd", all));
    EXPECT_NOT_FOUND(r.create_event(other, "github", event_spec("repo:other")));
    EXPECT_NOT_FOUND(r.events(other, "github", "repo", {}));
    EXPECT_NOT_FOUND(r.event(other, "github", "repo:starred"));
    EXPECT_NOT_FOUND(r.event(other, "github", "starred"));
    EXPECT_NOT_FOUND(r.update_event(other, "github", "starred", {}, {}));
    EXPECT_NOT_FOUND(r.delete_event(other, "github", "starred", all));
    EXPECT_NOT_FOUND(r.product(other, "shop"));
    EXPECT_NOT_FOUND(r.delete_product(other, "shop", all));
    EXPECT_NOT_FOUND(r.connection(other, "shop", "hub"));
    EXPECT_NOT_FOUND(r.disconnect(other, "shop", "hub", all));
    EXPECT_NOT_FOUND(r.create_endpoint(other, "shop", endpoint_spec()));
    EXPECT_NOT_FOUND(r.endpoint(other, shop.id));
    EXPECT_NOT_FOUND(r.update_endpoint(other, shop.id, to(kReceiver), {}));
    EXPECT_NOT_FOUND(r.delete_endpoint(other, shop.id, all));
    EXPECT_NOT_FOUND(r.create_link(other, "shop", link_spec()));
    EXPECT_NOT_FOUND(r.create_link(other, "shop", event_link_spec("starred")));
    EXPECT_NOT_FOUND(r.link(other, shop.link_id));
    EXPECT_NOT_FOUND(r.rotate_link(other, shop.link_id, hours(1), {}));
    EXPECT_NOT_FOUND(r.delete_link(other, shop.link_id, all));
    EXPECT_NOT_FOUND(r.enable(other, "shop", enable_spec()));
    EXPECT_NOT_FOUND(r.disable(other, "shop", {"github", "repo", {}}));
    EXPECT_NOT_FOUND(r.registration(other, "shop", "github", "repo", {"prd"}));
    EXPECT_NOT_FOUND(r.trigger_target(other, "github", "starred", {.env = {}, .body = "{}"}));
    EXPECT_NOT_FOUND(r.endpoint_target(other, shop.id, {}));
    EXPECT_NOT_FOUND(r.match(other, "github", "repo", {}));
    EXPECT_NOT_FOUND(r.endpoint_number(other, shop.id));
    EXPECT_NOT_FOUND(r.event_number(other, "github", "repo:starred"));
    EXPECT_NOT_FOUND(r.links_of(other, {.link = shop.link_id}));
    EXPECT_NOT_FOUND(r.links_of(other, {.endpoint = shop.id}));
  }
  EXPECT_EQ(lists_of(*registry, "acme"), "keys\napps\nproducts\nendpoints\nlinks\nregistrations\n");
  for (const Error& error :
       {error_of(registry->keys("nobody", {})), error_of(registry->apps("nobody", {})),
        error_of(registry->webhooks("nobody", "github", {})),
        error_of(registry->products("nobody", {})),
        error_of(registry->connections("nobody", "shop", {})),
        error_of(registry->endpoints("nobody", {}, {})),
        error_of(registry->links("nobody", {}, {})),
        error_of(registry->registrations("nobody", "", "", {})),
        error_of(registry->create_webhook("nobody", "github", webhook_spec())),
        error_of(registry->connect("nobody", "shop", "hub", "github", {})),
        error_of(registry->links_of("nobody", {}))})
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(stored(), before);
}

// Secrets are asked for in the name of the workspace whose definition names them.
TEST_F(WorkspacesTest, SecretsAreAskedForByWorkspace) {
  std::string asked;
  const auto source = [&](std::string_view workspace, std::string_view name) {
    asked += std::string(workspace) + ":" + std::string(name) + " ";
    return std::optional<std::string>("x");
  };
  auto own = std::move(engine::Registry::load(store, clock,
                                              {.secrets = source,
                                               .targets = loopback_targets(),
                                               .master_key = fixed_master_key()}))
                 .value();
  made(own->create_webhook("acme", "github", webhook_spec()));
  EndpointSettings settings = to(kReceiver);
  settings.auth = R"({"headers":{"A":"$Secret{TOKEN}"}})";
  made(own->create_endpoint("acme", "shop", endpoint_spec(settings)));
  EXPECT_FALSE(asked.empty());
  EXPECT_EQ(asked.find("default"), std::string::npos);
  EXPECT_TRUE(asked.starts_with("acme:TOKEN "));
}

}  // namespace
}  // namespace headrace::test
