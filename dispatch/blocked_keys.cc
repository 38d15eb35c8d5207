// SPDX-License-Identifier: Apache-2.0
#include "dispatch/blocked_keys.h"

#include <algorithm>

namespace headrace::dispatch {

namespace {
constexpr core::WallMs kSettleMsMax = 600'000;
}  // namespace

std::optional<core::WallMs> BlockedKeys::arrive(std::uint64_t key, const store::Delivery& delivery,
                                                core::WallMs now) noexcept {
  if (keys_.empty()) return std::nullopt;
  const auto found = keys_.find(key);
  if (found == keys_.end()) return std::nullopt;
  Block& block = found->second;
  const Place place{delivery.ticket.due, delivery.message};
  const bool waited = delivery.order_key == key;
  if (waited && place.first >= block.from) {
    block.settle = kSettleMs;
    if (place >= block.last) keys_.erase(found);
    return std::nullopt;
  }
  const core::WallMs due = waited ? block.move_early(now) : std::max(block.last.first, now + 1);
  block.last = std::max(block.last, Place{due, delivery.message});
  return due;
}

// With all of the key, as some of what is later may have been read already.
core::WallMs BlockedKeys::Block::move_early(core::WallMs now) noexcept {
  core::WallMs due = last.first;
  if (due <= now + settle) {
    // Those of earlier times are here until now + settle, and what becomes of them is with the
    // store as long before the new time.
    due = std::max(due, now) + 3 * settle;
    settle = std::min(settle * 2, kSettleMsMax);
  }
  return from = due;
}

std::optional<core::WallMs> BlockedKeys::block(std::uint64_t key, MessageId message,
                                               core::WallMs due) {
  Block* const block = find_or_add(key);
  if (block == nullptr) return std::nullopt;
  block->from = std::max(block->last.first, due);
  block->last = std::max(block->last, Place{block->from, message});
  return block->from;
}

void BlockedKeys::put_behind(std::uint64_t key, MessageId message) noexcept {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  Place& last = found->second.last;
  last = std::max(last, Place{last.first, message});
}

bool BlockedKeys::put_back(std::uint64_t key, const store::Delivery& delivery) {
  Block* const block = find_or_add(key);
  if (block == nullptr) return false;
  block->last = std::max(block->last, Place{delivery.ticket.due, delivery.message});
  return true;
}

void BlockedKeys::restore(std::span<const store::BlockedKey> keys) {
  for (const store::BlockedKey& key : keys) {
    if (Block* const block = find_or_add(key.key)) {
      block->from = key.last_due;
      block->last = {key.last_due, key.last};
    }
  }
}

BlockedKeys::Block* BlockedKeys::find_or_add(std::uint64_t key) {
  const auto found = keys_.find(key);
  if (found != keys_.end()) return &found->second;
  if (keys_.size() == core::limits::kBlockedKeysMax) return nullptr;
  return &keys_[key];
}

}  // namespace headrace::dispatch
