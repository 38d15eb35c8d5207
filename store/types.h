// SPDX-License-Identifier: Apache-2.0
// What crosses between ingest, store and dispatch: messages coming in, deliveries going out, their
// outcomes.
//
// Ownership: all of these move by value; bytes are shared by reference to their buffer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/http_request.h"
#include "core/numbers.h"
#include "headrace/id.h"

namespace headrace::store {

using core::EndpointNumber;
using core::EventNumber;
using core::LinkNumber;

// The bytes of one message as they are kept, signed and forwarded. The ranges lie in `buffer`.
struct Payload {
  core::BufferRef buffer;
  core::Range
      headers;  // the lines to pass on, each with CRLF: hop-by-hop and reserved ones are not in it
  core::Range query;  // of the request target, without '?'
  core::Range body;   // exactly as received
  core::Method method = core::Method::kPost;

  std::size_t bytes() const noexcept { return std::size_t{headers.size} + query.size + body.size; }
};

// The endpoints that one message goes to: a few in place, many in a buffer.
class Targets {
 public:
  Targets() = default;
  // Requires: `spill` is null, or holds `endpoints.size()` numbers; it is used when they do not fit
  // in place.
  static Targets of(std::span<const EndpointNumber> endpoints, core::BufferRef spill) noexcept;

  std::span<const EndpointNumber> list() const noexcept;
  std::size_t size() const noexcept { return count_; }
  static constexpr std::size_t kInPlace = 6;

 private:
  std::array<EndpointNumber, kInPlace> few_{};
  std::uint32_t count_ = 0;
  core::BufferRef many_;
};

enum class MessageStatus : std::uint8_t {  // Frozen on disk.
  kRouted = 1,                             // an event was found and at least one endpoint wants it
  kUnmatched = 2,                          // no event's selector matched
  kNoEndpoint = 3,                         // an event was found, nobody is registered for it
};

// One accepted request on its way to the log.
struct Intake {
  Payload payload;
  Targets targets;
  core::WallMs received_at = 0;
  Bits128 dedupe_key;  // hash of (link, key); zero: none
  LinkNumber link{};
  EventNumber event = EventNumber::kNone;
  MessageStatus status = MessageStatus::kUnmatched;
  bool is_test = false;
  std::uint16_t origin = 0;  // which answers' mailbox
  std::uint64_t token = 0;   // the origin's own; comes back in the answer
};

enum class Acceptance : std::uint8_t {
  kStored,       // durable under `id`
  kDuplicate,    // seen within the window; `id` is the first one's
  kFull,         // the disk has no room: 503
  kUnavailable,  // the store is failing or closing: 503
};

// What the origin of an intake is told, once.
struct Answer {
  std::uint64_t token = 0;
  MessageId id;
  Acceptance acceptance = Acceptance::kUnavailable;
};

// Where a record begins in the message log: segment number in the upper, offset in the lower half.
// Grows.
enum class LogPosition : std::uint64_t {};

// What the store needs back with the outcome; nobody else looks inside.
struct DeliveryTicket {
  LogPosition position{};             // of the message
  core::WallMs due = 0;               // the time in its pending key; 0: never tried
  std::uint32_t slot = 0;             // in the committer's table of deliveries in memory
  bool pending_entry = false;         // the pending family has an entry for it
  std::uint16_t attempts_before = 0;  // of the delivery: attempts made before its last reopening
};

// The deliveries of one key that wait in the store until a time, behind one that is tried again.
struct BlockedKey {
  std::uint64_t key = 0;
  MessageId last;  // the one that is read last
  core::WallMs last_due = 0;
};

// One message for one endpoint, on its way to a shard.
struct Delivery {
  Payload payload;
  MessageId message;
  core::WallMs received_at = 0;
  EndpointNumber endpoint{};
  LinkNumber link{};
  EventNumber event = EventNumber::kNone;
  std::uint16_t attempts = 0;         // finished before this hand-over
  std::uint16_t attempts_before = 0;  // of these: made before it was last opened again
  bool is_test = false;
  std::uint32_t round = 0;  // of its lane: another one begins once all of the last was taken back
  // Of the order by key that it waited under in the store, as its last outcome said; 0: none.
  std::uint64_t order_key = 0;
  // With the first delivery of a lane after the start: the keys that wait for a retry.
  std::shared_ptr<const std::vector<BlockedKey>> blocked_keys;
  DeliveryTicket ticket;

  // It waited until a time: for its retry, for one before it, or because it was reopened.
  bool is_retry() const noexcept { return ticket.due != 0; }
};

enum class AttemptError : std::uint8_t {  // Frozen on disk; `none` with a status outside 2xx is a
                                          // refusal by the peer.
  kNone = 0,
  kResolve = 1,
  kConnect = 2,
  kConnectTimeout = 3,
  kTls = 4,
  kSend = 5,
  kTimeout = 6,
  kClosed = 7,  // before the answer was whole
  kProtocol = 8,
  kTooLarge = 9,
  kEndpointGone = 10,  // the endpoint was deleted or disabled
  kBlockedAddress = 11,  // nothing may be sent to where the URL leads
  kInvalidUrl = 12,
  kSecret = 13,     // a secret that the request needs is not there
  kDiscarded = 14,  // given up at somebody's request
  kPlainHttp = 15,  // it would go without TLS, and that is not allowed
};
std::string_view to_string(AttemptError error) noexcept;

enum class Verdict : std::uint8_t {  // Frozen on disk.
  kDelivered = 1,
  kRetry = 2,  // again at next_at
  kDead = 3,
  kReturned = 4,   // not attempted: handed back to wait in the store (lane on hold, draining)
  kPostponed = 5,  // not attempted: waits until next_at, behind one of its key that is tried again
};

// What an attempt did to the endpoint's breaker.
enum class BreakerChange : std::uint8_t { kNone, kOpened, kClosed };

constexpr bool is_attempt(Verdict verdict) noexcept {
  return verdict != Verdict::kReturned && verdict != Verdict::kPostponed;
}
// A closed delivery is to be made once more, or a message is to go to an endpoint it did not go to.
struct Reopening {
  MessageId message;
  LogPosition position{};  // of the message (MessageRecord::position)
  EndpointNumber endpoint{};
  // Not kNone: the message is of this event from now on, and routed (it was unmatched, or nobody
  // was registered for its event).
  EventNumber event = EventNumber::kNone;
  core::WallMs due = 0;  // attempted not before this; "now" for at once, 0 counts as 1
};

// The end of one hand-over: an attempt's result, or the delivery handed back.
struct Outcome {
  DeliveryTicket ticket;
  LogPosition logged_at{};  // of its record, once it has one; set by the store
  MessageId message;
  EndpointNumber endpoint{};
  Verdict verdict = Verdict::kReturned;
  AttemptError error = AttemptError::kNone;
  // 1 for the first; of one not attempted: attempts so far. A delivery that is given up without an
  // attempt takes the next number for that, so that nothing on record is written over.
  std::uint16_t attempt = 0;
  std::uint16_t http_status = 0;  // 0: no answer
  core::WallMs started_at = 0;
  std::uint32_t duration_us = 0;
  core::WallMs next_at = 0;     // of kRetry and kPostponed
  std::uint64_t order_key = 0;  // of these: the key whose order they keep; 0: none
  core::WallMs hold_until = 0;  // not 0: the endpoint is on hold; hand over nothing before
  std::uint16_t probes = 1;     // with hold_until: at a time after it, until one is answered
  BreakerChange breaker = BreakerChange::kNone;  // of a breaker that was closed, or is again
  bool blocks = false;       // no fresh one of its endpoint may be handed over before it
  core::BufferRef response;  // captured head and body
  core::Range response_head;
  core::Range response_body;
};

}  // namespace headrace::store
