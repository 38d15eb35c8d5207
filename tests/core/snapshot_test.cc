// SPDX-License-Identifier: Apache-2.0
#include "core/snapshot.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace headrace::core {
namespace {

struct Pair {
  int first;
  int second;
};

TEST(SnapshotTest, ReaderSeesThePublishedValueAtItsNextLook) {
  SnapshotCell<Pair> cell(std::make_shared<const Pair>(Pair{1, 1}));
  SnapshotReader<Pair> reader(cell);
  EXPECT_EQ(reader.get().first, 1);
  cell.publish(std::make_shared<const Pair>(Pair{2, 2}));
  EXPECT_EQ(reader.get().first, 2);
  EXPECT_EQ(cell.load()->second, 2);
}

TEST(SnapshotTest, OldValueLivesOnlyAsLongAsItIsHeld) {
  auto first = std::make_shared<const Pair>(Pair{1, 1});
  const std::weak_ptr<const Pair> watch = first;
  SnapshotCell<Pair> cell(std::move(first));
  SnapshotReader<Pair> reader(cell);
  reader.get();
  cell.publish(std::make_shared<const Pair>(Pair{2, 2}));
  EXPECT_FALSE(watch.expired());
  reader.get();
  EXPECT_TRUE(watch.expired());
}

TEST(SnapshotTest, ReadersNeverSeeHalfAValueNorGoBack) {
  constexpr int kLast = 2000;
  SnapshotCell<Pair> cell(std::make_shared<const Pair>(Pair{0, 0}));
  std::atomic<bool> consistent{true};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      SnapshotReader<Pair> reader(cell);
      for (int seen = 0; seen != kLast;) {
        const Pair pair = reader.get();
        if (pair.first != pair.second || pair.first < seen) consistent = false;
        seen = pair.first;
      }
    });
  }
  for (int i = 1; i <= kLast; ++i) cell.publish(std::make_shared<const Pair>(Pair{i, i}));
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(consistent);
}

}  // namespace
}  // namespace headrace::core
