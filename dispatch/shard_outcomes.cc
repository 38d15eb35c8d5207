// SPDX-License-Identifier: Apache-2.0
// From the end of an attempt to its outcome.
#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "dispatch/shard.h"

namespace headrace::dispatch {

using store::AttemptError;
using store::Outcome;
using store::Verdict;

namespace {

constexpr core::SteadyMs kWarnEveryMs = 1000;

Outcome outcome_of(const store::Delivery& delivery, Verdict verdict) noexcept {
  Outcome outcome;
  outcome.ticket = delivery.ticket;
  outcome.message = delivery.message;
  outcome.endpoint = delivery.endpoint;
  outcome.verdict = verdict;
  outcome.attempt = delivery.attempts;
  return outcome;
}

// By what a failed delivery is judged. Null: its endpoint was deleted while the attempt ran.
RetryTerms terms_of(const Endpoint* endpoint) {
  static const RetryPolicy no_retries = std::move(RetryPolicy::of_list({})).value();
  if (endpoint == nullptr) return {no_retries};
  const EndpointSettings& settings = endpoint->settings;
  return {settings.retry, settings.retry_rules, settings.retry_after_max};
}

}  // namespace

void Shard::on_attempt_end(Connection& connection, Flight& flight, const AttemptEnd& end) noexcept {
  LaneEntry& entry = *flight.lane;
  if (connection.idle()) keep_idle(entry, connection);
  conclude(entry, flight, end);
}

void Shard::conclude(LaneEntry& entry, Flight& flight, const AttemptEnd& end) noexcept {
  refresh(entry);
  const store::Delivery& delivery = flight.delivery;
  const auto attempt = static_cast<std::uint16_t>(delivery.attempts + 1);
  const Judgement judgement =
      judge({end.error, end.http_status, end.retry_after_seconds}, terms_of(entry.endpoint.get()),
            attempt - std::uint32_t{delivery.attempts_before}, random_.next());
  const std::uint64_t now_ns = loop_.clock().steady_ns();
  Outcome outcome = outcome_of(delivery, judgement.verdict);
  outcome.error = end.error;
  outcome.attempt = attempt;
  outcome.http_status = end.http_status;
  outcome.started_at = flight.started_at;
  outcome.duration_us = static_cast<std::uint32_t>((now_ns - flight.started_ns) / 1000);
  keep_answer(end, outcome);
  count(judgement.verdict);
  settle_width(entry, flight, end);
  entry.used_at = now_ns / 1'000'000;
  settle_lane(entry, end, judgement, outcome);
  const core::WallMs postponed_to = settle_key(entry, flight, outcome);
  const core::WallMs hold_until = outcome.hold_until;
  if (hold_until != 0 && entry.endpoint != nullptr && entry.endpoint->keeps_order()) {
    turn_back(entry, delivery.round);
  }
  push(std::move(outcome));
  // Behind it on record as well: a crash that forgets one forgets what came later, too.
  if (postponed_to != 0) postpone_behind(entry, flight, postponed_to);
  entry.lane.on_attempt_end(flight);
  flights_.give_back(&flight);
  if (hold_until != 0) return hand_back_queue(entry, hold_until);
  pump(entry);
}

// What the attempt says about the endpoint, and what that says about the delivery's next time. A
// breaker that opens is a hold: what waits is handed back and keeps its place and its schedule.
void Shard::settle_lane(LaneEntry& entry, const AttemptEnd& end, const Judgement& judgement,
                        Outcome& outcome) noexcept {
  const core::WallMs now = wall_ms();
  const bool was_on_hold = entry.lane.on_hold(now);
  const bool retried = judgement.verdict == Verdict::kRetry;
  const bool unreachable = is_unreachable(end.error);
  const std::chrono::milliseconds open_for = settle_breaker(entry, end, now, outcome.breaker);
  if (end.http_status != 0 && entry.breaker.closed()) entry.lane.on_reached(now);
  if (retried) outcome.next_at = now + static_cast<core::WallMs>(judgement.delay.count());
  if (retried && (unreachable || entry.endpoint->blocks())) {
    if (unreachable && !was_on_hold) note_unreachable(entry, end.error);
    const auto delay = std::max<std::chrono::milliseconds>(judgement.delay, open_for);
    outcome.next_at = outcome.hold_until = entry.lane.hold(now, delay);
    outcome.blocks = entry.endpoint->blocks();
  } else if (open_for.count() != 0) {
    outcome.probes = static_cast<std::uint16_t>(entry.endpoint->settings.breaker->probes);
    outcome.hold_until = entry.lane.hold(now, open_for, outcome.probes);
  } else if (unreachable) {
    entry.lane.on_given_up();
  }
}

// A delivery that is tried again blocks its key. Returns the time until which those behind it are
// put off; 0: they are not. When more keys are blocked than are remembered, all of the lane waits.
core::WallMs Shard::settle_key(LaneEntry& entry, const Flight& flight, Outcome& outcome) noexcept {
  const std::uint64_t key = flight.order_key;
  if (key == 0 || outcome.verdict != Verdict::kRetry || !entry.endpoint->blocks_key()) return 0;
  if (flight.order_id != entry.order_id) return 0;
  const core::WallMs now = wall_ms();
  outcome.order_key = key;
  outcome.next_at = std::max(outcome.next_at, now + 1);  // later than all that was read already
  if (auto due = entry.blocked.block(key, outcome.message, outcome.next_at)) {
    return outcome.next_at = *due;
  }
  outcome.next_at = outcome.hold_until =
      entry.lane.hold(now, std::chrono::milliseconds{outcome.next_at - now});
  outcome.blocks = true;
  return 0;
}

void Shard::postpone_behind(LaneEntry& entry, Flight& flight, core::WallMs due) noexcept {
  while (Flight* behind = entry.lane.take_behind(flight)) {
    entry.blocked.put_behind(flight.order_key, behind->delivery.message);
    postpone(behind->delivery, flight.order_key, due);
    flights_.give_back(behind);
  }
}

void Shard::postpone(const store::Delivery& delivery, std::uint64_t key,
                     core::WallMs due) noexcept {
  Outcome outcome = outcome_of(delivery, Verdict::kPostponed);
  outcome.next_at = due;
  outcome.order_key = key;
  counters_.postponed.add();
  push(std::move(outcome));
}

// All of this round goes back behind the delivery that failed, what is in the mail yet included,
// however short the hold. The store begins another round once it has everything back.
void Shard::turn_back(LaneEntry& entry, std::uint32_t round) noexcept {
  entry.turning_back = true;
  entry.round = round;
}

void Shard::settle_width(LaneEntry& entry, const Flight& flight, const AttemptEnd& end) noexcept {
  if (entry.endpoint == nullptr || !entry.endpoint->settings.adaptive) return;
  const std::uint32_t cap = entry.endpoint->settings.in_flight_max;
  if (is_overload(end.error, end.http_status)) {
    entry.width.on_overload(flight.started_ns, loop_.clock().steady_ns(), cap);
  } else if (health_of(end.error, end.http_status) == Health::kGood) {
    entry.width.on_success(entry.lane.in_flight(), cap);
  }
}

// How long the endpoint is left alone from now on; 0: nothing changed about that. What ends during
// a hold belongs to the outage that it was made for, and one outage counts once.
std::chrono::milliseconds Shard::settle_breaker(LaneEntry& entry, const AttemptEnd& end,
                                                core::WallMs now,
                                                store::BreakerChange& told) noexcept {
  if (entry.endpoint == nullptr || !entry.endpoint->settings.breaker) {
    reset_breaker(entry);
    return {};
  }
  if (entry.lane.on_hold(now)) return {};
  const bool was_closed = entry.breaker.closed();
  const Breaker::Change change = entry.breaker.on_end(health_of(end.error, end.http_status), now,
                                                      *entry.endpoint->settings.breaker);
  if (change == Breaker::Change::kNone) return {};
  if (change == Breaker::Change::kClosed) {
    --breakers_open_;
    told = store::BreakerChange::kClosed;
  } else if (was_closed) {
    ++breakers_open_;
    told = store::BreakerChange::kOpened;
  }
  note_breaker(entry, change);
  if (change == Breaker::Change::kClosed) return {};
  return std::chrono::milliseconds{entry.breaker.open_until() - now};
}

void Shard::reset_breaker(LaneEntry& entry) noexcept {
  if (entry.breaker.closed()) return;
  entry.breaker.reset();
  counters_.breakers_open.set(--breakers_open_);
}

void Shard::note_breaker(const LaneEntry& entry, Breaker::Change change) noexcept {
  const bool opened = change == Breaker::Change::kOpened;
  if (opened) counters_.breaker_opens.add();
  counters_.breakers_open.set(breakers_open_);
  if (!may_warn()) return;
  log_.write(opened ? core::LogLevel::kWarning : core::LogLevel::kInfo,
             opened ? "breaker_opened" : "breaker_closed",
             opened ? "An endpoint fails at nearly everything; its deliveries wait."
                    : "An endpoint works again; its deliveries go on.",
             {{"endpoint", static_cast<std::int64_t>(entry.number)},
              {"host", std::string_view{entry.endpoint->url.host}}});
}

bool Shard::may_warn() noexcept {
  const core::SteadyMs now = now_ms();
  if (warned_at_ != 0 && now < warned_at_ + kWarnEveryMs) return false;
  warned_at_ = now;
  return true;
}

void Shard::note_missing_secret(const LaneEntry& entry) noexcept {
  if (!may_warn()) return;
  log_.write(core::LogLevel::kWarning, "secret_missing",
             "An endpoint names a secret that is not there; its deliveries wait.",
             {{"endpoint", static_cast<std::int64_t>(entry.number)},
              {"secret", std::string_view{entry.endpoint->settings.missing_secret}}});
}

void Shard::note_unreachable(const LaneEntry& entry, AttemptError error) noexcept {
  counters_.holds.add();
  if (!may_warn()) return;
  // The host only: a path or query may be a secret.
  log_.write(core::LogLevel::kWarning, "endpoint_unreachable",
             "An endpoint cannot be reached; its deliveries wait.",
             {{"endpoint", static_cast<std::int64_t>(entry.number)},
              {"host", std::string_view{entry.endpoint->url.host}},
              {"reason", store::to_string(error)}});
}

void Shard::count(Verdict verdict) noexcept {
  if (verdict == Verdict::kDelivered) return counters_.delivered.add();
  counters_.failed.add();
  (verdict == Verdict::kRetry ? counters_.retried : counters_.dead).add();
}

void Shard::keep_answer(const AttemptEnd& end, Outcome& outcome) noexcept {
  const std::size_t size = end.head.size() + end.body.size();
  if (size == 0) return;
  outcome.response = answers_.acquire(size);
  if (!outcome.response) return counters_.responses_dropped.add();
  char* const bytes = outcome.response.data();
  std::memcpy(std::copy(end.head.begin(), end.head.end(), bytes), end.body.data(), end.body.size());
  outcome.response_head = {0, static_cast<std::uint32_t>(end.head.size())};
  outcome.response_body = {outcome.response_head.size, static_cast<std::uint32_t>(end.body.size())};
}

void Shard::hand_back(const store::Delivery& delivery, core::WallMs hold_until) noexcept {
  Outcome outcome = outcome_of(delivery, Verdict::kReturned);
  outcome.hold_until = hold_until;
  counters_.returned.add();
  push(std::move(outcome));
}

void Shard::hand_back_queue(LaneEntry& entry, core::WallMs hold_until) noexcept {
  while (Flight* flight = entry.lane.take_queued()) {
    put_back(entry, *flight, hold_until);
    flights_.give_back(flight);
  }
}

// As hand_back(). One that waited in order of its key does so again.
void Shard::put_back(LaneEntry& entry, const Flight& flight, core::WallMs hold_until) noexcept {
  const store::Delivery& delivery = flight.delivery;
  if (entry.endpoint != nullptr && entry.endpoint->keeps_order()) turn_back(entry, delivery.round);
  const bool waited = flight.order_key != 0 && delivery.order_key == flight.order_key;
  if (!waited || entry.endpoint == nullptr || !entry.endpoint->blocks_key() ||
      entry.blocked.put_back(flight.order_key, delivery)) {
    return hand_back(delivery, hold_until);
  }
  Outcome outcome = outcome_of(delivery, Verdict::kReturned);
  outcome.hold_until = hold_until;
  outcome.blocks = true;
  counters_.returned.add();
  push(std::move(outcome));
}

void Shard::bury(const store::Delivery& delivery) noexcept {
  Outcome outcome = outcome_of(delivery, Verdict::kDead);
  ++outcome.attempt;  // no attempt, but what is on record of the last one stays
  outcome.error = AttemptError::kEndpointGone;
  outcome.started_at = wall_ms();
  counters_.dead.add();
  push(std::move(outcome));
}

void Shard::bury_queue(LaneEntry& entry) noexcept {
  while (Flight* flight = entry.lane.take_queued()) {
    bury(flight->delivery);
    flights_.give_back(flight);
  }
}

void Shard::push(Outcome&& outcome) noexcept {
  // The mailbox holds as many outcomes as there can be deliveries in memory, and each makes one.
  HEADRACE_CHECK(outcomes_.try_push(std::move(outcome)));
}

}  // namespace headrace::dispatch
