// SPDX-License-Identifier: Apache-2.0
#include "store/memory_store.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include "store/outcome_effects.h"

namespace headrace::store {

namespace {

constexpr std::uint64_t kFirstPosition = std::uint64_t{1} << 32;  // segment 1, offset 0
constexpr std::uint64_t kRecordOverhead = 96;
constexpr MessageId kLastId{Bits128{~std::uint64_t{0}, ~std::uint64_t{0}}};

Error not_found() { return Error{ErrorCode::kNotFound, "there is no such message", 0}; }

MessageContent content_of(const Intake& intake, MessageId id, LogPosition position) {
  const Payload& payload = intake.payload;
  MessageContent content;
  content.record = {id,
                    intake.received_at,
                    intake.link,
                    intake.event,
                    intake.status,
                    intake.is_test,
                    payload.body.size,
                    position};
  content.method = payload.method;
  const auto targets = intake.targets.list();
  content.targets.assign(targets.begin(), targets.end());
  content.headers = payload.headers.in(payload.buffer);
  content.query = payload.query.in(payload.buffer);
  content.body = payload.body.in(payload.buffer);
  return content;
}

core::Range append_range(char* base, std::size_t& used, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(base + used, bytes.data(), bytes.size());
  const core::Range range{static_cast<std::uint32_t>(used),
                          static_cast<std::uint32_t>(bytes.size())};
  used += bytes.size();
  return range;
}

}  // namespace

MemoryStore::MemoryStore(const StoreOptions& options, const core::Clock& clock, std::uint64_t seed)
    : options_(options),
      clock_(clock),
      ids_(seed),
      end_(kFirstPosition),
      expiry_(options.retention_ms) {}

const MemoryStore::Kept* MemoryStore::find(MessageId id) const {
  const auto found = messages_.find({link_of(id), id});
  return found == messages_.end() ? nullptr : &found->second;
}

Result<void> MemoryStore::append(Group& group) {
  const std::lock_guard lock(mutex_);
  const core::WallMs now = clock_.wall_ms();
  group.placed.clear();
  for (const Intake& intake : group.intakes) group.placed.push_back(place(intake, now));
  group.reopened.clear();
  for (Reopening& reopening : group.reopenings) group.reopened.push_back(reopen(reopening));
  end_ += group.outcomes.size() * kRecordOverhead;
  return {};
}

Placed MemoryStore::place(const Intake& intake, core::WallMs now) {
  const bool has_key = intake.dedupe_key != Bits128{};
  if (has_key) {
    const auto seen = dedupe_.find(intake.dedupe_key);
    if (seen != dedupe_.end() && seen->second.expires_at > now) {
      return {Acceptance::kDuplicate, seen->second.message, LogPosition{}};
    }
  }
  const MessageId id = ids_.next(now, intake.link);
  const LogPosition position{end_};
  end_ += kRecordOverhead + intake.payload.bytes();
  if (has_key) {
    dedupe_[intake.dedupe_key] = {id, accepted_at(id) + options_.dedupe_window_ms};
  }
  messages_[{intake.link, id}] = {content_of(intake, id, position), intake.targets.size()};
  return {Acceptance::kStored, id, position};
}

// What is decided counts from here on, as a message does; that it waits comes with apply().
Reopened MemoryStore::reopen(Reopening& reopening) {
  const auto found = messages_.find({link_of(reopening.message), reopening.message});
  if (found == messages_.end() || !expiry_.view().keeps(reopening.message)) {
    return Reopened::kGone;
  }
  MessageContent& content = found->second.content;
  const auto last = last_attempt(reopening.endpoint, reopening.message);
  const ReopenedTarget* const before = find_reopened(content.reopened, reopening.endpoint);
  const bool is_target = std::find(content.targets.begin(), content.targets.end(),
                                   reopening.endpoint) != content.targets.end();
  if ((is_target || before != nullptr || last) && is_open(before, last)) return Reopened::kOpen;
  const std::uint16_t attempts = last ? last->attempt : std::uint16_t{0};
  if (attempts > kReopenedAttemptsMax) return Reopened::kGone;
  reopening.due = std::max<core::WallMs>(reopening.due, 1);
  MessageEntry entry{content.record, std::move(content.reopened)};
  reopen_in(entry, {reopening, attempts});
  content.record = entry.record;
  content.reopened = std::move(entry.reopened);
  ++found->second.open;
  return Reopened::kYes;
}

std::optional<LastAttempt> MemoryStore::last_attempt(EndpointNumber endpoint,
                                                     MessageId message) const {
  constexpr std::uint16_t kLastNumber = std::numeric_limits<std::uint16_t>::max();
  auto it = attempts_.upper_bound({endpoint, message, kLastNumber});
  if (it == attempts_.begin()) return std::nullopt;
  const AttemptRecord& record = (--it)->second;
  if (record.endpoint != endpoint || record.message != message) return std::nullopt;
  return LastAttempt{record.attempt, record.verdict};
}

Result<void> MemoryStore::apply(const Group& group) {
  const std::lock_guard lock(mutex_);
  for (const Outcome& outcome : group.outcomes) apply_outcome(outcome);
  for (std::size_t i = 0; i < group.reopenings.size(); ++i) {
    if (group.reopened[i] != Reopened::kYes) continue;
    const Reopening& reopening = group.reopenings[i];
    const auto last = last_attempt(reopening.endpoint, reopening.message);
    const std::uint16_t attempts = last ? last->attempt : std::uint16_t{0};
    dead_.erase({reopening.endpoint, reopening.message});
    put_pending({reopening.endpoint, reopening.due, reopening.message, reopening.position, attempts,
                 attempts});
  }
  for (const PendingPut& put : group.spilled) put_pending(put);
  return {};
}

void MemoryStore::apply_outcome(const Outcome& outcome) {
  const OutcomeEffects effects = effects_of(outcome);
  if (effects.erases) pending_.erase({outcome.endpoint, outcome.ticket.due, outcome.message});
  if (effects.attempted) {
    AttemptRecord record = attempt_record(outcome);
    record.response_head = outcome.response_head.in(outcome.response);
    record.response_body = outcome.response_body.in(outcome.response);
    attempts_[{outcome.endpoint, outcome.message, outcome.attempt}] = std::move(record);
  }
  if (effects.waiting) put_pending(*effects.waiting);
  if (effects.dies) {
    dead_[{outcome.endpoint, outcome.message}] = {
        outcome.endpoint,  outcome.message, EventNumber::kNone, link_of(outcome.message),
        ended_at(outcome), outcome.attempt, outcome.error,      outcome.http_status};
  }
  if (!effects.closes) return;
  const auto kept = messages_.find({link_of(outcome.message), outcome.message});
  if (kept != messages_.end() && kept->second.open > 0) --kept->second.open;
}

void MemoryStore::put_pending(const PendingPut& put) {
  pending_[{put.endpoint, put.due, put.message}] = {put.attempts, put.attempts_before,
                                                    put.order_key};
}

LogPosition MemoryStore::end() const noexcept {
  const std::lock_guard lock(mutex_);
  return LogPosition{end_};
}

Result<PendingLoad> MemoryStore::load_pending(EndpointNumber endpoint, PendingCursor& cursor,
                                              core::WallMs now, const PendingQuota& quota,
                                              core::BufferPool& pool, std::vector<Delivery>& out) {
  const std::lock_guard lock(mutex_);
  PendingLoad result;
  std::size_t bytes = 0;
  const auto take = [&](const auto& entry, std::size_t count_max, std::size_t bytes_max) {
    if (result.count >= count_max || bytes >= bytes_max) return false;
    if (!load(entry.first, entry.second, pool, out)) return false;
    bytes += out.back().payload.buffer.capacity();
    ++result.count;
    return true;
  };
  const core::WallMs due_from = std::max<core::WallMs>(cursor.due_after, 1);
  auto retry = cursor.due_after == 0
                   ? pending_.lower_bound({endpoint, due_from, MessageId{}})
                   : pending_.upper_bound({endpoint, due_from, cursor.due_message});
  const auto of_endpoint = [&](auto it) {
    return it != pending_.end() && std::get<0>(it->first) == endpoint;
  };
  const std::size_t retry_bytes_max = retry_bytes_of(quota);
  for (; of_endpoint(retry) && std::get<1>(retry->first) <= now &&
         take(*retry, std::min(quota.count_max, quota.retries_max), retry_bytes_max);
       ++retry) {
    cursor.due_after = std::get<1>(retry->first);
    cursor.due_message = std::get<2>(retry->first);
  }
  if (of_endpoint(retry)) result.next_due = std::get<1>(retry->first);
  const std::size_t bytes_max =
      std::max(quota.bytes_max, bytes + quota.bytes_max - retry_bytes_max);
  auto ready = pending_.upper_bound({endpoint, 0, cursor.ready_after});
  const auto is_ready = [&] { return of_endpoint(ready) && std::get<1>(ready->first) == 0; };
  for (; is_ready() && take(*ready, quota.count_max, bytes_max); ++ready) {
    cursor.ready_after = std::get<2>(ready->first);
  }
  result.more_ready = is_ready();
  return result;
}

bool MemoryStore::load(const PendingKey& key, const Waiting& waiting, core::BufferPool& pool,
                       std::vector<Delivery>& out) const {
  const auto& [endpoint, due, id] = key;
  const Kept* kept = find(id);
  if (kept == nullptr) return false;
  const MessageContent& content = kept->content;
  Delivery delivery;
  delivery.payload.buffer =
      pool.acquire(content.headers.size() + content.query.size() + content.body.size());
  if (!delivery.payload.buffer) return false;
  char* base = delivery.payload.buffer.data();
  std::size_t used = 0;
  delivery.payload.headers = append_range(base, used, content.headers);
  delivery.payload.query = append_range(base, used, content.query);
  delivery.payload.body = append_range(base, used, content.body);
  delivery.payload.method = content.method;
  delivery.message = id;
  delivery.received_at = content.record.received_at;
  delivery.endpoint = endpoint;
  delivery.link = content.record.link;
  delivery.event = content.record.event;
  delivery.attempts = waiting.attempts;
  delivery.order_key = waiting.order_key;
  delivery.attempts_before = waiting.attempts_before;
  delivery.is_test = content.record.is_test;
  delivery.ticket = {content.record.position, due, 0, true, waiting.attempts_before};
  out.push_back(std::move(delivery));
  return true;
}

Result<std::vector<PendingItem>> MemoryStore::list_pending(EndpointNumber endpoint,
                                                           core::WallMs after_due, MessageId after,
                                                           std::size_t count_max) {
  const std::lock_guard lock(mutex_);
  std::vector<PendingItem> items;
  for (auto it = pending_.upper_bound({endpoint, after_due, after});
       it != pending_.end() && items.size() < count_max; ++it) {
    const auto& [number, due, id] = it->first;
    if (number != endpoint) break;
    const Kept* kept = find(id);
    const LogPosition position = kept != nullptr ? kept->content.record.position : LogPosition{};
    items.push_back(
        {due, id, position, it->second.attempts, it->second.attempts_before, it->second.order_key});
  }
  return items;
}

Result<std::vector<PendingEndpoint>> MemoryStore::pending_endpoints() {
  const std::lock_guard lock(mutex_);
  std::vector<PendingEndpoint> endpoints;
  for (const auto& [key, waiting] : pending_) {
    const auto& [endpoint, due, id] = key;
    if (endpoints.empty() || endpoints.back().endpoint != endpoint) {
      endpoints.push_back({endpoint, false, std::nullopt});
    }
    PendingEndpoint& last = endpoints.back();
    if (due == 0) last.has_ready = true;
    if (due != 0 && !last.next_due) last.next_due = due;
  }
  return endpoints;
}

Result<void> MemoryStore::retain(core::WallMs now) {
  const std::lock_guard lock(mutex_);
  expiry_.advance(now);
  const Expiry::View expiry = expiry_.view();
  std::erase_if(messages_, [&](const auto& entry) {
    return !expiry.keeps(entry.first.second) && entry.second.open == 0;
  });
  std::erase_if(attempts_,
                [&](const auto& entry) { return !expiry.keeps(std::get<1>(entry.first)); });
  std::erase_if(dead_, [&](const auto& entry) { return !expiry.keeps(entry.first.second); });
  std::erase_if(dedupe_, [&](const auto& entry) { return entry.second.expires_at <= now; });
  return {};
}

Result<std::size_t> MemoryStore::erase(std::span<const MessageId> messages) {
  const std::lock_guard lock(mutex_);
  const Expiry::View expiry = expiry_.view();
  std::set<MessageId> gone;
  for (const MessageId id : messages) {
    if (find(id) != nullptr && expiry.keeps(id)) gone.insert(id);
  }
  std::erase_if(messages_, [&](const auto& entry) { return gone.contains(entry.first.second); });
  std::erase_if(pending_,
                [&](const auto& entry) { return gone.contains(std::get<2>(entry.first)); });
  std::erase_if(attempts_,
                [&](const auto& entry) { return gone.contains(std::get<1>(entry.first)); });
  std::erase_if(dead_, [&](const auto& entry) { return gone.contains(entry.first.second); });
  std::erase_if(dedupe_, [&](const auto& entry) { return gone.contains(entry.second.message); });
  return gone.size();
}

Result<void> MemoryStore::change_definitions(std::span<const DefinitionChange> changes) {
  const std::lock_guard lock(mutex_);
  for (const DefinitionChange& change : changes) {
    if (change.value) {
      definitions_[change.key] = *change.value;
    } else {
      definitions_.erase(change.key);
    }
  }
  return {};
}

Result<void> MemoryStore::scan_definitions(
    std::string_view prefix,
    const std::function<void(std::string_view, std::string_view)>& visit) const {
  std::vector<std::pair<std::string, std::string>> found;  // visited without the lock
  {
    const std::lock_guard lock(mutex_);
    for (auto it = definitions_.lower_bound(prefix);
         it != definitions_.end() && it->first.starts_with(prefix); ++it) {
      found.emplace_back(*it);
    }
  }
  for (const auto& [key, value] : found) visit(key, value);
  return {};
}

// One by one, as the visitor may want few of many; what comes between two of them is not missed.
Result<void> MemoryStore::scan_definitions_back(
    std::string_view from, std::string_view to,
    const std::function<bool(std::string_view, std::string_view)>& visit) const {
  std::string behind(to);
  for (;;) {
    std::string value;
    {
      const std::lock_guard lock(mutex_);
      auto it = definitions_.lower_bound(behind);
      if (it == definitions_.begin() || (--it)->first < from) return {};
      behind = it->first;
      value = it->second;
    }
    if (!visit(behind, value)) return {};
  }
}

Result<void> MemoryStore::drop_definitions(std::string_view from, std::string_view to) {
  const std::lock_guard lock(mutex_);
  if (from < to) definitions_.erase(definitions_.lower_bound(from), definitions_.lower_bound(to));
  return {};
}

Result<MessageRecord> MemoryStore::find_message(MessageId id) const {
  const std::lock_guard lock(mutex_);
  const Kept* kept = find(id);
  if (kept == nullptr || !expiry_.view().keeps(id)) return not_found();
  return kept->content.record;
}

Result<MessageContent> MemoryStore::read_message(MessageId id) const {
  const std::lock_guard lock(mutex_);
  const Kept* kept = find(id);
  if (kept == nullptr || !expiry_.view().keeps(id)) return not_found();
  MessageContent content = kept->content;
  add_reopened(content.targets, content.reopened);
  return content;
}

Result<MessageTargets> MemoryStore::read_targets(MessageId id) const {
  const std::lock_guard lock(mutex_);
  const Kept* kept = find(id);
  if (kept == nullptr || !expiry_.view().keeps(id)) return not_found();
  const MessageContent& content = kept->content;
  MessageTargets message{content.record, content.targets, content.reopened};
  add_reopened(message.targets, message.reopened);
  return message;
}

Result<std::vector<MessageRecord>> MemoryStore::list_messages(LinkNumber link, MessageId before,
                                                              std::size_t count_max) const {
  const std::lock_guard lock(mutex_);
  const Expiry::View expiry = expiry_.view();
  std::vector<MessageRecord> records;
  auto it = before ? messages_.lower_bound({link, before}) : messages_.upper_bound({link, kLastId});
  while (it != messages_.begin() && records.size() < count_max) {
    --it;
    if (it->first.first != link || !expiry.keeps(it->first.second)) break;
    records.push_back(it->second.content.record);
  }
  return records;
}

Result<std::vector<AttemptRecord>> MemoryStore::list_attempts(EndpointNumber endpoint,
                                                              MessageId message) const {
  const std::lock_guard lock(mutex_);
  std::vector<AttemptRecord> records;
  for (auto it = attempts_.lower_bound({endpoint, message, 0});
       it != attempts_.end() && it->second.endpoint == endpoint && it->second.message == message;
       ++it) {
    records.push_back(it->second);
  }
  return records;
}

Result<std::vector<DeadRecord>> MemoryStore::list_dead(EndpointNumber endpoint, MessageId before,
                                                       std::size_t count_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<DeadRecord> records;
  auto it = before ? dead_.lower_bound({endpoint, before}) : dead_.upper_bound({endpoint, kLastId});
  while (it != dead_.begin() && records.size() < count_max) {
    --it;
    if (it->first.first != endpoint) break;
    const Kept* kept = find(it->first.second);
    if (kept == nullptr) continue;
    records.push_back(it->second);
    records.back().event = kept->content.record.event;
  }
  return records;
}

Result<std::vector<AttemptRecord>> MemoryStore::list_endpoint_attempts(
    EndpointNumber endpoint, MessageId before, std::size_t count_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<AttemptRecord> records;
  constexpr std::uint16_t kLastAttempt = std::numeric_limits<std::uint16_t>::max();
  auto it = before ? attempts_.lower_bound({endpoint, before, 0})
                   : attempts_.upper_bound({endpoint, kLastId, kLastAttempt});
  while (it != attempts_.begin()) {
    --it;
    if (it->second.endpoint != endpoint) break;
    const bool same = !records.empty() && records.back().message == it->second.message;
    if (records.size() >= count_max && !same) break;
    records.push_back(it->second);
  }
  return records;
}

}  // namespace headrace::store
