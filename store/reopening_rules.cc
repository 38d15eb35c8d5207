// SPDX-License-Identifier: Apache-2.0
#include "store/reopening_rules.h"

#include <algorithm>

namespace headrace::store {

namespace {

auto position_of(auto& reopened, EndpointNumber endpoint) noexcept {
  return std::lower_bound(
      reopened.begin(), reopened.end(), endpoint,
      [](const ReopenedTarget& target, EndpointNumber number) { return target.endpoint < number; });
}

}  // namespace

const ReopenedTarget* find_reopened(const std::vector<ReopenedTarget>& reopened,
                                    EndpointNumber endpoint) noexcept {
  const auto at = position_of(reopened, endpoint);
  return at != reopened.end() && at->endpoint == endpoint ? &*at : nullptr;
}

bool is_open(const ReopenedTarget* reopened, const std::optional<LastAttempt>& last) noexcept {
  if (!last) return true;
  if (reopened != nullptr && last->attempt <= reopened->attempts_before) return true;
  return last->verdict != Verdict::kDelivered && last->verdict != Verdict::kDead;
}

void reopen_in(MessageEntry& message, const ReopeningRecord& reopening) {
  const EndpointNumber endpoint = reopening.reopening.endpoint;
  const auto at = position_of(message.reopened, endpoint);
  if (at != message.reopened.end() && at->endpoint == endpoint) {
    at->attempts_before = reopening.attempts_before;
  } else {
    message.reopened.insert(at, {endpoint, reopening.attempts_before});
  }
  if (reopening.reopening.event == EventNumber::kNone) return;
  message.record.event = reopening.reopening.event;
  message.record.status = MessageStatus::kRouted;
}

}  // namespace headrace::store
