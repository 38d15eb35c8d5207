// SPDX-License-Identifier: Apache-2.0
// Copies of a map that share nodes, on several threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "core/random.h"
#include "core/shared_map.h"
#include "core/snapshot.h"

namespace headrace::core {
namespace {

struct Item {
  std::uint64_t key = 0;
  std::uint64_t generation = 0;
};
using Map = SharedMap<Item>;

constexpr std::uint64_t kKeys = 200;
constexpr std::uint64_t kGenerations = 400;

std::uint64_t hash_of(std::uint64_t key) { return Random(key).next(); }

void put(Map& map, std::uint64_t key, std::uint64_t generation) {
  map.put(
      hash_of(key), [key](const Item& item) { return item.key == key; },
      std::make_shared<const Item>(Item{key, generation}));
}

// Within each snapshot only the keys below its generation were changed, each to its own number.
TEST(SharedMapThreadsTest, SnapshotsStayWhatTheyWereWhileTheNextIsMade) {
  Map first;
  for (std::uint64_t key = 0; key < kKeys; ++key) put(first, key, 0);
  SnapshotCell<Map> cell(std::make_shared<const Map>(first));
  std::atomic<bool> consistent{true};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      SnapshotReader<Map> reader(cell);
      for (std::uint64_t newest = 0; newest != kGenerations;) {
        const Map& map = reader.get();
        std::uint64_t sum = 0;
        newest = 0;
        map.for_each([&](const Map::Value& item) {
          sum += item->generation != 0 ? 1 : 0;
          newest = std::max(newest, item->generation);
        });
        if (map.size() != kKeys || sum != std::min(newest, kKeys)) consistent = false;
      }
    });
  }
  // The writer lets go of each map as soon as it is published, so that readers are the last owners.
  Map current = std::move(first);
  for (std::uint64_t generation = 1; generation <= kGenerations; ++generation) {
    put(current, (generation - 1) % kKeys, generation);
    cell.publish(std::make_shared<const Map>(current));
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(consistent);
}

}  // namespace
}  // namespace headrace::core
