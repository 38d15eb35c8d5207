// SPDX-License-Identifier: Apache-2.0
// The store as the committer of one process sees it: tells the ledger what the real one took, and
// takes nothing more once the process is dead.
//
// Threads: the simulation's one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/event_store.h"
#include "tests/sim/ledger.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/faulty_store.h"

namespace headrace::sim {

class WatchedStore final : public store::EventStore {
 public:
  // `durable`: an acknowledged message must have been synced.
  WatchedStore(std::unique_ptr<store::EventStore> inner, const testing::FaultyFileSystem& files,
               Ledger& ledger, bool durable)
      : inner_(std::move(inner)),
        faulty_(*inner_),
        files_(files),
        ledger_(ledger),
        durable_(durable) {}

  void die() noexcept { dead_ = true; }
  bool dead() const noexcept { return dead_; }
  test::FaultyStore::Faults& faults() noexcept { return faulty_.faults; }
  store::EventStore& real() noexcept { return *inner_; }

  Result<void> append(store::Group& group) override;
  Result<void> apply(const store::Group& group) override;
  store::LogPosition end() const noexcept override { return faulty_.end(); }
  Result<store::PendingLoad> load_pending(store::EndpointNumber endpoint,
                                          store::PendingCursor& cursor, core::WallMs now,
                                          const store::PendingQuota& quota, core::BufferPool& pool,
                                          std::vector<store::Delivery>& out) override;
  Result<std::vector<store::PendingItem>> list_pending(store::EndpointNumber endpoint,
                                                       core::WallMs after_due, MessageId after,
                                                       std::size_t count_max) override {
    return faulty_.list_pending(endpoint, after_due, after, count_max);
  }
  Result<std::vector<store::PendingEndpoint>> pending_endpoints() override {
    return faulty_.pending_endpoints();
  }
  Result<std::size_t> erase(std::span<const MessageId> messages) override {
    return faulty_.erase(messages);
  }
  Result<store::DiskUse> measure_disk() override { return faulty_.measure_disk(); }
  Result<void> finish_erasures() override { return faulty_.finish_erasures(); }
  void set_retention(std::map<store::LinkNumber, std::uint64_t> ms_by_link) override {
    faulty_.set_retention(std::move(ms_by_link));
  }
  Result<void> checkpoint() override;
  Result<void> retain(core::WallMs now) override;

  Result<void> change_definitions(std::span<const store::DefinitionChange> changes) override {
    return faulty_.change_definitions(changes);
  }
  Result<void> scan_definitions(
      std::string_view prefix,
      const std::function<void(std::string_view, std::string_view)>& visit) const override {
    return inner_->scan_definitions(prefix, visit);
  }
  Result<void> scan_definitions_back(
      std::string_view from, std::string_view to,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    return inner_->scan_definitions_back(from, to, visit);
  }
  Result<void> drop_definitions(std::string_view from, std::string_view to) override {
    return faulty_.drop_definitions(from, to);
  }
  Result<store::MessageRecord> find_message(MessageId id) const override {
    return inner_->find_message(id);
  }
  Result<store::MessageContent> read_message(MessageId id) const override {
    return inner_->read_message(id);
  }
  Result<store::MessageTargets> read_targets(MessageId id) const override {
    return inner_->read_targets(id);
  }
  Result<std::vector<store::MessageRecord>> list_messages(store::LinkNumber link, MessageId before,
                                                          std::size_t count_max) const override {
    return inner_->list_messages(link, before, count_max);
  }
  Result<std::vector<store::AttemptRecord>> list_attempts(store::EndpointNumber endpoint,
                                                          MessageId message) const override {
    return inner_->list_attempts(endpoint, message);
  }
  Result<std::vector<store::AttemptRecord>> list_endpoint_attempts(
      store::EndpointNumber endpoint, MessageId before, std::size_t count_max) const override {
    return inner_->list_endpoint_attempts(endpoint, before, count_max);
  }
  Result<std::vector<store::DeadRecord>> list_dead(store::EndpointNumber endpoint, MessageId before,
                                                   std::size_t count_max) const override {
    return inner_->list_dead(endpoint, before, count_max);
  }

 private:
  const std::unique_ptr<store::EventStore> inner_;
  test::FaultyStore faulty_;
  const testing::FaultyFileSystem& files_;
  Ledger& ledger_;
  const bool durable_;
  bool dead_ = false;
};

}  // namespace headrace::sim
