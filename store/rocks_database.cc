// SPDX-License-Identifier: Apache-2.0
#include "store/rocks_database.h"

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <utility>

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

// Drops what `Gone`, asked with key and value, says has had its time.
template <class Gone>
class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  ExpiryFilter(const char* name, Gone gone) : name_(name), gone_(std::move(gone)) {}
  const char* Name() const override { return name_; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*,
              bool*) const override {
    return gone_(view(key), view(value));
  }

 private:
  const char* const name_;
  const Gone gone_;
};

template <class Gone>
std::unique_ptr<rocksdb::CompactionFilter> make_filter(const char* name, Gone gone) {
  return std::make_unique<ExpiryFilter<Gone>>(name, std::move(gone));
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

RocksDatabase::RocksDatabase(core::LogSink& log)
    : logger_(std::make_shared<InfoLog>(log)), listener_(std::make_shared<DatabaseListener>()) {
  const Expiry& expiry = expiry_;
  message_filter_ = make_filter("headrace.messages", [&expiry](std::string_view key, auto) {
    const auto id = decode_message_key(key);
    return id && accepted_at(*id) < expiry.messages_from.load(std::memory_order_relaxed);
  });
  attempt_filter_ = make_filter("headrace.attempts", [&expiry](std::string_view key, auto) {
    const auto id = decode_attempt_message(key);
    return id && accepted_at(*id) < expiry.messages_from.load(std::memory_order_relaxed);
  });
  dead_filter_ = make_filter("headrace.dead", [&expiry](std::string_view key, auto) {
    const auto id = decode_dead_message(key);
    return id && accepted_at(*id) < expiry.messages_from.load(std::memory_order_relaxed);
  });
  dedupe_filter_ = make_filter("headrace.dedupe", [&expiry](auto, std::string_view value) {
    const auto entry = decode_dedupe_value(value);
    return entry && entry->expires_at <= expiry.now.load(std::memory_order_relaxed);
  });
}

Result<std::unique_ptr<RocksDatabase>> RocksDatabase::open(const StoreOptions& options,
                                                           core::LogSink& log) {
  std::unique_ptr<RocksDatabase> database(new RocksDatabase(log));
  if (auto opened = database->open_families(options, log); !opened)
    return std::move(opened).error();
  return database;
}

Result<void> RocksDatabase::open_families(const StoreOptions& options, core::LogSink& log) {
  rocksdb::BlockBasedTableOptions table = table_options();
  const auto plain = [&](std::size_t bytes) { return family_options(table, bytes); };
  const auto small = plain(kSmallBufferBytes);
  // Keys grow within a link or an endpoint, so an insertion begins where the one before it ended.
  const std::shared_ptr<const rocksdb::SliceTransform> by_number(
      rocksdb::NewFixedPrefixTransform(kNumberPrefixBytes));
  auto pending = plain(kOtherBufferBytes);
  auto attempts = plain(kAttemptsBufferBytes);
  attempts.memtable_insert_with_hint_prefix_extractor = by_number;
  attempts.compaction_filter = attempt_filter_.get();
  auto dead = plain(kOtherBufferBytes);
  dead.compaction_filter = dead_filter_.get();
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  auto messages = plain(kOtherBufferBytes);
  messages.compaction_filter = message_filter_.get();
  messages.memtable_insert_with_hint_prefix_extractor = by_number;
  auto dedupe = plain(kOtherBufferBytes);
  dedupe.compaction_filter = dedupe_filter_.get();
  dedupe.memtable_prefix_bloom_size_ratio = 0.1;  // nearly every look-up finds nothing
  dedupe.memtable_whole_key_filtering = true;
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

void RocksDatabase::resume() noexcept {
  if (db_->Resume().ok()) listener_->recovered();
}

}  // namespace headrace::store
