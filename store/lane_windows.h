// SPDX-License-Identifier: Apache-2.0
// The committer's books: which deliveries are in memory, and how far each lane's waiting ones were
// handed over.
//
// Threads: the store loop only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/loop.h"
#include "store/event_store.h"
#include "store/fair_share.h"

namespace headrace::store {

class Committer;

// What the store thread knows of one lane.
struct LaneWindow {
  EndpointNumber endpoint{};
  std::uint32_t in_memory = 0;  // handed over, no outcome yet
  std::uint32_t retries = 0;    // of these: waited until a time
  std::uint32_t forced = 0;     // of these: got a pending entry only to bound the replay
  std::uint32_t round = 0;      // how often the waiting ones were read from the start again
  std::size_t bytes = 0;        // of their buffers, a shared one counted for each
  bool waiting = false;  // never-tried deliveries wait in the store, new ones wait behind them
  bool probing = false;  // after a hold: `probes` at a time until the endpoint answered
  bool untried = false;  // waits since before the start: one, until it is known to be reachable
  bool rewind = false;   // read the waiting ones from the start again, once none is in memory
  bool refill_queued = false;
  bool held = false;  // by request: nothing is handed over, nothing is looked at
  std::uint16_t probes = 1;
  core::WallMs hold_until = 0;   // nothing is handed over before this
  core::WallMs first_until = 0;  // what is due until then comes before all that is fresh
  unsigned retry_share_percent = kRetrySharePercentDefault;
  FairShare share;
  std::optional<core::WallMs> next_due;  // the earliest retry that waits
  core::WallMs failing_since = 0;        // when the first of the failures below began
  std::uint32_t failures = 0;            // attempts in a row that failed
  bool past_known = false;               // an attempt was heard of since the start
  PendingCursor cursor;
  std::shared_ptr<const std::vector<BlockedKey>> blocked_keys;  // the shard is yet to be told
  core::Timer timer;                                            // its owner is this window
  Committer* committer = nullptr;                               // whom the timer tells

  // May a new delivery go straight to the shard?
  bool open_at(core::WallMs now) const noexcept;
  // How many more deliveries the shard may be given now.
  std::size_t room_at(core::WallMs now) const noexcept;
  // How many of these may be retries, whatever waits besides.
  std::size_t retry_room_at(core::WallMs now) const noexcept;
  bool retry_is_due(core::WallMs now) const noexcept { return next_due && *next_due <= now; }
  // The retries that wait come before all that is fresh: one of them holds up the lane, or a hold
  // ends with them.
  bool retries_first() const noexcept { return probing || (next_due && *next_due <= first_until); }
  // How many retries the window may hold.
  std::size_t retries_in_window() const noexcept;
  // Has the waiting ones read from the start again, if that is asked for and none is in memory.
  void rewind_when_empty() noexcept;
  // Whether what waits until `due` was passed over already.
  bool has_read(core::WallMs due, MessageId message) const noexcept {
    return due < cursor.due_after || (due == cursor.due_after && message <= cursor.due_message);
  }
};

// Windows by endpoint number, in pages that never move.
class LaneWindows {
 public:
  // Makes the window on first use.
  LaneWindow& at(EndpointNumber endpoint);

  template <class Visit>
  void for_each(Visit visit) {
    for (auto& page : pages_) {
      if (!page) continue;
      for (LaneWindow& window : *page) visit(window);
    }
  }

 private:
  static constexpr std::size_t kPageSize = 64;
  using Page = std::array<LaneWindow, kPageSize>;
  std::vector<std::unique_ptr<Page>> pages_;
};

// Deliveries in memory. Those without a pending entry form a list in log order: its front is the
// low-water mark.
class DeliverySlots {
 public:
  static constexpr std::uint32_t kNone = 0;

  struct Slot {
    MessageId message;
    LogPosition position{};
    EndpointNumber endpoint{};
    std::uint32_t bytes = 0;  // of the buffer
    bool pending_entry = false;
    bool used = false;
    bool discarded = false;  // is dead unless it is delivered now
    bool erased = false;     // its end is of no consequence
    std::uint32_t previous = kNone;
    std::uint32_t next = kNone;
    // The deliveries of one message share its buffer: a ring.
    std::uint32_t sharer_before = kNone;
    std::uint32_t sharer_after = kNone;
  };

  explicit DeliverySlots(std::size_t capacity);

  // Requires: !full(). Deliveries without a pending entry come in log order. `sharer`: a slot in
  // use whose delivery has the same buffer, or kNone.
  std::uint32_t take(const Delivery& delivery, std::size_t bytes,
                     std::uint32_t sharer = kNone) noexcept;
  // The slot's content; it is free afterwards.
  Slot release(std::uint32_t index) noexcept;

  // Requires: in use.
  const Slot& at(std::uint32_t index) const noexcept { return slots_[index]; }
  // Linear. Marks what is in memory of the endpoint's messages before the position as discarded.
  void mark_discarded(EndpointNumber endpoint, LogPosition before) noexcept;
  // Linear. Marks what is in memory of those messages as erased; none of it holds the low-water mark.
  // How many there are. Requires: sorted.
  std::size_t mark_erased(std::span<const MessageId> messages) noexcept;
  // Linear. Whose deliveries to the endpoint are in memory, sorted.
  std::vector<MessageId> messages_of(EndpointNumber endpoint) const;

  bool full() const noexcept { return free_.empty(); }
  std::size_t size() const noexcept { return slots_.size() - 1 - free_.size(); }
  std::size_t free() const noexcept { return free_.size(); }
  // Of the buffers; one that several deliveries share counts once, until the last of them is
  // released.
  std::size_t bytes() const noexcept { return bytes_; }

  // The oldest one without a pending entry, or null.
  const Slot* oldest() const noexcept { return head_ == kNone ? nullptr : &slots_[head_]; }
  // Takes it out of the list: it has a pending entry from now on.
  void mark_oldest_pending() noexcept;
  // Linear; for the rare lane that has forced entries.
  bool contains(EndpointNumber endpoint, MessageId message) const noexcept;

 private:
  void unlink(Slot& slot) noexcept;
  void join(std::uint32_t index, std::uint32_t sharer) noexcept;
  void leave(std::uint32_t index) noexcept;

  std::vector<Slot> slots_;  // index 0 is kNone
  std::vector<std::uint32_t> free_;
  std::size_t bytes_ = 0;
  std::uint32_t head_ = kNone;
  std::uint32_t tail_ = kNone;
};

}  // namespace headrace::store
