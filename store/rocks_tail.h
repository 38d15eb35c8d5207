// SPDX-License-Identifier: Apache-2.0
// Tells the torn end of RocksDB's own logs from damage: of its WAL, where the registry is, and of
// its manifest.
//
// RocksDB takes an end that is cut off for a power cut, but refuses to open when the disk kept a
// later block of the last write and not an earlier one. The rule is the message log's: a log ends
// at its first invalid record, unless an intact one begins behind it. As every write to the WAL is
// one record, synced before the next one begins, such a record proves that the invalid one had been
// synced; then it is damage, and nothing is changed. A write to the manifest may be several
// records, so there all that lies within one write of the end may be torn.
//
// Limits: rot in the very last write looks like a torn one. Requires: nobody has the database open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "headrace/result.h"
#include "store/file.h"

namespace headrace::store {

// What a WAL holds.
struct WalScan {
  std::size_t intact_bytes = 0;  // up to the end of the last record that counts
  bool is_torn = false;          // something that is no record lies behind
  bool is_damaged = false;       // and an intact record behind that
};

// Pure. `bytes`: a whole file, as RocksDB 7 writes it (blocks of 32 KiB, no recycled files).
WalScan scan_wal(std::string_view bytes);

// An end that was cut off.
struct TailCut {
  std::string path;
  std::string tail;
  std::uint64_t offset = 0;
};

// Cuts a torn end off the WAL, or else off the manifest. Nothing: none was torn.
Result<std::optional<TailCut>> cut_torn_tail(FileSystem& files, const std::string& directory);
// Puts it back, as what is left makes no database.
Result<void> put_back(FileSystem& files, const TailCut& cut);

}  // namespace headrace::store
