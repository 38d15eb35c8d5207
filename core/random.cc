// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"

#include <sys/random.h>

#include <bit>

#include "core/check.h"

namespace headrace::core {

Random::Random(std::uint64_t seed) noexcept {
  for (auto& word : state_) {  // splitmix64
    seed += 0x9e3779b97f4a7c15ULL;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    word = mixed ^ (mixed >> 31);
  }
}

std::uint64_t Random::next() noexcept {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) noexcept {
  // Lemire's multiplication: unbiased after rejecting the short remainder.
  __extension__ using Wide = unsigned __int128;
  const std::uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const Wide product = Wide{next()} * bound;
    if (static_cast<std::uint64_t>(product) >= threshold)
      return static_cast<std::uint64_t>(product >> 64);
  }
}

void secure_random(void* bytes, std::size_t size) noexcept {
  auto* out = static_cast<char*>(bytes);
  while (size != 0) {
    const ssize_t got = getrandom(out, size, 0);
    HEADRACE_CHECK(got > 0);  // cannot fail for a valid buffer once the kernel's pool is seeded
    out += got;
    size -= static_cast<std::size_t>(got);
  }
}

std::uint64_t random_seed() noexcept {
  std::uint64_t seed = 0;
  secure_random(&seed, sizeof(seed));
  return seed;
}

}  // namespace headrace::core
