// SPDX-License-Identifier: Apache-2.0
// A hierarchical timing wheel: hundreds of thousands of deadlines, constant cost each.
//
// Pure: no clock and no loop; time comes in as an argument (milliseconds of any steady clock).
// Ownership: a Timer is a member of what it times; it must be disarmed before it is destroyed.
// Invariant: a timer fires at the first advance() whose `now` is at or past its deadline, never before.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace headrace::core {

// Intrusive node. Set `fire` once; it is called with the timer already disarmed, so it may re-arm itself
// and arm or disarm any other.
struct Timer {
  using Fire = void (*)(Timer&) noexcept;
  Fire fire = nullptr;
  void* owner = nullptr;  // for `fire` to find its object

  bool armed() const noexcept { return next != nullptr; }

  // Private to TimerWheel.
  Timer* next = nullptr;
  Timer* previous = nullptr;
  std::uint64_t deadline = 0;
};

class TimerWheel {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  explicit TimerWheel(std::uint64_t now) noexcept;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms or re-arms. A deadline at or before the time of the last advance() fires at the next one.
  void arm(Timer& timer, std::uint64_t deadline) noexcept;
  void disarm(Timer& timer) noexcept;  // No effect on one that is not armed.

  // Fires what is due, in order of deadline within a millisecond's precision. Returns how many.
  std::size_t advance(std::uint64_t now) noexcept;

  // A time at which advance() should be called next: never later than the earliest deadline, possibly
  // earlier (a cascade); kNever when nothing is armed.
  std::uint64_t next_wakeup() const noexcept;

  std::size_t size() const noexcept { return size_; }

 private:
  // 5 levels of 64 slots: 1 ms, 64 ms, 4 s, 4 min, 4.6 h a slot; 12 days in all, later ones are re-placed.
  static constexpr unsigned kLevels = 5;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1u << kSlotBits;

  void place(Timer& timer) noexcept;

  std::uint64_t now_;
  std::size_t size_ = 0;
  std::array<std::uint64_t, kLevels> occupied_{};  // a bit a slot
  std::array<std::array<Timer, kSlots>, kLevels> slots_{};  // list heads
};

}  // namespace headrace::core
