// SPDX-License-Identifier: Apache-2.0
// The EventStore without a disk: the same contract, gone with the process.
//
// Threads: as EventStore says; one mutex covers everything, as nobody is in a hurry here.
// Limits: none of its own: it holds what is not yet retired by retain().
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <unordered_map>

#include "core/clock.h"
#include "store/event_store.h"
#include "store/message_ids.h"
#include "store/reopening_rules.h"
#include "store/retention.h"
#include "store/store_options.h"

namespace headrace::store {

class MemoryStore final : public EventStore {
 public:
  // Of the options only the windows count. `clock` must outlive the store.
  MemoryStore(const StoreOptions& options, const core::Clock& clock, std::uint64_t seed);

  Result<void> append(Group& group) override;
  Result<void> apply(const Group& group) override;
  LogPosition end() const noexcept override;
  Result<PendingLoad> load_pending(EndpointNumber endpoint, PendingCursor& cursor, core::WallMs now,
                                   const PendingQuota& quota, core::BufferPool& pool,
                                   std::vector<Delivery>& out) override;
  Result<std::vector<PendingItem>> list_pending(EndpointNumber endpoint, core::WallMs after_due,
                                                MessageId after, std::size_t count_max) override;
  Result<std::vector<PendingEndpoint>> pending_endpoints() override;
  Result<void> checkpoint() override { return {}; }
  Result<void> retain(core::WallMs now) override;
  Result<std::size_t> erase(std::span<const MessageId> messages) override;
  Result<DiskUse> measure_disk() override { return DiskUse{}; }
  Result<void> finish_erasures() override { return {}; }
  void set_retention(std::map<LinkNumber, std::uint64_t> ms_by_link) override {
    expiry_.set(ms_by_link);
  }

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
  using PendingKey = std::tuple<EndpointNumber, core::WallMs, MessageId>;
  using DeadKey = std::pair<EndpointNumber, MessageId>;
  struct Waiting {
    std::uint16_t attempts = 0;
    std::uint16_t attempts_before = 0;
    std::uint64_t order_key = 0;
  };
  using AttemptKey = std::tuple<EndpointNumber, MessageId, std::uint16_t>;
  struct Kept {
    MessageContent content;
    std::size_t open = 0;  // deliveries that are not over
  };
  struct Seen {
    MessageId message;
    core::WallMs expires_at = 0;
  };

  const Kept* find(MessageId id) const;
  Placed place(const Intake& intake, core::WallMs now);
  Reopened reopen(Reopening& reopening);
  std::optional<LastAttempt> last_attempt(EndpointNumber endpoint, MessageId message) const;
  void apply_outcome(const Outcome& outcome);
  void put_pending(const PendingPut& put);
  bool load(const PendingKey& key, const Waiting& waiting, core::BufferPool& pool,
            std::vector<Delivery>& out) const;

  const StoreOptions options_;
  const core::Clock& clock_;
  mutable std::mutex mutex_;  // queries come from any thread
  MessageIds ids_;
  std::uint64_t end_;
  Expiry expiry_;
  std::map<std::pair<LinkNumber, MessageId>, Kept> messages_;
  std::map<PendingKey, Waiting> pending_;
  std::map<DeadKey, DeadRecord> dead_;
  std::map<AttemptKey, AttemptRecord> attempts_;
  std::map<Bits128, Seen> dedupe_;
  std::map<std::string, std::string, std::less<>> definitions_;
};

}  // namespace headrace::store
