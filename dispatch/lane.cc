// SPDX-License-Identifier: Apache-2.0
#include "dispatch/lane.h"

#include "core/check.h"

namespace headrace::dispatch {

void Lane::Queue::push(Flight& flight) noexcept {
  flight.next = nullptr;
  (last == nullptr ? first : last->next) = &flight;
  last = &flight;
}

Flight* Lane::Queue::pop() noexcept {
  Flight* const flight = first;
  if (flight == nullptr) return nullptr;
  first = flight->next;
  if (first == nullptr) last = nullptr;
  flight->next = nullptr;
  return flight;
}

bool Lane::push(Flight& flight) {
  if (queued_ >= core::limits::kLaneWindowMax) return false;
  ++queued_;
  if (flight.order_key != 0) {
    if (chains_ == nullptr) chains_ = std::make_unique<KeyChains>();
    if (!chains_->enter(flight)) return true;
  }
  queue_of(flight).push(flight);
  return true;
}

Flight* Lane::start_next(core::WallMs now, std::uint32_t in_flight_max,
                         unsigned retry_share_percent) noexcept {
  if (!may_start(now, in_flight_max)) return nullptr;
  const bool retry_next =
      !retries_.empty() && (fresh_.empty() || share_.retries_of(1, retry_share_percent) != 0);
  Flight* const flight = (retry_next ? retries_ : fresh_).pop();
  if (flight == nullptr) return nullptr;
  --queued_;
  ++in_flight_;
  return flight;
}

Flight* Lane::take_queued() noexcept {
  if (queued_ == 0) return nullptr;
  --queued_;
  Flight* flight = fresh_.pop();
  if (flight == nullptr) flight = retries_.pop();
  if (flight == nullptr) return chains_->take_waiting();  // behind one that is in flight
  leave_key(*flight);
  return flight;
}

Flight* Lane::take_behind(Flight& flight) noexcept {
  Flight* const behind = flight.order_key != 0 ? chains_->take_behind(flight) : nullptr;
  if (behind != nullptr) --queued_;
  return behind;
}

void Lane::leave_key(Flight& flight) noexcept {
  if (flight.order_key == 0) return;
  if (Flight* heir = chains_->leave(flight)) queue_of(*heir).push(*heir);
}

void Lane::on_attempt_end(Flight& flight) noexcept {
  HEADRACE_DCHECK(in_flight_ > 0);
  --in_flight_;
  leave_key(flight);
}

core::WallMs Lane::hold(core::WallMs now, std::chrono::milliseconds delay,
                        std::uint32_t probes) noexcept {
  probing_ = true;
  if (on_hold(now)) return hold_until_;
  probes_ = probes;
  hold_until_ = now + static_cast<core::WallMs>(delay.count());
  held_ = true;
  return hold_until_;
}

}  // namespace headrace::dispatch
