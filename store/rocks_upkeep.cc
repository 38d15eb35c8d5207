// SPDX-License-Identifier: Apache-2.0
// What the store gives up: by age, by request, and new messages for want of room.
#include <algorithm>
#include <optional>
#include <utility>

#include "core/check.h"
#include "store/rocks_event_store.h"

namespace headrace::store {

void RocksEventStore::set_retention(std::map<LinkNumber, std::uint64_t> ms_by_link) {
  database_->expiry().set(ms_by_link);
}

// Takes a record into account that was appended at `record`.
void RocksEventStore::count_times(LogPosition record, MessageId message) {
  if (segment_of(record) != times_segment_) {
    seal_times();
    times_segment_ = segment_of(record);
  }
  times_.add(message);
}

// The segment is full, or was left by a restart: it goes on record until when it is retained.
void RocksEventStore::seal_times() {
  if (times_segment_ == 0) return;
  const auto is_it = [this](const Segment& segment) { return segment.number == times_segment_; };
  const auto segments = log_->segments();
  const auto it = std::find_if(segments.begin(), segments.end(), is_it);
  if (it != segments.end()) {
    times_.through = make_position(it->number, it->bytes);
    batch_.put_times(times_segment_, times_);
    kept_through_[times_segment_] = times_.kept_through(database_->expiry().view().retention());
  }
  times_ = SegmentTimes{};
  times_segment_ = 0;
}

// Of the segment that is written, so that opening the store has little of it to read.
void RocksEventStore::put_times() {
  if (times_segment_ == 0 || segment_of(log_->end()) != times_segment_) return;
  if (times_.through == log_->end()) return;
  times_.through = log_->end();
  batch_.put_times(times_segment_, times_);
}

// Works out again until when each segment is retained, if the settings have changed.
Result<void> RocksEventStore::look_up_times() {
  const std::uint64_t version = database_->expiry().version();
  if (version == retention_version_) return {};
  if (auto written = write_batch(); !written) return written;
  const Expiry::View expiry = database_->expiry().view();
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->meta()));
  for (entries->Seek(slice(SegmentTimes::kKeyPrefix)); entries->Valid(); entries->Next()) {
    const auto segment = SegmentTimes::decode_key(view(entries->key()));
    if (!segment) break;
    const auto known = kept_through_.find(*segment);
    const auto times = SegmentTimes::decode(view(entries->value()));
    if (known != kept_through_.end() && times) {
      known->second = times->kept_through(expiry.retention());
    }
  }
  if (!entries->status().ok()) return error_of(entries->status());
  retention_version_ = version;
  return {};
}

// Whether nothing that a sealed segment holds is retained, open, or still to be replayed.
bool RocksEventStore::is_disposable(const Segment& segment, core::WallMs now) const {
  if (open_.in_segment(segment.number) != 0) return false;
  if (segment.number >= segment_of(applied_.position)) return false;
  const auto kept = kept_through_.find(segment.number);
  return kept != kept_through_.end() && kept->second < now;
}

Result<void> RocksEventStore::retain(core::WallMs now) {
  database_->expiry().advance(now);
  auto erased = go_on_erasing();  // whatever comes of it, what is old goes
  auto dropped = drop_expired();
  return dropped ? std::move(erased) : std::move(dropped);
}

Result<void> RocksEventStore::drop_expired() {
  if (auto known = look_up_times(); !known) return known;
  const core::WallMs latest = database_->expiry().view().now();
  std::vector<std::uint32_t> disposable;
  for (const Segment& segment : log_->sealed()) {
    if (is_disposable(segment, latest)) disposable.push_back(segment.number);
  }
  if (disposable.empty()) return database_->drop_expired_files();
  for (const std::uint32_t number : disposable) batch_.erase_times(number);
  // That nothing in them is needed must be on the disk before they go.
  if (auto durable = checkpoint(); !durable) return durable;
  for (const std::uint32_t number : disposable) {
    if (auto removed = log_->remove_segment(number); !removed) return removed;
    kept_through_.erase(number);
  }
  return database_->drop_expired_files();
}

Result<DiskUse> RocksEventStore::measure_disk() {
  FileSystem& files = options_.log_files != nullptr ? *options_.log_files : posix_file_system();
  auto free_bytes = files.free_bytes(options_.directory);
  if (!free_bytes) return std::move(free_bytes).error();
  DiskUse use;
  use.free_bytes = *free_bytes;
  use.used_bytes = log_->file_bytes() + database_->file_bytes();
  use.takes_messages = disk_.update(use.free_bytes, use.used_bytes);
  return use;
}

Result<std::size_t> RocksEventStore::erase(std::span<const MessageId> messages) {
  if (auto written = write_batch(); !written) return std::move(written).error();
  // So that what is written down here is of records that are there after a power cut.
  if (auto synced = log_->sync(); !synced) return std::move(synced).error();
  const auto is_asked = [&](const Begun& begun) {
    return std::find(messages.begin(), messages.end(), begun.erasure.message) != messages.end();
  };
  auto count = static_cast<std::size_t>(std::count_if(begun_.begin(), begun_.end(), is_asked));
  auto planned = plan_erasures(messages);
  if (!planned) return std::move(planned).error();
  rocksdb::WriteBatch definitions;
  for (const Begun& begun : *planned) {
    definitions.Put(database_->registry(), slice(erasure_key(begun.erasure)),
                    slice(encode_erasure(begun.erasure)));
  }
  if (auto defined = database_->write_synced(definitions); !defined) {
    return std::move(defined).error();
  }
  count += planned->size();
  {
    const std::lock_guard lock(erased_mutex_);
    for (const Begun& begun : *planned) begun_ids_.insert(begun.erasure.message);
    any_begun_ = !begun_ids_.empty();
  }
  for (Begun& begun : *planned) begun_.push_back(std::move(begun));
  if (auto erased = go_on_erasing(); !erased) return std::move(erased).error();
  return count;
}

// Of those that are there and were not begun yet.
Result<std::vector<RocksEventStore::Begun>> RocksEventStore::plan_erasures(
    std::span<const MessageId> messages) {
  std::vector<MessageId> ids(messages.begin(), messages.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<Begun> planned;
  for (const MessageId id : ids) {
    auto begun = plan_erasure(id);
    if (!begun) return std::move(begun).error();
    if (*begun) planned.push_back(std::move(**begun));
  }
  return planned;
}

Result<std::optional<RocksEventStore::Begun>> RocksEventStore::plan_erasure(MessageId message) {
  const auto is_it = [message](const Begun& begun) { return begun.erasure.message == message; };
  if (std::any_of(begun_.begin(), begun_.end(), is_it)) return std::optional<Begun>{};
  auto entry = find_entry(message);
  if (!entry && entry.error().code == ErrorCode::kNotFound) return std::optional<Begun>{};
  if (!entry) return std::move(entry).error();
  auto known = open_message(reader_, message);
  if (!known) return std::move(known).error();
  Begun begun;
  begun.erasure.message = message;
  begun.erasure.dedupe_key = reader_.record().dedupe_key;
  if (auto added = add_record(begun.erasure, entry->record.position); !added) {
    return std::move(added).error();
  }
  HEADRACE_CHECK(begun.erasure.records.size() == 1);  // it was read just now
  for (const EndpointNumber endpoint : known->targets) {
    if (auto added = add_target(begun, *entry, endpoint); !added) return std::move(added).error();
  }
  return std::optional<Begun>{std::move(begun)};
}

Result<void> RocksEventStore::add_target(Begun& begun, const MessageEntry& message,
                                         EndpointNumber endpoint) {
  auto attempts = list_attempts(endpoint, message.record.id);
  if (!attempts) return std::move(attempts).error();
  std::optional<LastAttempt> last;
  for (const AttemptRecord& attempt : *attempts) {
    last = LastAttempt{attempt.attempt, attempt.verdict};
    if (auto added = add_record(begun.erasure, attempt.logged_at); !added) return added;
  }
  Erasure::Target target{endpoint, !attempts->empty(), 0};
  const ReopenedTarget* const reopened = find_reopened(message.reopened, endpoint);
  if (is_open(reopened, last)) {
    ++begun.open;
    const bool untried =
        !last || (reopened != nullptr && last->attempt <= reopened->attempts_before);
    if (reopened != nullptr && untried) {
      auto due = find_due(endpoint, message.record.id);
      if (!due) return std::move(due).error();
      target.due = *due;
    }
  }
  begun.erasure.targets.push_back(target);
  return {};
}

// When a delivery waits that was opened again and not tried since: nothing else says so. 0: it does
// not wait. A walk over the endpoint's retries.
Result<core::WallMs> RocksEventStore::find_due(EndpointNumber endpoint, MessageId message) {
  constexpr std::size_t kStep = 4096;
  core::WallMs after_due = 1;
  MessageId after;
  for (;;) {
    auto items = list_pending(endpoint, after_due, after, kStep);
    if (!items) return std::move(items).error();
    for (const PendingItem& item : *items) {
      if (item.message == message) return item.due;
    }
    if (items->size() < kStep) return core::WallMs{0};
    after_due = items->back().due;
    after = items->back().message;
  }
}

// Of a segment that is gone, or of a record that was lost, there is nothing to erase.
Result<void> RocksEventStore::add_record(Erasure& erasure, LogPosition position) const {
  auto frame = log_->frame_at(position);
  if (!frame) return std::move(frame).error();
  if (!*frame || (*frame)->message != erasure.message) return {};
  erasure.records.push_back({position, (*frame)->length, (*frame)->synced_through});
  return {};
}

bool RocksEventStore::is_begun(MessageId message) const {
  if (!any_begun_) return false;
  const std::lock_guard lock(erased_mutex_);
  return begun_ids_.contains(message);
}

// Takes rows and records of all that were begun out. The rows first: nobody is to find a message
// that is half there.
Result<void> RocksEventStore::go_on_erasing() {
  if (begun_.empty()) return {};
  std::vector<ErasedRecord> records;
  for (Begun& begun : begun_) {
    const Erasure& erasure = begun.erasure;
    if (auto removed = remove_rows(*database_, erasure, batch_); !removed) return removed;
    for (; begun.open != 0; --begun.open) open_.close(erasure.records.front().position);
    records.insert(records.end(), erasure.records.begin(), erasure.records.end());
  }
  if (auto written = write_batch(); !written) return written;
  if (auto erased = log_->erase(records); !erased) return erased;
  const std::lock_guard lock(erased_mutex_);
  for (Begun& begun : begun_) erased_.push_back(std::move(begun.erasure));
  begun_.clear();
  begun_ids_.clear();
  any_begun_ = false;
  return {};
}

Result<void> RocksEventStore::finish_erasures() {
  std::vector<Erasure> erased;
  {
    const std::lock_guard lock(erased_mutex_);
    erased.swap(erased_);
  }
  auto finished = finish(*database_, erased);
  if (finished) return finished;
  const std::lock_guard lock(erased_mutex_);
  erased_.insert(erased_.end(), std::make_move_iterator(erased.begin()),
                 std::make_move_iterator(erased.end()));
  return finished;
}

}  // namespace headrace::store
