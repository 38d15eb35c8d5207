// SPDX-License-Identifier: Apache-2.0
#include "store/outcome_effects.h"

#include <algorithm>

namespace headrace::store {

OutcomeEffects effects_of(const Outcome& outcome) noexcept {
  const DeliveryTicket& ticket = outcome.ticket;
  OutcomeEffects effects;
  PendingPut waiting{outcome.endpoint, ticket.due,      outcome.message,
                     ticket.position,  outcome.attempt, ticket.attempts_before,
                     outcome.order_key};
  switch (outcome.verdict) {
    case Verdict::kDelivered:
    case Verdict::kDead:
      effects.erases = ticket.pending_entry;
      effects.attempted = true;
      effects.closes = true;
      effects.dies = outcome.verdict == Verdict::kDead;
      break;
    case Verdict::kRetry:
    case Verdict::kPostponed:
      effects.erases = ticket.pending_entry;
      effects.attempted = outcome.verdict == Verdict::kRetry;
      waiting.due = std::max<core::WallMs>(outcome.next_at, 1);  // 0 would mean "never tried"
      effects.waiting = waiting;
      break;
    case Verdict::kReturned:
      waiting.order_key = 0;  // it waits where it was, and keeps no place for others
      if (!ticket.pending_entry) effects.waiting = waiting;
      break;
  }
  return effects;
}

core::WallMs ended_at(const Outcome& outcome) noexcept {
  return outcome.started_at + outcome.duration_us / 1000;
}

AttemptRecord attempt_record(const Outcome& outcome) {
  AttemptRecord record;
  record.endpoint = outcome.endpoint;
  record.message = outcome.message;
  record.attempt = outcome.attempt;
  record.verdict = outcome.verdict;
  record.error = outcome.error;
  record.http_status = outcome.http_status;
  record.started_at = outcome.started_at;
  record.duration_us = outcome.duration_us;
  record.next_at = outcome.next_at;
  record.logged_at = outcome.logged_at;
  return record;
}

}  // namespace headrace::store
