// SPDX-License-Identifier: Apache-2.0
// What dispatch knows of an endpoint: where to send, how, how often. Immutable; the table is
// swapped whole.
#pragma once

#include <chrono>
#include <cstddef>
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
#include "dispatch/url.h"
#include "headrace/result.h"

namespace headrace::dispatch {

struct EndpointSettings {
  core::EndpointNumber number{};
  std::string url;  // http:// or https://
  core::Method method = core::Method::kPost;
  std::vector<std::pair<std::string, std::string>>
      headers;  // of ours, e.g. Authorization; replace the provider's
  std::vector<std::pair<std::string, std::string>> query;  // unescaped; added to the URL's
  RetryPolicy retry;
  std::uint32_t in_flight_max = core::limits::kLaneInFlightDefault;
  std::chrono::milliseconds connect_timeout{5'000};  // name, connection and TLS handshake together
  std::chrono::milliseconds attempt_timeout{
      15'000};  // from the first of it to the end of the answer
  bool enabled = true;
};

// What is decided once about an endpoint: the parsed URL and the bytes that every request begins
// with.
struct Endpoint {
  EndpointSettings settings;
  Url url;
  std::string prefix;  // "POST /path?query HTTP/1.1\r\nHost: …\r\n" and our own header lines
  std::size_t target_end =
      0;  // where in `prefix` the target ends; what a message adds to the query goes there
  char query_joint = '?';  // what stands between the target and such an addition
  std::vector<std::string>
      replaced;  // lower-case names of our headers: the provider's of that name are dropped
  bool sends_body = true;    // false for GET, HEAD and DELETE
  bool names_agent = false;  // one of our headers is User-Agent
};

// kMalformed (with the offset in the URL) or kTooLarge for a bad URL; kInvalidArgument for a method
// that delivers nothing, a header that is not one or is reserved, or limits of zero.
Result<std::shared_ptr<const Endpoint>> make_endpoint(EndpointSettings settings);

class EndpointTable {
 public:
  EndpointTable() = default;
  // Requires: numbers differ.
  explicit EndpointTable(std::vector<std::shared_ptr<const Endpoint>> endpoints);
  // Null when there is no such endpoint (deleted).
  const std::shared_ptr<const Endpoint>* find(core::EndpointNumber number) const noexcept;

 private:
  std::unordered_map<std::uint32_t, std::shared_ptr<const Endpoint>> by_number_;
};

}  // namespace headrace::dispatch
