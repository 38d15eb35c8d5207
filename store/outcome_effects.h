// SPDX-License-Identifier: Apache-2.0
// What an outcome does to the derived records: one rule, used by every store and by the replay.
//
// Pure. Applying the effects of the same outcomes again, in order, leaves the same state.
#pragma once

#include <optional>

#include "store/event_store.h"

namespace headrace::store {

struct OutcomeEffects {
  bool erases = false;     // the pending entry under (endpoint, ticket.due, message) goes
  bool attempted = false;  // an attempt is recorded
  bool closes = false;     // the delivery is over
  bool dies = false;       // and was not delivered: it is among the dead ones
  std::optional<PendingPut> waiting;  // the pending entry that takes its place
};

OutcomeEffects effects_of(const Outcome& outcome) noexcept;

// When an attempt ended, as far as its outcome tells.
core::WallMs ended_at(const Outcome& outcome) noexcept;

// The attempt as it is recorded, without the captured response.
AttemptRecord attempt_record(const Outcome& outcome);

}  // namespace headrace::store
