// SPDX-License-Identifier: Apache-2.0
// Simulated time, and what is to happen at which moment of it.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

#include "core/clock.h"

namespace headrace::sim {

using Ns = std::uint64_t;  // of the simulated steady clock

inline constexpr Ns kMs = 1'000'000;
inline constexpr Ns kSecond = 1'000 * kMs;
inline constexpr Ns kNever = std::numeric_limits<Ns>::max();

class SimClock final : public core::Clock {
 public:
  static constexpr core::WallMs kWallStart = 1'700'000'000'000;

  std::uint64_t steady_ns() const noexcept override { return now_; }
  core::WallMs wall_ms() const noexcept override {
    return static_cast<core::WallMs>(static_cast<std::int64_t>(kWallStart + now_ / kMs) + offset_);
  }
  void move_to(Ns now) noexcept { now_ = now; }  // Requires: not back.
  void set_wall(std::int64_t by_ms) noexcept { offset_ += by_ms; }

 private:
  Ns now_ = 1'000 * kSecond;
  std::int64_t offset_ = 0;
};

// Tasks in order of time; those of one moment in the order in which they were put down.
class Agenda {
 public:
  using Task = std::function<void()>;

  explicit Agenda(const SimClock& clock) : clock_(clock) {}

  void after(Ns delay, Task task) { at(clock_.steady_ns() + delay, std::move(task)); }
  void at(Ns when, Task task) { tasks_.push({when, count_++, std::move(task)}); }
  Ns next() const { return tasks_.empty() ? kNever : tasks_.top().when; }
  void run_due() {
    while (next() <= clock_.steady_ns()) {
      const Task task = std::move(tasks_.top().task);
      tasks_.pop();
      task();
    }
  }

 private:
  struct Entry {
    Ns when;
    std::uint64_t order;
    mutable Task task;  // moved out right before it is popped
    bool operator<(const Entry& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };
  const SimClock& clock_;
  std::priority_queue<Entry> tasks_;
  std::uint64_t count_ = 0;
};

}  // namespace headrace::sim
