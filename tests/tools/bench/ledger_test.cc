// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/ledger.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace headrace::bench_tools {
namespace {

constexpr LedgerHeader kHeader = {.kind = LedgerKind::kLoad, .run = 7, .started_ns = 9};

// A directory that is gone afterwards.
class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    std::string name = testing::TempDir() + "ledger-XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~LedgerTest() override { std::filesystem::remove_all(directory_); }

  LedgerWriter create(unsigned lane = 0) {
    auto writer = LedgerWriter::create(directory_, kHeader, lane);
    EXPECT_TRUE(writer) << writer.error().what;
    return std::move(*writer);
  }
  Ledger open_only() {
    auto ledgers = open_ledgers(directory_);
    EXPECT_TRUE(ledgers) << ledgers.error().what;
    EXPECT_EQ(ledgers->size(), 1u);
    return std::move(ledgers->front());
  }

  std::string directory_;
};

LedgerRecord record(std::uint64_t number, std::uint64_t when_ns = 1) {
  return {.run = 7,
          .number = number,
          .body_hash = number * 3,
          .when_ns = when_ns,
          .endpoint = 5,
          .status = 202,
          .event = LedgerEvent::kAccepted};
}

TEST_F(LedgerTest, WhatWasAppendedIsReadInOrder) {
  LedgerWriter writer = create();
  constexpr std::uint64_t kCount = 100'000;  // several buffers
  for (std::uint64_t i = 0; i < kCount; ++i) writer.append(record(i));
  EXPECT_EQ(writer.records(), kCount);
  ASSERT_TRUE(writer.close(2));
  const Ledger ledger = open_only();
  EXPECT_EQ(ledger.header().run, 7u);
  EXPECT_EQ(ledger.header().kind, LedgerKind::kLoad);
  EXPECT_EQ(ledger.header().started_ns, 9u);
  EXPECT_TRUE(ledger.is_closed());
  EXPECT_EQ(ledger.bytes_cut(), 0u);
  ASSERT_EQ(ledger.records().size(), kCount);
  for (std::uint64_t i = 0; i < kCount; ++i) {
    LedgerRecord expected = record(i);
    expected.check = ledger.records()[i].check;
    ASSERT_EQ(ledger.records()[i], expected);
  }
}

TEST_F(LedgerTest, RecordsAreWrittenWhenTheOldestIsOldEnough) {
  LedgerWriter writer = create();
  writer.append(record(0, 1000));
  writer.append(record(1, 1000 + LedgerWriter::kFlushIntervalNs - 1));
  EXPECT_EQ(open_only().records().size(), 0u);
  writer.append(record(2, 1000 + LedgerWriter::kFlushIntervalNs));
  EXPECT_EQ(open_only().records().size(), 3u);
  writer.append(record(3, 1001 + LedgerWriter::kFlushIntervalNs));
  writer.flush();
  EXPECT_EQ(open_only().records().size(), 4u);
  EXPECT_FALSE(open_only().is_closed());
}

TEST_F(LedgerTest, WhatAKilledProcessHasWrittenIsThere) {
  const pid_t child = fork();
  if (child == 0) {
    LedgerWriter writer = create();
    for (std::uint64_t i = 0; i < 1000; ++i) writer.append(record(i));
    writer.flush();
    writer.append(record(1000));  // never reaches the file
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const Ledger ledger = open_only();
  EXPECT_EQ(ledger.records().size(), 1000u);
  EXPECT_FALSE(ledger.is_closed());
}

TEST_F(LedgerTest, ATornTailIsCutWhereverItIsTorn) {
  LedgerWriter writer = create();
  for (std::uint64_t i = 0; i < 3; ++i) writer.append(record(i));
  writer.flush();
  const auto whole = std::filesystem::file_size(writer.path());
  for (std::size_t torn = 1; torn <= 2 * sizeof(LedgerRecord); ++torn) {
    std::filesystem::resize_file(writer.path(), whole - torn);
    const Ledger ledger = open_only();
    const std::size_t left = (3 * sizeof(LedgerRecord) - torn) / sizeof(LedgerRecord);
    EXPECT_EQ(ledger.records().size(), left);
    EXPECT_EQ(ledger.bytes_cut(), (3 - left) * sizeof(LedgerRecord) - torn);
  }
}

TEST_F(LedgerTest, ZerosThatADiskLeavesAreNoRecords) {
  LedgerWriter writer = create();
  writer.append(record(1));
  writer.flush();
  const auto whole = std::filesystem::file_size(writer.path());
  std::filesystem::resize_file(writer.path(), whole + 4096);
  const Ledger ledger = open_only();
  EXPECT_EQ(ledger.records().size(), 1u);
  EXPECT_EQ(ledger.bytes_cut(), 4096u);
}

TEST_F(LedgerTest, EachStartAndLaneHasAFileOfItsOwn) {
  LedgerWriter first = create(0);
  LedgerWriter second = create(1);
  auto again = LedgerWriter::create(directory_, kHeader, 1);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kStorageFailed);
  auto ledgers = open_ledgers(directory_);
  ASSERT_TRUE(ledgers);
  EXPECT_EQ(ledgers->size(), 2u);
  EXPECT_TRUE(open_ledgers(first.path()));
}

TEST_F(LedgerTest, ADiskThatIsFullIsToldAtTheEndAndWhatItLostIsCounted) {
  LedgerWriter writer = create();
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limited = before;
  limited.rlim_cur = sizeof(LedgerHeader) + 2 * sizeof(LedgerRecord) + 1;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
  for (std::uint64_t i = 0; i < 5; ++i) writer.append(record(i));
  writer.flush();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(writer.dropped(), 5u);
  auto closed = writer.close(1);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(closed.error().detail, EFBIG);
  // Nothing is written behind the torn record, even when there is room again.
  EXPECT_EQ(open_only().records().size(), 2u);
  EXPECT_FALSE(open_only().is_closed());
}

TEST_F(LedgerTest, OtherFilesAreNoLedgers) {
  EXPECT_EQ(open_ledgers(directory_).error().code, ErrorCode::kNotFound);
  const std::string path = directory_ + "/x.ledger";
  std::ofstream(path) << "short";
  EXPECT_EQ(open_ledgers(directory_).error().code, ErrorCode::kMalformed);
  std::ofstream(path) << std::string(200, 'x');
  EXPECT_EQ(Ledger::open(path).error().code, ErrorCode::kMalformed);
  LedgerHeader other = kHeader;
  other.version = 2;
  std::ofstream(path).write(reinterpret_cast<const char*>(&other), sizeof other);
  EXPECT_EQ(Ledger::open(path).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(Ledger::open(directory_ + "/none").error().code, ErrorCode::kStorageFailed);
}

TEST(LedgerFormatTest, TheBytesOnDiskAreFrozen) {
  EXPECT_EQ(offsetof(LedgerHeader, version), 4u);
  EXPECT_EQ(offsetof(LedgerHeader, kind), 6u);
  EXPECT_EQ(offsetof(LedgerHeader, run), 8u);
  EXPECT_EQ(offsetof(LedgerHeader, started_ns), 16u);
  EXPECT_EQ(offsetof(LedgerRecord, number), 8u);
  EXPECT_EQ(offsetof(LedgerRecord, body_hash), 16u);
  EXPECT_EQ(offsetof(LedgerRecord, when_ns), 24u);
  EXPECT_EQ(offsetof(LedgerRecord, endpoint), 32u);
  EXPECT_EQ(offsetof(LedgerRecord, status), 36u);
  EXPECT_EQ(offsetof(LedgerRecord, event), 38u);
  EXPECT_EQ(offsetof(LedgerRecord, check), 39u);
  EXPECT_EQ(body_hash(""), 0x2d06800538d394c2u);  // the published hash of nothing
}

TEST(MessageIdTest, HasOneTextAndNoOther) {
  EXPECT_EQ(to_string({0xc0ffee, 42}), "0000000000c0ffee-42");
  EXPECT_EQ(to_string({~0ULL, ~0ULL}), "ffffffffffffffff-18446744073709551615");
  EXPECT_EQ(to_string({~0ULL, ~0ULL}).size(), MessageId::kTextBytesMax);
  for (const char* wrong :
       {"", "-", "0000000000c0ffee", "0000000000c0ffee-", "0000000000c0ffee-042",
        "0000000000c0ffee--1", "0000000000c0ffee-+1", "0000000000c0ffee-1 ", "000000000c0ffee-42",
        "0x00000000c0ffee-42", "0000000000000000-1", "0000000000c0ffee-18446744073709551616"})
    EXPECT_FALSE(parse_message_id(wrong)) << wrong;
}

TEST(MessageIdTest, IsFoundAtTheBeginningOfABody) {
  const MessageId id{0xabc, 0};
  EXPECT_EQ(message_id_of_body("{\"bench_message\":\"0000000000000abc-0\"}"), id);
  EXPECT_EQ(message_id_of_body("{\"bench_message\":\"0000000000000abc-0\",\"a\":1}"), id);
  for (const char* wrong :
       {"", "{", "{\"bench_message\":\"", "{\"bench_message\":\"0000000000000abc-0",
        " {\"bench_message\":\"0000000000000abc-0\"}",
        "{\"a\":1,\"bench_message\":\"0000000000000abc-0\"}"})
    EXPECT_FALSE(message_id_of_body(wrong)) << wrong;
}

RC_GTEST_PROP(MessageIdPropertyTest, ComesBackFromItsText,
              (std::uint64_t run, std::uint64_t number)) {
  RC_PRE(run != 0);
  RC_ASSERT(parse_message_id(to_string({run, number})) == (MessageId{run, number}));
}

}  // namespace
}  // namespace headrace::bench_tools
