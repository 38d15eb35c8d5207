// SPDX-License-Identifier: Apache-2.0
// Retention of each link: what is kept, which segments of the log go, and what dropping costs.
#include "store/retention.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>

#include "store/derived_batch.h"
#include "store/rocks_database.h"
#include "store/segment_times.h"
#include "tests/store/store_rig.h"

namespace headrace::store {
namespace {

MessageId id_at(core::WallMs at, std::uint32_t link, std::uint64_t sequence = 0) {
  return MessageId{Bits128{(at << 16) + sequence, std::uint64_t{link} << 32}};
}

TEST(RetentionTest, LinksThatAreNotNamedHaveTheDefault) {
  const Retention retention(100, {{LinkNumber{2}, 7}, {LinkNumber{3}, 500}});
  EXPECT_EQ(retention.of(LinkNumber{1}), 100u);
  EXPECT_EQ(retention.of(LinkNumber{2}), 7u);
  EXPECT_EQ(retention.of(LinkNumber{3}), 500u);
  EXPECT_EQ(retention.longest(), 500u);
  EXPECT_EQ(Retention(100).longest(), 100u);
}

TEST(RetentionTest, ViewKeepsWhatIsNotOlderAndTheClockNeverGoesBack) {
  Expiry expiry(100);
  expiry.set({{LinkNumber{2}, 10}});
  EXPECT_TRUE(expiry.view().keeps(id_at(1, 2))) << "nobody has looked at the clock yet";
  expiry.advance(1'000);
  EXPECT_TRUE(expiry.view().keeps(id_at(900, 1)));
  EXPECT_FALSE(expiry.view().keeps(id_at(899, 1)));
  EXPECT_TRUE(expiry.view().keeps(id_at(990, 2)));
  EXPECT_FALSE(expiry.view().keeps(id_at(989, 2)));
  expiry.advance(500);
  EXPECT_FALSE(expiry.view().keeps(id_at(899, 1)));
}

RC_GTEST_PROP(SegmentTimesTest, KeptThroughIsTheLastMomentAtWhichAnyMessageIsKept, ()) {
  SegmentTimes times;
  std::vector<MessageId> ids;
  std::map<LinkNumber, std::uint64_t> named;
  for (int i = 0; i < 12; ++i) {
    ids.push_back(
        id_at(*rc::gen::inRange<std::uint64_t>(1, 1'000), *rc::gen::inRange<std::uint32_t>(1, 5)));
    times.add(ids.back());
    named[LinkNumber{*rc::gen::inRange<std::uint32_t>(1, 5)}] =
        *rc::gen::inRange<std::uint64_t>(1, 1'000);
  }
  Expiry expiry(*rc::gen::inRange<std::uint64_t>(1, 1'000));
  expiry.set(named);
  const core::WallMs end = times.kept_through(expiry.view().retention());
  const auto any_kept = [&] {
    const auto view = expiry.view();
    return std::any_of(ids.begin(), ids.end(), [&](MessageId id) { return view.keeps(id); });
  };
  expiry.advance(end);
  RC_ASSERT(any_kept());
  expiry.advance(end + 1);
  RC_ASSERT(!any_kept());
  const auto decoded = SegmentTimes::decode(times.encode());
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(decoded->kept_through(expiry.view().retention()) == end);
}

// Two links that fill segments of their own.
class LinkRetentionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    rig_.options.retention_ms = 10'000;
    open();
  }
  void open() {
    const auto opened = rig_.open();
    ASSERT_TRUE(opened) << opened.error().what;
  }
  EventStore& store() { return rig_.store(); }
  std::vector<MessageId> fill(std::uint32_t link) {
    std::vector<MessageId> ids;
    MessageSpec spec;
    spec.link = link;
    spec.endpoints = {};
    spec.body = std::string(2'000, 'x');
    for (int i = 0; i < 40; ++i) {
      ids.push_back(commit_one(store(), rig_.pool, spec, rig_.clock.wall).id);
    }
    return ids;
  }
  std::size_t readable(const std::vector<MessageId>& ids) {
    std::size_t count = 0;
    for (const MessageId id : ids) count += store().read_message(id) ? 1u : 0u;
    return count;
  }
  std::size_t segments() const { return rig_.files.paths("/store/log/").size(); }
  void retain() { ASSERT_TRUE(store().retain(rig_.clock.wall)); }

  StoreRig rig_;
};

TEST_F(LinkRetentionTest, ShorterRetentionFreesAndALongerOneKeeps) {
  store().set_retention({{LinkNumber{1}, 1'000}, {LinkNumber{2}, 100'000}});
  const auto of_short = fill(1);
  const std::size_t before = segments();
  const auto of_long = fill(2);
  rig_.clock.wall += 1'001;
  fill(3);
  retain();
  EXPECT_EQ(readable(of_short), 0u);
  EXPECT_EQ(readable(of_long), 40u);
  EXPECT_LE(segments(), before + 9) << "the first link's segments went";
  rig_.clock.wall += 20'000;
  fill(3);
  retain();
  EXPECT_EQ(readable(of_long), 40u);
}

TEST_F(LinkRetentionTest, SegmentOfTwoLinksIsKeptForTheLongerOne) {
  MessageSpec spec;
  spec.endpoints = {};
  spec.link = 2;
  const MessageId kept = commit_one(store(), rig_.pool, spec, rig_.clock.wall).id;
  fill(1);
  store().set_retention({{LinkNumber{1}, 1'000}, {LinkNumber{2}, 100'000}});
  rig_.clock.wall += 50'000;
  fill(3);
  retain();
  EXPECT_TRUE(store().read_message(kept));
  rig_.clock.wall += 50'001;
  fill(3);
  retain();
  EXPECT_EQ(store().read_message(kept).error().code, ErrorCode::kNotFound);
}

TEST_F(LinkRetentionTest, SettingThatChangesLaterCountsForOldSegments) {
  const auto ids = fill(1);
  const std::size_t full = segments();
  store().set_retention({{LinkNumber{1}, 100'000}});
  rig_.clock.wall += 50'000;
  fill(3);
  retain();
  EXPECT_EQ(readable(ids), 40u);
  store().set_retention({{LinkNumber{1}, 40'000}});
  retain();
  EXPECT_EQ(readable(ids), 0u);
  EXPECT_LE(segments(), full + 1) << "only the segments that were filled since";
  store().set_retention({{LinkNumber{1}, 1'000'000}});
  EXPECT_TRUE(store().list_messages(LinkNumber{1}, MessageId{}, 100)->size() <= 8u)
      << "rows whose messages are gone are not shown, whatever is set afterwards";
}

TEST_F(LinkRetentionTest, TimesOfSegmentsAreKnownAfterAKillAtAnyMoment) {
  for (const bool checkpointed : {false, true}) {
    store().set_retention({{LinkNumber{1}, 1'000}, {LinkNumber{2}, 1'000'000}});
    const auto of_short = fill(1);
    const auto of_long = fill(2);
    if (checkpointed) {
      ASSERT_TRUE(store().checkpoint());
    }
    (void)fill(1);
    rig_.close();
    open();
    store().set_retention({{LinkNumber{1}, 1'000}, {LinkNumber{2}, 1'000'000}});
    rig_.clock.wall += 20'000;
    fill(3);
    const std::size_t before = segments();
    retain();
    EXPECT_LE(segments(), before - 10) << "two fillings of the first link";
    EXPECT_EQ(readable(of_short), 0u);
    EXPECT_EQ(readable(of_long), 40u);
    rig_.close();
    open();
    store().set_retention({{LinkNumber{1}, 1'000}, {LinkNumber{2}, 1'000'000}});
    retain();
    EXPECT_EQ(readable(of_long), 40u);
  }
}

class DiskBudgetTest : public LinkRetentionTest {};

TEST_F(DiskBudgetTest, ReserveIsKeptFree) {
  rig_.options.disk_reserve_bytes = 1'000'000;
  open();
  rig_.files.set_room(1'000'000);
  EXPECT_TRUE(store().measure_disk()->takes_messages);
  fill(1);  // segments take what was free
  const auto use = store().measure_disk();
  ASSERT_TRUE(use);
  EXPECT_FALSE(use->takes_messages);
  EXPECT_LT(use->free_bytes, 1'000'000u);
  rig_.files.set_room(1'060'000);
  EXPECT_TRUE(store().measure_disk()->takes_messages);
}

TEST_F(DiskBudgetTest, BudgetIsOfWhatTheStoreTakesAndRetentionMakesRoom) {
  rig_.options.disk_budget_bytes = 200'000;
  rig_.options.retention_ms = 1'000;
  open();
  EXPECT_TRUE(store().measure_disk()->takes_messages);
  for (int i = 0; i < 3; ++i) fill(1);
  const auto full = store().measure_disk();
  ASSERT_TRUE(full);
  EXPECT_FALSE(full->takes_messages);
  EXPECT_GE(full->used_bytes, 3u * 40 * 2'000);
  rig_.clock.wall += 1'001;
  retain();
  const auto use = store().measure_disk();
  EXPECT_TRUE(use->takes_messages);
  EXPECT_LT(use->used_bytes, 100'000u);
}

// What dropping costs: RocksDB itself, with many rows in few files.
class DropTest : public ::testing::Test {
 protected:
  static constexpr core::WallMs kStart = 1'000'000;
  static constexpr std::uint32_t kRows = 20'000;

  DropTest() {
    std::string pattern = ::testing::TempDir() + "headrace_drop_XXXXXX";
    options_.directory = ::mkdtemp(pattern.data());
    options_.retention_ms = 10'000;
    auto opened = RocksDatabase::open(options_, sink_);
    EXPECT_TRUE(opened);
    if (opened) database_ = std::move(*opened);
  }
  ~DropTest() override {
    database_.reset();
    std::filesystem::remove_all(options_.directory);
  }
  // Rows of one link and one endpoint, in a file of their own below level 0.
  void fill(std::uint32_t number, core::WallMs at) {
    DerivedBatch batch(*database_, 1'000);
    for (std::uint32_t i = 0; i < kRows; ++i) {
      MessageRecord record;
      record.id = id_at(at, number, i);
      record.link = LinkNumber{number};
      batch.add_message(record, {});
      batch.add_outcome(make_outcome(record.id, LogPosition{}, number, Verdict::kDelivered), {},
                        {});
    }
    ASSERT_TRUE(batch.write());
    ASSERT_TRUE(database_->flush(true));
    const auto first = number_prefix(number);
    const auto last = number_prefix(number + 1);
    const rocksdb::Slice from = slice(view(first));
    const rocksdb::Slice to = slice(view(last));
    for (auto* family : {database_->messages(), database_->attempts()}) {
      ASSERT_TRUE(database_->db().CompactRange({}, family, &from, &to).ok());
    }
  }
  std::size_t files(rocksdb::ColumnFamilyHandle* family) {
    rocksdb::ColumnFamilyMetaData all;
    database_->db().GetColumnFamilyMetaData(family, &all);
    return all.file_count;
  }

  StoreOptions options_;
  ListeningSink sink_;
  std::unique_ptr<RocksDatabase> database_;
};

TEST_F(DropTest, FilesThatAreOldAltogetherGoWithoutAWriteOrAReadOfTheirRows) {
  fill(1, kStart);
  fill(2, kStart);
  fill(3, kStart + 50'000);
  ASSERT_EQ(files(database_->messages()), 3u);
  ASSERT_EQ(files(database_->attempts()), 3u);
  database_->expiry().set({{LinkNumber{2}, 100'000}});
  database_->expiry().advance(kStart + 50'000);
  const std::uint64_t sequence = database_->db().GetLatestSequenceNumber();
  ASSERT_TRUE(database_->drop_expired_files());
  EXPECT_EQ(files(database_->messages()), 2u) << "the first link's";
  EXPECT_EQ(files(database_->attempts()), 3u) << "another link's may be among them";
  database_->expiry().set({});
  ASSERT_TRUE(database_->drop_expired_files());
  EXPECT_EQ(files(database_->messages()), 1u);
  EXPECT_EQ(files(database_->attempts()), 1u);
  EXPECT_EQ(database_->db().GetLatestSequenceNumber(), sequence)
      << "a deletion for each row would have counted";
  ASSERT_TRUE(database_->drop_expired_files());
  EXPECT_EQ(files(database_->messages()), 1u);
}

TEST_F(DropTest, CompactionDropsOldRowsOfEachLinkFromAFileOfSeveral) {
  DerivedBatch batch(*database_, 1'000);
  for (const std::uint32_t link : {1u, 2u}) {
    MessageRecord record;
    record.id = id_at(kStart, link);
    record.link = LinkNumber{link};
    batch.add_message(record, {});
  }
  ASSERT_TRUE(batch.write());
  ASSERT_TRUE(database_->flush(true));
  database_->expiry().set({{LinkNumber{2}, 100'000}});
  database_->expiry().advance(kStart + 50'000);
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  ASSERT_TRUE(database_->db().CompactRange(options, database_->messages(), nullptr, nullptr).ok());
  std::string value;
  const auto get = [&](std::uint32_t link) {
    const auto key = message_key(id_at(kStart, link));
    return database_->db().Get({}, database_->messages(), slice(view(key)), &value);
  };
  EXPECT_TRUE(get(1).IsNotFound());
  EXPECT_TRUE(get(2).ok());
}

}  // namespace
}  // namespace headrace::store
