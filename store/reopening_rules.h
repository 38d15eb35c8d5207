// SPDX-License-Identifier: Apache-2.0
// Which deliveries are open, and what a reopening does to its message: the rules that every store
// and the replay share. Internal to store/.
//
// A delivery is open unless its message never went to the endpoint, or its last attempt is final.
// An attempt from before the last reopening says nothing any more.
//
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "store/event_store.h"
#include "store/log_record.h"

namespace headrace::store {

// No delivery is tried more often: the numbers of its attempts must not run out.
inline constexpr std::uint16_t kReopenedAttemptsMax = 60'000;

// A message's own record, with what was opened again.
struct MessageEntry {
  MessageRecord record;
  std::vector<ReopenedTarget> reopened;  // in order of endpoint
};

// The number and the verdict of a delivery's last attempt.
struct LastAttempt {
  std::uint16_t attempt = 0;
  Verdict verdict = Verdict::kRetry;
};

// The entry's target, or null.
const ReopenedTarget* find_reopened(const std::vector<ReopenedTarget>& reopened,
                                    EndpointNumber endpoint) noexcept;

// Whether a delivery that was begun waits or is under way.
bool is_open(const ReopenedTarget* reopened, const std::optional<LastAttempt>& last) noexcept;

// What a reopening does to its message. Doing it again changes nothing.
void reopen_in(MessageEntry& message, const ReopeningRecord& reopening);

}  // namespace headrace::store
