// SPDX-License-Identifier: Apache-2.0
// The rules of what may be registered.
//
// Every change is checked and compiled first, then one atomic write to the store, then one swap of
// the snapshots that the loops run on: ingest never sees half a change. Operations are those of
// headrace/workspace.h, with the workspace's tag in front. Threads: any. One mutex: definitions
// change rarely, and no loop waits for it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "engine/audit_book.h"
#include "engine/catalog.h"
#include "engine/key_hasher.h"
#include "engine/registry_types.h"
#include "engine/retention_book.h"
#include "engine/secret_store.h"
#include "engine/snapshots.h"
#include "engine/system_webhook.h"
#include "headrace/history.h"
#include "headrace/registration.h"
#include "headrace/registry.h"
#include "headrace/test_send.h"
#include "store/event_store.h"

namespace headrace::engine {

class Registry {
 public:
  // Reads all definitions. kCorrupted: they contradict each other.
  static Result<std::unique_ptr<Registry>> load(store::EventStore& store, const core::Clock& clock,
                                                RegistryOptions options);

  // --- Workspaces and keys (registry_keys.cc)
  Result<WorkspaceInfo> create_workspace(std::string_view tag, std::string_view name);
  Result<Page<WorkspaceInfo>> workspaces(const PageRequest& page) const;
  Result<WorkspaceInfo> workspace(std::string_view tag) const;
  Result<void> delete_workspace(std::string_view tag, const ChangeOptions& options);
  Result<NewKey> create_key(std::string_view workspace, const KeySpec& spec);
  Result<Page<Key>> keys(std::string_view workspace, const PageRequest& page) const;
  Result<Key> key(std::string_view workspace, KeyId id) const;
  Result<void> revoke_key(std::string_view workspace, KeyId id);
  Result<Caller> authenticate(std::string_view secret);

  // --- The audit log, of the workspace that there is now
  Result<Page<AuditEntry>> audit(std::string_view workspace, const AuditFilter& filter) const;
  AuditBook& audit_book() const noexcept { return *audit_; }

  // --- Apps and webhooks (registry_webhooks.cc)
  Result<Page<App>> apps(std::string_view workspace, const PageRequest& page) const;
  Result<App> app(std::string_view workspace, std::string_view tag) const;
  Result<void> delete_app(std::string_view workspace, std::string_view tag,
                          const ChangeOptions& options);
  Result<Webhook> create_webhook(std::string_view workspace, std::string_view app,
                                 const WebhookSpec& spec);
  Result<Page<Webhook>> webhooks(std::string_view workspace, std::string_view app,
                                 const PageRequest& page) const;
  Result<Webhook> webhook(std::string_view workspace, std::string_view app,
                          std::string_view tag) const;
  Result<Webhook> update_webhook(std::string_view workspace, std::string_view app,
                                 std::string_view tag, const WebhookPatch& patch,
                                 const ChangeOptions& options);
  Result<void> delete_webhook(std::string_view workspace, std::string_view app,
                              std::string_view tag, const ChangeOptions& options);
  Result<void> delete_webhook_env(std::string_view workspace, std::string_view app,
                                  std::string_view tag, std::string_view env,
                                  const ChangeOptions& options);

  // --- Events (registry_events.cc)
  Result<Event> create_event(std::string_view workspace, std::string_view app,
                             const EventSpec& spec);
  Result<Page<Event>> events(std::string_view workspace, std::string_view app,
                             std::string_view webhook, const PageRequest& page) const;
  Result<Event> event(std::string_view workspace, std::string_view app, std::string_view tag) const;
  Result<Event> update_event(std::string_view workspace, std::string_view app, std::string_view tag,
                             const EventPatch& patch, const ChangeOptions& options);
  Result<void> delete_event(std::string_view workspace, std::string_view app, std::string_view tag,
                            const ChangeOptions& options);

  // --- Products and connections (registry_products.cc)
  Result<Page<Product>> products(std::string_view workspace, const PageRequest& page) const;
  Result<Product> product(std::string_view workspace, std::string_view tag) const;
  Result<void> delete_product(std::string_view workspace, std::string_view tag,
                              const ChangeOptions& options);
  Result<Connection> connect(std::string_view workspace, std::string_view product,
                             std::string_view access_tag, std::string_view app,
                             const ChangeOptions& options);
  Result<Page<Connection>> connections(std::string_view workspace, std::string_view product,
                                       const PageRequest& page) const;
  Result<Connection> connection(std::string_view workspace, std::string_view product,
                                std::string_view access_tag) const;
  Result<void> disconnect(std::string_view workspace, std::string_view product,
                          std::string_view access_tag, const ChangeOptions& options);

  // --- Endpoints (registry_endpoints.cc)
  Result<Endpoint> create_endpoint(std::string_view workspace, std::string_view product,
                                   const EndpointSpec& spec);
  Result<Page<Endpoint>> endpoints(std::string_view workspace, const LinkFilter& filter,
                                   const PageRequest& page) const;
  Result<Endpoint> endpoint(std::string_view workspace, EndpointId id) const;
  Result<Endpoint> update_endpoint(std::string_view workspace, EndpointId id,
                                   const EndpointSettings& settings, const ChangeOptions& options);
  Result<void> delete_endpoint(std::string_view workspace, EndpointId id,
                               const ChangeOptions& options);

  // --- Secrets and signing (registry_secrets.cc)
  Result<SecretInfo> put_secret(std::string_view workspace, std::string_view name,
                                std::string_view value, const ChangeOptions& options);
  Result<Page<SecretInfo>> secrets(std::string_view workspace, const PageRequest& page) const;
  Result<SecretInfo> secret(std::string_view workspace, std::string_view name) const;
  Result<void> delete_secret(std::string_view workspace, std::string_view name,
                             const ChangeOptions& options);
  Result<SigningSecret> signing_secret(std::string_view workspace, EndpointId id) const;
  Result<SigningSecret> rotate_signing_secret(std::string_view workspace, EndpointId id,
                                              const SigningRotation& rotation,
                                              const ChangeOptions& options);
  // Seals everything anew, under a new key. kPrecondition: the key is given from outside.
  Result<void> rotate_master_key();

  // --- States (registry_states.cc)
  // Told of every state from now on; what is held already is held_endpoints().
  void set_gate(Gate gate);
  std::vector<core::EndpointNumber> held_endpoints() const;
  std::optional<EndpointDefinition> endpoint_definition(core::EndpointNumber number) const;
  // None: there is no such endpoint any more, it is disabled already, or its state was changed
  // since.
  Result<std::optional<Disablement>> disable_endpoint(const Complaint& complaint);
  // None where nobody wants to know.
  std::optional<SystemMessage> breaker_message(core::EndpointNumber number, bool opened,
                                               core::WallMs at) const;

  // --- Links (registry_links.cc)
  Result<LinkResult> create_link(std::string_view workspace, std::string_view product,
                                 const LinkSpec& spec);
  Result<Page<Link>> links(std::string_view workspace, const LinkFilter& filter,
                           const PageRequest& page) const;
  Result<Link> link(std::string_view workspace, LinkId id) const;
  Result<Link> rotate_link(std::string_view workspace, LinkId id, std::chrono::milliseconds grace,
                           const ChangeOptions& options);
  Result<void> delete_link(std::string_view workspace, LinkId id, const ChangeOptions& options);

  // --- Registrations (registry_registrations.cc). The calls to providers are made by
  // engine/registrar. Answers the numbers of calls that are to be handed over now.
  Result<std::vector<core::EndpointNumber>> enable(std::string_view workspace,
                                                   std::string_view product,
                                                   const EnableSpec& spec);
  using Disabled = DisabledEnvs;
  Result<Disabled> disable(std::string_view workspace, std::string_view product,
                           const DisableSpec& spec);
  // Of those slugs, in this order; an env without an endpoint is shown as disabled.
  Result<Registration> registration(std::string_view workspace, std::string_view product,
                                    std::string_view access_tag, std::string_view webhook,
                                    const std::vector<std::string>& slugs) const;
  Result<Page<Registration>> registrations(std::string_view workspace, std::string_view product,
                                           std::string_view access_tag,
                                           const PageRequest& page) const;
  // Calls that were written down and never handed over: those of a run that ended in between.
  std::vector<core::EndpointNumber> calls_to_hand_over() const;
  std::vector<CallDefinition> calls_under_way() const;
  std::optional<CallDefinition> call(core::EndpointNumber number) const;
  Result<void> note_call_message(core::EndpointNumber number, MessageId message);
  // Writes down what came of an attempt. A provider that was told of the end is forgotten.
  Result<void> note_call_outcome(const CallOutcome& outcome);

  // --- What test sends and dry runs need (registry_sends.cc)
  Result<TestTarget> trigger_target(std::string_view workspace, std::string_view app,
                                    std::string_view event, const TriggerSpec& spec) const;
  Result<TestTarget> endpoint_target(std::string_view workspace, EndpointId id,
                                     const EndpointTestSpec& spec) const;
  // What else than its event matches a message that is on record.
  std::vector<std::string> other_events(std::string_view workspace,
                                        const MessageDetail& detail) const;
  // Fills in whether the selectors find the target's event in its body, and how many get it; of a
  // target with a link's token.
  void foresee(const TestTarget& target, std::string_view content_type, TestSend& send) const;
  Result<MatchReport> match(std::string_view workspace, std::string_view app,
                            std::string_view webhook, const MatchRequest& request) const;

  // --- Names for what is on record (registry_names.cc). Also of what was deleted, until the
  // retention.
  std::string workspace_of(core::LinkNumber number) const;      // empty: nobody's
  std::string workspace_of(core::EndpointNumber number) const;  // likewise
  LinkId link_id(core::LinkNumber number) const;                // zero: unknown
  EndpointId endpoint_id(core::EndpointNumber number) const;
  std::string event_tag(core::EventNumber number) const;
  // kNotFound unless it is (or was) the workspace's.
  Result<core::EndpointNumber> endpoint_number(std::string_view workspace, EndpointId id) const;
  Result<core::EventNumber> event_number(std::string_view workspace, std::string_view app,
                                         std::string_view tag) const;
  // The links whose messages a filter may want, deleted ones too.
  Result<std::vector<core::LinkNumber>> links_of(std::string_view workspace,
                                                 const HistoryFilter& filter) const;

  // --- What replays need (registry_replays.cc)
  // Where a message on record goes by what is registered now; nowhere, when its link is gone.
  // kMalformed: the body is not the JSON that it says it is.
  Result<Rerouting> route_again(selector::Matcher& matcher,
                                const store::MessageContent& content) const;
  // Whether it is there, and not deleted.
  bool has_endpoint(std::string_view workspace, core::EndpointNumber number) const;
  // The endpoints that a filter may mean by endpoint, app, webhook, env and product, deleted ones
  // too.
  Result<std::vector<core::EndpointNumber>> endpoints_of(std::string_view workspace,
                                                         const HistoryFilter& filter) const;

  // Forgets names of what was deleted before the retention. Also done by load().
  Result<void> forget_retired();
  void set_public_url(std::string public_url);
  std::string public_url() const;
  std::uint64_t dedupe_seed() const noexcept { return counter_.dedupe_seed; }
  const core::SnapshotCell<selector::RoutingTable>& routes() const noexcept {
    return snapshots_.routes();
  }
  const core::SnapshotCell<dispatch::EndpointTable>& endpoint_table() const noexcept {
    return snapshots_.endpoints();
  }

 private:
  Registry(store::EventStore& store, const core::Clock& clock, RegistryOptions options);
  Result<void> load_all();
  // Checks that it compiles, writes it, puts it in force. On failure nothing has changed.
  Result<void> commit(Change&& change);
  // Grows; made of the time, so that it does not count the changes of others.
  std::uint64_t next_revision() noexcept;

  template <class D>
  const Table<D>& table() const noexcept {
    return catalog_.of<D>();
  }
  Result<void> make_signing_secrets();
  Result<void> load_key_pepper();
  Result<void> need_key_pepper();
  Result<void> finish_master_key_rotation();

  // Look-ups, with the error that says what is missing.
  Result<void> need_workspace(std::string_view workspace) const;
  Result<const WebhookDefinition*> find_webhook(std::string_view workspace, std::string_view app,
                                                std::string_view tag) const;
  Result<const EventDefinition*> find_event(std::string_view workspace, std::string_view app,
                                            std::string_view tag) const;
  Result<const EndpointDefinition*> find_endpoint(std::string_view workspace, EndpointId id) const;
  Result<const LinkDefinition*> find_link(std::string_view workspace, LinkId id) const;
  Result<std::string> app_of(std::string_view workspace, std::string_view product,
                             std::string_view access_tag) const;
  bool has_app(std::string_view workspace, std::string_view app) const;

  using Place = RegistrationPlace;
  Result<Place> find_place(std::string_view workspace, std::string_view product,
                           std::string_view access_tag, std::string_view webhook,
                           std::string_view env, const std::string& env_pointer) const;
  const EndpointDefinition* endpoint_at(const Place& place) const;
  const LinkDefinition* link_at(const Place& place, std::string_view event) const;

  std::shared_ptr<const selector::RoutingTable> routes_with(std::string_view workspace,
                                                            std::string_view app,
                                                            std::string_view tag,
                                                            core::WebhookNumber& number) const;
  Result<MatchReport> report(std::string_view workspace, std::string_view app,
                             std::string_view webhook_tag, std::string_view env,
                             const selector::Match& match, const selector::Matcher& matcher) const;
  template <class Shown, class D>
  Result<Page<Shown>> list_filtered(const Table<D>& definitions, std::string_view workspace,
                                    const LinkFilter& filter, const PageRequest& page) const;
  Registration registration_of(const std::string& group, std::string_view access_tag) const;

  // Parts of a change.
  LinkDefinition new_link(const Place& place, std::string_view event);
  Result<EndpointDefinition> with_settings(const Place& place, const EndpointSettings& settings,
                                           const std::string& pointer);
  void set_state(EndpointDefinition& endpoint, EndpointState state, StateReason reason) const;
  void tell_gate(const Change& change) const;
  std::optional<SystemMessage> system_message(const EndpointDefinition& endpoint,
                                              const SystemNews& news) const;
  void add_system_webhook(Change& change, std::string_view workspace);
  Result<void> check_endpoint(const EndpointDefinition& endpoint, const std::string& pointer,
                              bool led_elsewhere) const;
  Result<TestTarget> find_endpoint_target(std::string_view workspace, EndpointId id,
                                          const EndpointTestSpec& spec) const;
  // What names resolve to. Requires: the mutex is not held.
  Result<void> check_names(const EndpointSettings& settings, const std::string& pointer) const;
  Result<void> put_endpoint(Change& change, EndpointDefinition& endpoint, const Place& place);
  LinkDefinition put_link(Change& change, const Place& place, std::string_view event,
                          bool* created = nullptr);
  Result<void> enable_env(Change& change, const Place& place, const EnableEnvSpec& env,
                          const std::string& pointer, std::vector<core::EndpointNumber>& calls);
  bool call_again(Change& change, const Place& place, std::vector<core::EndpointNumber>& calls);
  CallDefinition new_call(const Place& place, CallDefinition::Purpose purpose);
  void put_call(Change& change, CallDefinition call, std::vector<core::EndpointNumber>& calls);
  Result<void> prepare_call(Change& change, const Place& place, const LinkDefinition& link,
                            std::string_view auth, const std::string& pointer,
                            std::vector<core::EndpointNumber>& calls);
  void prepare_farewell(Change& change, const Place& place,
                        std::vector<core::EndpointNumber>& calls);
  void remove_webhook(Change& change, const WebhookDefinition& webhook);
  void remove_env(Change& change, const WebhookDefinition& webhook, std::string_view env);
  void remove_event(Change& change, const EventDefinition& event);
  void remove_endpoint(Change& change, const EndpointDefinition& endpoint);
  void remove_link(Change& change, const LinkDefinition& link);
  void remove_call(Change& change, const CallDefinition& call);

  Webhook describe(const WebhookDefinition& webhook) const;
  Event describe(const EventDefinition& event) const;
  Endpoint describe(const EndpointDefinition& endpoint) const;
  Link describe(const LinkDefinition& link) const;
  RegistrationEnv describe_env(const EndpointDefinition* endpoint, const CallDefinition* call,
                               const LinkDefinition* link, std::string_view slug) const;
  std::string link_url(const Bits128& token) const;

  store::EventStore& store_;
  const core::Clock& clock_;
  const RegistryOptions options_;
  mutable std::mutex mutex_;
  std::string public_url_;
  Catalog catalog_;
  SecretStore secrets_;
  CounterDefinition counter_;
  Snapshots snapshots_;
  const std::unique_ptr<AuditBook> audit_;
  std::optional<KeyHasher> hasher_;  // once there is a pepper
  Gate gate_;
  RetentionBook retention_;
};

}  // namespace headrace::engine
