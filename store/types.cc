// SPDX-License-Identifier: Apache-2.0
#include "store/types.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "store/event_store.h"

namespace headrace::store {

Targets Targets::of(std::span<const EndpointNumber> endpoints, core::BufferRef spill) noexcept {
  Targets targets;
  targets.count_ = static_cast<std::uint32_t>(endpoints.size());
  if (endpoints.size() <= kInPlace) {
    std::copy(endpoints.begin(), endpoints.end(), targets.few_.begin());
    return targets;
  }
  HEADRACE_DCHECK(spill && spill.capacity() >= endpoints.size_bytes());
  std::memcpy(spill.data(), endpoints.data(), endpoints.size_bytes());
  targets.many_ = std::move(spill);
  return targets;
}

std::span<const EndpointNumber> Targets::list() const noexcept {
  if (count_ <= kInPlace) return {few_.data(), count_};
  return {reinterpret_cast<const EndpointNumber*>(many_.data()), count_};
}

std::string_view to_string(AttemptError error) noexcept {
  switch (error) {
    case AttemptError::kNone:
      return "none";
    case AttemptError::kResolve:
      return "resolve";
    case AttemptError::kConnect:
      return "connect";
    case AttemptError::kConnectTimeout:
      return "connect_timeout";
    case AttemptError::kTls:
      return "tls";
    case AttemptError::kSend:
      return "send";
    case AttemptError::kTimeout:
      return "timeout";
    case AttemptError::kClosed:
      return "closed";
    case AttemptError::kProtocol:
      return "protocol";
    case AttemptError::kTooLarge:
      return "too_large";
    case AttemptError::kEndpointGone:
      return "endpoint_gone";
    case AttemptError::kBlockedAddress:
      return "address_not_allowed";
    case AttemptError::kInvalidUrl:
      return "invalid_url";
    case AttemptError::kSecret:
      return "secret_missing";
    case AttemptError::kDiscarded:
      return "discarded";
    case AttemptError::kPlainHttp:
      return "plain_http_not_allowed";
  }
  return "unknown";
}

void add_reopened(std::vector<EndpointNumber>& targets,
                  const std::vector<ReopenedTarget>& reopened) {
  if (reopened.empty()) return;
  std::vector<EndpointNumber> known = targets;
  std::sort(known.begin(), known.end());
  for (const ReopenedTarget& target : reopened) {
    if (std::binary_search(known.begin(), known.end(), target.endpoint)) continue;
    targets.push_back(target.endpoint);
  }
}

void Group::clear() noexcept {
  intakes.clear();
  placed.clear();
  outcomes.clear();
  reopenings.clear();
  reopened.clear();
  spilled.clear();
  sync = false;
  low_water = LogPosition{};
}

}  // namespace headrace::store
