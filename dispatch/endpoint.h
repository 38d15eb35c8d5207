// SPDX-License-Identifier: Apache-2.0
// What dispatch knows of an endpoint: where to send, how, how often. Immutable; the table is swapped whole.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/http_request.h"
#include "core/limits.h"
#include "core/numbers.h"
#include "dispatch/retry_policy.h"

namespace headrace::dispatch {

struct EndpointSettings {
  core::EndpointNumber number{};
  std::string url;  // http:// or https://, checked by the registry
  core::Method method = core::Method::kPost;
  std::vector<std::pair<std::string, std::string>> headers;  // of ours, e.g. Authorization; replace the provider's
  std::vector<std::pair<std::string, std::string>> query;
  RetryPolicy retry;
  std::uint32_t in_flight_max = core::limits::kLaneInFlightDefault;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds attempt_timeout{15'000};
  bool enabled = true;
};

// What is decided once about an endpoint: the parsed URL and the bytes that every request begins with.
struct Endpoint;

class EndpointTable {
 public:
  EndpointTable() = default;
  explicit EndpointTable(std::vector<std::shared_ptr<const Endpoint>> endpoints);
  // Null when there is no such endpoint (deleted).
  const std::shared_ptr<const Endpoint>* find(core::EndpointNumber number) const noexcept;

 private:
  std::unordered_map<std::uint32_t, std::shared_ptr<const Endpoint>> by_number_;
};

}  // namespace headrace::dispatch
