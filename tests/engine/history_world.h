// SPDX-License-Identifier: Apache-2.0
// Two workspaces with something of every kind, and a store that is filled as the engine fills it.
//
// The definitions are written as the registry writes them; what was deleted is there too. Ids are
// made of numbers: link_of(7) is the id of link number 7.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/history.h"
#include "engine/registry.h"
#include "store/memory_store.h"
#include "tests/store/store_rig.h"

namespace headrace::engine {

inline constexpr std::string_view kHome = "default";
inline constexpr std::string_view kElsewhere = "elsewhere";

inline LinkId link_of(std::uint32_t number) { return LinkId{{7, number}}; }
inline EndpointId endpoint_of(std::uint32_t number) { return EndpointId{{8, number}}; }

// A link and who can receive what is posted there.
struct LinkFact {
  std::uint32_t number = 0;
  std::string workspace, app, webhook, env, product, event;
  std::vector<std::uint32_t> receivers;
  bool is_retired = false;
};
const std::vector<LinkFact>& link_facts();
const LinkFact& link_fact(std::uint32_t number);

struct EventFact {
  std::uint32_t number = 0;
  std::string workspace, app, tag;
  bool is_retired = false;
};
const std::vector<EventFact>& event_facts();

inline constexpr std::uint32_t kShopEndpoint = 1;     // default: shop, github repo prd
inline constexpr std::uint32_t kCrmEndpoint = 2;      // default: crm, the same
inline constexpr std::uint32_t kMoneyEndpoint = 3;    // default: shop, billing pay prd
inline constexpr std::uint32_t kRetiredEndpoint = 4;  // default: shop, github repo snd
inline constexpr std::uint32_t kCall = 5;             // default
inline constexpr std::uint32_t kForeignEndpoint = 11;
inline constexpr std::uint32_t kForeignCall = 12;

// What was stored, to compare with.
struct Sent {
  MessageId id;
  store::LogPosition position{};
  core::WallMs at = 0;
  std::uint32_t link = 0;
  std::uint32_t event = 0;
  store::MessageStatus status = store::MessageStatus::kRouted;
  bool is_test = false;
  std::vector<std::uint32_t> endpoints;
};

class HistoryWorld {
 public:
  enum class Kind { kMemory, kRocks };

  explicit HistoryWorld(Kind kind);

  store::EventStore& store() { return memory_ ? *memory_ : rig.store(); }
  const Registry& registry() const { return *registry_; }
  const History& history() const { return *history_; }

  // Stores a message; one millisecond passes.
  Sent send(std::uint32_t link, std::uint32_t event, std::vector<std::uint32_t> endpoints,
            bool is_test = false);
  void send_many(std::uint32_t link, std::size_t count);  // that match no event
  // Stores what came of the next attempt.
  void attempt(const Sent& sent, std::uint32_t endpoint, store::Verdict verdict,
               std::uint16_t http_status = 200,
               store::AttemptError error = store::AttemptError::kNone);

  store::StoreRig rig;
  std::string body = "{}";  // of what is sent from now on

 private:
  std::unique_ptr<store::MemoryStore> memory_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<History> history_;
  std::map<std::pair<MessageId, std::uint32_t>, std::uint16_t> attempts_;
};

// Writes the definitions of the facts above.
void write_definitions(store::EventStore& store);

}  // namespace headrace::engine
