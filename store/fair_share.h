// SPDX-License-Identifier: Apache-2.0
// Divides turns between deliveries that are tried again and fresh ones, so that neither starves.
//
// Pure. Invariant: of any n turns in a row the retries get n · percent / 100, one more or less.
#pragma once

#include <cstddef>

namespace headrace::store {

// Of the turns of an endpoint for which both kinds wait.
inline constexpr unsigned kRetrySharePercentDefault = 50;

class FairShare {
 public:
  // How many of the next `turns` are the retries'. Requires: percent <= 100.
  std::size_t retries_of(std::size_t turns, unsigned percent) noexcept {
    const std::size_t total = turns * percent + rest_;
    rest_ = total % 100;
    return total / 100;
  }

 private:
  std::size_t rest_ = 0;  // hundredths of a turn
};

}  // namespace headrace::store
