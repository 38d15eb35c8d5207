// SPDX-License-Identifier: Apache-2.0
// What a load does while it runs: figures of each interval, for a terminal and for charts.
//
// Threads: a share belongs to one thread that sends. That records latencies into a histogram of its
// own. When it is asked to, which costs it a look at a flag that seldom changes, it changes that
// histogram for the other one and publishes its sums. So nothing is written to shared memory while
// messages are sent, and nobody waits for anybody. All shares have one reader, the monitor's
// thread.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/histogram.h"

namespace headrace::bench_tools {

// Sums since the beginning, and how things are now.
struct LiveCounts {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t accepted = 0;  // 2xx
  std::uint64_t errors = 0;
  std::uint64_t backlog = 0;    // sent, and not answered yet
  std::uint64_t behind_ns = 0;  // how long the next message has been due; of several the longest

  void add(const LiveCounts& other) noexcept;
  bool operator==(const LiveCounts&) const noexcept = default;
};

class alignas(64) LiveShare {
 public:
  // --- the thread that sends ---
  void record(std::uint64_t latency_ns) noexcept { windows_[current_].record(latency_ns); }
  bool is_asked() const noexcept { return state_.load(std::memory_order_relaxed) == State::kAsked; }
  // Gives the reader these sums, and the latencies since the last time if it is_asked().
  void publish(const LiveCounts& counts) noexcept;

  // --- the reader ---
  LiveCounts counts() const noexcept;
  void ask() noexcept;
  bool is_given() const noexcept { return state_.load(std::memory_order_acquire) == State::kGiven; }
  // Adds what was recorded from one ask() to the next; nothing, unless is_given().
  void take(core::Histogram& window) noexcept;
  // All that was not taken. Requires: the other thread has ended.
  void take_rest(core::Histogram& window) noexcept;

  static core::Histogram make_window() { return {1'000, core::Histogram::kHighestDefault, 2}; }

 private:
  enum class State : std::uint8_t { kIdle, kAsked, kGiven };

  std::array<core::Histogram, 2> windows_ = {make_window(), make_window()};
  std::size_t current_ = 0;  // of who sends; the other one is the reader's while kGiven
  std::atomic<State> state_{State::kIdle};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> errors_{0};
  std::atomic<std::uint64_t> backlog_{0};
  std::atomic<std::uint64_t> behind_ns_{0};
};

// What an interval brought.
struct LivePoint {
  double t_s = 0;  // its end, from the start of the load
  double sent_per_s = 0;
  double answered_per_s = 0;
  double accepted_per_s = 0;
  double errors_per_s = 0;
  std::uint64_t backlog = 0;
  double behind_us = 0;
  std::uint64_t count = 0;  // of latencies in it; without any there is no percentile
  double p50_us = 0;
  double p99_us = 0;
};

// Gathers one interval after the other.
class LiveWindow {
 public:
  void add(const core::Histogram& times) noexcept { times_.add(times); }
  // Requires: `at_ns`, from the start, is later than that of the interval before.
  LivePoint close(std::uint64_t at_ns, const LiveCounts& counts) noexcept;
  std::uint64_t from_ns() const noexcept { return from_ns_; }

 private:
  std::uint64_t from_ns_ = 0;
  LiveCounts before_;
  core::Histogram times_ = LiveShare::make_window();
};

struct LiveOptions {
  std::uint64_t interval_ns = 0;         // 0: a twentieth of the duration, 100 ms to 1 s
  std::size_t points_max = 1'000;        // of a series; longer loads have longer intervals in it
  std::uint64_t shown_ns = 950'000'000;  // calls are not closer than that
  std::function<void(const LivePoint&)> show;  // by the monitor's thread; empty: nobody looks
};

// Watches shares from its start() to its stop().
class LiveMonitor {
 public:
  LiveMonitor(LiveOptions options, unsigned shares, std::uint64_t duration_ns);
  ~LiveMonitor();  // Requires: stopped, or never started.
  LiveMonitor(const LiveMonitor&) = delete;
  LiveMonitor& operator=(const LiveMonitor&) = delete;

  LiveShare& share(unsigned index) noexcept { return shares_[index]; }
  // Times count from `start_ns` of the steady clock.
  void start(std::uint64_t start_ns);
  // Requires: the threads that send have ended. Answers all points.
  std::vector<LivePoint> stop();

 private:
  std::uint64_t now() const noexcept;  // from the start
  bool wait_until(std::uint64_t at_ns);
  void run();
  void observe(std::uint64_t at_ns, const core::Histogram& window);
  LiveCounts counts() const noexcept;

  const LiveOptions options_;
  const std::uint64_t interval_ns_;
  const std::uint64_t point_ns_;
  std::vector<LiveShare> shares_;
  LiveWindow shown_;
  LiveWindow charted_;
  std::vector<LivePoint> points_;
  std::uint64_t start_ns_ = 0;

  // What ends it is rare, and waiting for it must not cost: hence a mutex.
  std::mutex mutex_;
  std::condition_variable stopping_;
  bool is_stopped_ = false;
  std::thread thread_;
};

// "12/30s sent 20000/s, answered 19998/s, …", of at most `columns` bytes. `total_s` is how long it
// will send, 0: that is not known.
std::string live_line(const LivePoint& point, double total_s, std::size_t columns);

// A line on standard error that is written over and over; nothing where that is no terminal.
class TerminalLine {
 public:
  explicit TerminalLine(bool is_wanted);
  ~TerminalLine() { clear(); }
  TerminalLine(const TerminalLine&) = delete;
  TerminalLine& operator=(const TerminalLine&) = delete;

  bool is_shown() const noexcept { return is_shown_; }
  std::size_t columns() const noexcept;  // that fit
  void show(std::string_view text);
  void clear();  // Before anything else is written.

 private:
  bool is_shown_;
  bool is_dirty_ = false;
};

}  // namespace headrace::bench_tools
