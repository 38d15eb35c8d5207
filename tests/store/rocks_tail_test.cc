// SPDX-License-Identifier: Apache-2.0
// A registry change that the power cut tore is forgotten; damage keeps the store closed.
#include "store/rocks_tail.h"

#include <gtest/gtest.h>

#include "tests/store/store_rig.h"

namespace headrace::store {
namespace {

constexpr std::size_t kBlock = 4096;

class RocksTailTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(rig_.open()); }

  void change(const std::string& key, std::size_t bytes) {
    const DefinitionChange change{key, std::string(bytes, key[0])};
    ASSERT_TRUE(rig_.store().change_definitions({&change, 1}));
  }
  // The keys that are there, one letter each.
  std::string keys() {
    std::string found;
    (void)rig_.store().scan_definitions("", [&](std::string_view key, auto) { found += key; });
    return found;
  }
  // The file of the WAL with something in it.
  std::string wal() const {
    std::string found;
    for (const std::string& path : rig_.files.paths("/store/db/")) {
      if (path.ends_with(".log") && !rig_.files.content(path).empty()) found = path;
    }
    return found;
  }
  void lose_block(const std::string& path, std::size_t offset) {
    const std::size_t bytes = std::min(kBlock, rig_.files.content(path).size() - offset);
    rig_.files.overwrite(path, offset, std::string(bytes, '\0'));
  }

  StoreRig rig_;
};

TEST_F(RocksTailTest, EveryRecordOfAnIntactWalIsFound) {
  for (const std::size_t bytes : {10u, 40'000u, 32'000u, 5u, 700u, 100'000u, 1u}) {
    change("a", bytes);
    const std::string content = rig_.files.content(wal());
    const WalScan scan = scan_wal(content);
    EXPECT_EQ(scan.intact_bytes, content.size());
    EXPECT_FALSE(scan.is_torn);
  }
}

TEST_F(RocksTailTest, AWalThatIsCutOffAnywhereIsTornOrWholeAndNeverDamaged) {
  for (const std::size_t bytes : {100u, 40'000u, 300u}) change("a", bytes);
  const std::string content = rig_.files.content(wal());
  for (std::size_t size = 0; size < content.size(); size += 37) {
    const WalScan scan = scan_wal(content.substr(0, size));
    EXPECT_FALSE(scan.is_damaged) << size;
    EXPECT_LE(scan.intact_bytes, size);
  }
}

TEST_F(RocksTailTest, AChangeOfWhichALaterBlockWasKeptAndAnEarlierOneNotIsForgotten) {
  change("a", 100);
  const std::size_t synced = rig_.files.content(wal()).size();
  change("b", 100'000);
  rig_.close();
  lose_block(wal(), (synced / kBlock + 2) * kBlock);
  ASSERT_TRUE(rig_.open());
  EXPECT_EQ(keys(), "a");
  EXPECT_EQ(rig_.sink.count("rocksdb_tail_cut"), 1u);
  change("c", 10);
  rig_.close();
  ASSERT_TRUE(rig_.open());
  EXPECT_EQ(keys(), "ac");
}

TEST_F(RocksTailTest, DamageBeforeALaterChangeKeepsTheStoreClosed) {
  change("a", 100'000);
  change("b", 100);
  rig_.close();
  const std::string path = wal();
  const std::string before = rig_.files.content(path);
  rig_.files.flip_bit(path, 8 * 50'000 + 3);
  const auto opened = rig_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupted);
  EXPECT_EQ(rig_.files.content(path).size(), before.size());
  rig_.files.flip_bit(path, 8 * 50'000 + 3);
  ASSERT_TRUE(rig_.open());
  EXPECT_EQ(keys(), "ab");
}

// The file that CURRENT names.
std::string manifest(const StoreRig& rig) {
  const std::string current = rig.files.content("/store/db/CURRENT");
  return "/store/db/" + current.substr(0, current.find('\n'));
}

TEST_F(RocksTailTest, AFlushWhoseWriteToTheManifestWasTornIsForgotten) {
  change("a", 100);
  const std::size_t synced = rig_.files.content(manifest(rig_)).size();
  const Placed placed = commit_one(rig_.store(), rig_.pool, {}, rig_.clock.wall);
  const std::string wal_before = rig_.files.content(wal());
  const std::string wal_path = wal();
  ASSERT_TRUE(rig_.store().checkpoint());
  rig_.close();
  if (rig_.files.paths(wal_path).empty()) {  // it goes only once the manifest is synced
    ASSERT_TRUE(rig_.files.open(wal_path, FileSystem::Mode::kCreate));
  }
  rig_.files.overwrite(wal_path, 0, wal_before);
  ASSERT_GT(rig_.files.content(manifest(rig_)).size(), synced + 20);
  rig_.files.flip_bit(manifest(rig_), (synced + 12) * 8);  // records that are whole lie behind
  ASSERT_TRUE(rig_.open());
  EXPECT_EQ(rig_.sink.count("rocksdb_tail_cut"), 1u);
  EXPECT_EQ(keys(), "a");
  EXPECT_TRUE(rig_.store().read_message(placed.id));
}

TEST_F(RocksTailTest, ADamagedManifestThatMakesNoDatabaseWithoutItsEndIsLeftAsItIs) {
  change("a", 100);
  rig_.close();
  const std::string path = manifest(rig_);
  rig_.files.flip_bit(path, 90);
  const std::string before = rig_.files.content(path);
  const auto opened = rig_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupted);
  EXPECT_EQ(rig_.files.content(path), before);
}

}  // namespace
}  // namespace headrace::store
