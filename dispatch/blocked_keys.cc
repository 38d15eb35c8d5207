// SPDX-License-Identifier: Apache-2.0
#include "dispatch/blocked_keys.h"

namespace headrace::dispatch {

std::optional<core::WallMs> BlockedKeys::arrive(std::uint64_t key, const store::Delivery& delivery,
                                                core::WallMs now) noexcept {
  if (keys_.empty()) return std::nullopt;
  const auto found = keys_.find(key);
  if (found == keys_.end()) return std::nullopt;
  Block& block = found->second;
  const Place place{delivery.ticket.due, delivery.message};
  const bool waited = delivery.order_key == key;
  if (!block.lets_go(place, waited)) return block.move(delivery.message, waited, now);
  if (waited && place >= block.last) keys_.erase(found);
  return std::nullopt;
}

std::optional<core::WallMs> BlockedKeys::block(std::uint64_t key, MessageId message,
                                               core::WallMs due) {
  const Place place{due, message};
  Block* const block = find_or_add(key, place);
  if (block == nullptr) return std::nullopt;
  if (!block->is_open && block->first.second != message) block->note_moved(block->first);
  block->first = place;
  block->is_open = false;
  block->last = std::max(block->last, place);
  return block->last.first;
}

// Whether one that comes from the store may be attempted, and what its coming says.
bool BlockedKeys::Block::lets_go(Place place, bool waited) noexcept {
  if (is_open) return waited;
  if (place.second == first.second) {
    is_open = !moved;
    if (moved) first = *std::exchange(moved, std::nullopt);
    return true;
  }
  if (waited && place > first) {  // read behind the first, and here before it: the first is no more
    is_open = true;
    moved.reset();
    return true;
  }
  return place.second < first.second;
}

// One that waited goes behind all that may have been read by now: otherwise what is later and was
// read together with it would be here before it.
core::WallMs BlockedKeys::Block::move(MessageId message, bool waited, core::WallMs now) noexcept {
  const core::WallMs due = std::max(last.first, now) + 1;
  const Place place{waited ? due : std::max(last.first, now + 1), message};
  last = std::max(last, place);
  if (waited) note_moved(place);
  return place.first;
}

void BlockedKeys::Block::note_moved(Place place) noexcept {
  if (!moved || place.second <= moved->second) moved = place;
}

void BlockedKeys::put_behind(std::uint64_t key, MessageId message) noexcept {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  Place& last = found->second.last;
  last = std::max(last, Place{last.first, message});
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
    keys_[key.key] = {{key.first_due, key.first}, false, std::nullopt, {key.last_due, key.last}};
  }
}

BlockedKeys::Block* BlockedKeys::find_or_add(std::uint64_t key, Place place) {
  const auto found = keys_.find(key);
  if (found != keys_.end()) return &found->second;
  if (keys_.size() == core::limits::kBlockedKeysMax) return nullptr;
  return &keys_.emplace(key, Block{place, false, std::nullopt, place}).first->second;
}

}  // namespace headrace::dispatch
