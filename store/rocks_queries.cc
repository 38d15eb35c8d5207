// SPDX-License-Identifier: Apache-2.0
// What people ask for: messages and attempts. Any thread.
#include <limits>
#include <utility>

#include "store/rocks_event_store.h"

namespace headrace::store {

namespace {

constexpr MessageId kLastId{Bits128{~std::uint64_t{0}, ~std::uint64_t{0}}};
constexpr std::uint16_t kLastAttempt = std::numeric_limits<std::uint16_t>::max();

Error no_such_message() { return Error{ErrorCode::kNotFound, "there is no such message", 0}; }

Error unreadable() {
  return Error{ErrorCode::kCorrupted, "a stored record is not what was written", 0};
}

// To the last entry before `key`, which need not exist.
void seek_before(rocksdb::Iterator& entries, std::string_view key) {
  entries.SeekForPrev(slice(key));
  if (entries.Valid() && entries.key() == slice(key)) entries.Prev();
}

}  // namespace

Result<MessageEntry> RocksEventStore::find_entry(MessageId id) const {
  if (!database_->expiry().view().keeps(id) || is_begun(id)) return no_such_message();
  auto entry = read_message_value(*database_, id);
  if (!entry) return std::move(entry).error();
  // A row may outlive its message.
  if (!*entry || !log_->holds((*entry)->record.position)) return no_such_message();
  return std::move(**entry);
}

Result<MessageRecord> RocksEventStore::find_message(MessageId id) const {
  auto entry = find_entry(id);
  if (!entry) return std::move(entry).error();
  return entry->record;
}

// Why a message that was there could not be read: it may have been dropped or erased meanwhile.
Error RocksEventStore::why_not(MessageId id, Error error) const {
  if (error.code == ErrorCode::kNotFound) return no_such_message();
  if (error.code != ErrorCode::kCorrupted) return error;
  const auto record = find_message(id);
  return record || record.error().code != ErrorCode::kNotFound ? std::move(error)
                                                              : no_such_message();
}

// Has `reader` at the message, whose head it has read.
Result<MessageTargets> RocksEventStore::open_message(IntakeReader& reader, MessageId id) const {
  auto entry = find_entry(id);
  if (!entry) return std::move(entry).error();
  auto opened = reader.open(entry->record.position);
  if (!opened) return why_not(id, std::move(opened).error());
  if (reader.record().message != id) return unreadable();
  MessageTargets message{entry->record, {}, std::move(entry->reopened)};
  message.targets.reserve(reader.record().target_count);
  for (std::uint32_t i = 0; i < reader.record().target_count; ++i)
    message.targets.push_back(reader.target(i));
  add_reopened(message.targets, message.reopened);
  return message;
}

Result<MessageTargets> RocksEventStore::read_targets(MessageId id) const {
  IntakeReader reader(*log_);
  return open_message(reader, id);
}

Result<MessageContent> RocksEventStore::read_message(MessageId id) const {
  IntakeReader reader(*log_);
  auto message = open_message(reader, id);
  if (!message) return std::move(message).error();
  const IntakeRecord& intake = reader.record();
  std::string payload(intake.payload_bytes(), '\0');
  if (auto read = reader.read_payload(payload.data()); !read) {
    return why_not(id, std::move(read).error());
  }
  MessageContent content;
  content.record = message->record;
  content.method = intake.method;
  content.targets = std::move(message->targets);
  content.reopened = std::move(message->reopened);
  content.headers = payload.substr(0, intake.headers_bytes);
  content.query = payload.substr(intake.headers_bytes, intake.query_bytes);
  content.body = payload.substr(std::size_t{intake.headers_bytes} + intake.query_bytes);
  return content;
}

Result<std::vector<MessageRecord>> RocksEventStore::list_messages(LinkNumber link, MessageId before,
                                                                  std::size_t count_max) const {
  // The key of a message begins with the link that its id holds, so a bound is made of an id.
  const std::uint64_t high = before ? before.bits.high : kLastId.bits.high;
  const std::uint64_t low = (std::uint64_t{static_cast<std::uint32_t>(link)} << 32) |
                            (before ? before.bits.low & 0xffffffff : 0xffffffff);
  const auto bound = message_key(MessageId{Bits128{high, low}});
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->messages()));
  const Expiry::View expiry = database_->expiry().view();
  std::vector<MessageRecord> records;
  for (seek_before(*entries, view(bound)); entries->Valid() && records.size() < count_max;
       entries->Prev()) {
    const auto record = decode_message(view(entries->key()), view(entries->value()));
    if (!record) return unreadable();
    if (record->link != link || !expiry.keeps(record->id)) break;
    if (log_->holds(record->position)) records.push_back(*record);
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return records;
}

Result<std::vector<AttemptRecord>> RocksEventStore::list_attempts(EndpointNumber endpoint,
                                                                  MessageId message) const {
  std::vector<AttemptRecord> records;
  if (!database_->expiry().view().keeps(message)) return records;
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->attempts()));
  for (entries->Seek(slice(view(attempt_key(endpoint, message, 0)))); entries->Valid();
       entries->Next()) {
    auto record = decode_attempt(view(entries->key()), view(entries->value()));
    if (!record) return unreadable();
    if (record->endpoint != endpoint || record->message != message) break;
    records.push_back(std::move(*record));
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return records;
}

Result<std::vector<DeadRecord>> RocksEventStore::list_dead(EndpointNumber endpoint,
                                                           MessageId before,
                                                           std::size_t count_max) const {
  // A message's last id never is one, so "before it" is "from the newest".
  const auto bound = dead_key(endpoint, before ? before : kLastId);
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->dead()));
  const Expiry::View expiry = database_->expiry().view();
  std::vector<DeadRecord> records;
  for (seek_before(*entries, view(bound)); entries->Valid() && records.size() < count_max;
       entries->Prev()) {
    const auto message = decode_dead_message(view(entries->key()));
    const auto dead = decode_dead_value(view(entries->value()));
    if (!message || !dead) return unreadable();
    if (!view(entries->key()).starts_with(view(bound).substr(0, kNumberPrefixBytes))) break;
    if (!expiry.may_keep(accepted_at(*message))) break;
    const auto found = find_message(*message);
    if (!found && found.error().code == ErrorCode::kNotFound) continue;
    if (!found) return found.error();
    records.push_back({endpoint, *message, found->event, found->link, dead->died_at, dead->attempts,
                       dead->error, dead->http_status});
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return records;
}

Result<std::vector<AttemptRecord>> RocksEventStore::list_endpoint_attempts(
    EndpointNumber endpoint, MessageId before, std::size_t count_max) const {
  const auto bound =
      before ? attempt_key(endpoint, before, 0) : attempt_key(endpoint, kLastId, kLastAttempt);
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_->db().NewIterator(rocksdb::ReadOptions(), database_->attempts()));
  const Expiry::View expiry = database_->expiry().view();
  std::vector<AttemptRecord> records;
  for (seek_before(*entries, view(bound)); entries->Valid(); entries->Prev()) {
    auto record = decode_attempt(view(entries->key()), view(entries->value()));
    if (!record) return unreadable();
    if (record->endpoint != endpoint || !expiry.may_keep(accepted_at(record->message))) break;
    if (!expiry.keeps(record->message)) continue;
    const bool same = !records.empty() && records.back().message == record->message;
    if (records.size() >= count_max && !same) break;
    records.push_back(std::move(*record));
  }
  if (!entries->status().ok()) return error_of(entries->status());
  return records;
}

}  // namespace headrace::store
