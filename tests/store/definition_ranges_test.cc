// SPDX-License-Identifier: Apache-2.0
// Definitions that are too many to be read whole: found from the last on, and dropped by range.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "store/memory_store.h"
#include "tests/store/store_rig.h"

namespace headrace::store {
namespace {

enum class Kind { kMemory, kRocks };

class DefinitionRangesTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kMemory) {
      memory_ = std::make_unique<MemoryStore>(rig_.options, rig_.clock, 1);
    } else {
      ASSERT_TRUE(rig_.open());
    }
  }
  EventStore& store() { return memory_ ? *memory_ : rig_.store(); }

  StoreRig rig_;
  std::unique_ptr<MemoryStore> memory_;
};

TEST_P(DefinitionRangesTest, DefinitionsAreFoundFromTheLastOn) {
  const std::vector<DefinitionChange> changes = {
      {"b/1", "one"}, {"b/2", "two"}, {"b/3", "three"}, {"a/9", "before"}, {"c/0", "behind"}};
  ASSERT_TRUE(store().change_definitions(changes));
  const auto found = [&](std::string_view from, std::string_view to, std::size_t count_max) {
    std::string all;
    EXPECT_TRUE(
        store().scan_definitions_back(from, to, [&](std::string_view key, std::string_view value) {
          all.append(key).append("=").append(value).append(" ");
          return --count_max != 0;
        }));
    return all;
  };
  EXPECT_EQ(found("b/", "b0", 9), "b/3=three b/2=two b/1=one ");
  EXPECT_EQ(found("b/", "b0", 2), "b/3=three b/2=two ");
  EXPECT_EQ(found("b/", "b/3", 9), "b/2=two b/1=one ") << "the end is not among them";
  EXPECT_EQ(found("b/2", "b/2x", 9), "b/2=two ") << "the beginning is";
  EXPECT_EQ(found("b/3", "b/1", 9), "");
  EXPECT_EQ(found("", "a", 9), "");
}

TEST_P(DefinitionRangesTest, DefinitionsAreDroppedByRange) {
  const std::vector<DefinitionChange> changes = {
      {"b/1", "one"}, {"b/2", "two"}, {"b/3", "three"}, {"a/9", "before"}, {"c/0", "behind"}};
  ASSERT_TRUE(store().change_definitions(changes));
  ASSERT_TRUE(store().drop_definitions("b/", "b/3"));
  ASSERT_TRUE(store().drop_definitions("c/9", "c/0"));
  std::string left;
  ASSERT_TRUE(store().scan_definitions(
      "", [&](std::string_view key, std::string_view) { left.append(key).append(" "); }));
  EXPECT_EQ(left, "a/9 b/3 c/0 ");
  const DefinitionChange again{"b/1", "again"};
  ASSERT_TRUE(store().change_definitions({&again, 1}));
  std::string value;
  ASSERT_TRUE(store().scan_definitions(
      "b/1", [&](std::string_view, std::string_view found) { value = found; }));
  EXPECT_EQ(value, "again") << "what is dropped can be written again";
}

INSTANTIATE_TEST_SUITE_P(Stores, DefinitionRangesTest,
                         ::testing::Values(Kind::kMemory, Kind::kRocks), [](const auto& kind) {
                           return kind.param == Kind::kMemory ? "Memory" : "Rocks";
                         });

}  // namespace
}  // namespace headrace::store
