// SPDX-License-Identifier: Apache-2.0
// Where time comes from. Tests replace it; nothing else in headrace asks the system for the time.
#pragma once

#include <cstdint>

namespace headrace::core {

// Milliseconds of the steady clock: only differences mean anything; never goes back.
using SteadyMs = std::uint64_t;
// Milliseconds since 1970-01-01T00:00Z.
using WallMs = std::uint64_t;

// Threads: all methods from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::uint64_t steady_ns() const noexcept = 0;
  virtual WallMs wall_ms() const noexcept = 0;
};

// The system's clocks. A program needs one.
class SystemClock final : public Clock {
 public:
  std::uint64_t steady_ns() const noexcept override;
  WallMs wall_ms() const noexcept override;
};

}  // namespace headrace::core
