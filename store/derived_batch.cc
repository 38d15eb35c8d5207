// SPDX-License-Identifier: Apache-2.0
#include "store/derived_batch.h"

#include <array>

#include "store/message_ids.h"
#include "store/outcome_effects.h"

namespace headrace::store {

void DerivedBatch::add_message(const MessageRecord& record, Bits128 dedupe_hash) {
  batch_.Put(database_.messages(), slice(view(message_key(record.id))),
             slice(view(message_value(record))));
  if (dedupe_hash == Bits128{}) return;
  const DedupeValue seen{record.id, accepted_at(record.id) + dedupe_window_ms_};
  batch_.Put(database_.dedupe(), slice(view(dedupe_key(dedupe_hash))),
             slice(view(dedupe_value(seen))));
}

void DerivedBatch::add_outcome(const Outcome& outcome, std::string_view response_head,
                               std::string_view response_body) {
  const OutcomeEffects effects = effects_of(outcome);
  if (effects.erases) {
    erase_pending({outcome.endpoint, outcome.ticket.due, outcome.message});
  }
  if (effects.attempted) {
    const auto key = attempt_key(outcome.endpoint, outcome.message, outcome.attempt);
    const auto head = attempt_value_head(outcome, response_head.size());
    const std::array<rocksdb::Slice, 1> key_parts = {slice(view(key))};
    const std::array<rocksdb::Slice, 3> value_parts = {slice(view(head)), slice(response_head),
                                                       slice(response_body)};
    batch_.Put(database_.attempts(), {key_parts.data(), key_parts.size()},
               {value_parts.data(), value_parts.size()});
  }
  if (effects.waiting) put_pending(*effects.waiting);
  if (!effects.dies) return;
  const DeadValue dead{ended_at(outcome), outcome.attempt, outcome.error, outcome.http_status};
  batch_.Put(database_.dead(), slice(view(dead_key(outcome.endpoint, outcome.message))),
             slice(view(dead_value(dead))));
}

void DerivedBatch::add_reopening(const ReopeningRecord& record) {
  const Reopening& reopening = record.reopening;
  batch_.Delete(database_.dead(), slice(view(dead_key(reopening.endpoint, reopening.message))));
  put_pending({reopening.endpoint, reopening.due, reopening.message, reopening.position,
               record.attempts_before, record.attempts_before});
}

void DerivedBatch::change_message(const MessageRecord& record,
                                  const std::vector<ReopenedTarget>& reopened) {
  batch_.Put(database_.messages(), slice(view(message_key(record.id))),
             slice(message_value(record, reopened)));
}

void DerivedBatch::put_pending(const PendingPut& put) {
  batch_.Put(
      database_.pending(), slice(view(pending_key({put.endpoint, put.due, put.message}))),
      slice(view(pending_value({put.attempts, put.position, put.attempts_before, put.order_key}))));
}

void DerivedBatch::erase_pending(const PendingKey& key) {
  batch_.Delete(database_.pending(), slice(view(pending_key(key))));
}

void DerivedBatch::erase_message(MessageId message) {
  batch_.Delete(database_.messages(), slice(view(message_key(message))));
}

void DerivedBatch::erase_attempt(EndpointNumber endpoint, MessageId message,
                                 std::uint16_t attempt) {
  batch_.Delete(database_.attempts(), slice(view(attempt_key(endpoint, message, attempt))));
}

void DerivedBatch::erase_dead(EndpointNumber endpoint, MessageId message) {
  batch_.Delete(database_.dead(), slice(view(dead_key(endpoint, message))));
}

void DerivedBatch::erase_dedupe(Bits128 dedupe_hash) {
  batch_.Delete(database_.dedupe(), slice(view(dedupe_key(dedupe_hash))));
}

void DerivedBatch::put_times(std::uint32_t segment, const SegmentTimes& times) {
  batch_.Put(database_.meta(), slice(SegmentTimes::key(segment)), slice(times.encode()));
}

void DerivedBatch::erase_times(std::uint32_t segment) {
  batch_.Delete(database_.meta(), slice(SegmentTimes::key(segment)));
}

void DerivedBatch::set_applied(const AppliedValue& applied) {
  batch_.Put(database_.meta(), slice(kAppliedName), slice(view(applied_value(applied))));
}

Result<void> DerivedBatch::write() {
  if (batch_.Count() == 0) return {};
  if (auto written = database_.write_derived(batch_); !written) return written;
  batch_.Clear();
  return {};
}

}  // namespace headrace::store
