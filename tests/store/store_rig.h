// SPDX-License-Identifier: Apache-2.0
// What the store's tests share: a clock that stands still, messages to store, and a store that can
// crash.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/event_store.h"
#include "store/log_segment.h"
#include "store/rocks_store.h"
#include "store/store_options.h"
#include "tests/store/lossy_rocks_files.h"
#include "tests/support/faulty_file_system.h"

namespace headrace::store {

class FixedClock final : public core::Clock {
 public:
  std::uint64_t steady_ns() const noexcept override { return wall * 1'000'000; }
  core::WallMs wall_ms() const noexcept override { return wall; }
  core::WallMs wall = 1'700'000'000'000;
};

// Keeps the names of the events that were logged, and the last value of each number.
class ListeningSink final : public core::LogSink {
 public:
  void write(core::LogLevel level, std::string_view event, std::string_view message,
             std::initializer_list<core::LogField> fields) noexcept override;
  std::size_t count(std::string_view event) const;
  std::int64_t number(const std::string& field) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> events_;
  std::map<std::string, std::int64_t> numbers_;
};

struct MessageSpec {
  std::string body = "{}";
  std::vector<std::uint32_t> endpoints = {1};
  std::uint32_t link = 1;
  std::uint64_t dedupe = 0;
  std::string headers = "content-type: application/json\r\n";
  std::string query = "a=1";
  MessageStatus status = MessageStatus::kRouted;
  bool is_test = false;
};

Intake make_intake(core::BufferPool& pool, const MessageSpec& spec, core::WallMs now);

// The end of a delivery that never left memory.
Outcome make_outcome(MessageId message, LogPosition position, std::uint32_t endpoint,
                     Verdict verdict, std::uint16_t attempt = 1, core::WallMs next_at = 0);
// The end of a delivery that was loaded.
Outcome make_outcome(const Delivery& delivery, Verdict verdict, core::WallMs next_at = 0);
// Gives an outcome a captured response.
void set_response(Outcome& outcome, core::BufferPool& pool, std::string_view head,
                  std::string_view body);

// Appends and applies. Everything open is spilled, so that nothing is in memory only.
Result<void> commit(EventStore& store, Group& group);
// One message, committed.
Placed commit_one(EventStore& store, core::BufferPool& pool, const MessageSpec& spec,
                  core::WallMs now);
std::vector<Delivery> load_all(EventStore& store, core::BufferPool& pool, std::uint32_t endpoint,
                               core::WallMs now);

// A RocksStore whose log and families are on one disk in memory that can crash and lose power.
class StoreRig {
 public:
  StoreRig();
  ~StoreRig();

  Result<void> open();
  void close() { store_.reset(); }  // as a killed process leaves it
  // Log and families lose, at one instant, what they did not sync. Also when it went off before.
  void cut_power(std::uint64_t seed);
  EventStore& store() { return *store_; }
  std::string segment_path(std::uint32_t number) const {
    return options.directory + "/log/" + segment_name(number);
  }

  // Has RocksDB find the disk full, or find room again.
  void fill_rocks_disk(bool full);

  core::BufferPool pool{std::size_t{1} << 26};
  FixedClock clock;
  ListeningSink sink;
  testing::FaultyFileSystem files;
  StoreOptions options;

 private:
  testing::LossyRocksFiles rocks_files_{files};
  std::unique_ptr<EventStore> store_;
  std::uint64_t opened_ = 0;
};

}  // namespace headrace::store
