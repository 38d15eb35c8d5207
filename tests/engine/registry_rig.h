// SPDX-License-Identifier: Apache-2.0
// What tests of the rules share: a registry on a store that can fail, short ways to register
// things, and pictures of all that is registered and published, to be compared.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/registry.h"
#include "selector/program.h"
#include "store/memory_store.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manual_clock.h"

namespace headrace::test {

inline constexpr std::string_view kWorkspace = "default";
inline constexpr std::string_view kPublicUrl = "https://hooks.example";
inline constexpr std::string_view kReceiver = "http://127.0.0.1:9/hook";

// The error that was expected; one of kUnsupported when there is none.
template <class T>
Error error_of(Result<T> result) {
  EXPECT_FALSE(result.has_value());
  if (result) return {ErrorCode::kUnsupported, "it succeeded", 0, {}};
  return std::move(result).error();
}

// The value that was expected; fails the test when there is none.
template <class T>
T made(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().what);
  return result ? std::move(result).value() : T{};
}
inline void done(const Result<void>& result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().what);
}

// The pointers or names of an error's items, with a space between.
std::string places(const Error& error);
// The last part of a link.
std::string token_of(std::string_view link);

// All that lists show of one workspace, as text.
std::string lists_of(const engine::Registry& registry, std::string_view workspace);
// All that lists show of all workspaces.
std::string lists_of(const engine::Registry& registry);
// What the loops run on, as text: the route of each token that the definitions of `store` know,
// what its program finds in a few messages, and each endpoint.
std::string published_of(const engine::Registry& registry, const store::EventStore& store,
                         core::WallMs now);
// Everything that the store holds, save the audit log, as one text.
std::string stored_in(const store::EventStore& store);
// The audit log, likewise.
std::string audit_in(const store::EventStore& store);

class RegistryRig {
 public:
  RegistryRig() { load(); }
  RegistryRig(const RegistryRig&) = delete;

  // A registry of its own on the same store, as after a restart.
  std::unique_ptr<engine::Registry> another() const;
  void load();

  // --- Short ways to register. Each fails the test when it is refused.
  Webhook webhook(std::string_view app = "github", std::string tag = "repo",
                  std::vector<std::string> envs = {"prd"}, std::string_view workspace = kWorkspace);
  Event event(std::string tag = "repo:starred", std::string selector = "$Event{action}",
              std::string_view app = "github", std::string_view workspace = kWorkspace);
  Endpoint endpoint(std::string_view product = "shop", EndpointSettings settings = to(kReceiver),
                    std::string env = "prd", std::string_view workspace = kWorkspace);
  // A webhook "repo" of "github" whose env "prd" has that registration URL.
  Webhook calling_webhook(std::string registration_url, std::string sample = "",
                          std::string method = "POST");

  // --- What is given to the registry.
  static WebhookSpec webhook_spec(std::string tag = "repo",
                                  std::vector<std::string> envs = {"prd"});
  static EventSpec event_spec(std::string tag, std::string selector = "$Event{action}",
                              std::string sample = "");
  static EndpointSettings to(std::string_view url);
  static EndpointSpec endpoint_spec(EndpointSettings settings = to(kReceiver),
                                    std::string env = "prd");
  static LinkSpec link_spec(EndpointSettings settings = to(kReceiver), std::string env = "prd");
  static LinkSpec event_link_spec(std::string event, std::string env = "prd");
  static EnableSpec enable_spec(EndpointSettings settings = to(kReceiver), std::string env = "prd");

  // --- What is published.
  // The route of a link as ingest finds it now; null when there is none.
  const selector::LinkRoute* route(std::string_view link);
  // The tags of the endpoints' products that want a message with that event from the link; sorted.
  std::vector<std::string> receivers(std::string_view link, std::string_view event = "");
  // The tag of the event that the link finds in a JSON body; empty when none.
  std::string event_in(std::string_view link, std::string_view json);
  const dispatch::Endpoint* dispatched(EndpointId id);

  std::string stored() const { return stored_in(memory); }
  std::string published() const { return published_of(*registry, memory, clock.wall_ms()); }
  std::string lists() const { return lists_of(*registry); }

  ManualClock clock;
  store::MemoryStore memory{store::StoreOptions{}, clock, 1};
  FaultyStore store{memory};
  // Receivers of tests are on loopback; names are those of this table.
  std::unique_ptr<dispatch::AddressFilter> addresses = std::make_unique<dispatch::AddressFilter>(
      *dispatch::AddressFilter::parse({"127.0.0.0/8", "::1"}));
  bool plain_http = true;
  std::map<std::string, dispatch::Addresses, std::less<>> dns_table;
  mutable std::vector<std::string> asked_names;
  mutable std::size_t look_ups = 0;  // each of many names
  std::map<std::string, std::string> secrets{{"TOKEN", "s3cr3t"}};
  std::chrono::milliseconds retention = std::chrono::hours(24);
  std::chrono::milliseconds dedupe_window = std::chrono::hours(24);
  core::LogSink* log_sink = nullptr;  // from the next load() on
  std::unique_ptr<engine::Registry> registry;

 private:
  std::shared_ptr<const selector::RoutingTable> routes_;
  std::shared_ptr<const dispatch::EndpointTable> endpoints_;
  selector::Matcher matcher_;
};

class RegistryTest : public testing::Test, protected RegistryRig {};

}  // namespace headrace::test
