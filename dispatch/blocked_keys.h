// SPDX-License-Identifier: Apache-2.0
// The keys of a lane of which a delivery waits in the store for its retry, and so that all later
// ones of that key wait there behind it.
//
// What waits of a key comes back in order of (due, message), as the store reads it. The oldest, the
// one that failed, opens the key; what comes before it goes back behind all that waits. The key is
// forgotten when the last
// of them is back. So what vanishes from the store (it was discarded, say) holds up nothing for
// good: the next one that is put behind it comes back and shows that nothing is before it.
//
// Pure. Limits: kBlockedKeysMax keys.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "core/clock.h"
#include "core/limits.h"
#include "store/types.h"

namespace headrace::dispatch {

class BlockedKeys {
 public:
  // A delivery of the key comes from the store. A time: it goes back there until then, behind those
  // before it. Requires: key is not 0.
  std::optional<core::WallMs> arrive(std::uint64_t key, const store::Delivery& delivery,
                                     core::WallMs now) noexcept;

  // A delivery failed and is tried again at `due`, nothing of its key before it. The time until
  // which those behind it go back; none: no more keys can be remembered, and nothing was changed.
  std::optional<core::WallMs> block(std::uint64_t key, MessageId message, core::WallMs due);

  // One more waits until that time. Requires: the key is blocked.
  void put_behind(std::uint64_t key, MessageId message) noexcept;

  // One that had come back goes to its place in the store again, unattempted. False: as above.
  bool put_back(std::uint64_t key, const store::Delivery& delivery);

  // What waited when the store was opened.
  void restore(std::span<const store::BlockedKey> keys);

  void clear() noexcept { keys_.clear(); }
  bool empty() const noexcept { return keys_.empty(); }
  std::size_t size() const noexcept { return keys_.size(); }

 private:
  using Place = std::pair<core::WallMs, MessageId>;  // in the order in which the store reads

  struct Block {
    bool lets_go(Place place, bool waited) noexcept;
    core::WallMs move(MessageId message, bool waited, core::WallMs now) noexcept;
    void note_moved(Place place) noexcept;

    Place first;           // the oldest
    bool is_open = false;  // it is back, and those behind it may follow as they come
    // The oldest of those that were here before the first and went behind it: it is the first next.
    std::optional<Place> moved;
    Place last;  // nothing of the key waits behind it
  };

  Block* find_or_add(std::uint64_t key, Place place);

  std::unordered_map<std::uint64_t, Block> keys_;
};

}  // namespace headrace::dispatch
