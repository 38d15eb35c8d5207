// SPDX-License-Identifier: Apache-2.0
#include "tests/support/faulty_store.h"

#include <utility>

namespace headrace::test {

namespace {

Error refusal(ErrorCode code) { return Error{code, "the test refuses this", 5}; }

}  // namespace

Result<void> FaultyStore::append(store::Group& group) {
  if (faults.append) return refusal(faults.append_code);
  auto appended = inner_.append(group);
  if (!appended) return appended;
  ++appends_;
  for (store::Placed& placed : group.placed) {
    placed.position = store::LogPosition{static_cast<std::uint64_t>(placed.position) + grown_};
  }
  return {};
}

Result<void> FaultyStore::apply(const store::Group& group) {
  if (faults.apply) {
    unapplied_.push_back(group);
    return refusal(ErrorCode::kStorageFailed);
  }
  for (const store::Group& late : std::exchange(unapplied_, {})) {
    if (auto applied = inner_.apply(late); !applied) return applied;
  }
  return inner_.apply(group);
}

store::LogPosition FaultyStore::end() const noexcept {
  return store::LogPosition{static_cast<std::uint64_t>(inner_.end()) + grown_};
}

Result<store::PendingLoad> FaultyStore::load_pending(store::EndpointNumber endpoint,
                                                     store::PendingCursor& cursor, core::WallMs now,
                                                     const store::PendingQuota& quota,
                                                     core::BufferPool& pool,
                                                     std::vector<store::Delivery>& out) {
  ++loads_;
  store::PendingQuota within = quota;
  if (faults.load) within.count_max = 3;
  auto loaded = inner_.load_pending(endpoint, cursor, now, within, pool, out);
  if (faults.load) return refusal(ErrorCode::kStorageFailed);
  return loaded;
}

Result<std::vector<store::PendingItem>> FaultyStore::list_pending(store::EndpointNumber endpoint,
                                                                  core::WallMs after_due,
                                                                  MessageId after,
                                                                  std::size_t count_max) {
  ++lists_;
  if (faults.list) return refusal(ErrorCode::kStorageFailed);
  auto items = inner_.list_pending(endpoint, after_due, after, count_max);
  if (!items) return items;
  for (store::PendingItem& item : *items) {
    item.position = store::LogPosition{static_cast<std::uint64_t>(item.position) + grown_};
  }
  return items;
}

Result<std::vector<store::PendingEndpoint>> FaultyStore::pending_endpoints() {
  if (faults.pending_endpoints) return refusal(ErrorCode::kStorageFailed);
  return inner_.pending_endpoints();
}

Result<void> FaultyStore::change_definitions(std::span<const store::DefinitionChange> changes) {
  if (faults.change_definitions) return refusal(ErrorCode::kStorageFailed);
  return inner_.change_definitions(changes);
}

Result<std::size_t> FaultyStore::erase(std::span<const MessageId> messages) {
  if (faults.erase) return refusal(ErrorCode::kStorageFailed);
  return inner_.erase(messages);
}

Result<store::DiskUse> FaultyStore::measure_disk() {
  auto use = inner_.measure_disk();
  if (use && faults.room) use->takes_messages = false;
  return use;
}

Result<void> FaultyStore::finish_erasures() {
  ++finishes_;
  if (faults.finish_erasures) return refusal(ErrorCode::kStorageFull);
  return inner_.finish_erasures();
}

}  // namespace headrace::test
