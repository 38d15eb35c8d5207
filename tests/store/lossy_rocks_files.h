// SPDX-License-Identifier: Apache-2.0
// RocksDB's files on a FaultyFileSystem: what it does not sync can be lost, torn or left out by the
// same power cut that the message log on that disk suffers, and every fault of the disk is its too.
//
// Locks are of one process: they go with this object's users, not with the power.
// Threads: any.
#pragma once

#include <memory>

#include "tests/support/faulty_file_system.h"

namespace headrace::testing {

class LossyRocksFiles {
 public:
  explicit LossyRocksFiles(FaultyFileSystem& disk);
  ~LossyRocksFiles();
  LossyRocksFiles(const LossyRocksFiles&) = delete;
  LossyRocksFiles& operator=(const LossyRocksFiles&) = delete;

  // For StoreOptions::rocks_env_for_test: a rocksdb::Env whose threads are the process's own.
  void* env() const noexcept;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace headrace::testing
