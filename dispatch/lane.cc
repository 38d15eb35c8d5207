// SPDX-License-Identifier: Apache-2.0
#include "dispatch/lane.h"

#include "core/check.h"

namespace headrace::dispatch {

bool Lane::push(Flight& flight) noexcept {
  if (queued_ >= core::limits::kLaneWindowMax) return false;
  flight.next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = &flight;
  last_ = &flight;
  ++queued_;
  return true;
}

Flight* Lane::start_next(core::WallMs now, std::uint32_t in_flight_max) noexcept {
  if (!may_start(now, in_flight_max)) return nullptr;
  Flight* flight = take_queued();
  if (flight != nullptr) ++in_flight_;
  return flight;
}

Flight* Lane::take_queued() noexcept {
  Flight* flight = first_;
  if (flight == nullptr) return nullptr;
  first_ = flight->next;
  if (first_ == nullptr) last_ = nullptr;
  flight->next = nullptr;
  --queued_;
  return flight;
}

void Lane::on_attempt_end() noexcept {
  HEADRACE_DCHECK(in_flight_ > 0);
  --in_flight_;
}

core::WallMs Lane::hold(core::WallMs now, std::chrono::milliseconds delay,
                        std::uint32_t probes) noexcept {
  probing_ = true;
  if (on_hold(now)) return hold_until_;
  probes_ = probes;
  hold_until_ = now + static_cast<core::WallMs>(delay.count());
  return hold_until_;
}

}  // namespace headrace::dispatch
