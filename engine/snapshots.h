// SPDX-License-Identifier: Apache-2.0
// What the loops run on, made of the definitions: the routing table and the endpoints of dispatch.
//
// prepare() works out what an applied change means for them, and may refuse it (two events alike, a
// bad URL or filter); publish() swaps it in. A change costs what it touches, not what there is.
// Threads: one at a time; the cells are read by the loops.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/log.h"
#include "core/snapshot.h"
#include "dispatch/endpoint.h"
#include "engine/catalog.h"
#include "engine/secret_store.h"
#include "engine/verification_rules.h"
#include "selector/filter.h"
#include "selector/routing_table.h"

namespace headrace::engine {

class Snapshots {
 public:
  // `log` may be null.
  Snapshots(const SecretStore& secrets, std::chrono::milliseconds dedupe_window,
            core::LogSink* log);

  // Tables that are ready to be put in force.
  struct Prepared {
    selector::RoutingTable routes;
    dispatch::EndpointTable endpoints;
    std::map<std::uint32_t, std::shared_ptr<const selector::Filter>>
        filters;                                    // null: none any more
    std::map<std::string, MadeVerifier> verifiers;  // by the link's key; null: none any more
  };

  // Requires: `change` was applied to `catalog`, and holds what was there before.
  Result<Prepared> prepare(const Catalog& catalog, const Change& change) const;
  // All of it, for the start. kCorrupted: a definition cannot be used.
  Result<void> load(const Catalog& catalog);
  void publish(Prepared prepared);

  // That a link refuses everything that comes, or could take a message again, and why; empty: it
  // does not.
  std::string verification_warning(const LinkDefinition& link) const;
  const core::SnapshotCell<selector::RoutingTable>& routes() const noexcept { return routes_; }
  const core::SnapshotCell<dispatch::EndpointTable>& endpoints() const noexcept {
    return endpoints_;
  }

 private:
  struct Touched;
  using Verifiers = std::map<std::string, MadeVerifier>;
  Touched touched_by(const Catalog& catalog, const Change& change) const;
  void find_verified(const Catalog& catalog, const Change& change, Touched& touched) const;
  void put_verifier(const Catalog& catalog, const std::string& link, Prepared& prepared) const;
  const MadeVerifier* verifier_of(const LinkDefinition& link, const Verifiers& changed) const;
  void put_link(const Catalog& catalog, const LinkDefinition& link, Prepared& prepared) const;
  Result<void> put_webhook(const Catalog& catalog, const WebhookDefinition& webhook,
                           Prepared& prepared) const;
  Result<void> put_endpoint(const EndpointDefinition& endpoint, Prepared& prepared) const;
  std::shared_ptr<const selector::Filter> filter_of(core::EndpointNumber number,
                                                    const Prepared& prepared) const;
  Result<void> put_call(const CallDefinition& call, Prepared& prepared) const;
  Result<void> put_users(const Catalog& catalog, const SecretDefinition& secret,
                         Prepared& prepared) const;

  const SecretStore& secrets_;
  const std::chrono::milliseconds dedupe_window_;
  core::LogSink* const log_;
  // Parsed once; by the endpoint's number.
  std::map<std::uint32_t, std::shared_ptr<const selector::Filter>> filters_;
  // Made once, for all links that they are of. Those that are none are not here.
  Verifiers verifiers_;
  core::SnapshotCell<selector::RoutingTable> routes_;
  core::SnapshotCell<dispatch::EndpointTable> endpoints_;
};

}  // namespace headrace::engine
