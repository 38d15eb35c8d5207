// SPDX-License-Identifier: Apache-2.0
// The message log under torn ends, rot, full disks and failing syncs.
#include "store/message_log.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <map>

#include "store/intake_reader.h"
#include "store/message_ids.h"
#include "tests/store/store_rig.h"

namespace headrace::store {
namespace {

using testing::FaultyFileSystem;
using Operation = FaultyFileSystem::Operation;

class Collector final : public LogVisitor {
 public:
  Result<void> on_intake(LogPosition position, const IntakeRecord& intake,
                         std::string_view) override {
    messages.emplace_back(position, intake.message);
    return {};
  }
  Result<void> on_reopening(LogPosition, const ReopeningRecord& record) override {
    reopenings.push_back(record);
    return {};
  }
  Result<void> on_outcome(LogPosition, const OutcomeRecord& record) override {
    outcomes.push_back(record.outcome.message);
    return {};
  }
  std::vector<std::pair<LogPosition, MessageId>> messages;
  std::vector<ReopeningRecord> reopenings;
  std::vector<MessageId> outcomes;
};

class MessageLogTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  Result<void> try_open(LogPosition from = {}) { return try_open(*files_, from); }
  Result<void> try_open(FaultyFileSystem& files, LogPosition from = {}) {
    log_.reset();
    seen_ = Collector{};
    const LogOptions options{&files, "/log", segment_bytes_, sync_, ++seed_};
    auto log = MessageLog::open(options, from, seen_);
    if (!log) return std::move(log).error();
    log_ = std::move(*log);
    ids_.raise_floor(log_->last_id());
    return {};
  }
  void open(LogPosition from = {}) {
    const auto opened = try_open(from);
    ASSERT_TRUE(opened) << opened.error().what;
  }

  // Appends `count` messages in one group; what was placed.
  Result<std::vector<Placed>> append(std::size_t count, std::size_t body_bytes = 100) {
    std::vector<Intake> intakes;
    std::vector<Placed> placed;
    for (std::size_t i = 0; i < count; ++i) {
      MessageSpec spec;
      spec.body = std::string(body_bytes + i, static_cast<char>('a' + i % 26));
      intakes.push_back(make_intake(pool_, spec, 1));
      placed.push_back({Acceptance::kStored, ids_.next(1'000, LinkNumber{1}), {}});
    }
    if (auto done = log_->append(intakes, placed, {}); !done) return std::move(done).error();
    return placed;
  }
  Result<void> append_outcome(MessageId message) {
    Outcome outcome = make_outcome(message, LogPosition{}, 1, Verdict::kDelivered);
    return log_->append({}, {}, {&outcome, 1});
  }
  static std::string path(std::uint32_t number) { return "/log/" + segment_name(number); }
  void flip(std::uint32_t segment, std::uint64_t offset) {
    const char byte = files_->content(path(segment))[static_cast<std::size_t>(offset)];
    files_->overwrite(path(segment), offset, std::string(1, static_cast<char>(byte ^ 0x10)));
  }

  std::unique_ptr<FaultyFileSystem> files_ = std::make_unique<FaultyFileSystem>();
  core::BufferPool pool_{1 << 26};
  std::uint64_t segment_bytes_ = 8 * 1024;
  bool sync_ = true;
  std::uint64_t seed_ = 100;
  MessageIds ids_{5};
  Collector seen_;
  std::unique_ptr<MessageLog> log_;
};

TEST_F(MessageLogTest, WhatWasAppendedIsReplayedInOrder) {
  std::vector<Placed> all;
  for (int group = 0; group < 30; ++group) {
    const auto placed = append(3);
    ASSERT_TRUE(placed);
    all.insert(all.end(), placed->begin(), placed->end());
    ASSERT_TRUE(append_outcome(placed->front().id));
  }
  ASSERT_GT(log_->segments().size(), 2u);
  open();
  ASSERT_EQ(seen_.messages.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(seen_.messages[i], std::make_pair(all[i].position, all[i].id));
  }
  EXPECT_EQ(seen_.outcomes.size(), 30u);
  EXPECT_EQ(log_->last_id(), all.back().id);
}

TEST_F(MessageLogTest, ReplayBeginsAtThePositionAskedFor) {
  (void)append(2);
  const auto second = append(2);
  open(second->front().position);
  ASSERT_EQ(seen_.messages.size(), 2u);
  EXPECT_EQ(seen_.messages[0].second, second->front().id);
}

TEST_F(MessageLogTest, GroupLargerThanASegmentGetsOneOfItsOwn) {
  ASSERT_TRUE(append(1));
  const auto placed = append(4, 10'000);
  ASSERT_TRUE(placed);
  ASSERT_TRUE(append(1));
  open();
  EXPECT_EQ(seen_.messages.size(), 6u);
}

TEST_F(MessageLogTest, PositionsGrowAcrossOpenings) {
  LogPosition last = log_->end();
  for (int round = 0; round < 5; ++round) {
    const auto placed = append(1);
    EXPECT_GE(placed->front().position, last);
    last = log_->end();
    open(last);
    EXPECT_GE(log_->end(), last);
  }
}

TEST_F(MessageLogTest, LogTornAtAnyByteOfItsLastGroupKeepsAllBefore) {
  const auto first = append(2);
  const LogPosition boundary = log_->end();
  const auto last = append(2);
  const LogPosition end = log_->end();
  log_.reset();
  const auto whole = std::move(files_);
  for (std::uint32_t offset = offset_of(boundary); offset < offset_of(end); ++offset) {
    auto torn = whole->clone();
    torn->overwrite(path(1), offset, std::string(offset_of(end) - offset, '\0'));
    const auto opened = try_open(*torn);
    ASSERT_TRUE(opened) << "torn at " << offset << ": " << opened.error().what;
    // The last bytes may be padding, or zeros that were zeros.
    ASSERT_GE(seen_.messages.size(), 2u) << "torn at " << offset;
    EXPECT_EQ(seen_.messages[1].second, (*first)[1].id);
    ASSERT_TRUE(append(1));
    const LogPosition after = log_->end();
    const std::size_t kept = seen_.messages.size();
    ASSERT_TRUE(try_open(*torn)) << "torn at " << offset;
    EXPECT_EQ(seen_.messages.size(), kept + 1);
    EXPECT_GE(log_->end(), after);
  }
  log_.reset();
}

TEST(SegmentScannerTest, FindsARecordBehindAnyRunOfZeros) {
  constexpr std::uint64_t kSalt = 0x1234'5678'9abc'def0;
  constexpr std::size_t kRecord = 64;
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  FaultyFileSystem files;
  ASSERT_TRUE(files.make_directory("/log"));
  for (const std::size_t zeros :
       {std::size_t{8}, std::size_t{16}, std::size_t{24}, std::size_t{32}, kMiB - 24, kMiB - 16,
        kMiB - 8, kMiB, kMiB + 8, kMiB + 16, 3 * kMiB}) {
    std::string content(zeros + kRecord + 2 * kMiB, '\0');
    encode_gap(kRecord, LogPosition{}, record_seed(kSalt, zeros), content.data() + zeros);
    const std::string name = "/log/" + std::to_string(zeros);
    auto file = files.open(name, FileSystem::Mode::kCreate);
    ASSERT_TRUE(file);
    std::array<iovec, 1> parts{{{content.data(), content.size()}}};
    ASSERT_TRUE((*file)->write(parts, 0));
    SegmentScanner scanner(**file, kSalt, 0, content.size());
    ASSERT_FALSE(*scanner.next());
    ASSERT_TRUE(*scanner.find_next()) << zeros;
    EXPECT_EQ(scanner.offset(), zeros);
    EXPECT_EQ(scanner.record().size(), kRecord);
    EXPECT_FALSE(*scanner.find_next());
    EXPECT_TRUE(scanner.at_limit());
  }
}

TEST_F(MessageLogTest, DamageBeforeTheSyncedMarkKeepsTheLogClosed) {
  const auto first = append(2);
  const auto second = append(2);
  (void)append(1);
  for (const Placed& damaged : {(*first)[0], (*first)[1], (*second)[0], (*second)[1]}) {
    const std::uint32_t offset = offset_of(damaged.position);
    for (const std::uint32_t byte : {0u, 9u, 13u, 30u, 50u, 120u}) {
      flip(1, offset + byte);
      const auto opened = try_open();
      ASSERT_FALSE(opened) << "byte " << byte;
      EXPECT_EQ(opened.error().code, ErrorCode::kCorrupted);
      EXPECT_EQ(opened.error().detail, static_cast<std::int64_t>(damaged.position));
      EXPECT_NE(opened.error().what.find("00000001.log"), std::string::npos);
      EXPECT_NE(opened.error().what.find(std::to_string(offset)), std::string::npos);
      flip(1, offset + byte);
    }
  }
  EXPECT_TRUE(try_open());
}

TEST_F(MessageLogTest, DamageInAFinishedSegmentKeepsTheLogClosed) {
  const auto first = append(1);
  while (log_->segments().size() < 2) ASSERT_TRUE(append(1, 1'000));
  const std::uint64_t last_offset = 64;
  flip(1, last_offset + 20);
  EXPECT_EQ(try_open().error().code, ErrorCode::kCorrupted);
}

TEST_F(MessageLogTest, MissingOrHeadlessSegmentKeepsTheLogClosed) {
  while (log_->segments().size() < 3) ASSERT_TRUE(append(1, 1'000));
  log_.reset();
  auto without = files_->clone();
  ASSERT_TRUE(without->remove(path(2)));
  EXPECT_EQ(try_open(*without).error().code, ErrorCode::kCorrupted);
  flip(2, 20);
  EXPECT_EQ(try_open().error().code, ErrorCode::kCorrupted);
}

TEST_F(MessageLogTest, BodyThatLooksLikeARecordIsNeverTakenForOne) {
  const auto inner = append(1);
  const std::string record =
      files_->content(path(1)).substr(offset_of(inner->front().position), 400);
  std::vector<Intake> intakes;
  MessageSpec spec;
  spec.headers = spec.query = "";
  for (int shift = 0; shift < 8; ++shift) spec.body += std::string(1, 'x') + record;
  intakes.push_back(make_intake(pool_, spec, 1));
  std::vector<Placed> placed = {{Acceptance::kStored, ids_.next(1'000, LinkNumber{1}), {}}};
  ASSERT_TRUE(log_->append(intakes, placed, {}));
  const std::uint32_t offset = offset_of(placed[0].position);
  log_.reset();
  flip(1, offset + 10);  // unsynced as far as anyone can tell: a torn end
  ASSERT_TRUE(try_open());
  EXPECT_EQ(seen_.messages.size(), 1u);
}

TEST_F(MessageLogTest, RepairCutsOutWhatIsDamagedAndNamesIt) {
  const auto first = append(3);
  const auto second = append(2);
  while (log_->segments().size() < 3) ASSERT_TRUE(append(1, 1'000));
  std::size_t total = 0;
  open();
  total = seen_.messages.size();
  log_.reset();
  flip(1, offset_of((*first)[1].position) + 110);  // in the body: the frame still names it
  flip(1, offset_of((*second)[1].position) + 110);
  ASSERT_FALSE(try_open());
  const auto report = repair_log(*files_, "/log", LogPosition{});
  ASSERT_TRUE(report) << report.error().what;
  ASSERT_EQ(report->lost.size(), 2u);
  const LostRange& lost = report->lost[0];
  EXPECT_EQ(lost.segment, 1u);
  EXPECT_EQ(lost.from, offset_of((*first)[1].position));
  EXPECT_EQ(lost.to, offset_of((*first)[2].position));
  EXPECT_EQ(lost.messages, std::vector<MessageId>{(*first)[1].id});
  EXPECT_EQ(report->lost[1].messages, std::vector<MessageId>{(*second)[1].id});
  open();
  EXPECT_EQ(seen_.messages.size(), total - 2);
  const std::string kept = files_->content(path(1) + ".lost-" + std::to_string(lost.from));
  EXPECT_EQ(kept.size(), lost.to - lost.from);
}

TEST_F(MessageLogTest, RepairReportsAWholeSegmentThatIsGone) {
  while (log_->segments().size() < 4) ASSERT_TRUE(append(1, 1'000));
  log_.reset();
  ASSERT_TRUE(files_->remove(path(2)));
  flip(3, 20);
  const auto report = repair_log(*files_, "/log", LogPosition{});
  ASSERT_TRUE(report);
  ASSERT_EQ(report->lost.size(), 2u);
  EXPECT_EQ(report->lost[0].segment, 2u);
  EXPECT_TRUE(report->lost[0].whole_segment);
  EXPECT_EQ(report->lost[1].segment, 3u);
  EXPECT_FALSE(files_->content(path(3) + ".lost").empty());
  open();
  ASSERT_TRUE(append(1));
}

TEST_F(MessageLogTest, RepairLeavesAnIntactLogAlone) {
  while (log_->segments().size() < 3) ASSERT_TRUE(append(2, 500));
  log_.reset();
  const auto before = files_->clone();
  const auto report = repair_log(*files_, "/log", LogPosition{});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->lost.empty());
  ASSERT_EQ(files_->paths(), before->paths());
  for (const std::string& file : files_->paths()) {
    EXPECT_EQ(files_->content(file), before->content(file));
  }
}

TEST_F(MessageLogTest, FullDiskRefusesTheGroupAndLaterGroupsSucceed) {
  ASSERT_TRUE(append(1));
  const LogPosition end = log_->end();
  files_->set_room(100);
  for (int i = 0; i < 3; ++i) {
    const auto refused = append(8, 2'000);  // needs a new segment
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kStorageFull);
    EXPECT_EQ(log_->end(), end);
  }
  ASSERT_TRUE(append(1));  // there is room for it in the segment
  files_->set_room(1 << 20);
  ASSERT_TRUE(append(8, 2'000));
  open();
  EXPECT_EQ(seen_.messages.size(), 10u);
}

TEST_F(MessageLogTest, WantOfFileDescriptorsRefusesTheGroupAndLaterGroupsSucceed) {
  ASSERT_TRUE(append(1));
  const LogPosition end = log_->end();
  files_->fail(Operation::kCreate, 1, EMFILE);
  const auto refused = append(8, 2'000);  // needs a new segment
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(log_->end(), end);
  ASSERT_TRUE(append(8, 2'000));
  open();
  EXPECT_EQ(seen_.messages.size(), 9u);
}

TEST_F(MessageLogTest, FullDiskInTheMiddleOfAWriteLeavesNoAcceptedHalf) {
  ASSERT_TRUE(append(1));
  files_->fail(Operation::kWrite, 1, ENOSPC);
  EXPECT_EQ(append(5).error().code, ErrorCode::kStorageFull);
  const auto placed = append(2, 50);
  ASSERT_TRUE(placed);
  open();
  std::map<MessageId, int> times;
  for (const auto& [position, id] : seen_.messages) ++times[id];
  for (const auto& [id, count] : times) EXPECT_EQ(count, 1);
  for (const Placed& place : *placed) EXPECT_EQ(times.count(place.id), 1u);
}

TEST_F(MessageLogTest, NothingIsAcceptedAfterAFailedSync) {
  ASSERT_TRUE(append(1));
  files_->fail(Operation::kSync, 1, EIO);
  EXPECT_EQ(append(1).error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(append(1).error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(append_outcome(MessageId{}).error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(log_->sync().error().code, ErrorCode::kStorageFailed);
  open();
  EXPECT_TRUE(append(1));
}

TEST_F(MessageLogTest, NothingIsAcceptedAfterAFailedWrite) {
  ASSERT_TRUE(append(1));
  files_->fail(Operation::kWrite, 1, EIO);
  EXPECT_EQ(append(1).error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(append(1).error().code, ErrorCode::kStorageFailed);
}

TEST_F(MessageLogTest, OutcomesAloneForceNoSync) {
  const auto placed = append(1);
  const std::uint64_t syncs = files_->syncs();
  ASSERT_TRUE(append_outcome(placed->front().id));
  EXPECT_EQ(files_->syncs(), syncs);
  ASSERT_TRUE(append(1));
  EXPECT_EQ(files_->syncs(), syncs + 1);
}

TEST_F(MessageLogTest, SegmentWhoseMakingWasCutOffIsForgotten) {
  ASSERT_TRUE(append(1));
  log_.reset();
  auto file = files_->open(path(2), FileSystem::Mode::kCreate);
  ASSERT_TRUE((*file)->preallocate(8'192));
  open();
  EXPECT_EQ(seen_.messages.size(), 1u);
  ASSERT_TRUE(append(1));
  open();
  EXPECT_EQ(seen_.messages.size(), 2u);
}

TEST_F(MessageLogTest, ReaderRefusesBytesThatAreNotWhatWasWritten) {
  const auto placed = append(2);
  IntakeReader reader(*log_);
  ASSERT_TRUE(reader.open(placed->front().position));
  std::string payload(reader.record().payload_bytes(), '\0');
  ASSERT_TRUE(reader.read_payload(payload.data()));
  flip(1, offset_of(placed->front().position) + 150);
  ASSERT_TRUE(reader.open(placed->front().position));  // the head is what it was
  EXPECT_EQ(reader.read_payload(payload.data()).error().code, ErrorCode::kCorrupted);
  flip(1, offset_of(placed->back().position) + 20);
  EXPECT_EQ(reader.open(placed->back().position).error().code, ErrorCode::kCorrupted);
  EXPECT_EQ(reader.open(make_position(9, 64)).error().code, ErrorCode::kNotFound);
}

TEST_F(MessageLogTest, ReaderReadsMessagesOfAnySize) {
  segment_bytes_ = 64 * 1024;
  open();
  for (const std::size_t bytes : {1u, 3'900u, 4'000u, 4'096u, 5'000u, 20'000u}) {
    const auto placed = append(1, bytes);
    IntakeReader reader(*log_);
    ASSERT_TRUE(reader.open(placed->front().position));
    std::string payload(reader.record().payload_bytes(), '\0');
    ASSERT_TRUE(reader.read_payload(payload.data())) << bytes;
    EXPECT_TRUE(payload.ends_with(std::string(bytes, 'a')));
    flip(1, offset_of(placed->front().position) + reader.record().payload_offset() + bytes - 1);
    ASSERT_TRUE(reader.open(placed->front().position));
    EXPECT_EQ(reader.read_payload(payload.data()).error().code, ErrorCode::kCorrupted) << bytes;
  }
}

}  // namespace
}  // namespace headrace::store
