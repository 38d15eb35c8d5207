// SPDX-License-Identifier: Apache-2.0
// An EventStore in front of another one that refuses what the test says, as a full or broken disk
// does.
//
// A refused append() leaves nothing behind. A refused apply() is made up for by the next call that
// is let through, as the contract has it. A refused load_pending() may have moved the cursor and
// filled some deliveries in, as it has when a disk fails half way.
// Threads: the committer's methods as EventStore says; the switches from the thread that calls
// them.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "store/event_store.h"

namespace headrace::test {

class FaultyStore final : public store::EventStore {
 public:
  explicit FaultyStore(store::EventStore& inner) : inner_(inner) {}

  // What is refused from now on.
  struct Faults {
    bool append = false;
    ErrorCode append_code = ErrorCode::kStorageFailed;
    bool apply = false;
    bool load = false;
    bool list = false;
    bool pending_endpoints = false;
    bool change_definitions = false;
    bool erase = false;
    bool finish_erasures = false;
    bool room = false;  // on the disk
  } faults;
  mutable std::size_t definitions_visited = 0;

  // Makes the log longer by that much, as traffic of other endpoints would.
  void grow_log(std::uint64_t bytes) noexcept { grown_ += bytes; }

  std::size_t appends() const noexcept { return appends_; }  // that succeeded
  std::size_t lists() const noexcept { return lists_; }
  std::size_t finishes() const noexcept { return finishes_; }
  std::size_t loads() const noexcept { return loads_; }

  Result<void> append(store::Group& group) override;
  Result<void> apply(const store::Group& group) override;
  store::LogPosition end() const noexcept override;
  Result<store::PendingLoad> load_pending(store::EndpointNumber endpoint,
                                          store::PendingCursor& cursor, core::WallMs now,
                                          const store::PendingQuota& quota, core::BufferPool& pool,
                                          std::vector<store::Delivery>& out) override;
  Result<std::vector<store::PendingItem>> list_pending(store::EndpointNumber endpoint,
                                                       core::WallMs after_due, MessageId after,
                                                       std::size_t count_max) override;
  Result<std::vector<store::PendingEndpoint>> pending_endpoints() override;
  Result<void> checkpoint() override { return inner_.checkpoint(); }
  Result<void> retain(core::WallMs now) override { return inner_.retain(now); }
  Result<std::size_t> erase(std::span<const MessageId> messages) override;
  Result<store::DiskUse> measure_disk() override;
  Result<void> finish_erasures() override;
  void set_retention(std::map<store::LinkNumber, std::uint64_t> ms_by_link) override {
    inner_.set_retention(std::move(ms_by_link));
  }

  Result<void> change_definitions(std::span<const store::DefinitionChange> changes) override;
  Result<void> scan_definitions(
      std::string_view prefix,
      const std::function<void(std::string_view, std::string_view)>& visit) const override {
    return inner_.scan_definitions(prefix, [&](std::string_view key, std::string_view value) {
      ++definitions_visited;
      visit(key, value);
    });
  }
  Result<void> scan_definitions_back(
      std::string_view from, std::string_view to,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    return inner_.scan_definitions_back(from, to,
                                        [&](std::string_view key, std::string_view value) {
                                          ++definitions_visited;
                                          return visit(key, value);
                                        });
  }
  Result<void> drop_definitions(std::string_view from, std::string_view to) override {
    return inner_.drop_definitions(from, to);
  }

  Result<store::MessageRecord> find_message(MessageId id) const override {
    return inner_.find_message(id);
  }
  Result<store::MessageContent> read_message(MessageId id) const override {
    return inner_.read_message(id);
  }
  Result<store::MessageTargets> read_targets(MessageId id) const override {
    return inner_.read_targets(id);
  }
  Result<std::vector<store::MessageRecord>> list_messages(store::LinkNumber link, MessageId before,
                                                          std::size_t count_max) const override {
    return inner_.list_messages(link, before, count_max);
  }
  Result<std::vector<store::AttemptRecord>> list_attempts(store::EndpointNumber endpoint,
                                                          MessageId message) const override {
    return inner_.list_attempts(endpoint, message);
  }
  Result<std::vector<store::AttemptRecord>> list_endpoint_attempts(
      store::EndpointNumber endpoint, MessageId before, std::size_t count_max) const override {
    return inner_.list_endpoint_attempts(endpoint, before, count_max);
  }
  Result<std::vector<store::DeadRecord>> list_dead(store::EndpointNumber endpoint, MessageId before,
                                                   std::size_t count_max) const override {
    return inner_.list_dead(endpoint, before, count_max);
  }

 private:
  store::EventStore& inner_;
  std::vector<store::Group> unapplied_;
  std::uint64_t grown_ = 0;
  std::size_t appends_ = 0;
  std::size_t loads_ = 0;
  std::atomic<std::size_t> finishes_{0};
  std::size_t lists_ = 0;
};

}  // namespace headrace::test
