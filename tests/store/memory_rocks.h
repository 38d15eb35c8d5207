// SPDX-License-Identifier: Apache-2.0
// What RocksDB lives on, in memory, for tests that do not look into RocksDB.
//
// It keeps all that RocksDB wrote to it, also over a power cut: the message log is what forgets.
#pragma once

#include <memory>

namespace headrace::store {

class MemoryRocks {
 public:
  MemoryRocks();
  ~MemoryRocks();
  MemoryRocks(const MemoryRocks&) = delete;
  MemoryRocks& operator=(const MemoryRocks&) = delete;

  // For StoreOptions::rocks_env_for_test; must outlive the store.
  void* env() noexcept;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace headrace::store
