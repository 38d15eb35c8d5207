// SPDX-License-Identifier: Apache-2.0
// The EventStore of a single machine: the message log and the RocksDB families that are derived
// from it.
//
// In `directory`: log/ (segments) and db/ (RocksDB). One process at a time; the second open fails.
#pragma once

#include <cstdint>
#include <memory>

#include "core/clock.h"
#include "core/log.h"
#include "store/event_store.h"
#include "store/log_recovery.h"
#include "store/store_options.h"

namespace headrace::store {

class RocksStore {
 public:
  // Opens or makes the store, and replays what RocksDB has not seen. Whatever was open is then
  // waiting, for pending_endpoints() and load_pending(). `seed` must be unpredictable
  // (core::random_seed()). `clock` and `log` must outlive the store. kCorrupted: see repair();
  // kStorageFull, kStorageFailed, kUnsupported.
  static Result<std::unique_ptr<EventStore>> open(const StoreOptions& options,
                                                  const core::Clock& clock, std::uint64_t seed,
                                                  core::LogSink& log);

  // Cuts out what keeps the store from opening and says what is lost. The store must not be open.
  static Result<RepairReport> repair(const StoreOptions& options, core::LogSink& log);
};

}  // namespace headrace::store
