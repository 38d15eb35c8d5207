// SPDX-License-Identifier: Apache-2.0
#include "core/shared_map.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <memory>
#include <vector>

#include "core/random.h"

namespace headrace::core {
namespace {

struct Item {
  std::uint64_t key = 0;
  int value = 0;
};
using Map = SharedMap<Item>;
using Model = std::map<std::uint64_t, int>;
using Hash = std::uint64_t (*)(std::uint64_t);

// Spread, all in one leaf that may not split, and alike in all but the highest bits.
constexpr Hash kHashes[] = {
    [](std::uint64_t key) { return Random(key).next(); },
    [](std::uint64_t) { return std::uint64_t{77}; },
    [](std::uint64_t key) { return key << 58; },
    [](std::uint64_t key) { return key; },
};

auto is(std::uint64_t key) {
  return [key](const Item& item) { return item.key == key; };
}

std::shared_ptr<const Item> item(std::uint64_t key, int value) {
  return std::make_shared<const Item>(Item{key, value});
}

Model content_of(const Map& map) {
  Model model;
  map.for_each([&](const Map::Value& value) {
    const bool first = model.emplace(value->key, value->value).second;
    EXPECT_TRUE(first) << value->key << " is there twice";
  });
  return model;
}

// What a map holds is the model, asked in every way.
bool agrees(const Map& map, const Model& model, std::uint64_t keys_max, Hash hash) {
  if (map.size() != model.size() || content_of(map) != model) return false;
  for (std::uint64_t key = 0; key < keys_max; ++key) {
    const Map::Value* found = map.find(hash(key), is(key));
    const auto expected = model.find(key);
    if ((found != nullptr) != (expected != model.end())) return false;
    if (found != nullptr && ((*found)->key != key || (*found)->value != expected->second))
      return false;
  }
  return true;
}

TEST(SharedMapTest, AnEmptyMapHoldsNothing) {
  Map map;
  EXPECT_EQ(map.size(), 0u);
  EXPECT_EQ(map.find(5, is(5)), nullptr);
  EXPECT_FALSE(map.erase(5, is(5)));
  EXPECT_TRUE(content_of(map).empty());
}

// Any history of changes to copies, each of which stays what it was when another one changes.
TEST(SharedMapTest, EveryCopyIsItsOwnMap) {
  EXPECT_TRUE(rc::check("every copy is its own map", [] {
    constexpr std::uint64_t kKeysMax = 80;
    const Hash hash = kHashes[*rc::gen::inRange<std::size_t>(0, std::size(kHashes))];
    std::vector<std::pair<Map, Model>> copies(1);
    const auto steps = *rc::gen::inRange(0, 400);
    Random random(*rc::gen::arbitrary<std::uint64_t>());
    for (int step = 0; step < steps; ++step) {
      auto& [map, model] = copies[random.below(copies.size())];
      const std::uint64_t key = random.below(kKeysMax);
      const std::uint64_t action = random.below(16);
      if (action == 0 && copies.size() < 6) {
        copies.emplace_back(std::pair{map, model});
      } else if (action == 1 && copies.size() > 1) {
        copies.erase(copies.begin() + static_cast<std::ptrdiff_t>(random.below(copies.size())));
      } else if (action < 10) {
        RC_ASSERT(map.put(hash(key), is(key), item(key, step)) == (model.count(key) == 0));
        model[key] = step;
      } else {
        RC_ASSERT(map.erase(hash(key), is(key)) == (model.erase(key) == 1));
      }
    }
    for (const auto& [map, model] : copies) RC_ASSERT(agrees(map, model, kKeysMax, hash));
  }));
}

TEST(SharedMapTest, ManyEntriesAreFoundAndGoAgain) {
  constexpr std::uint64_t kCount = 20'000;
  for (const Hash hash : {kHashes[0], kHashes[3]}) {
    Map map;
    for (std::uint64_t key = 0; key < kCount; ++key)
      ASSERT_TRUE(map.put(hash(key), is(key), item(key, 1)));
    const Map all = map;
    EXPECT_EQ(map.size(), kCount);
    for (std::uint64_t key = 0; key < kCount; key += 2) ASSERT_TRUE(map.erase(hash(key), is(key)));
    for (std::uint64_t key = 0; key < kCount; ++key) {
      ASSERT_EQ(map.find(hash(key), is(key)) != nullptr, key % 2 == 1) << key;
      ASSERT_NE(all.find(hash(key), is(key)), nullptr) << key;
    }
    for (std::uint64_t key = 1; key < kCount; key += 2) ASSERT_TRUE(map.erase(hash(key), is(key)));
    EXPECT_EQ(map.size(), 0u);
    EXPECT_TRUE(content_of(map).empty());
    EXPECT_EQ(all.size(), kCount);
  }
}

TEST(SharedMapTest, AValueGoesWithTheLastCopyThatHasIt) {
  Map map;
  std::weak_ptr<const Item> watch;
  {
    auto value = item(1, 1);
    watch = value;
    map.put(1, is(1), std::move(value));
  }
  for (std::uint64_t key = 2; key < 100; ++key) map.put(kHashes[0](key), is(key), item(key, 1));
  Map copy = map;
  map.put(1, is(1), item(1, 2));
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ((*copy.find(1, is(1)))->value, 1);
  EXPECT_EQ((*map.find(1, is(1)))->value, 2);
  copy = Map();
  EXPECT_TRUE(watch.expired());
}

TEST(SharedMapTest, AMapThatWasMovedFromIsEmpty) {
  Map map;
  map.put(1, is(1), item(1, 1));
  const Map moved = std::move(map);
  EXPECT_EQ(moved.size(), 1u);
  EXPECT_EQ(map.size(), 0u);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(map.find(1, is(1)), nullptr);
  map.put(2, is(2), item(2, 2));
  EXPECT_EQ(content_of(map), (Model{{2, 2}}));
}

}  // namespace
}  // namespace headrace::core
