// SPDX-License-Identifier: Apache-2.0
#include "dispatch/blocked_keys.h"

namespace headrace::dispatch {

std::optional<core::WallMs> BlockedKeys::arrive(std::uint64_t key,
                                                const store::Delivery& delivery) noexcept {
  if (keys_.empty()) return std::nullopt;
  const auto found = keys_.find(key);
  if (found == keys_.end()) return std::nullopt;
  Block& block = found->second;
  const Place place{delivery.ticket.due, delivery.message};
  const bool waited = delivery.order_key == key;
  // One that waited behind the oldest and is here before it: the oldest is no more.
  if (delivery.message == block.first.second || (waited && place > block.first)) {
    block.is_open = true;
  }
  const bool may_go = block.is_open ? waited : delivery.message < block.first.second;
  if (!may_go) {
    block.put_behind(delivery.message);
    return block.last.first;
  }
  if (waited && place >= block.last) keys_.erase(found);
  return std::nullopt;
}

std::optional<core::WallMs> BlockedKeys::block(std::uint64_t key, MessageId message,
                                               core::WallMs due) {
  const Place place{due, message};
  Block* const block = find_or_add(key, place);
  if (block == nullptr) return std::nullopt;
  block->first = place;
  block->is_open = false;
  block->last = std::max(block->last, place);
  return block->last.first;
}

void BlockedKeys::put_behind(std::uint64_t key, MessageId message) noexcept {
  const auto found = keys_.find(key);
  if (found != keys_.end()) found->second.put_behind(message);
}

bool BlockedKeys::put_back(std::uint64_t key, const store::Delivery& delivery) {
  const Place place{delivery.ticket.due, delivery.message};
  const bool is_new = !keys_.contains(key);
  Block* const block = find_or_add(key, place);
  if (block == nullptr) return false;
  if (is_new) block->is_open = true;  // nothing failed: they come back in order
  block->last = std::max(block->last, place);
  return true;
}

void BlockedKeys::restore(std::span<const store::BlockedKey> keys) {
  for (const store::BlockedKey& key : keys) {
    if (keys_.size() == core::limits::kBlockedKeysMax) return;
    keys_[key.key] = {{key.first_due, key.first}, false, {key.last_due, key.last}};
  }
}

BlockedKeys::Block* BlockedKeys::find_or_add(std::uint64_t key, Place place) {
  const auto found = keys_.find(key);
  if (found != keys_.end()) return &found->second;
  if (keys_.size() == core::limits::kBlockedKeysMax) return nullptr;
  return &keys_.emplace(key, Block{place, false, place}).first->second;
}

}  // namespace headrace::dispatch
