// SPDX-License-Identifier: Apache-2.0
#include "core/clock.h"

#include <ctime>

namespace headrace::core {
namespace {

std::uint64_t read_clock(clockid_t id) noexcept {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

std::uint64_t SystemClock::steady_ns() const noexcept { return read_clock(CLOCK_MONOTONIC); }

WallMs SystemClock::wall_ms() const noexcept { return read_clock(CLOCK_REALTIME) / 1'000'000; }

}  // namespace headrace::core
