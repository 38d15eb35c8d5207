// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace headrace::engine {
namespace {

// The same cases in every run, unless RC_PARAMS says otherwise.
const bool kSeeded = setenv("RC_PARAMS", "seed=20 max_success=500", 0) == 0;

std::string one_of(std::initializer_list<const char*> names) {
  return *rc::gen::elementOf(std::vector<std::string>(names.begin(), names.end()));
}

// Numbers and ids are given out once; the catalog need not cope with two alike.
class Maker {
 public:
  EndpointDefinition endpoint() {
    EndpointDefinition made;
    made.number = core::EndpointNumber{++last_};
    made.id = EndpointId{{1, last_}};
    made.workspace = one_of({"w", "w-1"});
    made.product = one_of({"p", "p.q", "p0"});
    made.app = one_of({"a", "a-b"});
    made.webhook = "h";
    made.env = one_of({"prd", "snd"});
    made.revision = last_;
    return made;
  }
  LinkDefinition link() {
    LinkDefinition made;
    made.number = core::LinkNumber{++last_};
    made.id = LinkId{{2, last_}};
    made.workspace = one_of({"w", "w-1"});
    made.product = one_of({"", "p", "p.q"});
    made.app = one_of({"a", "a-b"});
    made.webhook = "h";
    made.env = one_of({"prd", "snd"});
    if (!made.product.empty()) made.event = one_of({"", "h:e"});
    made.revision = last_;
    return made;
  }
  KeyDefinition key() {
    KeyDefinition made;
    made.id = KeyId{{3, ++last_}};
    made.workspace = one_of({"w", "w-1"});
    made.secret_hash = std::to_string(last_);
    return made;
  }

 private:
  std::uint32_t last_ = 0;
};

template <class D>
D find_any(const Catalog& catalog, D otherwise) {
  std::vector<D> all;
  catalog.of<D>().each([&](const D& one) { all.push_back(one); });
  return all.empty() ? otherwise : *rc::gen::elementOf(all);
}

// Some edits, also several of one key: as new, changed under its number and id, removed.
template <class D>
void edit(const Catalog& catalog, Change& change, D fresh) {
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      change.remove(find_any(catalog, fresh));
      break;
    case 1:
      change.remove(find_any(catalog, fresh));
      if (const D* there = catalog.of<D>().find(fresh.key())) change.remove(*there);
      change.put(fresh);
      break;
    case 2:
      if (const D* there = catalog.of<D>().find(fresh.key())) {
        D same = *there;
        if constexpr (requires { same.revision; }) same.revision += 1000;
        change.put(same);
        break;
      }
      [[fallthrough]];
    default:
      change.put(fresh);
  }
}

Change random_change(const Catalog& catalog, Maker& maker) {
  Change change;
  const int edits = *rc::gen::inRange(1, 8);
  for (int i = 0; i < edits; ++i) {
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        edit(catalog, change, maker.endpoint());
        break;
      case 1:
        edit(catalog, change, maker.link());
        break;
      default:
        edit(catalog, change, maker.key());
    }
  }
  return change;
}

template <class D>
std::map<std::string, std::string> contents(const Catalog& catalog) {
  std::map<std::string, std::string> all;
  catalog.of<D>().each([&](const D& one) { all[one.key()] = one.to_json(); });
  return all;
}

std::string picture(const Catalog& catalog) {
  std::string all;
  for (const auto& kind : {contents<EndpointDefinition>(catalog), contents<LinkDefinition>(catalog),
                           contents<KeyDefinition>(catalog)})
    for (const auto& [key, json] : kind) all += key + "=" + json + "\n";
  return all;
}

// Every way of looking up agrees with a plain list of what is there.
template <class D>
void expect_lookups_agree(const Catalog& catalog) {
  const Table<D>& table = catalog.of<D>();
  std::vector<const D*> all;
  std::map<std::string, std::string> by_product;
  table.each([&](const D& one) { all.push_back(&one); });
  RC_ASSERT(table.size() == all.size());
  for (const D* one : all) {
    RC_ASSERT(table.find(one->key()) == one);
    RC_ASSERT(table.by_id(one->id) == one);
    if constexpr (requires { one->number; }) RC_ASSERT(table.by_number(one->number) == one);
    if constexpr (requires { one->secret_hash; }) RC_ASSERT(table.by_hash(one->secret_hash) == one);
    if constexpr (requires { one->second_key(); })
      if (!one->second_key().empty()) by_product[one->second_key()] = one->key();
  }
  if constexpr (requires(const D& one) { one.second_key(); }) {
    for (const std::string prefix : {"w/", "w/p/", "w/p.q/", "w/p/a/", "w-1/"}) {
      std::vector<std::string> wanted, found;
      for (const auto& [key, own] : by_product)
        if (key.starts_with(prefix)) wanted.push_back(own);
      table.scan_second(prefix, {}, [&](const D& one) {
        found.push_back(one.key());
        return true;
      });
      RC_ASSERT(found == wanted);
    }
  }
}

// No number or id of what is not there any more leads anywhere.
template <class D>
void expect_forgotten(const Catalog& catalog, const std::vector<D>& before) {
  const Table<D>& table = catalog.of<D>();
  for (const D& one : before) {
    const D* now = table.find(one.key());
    const D* wanted = now != nullptr && now->number == one.number ? now : nullptr;
    RC_ASSERT(table.by_number(one.number) == wanted);
    RC_ASSERT(table.by_id(one.id) == wanted);
  }
}

template <class D>
std::vector<D> all_of(const Catalog& catalog) {
  std::vector<D> all;
  catalog.of<D>().each([&](const D& one) { all.push_back(one); });
  return all;
}

TEST(CatalogTest, RevertLeavesNoTraceOfAChange) {
  EXPECT_TRUE(rc::check([] {
    Catalog catalog;
    Maker maker;
    const int rounds = *rc::gen::inRange(1, 12);
    for (int i = 0; i < rounds; ++i) {
      Change change = random_change(catalog, maker);
      const std::string before = picture(catalog);
      catalog.apply(change);
      if (*rc::gen::inRange(0, 2) == 0) continue;
      catalog.revert(change);
      RC_ASSERT(picture(catalog) == before);
      expect_lookups_agree<EndpointDefinition>(catalog);
      expect_lookups_agree<LinkDefinition>(catalog);
    }
  }));
}

TEST(CatalogTest, LookUpsAgreeWithAPlainListAfterAnyChanges) {
  EXPECT_TRUE(rc::check([] {
    Catalog catalog;
    Maker maker;
    const int rounds = *rc::gen::inRange(1, 12);
    for (int i = 0; i < rounds; ++i) {
      const auto endpoints = all_of<EndpointDefinition>(catalog);
      Change change = random_change(catalog, maker);
      catalog.apply(change);
      expect_lookups_agree<EndpointDefinition>(catalog);
      expect_lookups_agree<LinkDefinition>(catalog);
      expect_lookups_agree<KeyDefinition>(catalog);
      expect_forgotten(catalog, endpoints);
    }
  }));
}

// A store that is given the edits in order holds what the catalog holds.
TEST(CatalogTest, StoreIsGivenTheSameEdits) {
  EXPECT_TRUE(rc::check([] {
    Catalog catalog;
    Maker maker;
    std::map<std::string, std::string> store;
    const int rounds = *rc::gen::inRange(1, 8);
    for (int i = 0; i < rounds; ++i) {
      Change change = random_change(catalog, maker);
      for (const auto& [key, value] : change.for_store()) {
        if (value) store[key] = *value;
        if (!value) store.erase(key);
      }
      catalog.apply(change);
    }
    std::map<std::string, std::string> wanted;
    for (const auto& [key, json] : contents<EndpointDefinition>(catalog))
      wanted["endpoint/" + key] = json;
    for (const auto& [key, json] : contents<LinkDefinition>(catalog)) wanted["link/" + key] = json;
    for (const auto& [key, json] : contents<KeyDefinition>(catalog)) wanted["key/" + key] = json;
    RC_ASSERT(store == wanted);
  }));
}

TEST(CatalogTest, ScanBeginsBehindItsCursorAndEndsWithItsPrefix) {
  Catalog catalog;
  for (const char* tag : {"a", "b", "c", "b-c"})
    catalog.load(WebhookDefinition{.workspace = "w", .app = tag, .tag = "h"});
  catalog.load(WebhookDefinition{.workspace = "x", .app = "a", .tag = "h"});
  const auto scan = [&](std::string_view prefix, std::string_view after, std::size_t most = 9) {
    std::string found;
    catalog.of<WebhookDefinition>().scan(prefix, after, [&](const WebhookDefinition& one) {
      found += one.key() + " ";
      return --most != 0;
    });
    return found;
  };
  EXPECT_EQ(scan("w/", {}), "w/a/h w/b-c/h w/b/h w/c/h ");
  EXPECT_EQ(scan("w/b/", {}), "w/b/h ");
  EXPECT_EQ(scan("w/", "w/a/h"), "w/b-c/h w/b/h w/c/h ");
  EXPECT_EQ(scan("w/", "w/b/h0"), "w/c/h ");
  EXPECT_EQ(scan("w/", "w/z"), "");
  EXPECT_EQ(scan("w/", "a"), "w/a/h w/b-c/h w/b/h w/c/h ");  // a cursor before it all
  EXPECT_EQ(scan("w/", {}, 2), "w/a/h w/b-c/h ");
}

}  // namespace
}  // namespace headrace::engine
