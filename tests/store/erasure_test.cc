// SPDX-License-Identifier: Apache-2.0
// Erasing a message: its bytes leave every file, its neighbours stay, and no crash leaves a store
// that does not open or a message that comes back.
#include "store/erasure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "store/message_ids.h"
#include "tests/store/store_rig.h"

namespace headrace::store {
namespace {

using Operation = testing::FaultyFileSystem::Operation;

// Bytes that occur nowhere else.
std::string secret(std::string_view of, int number) {
  return "secret-" + std::string(of) + "-" + std::to_string(number) + ";";
}

std::string repeated(const std::string& text, std::size_t bytes) {
  std::string all;
  while (all.size() < bytes) all += text;
  return all;
}

MessageSpec spec_of(int number, std::size_t body_bytes = 300) {
  MessageSpec spec;
  spec.body = repeated(secret("body", number), body_bytes);
  spec.headers = "x-token: " + secret("headers", number) + "\r\n";
  spec.query = secret("query", number);
  spec.endpoints = {1, 2};
  spec.dedupe = static_cast<std::uint64_t>(100 + number);
  return spec;
}

// One delivery of the message is delivered after a retry, with responses that echo it.
void attempt(EventStore& store, core::BufferPool& pool, const Placed& placed, int number) {
  for (const int attempt : {1, 2}) {
    for (const Delivery& delivery : load_all(store, pool, 1, ~std::uint64_t{0})) {
      if (delivery.message != placed.id) continue;
      Group group;
      group.outcomes.push_back(
          make_outcome(delivery, attempt == 1 ? Verdict::kRetry : Verdict::kDelivered, 60));
      set_response(group.outcomes[0], pool, "x-echo: " + secret("head", number),
                   repeated(secret("response", number), 200));
      ASSERT_TRUE(commit(store, group));
      break;
    }
  }
}

constexpr std::string_view kLog = "/store/log/";
constexpr std::string_view kParts[] = {"body", "headers", "query", "head", "response"};

class ErasureTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    const auto opened = rig_.open();
    ASSERT_TRUE(opened) << opened.error().what;
  }
  EventStore& store() { return rig_.store(); }
  Placed put(int number, std::size_t body_bytes = 300) {
    return commit_one(store(), rig_.pool, spec_of(number, body_bytes), rig_.clock.wall);
  }
  bool log_holds(std::string_view part, int number) const {
    for (const std::string& path : rig_.files.paths()) {
      if (rig_.files.content(path).find(secret(part, number)) != std::string::npos) return true;
    }
    return false;
  }
  void expect_whole(const Placed& placed, int number, std::size_t body_bytes = 300) {
    const auto content = store().read_message(placed.id);
    ASSERT_TRUE(content) << number;
    EXPECT_EQ(content->body, spec_of(number, body_bytes).body);
    EXPECT_EQ(content->headers, spec_of(number).headers);
  }

  StoreRig rig_;
};

TEST_F(ErasureTest, BytesLeaveTheSegmentThatIsWrittenAndAppendingDoesNotBringThemBack) {
  const Placed first = put(1);
  const Placed erased = put(2);  // the last record, in the block that is written again
  attempt(store(), rig_.pool, erased, 2);
  ASSERT_TRUE(log_holds("body", 2));
  ASSERT_TRUE(log_holds("response", 2));
  ASSERT_EQ(store().erase({&erased.id, 1}).value(), 1u);
  const Placed third = put(3);
  for (const std::string_view part : kParts) EXPECT_FALSE(log_holds(part, 2)) << part;
  expect_whole(first, 1);
  expect_whole(third, 3);
  rig_.close();
  open();
  for (const std::string_view part : kParts) EXPECT_FALSE(log_holds(part, 2)) << part;
  expect_whole(first, 1);
  expect_whole(third, 3);
  EXPECT_EQ(store().read_message(erased.id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(load_all(store(), rig_.pool, 2, ~std::uint64_t{0}).size(), 2u);
}

TEST_F(ErasureTest, LargeMessageOfASealedSegmentIsErased) {
  rig_.options.segment_bytes = 64 * 1024;
  open();
  const Placed first = put(1);
  const Placed large = put(2, 3 << 20);
  for (int i = 3; i < 200; ++i) put(i, 1'000);
  ASSERT_EQ(store().erase({&large.id, 1}).value(), 1u);
  EXPECT_FALSE(log_holds("body", 2));
  expect_whole(first, 1);
  rig_.cut_power(3);
  open();
  EXPECT_FALSE(log_holds("body", 2));
  expect_whole(first, 1);
  EXPECT_EQ(store().list_messages(LinkNumber{1}, MessageId{}, 1'000)->size(), 198u);
}

TEST_F(ErasureTest, ErasedDeliveriesNoLongerKeepASegment) {
  rig_.options.retention_ms = 1'000;
  open();
  const Placed erased = put(1);
  for (int i = 2; i < 60; ++i) {
    MessageSpec spec = spec_of(i, 2'000);
    spec.endpoints = {};
    (void)commit_one(store(), rig_.pool, spec, rig_.clock.wall);
  }
  ASSERT_EQ(store().erase({&erased.id, 1}).value(), 1u);
  rig_.clock.wall += 1'001;
  put(60);
  ASSERT_TRUE(store().retain(rig_.clock.wall));
  EXPECT_LE(rig_.files.paths(kLog).size(), 2u);
}

TEST_F(ErasureTest, DeliveriesThatWereOpenedAgainGoAsWellAlsoThoseOfAReplay) {
  const Placed erased = put(1);
  const Placed kept = put(2);
  attempt(store(), rig_.pool, erased, 1);
  const core::WallMs due = rig_.clock.wall + 5'000;
  Group group;
  for (const std::uint32_t endpoint : {1u, 9u}) {  // ended there, and never sent there
    for (const Placed& placed : {erased, kept}) {
      Reopening reopening;
      reopening.message = placed.id;
      reopening.position = placed.position;
      reopening.endpoint = EndpointNumber{endpoint};
      reopening.due = due;
      group.reopenings.push_back(reopening);
    }
  }
  ASSERT_TRUE(commit(store(), group));
  ASSERT_EQ(load_all(store(), rig_.pool, 9, due).size(), 2u);
  ASSERT_EQ(store().erase({&erased.id, 1}).value(), 1u);
  for (int round = 0; round < 3; ++round) {
    const auto waiting = load_all(store(), rig_.pool, 9, due);
    ASSERT_EQ(waiting.size(), 1u);
    EXPECT_EQ(waiting[0].message, kept.id);
    EXPECT_EQ(load_all(store(), rig_.pool, 1, due).size(), 1u);
    EXPECT_EQ(rig_.sink.count("delivery_lost"), 0u);
    if (round == 1) {
      ASSERT_TRUE(store().checkpoint());
    }
    rig_.close();
    open();  // the first time the log brings the reopenings back
  }
}

TEST_F(ErasureTest, DamageBeforeAnErasedRecordIsStillNoticed) {
  const Placed first = put(1);
  const Placed erased = put(2);  // vouches for the first
  ASSERT_EQ(store().erase({&erased.id, 1}).value(), 1u);
  rig_.close();
  rig_.files.overwrite(rig_.segment_path(1), offset_of(first.position) + 120, "rot");
  const auto opened = rig_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupted);
}

// The power goes, or the disk fails, at each operation of an erasure in turn.
class ErasureCutTest : public ErasureTest,
                       public ::testing::WithParamInterface<std::pair<Operation, std::uint32_t>> {};

TEST_P(ErasureCutTest, StoreOpensAndTheMessageIsErasedOrWholeAndThenErased) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    StoreRig rig;
    rig.options.segment_bytes = 16 * 1024;
    ASSERT_TRUE(rig.open());
    std::vector<Placed> placed;
    for (int i = 0; i < 12; ++i) {
      placed.push_back(commit_one(rig.store(), rig.pool, spec_of(i, 2'000), rig.clock.wall));
      attempt(rig.store(), rig.pool, placed.back(), i);
    }
    const std::vector<MessageId> ids = {placed[2].id, placed[7].id, placed[11].id};
    const auto [operation, nth] = GetParam();
    rig.files.fail(operation, nth, EIO);
    const auto erased = rig.store().erase(ids);
    if (seed % 2 == 0) {
      rig.cut_power(seed);
    } else {
      rig.close();
    }
    rig.files.fail(operation, 0, 0);
    const auto opened = rig.open();
    ASSERT_TRUE(opened) << opened.error().what;
    for (int i = 0; i < 12; ++i) {
      const MessageId id = placed[static_cast<std::size_t>(i)].id;
      const bool asked = std::find(ids.begin(), ids.end(), id) != ids.end();
      const auto content = rig.store().read_message(id);
      EXPECT_TRUE(content || asked) << i;
      EXPECT_FALSE(content && asked && erased) << i;
      if (content) {
        EXPECT_EQ(content->body, spec_of(i, 2'000).body);
      } else {
        EXPECT_EQ(content.error().code, ErrorCode::kNotFound) << i;
      }
    }
    EXPECT_EQ(rig.sink.count("delivery_lost"), 0u);
    ASSERT_TRUE(rig.store().erase(ids));  // those that are whole
    ASSERT_TRUE(rig.store().finish_erasures());
    for (const int number : {2, 7, 11}) {
      for (const std::string& path : rig.files.paths()) {
        for (const std::string_view part : kParts) {
          EXPECT_EQ(rig.files.content(path).find(secret(part, number)), std::string::npos)
              << path << " " << part << " " << number;
        }
      }
    }
    EXPECT_EQ(load_all(rig.store(), rig.pool, 2, ~std::uint64_t{0}).size(), 9u);
    EXPECT_EQ(rig.sink.count("delivery_lost"), 0u);
  }
}

std::vector<std::pair<Operation, std::uint32_t>> every_step() {
  std::vector<std::pair<Operation, std::uint32_t>> steps;
  for (std::uint32_t nth = 1; nth <= 12; ++nth) {  // there are 9 records in three segments or less
    steps.emplace_back(Operation::kWrite, nth);
    if (nth <= 5) steps.emplace_back(Operation::kSync, nth);
  }
  return steps;
}

INSTANTIATE_TEST_SUITE_P(EveryStep, ErasureCutTest, ::testing::ValuesIn(every_step()));

TEST_F(ErasureTest, WhatFailedHalfWayIsHiddenAndGoneAfterTheNextRetain) {
  const Placed erased = put(1);
  attempt(store(), rig_.pool, erased, 1);
  rig_.files.fail(Operation::kWrite, 1, EIO, std::string(kLog));
  ASSERT_FALSE(store().erase({&erased.id, 1}));
  EXPECT_EQ(store().read_message(erased.id).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(load_all(store(), rig_.pool, 2, ~std::uint64_t{0}).empty());
  ASSERT_TRUE(store().retain(rig_.clock.wall));
  for (const std::string_view part : kParts) EXPECT_FALSE(log_holds(part, 1)) << part;
  EXPECT_EQ(put(2).acceptance, Acceptance::kStored);
  rig_.close();
  open();
  EXPECT_EQ(load_all(store(), rig_.pool, 2, ~std::uint64_t{0}).size(), 1u);
}

TEST_F(ErasureTest, FullDiskOfRocksDbLeavesTheMessageWhole) {
  const Placed placed = put(1);
  rig_.fill_rocks_disk(true);
  ASSERT_FALSE(store().erase({&placed.id, 1})) << "the definition cannot be written";
  rig_.fill_rocks_disk(false);
  expect_whole(placed, 1);
  rig_.close();
  open();
  expect_whole(placed, 1);
}

TEST(ErasureDefinitionTest, IsReadBackAndFrozen) {
  Erasure erasure;
  erasure.message = MessageId{Bits128{0x018bcfe568000001, 0x0000002a12345678}};
  erasure.dedupe_key = Bits128{1, 2};
  erasure.records = {{LogPosition{0x100000040}, 300, LogPosition{0x100000020}}};
  erasure.targets = {{EndpointNumber{260}, true}, {EndpointNumber{7}, false}};
  const std::string value = encode_erasure(erasure);
  std::string hex;
  for (const char byte : value) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(byte) >> 4];
    hex += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  EXPECT_EQ(hex,
            "01018bcfe5680000010000002a12345678000000000000000100000000000000020000000100000002"
            "00000001000000400000012c00000001000000200000010401"
            "0000000700");
  EXPECT_EQ(erasure_key(erasure), "erasure/0000000100000040");
  const auto decoded = decode_erasure(value);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(encode_erasure(*decoded), value);
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_FALSE(decode_erasure(value.substr(0, size))) << size;
  }
}

// On the disk, with RocksDB's own files, which are searched.
class ErasureOnDiskTest : public ::testing::Test {
 protected:
  ErasureOnDiskTest() {
    std::string pattern = ::testing::TempDir() + "headrace_erasure_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    options_.directory = root_ + "/store";
    options_.segment_bytes = 256 * 1024;
    options_.disk_reserve_bytes = 0;
    open();
  }
  ~ErasureOnDiskTest() override {
    store_.reset();
    std::filesystem::remove_all(root_);
  }
  void open() {
    store_.reset();
    auto opened = RocksStore::open(options_, clock_, ++seed_, sink_);
    ASSERT_TRUE(opened) << opened.error().what;
    store_ = std::move(*opened);
  }
  std::vector<std::string> files_with(const std::string& text) const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.directory)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      std::string content(entry.file_size(), '\0');
      file.read(content.data(), static_cast<std::streamsize>(content.size()));
      if (content.find(text) != std::string::npos) found.push_back(entry.path().string());
    }
    return found;
  }
  void expect_nowhere(int number) {
    for (const std::string_view part : kParts) {
      EXPECT_EQ(files_with(secret(part, number)), std::vector<std::string>{}) << part << number;
    }
  }

  std::string root_;
  StoreOptions options_;
  FixedClock clock_;
  ListeningSink sink_;
  core::BufferPool pool_{std::size_t{1} << 26};
  std::unique_ptr<EventStore> store_;
  std::uint64_t seed_ = 0;
};

TEST_F(ErasureOnDiskTest, BytesOccurInNoFileOfTheStore) {
  std::vector<Placed> placed;
  for (int i = 0; i < 40; ++i) {
    const std::size_t body_bytes = i == 21 ? 3 << 20 : 5'000;
    placed.push_back(commit_one(*store_, pool_, spec_of(i, body_bytes), clock_.wall));
    attempt(*store_, pool_, placed.back(), i);
    if (i % 7 != 0) continue;
    ASSERT_TRUE(store_->checkpoint());  // several files of RocksDB's
  }
  ASSERT_FALSE(files_with(secret("response", 10)).empty());
  ASSERT_GE(files_with(secret("response", 10)).size(), 2u) << "the log and a file of RocksDB's";
  ASSERT_EQ(files_with(secret("body", 39)).size(), 1u);
  const std::vector<MessageId> ids = {placed[10].id, placed[21].id, placed[39].id};
  ASSERT_EQ(store_->erase(ids).value(), 3u);
  ASSERT_TRUE(store_->finish_erasures());
  for (const int number : {10, 21, 39}) expect_nowhere(number);
  for (const int number : {9, 11, 22, 38}) {
    for (const std::string_view part : kParts) {
      EXPECT_FALSE(files_with(secret(part, number)).empty()) << part << number;
    }
    EXPECT_EQ(store_->read_message(placed[static_cast<std::size_t>(number)].id)->body,
              spec_of(number, 5'000).body);
  }
  (void)commit_one(*store_, pool_, spec_of(40), clock_.wall);
  open();
  for (const int number : {10, 21, 39}) expect_nowhere(number);
  EXPECT_EQ(store_->list_messages(LinkNumber{1}, MessageId{}, 100)->size(), 38u);
}

TEST_F(ErasureOnDiskTest, RewritingThatWasCutOffIsDoneWhenTheStoreIsOpened) {
  const Placed placed = commit_one(*store_, pool_, spec_of(1), clock_.wall);
  attempt(*store_, pool_, placed, 1);
  ASSERT_TRUE(store_->checkpoint());
  ASSERT_EQ(store_->erase({&placed.id, 1}).value(), 1u);
  ASSERT_FALSE(files_with(secret("response", 1)).empty());
  open();
  expect_nowhere(1);
  int left = 0;
  ASSERT_TRUE(store_->scan_definitions("erasure/", [&](auto, auto) { ++left; }));
  EXPECT_EQ(left, 0);
}

}  // namespace
}  // namespace headrace::store
