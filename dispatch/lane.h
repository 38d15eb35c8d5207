// SPDX-License-Identifier: Apache-2.0
// An endpoint's queue and what may leave it: order, in-flight cap, hold and probing.
//
// Retries and fresh deliveries queue apart and share the turns. Of those with the same order key
// one at a time is ready or in flight, the others wait behind it in the order in which they came.
//
// A lane is open, on hold or probing. An attempt that cannot reach the peer at all puts it on hold,
// and so does a breaker that opens: the caller hands back what is queued, and everything that
// failed in the same outage shares one time, so that its order survives. After the hold it probes,
// one delivery at a time, until an answer of any kind shows that the peer is there.
//
// Pure: no clock and no I/O; time comes in as an argument.
// Limits: kLaneWindowMax queued.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/clock.h"
#include "core/limits.h"
#include "dispatch/flight.h"
#include "dispatch/key_chains.h"
#include "store/fair_share.h"

namespace headrace::dispatch {

class Lane {
 public:
  // At the end of its queue. False: the window is full.
  bool push(Flight& flight);

  // Whether the cap and the hold allow another attempt now.
  bool may_start(core::WallMs now, std::uint32_t in_flight_max) noexcept {
    return in_flight_ < (probing_ ? std::min(probes_, in_flight_max) : in_flight_max) &&
           !on_hold(now);
  }
  // Something queued does not wait behind its key.
  bool has_ready() const noexcept { return !fresh_.empty() || !retries_.empty(); }
  // The next that may be attempted now, counted as in flight; null when nothing is ready, the cap
  // (`in_flight_max`, or a few while probing) is reached, or the lane is on hold. While both wait,
  // retries get `retry_share_percent` of the turns; at 100 they come first.
  Flight* start_next(core::WallMs now, std::uint32_t in_flight_max,
                     unsigned retry_share_percent = store::kRetrySharePercentDefault) noexcept;

  // Takes one out of the queue without an attempt; null when it is empty.
  Flight* take_queued() noexcept;
  // The same, of those that wait behind one that is in flight.
  Flight* take_behind(Flight& flight) noexcept;

  // Its attempt ended, in whatever way; the next of its key is ready. Once for each start_next().
  void on_attempt_end(Flight& flight) noexcept;
  // The peer answered something: full width. An answer that was under way when the hold began
  // changes nothing about it.
  void on_reached(core::WallMs now) noexcept {
    if (on_hold(now)) return;
    probing_ = false;
    hold_until_ = 0;
  }
  // Nothing may be attempted for `delay`: the peer could not be reached and the delivery would wait
  // so long, or it is to be left alone. Afterwards `probes` at a time, until it answered. Returns
  // when the hold ends: a hold that is on already is kept as it is.
  core::WallMs hold(core::WallMs now, std::chrono::milliseconds delay,
                    std::uint32_t probes = 1) noexcept;
  // The peer could not be reached, and the delivery is not retried: no hold, but one at a time from
  // here on.
  void on_given_up() noexcept {
    probing_ = true;
    probes_ = 1;
  }

  // A hold that was seen to be over stays so when the clock is set back: what was queued since
  // waits for nothing that would end it again.
  bool on_hold(core::WallMs now) noexcept {
    if (now >= hold_until_) held_ = false;
    return held_;
  }
  core::WallMs hold_until() const noexcept { return hold_until_; }
  bool probing() const noexcept { return probing_; }
  std::size_t queued() const noexcept { return queued_; }
  std::uint32_t in_flight() const noexcept { return in_flight_; }
  bool idle() const noexcept { return queued_ == 0 && in_flight_ == 0; }

 private:
  struct Queue {
    bool empty() const noexcept { return first == nullptr; }
    void push(Flight& flight) noexcept;
    Flight* pop() noexcept;  // null when it is empty

    Flight* first = nullptr;
    Flight* last = nullptr;
  };

  Queue& queue_of(const Flight& flight) noexcept {
    return flight.delivery.is_retry() ? retries_ : fresh_;
  }
  void leave_key(Flight& flight) noexcept;

  Queue fresh_;
  Queue retries_;
  store::FairShare share_;
  std::unique_ptr<KeyChains> chains_;  // null until a delivery has an order key
  std::size_t queued_ = 0;
  std::uint32_t in_flight_ = 0;
  core::WallMs hold_until_ = 0;
  std::uint32_t probes_ = 1;
  bool held_ = false;
  bool probing_ = false;
};

}  // namespace headrace::dispatch
