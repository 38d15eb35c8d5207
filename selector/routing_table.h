// SPDX-License-Identifier: Apache-2.0
// Which link a token names, which program finds the event there, and who gets it: a value whose
// copies share all that they have in common, so that a change costs microseconds however many links
// there are. Published whole, as a snapshot.
//
// Threads: like a std::map; a table that is published is not changed any more.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/limits.h"
#include "core/numbers.h"
#include "core/shared_map.h"
#include "headrace/id.h"
#include "selector/program.h"

namespace headrace::verification {
class Verifier;
}

namespace headrace::selector {

enum class PayloadRule : std::uint8_t {
  kJson,  // a body that is declared (or looks like) JSON must be valid
  kRaw,   // any bytes
};

// What all links of a webhook have in common; kept once, so that a change of it is one entry.
struct WebhookRoute {
  core::WebhookNumber number{};
  std::shared_ptr<const Program> program;
  PayloadRule payload = PayloadRule::kJson;
  std::size_t body_bytes_max = core::limits::kBodyBytesMaxDefault;
  bool dedupes = false;  // capture 0 of the program is the value that names a message
  bool dedupes_by_body = false;  // likewise, and it is found in the body
};

struct LinkTarget {
  core::EndpointNumber endpoint{};
  bool filtered = false;  // gets only the messages for which Matcher::passes(endpoint) holds
};

// One link, resolved: all that ingest needs to know about a request to it, save its webhook.
struct LinkRoute {
  core::LinkNumber number{};
  Bits128 token;
  core::WallMs expires_at = 0;  // 0: never; a token that was rotated out works until then
  core::WebhookNumber webhook{};
  // Whose messages are taken; null: anybody's. Ingest asks it.
  std::shared_ptr<const verification::Verifier> verifier;
  core::EventNumber pinned =
      core::EventNumber::kNone;       // an event link: the selector is not consulted
  std::vector<LinkTarget> endpoints;  // those that want every event
  // Those that want only some events, sorted by event, then endpoint.
  std::vector<std::pair<core::EventNumber, LinkTarget>> by_event;
};

class RoutingTable {
 public:
  // A link with its webhook. Valid while the table lives and is not changed.
  struct Route {
    const LinkRoute* link = nullptr;
    const WebhookRoute* webhook = nullptr;
    explicit operator bool() const noexcept { return link != nullptr; }
  };

  // `seed` keys the hash of tokens, so that nobody can aim at a place. Copies keep it.
  explicit RoutingTable(std::uint64_t seed = 0) noexcept : seed_(seed) {}

  // Adds, or replaces what has the same number or token. Requires: not null, and a webhook has a
  // program.
  void put(std::shared_ptr<const WebhookRoute> webhook);
  void put(std::shared_ptr<const LinkRoute> link);
  // No effect when there is none. A webhook that goes takes none of its links along, but requests
  // to them find nothing.
  void erase(core::WebhookNumber webhook);
  void erase(const Bits128& token);

  // The link of a token (22 base62 digits, as it stands in the path) that works at `now`, with its
  // webhook; false when there is none. The time says nothing of how much of a token is right.
  // Allocates nothing.
  Route find(std::string_view token, core::WallMs now) const noexcept;

  // Null when there is none; whether it has expired does not count.
  const LinkRoute* find_link(const Bits128& token) const noexcept;
  const WebhookRoute* find_webhook(core::WebhookNumber number) const noexcept;
  std::size_t link_count() const noexcept { return links_.size(); }
  std::size_t webhook_count() const noexcept { return webhooks_.size(); }

 private:
  core::SharedMap<LinkRoute> links_;        // by keyed hash of the token
  core::SharedMap<WebhookRoute> webhooks_;  // by number
  std::uint64_t seed_;
};

}  // namespace headrace::selector
