// SPDX-License-Identifier: Apache-2.0
// Everything that happened, in one number: two runs of a seed that differ anywhere have another.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "tests/sim/agenda.h"

namespace headrace::sim {

class Trace {
 public:
  Trace(const SimClock& clock, bool prints) : clock_(clock), prints_(prints) {}

  void note(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0,
            std::uint64_t c = 0) noexcept {
    ++count_;
    for (const char character : what) mix(static_cast<unsigned char>(character));
    mix(clock_.steady_ns());
    mix(a);
    mix(b);
    mix(c);
    if (!prints_) return;
    const std::uint64_t us = clock_.steady_ns() / 1'000 - 1'000'000'000;
    std::printf("%10.6f %-18.*s %llu %llu %llu\n", static_cast<double>(us) / 1e6,
                static_cast<int>(what.size()), what.data(), static_cast<unsigned long long>(a),
                static_cast<unsigned long long>(b), static_cast<unsigned long long>(c));
  }
  std::uint64_t hash() const noexcept { return hash_; }
  std::uint64_t count() const noexcept { return count_; }
  bool prints() const noexcept { return prints_; }

 private:
  void mix(std::uint64_t value) noexcept {
    hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15u;
    hash_ ^= hash_ >> 29;
  }

  const SimClock& clock_;
  const bool prints_;
  std::uint64_t hash_ = 1;
  std::uint64_t count_ = 0;
};

}  // namespace headrace::sim
