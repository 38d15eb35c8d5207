// SPDX-License-Identifier: Apache-2.0
// The store thread's work: group commit, hand-over of deliveries, and the windows of the lanes.
//
// All that has arrived is one group: append and sync, answer, hand over, index. Groups grow because
// the next one gathers while this one is being synced, and because it waits a little for more where
// events come fast (store/group_pace.h).
//
// A lane (an endpoint) has a window of deliveries in memory. What does not fit waits in the store
// and is read back in order as the window drains. While anything waits, new deliveries of that lane
// wait behind it.
//
// Threads: the store loop; the constructor and destructor run while the loop does not.
// Invariant: a delivery in memory is in exactly one slot, from its hand-over to its outcome.
// Limits: kDeliveriesInMemoryMax, kDeliveryBytesInMemoryMax, kLaneWindowMax; so no mailbox it
// pushes to can be full.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/metrics.h"
#include "store/committer_requests.h"
#include "store/erasure_finisher.h"
#include "store/event_store.h"
#include "store/group_pace.h"
#include "store/lane_terms.h"
#include "store/lane_windows.h"
#include "store/outcome_listener.h"

namespace headrace::store {

struct CommitterCounters {
  core::Counter messages;         // stored
  core::Counter duplicates;       // answered with the first one's id
  core::Counter refused;          // answered 503
  core::Counter groups;           // commits
  core::Counter outcomes;         // recorded
  core::Counter handed_over;      // deliveries given to shards straight from ingest
  core::Counter spilled;          // deliveries that had to wait in the store
  core::Counter loaded;           // deliveries read back
  core::Counter reopened;         // closed deliveries that were opened again
  core::Counter discarded;        // deliveries given up by request
  core::Counter erased;           // messages erased by request
  core::Counter in_memory;        // gauge: deliveries in memory
  core::Counter store_failures;   // failed appends, applies and reads
  core::Counter out_of_room;      // gauge: 1 while messages are refused for want of room
  core::Counter disk_free_bytes;  // gauge: of the file system
  core::Counter disk_used_bytes;  // gauge: by the store
};

class Committer final : private core::BeforeWait {
 public:
  struct Ports {
    core::Mailbox<Intake>& intakes;
    core::Mailbox<Outcome>& outcomes;
    std::vector<core::Mailbox<Answer>*> origins;         // by Intake::origin
    std::vector<core::Mailbox<Delivery>*> shards;        // an endpoint belongs to number % size
    OutcomeListener* listener = nullptr;                 // null: nobody wants to know
    bool finish_erasures_in_place = false;               // false: by a thread of its own
    LaneTermsOf terms;                                   // null: all endpoints have the default
    void (*pause)(std::uint64_t ns) noexcept = nullptr;  // null: no group waits for more
    core::SteadyMs outcomes_wait = 0;  // so long outcomes may wait for a group; 0: not at all
  };

  Committer(core::Loop& loop, EventStore& store, Ports ports, core::LogSink& log);
  ~Committer() override;  // Requires: stopped, or never started.

  // Opens the mailboxes and takes up what waits in the store. On the loop.
  Result<void> start();
  // Handles all that is still queued, makes it durable for a quick next start and closes the
  // mailboxes. On the loop. Requires: ingest and the shards are stopped, so nothing is pushed any
  // more.
  void stop();
  // Of a lane that fails since `told` (Failing::since): it has done so since before, by what is on
  // record from before the start. No effect when that is over. On the loop.
  void extend_failing(EndpointNumber endpoint, core::WallMs told, core::WallMs since,
                      std::uint32_t failures) noexcept;
  // Nothing of the lane is in memory, and nothing waits: looks at one key. On the loop.
  Result<bool> is_drained(EndpointNumber endpoint);
  // Hands over nothing more from now on (draining); intakes are still stored. On the loop.
  void stop_hand_over() noexcept { handing_over_ = false; }

  // --- Requests, on the loop ------------------------------------------------------------------
  // `done` is called on the loop, never before the request returns, once what it reports survives
  // a power cut; it may make the next request. Requests are handled in the order in which they were
  // made. After a failure (kStorageFull, kStorageFailed) a part may have been done; asking again,
  // after a while, is safe. A committer that is not running (any more) answers at once,
  // kUnavailable.

  // Opens deliveries again. kUnavailable: more than limits::kReopeningsQueuedMax would be queued.
  void reopen(std::vector<Reopening> reopenings, std::function<void(Result<ReopenResult>)> done);

  // Hands over nothing of the endpoint until release(): what is accepted for it waits in the
  // store, and what waits is not even looked at. What the shard has already is its own matter, and
  // waits as well once it is handed back. Holds are not remembered over a restart; hold() may be
  // called before start(), so that nothing slips through.
  void hold(EndpointNumber endpoint);
  void release(EndpointNumber endpoint);

  // Ends all that waits for the endpoint at the time of the call as dead (kDiscarded), some in each
  // group, so that a large backlog stalls nothing. What is in memory then ends as it ends; what of
  // it would be tried again, or is handed back, is discarded as well. `done`: how many of those
  // that waited were ended. kCancelled: the committer was stopped before it was through.
  void discard(EndpointNumber endpoint, std::function<void(Result<std::size_t>)> done);

  // Erases messages for good: see EventStore::erase(). What is open of them is given up; an attempt
  // that is under way ends, and leaves no trace. `done`: how many there were, once none of their
  // bytes is left in any file; the first kind: kNotFound when there is none.
  void erase(MessageId message, std::function<void(Result<void>)> done);
  void erase(std::vector<MessageId> messages, std::function<void(Result<std::size_t>)> done);

  // Whether the store takes messages; any thread.
  bool healthy() const noexcept { return healthy_.load(std::memory_order_relaxed); }
  const CommitterCounters& counters() const noexcept { return counters_; }

 private:
  void before_wait() noexcept override;
  static void on_mail(void* self) noexcept { static_cast<Committer*>(self)->work_ = true; }
  static void on_outcomes(void* self) noexcept;
  static void on_window_timer(core::Timer& timer) noexcept;
  static void on_retry_timer(core::Timer& timer) noexcept;
  static void on_retain_timer(core::Timer& timer) noexcept;
  static void on_short_timer(core::Timer& timer) noexcept;
  static void on_outcomes_timer(core::Timer& timer) noexcept;

  LaneTerms terms_of(EndpointNumber endpoint) const;
  Result<void> take_up(LaneWindow& window);
  Result<void> hold_for_first_retry(LaneWindow& window);
  Result<void> find_blocked_keys(LaneWindow& window);
  Result<void> visit_retries(EndpointNumber endpoint,
                             const std::function<bool(const PendingItem&)>& visit);
  bool cycle() noexcept;
  void wait_for_more() noexcept;
  void gather();
  void close_slots() noexcept;
  void append_failed(const Error& error) noexcept;
  void answer() noexcept;
  void hand_over() noexcept;
  std::uint32_t hand_over(const Intake& intake, const Placed& placed, EndpointNumber endpoint,
                          std::uint32_t sharer) noexcept;
  void bound_replay() noexcept;
  void index() noexcept;
  void tell_listener() noexcept;
  void note_health(const Outcome& outcome) noexcept;
  bool refill() noexcept;
  void refill(LaneWindow& window) noexcept;
  PendingQuota quota_of(LaneWindow& window, std::size_t room, core::WallMs now) noexcept;
  bool take_loaded(LaneWindow& window) noexcept;
  bool batch_fits() const noexcept;
  bool is_crowded() const noexcept;
  bool has_turn() noexcept;
  void arm(LaneWindow& window, core::WallMs now) noexcept;
  void arm_timer(LaneWindow& window, core::SteadyMs delay) noexcept;
  void retry_after(core::SteadyMs delay) noexcept;
  void want_refill(LaneWindow& window) noexcept;
  void settle(LaneWindow& window, const Outcome& outcome) noexcept;
  std::uint32_t give(Delivery&& delivery, LaneWindow& window, std::uint32_t sharer) noexcept;
  void report(const Error& error, std::string_view event) noexcept;

  struct ErasureRequest {
    std::vector<MessageId> messages;
    std::function<void(Result<std::size_t>)> done;
  };

  void close_slot(Outcome& outcome) noexcept;
  void take_erasures();
  void drop_erased() noexcept;
  void finish_erasures_again();
  void look_at_disk() noexcept;
  void look_at_disk_when_segment_begins() noexcept;
  void refuse_for_room() noexcept;
  static void on_disk_timer(core::Timer& timer) noexcept;

  void take_requests();
  void take(ReopenRequest& request);
  void take(DiscardRequest& request);
  void discard_marked() noexcept;
  void settle_requests();
  void fail_requests_in_group(const Error& error);
  void finish_requests();

  core::Loop& loop_;
  EventStore& store_;
  core::Mailbox<Intake>& intakes_;
  core::Mailbox<Outcome>& outcomes_;
  std::vector<std::unique_ptr<core::Mailbox<Answer>::Sender>> origins_;
  std::vector<std::unique_ptr<core::Mailbox<Delivery>::Sender>> shards_;
  OutcomeListener* const listener_;
  const LaneTermsOf terms_;
  void (*const pause_)(std::uint64_t ns) noexcept;
  const core::SteadyMs outcomes_wait_;
  GroupPace pace_;
  core::LogSink& log_;

  core::BufferPool pool_;  // payloads that are read back
  Group group_;
  std::vector<Outcome>
      deferred_;  // could not be logged yet (disk full); bounded by the deliveries in memory
  LaneWindows windows_;
  DeliverySlots slots_;
  std::deque<LaneWindow*> refill_queue_;
  std::vector<Delivery> loaded_;
  RequestQueue requests_;
  std::deque<ErasureRequest> erasures_;
  ErasureFinisher finisher_;
  std::size_t erased_in_memory_ = 0;  // deliveries in memory whose messages were erased
  core::Timer disk_timer_;
  std::uint32_t segment_ = 0;  // of the log, that is written
  core::Timer retry_timer_;
  core::Timer retain_timer_;
  core::Timer short_timer_;
  core::Timer outcomes_timer_;
  core::SteadyMs short_since_ = 0;  // no room for a batch since then; 0: there is
  CommitterCounters counters_;
  std::atomic<bool> healthy_{true};
  core::WallMs gathered_at_ = 0;  // all outcomes that were there then are noted
  core::SteadyMs reported_at_ = 0;
  bool work_ = false;
  bool retry_ = false;   // ask the store whether it works again
  bool indexed_ = true;  // false: an apply() failed and was not made up for yet
  bool started_ = false;
  bool taking_requests_ = false;
  bool unfinished_ = false;  // an erasure failed on its way
  bool has_room_ = true;     // on the disk, for new messages
  bool handing_over_ = true;
};

}  // namespace headrace::store
