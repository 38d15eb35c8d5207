// SPDX-License-Identifier: Apache-2.0
// RocksStore's implementation. Internal to store/.
//
// Threads: as EventStore says. What the store thread shares with queries is RocksDB, the readers of the log, and
// the atomics of Expiry.
// Invariant: a group is appended to the log before it is applied, and applied before the next one is appended, so
// RocksDB is at most one group behind and a duplicate is always found.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/log.h"
#include "store/derived_batch.h"
#include "store/duplicates.h"
#include "store/event_store.h"
#include "store/intake_reader.h"
#include "store/message_ids.h"
#include "store/message_log.h"
#include "store/open_deliveries.h"
#include "store/reopenings.h"
#include "store/rocks_database.h"
#include "store/store_options.h"

namespace headrace::store {

// The families and the log, opened and in step with each other.
struct OpenedStore {
  std::unique_ptr<RocksDatabase> database;
  std::unique_ptr<MessageLog> log;
  AppliedValue applied;
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

  Result<void> change_definitions(std::span<const DefinitionChange> changes) override;
  Result<void> scan_definitions(
      std::string_view prefix,
      const std::function<void(std::string_view, std::string_view)>& visit) const override;

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
  Result<void> write_batch();
  Result<void> flush_when_due();
  Result<MessageEntry> find_entry(MessageId id) const;
  Result<bool> take_pending(PendingLoader& loader, const PendingKey& key,
                            const PendingValue& value);
  Result<MessageTargets> open_message(IntakeReader& reader, MessageId id) const;
  bool is_retained(MessageId id) const noexcept;
  bool is_disposable(std::size_t index) const;

  const StoreOptions options_;
  const std::unique_ptr<RocksDatabase> database_;
  const std::unique_ptr<MessageLog> log_;
  const core::Clock& clock_;
  core::LogSink& sink_;
  MessageIds ids_;
  AppliedValue applied_;
  DerivedBatch batch_;  // not empty: the last apply() failed
  Duplicates duplicates_;
  Reopenings reopenings_;
  OpenDeliveries open_;
  IntakeReader reader_;
  std::uint64_t unflushed_bytes_ = 0;
  std::uint64_t resumed_at_ns_ = 0;  // when RocksDB was last asked to go on after an error
};

}  // namespace headrace::store
