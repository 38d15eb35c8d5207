// SPDX-License-Identifier: Apache-2.0
// Collects what one group, or a stretch of replayed log, changes in the derived families. Internal
// to store/.
//
// Everything in it may be written twice: plain puts and deletes, no merges, no single deletes.
#pragma once

#include <string_view>
#include <vector>

#include "store/event_store.h"
#include "store/keys.h"
#include "store/log_record.h"
#include "store/rocks_database.h"
#include "store/segment_times.h"

namespace headrace::store {

class DerivedBatch {
 public:
  DerivedBatch(RocksDatabase& database, std::uint64_t dedupe_window_ms)
      : database_(database), dedupe_window_ms_(dedupe_window_ms) {}

  void add_message(const MessageRecord& record, Bits128 dedupe_key);
  void add_outcome(const Outcome& outcome, std::string_view response_head,
                   std::string_view response_body);
  // What a reopening does but for its message's own record.
  void add_reopening(const ReopeningRecord& record);
  void change_message(const MessageRecord& record, const std::vector<ReopenedTarget>& reopened);
  void put_pending(const PendingPut& put);
  void erase_pending(const PendingKey& key);
  void erase_message(MessageId message);
  void erase_attempt(EndpointNumber endpoint, MessageId message, std::uint16_t attempt);
  void erase_dead(EndpointNumber endpoint, MessageId message);
  void erase_dedupe(Bits128 dedupe_key);
  void put_times(std::uint32_t segment, const SegmentTimes& times);
  void erase_times(std::uint32_t segment);
  void set_applied(const AppliedValue& applied);

  std::size_t bytes() const noexcept { return batch_.GetDataSize(); }
  // Writes all of it, and on success begins anew.
  Result<void> write();

 private:
  RocksDatabase& database_;
  const std::uint64_t dedupe_window_ms_;
  rocksdb::WriteBatch batch_;
};

}  // namespace headrace::store
