// SPDX-License-Identifier: Apache-2.0
// What is to be erased, written down before anything is touched: a definition `erasure/POSITION` in
// the registry family. Internal to store/.
//
// Steps: the definition, synced; the rows go and the records in the log become gaps, synced; the
// files of RocksDB that hold captured responses are rewritten; the definition goes. Whatever was
// not done when the process ended is done again when the store is opened, before the log is
// replayed. Every step may be repeated.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/derived_batch.h"
#include "store/log_erasure.h"
#include "store/rocks_database.h"

namespace headrace::store {

struct Erasure {
  struct Target {
    EndpointNumber endpoint{};
    bool attempted = false;  // there are attempts, whose responses RocksDB's files hold
    core::WallMs due = 0;    // of a delivery opened again; not written down
  };

  MessageId message;
  Bits128 dedupe_key;
  std::vector<ErasedRecord> records;  // the first is the message's own
  std::vector<Target> targets;
};

std::string erasure_key(const Erasure& erasure);
std::string encode_erasure(const Erasure& erasure);
std::optional<Erasure> decode_erasure(std::string_view value);

// All that were begun and not finished. kCorrupted when one of them cannot be read.
Result<std::vector<Erasure>> read_erasures(RocksDatabase& database);

// Has `batch` take all rows of the message out.
Result<void> remove_rows(RocksDatabase& database, const Erasure& erasure, DerivedBatch& batch);
// Has it take out what waits of the messages, at whatever time: a walk over all that waits.
Result<void> remove_waiting(RocksDatabase& database, std::span<const Erasure> erasures,
                            DerivedBatch& batch);

// Rewrites what RocksDB's files still hold, then forgets the definitions. Requires: rows and
// records are gone. Any thread.
Result<void> finish(RocksDatabase& database, std::span<const Erasure> erasures);

}  // namespace headrace::store
