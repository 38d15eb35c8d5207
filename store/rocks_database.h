// SPDX-License-Identifier: Apache-2.0
// RocksDB as we open it: its families, its options, and its statuses as our errors. Internal to
// store/.
//
// What is derived from the log is written without RocksDB's own log and flushed atomically over all
// families, so any state that RocksDB comes back with is one that the families had together, and
// the applied position in `meta` says which. The registry, which no log can restore, goes through
// RocksDB's log, synced.
#pragma once

#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "core/log.h"
#include "headrace/result.h"
#include "store/retention.h"
#include "store/store_options.h"

namespace headrace::store {

inline rocksdb::Slice slice(std::string_view bytes) noexcept {
  return {bytes.data(), bytes.size()};
}
inline std::string_view view(const rocksdb::Slice& bytes) noexcept {
  return {bytes.data(), bytes.size()};
}

// Requires: !status.ok().
Error error_of(const rocksdb::Status& status);

class DatabaseListener;

class RocksDatabase {
 public:
  // `options.directory` must exist. kStorageFull, kStorageFailed, kCorrupted, kUnsupported.
  static Result<std::unique_ptr<RocksDatabase>> open(const StoreOptions& options,
                                                     core::LogSink& log);
  ~RocksDatabase();
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;

  rocksdb::DB& db() const noexcept { return *db_; }
  rocksdb::ColumnFamilyHandle* meta() const noexcept { return families_[0]; }
  rocksdb::ColumnFamilyHandle* registry() const noexcept { return families_[1]; }
  rocksdb::ColumnFamilyHandle* messages() const noexcept { return families_[2]; }
  rocksdb::ColumnFamilyHandle* pending() const noexcept { return families_[3]; }
  rocksdb::ColumnFamilyHandle* attempts() const noexcept { return families_[4]; }
  rocksdb::ColumnFamilyHandle* dedupe() const noexcept { return families_[5]; }
  rocksdb::ColumnFamilyHandle* dead() const noexcept { return families_[6]; }
  // What time has made of no use: dropped by compactions, hidden from readers. Any thread.
  Expiry& expiry() noexcept { return expiry_; }
  const Expiry& expiry() const noexcept { return expiry_; }

  // Has `hook` called on RocksDB's thread before each flush makes anything durable; null: nothing
  // is called any more.
  void set_before_flush(std::function<void()> hook);

  // Ends flushes and compactions, and waits for those that are under way. Before the hook goes: a
  // flush that begins without it makes durable what the log can still forget. Nothing is written
  // after it.
  void stop_background() noexcept;

  // Writes what the log can restore. Not durable before the next flush.
  Result<void> write_derived(rocksdb::WriteBatch& batch);
  // Writes what nothing else can restore; durable on success.
  Result<void> write_synced(rocksdb::WriteBatch& batch);
  // Makes all derived writes durable, together. `wait` false: soon.
  Result<void> flush(bool wait);
  // Drops whole files of messages, attempts and dead deliveries that have all had their time,
  // without a look into them: at most one removal a file, however many rows it has. What lies in
  // files with others goes when those are compacted.
  Result<void> drop_expired_files();
  // What its files take on the disk.
  std::uint64_t file_bytes() const noexcept;
  // After a failed write: tries to leave the state in which RocksDB refuses all of them.
  void resume() noexcept;

 private:
  static constexpr std::size_t kFamilies = 7;

  using OldRange = bool (*)(const Expiry::View&, std::string_view first, std::string_view last);

  RocksDatabase(std::uint64_t retention_ms, core::LogSink& log);
  Result<void> drop_files(rocksdb::ColumnFamilyHandle* family, OldRange old,
                          const Expiry::View& expiry);
  Result<void> open_families(const StoreOptions& options, core::LogSink& log);

  Expiry expiry_;  // it and the logger must outlive the database
  std::shared_ptr<rocksdb::Logger> logger_;
  std::shared_ptr<DatabaseListener> listener_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families_{};
};

}  // namespace headrace::store
