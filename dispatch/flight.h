// SPDX-License-Identifier: Apache-2.0
// A delivery while a shard has it, and the pool that these come from.
//
// Ownership: the pool owns every Flight; a lane's queue or a connection holds it until its outcome
// is sent. Limits: kDeliveriesInMemoryMax at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/clock.h"
#include "core/limits.h"
#include "store/types.h"

namespace headrace::dispatch {

struct LaneEntry;

struct Flight {
  store::Delivery delivery;
  Flight* next = nullptr;       // in a queue or in the pool
  std::uint64_t order_key = 0;  // 0: in no order
  std::uint64_t order_id = 0;   // of the endpoint's order when it was found
  Flight* next_head = nullptr;  // of KeyChains
  Flight* behind = nullptr;
  Flight* behind_last = nullptr;
  LaneEntry* lane = nullptr;
  std::uint64_t started_ns = 0;  // steady clock
  core::WallMs started_at = 0;
  core::SteadyMs deadline = 0;  // of the whole attempt
  bool reconnected = false;  // a kept-alive connection turned out closed; the second one is fresh
};

class FlightPool {
 public:
  FlightPool() = default;
  FlightPool(const FlightPool&) = delete;
  FlightPool& operator=(const FlightPool&) = delete;
  ~FlightPool();  // Requires: every flight was given back.

  Flight* take() noexcept;  // Null at the limit.
  void give_back(Flight* flight) noexcept;
  std::size_t used() const noexcept { return used_; }

 private:
  static constexpr std::size_t kSlabFlights = 256;
  static constexpr std::size_t kFlightsMax = core::limits::kDeliveriesInMemoryMax;

  std::vector<std::unique_ptr<Flight[]>> slabs_;
  Flight* free_ = nullptr;
  std::size_t used_ = 0;
};

}  // namespace headrace::dispatch
