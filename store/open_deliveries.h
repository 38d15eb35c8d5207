// SPDX-License-Identifier: Apache-2.0
// How many deliveries of each segment's messages are not over: such a segment outlives its
// retention.
//
// Threads: the store thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "store/log_segment.h"

namespace headrace::store {

class OpenDeliveries {
 public:
  void open(LogPosition message, std::size_t deliveries) {
    if (deliveries != 0) counts_[segment_of(message)] += deliveries;
  }
  void close(LogPosition message) noexcept {
    const auto found = counts_.find(segment_of(message));
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
  }
  std::size_t in_segment(std::uint32_t number) const noexcept {
    const auto found = counts_.find(number);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  std::unordered_map<std::uint32_t, std::size_t> counts_;
};

}  // namespace headrace::store
