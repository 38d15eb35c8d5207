// SPDX-License-Identifier: Apache-2.0
// How long the messages of each link are kept, and which have had their time.
//
// Threads: Retention is immutable; Expiry is shared by all, a view of it belongs to one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/snapshot.h"
#include "store/message_ids.h"

namespace headrace::store {

class Retention {
 public:
  // `ms_by_link`: what is not named is kept for `default_ms`.
  explicit Retention(std::uint64_t default_ms,
                     const std::map<core::LinkNumber, std::uint64_t>& ms_by_link = {});

  std::uint64_t of(core::LinkNumber link) const noexcept;
  std::uint64_t longest() const noexcept { return longest_; }
  // The longest among the links first to last, both included.
  std::uint64_t longest_of(core::LinkNumber first, core::LinkNumber last) const noexcept;

 private:
  using Entry = std::pair<core::LinkNumber, std::uint64_t>;

  std::uint64_t default_ms_;
  std::uint64_t longest_;
  std::vector<Entry> entries_;  // by link
};

// The retention as it is set, at the time of the last look at the clock.
class Expiry {
 public:
  // One moment of it.
  class View {
   public:
    View(std::shared_ptr<const Retention> retention, core::WallMs now) noexcept
        : retention_(std::move(retention)), now_(now) {}
    bool keeps(MessageId id) const noexcept {
      return keeps(accepted_at(id), retention_->of(link_of(id)));
    }
    bool keeps(core::WallMs accepted, std::uint64_t retention_ms) const noexcept {
      return now_ <= retention_ms || accepted >= now_ - retention_ms;
    }
    // Whether any link's messages of that time are kept.
    bool may_keep(core::WallMs accepted) const noexcept {
      return keeps(accepted, retention_->longest());
    }
    const Retention& retention() const noexcept { return *retention_; }
    core::WallMs now() const noexcept { return now_; }

   private:
    std::shared_ptr<const Retention> retention_;
    core::WallMs now_;
  };

  explicit Expiry(std::uint64_t default_ms)
      : default_ms_(default_ms), retention_(std::make_shared<Retention>(default_ms)) {}

  void set(const std::map<core::LinkNumber, std::uint64_t>& ms_by_link) {
    retention_.publish(std::make_shared<Retention>(default_ms_, ms_by_link));
  }
  // Never goes back: what is hidden stays hidden when the clock is set back.
  void advance(core::WallMs now) noexcept {
    core::WallMs known = now_.load(std::memory_order_relaxed);
    while (known < now && !now_.compare_exchange_weak(known, now, std::memory_order_relaxed)) {
    }
  }
  View view() const { return {retention_.load(), now_.load(std::memory_order_relaxed)}; }
  // Changes whenever set() was called.
  std::uint64_t version() const noexcept { return retention_.version(); }

 private:
  const std::uint64_t default_ms_;
  core::SnapshotCell<Retention> retention_;
  std::atomic<core::WallMs> now_{0};
};

}  // namespace headrace::store
