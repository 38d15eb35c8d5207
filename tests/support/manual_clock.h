// SPDX-License-Identifier: Apache-2.0
// Time that a test moves by hand.
//
// Threads: the test's only; a loop that another thread runs needs the system's clock.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/clock.h"

namespace headrace::test {

class ManualClock final : public core::Clock {
 public:
  static constexpr core::WallMs kStart = 1'700'000'000'000;

  std::uint64_t steady_ns() const noexcept override { return steady_ms_ * 1'000'000; }
  core::WallMs wall_ms() const noexcept override { return wall_ms_; }

  // Time passes, on both clocks.
  void advance(std::chrono::milliseconds by) noexcept {
    steady_ms_ += static_cast<std::uint64_t>(by.count());
    wall_ms_ += static_cast<core::WallMs>(by.count());
  }
  // Somebody sets the wall clock; negative: back. The steady clock never notices.
  void set_wall(std::chrono::milliseconds by) noexcept {
    wall_ms_ += static_cast<core::WallMs>(by.count());
  }

 private:
  std::uint64_t steady_ms_ = 1'000'000;
  core::WallMs wall_ms_ = kStart;
};

}  // namespace headrace::test
