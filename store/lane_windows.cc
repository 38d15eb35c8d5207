// SPDX-License-Identifier: Apache-2.0
#include "store/lane_windows.h"

#include <algorithm>

#include "core/check.h"
#include "core/limits.h"

namespace headrace::store {

using core::limits::kLaneWindowBytesMax;
using core::limits::kLaneWindowMax;

bool LaneWindow::open_at(core::WallMs now) const noexcept {
  if (waiting || room_at(now) == 0) return false;
  if (!retry_is_due(now)) return true;
  // What comes in as fast as it goes out leaves retries their part of the window.
  return !retries_first() && in_memory - retries < kLaneWindowMax - retries_in_window();
}

// Fresh ones find the rest of the window free, however many retries wait.
std::size_t LaneWindow::retry_room_at(core::WallMs now) const noexcept {
  const std::size_t room = room_at(now);
  if (retries_first()) return room;
  const std::size_t most = retries_in_window();
  return retries < most ? std::min(room, most - retries) : 0;
}

std::size_t LaneWindow::retries_in_window() const noexcept {
  return std::max<std::size_t>(1, kLaneWindowMax * retry_share_percent / 100);
}

std::size_t LaneWindow::room_at(core::WallMs now) const noexcept {
  if (held || rewind || hold_until > now) return 0;
  if (in_memory != 0 && bytes >= kLaneWindowBytesMax) return 0;
  const std::size_t width = untried ? 1 : probing ? probes : kLaneWindowMax;
  return in_memory < width ? width - in_memory : 0;
}

void LaneWindow::rewind_when_empty() noexcept {
  if (!rewind || in_memory != 0) return;
  rewind = false;
  ++round;
  cursor = PendingCursor{};
}

LaneWindow& LaneWindows::at(EndpointNumber endpoint) {
  const auto number = static_cast<std::uint32_t>(endpoint);
  const std::size_t page = number / kPageSize;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (!pages_[page]) {
    pages_[page] = std::make_unique<Page>();
    for (std::size_t i = 0; i < kPageSize; ++i) {
      (*pages_[page])[i].endpoint =
          EndpointNumber{static_cast<std::uint32_t>(page * kPageSize + i)};
    }
  }
  return (*pages_[page])[number % kPageSize];
}

DeliverySlots::DeliverySlots(std::size_t capacity) : slots_(capacity + 1) {
  free_.reserve(capacity);
  for (std::size_t i = capacity; i > 0; --i) free_.push_back(static_cast<std::uint32_t>(i));
}

std::uint32_t DeliverySlots::take(const Delivery& delivery, std::size_t bytes,
                                  std::uint32_t sharer) noexcept {
  HEADRACE_DCHECK(!full());
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.message = delivery.message;
  slot.position = delivery.ticket.position;
  slot.endpoint = delivery.endpoint;
  slot.bytes = static_cast<std::uint32_t>(bytes);
  slot.pending_entry = delivery.ticket.pending_entry;
  slot.used = true;
  slot.discarded = false;
  slot.erased = false;
  join(index, sharer);
  if (!slot.pending_entry) {
    slot.previous = tail_;
    slot.next = kNone;
    (tail_ == kNone ? head_ : slots_[tail_].next) = index;
    tail_ = index;
  }
  return index;
}

DeliverySlots::Slot DeliverySlots::release(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  HEADRACE_CHECK(slot.used);  // an outcome answered twice would free another delivery's slot
  if (!slot.pending_entry && !slot.erased) unlink(slot);
  leave(index);
  const Slot released = slot;
  slot.used = false;
  free_.push_back(index);
  return released;
}

std::size_t DeliverySlots::mark_erased(std::span<const MessageId> messages) noexcept {
  std::size_t count = 0;
  for (Slot& slot : slots_) {
    if (!slot.used || slot.erased) continue;
    if (!std::binary_search(messages.begin(), messages.end(), slot.message)) continue;
    if (!slot.pending_entry) unlink(slot);
    slot.erased = true;
    ++count;
  }
  return count;
}

void DeliverySlots::mark_oldest_pending() noexcept {
  HEADRACE_DCHECK(head_ != kNone);
  Slot& slot = slots_[head_];
  unlink(slot);
  slot.pending_entry = true;
}

void DeliverySlots::mark_discarded(EndpointNumber endpoint, LogPosition before) noexcept {
  for (Slot& slot : slots_) {
    if (slot.used && slot.endpoint == endpoint && slot.position < before) slot.discarded = true;
  }
}

std::vector<MessageId> DeliverySlots::messages_of(EndpointNumber endpoint) const {
  std::vector<MessageId> messages;
  for (const Slot& slot : slots_) {
    if (slot.used && slot.endpoint == endpoint) messages.push_back(slot.message);
  }
  std::sort(messages.begin(), messages.end());
  return messages;
}

bool DeliverySlots::contains(EndpointNumber endpoint, MessageId message) const noexcept {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.used && slot.endpoint == endpoint && slot.message == message;
  });
}

void DeliverySlots::join(std::uint32_t index, std::uint32_t sharer) noexcept {
  Slot& slot = slots_[index];
  if (sharer == kNone) {
    slot.sharer_before = slot.sharer_after = index;
    bytes_ += slot.bytes;
    return;
  }
  slot.sharer_before = sharer;
  slot.sharer_after = slots_[sharer].sharer_after;
  slots_[slot.sharer_after].sharer_before = index;
  slots_[sharer].sharer_after = index;
}

void DeliverySlots::leave(std::uint32_t index) noexcept {
  const Slot& slot = slots_[index];
  if (slot.sharer_after == index) {
    bytes_ -= slot.bytes;
    return;
  }
  slots_[slot.sharer_before].sharer_after = slot.sharer_after;
  slots_[slot.sharer_after].sharer_before = slot.sharer_before;
}

void DeliverySlots::unlink(Slot& slot) noexcept {
  (slot.previous == kNone ? head_ : slots_[slot.previous].next) = slot.next;
  (slot.next == kNone ? tail_ : slots_[slot.next].previous) = slot.previous;
  slot.previous = slot.next = kNone;
}

}  // namespace headrace::store
