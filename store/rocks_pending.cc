// SPDX-License-Identifier: Apache-2.0
// What waits in the store, and its way back into memory.
#include <algorithm>
#include <utility>

#include "store/rocks_event_store.h"

namespace headrace::store {

namespace {

constexpr std::uint32_t kLastNumber = ~std::uint32_t{0};

// A walk over the waiting deliveries of one endpoint.
class PendingWalk {
 public:
  PendingWalk(RocksDatabase& database, EndpointNumber endpoint) : endpoint_(endpoint) {
    const auto number = static_cast<std::uint32_t>(endpoint);
    rocksdb::ReadOptions options;
    if (number != kLastNumber) {
      bound_ = number_prefix(number + 1);
      bound_slice_ = slice(view(bound_));
      options.iterate_upper_bound = &bound_slice_;
    }
    entries_.reset(database.db().NewIterator(options, database.pending()));
  }

  // To the first entry behind (due, message).
  void seek_after(core::WallMs due, MessageId message) {
    const auto key = pending_key({endpoint_, due, message});
    entries_->Seek(slice(view(key)));
    if (entries_->Valid() && entries_->key() == slice(view(key))) entries_->Next();
    read();
  }
  void next() {
    entries_->Next();
    read();
  }
  bool valid() const noexcept { return valid_; }
  const PendingKey& key() const noexcept { return key_; }
  const PendingValue& value() const noexcept { return value_; }
  rocksdb::Status status() const { return entries_->status(); }

 private:
  void read() {
    valid_ = false;
    for (; entries_->Valid(); entries_->Next()) {
      const auto key = decode_pending_key(view(entries_->key()));
      const auto value = decode_pending_value(view(entries_->value()));
      if (!key || !value) continue;
      key_ = *key;
      value_ = *value;
      valid_ = true;
      return;
    }
  }

  const EndpointNumber endpoint_;
  FixedBytes<kNumberPrefixBytes> bound_{};
  rocksdb::Slice bound_slice_;
  std::unique_ptr<rocksdb::Iterator> entries_;
  PendingKey key_;
  PendingValue value_;
  bool valid_ = false;
};

Payload payload_of(const IntakeRecord& record, core::BufferRef buffer) {
  Payload payload;
  payload.buffer = std::move(buffer);
  payload.headers = {0, record.headers_bytes};
  payload.query = {record.headers_bytes, record.query_bytes};
  payload.body = {record.headers_bytes + record.query_bytes, record.body_bytes};
  payload.method = record.method;
  return payload;
}

Delivery delivery_of(const IntakeRecord& record, const PendingKey& key, const PendingValue& value,
                     core::BufferRef buffer) {
  Delivery delivery;
  delivery.payload = payload_of(record, std::move(buffer));
  delivery.message = key.message;
  delivery.received_at = record.received_at;
  delivery.endpoint = key.endpoint;
  delivery.link = link_of(key.message);
  delivery.event = record.event;
  delivery.attempts = value.attempts;
  delivery.attempts_before = value.attempts_before;
  delivery.is_test = record.is_test;
  delivery.order_key = value.order_key;
  delivery.ticket = {value.position, key.due, 0, true, value.attempts_before};
  return delivery;
}

}  // namespace

// One call of load_pending(): its bounds, and what it came to.
class PendingLoader {
 public:
  enum class Taken : std::uint8_t { kYes, kNoRoom, kLost };

  PendingLoader(const RocksDatabase& database, IntakeReader& reader, core::BufferPool& pool,
                std::vector<Delivery>& out, const PendingQuota& quota)
      : database_(database),
        reader_(reader),
        pool_(pool),
        out_(out),
        quota_(quota),
        count_max_(std::min(quota.count_max, quota.retries_max)),
        bytes_max_(retry_bytes_of(quota)) {}

  // From here on ready ones are taken.
  void end_retries() noexcept {
    bytes_max_ = std::max(quota_.bytes_max, bytes_ + quota_.bytes_max - bytes_max_);
    count_max_ = quota_.count_max;
  }

  // kLost: the message cannot be read any more, so there is nothing to deliver.
  Result<Taken> take(const PendingKey& key, const PendingValue& value) {
    if (count_ >= count_max_ || bytes_ >= bytes_max_) return Taken::kNoRoom;
    auto opened = reader_.open(value.position);
    if (opened && reader_.record().message != key.message) return Taken::kLost;
    if (!opened) return lost_or_failed(std::move(opened).error());
    core::BufferRef buffer =
        pool_.acquire(std::max<std::size_t>(1, reader_.record().payload_bytes()));
    if (!buffer) return Taken::kNoRoom;
    if (auto read = reader_.read_payload(buffer.data()); !read) {
      return lost_or_failed(std::move(read).error());
    }
    out_.push_back(delivery_of(reader_.record(), key, value, std::move(buffer)));
    // What was not routed when it came waits by a reopening, which may have given it an event.
    if (reader_.record().status != MessageStatus::kRouted) {
      auto message = read_message_value(database_, key.message);
      if (message && *message) out_.back().event = (*message)->record.event;
    }
    bytes_ += out_.back().payload.buffer.capacity();
    ++count_;
    return Taken::kYes;
  }
  std::size_t count() const noexcept { return count_; }

 private:
  static Result<Taken> lost_or_failed(Error error) {
    const bool lost = error.code == ErrorCode::kCorrupted || error.code == ErrorCode::kNotFound;
    if (lost) return Taken::kLost;
    return error;
  }

  const RocksDatabase& database_;
  IntakeReader& reader_;
  core::BufferPool& pool_;
  std::vector<Delivery>& out_;
  const PendingQuota& quota_;
  std::size_t count_max_;
  std::size_t bytes_max_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

Result<PendingLoad> RocksEventStore::load_pending(EndpointNumber endpoint, PendingCursor& cursor,
                                                  core::WallMs now, const PendingQuota& quota,
                                                  core::BufferPool& pool,
                                                  std::vector<Delivery>& out) {
  PendingWalk walk(*database_, endpoint);
  PendingLoader loader(*database_, reader_, pool, out, quota);
  PendingLoad result;
  // Retries: every due time but 0.
  const bool fresh = cursor.due_after == 0;
  walk.seek_after(fresh ? 1 : cursor.due_after, fresh ? MessageId{} : cursor.due_message);
  for (; walk.valid() && walk.key().due <= now; walk.next()) {
    auto taken = take_pending(loader, walk.key(), walk.value());
    if (!taken) return std::move(taken).error();
    if (!*taken) break;
    cursor.due_after = walk.key().due;
    cursor.due_message = walk.key().message;
  }
  if (walk.valid()) result.next_due = walk.key().due;
  loader.end_retries();
  for (walk.seek_after(0, cursor.ready_after); walk.valid() && walk.key().due == 0; walk.next()) {
    auto taken = take_pending(loader, walk.key(), walk.value());
    if (!taken) return std::move(taken).error();
    if (!*taken) break;
    cursor.ready_after = walk.key().message;
  }
  result.more_ready = walk.valid() && walk.key().due == 0;
  result.count = loader.count();
  if (!walk.status().ok()) return error_of(walk.status());
  return result;
}

// False: no room. A delivery whose message is lost is reported and given up, as it can never be
// made.
Result<bool> RocksEventStore::take_pending(PendingLoader& loader, const PendingKey& key,
                                           const PendingValue& value) {
  auto taken = loader.take(key, value);
  if (!taken) return std::move(taken).error();
  if (*taken != PendingLoader::Taken::kLost) return *taken == PendingLoader::Taken::kYes;
  sink_.write(core::LogLevel::kError, "delivery_lost",
              "a message that waits to be delivered cannot be read from the log",
              {{"message", key.message.to_string()},
               {"endpoint", static_cast<std::int64_t>(key.endpoint)},
               {"position", static_cast<std::int64_t>(value.position)}});
  open_.close(value.position);
  DerivedBatch erasure(*database_, options_.dedupe_window_ms);
  erasure.erase_pending(key);
  if (auto written = erasure.write(); !written) return std::move(written).error();
  return true;
}

Result<std::vector<PendingItem>> RocksEventStore::list_pending(EndpointNumber endpoint,
                                                               core::WallMs after_due,
                                                               MessageId after,
                                                               std::size_t count_max) {
  std::vector<PendingItem> items;
  PendingWalk walk(*database_, endpoint);
  for (walk.seek_after(after_due, after); walk.valid() && items.size() < count_max; walk.next()) {
    const PendingValue& value = walk.value();
    items.push_back({walk.key().due, walk.key().message, value.position, value.attempts,
                     value.attempts_before, value.order_key});
  }
  if (!walk.status().ok()) return error_of(walk.status());
  return items;
}

Result<std::vector<PendingEndpoint>> RocksEventStore::pending_endpoints() {
  std::vector<PendingEndpoint> endpoints;
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->pending()));
  const auto seek = [&](EndpointNumber endpoint, core::WallMs due) {
    entries->Seek(slice(view(pending_key({endpoint, due, MessageId{}}))));
  };
  entries->SeekToFirst();
  while (entries->Valid()) {
    const auto first = decode_pending_key(view(entries->key()));
    if (!first) {
      entries->Next();
      continue;
    }
    PendingEndpoint found{first->endpoint, first->due == 0, std::nullopt};
    if (found.has_ready) seek(first->endpoint, 1);
    const auto retry = entries->Valid() ? decode_pending_key(view(entries->key())) : std::nullopt;
    if (retry && retry->endpoint == found.endpoint) found.next_due = retry->due;
    endpoints.push_back(found);
    const auto number = static_cast<std::uint32_t>(found.endpoint);
    if (number == kLastNumber) break;
    seek(EndpointNumber{number + 1}, 0);
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return endpoints;
}

}  // namespace headrace::store
