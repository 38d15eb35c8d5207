// SPDX-License-Identifier: Apache-2.0
// Of a lane in order by key: who is at the head of its key, and who waits behind.
//
// Ownership: none; it links flights that a lane has. Invariant: each key has one head, which is
// ready or in flight, and the others of that key behind it in the order in which they came.
// Limits: as many flights as a lane has; nothing is allocated after construction.
#pragma once

#include <array>
#include <cstddef>

#include "dispatch/flight.h"

namespace headrace::dispatch {

class KeyChains {
 public:
  // True: it is the head of its key now. False: it waits behind the head. Requires: it has a key.
  bool enter(Flight& flight) noexcept;
  // The one behind the head, no more in the chain; null when there is none.
  Flight* take_behind(Flight& head) noexcept;
  // The head goes; the one behind it is the head now, and returned. Null: nobody has the key now.
  Flight* leave(Flight& head) noexcept;
  // Any one that waits, no more in its chain; null when none does.
  Flight* take_waiting() noexcept;

 private:
  static constexpr std::size_t kBuckets = 1024;

  static std::size_t bucket_of(std::uint64_t key) noexcept { return key % kBuckets; }

  std::array<Flight*, kBuckets> heads_{};
  std::size_t look_at_ = 0;  // no bucket before this one has any that waits
};

}  // namespace headrace::dispatch
