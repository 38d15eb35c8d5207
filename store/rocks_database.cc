// SPDX-License-Identifier: Apache-2.0
#include "store/rocks_database.h"

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

#include "store/bytes.h"
#include "store/keys.h"
#include "store/message_ids.h"
#include "store/rocks_tail.h"

namespace headrace::store {

namespace {

constexpr std::size_t kMiB = core::limits::kMiB;

// Sized so that the families fill at about the same time, as a full one has all of them flushed.
constexpr std::size_t kAttemptsBufferBytes = 16 * kMiB;
constexpr std::size_t kOtherBufferBytes = 8 * kMiB;
constexpr std::size_t kSmallBufferBytes = 1 * kMiB;
constexpr std::size_t kBlockCacheBytes = 32 * kMiB;
constexpr std::size_t kInfoLineBytesMax = 512;
constexpr std::uint64_t kResumeEveryUs = 200'000;  // a full disk is tried again so often
constexpr double kBloomBitsPerKey = 10;
constexpr std::size_t kHashPrefixBytes = 8;
constexpr std::size_t kDedupeBuckets = 64 * 1024;  // about as many keys as its buffer holds

// RocksDB's own account of its doings, without a file: when the disk is full, its file logger would
// end the process.
class InfoLog final : public rocksdb::Logger {
 public:
  explicit InfoLog(core::LogSink& sink)
      : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), sink_(sink) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
  }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    std::array<char, kInfoLineBytesMax> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    const bool is_error = level >= rocksdb::InfoLogLevel::ERROR_LEVEL;
    sink_.write(is_error ? core::LogLevel::kError : core::LogLevel::kWarning, "rocksdb",
                line.data(), {});
  }

 private:
  core::LogSink& sink_;
};

using ExpiryView = Expiry::View;
// Whether a row has had its time.
using Gone = bool (*)(const ExpiryView& expiry, std::string_view key, std::string_view value);

bool is_old_message(const ExpiryView& expiry, std::string_view key, std::string_view) {
  const auto id = decode_message_key(key);
  return id && !expiry.keeps(*id);
}

bool is_old_attempt(const ExpiryView& expiry, std::string_view key, std::string_view) {
  const auto id = decode_attempt_message(key);
  return id && !expiry.keeps(*id);
}

bool is_old_dead(const ExpiryView& expiry, std::string_view key, std::string_view) {
  const auto id = decode_dead_message(key);
  return id && !expiry.keeps(*id);
}

bool is_old_dedupe(const ExpiryView& expiry, std::string_view, std::string_view value) {
  const auto entry = decode_dedupe_value(value);
  return entry && entry->expires_at <= expiry.now();
}

// Of one compaction, which asks about every row: so all of it sees the same moment.
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  ExpiryFilter(const char* name, Gone gone, ExpiryView expiry)
      : name_(name), gone_(gone), expiry_(std::move(expiry)) {}
  const char* Name() const override { return name_; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    return gone_(expiry_, view(key), view(value));
  }

 private:
  const char* const name_;
  const Gone gone_;
  const ExpiryView expiry_;
};

class ExpiryFilters final : public rocksdb::CompactionFilterFactory {
 public:
  ExpiryFilters(const char* name, Gone gone, const Expiry& expiry)
      : name_(name), gone_(gone), expiry_(expiry) {}
  const char* Name() const override { return name_; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<ExpiryFilter>(name_, gone_, expiry_.view());
  }

 private:
  const char* const name_;
  const Gone gone_;
  const Expiry& expiry_;
};

std::uint32_t number_of(std::string_view key) noexcept {
  return BigReader{key.data()}.get<std::uint32_t>();
}

// Whether all rows between two keys of `messages` are old. Rows of a link lie in order of time; of
// the links in between nothing is known but how long they are kept.
bool are_old_messages(const ExpiryView& expiry, std::string_view first, std::string_view last) {
  const auto from = decode_message_key(first);
  const auto to = decode_message_key(last);
  if (!from || !to) return false;
  return link_of(*from) == link_of(*to) && !expiry.keeps(*to);
}

// The same of `attempts` and `dead`: rows of an endpoint lie in order of time, whatever their links
// are.
template <auto Decode>
bool are_old_rows(const ExpiryView& expiry, std::string_view first, std::string_view last) {
  const auto to = Decode(last);
  if (!to || first.size() != last.size()) return false;
  return number_of(first) == number_of(last) && !expiry.may_keep(accepted_at(*to));
}

rocksdb::BlockBasedTableOptions table_options() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  table.cache_index_and_filter_blocks = true;  // so that the cache bounds them too
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  return table;
}

rocksdb::DBOptions db_options(const StoreOptions& options,
                              const std::shared_ptr<rocksdb::Logger>& logger) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.atomic_flush = true;
  db.avoid_flush_during_shutdown = true;  // checkpoint() flushes; without it the log is replayed
  // A torn end of its log is a power cut, anything else there is damage and must not pass silently.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.allow_concurrent_memtable_write = false;  // one thread writes
  db.enable_write_thread_adaptive_yield = false;
  db.max_background_jobs = 2;
  db.max_open_files = 256;
  db.bytes_per_sync = kMiB;
  db.bgerror_resume_retry_interval = kResumeEveryUs;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.info_log = logger;
  if (options.rocks_env_for_test != nullptr) {
    db.env = static_cast<rocksdb::Env*>(options.rocks_env_for_test);
  }
  return db;
}

rocksdb::ColumnFamilyOptions family_options(const rocksdb::BlockBasedTableOptions& table,
                                            std::size_t buffer_bytes) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = buffer_bytes;
  family.compression = rocksdb::kNoCompression;  // the values are tiny
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

}  // namespace

class DatabaseListener final : public rocksdb::EventListener {
 public:
  void set(std::function<void()> hook) {
    const std::lock_guard lock(mutex_);
    hook_ = std::move(hook);
  }
  void OnFlushBegin(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    const std::lock_guard lock(mutex_);
    if (hook_) hook_();
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    failing_.store(!error->ok(), std::memory_order_release);
  }
  // Left to itself RocksDB looks for room every five seconds, and is busy meanwhile.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override {
    failing_.store(!info.new_bg_error.ok(), std::memory_order_release);
  }
  void recovered() noexcept { failing_.store(false, std::memory_order_release); }
  bool failing() const noexcept { return failing_.load(std::memory_order_acquire); }

 private:
  std::mutex mutex_;  // a hook that was taken away is not running any more
  std::function<void()> hook_;
  std::atomic<bool> failing_{false};
};

Error error_of(const rocksdb::Status& status) {
  ErrorCode code = ErrorCode::kStorageFailed;
  if (status.IsNoSpace()) code = ErrorCode::kStorageFull;
  if (status.IsNotFound()) code = ErrorCode::kNotFound;
  if (status.IsCorruption()) code = ErrorCode::kCorrupted;
  return Error{code, "RocksDB: " + status.ToString(), 0};
}

RocksDatabase::RocksDatabase(std::uint64_t retention_ms, core::LogSink& log)
    : expiry_(retention_ms),
      logger_(std::make_shared<InfoLog>(log)),
      listener_(std::make_shared<DatabaseListener>()) {}

Result<std::unique_ptr<RocksDatabase>> RocksDatabase::open(const StoreOptions& options,
                                                           core::LogSink& log) {
  std::unique_ptr<RocksDatabase> database(new RocksDatabase(options.retention_ms, log));
  if (auto opened = database->open_families(options, log); !opened)
    return std::move(opened).error();
  return database;
}

Result<void> RocksDatabase::open_families(const StoreOptions& options, core::LogSink& log) {
  rocksdb::BlockBasedTableOptions table = table_options();
  const auto plain = [&](std::size_t bytes) { return family_options(table, bytes); };
  const auto filters = [this](const char* name, Gone gone) {
    return std::make_shared<ExpiryFilters>(name, gone, expiry_);
  };
  const auto small = plain(kSmallBufferBytes);
  // Keys grow within a link or an endpoint, so an insertion begins where the one before it ended.
  const std::shared_ptr<const rocksdb::SliceTransform> by_number(
      rocksdb::NewFixedPrefixTransform(kNumberPrefixBytes));
  const std::shared_ptr<const rocksdb::SliceTransform> by_hash(
      rocksdb::NewFixedPrefixTransform(kHashPrefixBytes));
  auto pending = plain(kOtherBufferBytes);
  auto attempts = plain(kAttemptsBufferBytes);
  attempts.memtable_insert_with_hint_prefix_extractor = by_number;
  attempts.compaction_filter_factory = filters("headrace.attempts", &is_old_attempt);
  auto dead = plain(kOtherBufferBytes);
  dead.compaction_filter_factory = filters("headrace.dead", &is_old_dead);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  auto messages = plain(kOtherBufferBytes);
  messages.compaction_filter_factory = filters("headrace.messages", &is_old_message);
  messages.memtable_insert_with_hint_prefix_extractor = by_number;
  auto dedupe = plain(kOtherBufferBytes);
  dedupe.compaction_filter_factory = filters("headrace.dedupe", &is_old_dedupe);
  dedupe.memtable_prefix_bloom_size_ratio = 0.1;  // nearly every look-up finds nothing
  dedupe.memtable_whole_key_filtering = true;
  // Its keys are hashes, which find their place among others by a hash as well: in a list that is
  // sorted, each would cost a walk through cold memory.
  dedupe.prefix_extractor = by_hash;
  dedupe.memtable_factory.reset(rocksdb::NewHashLinkListRepFactory(kDedupeBuckets, 0, 0, false));
  const std::vector<rocksdb::ColumnFamilyDescriptor> descriptors = {
      {rocksdb::kDefaultColumnFamilyName, small},
      {"registry", small},
      {"messages", messages},
      {"pending", pending},
      {"attempts", attempts},
      {"dedupe", dedupe},
      {"dead", dead}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::DBOptions database_options = db_options(options, logger_);
  database_options.listeners.push_back(listener_);
  const std::string directory = options.directory + "/db";
  const auto try_open = [&] {
    return rocksdb::DB::Open(database_options, directory, descriptors, &handles, &db);
  };
  auto status = try_open();
  if (status.IsCorruption()) {
    FileSystem& files = log_files(options);
    auto cut = cut_torn_tail(files, directory);
    if (!cut) return std::move(cut).error();
    if (!*cut) return error_of(status);
    // What is left must be our database: its families are not made anew.
    database_options.create_if_missing = database_options.create_missing_column_families = false;
    if (!try_open().ok()) {
      if (auto undone = put_back(files, **cut); !undone) return std::move(undone).error();
      return error_of(status);
    }
    log.write(core::LogLevel::kWarning, "rocksdb_tail_cut",
              "the last write to a log of RocksDB was torn by a power cut and is forgotten",
              {{"file", (*cut)->path}, {"bytes", static_cast<std::int64_t>((*cut)->tail.size())}});
    status = rocksdb::Status::OK();
  }
  if (!status.ok()) return error_of(status);
  db_.reset(db);
  std::copy(handles.begin(), handles.end(), families_.begin());
  return {};
}

void RocksDatabase::set_before_flush(std::function<void()> hook) {
  listener_->set(std::move(hook));
}

void RocksDatabase::stop_background() noexcept {
  rocksdb::CancelAllBackgroundWork(db_.get(), true);
}

RocksDatabase::~RocksDatabase() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    (void)db_->DestroyColumnFamilyHandle(family);
  }
  (void)db_->Close();
}

Result<void> RocksDatabase::write_derived(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  // A write that finds the memtables full waits for a flush; while flushes fail, that may be for
  // ever.
  options.no_slowdown = listener_->failing();
  const auto status = db_->Write(options, &batch);
  if (status.IsIncomplete()) {
    return Error{ErrorCode::kStorageFull, "RocksDB cannot write its tables to the disk", 0};
  }
  if (!status.ok()) return error_of(status);
  return {};
}

Result<void> RocksDatabase::write_synced(rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto status = db_->Write(options, &batch);
  if (!status.ok()) return error_of(status);
  return {};
}

Result<void> RocksDatabase::flush(bool wait) {
  rocksdb::FlushOptions options;
  options.wait = wait;
  options.allow_write_stall = true;
  const auto status = db_->Flush(options, {families_.begin(), families_.end()});
  if (!status.ok()) return error_of(status);
  return {};
}

Result<void> RocksDatabase::drop_expired_files() {
  const Expiry::View expiry = expiry_.view();
  if (auto done = drop_files(messages(), &are_old_messages, expiry); !done) return done;
  auto done = drop_files(attempts(), &are_old_rows<decode_attempt_message>, expiry);
  if (!done) return done;
  return drop_files(dead(), &are_old_rows<decode_dead_message>, expiry);
}

Result<void> RocksDatabase::drop_files(rocksdb::ColumnFamilyHandle* family, OldRange old,
                                       const Expiry::View& expiry) {
  rocksdb::ColumnFamilyMetaData all;
  db_->GetColumnFamilyMetaData(family, &all);
  std::vector<std::pair<std::string, std::string>> keys;
  for (const rocksdb::LevelMetaData& level : all.levels) {
    if (level.level == 0) continue;  // where files lie above one another, none is dropped
    for (const rocksdb::SstFileMetaData& file : level.files) {
      if (old(expiry, file.smallestkey, file.largestkey)) {
        keys.emplace_back(file.smallestkey, file.largestkey);
      }
    }
  }
  if (keys.empty()) return {};
  std::vector<rocksdb::Slice> bounds;
  bounds.reserve(keys.size() * 2);
  std::vector<rocksdb::RangePtr> ranges;
  for (const auto& [smallest, largest] : keys) {
    bounds.emplace_back(smallest);
    bounds.emplace_back(largest);
    ranges.emplace_back(&bounds[bounds.size() - 2], &bounds.back());
  }
  const auto status = rocksdb::DeleteFilesInRanges(db_.get(), family, ranges.data(), ranges.size());
  if (!status.ok()) return error_of(status);
  return {};
}

std::uint64_t RocksDatabase::file_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    std::uint64_t part = 0;
    if (db_->GetIntProperty(family, rocksdb::DB::Properties::kTotalSstFilesSize, &part)) {
      bytes += part;
    }
  }
  return bytes;
}

void RocksDatabase::resume() noexcept {
  if (db_->Resume().ok()) listener_->recovered();
}

}  // namespace headrace::store
