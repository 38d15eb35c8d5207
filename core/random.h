// SPDX-License-Identifier: Apache-2.0
// Randomness: a seedable generator for jitter and tests, and the system's for secrets.
#pragma once

#include <cstddef>
#include <cstdint>

namespace headrace::core {

// xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64. Not for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept;
  std::uint64_t next() noexcept;
  // Uniform in [0, bound). Requires: bound > 0.
  std::uint64_t below(std::uint64_t bound) noexcept;

 private:
  std::uint64_t state_[4];
};

// Fills `bytes` from the kernel's generator (getrandom). For tokens, keys and seeds.
void secure_random(void* bytes, std::size_t size) noexcept;
std::uint64_t random_seed() noexcept;

}  // namespace headrace::core
