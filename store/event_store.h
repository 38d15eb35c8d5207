// SPDX-License-Identifier: Apache-2.0
// What is durable, as one interface: batches of intakes and outcomes in, deliveries and records out.
//
// Threads: the committer's methods from one thread (the store thread); registry and queries from any thread.
// Contract: when append() succeeds, every intake that it marked kStored survives a power cut (durability fsync).
// Contract: a delivery that was neither delivered nor dead is found again after any crash.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"
#include "store/types.h"

namespace headrace::store {

// Where an intake came to stand.
struct Placed {
  Acceptance acceptance = Acceptance::kUnavailable;
  MessageId id;
  LogPosition position{};
};

// An open delivery that waits in the store.
struct PendingPut {
  EndpointNumber endpoint{};
  core::WallMs due = 0;  // 0: ready, never tried
  MessageId message;
  LogPosition position{};
  std::uint16_t attempts = 0;
  std::uint16_t attempts_before = 0;  // made before it was last opened again
  std::uint64_t order_key = 0;  // see Outcome
};

// A delivery that waits in the store, without its message.
struct PendingItem {
  core::WallMs due = 0;
  MessageId message;
  LogPosition position{};
  std::uint16_t attempts = 0;
  std::uint16_t attempts_before = 0;
  std::uint64_t order_key = 0;
};

// What came of a reopening.
enum class Reopened : std::uint8_t {
  kYes,   // it waits, with `due`
  kOpen,  // the delivery was open anyway (or the group asks twice): nothing was done
  kGone,  // nothing was done: the message fell to the retention, was erased or is unreadable, or was tried too often
};

// One group commit. The committer fills intakes, outcomes and reopenings, append() fills placed and reopened, the
// committer decides what spills, apply() indexes all of it.
struct Group {
  std::vector<Intake> intakes;
  std::vector<Placed> placed;  // one an intake, by append()
  std::vector<Outcome> outcomes;
  std::vector<Reopening> reopenings;
  std::vector<Reopened> reopened;  // one a reopening, by append()
  bool sync = false;               // asks for a sync, also when there is no intake and no reopening
  std::vector<PendingPut> spilled;
  // Every open delivery of a message before this position has a pending entry (or gets one in this group). What lies
  // behind it is replayed when the store is opened.
  LogPosition low_water{};

  void clear() noexcept;
};

// How far an endpoint's waiting deliveries have been handed over. Only grows.
struct PendingCursor {
  MessageId ready_after;       // ready entries up to here were loaded
  core::WallMs due_after = 0;  // retries up to (due_after, due_message) were loaded
  MessageId due_message;
};

// How much one load_pending() may take.
struct PendingQuota {
  std::size_t count_max = 0;
  std::size_t bytes_max = 0;  // of payload, about
  std::size_t retries_max = std::numeric_limits<std::size_t>::max();  // of the count; of the bytes as large a part
};

// What of the bytes is for retries.
constexpr std::size_t retry_bytes_of(const PendingQuota& quota) noexcept {
  if (quota.retries_max >= quota.count_max) return quota.bytes_max;
  return quota.bytes_max / quota.count_max * quota.retries_max;
}

struct PendingLoad {
  std::size_t count = 0;
  bool more_ready = false;                  // ready entries remain behind the cursor
  std::optional<core::WallMs> next_due;     // the earliest retry behind the cursor, due or not
};

struct PendingEndpoint {
  EndpointNumber endpoint{};
  bool has_ready = false;
  std::optional<core::WallMs> next_due;
};

struct MessageRecord {
  MessageId id;
  core::WallMs received_at = 0;
  LinkNumber link{};
  EventNumber event = EventNumber::kNone;
  MessageStatus status = MessageStatus::kUnmatched;
  bool is_test = false;
  std::uint32_t body_bytes = 0;
  LogPosition position{};
};

// An endpoint whose delivery of a message was opened again, or that was added to those it goes to. While its last
// attempt on record is none behind `attempts_before`, it waits.
struct ReopenedTarget {
  EndpointNumber endpoint{};
  std::uint16_t attempts_before = 0;
};

// A message with its bytes, copied out. Event, status and targets are those it has by now; `reopened` in order of
// endpoint.
struct MessageContent {
  MessageRecord record;
  core::Method method = core::Method::kPost;
  std::vector<EndpointNumber> targets;
  std::vector<ReopenedTarget> reopened;
  std::string headers;
  std::string query;
  std::string body;
};

// Who a message goes to: first those it went to when it came, then those that reopenings added, in order of endpoint.
struct MessageTargets {
  MessageRecord record;
  std::vector<EndpointNumber> targets;
  std::vector<ReopenedTarget> reopened;
};

// A delivery that is over and was not delivered.
struct DeadRecord {
  EndpointNumber endpoint{};
  MessageId message;
  EventNumber event = EventNumber::kNone;
  LinkNumber link{};
  core::WallMs died_at = 0;
  std::uint16_t attempts = 0;  // the number of the last one on record
  AttemptError error = AttemptError::kNone;
  std::uint16_t http_status = 0;
};

struct AttemptRecord {
  EndpointNumber endpoint{};
  MessageId message;
  std::uint16_t attempt = 0;
  Verdict verdict = Verdict::kRetry;
  AttemptError error = AttemptError::kNone;
  std::uint16_t http_status = 0;
  core::WallMs started_at = 0;
  std::uint32_t duration_us = 0;
  core::WallMs next_at = 0;
  LogPosition logged_at{};  // of the outcome's record
  std::string response_head;
  std::string response_body;
};

// What the data takes, and whether there is room for more.
struct DiskUse {
  std::uint64_t free_bytes = 0;  // of the file system
  std::uint64_t used_bytes = 0;  // by the store
  bool takes_messages = true;    // false: too little is free, or too much used
};

// A change of the registry: the value to write, or none to delete.
struct DefinitionChange {
  std::string key;
  std::optional<std::string> value;
};

// Puts the endpoints that reopenings added behind the targets, in order of endpoint.
void add_reopened(std::vector<EndpointNumber>& targets, const std::vector<ReopenedTarget>& reopened);

class EventStore {
 public:
  virtual ~EventStore() = default;

  // --- The committer's thread -------------------------------------------------------------------------------

  // Makes intakes, outcomes and reopenings durable: one write and, if an intake was stored, a delivery opened again, or
  // group.sync asks for it, one sync. Fills group.placed: a duplicate within its window (or within the group) is marked
  // so and not stored. Fills group.reopened, which counts from here on: whether a delivery is open is decided by what was on record before the group. On failure no intake
  // was accepted and nothing opened again: kStorageFull (may be tried again later), kStorageFailed (the store accepts
  // nothing more until it is reopened).
  virtual Result<void> append(Group& group) = 0;

  // Indexes an appended group: messages, dedupe keys, attempts, pending entries. A failure leaves the group to be applied
  // again by the next call or by a replay; what was appended is not lost by it.
  virtual Result<void> apply(const Group& group) = 0;

  // The position behind the last appended record.
  virtual LogPosition end() const noexcept = 0;

  // Loads waiting deliveries of one endpoint within `quota`: first retries due at `now` in order of due time, then ready
  // ones in order of message. Ready ones get what retries leave, and at least one when retries may not take all. They
  // keep their pending entries until their outcome.
  // Stops early when `pool` has no room. Appends to `out` with their tickets filled, save `slot`.
  virtual Result<PendingLoad> load_pending(EndpointNumber endpoint, PendingCursor& cursor, core::WallMs now,
                                           const PendingQuota& quota, core::BufferPool& pool,
                                           std::vector<Delivery>& out) = 0;

  // At most `count_max` of what waits for an endpoint, in order of (due, message), behind `after_due` and `after`; a due
  // time of 0 and a zero id begin with the first. Reads no message.
  virtual Result<std::vector<PendingItem>> list_pending(EndpointNumber endpoint, core::WallMs after_due, MessageId after,
                                                        std::size_t count_max) = 0;

  // Every endpoint with something waiting; for the start.
  virtual Result<std::vector<PendingEndpoint>> pending_endpoints() = 0;

  // Makes everything so far durable, so that the next open replays nothing.
  virtual Result<void> checkpoint() = 0;

  // Drops what is older than the retention of its link. Cheap when there is nothing to drop.
  virtual Result<void> retain(core::WallMs now) = 0;

  // Erases messages with all that came of them, and gives up what is open of them; how many there were. On success none
  // is found any more, the log holds none of their bytes nor of the captured responses, and no crash brings them back;
  // what RocksDB's files still hold goes with finish_erasures(). After a failure some may be half erased: they are not
  // found, and are erased for good by the next call, by retain(), or when the store is opened.
  // Requires: the caller lets no outcome of theirs through any more.
  virtual Result<std::size_t> erase(std::span<const MessageId> messages) = 0;
  // Room on the disk as far as the settings ask for it; to be asked about once a second.
  virtual Result<DiskUse> measure_disk() = 0;

  // --- Any thread -------------------------------------------------------------------------------------------

  // Rewrites the files that hold bytes of what was erased: one compaction for all of it. Takes its time.
  virtual Result<void> finish_erasures() = 0;
  // How long messages of each link are kept; others for StoreOptions::retention_ms. What is kept no longer is hidden
  // from the next retain() on, and what was not dropped yet shows again when it is to be kept longer.
  virtual void set_retention(std::map<LinkNumber, std::uint64_t> ms_by_link) = 0;

  // --- The registry, any thread -----------------------------------------------------------------------------

  // All or nothing, and durable when it returns.
  virtual Result<void> change_definitions(std::span<const DefinitionChange> changes) = 0;
  // Every definition whose key begins with `prefix`, in order of key.
  virtual Result<void> scan_definitions(
      std::string_view prefix,
      const std::function<void(std::string_view key, std::string_view value)>& visit) const = 0;
  // Those whose key lies in [from, to), last first, one by one, until `visit` answers false. For what is too many to be
  // read whole. `visit` must not ask the store.
  virtual Result<void> scan_definitions_back(
      std::string_view from, std::string_view to,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
  // Drops all whose key lies in [from, to), however many, at the cost of one; durable when it returns.
  virtual Result<void> drop_definitions(std::string_view from, std::string_view to) = 0;

  // --- Queries, any thread ----------------------------------------------------------------------------------

  // kNotFound when there is none (or it fell to the retention).
  virtual Result<MessageRecord> find_message(MessageId id) const = 0;
  virtual Result<MessageContent> read_message(MessageId id) const = 0;
  // As read_message(), but reads none of the payload, however large it is.
  virtual Result<MessageTargets> read_targets(MessageId id) const = 0;
  // Messages of a link, newest first, older than `before` (a zero id: from the newest), at most `count_max`.
  virtual Result<std::vector<MessageRecord>> list_messages(LinkNumber link, MessageId before,
                                                           std::size_t count_max) const = 0;
  // Attempts of one delivery, in order; empty when none was made yet.
  virtual Result<std::vector<AttemptRecord>> list_attempts(EndpointNumber endpoint, MessageId message) const = 0;
  // Attempts at an endpoint, newest message first, of messages older than `before`, at most about `count_max` but always
  // all attempts of a message.
  virtual Result<std::vector<AttemptRecord>> list_endpoint_attempts(EndpointNumber endpoint, MessageId before,
                                                                    std::size_t count_max) const = 0;
  // Dead deliveries of an endpoint, newest message first, of messages older than `before` (a zero id: from the newest),
  // at most `count_max`. One that is opened again is dead no more.
  virtual Result<std::vector<DeadRecord>> list_dead(EndpointNumber endpoint, MessageId before,
                                                    std::size_t count_max) const = 0;
};

}  // namespace headrace::store
