// SPDX-License-Identifier: Apache-2.0
// RocksStore's implementation. Internal to store/.
//
// Threads: as EventStore says. What the store thread shares with queries is RocksDB, the readers of the log, and
// the atomics of Expiry.
// Invariant: a group is appended to the log before it is applied, and applied before the next one is appended, so
// RocksDB is at most one group behind and a duplicate is always found.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/log.h"
#include "store/derived_batch.h"
#include "store/disk_guard.h"
#include "store/duplicates.h"
#include "store/erasure.h"
#include "store/event_store.h"
#include "store/intake_reader.h"
#include "store/message_ids.h"
#include "store/message_log.h"
#include "store/open_deliveries.h"
#include "store/reopenings.h"
#include "store/rocks_database.h"
#include "store/segment_times.h"
#include "store/store_options.h"

namespace headrace::store {

// The families and the log, opened and in step with each other.
struct OpenedStore {
  std::unique_ptr<RocksDatabase> database;
  std::unique_ptr<MessageLog> log;
  AppliedValue applied;
  std::map<std::uint32_t, SegmentTimes> times;  // of every segment of the log
  std::vector<Erasure> unfinished;              // RocksDB's files are still to be rewritten
};

class PendingLoader;

class RocksEventStore final : public EventStore {
 public:
  RocksEventStore(const StoreOptions& options, OpenedStore opened, const core::Clock& clock,
                  std::uint64_t seed, core::LogSink& sink);
  ~RocksEventStore() override;

  // Counts what is open, so that its segments are kept. Once, before anything else.
  Result<void> count_open();

  Result<void> append(Group& group) override;
  Result<void> apply(const Group& group) override;
  LogPosition end() const noexcept override { return log_->end(); }
  Result<PendingLoad> load_pending(EndpointNumber endpoint, PendingCursor& cursor, core::WallMs now,
                                   const PendingQuota& quota, core::BufferPool& pool,
                                   std::vector<Delivery>& out) override;
  Result<std::vector<PendingItem>> list_pending(EndpointNumber endpoint, core::WallMs after_due,
                                                MessageId after, std::size_t count_max) override;
  Result<std::vector<PendingEndpoint>> pending_endpoints() override;
  Result<void> checkpoint() override;
  Result<void> retain(core::WallMs now) override;
  Result<std::size_t> erase(std::span<const MessageId> messages) override;
  Result<DiskUse> measure_disk() override;
  Result<void> finish_erasures() override;
  void set_retention(std::map<LinkNumber, std::uint64_t> ms_by_link) override;

  Result<void> change_definitions(std::span<const DefinitionChange> changes) override;
  Result<void> scan_definitions(
      std::string_view prefix,
      const std::function<void(std::string_view, std::string_view)>& visit) const override;
  Result<void> scan_definitions_back(
      std::string_view from, std::string_view to,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override;
  Result<void> drop_definitions(std::string_view from, std::string_view to) override;

  Result<MessageRecord> find_message(MessageId id) const override;
  Result<MessageContent> read_message(MessageId id) const override;
  Result<MessageTargets> read_targets(MessageId id) const override;
  Result<std::vector<MessageRecord>> list_messages(LinkNumber link, MessageId before,
                                                   std::size_t count_max) const override;
  Result<std::vector<AttemptRecord>> list_attempts(EndpointNumber endpoint,
                                                   MessageId message) const override;
  Result<std::vector<AttemptRecord>> list_endpoint_attempts(EndpointNumber endpoint,
                                                            MessageId before,
                                                            std::size_t count_max) const override;
  Result<std::vector<DeadRecord>> list_dead(EndpointNumber endpoint, MessageId before,
                                            std::size_t count_max) const override;

 private:
  Result<void> place(Group& group);
  void refuse(Group& group, ErrorCode code);
  void count(const Group& group);
  void index_reopenings();
  Result<void> write_batch();
  Result<void> flush_when_due();
  Result<MessageEntry> find_entry(MessageId id) const;
  Result<bool> take_pending(PendingLoader& loader, const PendingKey& key,
                            const PendingValue& value);
  Error why_not(MessageId id, Error error) const;
  Result<MessageTargets> open_message(IntakeReader& reader, MessageId id) const;
  void count_times(LogPosition record, MessageId message);
  void seal_times();
  void put_times();
  Result<void> look_up_times();
  Result<void> drop_expired();
  bool is_disposable(const Segment& segment, core::WallMs now) const;
  struct Begun;
  Result<std::vector<Begun>> plan_erasures(std::span<const MessageId> messages);
  Result<std::optional<Begun>> plan_erasure(MessageId message);
  Result<void> add_target(Begun& begun, const MessageEntry& message, EndpointNumber endpoint);
  Result<core::WallMs> find_due(EndpointNumber endpoint, MessageId message);
  Result<void> add_record(Erasure& erasure, LogPosition position) const;
  Result<void> go_on_erasing();

  const StoreOptions options_;
  const std::unique_ptr<RocksDatabase> database_;
  const std::unique_ptr<MessageLog> log_;
  const core::Clock& clock_;
  core::LogSink& sink_;
  MessageIds ids_;
  AppliedValue applied_;
  DerivedBatch batch_;  // what is not in the families yet: the last apply() failed, or is to come
  Duplicates duplicates_;
  Reopenings reopenings_;
  OpenDeliveries open_;
  IntakeReader reader_;
  std::uint64_t unflushed_bytes_ = 0;
  std::uint64_t resumed_at_ns_ = 0;  // when RocksDB was last asked to go on after an error
  DiskGuard disk_;

  // The segment that is written, and until when each of the others is retained.
  std::uint32_t times_segment_ = 0;
  SegmentTimes times_;
  std::map<std::uint32_t, core::WallMs> kept_through_;
  std::uint64_t retention_version_ = 0;  // by which that was worked out

  struct Begun {
    Erasure erasure;
    std::size_t open = 0;  // of its deliveries, and still counted as such
  };
  bool is_begun(MessageId message) const;
  std::vector<Begun> begun_;  // defined; rows or records may still be there
  std::atomic<bool> any_begun_{false};
  mutable std::mutex erased_mutex_;   // a helping thread finishes them, and queries look for them
  std::set<MessageId> begun_ids_;     // of begun_
  std::vector<Erasure> erased_;       // rows and records are gone, RocksDB's files not yet rewritten
};

}  // namespace headrace::store
