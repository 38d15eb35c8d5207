// SPDX-License-Identifier: Apache-2.0
#include "store/reopenings.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "store/keys.h"
#include "store/message_ids.h"

namespace headrace::store {

namespace {

constexpr std::uint16_t kLastAttemptNumber = std::numeric_limits<std::uint16_t>::max();

// One message that is damaged must not keep the rest of its group out.
bool is_unreadable(const Error& error) noexcept {
  return error.code == ErrorCode::kCorrupted || error.code == ErrorCode::kNotFound;
}

}  // namespace

Result<std::optional<MessageEntry>> read_message_value(const RocksDatabase& database,
                                                       MessageId id) {
  const auto key = message_key(id);
  rocksdb::PinnableSlice value;
  const auto status =
      database.db().Get(rocksdb::ReadOptions(), database.messages(), slice(view(key)), &value);
  if (status.IsNotFound()) return std::optional<MessageEntry>{};
  if (!status.ok()) return error_of(status);
  const auto record = decode_message(view(key), view(value));
  if (!record) {
    return Error{ErrorCode::kCorrupted, "a stored record is not what was written", 0};
  }
  return std::optional<MessageEntry>{MessageEntry{*record, decode_reopened(view(value))}};
}

Result<void> Reopenings::begin(Group& group, const Expiry::View& expiry) {
  messages_.clear();
  records_.clear();
  group.reopened.clear();
  for (const Reopening& reopening : group.reopenings) {
    auto decided = decide(reopening, expiry);
    if (!decided && !is_unreadable(decided.error())) return std::move(decided).error();
    group.reopened.push_back(decided ? *decided : Reopened::kGone);
  }
  return {};
}

Result<Reopened> Reopenings::decide(const Reopening& reopening, const Expiry::View& expiry) {
  auto seen = look_up(reopening.message, expiry);
  if (!seen) return std::move(seen).error();
  if (!(*seen)->entry) return Reopened::kGone;
  MessageEntry& message = *(*seen)->entry;
  auto last = last_attempt(reopening.endpoint, reopening.message);
  if (!last) return std::move(last).error();
  const ReopenedTarget* const before = find_reopened(message.reopened, reopening.endpoint);
  bool begun = before != nullptr || last->has_value();
  if (!begun) {
    auto sent = was_sent_to(message.record, reopening.endpoint);
    if (!sent) return std::move(sent).error();
    begun = *sent;
  }
  if (begun && is_open(before, *last)) return Reopened::kOpen;
  const std::uint16_t attempts = *last ? (*last)->attempt : std::uint16_t{0};
  if (attempts > kReopenedAttemptsMax) return Reopened::kGone;
  ReopeningRecord record{reopening, attempts};
  record.reopening.position = message.record.position;
  record.reopening.due = std::max<core::WallMs>(reopening.due, 1);  // 0 would mean "never tried"
  reopen_in(message, record);
  (*seen)->changed = true;
  records_.push_back(record);
  return Reopened::kYes;
}

Result<Reopenings::Seen*> Reopenings::look_up(MessageId id, const Expiry::View& expiry) {
  const auto [at, is_new] = messages_.try_emplace(id);
  if (!is_new || !expiry.keeps(id)) return &at->second;
  auto entry = read_message_value(database_, id);
  if (!entry) return std::move(entry).error();
  at->second.entry = std::move(*entry);
  return &at->second;
}

// By the message itself, which only it is asked for that left no other trace.
Result<bool> Reopenings::was_sent_to(const MessageRecord& record, EndpointNumber endpoint) {
  if (auto opened = reader_.open(record.position); !opened) return std::move(opened).error();
  if (reader_.record().message != record.id) {
    return Error{ErrorCode::kCorrupted, "a stored record is not what was written", 0};
  }
  for (std::uint32_t i = 0; i < reader_.record().target_count; ++i) {
    if (reader_.target(i) == endpoint) return true;
  }
  return false;
}

Result<std::optional<LastAttempt>> Reopenings::last_attempt(EndpointNumber endpoint,
                                                            MessageId message) const {
  const std::unique_ptr<rocksdb::Iterator> entries(
      database_.db().NewIterator(rocksdb::ReadOptions(), database_.attempts()));
  entries->SeekForPrev(slice(view(attempt_key(endpoint, message, kLastAttemptNumber))));
  if (!entries->Valid()) {
    if (!entries->status().ok()) return error_of(entries->status());
    return std::optional<LastAttempt>{};
  }
  const auto record = decode_attempt(view(entries->key()), view(entries->value()));
  if (!record || record->endpoint != endpoint || record->message != message) {
    return std::optional<LastAttempt>{};
  }
  return std::optional<LastAttempt>{LastAttempt{record->attempt, record->verdict}};
}

}  // namespace headrace::store
