// SPDX-License-Identifier: Apache-2.0
// The keys of a lane of which a delivery waits in the store for its retry, and so that all later
// ones of that key wait there behind it.
//
// The store reads what waits in order of (due, message). When one fails again while others of its
// key have yet to come back, these would be here before it: each goes back to the time that all of
// the key have from then on, at which they are in order of message again. That time lies so far
// ahead that none of it was read before the last of them is there; where it does not, a later one
// takes its place for all of them. A key is forgotten when the last of what waits is back, so what
// vanishes from the store (it was discarded, say) holds up nothing.
//
// Pure. Limits: kBlockedKeysMax keys.
#pragma once

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

  // A delivery failed that may be tried again at `due`. The time until which it and those behind it
  // go back; none: no more keys can be remembered, and nothing was changed. Requires: `due` is
  // later than now.
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

  // What is put off later than this from now is with the store before it is read there.
  static constexpr core::WallMs kSettleMs = 250;

 private:
  using Place = std::pair<core::WallMs, MessageId>;  // in the order in which the store reads

  struct Block {
    core::WallMs move_early(core::WallMs now) noexcept;

    core::WallMs from = 0;            // what waited until an earlier time goes back once more
    Place last;                       // nothing of the key waits behind it
    core::WallMs settle = kSettleMs;  // doubled each time that it was too short
  };

  Block* find_or_add(std::uint64_t key);

  std::unordered_map<std::uint64_t, Block> keys_;
};

}  // namespace headrace::dispatch
