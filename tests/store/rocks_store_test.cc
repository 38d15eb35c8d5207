// SPDX-License-Identifier: Apache-2.0
// What only the store on disk does: replay, catching up, giving up segments, and going on when
// something fails.
#include "store/rocks_store.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "store/message_ids.h"
#include "tests/store/store_rig.h"

namespace headrace::store {
namespace {

using Operation = testing::FaultyFileSystem::Operation;

class RocksStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  void open() {
    const auto opened = rig_.open();
    ASSERT_TRUE(opened) << opened.error().what;
  }
  EventStore& store() { return rig_.store(); }
  core::WallMs now() const { return rig_.clock.wall; }
  Placed put(const MessageSpec& spec = {}) { return commit_one(store(), rig_.pool, spec, now()); }
  std::vector<Delivery> load(std::uint32_t endpoint = 1) {
    return load_all(store(), rig_.pool, endpoint, ~std::uint64_t{0});
  }
  void end(const Delivery& delivery, Verdict verdict, core::WallMs next_at = 0) {
    Group group;
    group.outcomes.push_back(make_outcome(delivery, verdict, next_at));
    ASSERT_TRUE(commit(store(), group));
  }
  std::size_t segments() const { return rig_.files.paths("/store/log/").size(); }

  StoreRig rig_;
};

TEST_F(RocksStoreTest, EverythingIsThereAfterAKill) {
  MessageSpec spec;
  spec.dedupe = 77;
  const Placed kept = put(spec);
  put();
  end(load()[1], Verdict::kRetry, now() + 50);
  const Placed done = put();
  end(load()[2], Verdict::kDelivered);
  const DefinitionChange change{"app/x", "{}"};
  ASSERT_TRUE(store().change_definitions({&change, 1}));
  for (int round = 0; round < 3; ++round) {  // the replay itself is forgotten and done again
    rig_.close();
    open();
    ASSERT_TRUE(store().find_message(kept.id));
    EXPECT_EQ(store().list_attempts(EndpointNumber{1}, done.id)->size(), 1u);
    const auto loaded = load();
    ASSERT_EQ(loaded.size(), 2u);
    EXPECT_EQ(loaded[0].attempts, 1);
    EXPECT_EQ(loaded[0].ticket.due, now() + 50);
    EXPECT_EQ(loaded[1].message, kept.id);
    EXPECT_EQ(put(spec).id, kept.id);  // still a duplicate
    int definitions = 0;
    ASSERT_TRUE(store().scan_definitions("app/", [&](auto, auto) { ++definitions; }));
    EXPECT_EQ(definitions, 1);
  }
}

TEST_F(RocksStoreTest, DeliveryHeldInMemoryOnlyIsFoundAgainAfterAKill) {
  Group group;
  MessageSpec spec;
  spec.endpoints = {1, 2};
  group.intakes.push_back(make_intake(rig_.pool, spec, now()));
  ASSERT_TRUE(store().append(group));
  group.low_water = group.placed[0].position;
  ASSERT_TRUE(store().apply(group));
  Group end_of_one;
  end_of_one.outcomes.push_back(
      make_outcome(group.placed[0].id, group.placed[0].position, 1, Verdict::kDelivered));
  ASSERT_TRUE(store().append(end_of_one));
  end_of_one.low_water = group.placed[0].position;
  ASSERT_TRUE(store().apply(end_of_one));
  ASSERT_TRUE(store().checkpoint());
  rig_.close();
  open();
  EXPECT_TRUE(load(1).empty());
  EXPECT_EQ(load(2).size(), 1u);
}

TEST_F(RocksStoreTest, TestIsATestAfterAKillWhetherItWaitedOrWasReplayed) {
  MessageSpec spec;
  spec.is_test = true;
  const Placed spilled = put(spec);
  Group group;
  group.intakes.push_back(make_intake(rig_.pool, spec, now()));
  ASSERT_TRUE(store().append(group));  // the log is all that knows of it
  const MessageId logged = group.placed[0].id;
  group.clear();
  for (int round = 0; round < 2; ++round) {
    rig_.close();
    open();
    const auto loaded = load();
    ASSERT_EQ(loaded.size(), 2u);
    EXPECT_EQ(loaded[0].message, spilled.id);
    EXPECT_EQ(loaded[1].message, logged);
    for (const Delivery& delivery : loaded) EXPECT_TRUE(delivery.is_test);
    EXPECT_TRUE(store().find_message(logged)->is_test);
    EXPECT_TRUE(store().read_targets(logged)->record.is_test);
  }
}

TEST_F(RocksStoreTest, GroupThatWasAppendedAndNotAppliedIsReplayed) {
  Group group;
  group.intakes.push_back(make_intake(rig_.pool, {}, now()));
  ASSERT_TRUE(store().append(group));
  rig_.close();
  open();
  EXPECT_TRUE(store().read_message(group.placed[0].id));
  EXPECT_EQ(load().size(), 1u);
}

TEST_F(RocksStoreTest, CheckpointLeavesNothingToReplay) {
  for (int i = 0; i < 50; ++i) put();
  ASSERT_TRUE(store().checkpoint());
  rig_.close();
  open();
  EXPECT_EQ(rig_.sink.number("replayed_messages"), 0);
  EXPECT_EQ(load().size(), 50u);
}

TEST_F(RocksStoreTest, ReplayStaysShortWithoutCheckpoints) {
  rig_.options.replay_bytes_max = 20'000;
  rig_.close();
  open();
  MessageSpec spec;
  spec.body = std::string(1'000, 'x');
  for (int i = 0; i < 200; ++i) put(spec);
  rig_.close();
  open();
  // Half the bound asks for a flush, which may still be under way when the next half is full.
  EXPECT_LT(rig_.sink.number("replayed_messages"), 100);
  EXPECT_EQ(load().size(), 200u);
}

TEST_F(RocksStoreTest, IdsGrowAcrossOpeningsAndClocksSetBack) {
  MessageId last;
  for (int round = 0; round < 4; ++round) {
    const Placed placed = put();
    EXPECT_GT(placed.id, last);
    last = placed.id;
    if (round % 2 == 0) {
      ASSERT_TRUE(store().checkpoint());
    }
    rig_.close();
    rig_.clock.wall -= 100'000;
    open();
  }
}

TEST_F(RocksStoreTest, FamiliesAreRebuiltFromTheLogWhenTheyAreGone) {
  const Placed placed = put();
  end(load()[0], Verdict::kRetry, now() + 9);
  put();
  testing::FaultyFileSystem& files = rig_.files;
  rig_.close();
  StoreRig fresh;
  for (const std::string& path : files.paths("/store/log/")) {
    auto file = fresh.files.open(path, FileSystem::Mode::kCreate);
    std::string bytes = files.content(path);
    iovec part{bytes.data(), bytes.size()};
    ASSERT_TRUE((*file)->write({&part, 1}, 0));
  }
  ASSERT_TRUE(fresh.open());
  EXPECT_TRUE(fresh.store().read_message(placed.id));
  EXPECT_EQ(fresh.store().list_attempts(EndpointNumber{1}, placed.id)->size(), 1u);
  EXPECT_EQ(load_all(fresh.store(), fresh.pool, 1, now() + 9).size(), 2u);
}

TEST_F(RocksStoreTest, FullDiskRefusesMessagesAndGoesOnWhenThereIsRoom) {
  rig_.files.set_room(0);
  Group group;
  group.intakes.push_back(make_intake(rig_.pool, {}, now()));
  const auto refused = store().append(group);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kStorageFull);
  EXPECT_EQ(group.placed[0].acceptance, Acceptance::kFull);
  rig_.files.set_room(1 << 20);
  EXPECT_EQ(put().acceptance, Acceptance::kStored);
  EXPECT_EQ(load().size(), 1u);
}

TEST_F(RocksStoreTest, StoreOpensAndReadsThoughItsLogHasNoRoom) {
  const Placed placed = put();
  rig_.close();
  rig_.files.set_room(0, "/store/log/");
  open();
  EXPECT_TRUE(store().read_message(placed.id));
  EXPECT_EQ(load().size(), 1u);
}

TEST_F(RocksStoreTest, FailedSyncIsNeverAcknowledged) {
  put();
  rig_.files.fail(Operation::kSync, 1, EIO);
  Group group;
  group.intakes.push_back(make_intake(rig_.pool, {}, now()));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(store().append(group).error().code, ErrorCode::kStorageFailed);
    EXPECT_EQ(group.placed[0].acceptance, Acceptance::kUnavailable);
  }
  rig_.close();
  open();
  EXPECT_EQ(put().acceptance, Acceptance::kStored);
}

// RocksDB's tables find no room while the log still has some.
TEST_F(RocksStoreTest, FullRocksDiskHoldsUpNothingForEverAndLosesNothing) {
  put();
  rig_.fill_rocks_disk(true);
  EXPECT_EQ(store().checkpoint().error().code, ErrorCode::kStorageFull);
  std::size_t accepted = 1;
  for (int i = 0; i < 5; ++i) {
    Group group;
    group.intakes.push_back(make_intake(rig_.pool, {}, now()));
    if (!store().append(group)) continue;
    ++accepted;
    group.spilled.push_back(
        {EndpointNumber{1}, 0, group.placed[0].id, group.placed[0].position, 0});
    group.low_water = store().end();
    (void)store().apply(group);
  }
  EXPECT_FALSE(store().checkpoint());
  rig_.fill_rocks_disk(false);
  // A flush that was under way may fail once more.
  for (int i = 0; i < 10 && !store().checkpoint(); ++i) rig_.clock.wall += 10'000;
  EXPECT_EQ(put().acceptance, Acceptance::kStored);
  EXPECT_TRUE(store().checkpoint());
  EXPECT_EQ(load().size(), accepted + 1);
  rig_.close();
  open();
  EXPECT_EQ(load().size(), accepted + 1);
}

TEST_F(RocksStoreTest, DamagedLogKeepsTheStoreClosedUntilItIsRepaired) {
  const Placed first = put();
  const Placed second = put();
  put();
  rig_.close();
  rig_.files.overwrite(rig_.segment_path(1), offset_of(second.position) + 100, "damage");
  const auto opened = rig_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupted);
  const auto report = RocksStore::repair(rig_.options, rig_.sink);
  ASSERT_TRUE(report);
  ASSERT_EQ(report->lost.size(), 1u);
  EXPECT_EQ(report->lost[0].messages, std::vector<MessageId>{second.id});
  open();
  EXPECT_TRUE(store().read_message(first.id));
  EXPECT_FALSE(store().read_message(second.id));
  EXPECT_EQ(load().size(), 2u);
}

TEST_F(RocksStoreTest, DeliveryWhoseMessageRottedIsReportedOnceAndGivenUp) {
  put();
  const Placed rotten = put();
  put();
  rig_.files.overwrite(rig_.segment_path(1), offset_of(rotten.position) + 130, "rot");
  EXPECT_EQ(load().size(), 2u);
  EXPECT_EQ(rig_.sink.count("delivery_lost"), 1u);
  EXPECT_EQ(load().size(), 2u);
  EXPECT_EQ(rig_.sink.count("delivery_lost"), 1u);
  EXPECT_EQ(store().read_message(rotten.id).error().code, ErrorCode::kCorrupted);
  EXPECT_TRUE(store().read_targets(rotten.id)) << "for which no body is read";
}

class RetentionTest : public RocksStoreTest {
 protected:
  void SetUp() override {
    rig_.options.retention_ms = 1'000;
    RocksStoreTest::SetUp();
  }
  void fill_segments(std::uint32_t endpoint, bool close_them) {
    MessageSpec spec;
    spec.endpoints = {endpoint};
    spec.body = std::string(2'000, 'x');
    for (int i = 0; i < 40; ++i) {
      put(spec);
      if (close_them) end(load(endpoint).back(), Verdict::kDelivered);
    }
  }
};

TEST_F(RetentionTest, OldSegmentsWithoutOpenDeliveriesAreRemoved) {
  fill_segments(1, true);
  const std::size_t before = segments();
  ASSERT_GT(before, 4u);
  ASSERT_TRUE(store().retain(now()));
  EXPECT_EQ(segments(), before);
  rig_.clock.wall += 1'001;
  const Placed fresh = put();
  ASSERT_TRUE(store().retain(now()));
  EXPECT_LE(segments(), 2u);
  rig_.close();
  open();
  EXPECT_TRUE(store().read_message(fresh.id));
  EXPECT_EQ(load().size(), 1u);
}

TEST_F(RetentionTest, YoungMessagesOutliveAnOrderlyRestart) {
  const Placed young = put();
  end(load()[0], Verdict::kDelivered);
  ASSERT_TRUE(store().checkpoint());  // so that nothing of the log is read again
  rig_.close();
  open();
  put();  // begins another segment
  ASSERT_TRUE(store().retain(now()));
  EXPECT_TRUE(store().read_message(young.id));
}

TEST_F(RetentionTest, SegmentWithAnOpenDeliveryOutlivesItsTime) {
  MessageSpec spec;
  spec.endpoints = {7};
  const Placed open_one = put(spec);
  fill_segments(1, true);
  rig_.clock.wall += 1'001;
  put();
  rig_.close();  // the count is made anew
  open();
  put();
  ASSERT_TRUE(store().retain(now()));
  const auto loaded = load(7);
  ASSERT_EQ(loaded.size(), 1u);
  EXPECT_EQ(loaded[0].message, open_one.id);
  const std::size_t held = segments();
  end(loaded[0], Verdict::kDelivered);
  ASSERT_TRUE(store().retain(now()));
  EXPECT_LT(segments(), held);
}

TEST_F(RetentionTest, MessageOfARemovedSegmentIsNotFoundAfterReopening) {
  const Placed old = put();
  end(load()[0], Verdict::kDelivered);
  fill_segments(1, true);
  rig_.clock.wall += 1'001;
  put();
  ASSERT_TRUE(store().retain(now()));
  rig_.close();
  open();
  EXPECT_EQ(store().read_message(old.id).error().code, ErrorCode::kNotFound);
}

// On the disk, with RocksDB's own files.
class RocksStoreOnDiskTest : public ::testing::Test {
 protected:
  RocksStoreOnDiskTest() {
    std::string pattern = ::testing::TempDir() + "headrace_store_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    options_.directory = directory_ + "/store";
    options_.segment_bytes = 64 * 1024;
  }
  ~RocksStoreOnDiskTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  Result<void> open() {
    store_.reset();
    auto opened = RocksStore::open(options_, clock_, 3, sink_);
    if (!opened) return std::move(opened).error();
    store_ = std::move(*opened);
    return {};
  }

  std::string directory_;
  StoreOptions options_;
  FixedClock clock_;
  ListeningSink sink_;
  core::BufferPool pool_{1 << 26};
  std::unique_ptr<EventStore> store_;
};

TEST_F(RocksStoreOnDiskTest, FamiliesThatFellBackToAnEarlierStateAreCaughtUp) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 5; ++i) (void)commit_one(*store_, pool_, {}, clock_.wall);
  ASSERT_TRUE(store_->checkpoint());
  store_.reset();
  const std::string db = options_.directory + "/db";
  std::filesystem::copy(db, directory_ + "/earlier", std::filesystem::copy_options::recursive);
  ASSERT_TRUE(open());
  Group group;
  group.outcomes.push_back(
      make_outcome(load_all(*store_, pool_, 1, clock_.wall)[0], Verdict::kDelivered));
  ASSERT_TRUE(commit(*store_, group));
  const Placed later = commit_one(*store_, pool_, {}, clock_.wall);
  ASSERT_TRUE(store_->checkpoint());
  store_.reset();
  std::filesystem::remove_all(db);
  std::filesystem::rename(directory_ + "/earlier", db);
  ASSERT_TRUE(open());
  EXPECT_TRUE(store_->read_message(later.id));
  EXPECT_EQ(load_all(*store_, pool_, 1, clock_.wall).size(), 5u);
}

TEST_F(RocksStoreOnDiskTest, StoreIsOpenedByOneAtATime) {
  ASSERT_TRUE(open());
  EXPECT_FALSE(RocksStore::open(options_, clock_, 4, sink_));
}

TEST_F(RocksStoreOnDiskTest, SegmentsArePreallocatedAndCutWhenTheStoreIsReopened) {
  ASSERT_TRUE(open());
  (void)commit_one(*store_, pool_, {}, clock_.wall);
  const std::string segment = options_.directory + "/log/00000001.log";
  EXPECT_EQ(std::filesystem::file_size(segment), options_.segment_bytes);
  ASSERT_TRUE(open());
  EXPECT_LT(std::filesystem::file_size(segment), 1'000u);
}

TEST_F(RocksStoreOnDiskTest, DirectoryThatCannotBeMadeIsAnError) {
  options_.directory = "/proc/no/such/place";
  EXPECT_FALSE(open());
}

TEST_F(RocksStoreOnDiskTest, RocksDbKeepsNoLogFileOfItsOwnDoings) {
  ASSERT_TRUE(open());
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory + "/db")) {
    EXPECT_NE(entry.path().filename().string().substr(0, 3), "LOG");
  }
}

}  // namespace
}  // namespace headrace::store
