// SPDX-License-Identifier: Apache-2.0
#include "dispatch/key_chains.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace headrace::dispatch {

bool KeyChains::enter(Flight& flight) noexcept {
  HEADRACE_DCHECK(flight.order_key != 0);
  const std::size_t bucket = bucket_of(flight.order_key);
  Flight* head = heads_[bucket];
  while (head != nullptr && head->order_key != flight.order_key) head = head->next_head;
  flight.next = flight.behind = flight.behind_last = nullptr;
  if (head == nullptr) {
    flight.next_head = std::exchange(heads_[bucket], &flight);
    return true;
  }
  (head->behind == nullptr ? head->behind : head->behind_last->next) = &flight;
  head->behind_last = &flight;
  look_at_ = std::min(look_at_, bucket);
  return false;
}

Flight* KeyChains::take_behind(Flight& head) noexcept {
  Flight* const first = head.behind;
  if (first == nullptr) return nullptr;
  head.behind = std::exchange(first->next, nullptr);
  if (head.behind == nullptr) head.behind_last = nullptr;
  return first;
}

Flight* KeyChains::leave(Flight& head) noexcept {
  Flight** at = &heads_[bucket_of(head.order_key)];
  while (*at != &head) at = &(*at)->next_head;
  Flight* const heir = take_behind(head);
  if (heir == nullptr) {
    *at = head.next_head;
  } else {
    heir->behind = std::exchange(head.behind, nullptr);
    heir->behind_last = std::exchange(head.behind_last, nullptr);
    heir->next_head = head.next_head;
    *at = heir;
  }
  head.next_head = nullptr;
  return heir;
}

Flight* KeyChains::take_waiting() noexcept {
  for (; look_at_ < kBuckets; ++look_at_) {
    for (Flight* head = heads_[look_at_]; head != nullptr; head = head->next_head) {
      if (Flight* waiting = take_behind(*head)) return waiting;
    }
  }
  return nullptr;
}

}  // namespace headrace::dispatch
