// SPDX-License-Identifier: Apache-2.0
// The committer's side: appending, applying, keeping and giving up.
#include "store/rocks_event_store.h"

#include <algorithm>
#include <utility>

namespace headrace::store {

namespace {
// Asking RocksDB to go on takes up to a second while the disk is still full.
constexpr std::uint64_t kResumeEveryNs = 3'000'000'000;
}  // namespace

RocksEventStore::RocksEventStore(const StoreOptions& options, OpenedStore opened,
                                 const core::Clock& clock, std::uint64_t seed, core::LogSink& sink)
    : options_(options),
      database_(std::move(opened.database)),
      log_(std::move(opened.log)),
      clock_(clock),
      sink_(sink),
      ids_(seed),
      applied_(opened.applied),
      batch_(*database_, options.dedupe_window_ms),
      duplicates_(*database_),
      reopenings_(*database_, *log_),
      reader_(*log_),
      disk_({options.disk_reserve_bytes, options.disk_budget_bytes}),
      erased_(std::move(opened.unfinished)) {
  const Expiry::View expiry = database_->expiry().view();
  for (const auto& [segment, times] : opened.times) {
    kept_through_[segment] = times.kept_through(expiry.retention());
  }
  retention_version_ = database_->expiry().version();
  ids_.raise_floor(applied_.last_id);
  // RocksDB must never keep what the log could forget: a replay would not undo it.
  if (options_.durability == Durability::kFsync) {
    database_->set_before_flush([log = log_.get()] { log->sync_in_background(); });
  }
}

RocksEventStore::~RocksEventStore() {
  database_->stop_background();
  database_->set_before_flush(nullptr);
}

Result<void> RocksEventStore::count_open() {
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->pending()));
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    const auto value = decode_pending_value(view(entries->value()));
    if (value) open_.open(value->position, 1);
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return {};
}

Result<void> RocksEventStore::append(Group& group) {
  Result<void> done = write_batch();  // what an earlier apply() could not
  if (done) done = place(group);
  if (done) done = reopenings_.begin(group, database_->expiry().view());
  if (done) {
    done = log_->append(group.intakes, group.placed, group.outcomes, reopenings_.records());
  }
  // With an intake in the group there is nothing left to do for this.
  if (done && group.sync && options_.durability == Durability::kFsync) done = log_->sync();
  if (!done) {
    refuse(group, done.error().code);
    return done;
  }
  count(group);
  index_reopenings();
  return {};
}

// What is decided counts from here on, also for the next group, whatever becomes of apply().
void RocksEventStore::index_reopenings() {
  for (const ReopeningRecord& record : reopenings_.records()) batch_.add_reopening(record);
  reopenings_.for_each_message([this](const MessageEntry& message) {
    batch_.change_message(message.record, message.reopened);
  });
}

Result<void> RocksEventStore::place(Group& group) {
  group.placed.assign(group.intakes.size(), Placed{});
  const core::WallMs now = clock_.wall_ms();
  if (auto begun = duplicates_.begin(group.intakes, now); !begun) return begun;
  for (std::size_t i = 0; i < group.intakes.size(); ++i) {
    Placed& placed = group.placed[i];
    if (const auto first = duplicates_.first_of(group.intakes, group.placed, i)) {
      placed.acceptance = Acceptance::kDuplicate;
      placed.id = *first;
      continue;
    }
    placed.acceptance = Acceptance::kStored;
    placed.id = ids_.next(now, group.intakes[i].link);
  }
  return {};
}

void RocksEventStore::refuse(Group& group, ErrorCode code) {
  const Acceptance refused =
      code == ErrorCode::kStorageFull ? Acceptance::kFull : Acceptance::kUnavailable;
  group.placed.assign(group.intakes.size(), Placed{refused, MessageId{}, LogPosition{}});
  group.reopened.clear();
}

void RocksEventStore::count(const Group& group) {
  for (std::size_t i = 0; i < group.intakes.size(); ++i) {
    if (group.placed[i].acceptance != Acceptance::kStored) continue;
    open_.open(group.placed[i].position, group.intakes[i].targets.size());
    count_times(group.placed[i].position, group.placed[i].id);
    unflushed_bytes_ += intake_record_bytes(group.intakes[i]);
  }
  for (const Outcome& outcome : group.outcomes) {
    if (outcome.verdict == Verdict::kReturned) continue;
    const bool closes = outcome.verdict == Verdict::kDelivered || outcome.verdict == Verdict::kDead;
    if (closes) open_.close(outcome.ticket.position);
    count_times(outcome.logged_at, outcome.message);
    unflushed_bytes_ += outcome_record_bytes(outcome);
  }
  for (const ReopeningRecord& record : reopenings_.records()) {
    open_.open(record.reopening.position, 1);
    count_times(log_->end(), record.reopening.message);  // a group lies in one segment
    unflushed_bytes_ += aligned(kReopeningBytes);
  }
}

Result<void> RocksEventStore::apply(const Group& group) {
  for (std::size_t i = 0; i < group.intakes.size(); ++i) {
    const Placed& placed = group.placed[i];
    if (placed.acceptance != Acceptance::kStored) continue;
    const Intake& intake = group.intakes[i];
    batch_.add_message({placed.id, intake.received_at, intake.link, intake.event, intake.status,
                        intake.is_test, intake.payload.body.size, placed.position},
                       intake.dedupe_key);
  }
  for (const Outcome& outcome : group.outcomes) {
    batch_.add_outcome(outcome, outcome.response_head.in(outcome.response),
                       outcome.response_body.in(outcome.response));
  }
  for (const PendingPut& put : group.spilled) batch_.put_pending(put);
  applied_.position = std::max(applied_.position, group.low_water);
  applied_.last_id = ids_.last();
  batch_.set_applied(applied_);
  if (auto written = write_batch(); !written) return written;
  return flush_when_due();
}

Result<void> RocksEventStore::write_batch() {
  auto written = batch_.write();
  if (written) return written;
  const std::uint64_t now_ns = clock_.steady_ns();
  if (resumed_at_ns_ != 0 && now_ns - resumed_at_ns_ < kResumeEveryNs) return written;
  resumed_at_ns_ = now_ns;
  database_->resume();
  return batch_.write();
}

// Keeps the replay short, also when the families fill slowly.
Result<void> RocksEventStore::flush_when_due() {
  if (unflushed_bytes_ < options_.replay_bytes_max / 2) return {};
  unflushed_bytes_ = 0;
  put_times();
  if (auto written = write_batch(); !written) return written;
  return database_->flush(false);
}

Result<void> RocksEventStore::checkpoint() {
  put_times();
  if (auto written = write_batch(); !written) return written;
  if (auto synced = log_->sync(); !synced) return synced;
  unflushed_bytes_ = 0;
  if (auto flushed = database_->flush(true); flushed) return flushed;
  database_->resume();
  return database_->flush(true);
}

Result<void> RocksEventStore::change_definitions(std::span<const DefinitionChange> changes) {
  rocksdb::WriteBatch batch;
  for (const DefinitionChange& change : changes) {
    if (change.value) {
      batch.Put(database_->registry(), slice(change.key), slice(*change.value));
    } else {
      batch.Delete(database_->registry(), slice(change.key));
    }
  }
  return database_->write_synced(batch);
}

Result<void> RocksEventStore::scan_definitions(
    std::string_view prefix,
    const std::function<void(std::string_view, std::string_view)>& visit) const {
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->registry()));
  for (entries->Seek(slice(prefix)); entries->Valid(); entries->Next()) {
    if (!entries->key().starts_with(slice(prefix))) break;
    visit(view(entries->key()), view(entries->value()));
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return {};
}

Result<void> RocksEventStore::scan_definitions_back(
    std::string_view from, std::string_view to,
    const std::function<bool(std::string_view, std::string_view)>& visit) const {
  const rocksdb::Slice lower = slice(from);
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower;  // so that nothing before it is looked at
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(options, database_->registry()));
  entries->SeekForPrev(slice(to));
  if (entries->Valid() && view(entries->key()) == to) entries->Prev();
  for (; entries->Valid(); entries->Prev()) {
    if (!visit(view(entries->key()), view(entries->value()))) break;
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return {};
}

Result<void> RocksEventStore::drop_definitions(std::string_view from, std::string_view to) {
  if (from >= to) return {};
  rocksdb::WriteBatch batch;
  batch.DeleteRange(database_->registry(), slice(from), slice(to));
  return database_->write_synced(batch);
}

}  // namespace headrace::store
