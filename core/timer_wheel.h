// SPDX-License-Identifier: Apache-2.0
// A hierarchical timing wheel: hundreds of thousands of deadlines, constant cost each.
//
// Pure: no clock and no loop; time comes in as an argument (milliseconds of any steady clock).
// Ownership: a Timer is a member of what it times; it must be disarmed before it is destroyed.
// Invariant: a timer fires at the first advance() whose `now` is at or past its deadline, never
// before. One armed inside `fire` for a time that has come waits for the next advance(), so an
// advance() always ends.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace headrace::core {

// Intrusive node. Set `fire` once; it is called with the timer already disarmed, so it may re-arm
// itself and arm or disarm any other.
struct Timer {
  using Fire = void (*)(Timer&) noexcept;
  Fire fire = nullptr;
  void* owner = nullptr;  // for `fire` to find its object

  bool armed() const noexcept { return next != nullptr; }

  // Private to TimerWheel.
  Timer* next = nullptr;
  Timer* previous = nullptr;
  std::uint64_t deadline = 0;
  std::uint32_t slot = 0;  // the slot it was placed in last, over all levels
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

  // Fires what is due: first what was armed late, then in order of deadline. Returns how many. A
  // `now` before the last one counts as the last one. Not from inside `fire`.
  std::size_t advance(std::uint64_t now) noexcept;

  // A time at which advance() should be called next: never later than the earliest deadline,
  // possibly earlier (a cascade); kNever when nothing is armed.
  std::uint64_t next_wakeup() const noexcept;

  std::size_t size() const noexcept { return size_; }

 private:
  // A slot of level n spans 64^n ms. Eleven levels cover every 64-bit time, so nothing is out of
  // range; those above the fourth (4.6 h a slot) are touched by what is days away only.
  static constexpr unsigned kLevels = 11;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1u << kSlotBits;
  struct Slot {
    unsigned level;
    unsigned index;
    std::uint64_t start;
  };

  void place(Timer& timer) noexcept;
  void unlink(Timer& timer) noexcept;
  Slot earliest_slot() const noexcept;
  void empty_into_due(Slot slot) noexcept;

  std::uint64_t now_;
  std::size_t size_ = 0;
  std::uint32_t levels_occupied_ = 0;                    // a bit a level with an occupied slot
  std::array<std::uint64_t, kLevels> slots_occupied_{};  // a bit a slot
  Timer due_;                                            // list head: fires at the next advance()
  std::array<Timer, kLevels * kSlots> slots_;            // list heads
};

}  // namespace headrace::core
