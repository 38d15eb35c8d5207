// SPDX-License-Identifier: Apache-2.0
// Products, and the names under which they know apps.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/registry_rig.h"

namespace headrace::test {
namespace {

class ProductsTest : public RegistryTest {
 protected:
  void SetUp() override {
    webhook();
    webhook("gitlab");
  }
  Result<Connection> connect(std::string_view access_tag, std::string_view app,
                             const ChangeOptions& options = {}) {
    return registry->connect(kWorkspace, "shop", access_tag, app, options);
  }
  static EndpointSpec under(std::string access_tag) {
    EndpointSpec spec = endpoint_spec();
    spec.access_tag = std::move(access_tag);
    return spec;
  }
};

TEST_F(ProductsTest, AccessTagIsTheAppsOwnTagUnlessTheProductSaysOtherwise) {
  EXPECT_EQ(made(registry->create_endpoint(kWorkspace, "shop", under("github"))).app, "github");
  EXPECT_EQ(error_of(registry->create_endpoint(kWorkspace, "crm", under("hub"))).code,
            ErrorCode::kNotFound);
  made(registry->connect(kWorkspace, "crm", "hub", "github", {}));
  const Endpoint crm = made(registry->create_endpoint(kWorkspace, "crm", under("hub")));
  EXPECT_EQ(crm.app, "github");
  EXPECT_EQ(crm.access_tag, "hub");
  EXPECT_EQ(registry->link(kWorkspace, crm.link_id)->access_tag, "hub");
  // The name is that product's alone.
  EXPECT_EQ(error_of(registry->create_endpoint(kWorkspace, "shop", under("hub"))).code,
            ErrorCode::kNotFound);
}

TEST_F(ProductsTest, ConnectionHidesAnAppOfTheSameTag) {
  made(connect("github", "gitlab"));
  EXPECT_EQ(made(registry->create_endpoint(kWorkspace, "shop", under("github"))).app, "gitlab");
}

TEST_F(ProductsTest, ConnectingAgainChangesNothingAndAnotherAppChangesIt) {
  const Connection first = made(connect("hub", "github"));
  const std::string before = stored();
  EXPECT_EQ(made(connect("hub", "github")).revision, first.revision);
  EXPECT_EQ(stored(), before);
  const Connection second = made(connect("hub", "gitlab", {.if_revision = first.revision}));
  EXPECT_EQ(second.app, "gitlab");
  EXPECT_GT(second.revision, first.revision);
  EXPECT_EQ(registry->connection(kWorkspace, "shop", "hub")->app, "gitlab");
  EXPECT_EQ(error_of(connect("hub", "github", {.if_revision = first.revision})).code,
            ErrorCode::kPrecondition);
  EXPECT_EQ(error_of(connect("new", "github", {.if_revision = first.revision})).code,
            ErrorCode::kPrecondition);
  made(connect("new", "github", {.if_revision = 0}));  // only if it is not there
}

TEST_F(ProductsTest, NameThatIsInUseForAnotherAppConflicts) {
  const Endpoint direct = made(registry->create_endpoint(kWorkspace, "shop", under("github")));
  const Error in_use = error_of(connect("github", "gitlab"));
  EXPECT_EQ(in_use.code, ErrorCode::kConflict);
  EXPECT_EQ(places(in_use),
            "endpoint " + direct.id.to_string() + " link " + direct.link_id.to_string());
  made(connect("github", "github"));  // what it means already
}

TEST_F(ProductsTest, WhatCannotBeConnectedIsNamed) {
  EXPECT_EQ(places(error_of(connect("hub", "nobody"))), "/app");
  EXPECT_EQ(places(error_of(connect("hub", "github/repo"))), "/app");
  EXPECT_EQ(places(error_of(connect("h/b", "github"))), "/access_tag");
  EXPECT_EQ(places(error_of(registry->connect(kWorkspace, "", "hub", "github", {}))), "/product");
  EXPECT_EQ(error_of(registry->connection(kWorkspace, "shop", "hub")).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->connection(kWorkspace, "shop/hub", "")).code, ErrorCode::kNotFound);
}

TEST_F(ProductsTest, DisconnectingListsAndTakesAlongWhatIsRegisteredUnderTheName) {
  const Connection hub = made(connect("hub", "github"));
  const Endpoint one = made(registry->create_endpoint(kWorkspace, "shop", under("hub")));
  const Endpoint other = made(registry->create_endpoint(kWorkspace, "shop", under("gitlab")));
  const auto disconnect = [&](const ChangeOptions& options) {
    return registry->disconnect(kWorkspace, "shop", "hub", options);
  };
  EXPECT_EQ(error_of(disconnect({.if_revision = hub.revision + 1})).code, ErrorCode::kPrecondition);
  const Error orphans = error_of(disconnect({}));
  EXPECT_EQ(orphans.code, ErrorCode::kConflict);
  EXPECT_EQ(places(orphans), "endpoint " + one.id.to_string() + " link " + one.link_id.to_string());
  done(disconnect({.cascade = true}));
  EXPECT_EQ(route(one.link), nullptr);
  EXPECT_NE(route(other.link), nullptr);
  EXPECT_EQ(error_of(disconnect({})).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->create_endpoint(kWorkspace, "shop", under("hub"))).code,
            ErrorCode::kNotFound);
}

// A product may come to know an app by another name; what it registered before then follows.
TEST_F(ProductsTest, RegistrationFollowsTheNameItIsAskedForUnder) {
  const Endpoint direct = made(registry->create_endpoint(kWorkspace, "shop", under("github")));
  made(connect("hub", "github"));
  LinkSpec spec = link_spec();
  spec.access_tag = "hub";
  made(registry->create_link(kWorkspace, "shop", spec));
  EXPECT_EQ(registry->endpoint(kWorkspace, direct.id)->access_tag, "hub");
  EXPECT_EQ(registry->link(kWorkspace, direct.link_id)->access_tag, "hub");
  EXPECT_EQ(registry->link(kWorkspace, direct.link_id)->url, direct.link);
  done(registry->disconnect(kWorkspace, "shop", "hub", {.cascade = true}));
  EXPECT_EQ(error_of(registry->product(kWorkspace, "shop")).code, ErrorCode::kNotFound);
}

TEST_F(ProductsTest, ProductIsThereAsLongAsItHasSomething) {
  EXPECT_EQ(error_of(registry->product(kWorkspace, "shop")).code, ErrorCode::kNotFound);
  made(connect("hub", "github"));
  EXPECT_EQ(registry->product(kWorkspace, "shop")->connections, 1u);
  const Endpoint one = endpoint();
  const Product full = *registry->product(kWorkspace, "shop");
  EXPECT_EQ(full.endpoints, 1u);
  EXPECT_EQ(full.links, 1u);
  const Error orphans = error_of(registry->delete_product(kWorkspace, "shop", {}));
  EXPECT_EQ(orphans.code, ErrorCode::kConflict);
  EXPECT_EQ(places(orphans), "endpoint " + one.id.to_string() + " link " + one.link_id.to_string());
  done(registry->delete_product(kWorkspace, "shop", {.cascade = true}));
  EXPECT_EQ(error_of(registry->product(kWorkspace, "shop")).code, ErrorCode::kNotFound);
  EXPECT_EQ(error_of(registry->delete_product(kWorkspace, "shop", {.cascade = true})).code,
            ErrorCode::kNotFound);
  EXPECT_EQ(route(one.link), nullptr);
}

TEST_F(ProductsTest, ProductWithConnectionsOnlyIsDeletedAtOnce) {
  made(connect("hub", "github"));
  made(registry->connect(kWorkspace, "shop-2", "hub", "github", {}));
  done(registry->delete_product(kWorkspace, "shop", {}));
  EXPECT_EQ(registry->products(kWorkspace, {})->items.size(), 1u);
}

TEST_F(ProductsTest, ProductsOfAllKindsAreListedOnceAndInPages) {
  made(registry->connect(kWorkspace, "p", "hub", "github", {}));
  made(registry->connect(kWorkspace, "p-q", "hub", "github", {}));
  event();
  endpoint("p");
  endpoint("p.q");
  made(registry->create_link(kWorkspace, "p0", event_link_spec("starred")));
  std::vector<std::string> found;
  PageRequest page{.cursor = {}, .count_max = 1};
  for (int pages = 0; pages < 9; ++pages) {
    const auto products = made(registry->products(kWorkspace, page));
    for (const Product& product : products.items) found.push_back(product.tag);
    page.cursor = products.next;
    if (page.cursor.empty()) break;
  }
  EXPECT_EQ(found, (std::vector<std::string>{"p-q", "p.q", "p", "p0"}));
}

TEST_F(ProductsTest, ConnectionsAreListedInPages) {
  for (const char* tag : {"b", "a", "c"}) made(connect(tag, "github"));
  const auto first = made(registry->connections(kWorkspace, "shop", {{}, 2}));
  ASSERT_EQ(first.items.size(), 2u);
  EXPECT_EQ(first.items[0].access_tag, "a");
  const auto rest = made(registry->connections(kWorkspace, "shop", {first.next, 2}));
  ASSERT_EQ(rest.items.size(), 1u);
  EXPECT_EQ(rest.items[0].access_tag, "c");
  EXPECT_EQ(rest.next, "");
  EXPECT_EQ(places(error_of(registry->connections(kWorkspace, "a/b", {}))), "/product");
}

}  // namespace
}  // namespace headrace::test
