// SPDX-License-Identifier: Apache-2.0
// What the committer gives up: messages that are to be erased, and new ones for want of room.
#include <algorithm>
#include <utility>

#include "store/committer.h"
#include "store/log_segment.h"

namespace headrace::store {

namespace {

Error not_running() { return Error{ErrorCode::kUnavailable, "the store is not running", 0}; }

}  // namespace

void Committer::erase(MessageId message, std::function<void(Result<void>)> done) {
  erase(std::vector<MessageId>{message}, [done = std::move(done)](Result<std::size_t> erased) {
    if (!erased) return done(std::move(erased).error());
    if (*erased != 0) return done({});
    done(Error{ErrorCode::kNotFound, "there is no such message", 0});
  });
}

void Committer::erase(std::vector<MessageId> messages,
                      std::function<void(Result<std::size_t>)> done) {
  if (!taking_requests_) return done(not_running());
  erasures_.push_back({std::move(messages), std::move(done)});
  work_ = true;
  intakes_.rearm();
}

// Between two groups, when everything that was appended is indexed.
void Committer::take_erasures() {
  while (indexed_ && !erasures_.empty()) {
    ErasureRequest request = std::move(erasures_.front());
    erasures_.pop_front();
    std::sort(request.messages.begin(), request.messages.end());
    auto erased = store_.erase(request.messages);
    if (!erased) {
      counters_.store_failures.add();
      report(erased.error(), "erase_failed");
      unfinished_ = true;
      // Those that were begun are not found any more, and are erased in the end.
      std::erase_if(request.messages, [this](MessageId message) {
        const auto found = store_.find_message(message);
        return found || found.error().code != ErrorCode::kNotFound;
      });
    }
    erased_in_memory_ += slots_.mark_erased(request.messages);
    if (erased) counters_.erased.add(*erased);
    finisher_.want([this, erased, done = std::move(request.done)](const Result<void>& finished) {
      unfinished_ = unfinished_ || !finished;
      if (!erased || finished) return done(erased);
      done(finished.error());
    });
  }
}

// The ends of deliveries whose messages were erased leave no trace but the room they make.
void Committer::drop_erased() noexcept {
  if (erased_in_memory_ == 0) return;
  std::erase_if(group_.outcomes, [this](const Outcome& outcome) {
    const std::uint32_t slot = outcome.ticket.slot;
    if (slot == DeliverySlots::kNone || !slots_.at(slot).erased) return false;
    Outcome ended = outcome;
    ended.verdict = Verdict::kDelivered;  // nothing of it waits
    close_slot(ended);
    --erased_in_memory_;
    return true;
  });
}

// What could not be erased or finished is tried again, with the retention.
void Committer::finish_erasures_again() {
  if (!std::exchange(unfinished_, false)) return;
  finisher_.want([this](const Result<void>& finished) { unfinished_ = unfinished_ || !finished; });
}

// A segment takes much at once, so it is not waited for the timer.
void Committer::look_at_disk_when_segment_begins() noexcept {
  const std::uint32_t segment = segment_of(store_.end());
  if (std::exchange(segment_, segment) != segment) look_at_disk();
}

void Committer::look_at_disk() noexcept {
  const auto use = store_.measure_disk();
  if (!use) return report(use.error(), "disk_unknown");
  counters_.disk_free_bytes.set(use->free_bytes);
  counters_.disk_used_bytes.set(use->used_bytes);
  if (use->takes_messages == has_room_) return;
  has_room_ = use->takes_messages;
  counters_.out_of_room.set(has_room_ ? 0 : 1);
  if (has_room_) retry_ = work_ = true;  // it is healthy again, if the store takes anything
  if (!has_room_) healthy_.store(false, std::memory_order_relaxed);
  log_.write(has_room_ ? core::LogLevel::kInfo : core::LogLevel::kError,
             has_room_ ? "disk_has_room" : "disk_out_of_room",
             has_room_ ? "messages are taken again"
                       : "messages are refused: the disk is full up to its reserve or its budget",
             {{"free_bytes", static_cast<std::int64_t>(use->free_bytes)},
              {"used_bytes", static_cast<std::int64_t>(use->used_bytes)}});
}

void Committer::refuse_for_room() noexcept {
  if (has_room_ || group_.intakes.empty()) return;
  group_.placed.assign(group_.intakes.size(),
                       Placed{Acceptance::kFull, MessageId{}, LogPosition{}});
  answer();
  group_.intakes.clear();
  group_.placed.clear();
}

}  // namespace headrace::store
