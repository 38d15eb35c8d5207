// SPDX-License-Identifier: Apache-2.0
// The rules of links: the addresses that providers post to.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class LinksTest : public RegistryTest {
 protected:
  void SetUp() override {
    const Webhook one = webhook("github", "repo", {"prd", "snd"});
    app_link = one.envs[0].link;
    app_link_id = one.envs[0].link_id;
    event();
  }
  LinkResult create(const LinkSpec& spec, std::string_view product = "shop") {
    return made(registry->create_link(kWorkspace, product, spec));
  }
  Error refused(const LinkSpec& spec, std::string_view product = "shop") {
    return error_of(registry->create_link(kWorkspace, product, spec));
  }
  Link rotate(LinkId id, milliseconds grace) {
    return made(registry->rotate_link(kWorkspace, id, grace, {}));
  }

  std::string app_link;
  LinkId app_link_id;
};

// --- Creating

TEST_F(LinksTest, ProductGetsALinkAndAnEndpoint) {
  const LinkResult one = create(link_spec());
  EXPECT_TRUE(one.created);
  EXPECT_EQ(one.link.kind, LinkKind::kProduct);
  EXPECT_EQ(one.link.product, "shop");
  EXPECT_EQ(registry->endpoint(kWorkspace, one.endpoint)->link, one.link.url);
  EXPECT_EQ(receivers(one.link.url), std::vector<std::string>{"shop"});
}

TEST_F(LinksTest, AskingAgainGivesTheSameLinkAndUpdatesTheEndpoint) {
  const LinkResult first = create(link_spec());
  const std::string before = stored();
  EXPECT_FALSE(create(link_spec()).created);
  EXPECT_EQ(stored(), before);
  EndpointSettings changed = to("https://example.com/other");
  changed.method = "PUT";
  const LinkResult second = create(link_spec(changed));
  EXPECT_FALSE(second.created);
  EXPECT_EQ(second.link.url, first.link.url);
  EXPECT_EQ(second.link.id, first.link.id);
  EXPECT_EQ(second.endpoint, first.endpoint);
  EXPECT_EQ(registry->endpoints(kWorkspace, {}, {})->items.size(), 1u);
  EXPECT_EQ(registry->endpoint(kWorkspace, first.endpoint)->method, "PUT");
  EXPECT_EQ(create(link_spec({})).link.url, first.link.url) << "without settings";
}

TEST_F(LinksTest, AppLinkGoesToAllProductsAndAProductsLinkToItsOwn) {
  const LinkResult shop = create(link_spec());
  const LinkResult crm = create(link_spec(), "crm");
  const LinkResult other_env = create(link_spec(to(kReceiver), "snd"));
  EXPECT_NE(shop.link.url, crm.link.url);
  EXPECT_NE(shop.link.url, other_env.link.url);
  EXPECT_EQ(receivers(app_link), (std::vector<std::string>{"crm", "shop"}));
  EXPECT_EQ(receivers(shop.link.url), std::vector<std::string>{"shop"});
}

TEST_F(LinksTest, EventLinkPinsItsEvent) {
  const LinkResult one = create(event_link_spec("starred"));
  EXPECT_TRUE(one.created);
  EXPECT_EQ(one.link.kind, LinkKind::kEvent);
  EXPECT_EQ(one.link.event, "repo:starred");
  EXPECT_EQ(one.link.webhook, "repo");
  EXPECT_FALSE(one.endpoint);
  EXPECT_EQ(registry->event_tag(route(one.link.url)->pinned), "repo:starred");
  EXPECT_TRUE(receivers(one.link.url).empty());
  EXPECT_EQ(create(event_link_spec("repo:starred")).link.url, one.link.url);
  // It leads to the endpoint that the product makes later.
  const Endpoint later = endpoint();
  EXPECT_EQ(receivers(one.link.url), std::vector<std::string>{"shop"});
  EXPECT_EQ(create(event_link_spec("starred")).endpoint, later.id);
  EXPECT_NE(later.link, one.link.url);
  EXPECT_EQ(route(later.link)->pinned, core::EventNumber::kNone);
}

TEST_F(LinksTest, EventLinkWithAUrlMakesTheEndpointAndItsOwnLink) {
  LinkSpec spec = event_link_spec("starred");
  spec.settings = to(kReceiver);
  const LinkResult one = create(spec);
  const Endpoint made_too = *registry->endpoint(kWorkspace, one.endpoint);
  EXPECT_NE(made_too.link, one.link.url);
  EXPECT_NE(route(made_too.link), nullptr);
}

TEST_F(LinksTest, EventLinkOfAnEndpointThatWantsOtherEventsReachesNobody) {
  event("repo:forked");
  EndpointSettings forks = to(kReceiver);
  forks.events = {"forked"};
  endpoint("shop", forks);
  const LinkResult starred = create(event_link_spec("starred"));
  EXPECT_TRUE(receivers(starred.link.url, "repo:starred").empty());
  const LinkResult forked = create(event_link_spec("forked"));
  EXPECT_EQ(receivers(forked.link.url, "repo:forked"), std::vector<std::string>{"shop"});
}

TEST_F(LinksTest, WhatIsMissingOrAmbiguousIsSaid) {
  EXPECT_EQ(places(refused(link_spec({}))), "/url");
  LinkSpec spec = link_spec();
  spec.webhook = "";
  EXPECT_EQ(places(refused(spec)), "/webhook_tag");
  EXPECT_EQ(places(refused(link_spec(to(kReceiver), "dev"))), "/env");
  EXPECT_EQ(places(refused(event_link_spec("starred", "dev"))), "/env");
  EXPECT_EQ(refused(event_link_spec("none")).code, ErrorCode::kNotFound);
  EXPECT_EQ(places(refused(link_spec(to("ftp://h/")))), "/url");
  EXPECT_EQ(places(refused(link_spec(), "a/b")), "/product");
  webhook("github", "org");
  event("org:starred");
  const Error several = refused(event_link_spec("starred"));
  EXPECT_EQ(several.code, ErrorCode::kConflict);
  EXPECT_EQ(places(several), "event org:starred event repo:starred");
  // The webhook decides, where it is given.
  spec = event_link_spec("starred");
  spec.webhook = "org";
  EXPECT_EQ(create(spec).link.event, "org:starred");
  spec.event = "repo:starred";
  EXPECT_EQ(places(refused(spec)), "/event");
}

// --- Rotating

TEST_F(LinksTest, OldTokenWorksUntilTheGraceIsOver) {
  const Endpoint one = endpoint();
  const Link rotated = rotate(one.link_id, hours(1));
  EXPECT_NE(rotated.url, one.link);
  EXPECT_EQ(rotated.id, one.link_id);
  EXPECT_EQ(rotated.previous_until, clock.wall_ms() + 3'600'000);
  ASSERT_NE(route(one.link), nullptr);
  EXPECT_EQ(route(one.link)->number, route(rotated.url)->number);
  EXPECT_EQ(receivers(one.link), std::vector<std::string>{"shop"});
  clock.advance(hours(1) - milliseconds(1));
  EXPECT_NE(route(one.link), nullptr);
  clock.advance(milliseconds(1));
  EXPECT_EQ(route(one.link), nullptr);
  EXPECT_NE(route(rotated.url), nullptr);
  // It is shown as it was: what an ETag stands for changes with the revision only.
  EXPECT_EQ(registry->link(kWorkspace, one.link_id)->previous_until, rotated.previous_until);
  EXPECT_NE(registry->endpoint(kWorkspace, one.id)->revision, one.revision);
}

TEST_F(LinksTest, StillOlderTokenWorksNoMore) {
  const std::string second = rotate(app_link_id, hours(1)).url;
  const std::string third = rotate(app_link_id, hours(1)).url;
  EXPECT_EQ(route(app_link), nullptr);
  EXPECT_NE(route(second), nullptr);
  EXPECT_NE(route(third), nullptr);
  load();
  EXPECT_EQ(route(app_link), nullptr);
  EXPECT_NE(route(second), nullptr);
  EXPECT_NE(route(third), nullptr);
}

TEST_F(LinksTest, WithoutGraceTheOldTokenIsGoneAtOnce) {
  const std::string second = rotate(app_link_id, hours(1)).url;
  const Link third = rotate(app_link_id, milliseconds(0));
  EXPECT_FALSE(third.previous_until);
  EXPECT_EQ(route(app_link), nullptr);
  EXPECT_EQ(route(second), nullptr);
  EXPECT_NE(route(third.url), nullptr);
}

TEST_F(LinksTest, OldTokenLearnsOfChangesDuringItsGrace) {
  rotate(app_link_id, hours(1));
  endpoint("late");
  EXPECT_EQ(receivers(app_link), std::vector<std::string>{"late"});
}

TEST_F(LinksTest, RotationIsGuardedAndBounded) {
  const Link before = *registry->link(kWorkspace, app_link_id);
  const auto again = [&](milliseconds grace, ChangeOptions options = {}) {
    return registry->rotate_link(kWorkspace, app_link_id, grace, options);
  };
  EXPECT_EQ(places(error_of(again(milliseconds(-1)))), "/grace");
  EXPECT_EQ(places(error_of(again(hours(24 * 30) + milliseconds(1)))), "/grace");
  EXPECT_GT(made(again(hours(24 * 30), {.if_revision = before.revision})).revision,
            before.revision);
  EXPECT_EQ(error_of(again(hours(1), {.if_revision = before.revision})).code,
            ErrorCode::kPrecondition);
  EXPECT_EQ(error_of(registry->rotate_link(kWorkspace, LinkId{{1, 2}}, hours(1), {})).code,
            ErrorCode::kNotFound);
}

// --- Deleting

TEST_F(LinksTest, LinkGoesWithWhatItBelongsTo) {
  const Endpoint one = endpoint();
  const Link of_event = create(event_link_spec("starred")).link;
  EXPECT_EQ(error_of(registry->delete_link(kWorkspace, app_link_id, {})).code,
            ErrorCode::kConflict);
  const Error in_use = error_of(registry->delete_link(kWorkspace, one.link_id, {}));
  EXPECT_EQ(in_use.code, ErrorCode::kConflict);
  EXPECT_EQ(places(in_use), "endpoint " + one.id.to_string());
  EXPECT_EQ(error_of(registry->delete_link(kWorkspace, of_event.id,
                                           {.if_revision = of_event.revision + 1}))
                .code,
            ErrorCode::kPrecondition);
  done(registry->delete_link(kWorkspace, of_event.id, {.if_revision = of_event.revision}));
  EXPECT_EQ(route(of_event.url), nullptr);
  EXPECT_NE(create(event_link_spec("starred")).link.url, of_event.url);
}

TEST_F(LinksTest, DeletingARotatedLinkForgetsBothTokens) {
  const Link first = create(event_link_spec("starred")).link;
  const Link second = rotate(first.id, hours(1));
  done(registry->delete_link(kWorkspace, first.id, {}));
  EXPECT_EQ(route(first.url), nullptr);
  EXPECT_EQ(route(second.url), nullptr);
}

TEST_F(LinksTest, NameOfADeletedLinkIsKnownUntilTheRetention) {
  const Link one = create(event_link_spec("starred")).link;
  const core::LinkNumber number = route(one.url)->number;
  EXPECT_EQ(registry->link_id(number), one.id);
  done(registry->delete_link(kWorkspace, one.id, {}));
  load();
  EXPECT_EQ(registry->link_id(number), one.id);
  EXPECT_EQ(registry->workspace_of(number), kWorkspace);
  clock.advance(retention + milliseconds(1));
  load();
  EXPECT_FALSE(registry->link_id(number));
  EXPECT_EQ(registry->workspace_of(number), "");
}

// --- Lists

TEST_F(LinksTest, EveryCombinationOfAFilterSelectsWhatItNames) {
  webhook("github", "org");
  webhook("gitlab", "repo", {"prd"});
  for (const char* product : {"shop", "shop-2"}) {
    create(link_spec(), product);
    create(event_link_spec("starred"), product);
    create(event_link_spec("starred", "snd"), product);
  }
  const auto all = registry->links(kWorkspace, {}, {{}, 1000})->items;
  EXPECT_EQ(all.size(), 10u);
  const auto is = [](const std::string& wanted, const std::string& name) {
    return wanted.empty() || wanted == name;
  };
  for (const char* app : {"", "github", "gitlab"})
    for (const char* tag : {"", "repo", "org"})
      for (const char* env : {"", "prd", "snd"})
        for (const char* product : {"", "shop", "shop-2"}) {
          const LinkFilter filter{app, tag, env, product};
          std::set<std::string> wanted, found;
          for (const Link& one : all)
            if (is(filter.app, one.app) && is(filter.webhook, one.webhook) &&
                is(filter.env, one.env) && is(filter.product, one.product))
              wanted.insert(one.url);
          // In pages of one, so that each cursor is tried.
          PageRequest page{.cursor = {}, .count_max = 1};
          for (std::size_t pages = 0; pages <= all.size(); ++pages) {
            const auto part = made(registry->links(kWorkspace, filter, page));
            for (const Link& one : part.items) EXPECT_TRUE(found.insert(one.url).second);
            page.cursor = part.next;
            if (part.next.empty()) break;
          }
          EXPECT_EQ(found, wanted) << app << ' ' << tag << ' ' << env << ' ' << product;
        }
}

}  // namespace
}  // namespace headrace::test
