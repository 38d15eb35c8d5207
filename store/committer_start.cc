// SPDX-License-Identifier: Apache-2.0
// What the committer learns of the order of its lanes from what waits in the store.
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "store/committer.h"

namespace headrace::store {

namespace limits = core::limits;

LaneTerms Committer::terms_of(EndpointNumber endpoint) const {
  return terms_ ? terms_(endpoint) : LaneTerms{};
}

// Holds live in memory; what made them is told by the retries that wait.
Result<void> Committer::take_up(LaneWindow& window) {
  const LaneTerms terms = terms_of(window.endpoint);
  window.retry_share_percent = terms.retry_share_percent;
  if (!window.next_due) return {};
  if (terms.order == KeptOrder::kLane) return hold_for_first_retry(window);
  if (terms.order == KeptOrder::kKey) return find_blocked_keys(window);
  return {};
}

// The delivery that failed and is tried again holds up all behind it, as it did before the restart.
Result<void> Committer::hold_for_first_retry(LaneWindow& window) {
  return visit_retries(window.endpoint, [&window](const PendingItem& item) {
    if (item.attempts == item.attempts_before) return true;
    window.hold_until = window.first_until = item.due;
    window.probing = true;
    return false;
  });
}

// In order of due time, until `visit` says false.
Result<void> Committer::visit_retries(EndpointNumber endpoint,
                                      const std::function<bool(const PendingItem&)>& visit) {
  PendingItem last;
  last.message =
      MessageId{Bits128{~std::uint64_t{0}, ~std::uint64_t{0}}};  // behind all that is ready
  for (;;) {
    auto items = store_.list_pending(endpoint, last.due, last.message, limits::kPendingLoadMax);
    if (!items) return std::move(items).error();
    for (const PendingItem& item : *items) {
      if (!visit(item)) return {};
    }
    if (items->size() < limits::kPendingLoadMax) return {};
    last = items->back();
  }
}

// The shard cannot know what waits; it is told with the first delivery. Beyond what it remembers,
// the lane was on hold for a key.
Result<void> Committer::find_blocked_keys(LaneWindow& window) {
  std::unordered_map<std::uint64_t, BlockedKey> blocked;
  auto visited = visit_retries(window.endpoint, [&](const PendingItem& item) {
    if (item.order_key == 0) return true;
    if (blocked.size() == limits::kBlockedKeysMax && !blocked.contains(item.order_key)) {
      window.hold_until = window.first_until = item.due;
      window.probing = true;
      return true;
    }
    BlockedKey& key = blocked[item.order_key];
    key.key = item.order_key;
    key.last = item.message;
    key.last_due = item.due;
    return true;
  });
  if (!visited || blocked.empty()) return visited;
  std::vector<BlockedKey> keys;
  for (const auto& [hash, key] : blocked) keys.push_back(key);
  window.blocked_keys = std::make_shared<const std::vector<BlockedKey>>(std::move(keys));
  return {};
}

}  // namespace headrace::store
