// SPDX-License-Identifier: Apache-2.0
// When the next group is gathered. A group has costs that do not depend on its size: a write, a
// sync, a batch of RocksDB's, a wake-up of each loop. Where events come fast, a short wait lets a
// group hold many of them; where they come slowly nothing waits.
//
// Pure, but for pause_thread().
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace headrace::store {

class GroupPace {
 public:
  // Events (intakes and outcomes) that share a group's costs well enough.
  static constexpr std::size_t kEnough = 64;
  // A wait has to gather so many more, else nothing is gained by it.
  static constexpr std::size_t kWorthwhile = 16;
  static constexpr std::uint64_t kWaitNsMax = 500'000;

  // How long to wait before a group is gathered at `now_ns`, while so many events are here. 0: not
  // at all.
  std::uint64_t wait_ns(std::uint64_t now_ns, std::size_t here) const noexcept {
    if (ns_per_event_ == 0 || here >= kEnough) return 0;
    const std::uint64_t ready_at = begun_at_ns_ + kEnough * ns_per_event_;
    if (ready_at <= now_ns) return 0;
    const std::uint64_t wait = std::min(ready_at - now_ns, kWaitNsMax);
    return wait / ns_per_event_ < kWorthwhile ? 0 : wait;
  }

  // A group of so many events was gathered.
  void gathered(std::uint64_t now_ns, std::size_t events) noexcept {
    const std::uint64_t passed = now_ns - begun_at_ns_;
    begun_at_ns_ = now_ns;
    // A pause in between says nothing of how fast they come when they come.
    const std::uint64_t each = std::min(passed, kGapNsMax) / std::max<std::size_t>(events, 1);
    ns_per_event_ = ns_per_event_ == 0 ? each : (3 * ns_per_event_ + each) / 4;
  }

 private:
  static constexpr std::uint64_t kGapNsMax = 10'000'000;

  std::uint64_t begun_at_ns_ = 0;
  std::uint64_t ns_per_event_ = 0;  // smoothed over a few groups; 0: not known
};

// Blocks the calling thread for about so long.
void pause_thread(std::uint64_t ns) noexcept;

}  // namespace headrace::store
