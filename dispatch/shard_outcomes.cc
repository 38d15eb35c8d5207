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
  const Judgement judgement = judge({end.error, end.http_status, end.retry_after_seconds},
                                    terms_of(entry.endpoint.get()), attempt, random_.next());
  const std::uint64_t now_ns = loop_.clock().steady_ns();
  Outcome outcome = outcome_of(delivery, judgement.verdict);
  outcome.error = end.error;
  outcome.attempt = attempt;
  outcome.http_status = end.http_status;
  outcome.started_at = flight.started_at;
  outcome.duration_us = static_cast<std::uint32_t>((now_ns - flight.started_ns) / 1000);
  keep_answer(end, outcome);
  count(judgement.verdict);
  entry.lane.on_attempt_end();
  entry.used_at = now_ns / 1'000'000;
  settle_lane(entry, end, judgement, outcome);
  flights_.give_back(&flight);
  const core::WallMs hold_until = outcome.hold_until;
  push(std::move(outcome));
  if (hold_until != 0) return hand_back_queue(entry, hold_until);
  pump(entry);
}

// What the attempt says about the endpoint, and what that says about the delivery's next time.
void Shard::settle_lane(LaneEntry& entry, const AttemptEnd& end, const Judgement& judgement,
                        Outcome& outcome) noexcept {
  if (end.http_status != 0) entry.lane.on_reached(wall_ms());
  if (judgement.verdict != Verdict::kRetry) {
    if (is_unreachable(end.error)) entry.lane.on_given_up();
    return;
  }
  const core::WallMs now = wall_ms();
  if (!is_unreachable(end.error)) {
    outcome.next_at = now + static_cast<core::WallMs>(judgement.delay.count());
    return;
  }
  if (!entry.lane.on_hold(now)) note_unreachable(entry, end.error);
  outcome.next_at = outcome.hold_until = entry.lane.on_unreachable(now, judgement.delay);
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
    hand_back(flight->delivery, hold_until);
    flights_.give_back(flight);
  }
}

void Shard::bury(const store::Delivery& delivery) noexcept {
  Outcome outcome = outcome_of(delivery, Verdict::kDead);
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
