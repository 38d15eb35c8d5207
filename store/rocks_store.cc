// SPDX-License-Identifier: Apache-2.0
#include "store/rocks_store.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "store/reopenings.h"
#include "store/rocks_event_store.h"

namespace headrace::store {

namespace {

constexpr std::size_t kReplayBatchBytes = core::limits::kMiB;

std::string log_directory(const StoreOptions& options) { return options.directory + "/log"; }

// Brings the families up to the log's end. Every delivery of a replayed message is put down as
// waiting and taken away again by its outcome, so that memory stays bounded however much there is
// to replay.
class ReplayIntoFamilies final : public LogVisitor {
 public:
  ReplayIntoFamilies(RocksDatabase& database, const StoreOptions& options)
      : database_(database), batch_(database, options.dedupe_window_ms) {}

  Result<void> on_intake(LogPosition position, const IntakeRecord& intake,
                         std::string_view bytes) override {
    const MessageRecord record{
        intake.message, intake.received_at, link_of(intake.message), intake.event,
        intake.status,  intake.is_test,     intake.body_bytes,       position};
    batch_.add_message(record, intake.dedupe_key);
    for (std::uint32_t i = 0; i < intake.target_count; ++i) {
      batch_.put_pending({decode_target(bytes, i), 0, intake.message, position, 0});
    }
    ++messages_;
    return write_when_large();
  }

  Result<void> on_outcome(LogPosition position, const OutcomeRecord& record) override {
    batch_.erase_pending({record.outcome.endpoint, 0, record.outcome.message});
    Outcome outcome = record.outcome;
    outcome.logged_at = position;
    batch_.add_outcome(outcome, record.response_head, record.response_body);
    ++outcomes_;
    return write_when_large();
  }

  // What it makes of its message is the one thing that a replay has to look up.
  Result<void> on_reopening(LogPosition, const ReopeningRecord& record) override {
    if (auto written = batch_.write(); !written) return written;
    auto message = read_message_value(database_, record.reopening.message);
    if (!message) return std::move(message).error();
    if (*message) {
      reopen_in(**message, record);
      batch_.change_message((*message)->record, (*message)->reopened);
    }
    batch_.add_reopening(record);
    ++reopenings_;
    return {};
  }

  Result<void> finish(const AppliedValue& applied,
                      const std::map<std::uint32_t, SegmentTimes>& times) {
    for (const auto& [segment, of_segment] : times) batch_.put_times(segment, of_segment);
    batch_.set_applied(applied);
    return batch_.write();
  }

  std::int64_t messages() const noexcept { return messages_; }
  std::int64_t outcomes() const noexcept { return outcomes_; }
  std::int64_t reopenings() const noexcept { return reopenings_; }

 private:
  Result<void> write_when_large() {
    if (batch_.bytes() < kReplayBatchBytes) return {};
    return batch_.write();
  }

  RocksDatabase& database_;
  DerivedBatch batch_;
  std::int64_t messages_ = 0;
  std::int64_t outcomes_ = 0;
  std::int64_t reopenings_ = 0;
};

// A directory whose name is lost takes along what was synced in it. Those above the store's are
// not ours, and may not be for us to read.
Result<void> sync_names(FileSystem& files, const std::string& directory) {
  std::filesystem::path above = std::filesystem::absolute(directory + "/").parent_path();
  while (above.has_relative_path()) {
    above = above.parent_path();
    (void)files.sync_directory(above.string());
  }
  return files.sync_directory(directory);
}

Result<void> make_directories(const StoreOptions& options) {
  FileSystem& files = log_files(options);
  // RocksDB would make its own as well, for everybody to read, and complain that it was not there.
  for (const char* part : {"", "/db", "/log"}) {
    if (auto made = files.make_directory(options.directory + part); !made) return made;
  }
  return sync_names(files, options.directory);
}

// A store of an unknown format is left alone; a new one is given ours.
Result<void> check_format(RocksDatabase& database) {
  std::string value;
  const auto status =
      database.db().Get(rocksdb::ReadOptions(), database.meta(), slice(kFormatName), &value);
  if (status.IsNotFound()) {
    rocksdb::WriteBatch batch;
    batch.Put(database.meta(), slice(kFormatName), slice(view(format_value(kStoreFormat))));
    return database.write_synced(batch);
  }
  if (!status.ok()) return error_of(status);
  const auto format = decode_format_value(value);
  if (format == kStoreFormat) return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("the store was written in format {}; this version knows format {} only",
                           format ? std::to_string(*format) : "unknown", kStoreFormat),
               format ? std::int64_t{*format} : 0};
}

Result<AppliedValue> read_applied(RocksDatabase& database) {
  std::string value;
  const auto status =
      database.db().Get(rocksdb::ReadOptions(), database.meta(), slice(kAppliedName), &value);
  if (status.IsNotFound()) return AppliedValue{};
  if (!status.ok()) return error_of(status);
  const auto applied = decode_applied_value(value);
  if (!applied) return Error{ErrorCode::kCorrupted, "the applied position is unreadable", 0};
  return *applied;
}

// Does again what an erasure may have left half done, before anything reads the log: half a record
// is no record.
Result<std::vector<Erasure>> go_on_erasing(const StoreOptions& options, RocksDatabase& database) {
  auto erasures = read_erasures(database);
  if (!erasures) return erasures;
  DerivedBatch batch(database, options.dedupe_window_ms);
  std::vector<ErasedRecord> records;
  for (const Erasure& erasure : *erasures) {
    records.insert(records.end(), erasure.records.begin(), erasure.records.end());
    auto removed = remove_rows(database, erasure, batch);
    if (!removed) return std::move(removed).error();
  }
  auto erased = erase_records(log_files(options), log_directory(options), records);
  if (!erased) return std::move(erased).error();
  if (auto written = batch.write(); !written) return std::move(written).error();
  return erasures;
}

// What is known of each segment, and what it takes to know all.
Result<std::map<std::uint32_t, SegmentTimes>> complete_times(const StoreOptions& options,
                                                             RocksDatabase& database,
                                                             const MessageLog& log) {
  std::map<std::uint32_t, SegmentTimes> all;
  const std::span<const Segment> segments = log.segments();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    std::string value;
    const auto status = database.db().Get(rocksdb::ReadOptions(), database.meta(),
                                          slice(SegmentTimes::key(segments[i].number)), &value);
    if (!status.ok() && !status.IsNotFound()) return error_of(status);
    SegmentTimes& times = all[segments[i].number];
    if (auto known = SegmentTimes::decode(value)) times = std::move(*known);
    const bool followed = i + 1 < segments.size() && segments[i + 1].header;
    const MessageId last = followed ? segments[i + 1].header->floor : log.last_id();
    auto read =
        read_segment_times(log_files(options), log_directory(options), segments[i], last, times);
    if (!read) return std::move(read).error();
  }
  return all;
}

Result<OpenedStore> open_parts(const StoreOptions& options, std::uint64_t seed,
                               core::LogSink& sink) {
  OpenedStore opened;
  if (auto made = make_directories(options); !made) return std::move(made).error();
  auto database = RocksDatabase::open(options, sink);
  if (!database) return std::move(database).error();
  opened.database = std::move(*database);
  if (auto known = check_format(*opened.database); !known) return std::move(known).error();
  auto erasures = go_on_erasing(options, *opened.database);
  if (!erasures) return std::move(erasures).error();
  auto applied = read_applied(*opened.database);
  if (!applied) return std::move(applied).error();
  ReplayIntoFamilies replay(*opened.database, options);
  const LogOptions log_options{&log_files(options),
                               log_directory(options),
                               options.segment_bytes,
                               options.durability == Durability::kFsync,
                               seed,
                               applied->last_id};
  auto log = MessageLog::open(log_options, applied->position, replay);
  if (!log) return std::move(log).error();
  opened.log = std::move(*log);
  opened.applied = {opened.log->end(), std::max(applied->last_id, opened.log->last_id())};
  auto times = complete_times(options, *opened.database, *opened.log);
  if (!times) return std::move(times).error();
  opened.times = std::move(*times);
  auto done = replay.finish(opened.applied, opened.times);
  if (!done) return std::move(done).error();
  DerivedBatch brought_back(*opened.database, options.dedupe_window_ms);
  if (auto gone = remove_waiting(*opened.database, *erasures, brought_back); !gone) {
    return std::move(gone).error();
  }
  if (auto written = brought_back.write(); !written) return std::move(written).error();
  // On a full disk that waits.
  if (!finish(*opened.database, *erasures)) opened.unfinished = std::move(*erasures);
  sink.write(core::LogLevel::kInfo, "store_opened", "the store is open",
             {{"replayed_messages", replay.messages()},
              {"replayed_outcomes", replay.outcomes()},
              {"replayed_reopenings", replay.reopenings()}});
  return opened;
}

}  // namespace

FileSystem& log_files(const StoreOptions& options) noexcept {
  return options.log_files != nullptr ? *options.log_files : posix_file_system();
}

Result<std::unique_ptr<EventStore>> RocksStore::open(const StoreOptions& options,
                                                     const core::Clock& clock, std::uint64_t seed,
                                                     core::LogSink& sink) {
  auto opened = open_parts(options, seed, sink);
  if (!opened) return std::move(opened).error();
  auto store = std::make_unique<RocksEventStore>(options, std::move(*opened), clock, seed, sink);
  if (auto counted = store->count_open(); !counted) return std::move(counted).error();
  return std::unique_ptr<EventStore>(std::move(store));
}

Result<RepairReport> RocksStore::repair(const StoreOptions& options, core::LogSink& sink) {
  auto database = RocksDatabase::open(options, sink);
  if (!database) return std::move(database).error();
  auto erased = go_on_erasing(options, **database);  // else it would keep a copy of half a record
  if (!erased) return std::move(erased).error();
  auto applied = read_applied(**database);
  if (!applied) return std::move(applied).error();
  return repair_log(log_files(options), log_directory(options), applied->position);
}

}  // namespace headrace::store
