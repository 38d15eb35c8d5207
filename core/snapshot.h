// SPDX-License-Identifier: Apache-2.0
// Read-mostly data as an immutable snapshot that is swapped whole.
//
// Threads: publish() and load() from any thread; a SnapshotReader belongs to one thread and costs
// one atomic load while nothing changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace headrace::core {

template <class T>
class SnapshotCell {
 public:
  explicit SnapshotCell(std::shared_ptr<const T> initial) : current_(std::move(initial)) {}

  void publish(std::shared_ptr<const T> next) {
    const std::lock_guard lock(mutex_);
    current_.swap(next);
    version_.fetch_add(1, std::memory_order_release);
  }
  std::shared_ptr<const T> load() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;  // taken only when a reader sees a new version
  std::shared_ptr<const T> current_;
  std::atomic<std::uint64_t> version_{1};
};

template <class T>
class SnapshotReader {
 public:
  explicit SnapshotReader(const SnapshotCell<T>& cell) : cell_(cell) {}

  // The newest snapshot. The reference is valid until the next call.
  const T& get() {
    if (const std::uint64_t version = cell_.version(); version != version_) {
      current_ = cell_.load();
      version_ = version;
    }
    return *current_;
  }

 private:
  const SnapshotCell<T>& cell_;
  std::shared_ptr<const T> current_;
  std::uint64_t version_ = 0;
};

}  // namespace headrace::core
