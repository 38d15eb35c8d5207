// SPDX-License-Identifier: Apache-2.0
// How a store is opened.
#pragma once

#include <cstdint>
#include <string>

#include "core/limits.h"

namespace headrace::store {

class FileSystem;

enum class Durability : std::uint8_t {
  kFsync,  // an accepted message survives a power cut
  kOs,     // it survives a crash of the process; the kernel writes it to the disk when it likes
};

struct StoreOptions {
  std::string directory;
  Durability durability = Durability::kFsync;
  std::uint64_t retention_ms =  // of links that EventStore::set_retention() does not name
      std::uint64_t{30} * 24 * 3600 * 1000;
  std::uint64_t dedupe_window_ms = std::uint64_t{24} * 3600 * 1000;
  // New messages are refused with kFull while less than this is free on the file system, or while
  // the store takes more than its budget. 0: none.
  std::uint64_t disk_reserve_bytes = core::limits::kDiskReserveBytes;
  std::uint64_t disk_budget_bytes = 0;
  std::uint64_t segment_bytes = core::limits::kSegmentBytes;
  std::uint64_t replay_bytes_max = core::limits::kReplayBytesMax;
  FileSystem* log_files = nullptr;  // where the message log lives; null: the system's files
  // What RocksDB lives on, a rocksdb::Env; null: the system's. For tests that stay in memory: its
  // files are those of `log_files`.
  void* rocks_env_for_test = nullptr;
};

// The files that it lives on.
FileSystem& log_files(const StoreOptions& options) noexcept;

}  // namespace headrace::store
