// SPDX-License-Identifier: Apache-2.0
#include "store/erasure.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "store/bytes.h"

namespace headrace::store {

namespace {

constexpr std::string_view kKeyPrefix = "erasure/";
constexpr std::uint8_t kVersion = 1;  // frozen, as every value's
constexpr std::size_t kHeadBytes = 1 + 2 * sizeof(Bits128) + 2 * sizeof(std::uint32_t);
constexpr std::size_t kRecordBytes = 2 * sizeof(std::uint64_t) + sizeof(std::uint32_t);
constexpr std::size_t kTargetBytes = sizeof(std::uint32_t) + 1;
// Attempts at so many endpoints are compacted each for itself, at more in one piece.
constexpr std::size_t kRangesMax = 8;
constexpr std::uint16_t kLastAttempt = std::numeric_limits<std::uint16_t>::max();

// Of one delivery: its attempts, what waits of it, and its place among the dead.
Result<void> remove_delivery(RocksDatabase& database, const Erasure::Target& target,
                             MessageId message, DerivedBatch& batch) {
  const EndpointNumber endpoint = target.endpoint;
  std::set<core::WallMs> dues = {0, target.due};
  const std::unique_ptr<rocksdb::Iterator> entries(
      database.db().NewIterator(rocksdb::ReadOptions(), database.attempts()));
  for (entries->Seek(slice(view(attempt_key(endpoint, message, 0)))); entries->Valid();
       entries->Next()) {
    const auto record = decode_attempt(view(entries->key()), view(entries->value()));
    if (!record || record->endpoint != endpoint || record->message != message) break;
    batch.erase_attempt(endpoint, message, record->attempt);
    if (record->verdict == Verdict::kRetry) dues.insert(std::max<core::WallMs>(record->next_at, 1));
  }
  if (!entries->status().ok()) return error_of(entries->status());
  for (const core::WallMs due : dues) batch.erase_pending({endpoint, due, message});
  batch.erase_dead(endpoint, message);
  return {};
}

// A later message may have come under the same key since.
Result<void> remove_dedupe(RocksDatabase& database, const Erasure& erasure, DerivedBatch& batch) {
  if (erasure.dedupe_key == Bits128{}) return {};
  const auto key = dedupe_key(erasure.dedupe_key);
  rocksdb::PinnableSlice value;
  const auto status =
      database.db().Get(rocksdb::ReadOptions(), database.dedupe(), slice(view(key)), &value);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return error_of(status);
  const auto seen = decode_dedupe_value(view(value));
  if (seen && seen->message == erasure.message) batch.erase_dedupe(erasure.dedupe_key);
  return {};
}

Result<void> compact(RocksDatabase& database, EndpointNumber first, MessageId from,
                     EndpointNumber last, MessageId to) {
  const auto begin = attempt_key(first, from, 0);
  const auto end = attempt_key(last, to, kLastAttempt);
  const rocksdb::Slice begin_slice = slice(view(begin));
  const rocksdb::Slice end_slice = slice(view(end));
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.allow_write_stall = true;
  // The deepest level, too, else the rows stay there below what deletes them.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  const auto status =
      database.db().CompactRange(options, database.attempts(), &begin_slice, &end_slice);
  if (!status.ok()) return error_of(status);
  return {};
}

Result<void> compact_attempts(RocksDatabase& database, std::span<const Erasure> erasures) {
  std::map<EndpointNumber, std::pair<MessageId, MessageId>> ranges;
  for (const Erasure& erasure : erasures) {
    for (const Erasure::Target& target : erasure.targets) {
      if (!target.attempted) continue;
      auto& range =
          ranges.try_emplace(target.endpoint, erasure.message, erasure.message).first->second;
      range.first = std::min(range.first, erasure.message);
      range.second = std::max(range.second, erasure.message);
    }
  }
  if (ranges.empty()) return {};
  if (ranges.size() > kRangesMax) {
    return compact(database, ranges.begin()->first, ranges.begin()->second.first,
                   ranges.rbegin()->first, ranges.rbegin()->second.second);
  }
  for (const auto& [endpoint, range] : ranges) {
    auto done = compact(database, endpoint, range.first, endpoint, range.second);
    if (!done) return done;
  }
  return {};
}

}  // namespace

std::string erasure_key(const Erasure& erasure) {
  return fmt::format("{}{:016x}", kKeyPrefix,
                     static_cast<std::uint64_t>(erasure.records.front().position));
}

std::string encode_erasure(const Erasure& erasure) {
  std::string value(
      kHeadBytes + erasure.records.size() * kRecordBytes + erasure.targets.size() * kTargetBytes,
      '\0');
  BigWriter out{value.data()};
  out.put(kVersion);
  out.put_id(erasure.message.bits);
  out.put_id(erasure.dedupe_key);
  out.put(static_cast<std::uint32_t>(erasure.records.size()));
  out.put(static_cast<std::uint32_t>(erasure.targets.size()));
  for (const ErasedRecord& record : erasure.records) {
    out.put(static_cast<std::uint64_t>(record.position));
    out.put(record.length);
    out.put(static_cast<std::uint64_t>(record.synced_through));
  }
  for (const Erasure::Target& target : erasure.targets) {
    out.put(static_cast<std::uint32_t>(target.endpoint));
    out.put(static_cast<std::uint8_t>(target.attempted));
  }
  return value;
}

std::optional<Erasure> decode_erasure(std::string_view value) {
  if (value.size() < kHeadBytes || static_cast<std::uint8_t>(value.front()) != kVersion) {
    return std::nullopt;
  }
  BigReader in{value.data() + 1};
  Erasure erasure;
  erasure.message.bits = in.get_id();
  erasure.dedupe_key = in.get_id();
  const std::size_t records = in.get<std::uint32_t>();
  const std::size_t targets = in.get<std::uint32_t>();
  if (records == 0 ||
      value.size() != kHeadBytes + records * kRecordBytes + targets * kTargetBytes) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < records; ++i) {
    ErasedRecord record;
    record.position = LogPosition{in.get<std::uint64_t>()};
    record.length = in.get<std::uint32_t>();
    record.synced_through = LogPosition{in.get<std::uint64_t>()};
    erasure.records.push_back(record);
  }
  for (std::size_t i = 0; i < targets; ++i) {
    const EndpointNumber endpoint{in.get<std::uint32_t>()};
    erasure.targets.push_back({endpoint, in.get<std::uint8_t>() != 0});
  }
  return erasure;
}

Result<std::vector<Erasure>> read_erasures(RocksDatabase& database) {
  std::vector<Erasure> erasures;
  const std::unique_ptr<rocksdb::Iterator> entries(
      database.db().NewIterator(rocksdb::ReadOptions(), database.registry()));
  for (entries->Seek(slice(kKeyPrefix)); entries->Valid(); entries->Next()) {
    if (!entries->key().starts_with(slice(kKeyPrefix))) break;
    auto erasure = decode_erasure(view(entries->value()));
    if (!erasure) return Error{ErrorCode::kCorrupted, "an erasure that was begun is unreadable", 0};
    erasures.push_back(std::move(*erasure));
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return erasures;
}

Result<void> remove_rows(RocksDatabase& database, const Erasure& erasure, DerivedBatch& batch) {
  for (const Erasure::Target& target : erasure.targets) {
    auto removed = remove_delivery(database, target, erasure.message, batch);
    if (!removed) return removed;
  }
  if (auto removed = remove_dedupe(database, erasure, batch); !removed) return removed;
  batch.erase_message(erasure.message);
  return {};
}

Result<void> remove_waiting(RocksDatabase& database, std::span<const Erasure> erasures,
                            DerivedBatch& batch) {
  if (erasures.empty()) return {};
  std::set<MessageId> messages;
  for (const Erasure& erasure : erasures) messages.insert(erasure.message);
  const std::unique_ptr<rocksdb::Iterator> entries(
      database.db().NewIterator(rocksdb::ReadOptions(), database.pending()));
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    const auto key = decode_pending_key(view(entries->key()));
    if (key && messages.contains(key->message)) batch.erase_pending(*key);
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return {};
}

Result<void> finish(RocksDatabase& database, std::span<const Erasure> erasures) {
  if (erasures.empty()) return {};
  if (auto flushed = database.flush(true); !flushed) return flushed;
  if (auto compacted = compact_attempts(database, erasures); !compacted) return compacted;
  rocksdb::WriteBatch batch;
  for (const Erasure& erasure : erasures) {
    batch.Delete(database.registry(), slice(erasure_key(erasure)));
  }
  return database.write_synced(batch);
}

}  // namespace headrace::store
