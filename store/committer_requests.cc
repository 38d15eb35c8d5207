// SPDX-License-Identifier: Apache-2.0
// The committer's requests: how they take part in a group, and how they end.
#include "store/committer_requests.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/limits.h"
#include "store/committer.h"

namespace headrace::store {

namespace limits = core::limits;

namespace {

Error not_running() { return Error{ErrorCode::kUnavailable, "the store is not running", 0}; }

Outcome discarded(EndpointNumber endpoint, const PendingItem& item, core::WallMs now) noexcept {
  Outcome outcome;
  outcome.ticket.position = item.position;
  outcome.ticket.due = item.due;
  outcome.ticket.slot = DeliverySlots::kNone;
  outcome.ticket.pending_entry = true;
  outcome.ticket.attempts_before = item.attempts_before;
  outcome.message = item.message;
  outcome.endpoint = endpoint;
  outcome.verdict = Verdict::kDead;
  outcome.error = AttemptError::kDiscarded;
  outcome.attempt = static_cast<std::uint16_t>(item.attempts + 1);
  outcome.started_at = now;
  return outcome;
}

}  // namespace

void RequestQueue::push(ReopenRequest request) {
  if (reopenings_ + request.reopenings.size() > limits::kReopeningsQueuedMax) {
    request.reopenings.clear();
    ended_.push_back(
        {std::move(request),
         Error{ErrorCode::kUnavailable, "too many deliveries wait to be opened again already", 0}});
    return;
  }
  reopenings_ += request.reopenings.size();
  waiting_.emplace_back(std::move(request));
}

void RequestQueue::push(DiscardRequest request) { waiting_.emplace_back(std::move(request)); }

void RequestQueue::end_front(std::optional<Error> error) {
  HEADRACE_DCHECK(!waiting_.empty());
  if (const auto* reopen = std::get_if<ReopenRequest>(&waiting_.front())) {
    reopenings_ -= reopen->reopenings.size();
  }
  ended_.push_back({std::move(waiting_.front()), std::move(error)});
  waiting_.pop_front();
}

void RequestQueue::cancel_discards() {
  std::deque<Request> kept;
  for (Request& request : waiting_) {
    if (std::holds_alternative<ReopenRequest>(request)) {
      kept.push_back(std::move(request));
    } else {
      ended_.push_back(
          {std::move(request), Error{ErrorCode::kCancelled, "the store is being closed", 0}});
    }
  }
  waiting_.swap(kept);
}

void RequestQueue::tell() {
  for (Ended& ended : std::exchange(ended_, {})) {
    if (auto* reopen = std::get_if<ReopenRequest>(&ended.request)) {
      if (ended.error) {
        reopen->done(std::move(*ended.error));
      } else {
        reopen->done(reopen->result);
      }
    } else {
      auto& discard = std::get<DiscardRequest>(ended.request);
      if (ended.error) {
        discard.done(std::move(*ended.error));
      } else {
        discard.done(discard.discarded);
      }
    }
  }
}

bool RequestQueue::wants_turn(bool indexed) const noexcept {
  if (!ended_.empty()) return true;
  if (waiting_.empty()) return false;
  return indexed || std::holds_alternative<ReopenRequest>(waiting_.front());
}

void Committer::reopen(std::vector<Reopening> reopenings,
                       std::function<void(Result<ReopenResult>)> done) {
  if (!taking_requests_) return done(not_running());
  ReopenRequest request;
  request.reopenings = std::move(reopenings);
  request.done = std::move(done);
  requests_.push(std::move(request));
  work_ = true;
  intakes_.rearm();
}

void Committer::discard(EndpointNumber endpoint, std::function<void(Result<std::size_t>)> done) {
  if (!taking_requests_) return done(not_running());
  DiscardRequest request;
  request.endpoint = endpoint;
  request.before = store_.end();
  request.done = std::move(done);
  requests_.push(std::move(request));
  work_ = true;
  intakes_.rearm();
}

void Committer::hold(EndpointNumber endpoint) {
  LaneWindow& window = windows_.at(endpoint);
  window.held = true;
  loop_.disarm(window.timer);
}

void Committer::release(EndpointNumber endpoint) {
  LaneWindow& window = windows_.at(endpoint);
  window.failures = 0;  // somebody says that it works again: it has all the time it may fail for
  window.past_known = true;
  if (!std::exchange(window.held, false)) return;
  if (window.waiting || window.next_due) want_refill(window);
  if (!started_) return;
  work_ = true;
  intakes_.rearm();
}

// Reopenings of several requests share a group; a discard has the turn to itself.
void Committer::take_requests() {
  for (RequestQueue::Request& request : requests_.waiting()) {
    if (auto* reopen = std::get_if<ReopenRequest>(&request)) {
      take(*reopen);
      if (reopen->settled + reopen->in_group < reopen->reopenings.size()) return;
      continue;
    }
    const bool first = &request == &requests_.waiting().front();
    if (first && indexed_) take(std::get<DiscardRequest>(request));
    return;
  }
}

void Committer::take(ReopenRequest& request) {
  const core::WallMs now = loop_.wall();
  const std::size_t left = request.reopenings.size() - request.settled;
  request.in_group = std::min(left, limits::kGroupReopeningsMax - group_.reopenings.size());
  for (std::size_t i = 0; i < request.in_group; ++i) {
    Reopening reopening = request.reopenings[request.settled + i];
    reopening.due = std::max<core::WallMs>(reopening.due, 1);
    // Behind what the lane has read already, so that it need not begin again for this.
    const core::WallMs read = windows_.at(reopening.endpoint).cursor.due_after;
    if (reopening.due <= read && read <= now) reopening.due = read + 1;
    group_.reopenings.push_back(reopening);
  }
}

void Committer::take(DiscardRequest& request) {
  if (!std::exchange(request.begun, true)) slots_.mark_discarded(request.endpoint, request.before);
  auto items = store_.list_pending(request.endpoint, request.after_due, request.after,
                                   limits::kDiscardStepMax);
  if (!items) {
    counters_.store_failures.add();
    report(items.error(), "discard_failed");
    return requests_.end_front(std::move(items).error());
  }
  std::vector<MessageId> in_memory;
  if (windows_.at(request.endpoint).in_memory != 0) {
    in_memory = slots_.messages_of(request.endpoint);
  }
  for (const PendingItem& item : *items) {
    request.after_due = item.due;
    request.after = item.message;
    if (item.position >= request.before) continue;
    if (std::binary_search(in_memory.begin(), in_memory.end(), item.message)) continue;
    group_.outcomes.push_back(discarded(request.endpoint, item, loop_.wall()));
    ++request.in_group;
  }
  request.at_end = items->size() < limits::kDiscardStepMax;
  group_.sync = request.at_end && request.discarded + request.in_group != 0;
  if (request.at_end && !group_.sync) requests_.end_front();
}

// What was in memory when its lane was emptied does not come back to wait.
void Committer::discard_marked() noexcept {
  for (Outcome& outcome : group_.outcomes) {
    const bool returned = !is_attempt(outcome.verdict);
    if (!returned && outcome.verdict != Verdict::kRetry) continue;
    if (!slots_.at(outcome.ticket.slot).discarded) continue;
    if (returned) {
      ++outcome.attempt;
      outcome.started_at = loop_.wall();
    }
    outcome.verdict = Verdict::kDead;
    outcome.error = AttemptError::kDiscarded;
    outcome.next_at = 0;
    counters_.discarded.add();
  }
}

// The group is in the log, synced.
void Committer::settle_requests() {
  for (std::size_t i = 0; i < group_.reopenings.size(); ++i) {
    if (group_.reopened[i] != Reopened::kYes) continue;
    const Reopening& reopening = group_.reopenings[i];
    LaneWindow& window = windows_.at(reopening.endpoint);
    window.next_due = std::min(window.next_due.value_or(reopening.due), reopening.due);
    if (reopening.due <= window.cursor.due_after) window.rewind = true;
    window.rewind_when_empty();
    want_refill(window);
    counters_.reopened.add();
  }
  std::size_t next = 0;
  while (!requests_.waiting().empty()) {
    RequestQueue::Request& front = requests_.waiting().front();
    if (auto* discard = std::get_if<DiscardRequest>(&front)) {
      const std::size_t ended = std::exchange(discard->in_group, 0);
      discard->discarded += ended;
      counters_.discarded.add(ended);
      if (!discard->at_end) return;
      requests_.end_front();
      return;
    }
    auto& reopen = std::get<ReopenRequest>(front);
    for (std::size_t i = 0; i < reopen.in_group; ++i, ++next) {
      if (group_.reopened[next] == Reopened::kYes) ++reopen.result.reopened;
      if (group_.reopened[next] == Reopened::kOpen) ++reopen.result.open;
    }
    reopen.settled += std::exchange(reopen.in_group, 0);
    if (reopen.settled < reopen.reopenings.size()) return;
    requests_.end_front();
  }
}

void Committer::fail_requests_in_group(const Error& error) {
  while (!requests_.waiting().empty()) {
    RequestQueue::Request& front = requests_.waiting().front();
    if (const auto* reopen = std::get_if<ReopenRequest>(&front)) {
      if (reopen->in_group == 0) return;
    } else {
      const auto& discard = std::get<DiscardRequest>(front);
      if (!discard.begun) return;
      group_.outcomes.resize(group_.outcomes.size() - discard.in_group);
    }
    requests_.end_front(error);
  }
}

void Committer::finish_requests() { requests_.tell(); }

}  // namespace headrace::store
