// SPDX-License-Identifier: Apache-2.0
// Counters that cost an add, and their text for Prometheus.
//
// Threads: a Counter or Gauge has one writing thread and any number of readers; a family is made of
// many of them (one a loop), and the reader sums. MetricsRegistry: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace headrace::core {

class Counter {
 public:
  // Owner thread only: a plain load and store, no locked instruction.
  void add(std::uint64_t count = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

enum class MetricKind : std::uint8_t { kCounter, kGauge };

// Which counters exist under which name. Entries with equal name and labels are summed.
class MetricsRegistry {
 public:
  // `name` without prefix or suffix rules applied ("headrace_messages_accepted_total"); `labels` as
  // they stand between the braces ("reason=\"full\"") or empty. `counter` must outlive the registry
  // or be removed.
  void add(MetricKind kind, std::string name, std::string help, std::string labels,
           const Counter* counter);
  void remove(const Counter* counter) noexcept;

  // Text exposition format 0.0.4: HELP and TYPE once a name, names sorted.
  std::string prometheus() const;

 private:
  struct Entry {
    MetricKind kind;
    std::string name, help, labels;
    const Counter* counter;
  };
  mutable std::mutex mutex_;  // registration and scraping only
  std::vector<Entry> entries_;
};

}  // namespace headrace::core
