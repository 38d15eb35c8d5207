// SPDX-License-Identifier: Apache-2.0
// The rules of what may be registered, the definitions in memory, and the snapshots that the loops
// run on.
//
// Every change is one atomic write to the store, then one swap of the snapshots: ingest never sees
// half a change. Threads: any. One mutex: definitions change rarely, and no loop waits for it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/snapshot.h"
#include "dispatch/endpoint.h"
#include "engine/definitions.h"
#include "headrace/registry.h"
#include "selector/routing_table.h"
#include "store/event_store.h"

namespace headrace::engine {

// kOther when it is none that a delivery may use.
core::Method parse_method(std::string_view text) noexcept;
// As dispatch uses it; kInvalidArgument or kMalformed for a bad URL or schedule.
Result<std::shared_ptr<const dispatch::Endpoint>> for_dispatch(
    const EndpointDefinition& definition);

class Registry {
 public:
  // Reads all definitions. `public_url` is what links begin with, without a slash at the end.
  static Result<std::unique_ptr<Registry>> load(store::EventStore& store, std::string public_url);

  Result<Webhook> create_webhook(std::string_view app, const WebhookSpec& spec);
  Result<std::vector<Webhook>> webhooks(std::string_view app) const;
  Result<Event> create_event(std::string_view app, const EventSpec& spec);
  Result<std::vector<Event>> events(std::string_view app, std::string_view webhook) const;
  Result<ProductLink> create_link(std::string_view product, const LinkSpec& spec);
  std::vector<Endpoint> endpoints() const;

  // What numbers stand for; kNotFound or empty when it is gone.
  Result<core::LinkNumber> link_number(LinkId id) const;
  LinkId link_id(core::LinkNumber number) const;
  Result<core::EndpointNumber> endpoint_number(EndpointId id) const;
  EndpointId endpoint_id(core::EndpointNumber number) const;
  std::string event_tag(core::EventNumber number) const;

  void set_public_url(std::string public_url);
  std::uint64_t dedupe_seed() const noexcept { return counter_.dedupe_seed; }
  const core::SnapshotCell<selector::RoutingTable>& routes() const noexcept { return routes_; }
  const core::SnapshotCell<dispatch::EndpointTable>& endpoint_table() const noexcept {
    return endpoint_table_;
  }

 private:
  using Key = std::string;

  explicit Registry(store::EventStore& store, std::string public_url);
  Result<void> load_all();
  Result<void> write(const std::vector<store::DefinitionChange>& changes);

  LinkDefinition new_link(std::string_view app, std::string_view webhook, std::string_view env,
                          std::string_view product);
  Webhook describe(const WebhookDefinition& webhook) const;
  Endpoint describe(const EndpointDefinition& endpoint) const;
  std::string link_url(const LinkDefinition& link) const;
  Result<const WebhookDefinition*> find_webhook(std::string_view app, std::string_view tag) const;
  Result<EventDefinition> checked_event(std::string_view app, const EventSpec& spec) const;
  std::size_t receivers_of(const LinkSpec& spec) const;
  Result<EndpointDefinition> checked_endpoint(std::string_view product, const LinkSpec& spec) const;

  Result<std::shared_ptr<const selector::Program>> compile(const std::string& app,
                                                           const std::string& webhook,
                                                           const EventDefinition* further) const;
  void index_link(LinkDefinition link);
  Result<void> index_endpoint(EndpointDefinition endpoint);
  void index_event(EventDefinition event);
  void publish_routes();
  void publish_endpoints();

  store::EventStore& store_;
  mutable std::mutex mutex_;
  std::string public_url_;
  CounterDefinition counter_;
  std::map<Key, WebhookDefinition, std::less<>> webhooks_;
  std::map<Key, EventDefinition, std::less<>> events_;
  std::map<Key, EndpointDefinition, std::less<>> endpoints_;
  std::map<Key, LinkDefinition, std::less<>> links_;
  std::map<Key, std::shared_ptr<const selector::Program>, std::less<>> programs_;  // by webhook
  std::map<std::uint32_t, std::shared_ptr<const dispatch::Endpoint>>
      dispatch_endpoints_;                                                         // by number
  std::unordered_map<std::uint32_t, Key> link_keys_, endpoint_keys_, event_keys_;  // by number
  core::SnapshotCell<selector::RoutingTable> routes_;
  core::SnapshotCell<dispatch::EndpointTable> endpoint_table_;
};

}  // namespace headrace::engine
