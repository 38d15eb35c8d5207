// SPDX-License-Identifier: Apache-2.0
#include "dispatch/flight.h"

#include "core/check.h"

namespace headrace::dispatch {

FlightPool::~FlightPool() { HEADRACE_CHECK(used_ == 0); }

Flight* FlightPool::take() noexcept {
  if (free_ == nullptr) {
    if (slabs_.size() * kSlabFlights >= kFlightsMax) return nullptr;
    auto slab = std::make_unique<Flight[]>(kSlabFlights);
    for (std::size_t i = 0; i < kSlabFlights; ++i) {
      slab[i].next = free_;
      free_ = &slab[i];
    }
    slabs_.push_back(std::move(slab));
  }
  Flight* flight = free_;
  free_ = flight->next;
  flight->next = nullptr;
  flight->reconnected = false;
  ++used_;
  return flight;
}

void FlightPool::give_back(Flight* flight) noexcept {
  flight->delivery.payload.buffer.reset();
  flight->lane = nullptr;
  flight->order_key = 0;
  flight->next = free_;
  free_ = flight;
  --used_;
}

}  // namespace headrace::dispatch
