// SPDX-License-Identifier: Apache-2.0
// A timer lies at the level of the highest 6-bit digit in which its deadline differs from the
// present time. So a lower level is always due before a higher one, and the lowest occupied slot of
// the lowest occupied level is the next thing that happens: a jump in time visits occupied slots
// only.
#include "core/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "core/check.h"

namespace headrace::core {
namespace {

void make_empty(Timer& head) noexcept { head.next = head.previous = &head; }

bool is_empty(const Timer& head) noexcept { return head.next == &head; }

void append(Timer& head, Timer& timer) noexcept {
  timer.next = &head;
  timer.previous = head.previous;
  head.previous->next = &timer;
  head.previous = &timer;
}

// Moves all of `from` behind the last of `to`.
void append_all(Timer& to, Timer& from) noexcept {
  if (is_empty(from)) return;
  from.next->previous = to.previous;
  to.previous->next = from.next;
  from.previous->next = &to;
  to.previous = from.previous;
  make_empty(from);
}

}  // namespace

TimerWheel::TimerWheel(std::uint64_t now) noexcept : now_(now) {
  make_empty(due_);
  for (Timer& head : slots_) make_empty(head);
}

void TimerWheel::arm(Timer& timer, std::uint64_t deadline) noexcept {
  HEADRACE_DCHECK(timer.fire != nullptr);
  if (timer.armed()) {
    unlink(timer);
  } else {
    ++size_;
  }
  timer.deadline = deadline;
  place(timer);
}

void TimerWheel::disarm(Timer& timer) noexcept {
  if (!timer.armed()) return;
  unlink(timer);
  --size_;
}

std::size_t TimerWheel::advance(std::uint64_t now) noexcept {
  now = std::max(now, now_);
  while (levels_occupied_ != 0) {
    const Slot slot = earliest_slot();
    if (slot.start > now) break;
    now_ = slot.start;
    empty_into_due(slot);
  }
  now_ = now;  // no occupied slot begins before, so every placement still holds
  Timer firing;
  make_empty(firing);
  append_all(firing, due_);
  std::size_t fired = 0;
  while (!is_empty(firing)) {
    Timer& timer = *firing.next;
    unlink(timer);
    --size_;
    ++fired;
    timer.fire(timer);
  }
  return fired;
}

std::uint64_t TimerWheel::next_wakeup() const noexcept {
  if (!is_empty(due_)) return now_;
  return levels_occupied_ == 0 ? kNever : earliest_slot().start;
}

void TimerWheel::place(Timer& timer) noexcept {
  if (timer.deadline <= now_) {
    append(due_, timer);
    return;
  }
  const auto highest_bit = static_cast<unsigned>(63 - std::countl_zero(timer.deadline ^ now_));
  const unsigned level = highest_bit / kSlotBits;
  const auto index = static_cast<unsigned>(timer.deadline >> (level * kSlotBits)) % kSlots;
  timer.slot = level * kSlots + index;
  append(slots_[timer.slot], timer);
  slots_occupied_[level] |= std::uint64_t{1} << index;
  levels_occupied_ |= 1u << level;
}

// A timer that was moved to the due list still names its former slot; that slot is then either
// empty, and its bit is clear already, or in use again and left alone.
void TimerWheel::unlink(Timer& timer) noexcept {
  timer.previous->next = timer.next;
  timer.next->previous = timer.previous;
  timer.next = timer.previous = nullptr;
  if (!is_empty(slots_[timer.slot])) return;
  const unsigned level = timer.slot / kSlots;
  slots_occupied_[level] &= ~(std::uint64_t{1} << (timer.slot % kSlots));
  if (slots_occupied_[level] == 0) levels_occupied_ &= ~(1u << level);
}

// Requires: a level is occupied.
TimerWheel::Slot TimerWheel::earliest_slot() const noexcept {
  const auto level = static_cast<unsigned>(std::countr_zero(levels_occupied_));
  const auto index = static_cast<unsigned>(std::countr_zero(slots_occupied_[level]));
  const unsigned shift = level * kSlotBits;
  const std::uint64_t above =
      shift + kSlotBits >= 64 ? 0 : now_ >> (shift + kSlotBits) << (shift + kSlotBits);
  return {level, index, above | std::uint64_t{index} << shift};
}

void TimerWheel::empty_into_due(Slot slot) noexcept {
  Timer& head = slots_[slot.level * kSlots + slot.index];
  slots_occupied_[slot.level] &= ~(std::uint64_t{1} << slot.index);
  if (slots_occupied_[slot.level] == 0) levels_occupied_ &= ~(1u << slot.level);
  if (slot.level == 0) {
    append_all(due_, head);
    return;
  }
  Timer cascading;
  make_empty(cascading);
  append_all(cascading, head);
  while (!is_empty(cascading)) {
    Timer& timer = *cascading.next;
    cascading.next = timer.next;
    timer.next->previous = &cascading;
    place(timer);
  }
}

}  // namespace headrace::core
