// SPDX-License-Identifier: Apache-2.0
// Overwrites records of the message log where they are.
//
// What was erased is a gap of the same length whose bytes are zero, so every other record keeps its
// place. The gap vouches for what the record vouched for (`synced_through`), so that damage before
// it is still told from a torn end. A record that is half overwritten is no record: whoever erases
// has it on the disk what he is about to erase, and does it again before anything is replayed.
//
// Pure but for the files. Threads: none of its own; nobody appends meanwhile.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "store/file.h"
#include "store/types.h"

namespace headrace::store {

struct ErasedRecord {
  LogPosition position{};
  std::uint32_t length = 0;      // of the whole record, as its frame says, without padding
  LogPosition synced_through{};  // as its frame says
};

// On success all of them are gaps, on the disk. What is in a segment that is gone, or behind the
// end of its file, needs none. kStorageFull, kStorageFailed; then some may be half overwritten.
Result<void> erase_records(FileSystem& files, const std::string& directory,
                           std::span<const ErasedRecord> records);

}  // namespace headrace::store
