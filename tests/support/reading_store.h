// SPDX-License-Identifier: Apache-2.0
// The queries of another EventStore, counted, with a hook where the test wants something to happen.
//
// Threads: the test's only.
#pragma once

#include <functional>
#include <vector>

#include "store/event_store.h"

namespace headrace::test {

class ReadingStore final : public store::EventStore {
 public:
  explicit ReadingStore(store::EventStore& inner) : inner_(inner) {}

  // Called with the number of calls before this one.
  std::function<void(std::size_t number)> before_list;

  std::size_t targets_read() const noexcept { return targets_read_; }

  Result<void> append(store::Group& group) override { return inner_.append(group); }
  Result<void> apply(const store::Group& group) override { return inner_.apply(group); }
  store::LogPosition end() const noexcept override { return inner_.end(); }
  Result<store::PendingLoad> load_pending(store::EndpointNumber endpoint,
                                          store::PendingCursor& cursor, core::WallMs now,
                                          const store::PendingQuota& quota, core::BufferPool& pool,
                                          std::vector<store::Delivery>& out) override {
    return inner_.load_pending(endpoint, cursor, now, quota, pool, out);
  }
  Result<std::vector<store::PendingItem>> list_pending(store::EndpointNumber endpoint,
                                                       core::WallMs after_due, MessageId after,
                                                       std::size_t count_max) override {
    return inner_.list_pending(endpoint, after_due, after, count_max);
  }
  Result<std::vector<store::PendingEndpoint>> pending_endpoints() override {
    return inner_.pending_endpoints();
  }
  Result<void> checkpoint() override { return inner_.checkpoint(); }
  Result<void> retain(core::WallMs now) override { return inner_.retain(now); }
  Result<std::size_t> erase(std::span<const MessageId> messages) override {
    return inner_.erase(messages);
  }
  Result<store::DiskUse> measure_disk() override { return inner_.measure_disk(); }
  Result<void> finish_erasures() override { return inner_.finish_erasures(); }
  void set_retention(std::map<store::LinkNumber, std::uint64_t> ms_by_link) override {
    inner_.set_retention(std::move(ms_by_link));
  }
  Result<void> change_definitions(std::span<const store::DefinitionChange> changes) override {
    return inner_.change_definitions(changes);
  }
  Result<void> scan_definitions(
      std::string_view prefix,
      const std::function<void(std::string_view, std::string_view)>& visit) const override {
    return inner_.scan_definitions(prefix, visit);
  }
  Result<void> scan_definitions_back(
      std::string_view from, std::string_view to,
      const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    return inner_.scan_definitions_back(from, to, visit);
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
    ++targets_read_;
    return inner_.read_targets(id);
  }
  Result<std::vector<store::MessageRecord>> list_messages(store::LinkNumber link, MessageId before,
                                                          std::size_t count_max) const override {
    if (before_list) before_list(lists_++);
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
  mutable std::size_t targets_read_ = 0;
  mutable std::size_t lists_ = 0;
};

}  // namespace headrace::test
