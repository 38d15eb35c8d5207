// SPDX-License-Identifier: Apache-2.0
// What a seed decides.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "core/random.h"

namespace headrace::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) noexcept : random_(seed) {}

  std::uint64_t next() noexcept { return random_.next(); }
  std::uint64_t below(std::uint64_t bound) noexcept { return random_.below(bound); }
  // Both ends included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept {
    return low + random_.below(high - low + 1);
  }
  bool one_in(std::uint64_t count) noexcept { return random_.below(count) == 0; }
  template <class T>
  T any_of(std::initializer_list<T> list) noexcept {
    return list.begin()[random_.below(list.size())];
  }

 private:
  core::Random random_;
};

}  // namespace headrace::sim
