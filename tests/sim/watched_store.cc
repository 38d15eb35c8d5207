// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/watched_store.h"

#include <algorithm>

namespace headrace::sim {

using store::Acceptance;

namespace {
constexpr std::string_view kLog = "/store/log";

Error gone() { return Error{ErrorCode::kStorageFailed, "the process is dead", 0}; }
}  // namespace

Result<void> WatchedStore::append(store::Group& group) {
  if (dead_) return gone();
  const std::uint64_t syncs = files_.syncs(kLog);
  const std::uint64_t failures = files_.failures();
  auto appended = faulty_.append(group);
  if (!appended) {
    ledger_.on_refused(group);
    return appended;
  }
  bool stores = false;
  for (std::size_t i = 0; i < group.intakes.size(); ++i) {
    if (group.placed[i].acceptance != Acceptance::kStored) continue;
    stores = true;
    const store::Payload& payload = group.intakes[i].payload;
    ledger_.on_stored(group.placed[i].id, payload.body.in(payload.buffer));
  }
  for (const store::Outcome& outcome : group.outcomes) ledger_.on_outcome(outcome);
  if (files_.failures() != failures) {
    ledger_.fail("false_ack", "a group counts as stored though the disk failed meanwhile");
  }
  if (!durable_ || !stores) return appended;
  if (files_.syncs(kLog) == syncs) {
    ledger_.fail("false_ack", "a message counts as stored and was not synced");
  }
  ledger_.on_synced();
  return appended;
}

Result<void> WatchedStore::apply(const store::Group& group) {
  if (dead_) return gone();
  return faulty_.apply(group);
}

Result<store::PendingLoad> WatchedStore::load_pending(
    store::EndpointNumber endpoint, store::PendingCursor& cursor, core::WallMs now,
    const store::PendingQuota& quota, core::BufferPool& pool, std::vector<store::Delivery>& out) {
  if (dead_) return gone();
  const std::size_t before = out.size();
  auto loaded = faulty_.load_pending(endpoint, cursor, now, quota, pool, out);
  if (loaded) {
    std::for_each(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(),
                  [this](const store::Delivery& delivery) { ledger_.on_loaded(delivery); });
  }
  return loaded;
}

Result<void> WatchedStore::checkpoint() {
  if (dead_) return gone();
  auto done = faulty_.checkpoint();
  if (done) ledger_.on_synced();
  return done;
}

Result<void> WatchedStore::retain(core::WallMs now) {
  if (dead_) return gone();
  return faulty_.retain(now);
}

}  // namespace headrace::sim
