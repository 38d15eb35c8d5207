// SPDX-License-Identifier: Apache-2.0
#include "tests/store/memory_rocks.h"

#include <rocksdb/env.h>

namespace headrace::store {

struct MemoryRocks::Parts {
  std::unique_ptr<rocksdb::Env> env{rocksdb::NewMemEnv(rocksdb::Env::Default())};
};

MemoryRocks::MemoryRocks() : parts_(std::make_unique<Parts>()) {}
MemoryRocks::~MemoryRocks() = default;
void* MemoryRocks::env() noexcept { return parts_->env.get(); }

}  // namespace headrace::store
