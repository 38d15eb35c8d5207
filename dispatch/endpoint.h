// SPDX-License-Identifier: Apache-2.0
// What dispatch knows of an endpoint: where to send, how, how often. Immutable; the table is a
// value whose copies share all that they have in common, published whole.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/http_request.h"
#include "core/limits.h"
#include "core/numbers.h"
#include "core/secret_bytes.h"
#include "core/shared_map.h"
#include "dispatch/breaker.h"
#include "dispatch/order_key.h"
#include "dispatch/retry_policy.h"
#include "dispatch/signer.h"
#include "dispatch/tls.h"
#include "dispatch/token_bucket.h"
#include "dispatch/url.h"
#include "headrace/result.h"
#include "store/lane_terms.h"

namespace headrace::dispatch {

enum class Order : std::uint8_t {
  kNone,    // as they come, many at a time
  kStrict,  // one at a time, in order of arrival
  kByKey,   // likewise those that have the same text at `order_by`; others many at a time
};

// Where there is an order: what a delivery that failed and is tried again does to those behind it.
enum class HeadOfLine : std::uint8_t {
  kBlock,  // they wait until it is delivered or dead
  kSkip,   // they go on, and it comes back when it is due
};

struct EndpointSettings {
  core::EndpointNumber number{};
  std::string url;  // http:// or https://
  core::Method method = core::Method::kPost;
  std::vector<std::pair<std::string, std::string>>
      headers;  // of ours, e.g. Authorization; replace the provider's
  std::vector<std::pair<std::string, std::string>> query;  // unescaped; added to the URL's
  // Sent in place of every message's body, of which then nothing goes into the query either. What
  // it holds (secrets, once they are filled in) is not stored with the messages.
  std::optional<std::string> body;
  std::shared_ptr<const Signer> signer;  // null: what is sent is not signed
  bool forward_headers = true;           // false: of the provider's lines only Content-Type is sent
  // The name of a secret that the above needs and that is not there: no connection is made, each
  // attempt fails at once and is retried. Empty: none is missing.
  std::string missing_secret;
  RetryPolicy retry;
  RetryRules retry_rules;
  std::chrono::seconds retry_after_max = kRetryAfterMaxDefault;  // a longer Retry-After is cut
  std::optional<BreakerSettings> breaker = BreakerSettings{};    // none: it is never left alone
  std::optional<RateLimit> rate_limit;  // of attempts, retries included; none: as fast as it goes
  Order order = Order::kNone;           // strict: one in flight, whatever is said below
  std::string order_by;                 // of kByKey: a selector, "$Event{customer.id}"
  HeadOfLine head_of_line = HeadOfLine::kBlock;
  // Of the turns while both retries and fresh deliveries wait, 1 to 99. A retry that blocks a lane
  // comes first all the same.
  unsigned retry_share_percent = store::kRetrySharePercentDefault;
  std::uint32_t in_flight_max = core::limits::kLaneInFlightDefault;
  bool adaptive =
      false;  // in flight: from 4 up while it keeps up, half on overload; at most the above
  std::chrono::milliseconds connect_timeout{5'000};  // name, connection and TLS handshake together
  std::chrono::milliseconds attempt_timeout{
      15'000};  // from the first of it to the end of the answer
  // Paused or disabled: attempts under way end, all else is handed back untried. Whoever hands over
  // is to stop as well, or the two play ball.
  bool held = false;
  // For whoever watches outcomes: disable it after so long of nothing but failures; none: never.
  std::optional<std::chrono::milliseconds> disable_after;
  std::optional<EndpointTls> tls;  // of https; an Endpoint keeps no key here
};

// What is decided once about an endpoint: the parsed URL and the bytes that every request begins
// with. These hold the receiver's credentials, so they lie where secrets do, and nowhere else: of
// `settings` the url, headers and query are empty, and so is a body that is there.
struct Endpoint {
  bool keeps_order() const noexcept { return settings.order != Order::kNone; }
  // A delivery that is tried again holds up all behind it.
  bool blocks() const noexcept {
    return settings.order == Order::kStrict && settings.head_of_line == HeadOfLine::kBlock;
  }
  // It holds up those of its key.
  bool blocks_key() const noexcept {
    return settings.order == Order::kByKey && settings.head_of_line == HeadOfLine::kBlock;
  }
  // What the store must know of it.
  store::LaneTerms lane_terms() const noexcept {
    const auto order = blocks()       ? store::KeptOrder::kLane
                       : blocks_key() ? store::KeptOrder::kKey
                                      : store::KeptOrder::kNone;
    return {order, settings.retry_share_percent};
  }
  // How its order is kept; whatever has another one begins anew.
  std::uint64_t order_id() const noexcept {
    return (order_key == nullptr ? 0 : order_key->id()) * 8 +
           static_cast<std::uint64_t>(settings.order) * 2 +
           static_cast<std::uint64_t>(settings.head_of_line);
  }

  EndpointSettings settings;
  std::shared_ptr<const OrderKey> order_key;  // of kByKey
  Url url;                                    // without its target
  std::shared_ptr<const TlsContext> tls;  // of all its connections; null: the engine's settings do
  std::string_view prefix;  // "POST /path?query HTTP/1.1\r\nHost: …\r\n" and our own header lines
  std::string_view body;    // in place of the message's, where settings.body is there
  std::size_t target_end =
      0;  // where in `prefix` the target ends; what a message adds to the query goes there
  char query_joint = '?';  // what stands between the target and such an addition
  std::vector<std::string>
      replaced;  // lower-case names of our headers: the provider's of that name are dropped
  bool sends_body = true;                      // false for GET, HEAD and DELETE
  bool names_agent = false;                    // one of our headers is User-Agent
  core::SecretBytes prefix_bytes, body_bytes;  // what the views above are of
};

// kMalformed (with the offset in it) for a bad URL or selector, kTooLarge for a bad URL; kTooLarge
// for a body above kBodyBytesMax; kInvalidArgument for a method that delivers nothing, a header
// that is not one, is reserved or is the signature's, limits of zero, or TLS settings that cannot
// be used (the first item is their pointer, "/tls/ca").
Result<std::shared_ptr<const Endpoint>> make_endpoint(EndpointSettings settings);

// Threads: like a std::map; a table that is published is not changed any more.
class EndpointTable {
 public:
  // Adds, or replaces the one with the same number. Requires: not null.
  void put(std::shared_ptr<const Endpoint> endpoint);
  // No effect when there is none.
  void erase(core::EndpointNumber number);
  // Null when there is no such endpoint (deleted). Valid while the table lives and is not changed.
  const std::shared_ptr<const Endpoint>* find(core::EndpointNumber number) const noexcept;
  std::size_t size() const noexcept { return by_number_.size(); }

 private:
  core::SharedMap<Endpoint> by_number_;
};

}  // namespace headrace::dispatch
