// SPDX-License-Identifier: Apache-2.0
#include "engine/registry.h"

#include <algorithm>
#include <utility>

#include "core/random.h"
#include "engine/audit_actor.h"
#include "engine/audit_draft.h"
#include "engine/endpoint_tls.h"
#include "engine/faults.h"
#include "engine/request_parts.h"
#include "engine/tags.h"

namespace headrace::engine {

namespace {

// Reads every definition of one kind.
template <class D, class Take>
Result<void> read_all(const store::EventStore& store, const Take& take) {
  Result<void> outcome;
  auto scanned = store.scan_definitions(
      std::string(D::kKind) + "/", [&](std::string_view, std::string_view value) {
        if (!outcome) return;
        auto definition = D::from_json(value);
        outcome =
            definition ? take(std::move(*definition)) : Result<void>(std::move(definition).error());
      });
  return scanned ? std::move(outcome) : std::move(scanned);
}

}  // namespace

Registry::Registry(store::EventStore& store, const core::Clock& clock, RegistryOptions options)
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      public_url_(options_.public_url),
      secrets_(catalog_, options_.secrets),
      snapshots_(secrets_, options_.log),
      audit_(std::make_unique<AuditBook>(store, clock, options_.audit)),
      retention_(catalog_, store) {}

Result<std::unique_ptr<Registry>> Registry::load(store::EventStore& store, const core::Clock& clock,
                                                 RegistryOptions options) {
  std::unique_ptr<Registry> registry(new Registry(store, clock, std::move(options)));
  if (auto loaded = registry->load_all(); !loaded) return std::move(loaded).error();
  return registry;
}

Result<void> Registry::load_all() {
  const ActingAs acting(engine_actor());
  Result<void> read;
  const auto load = [&]<class D>() {
    if (read)
      read = read_all<D>(store_, [this](D definition) {
        catalog_.load(std::move(definition));
        return Result<void>();
      });
  };
  load.operator()<WorkspaceDefinition>();
  load.operator()<KeyDefinition>();
  load.operator()<WebhookDefinition>();
  load.operator()<EventDefinition>();
  load.operator()<ConnectionDefinition>();
  load.operator()<EndpointDefinition>();
  load.operator()<LinkDefinition>();
  load.operator()<CallDefinition>();
  load.operator()<RetiredDefinition>();
  load.operator()<CounterDefinition>();
  load.operator()<SecretDefinition>();
  if (!read) return read;
  Result<void> sound;
  table<LinkDefinition>().each([&](const LinkDefinition& link) {
    if (!find_webhook(link.workspace, link.app, link.webhook))
      sound =
          Error{ErrorCode::kCorrupted, "a stored link belongs to a webhook that is not there", 0};
  });
  if (!sound) return sound;
  if (auto opened = secrets_.open(options_.master_key); !opened) return opened;
  if (auto loaded = load_key_pepper(); !loaded) return loaded;
  if (auto loaded = snapshots_.load(catalog_); !loaded) return loaded;
  retention_.load();

  if (const auto* counter = table<CounterDefinition>().find("all")) counter_ = *counter;
  Change change;
  if (counter_.dedupe_seed == 0) {  // the first start
    counter_.dedupe_seed = core::random_seed() | 1;
    change.put(WorkspaceDefinition{std::string(kDefaultWorkspace), "Default", clock_.wall_ms()});
    add_system_webhook(change, kDefaultWorkspace);
  }
  table<WorkspaceDefinition>().each(
      [&](const WorkspaceDefinition& workspace) { add_system_webhook(change, workspace.tag); });
  if (!change.empty()) {
    if (auto done = commit(std::move(change)); !done) return done;
  }
  if (auto sealed = finish_master_key_rotation(); !sealed) return sealed;
  if (auto made = make_signing_secrets(); !made) return made;
  if (auto dropped = audit_->drop_old(); !dropped) return dropped;
  return forget_retired();
}

Result<void> Registry::forget_retired() {
  const std::lock_guard lock(mutex_);
  Change change;
  const core::WallMs now = clock_.wall_ms();
  const auto kept = static_cast<core::WallMs>(options_.retention.count());
  table<RetiredDefinition>().each([&](const RetiredDefinition& retired) {
    if (retired.retired_at + kept < now) change.remove(retired);
  });
  return change.empty() ? Result<void>() : commit(std::move(change));
}

Result<void> Registry::commit(Change&& change) {
  change.put(counter_);
  std::vector<store::DefinitionChange> changes = change.for_store();
  catalog_.apply(change);
  auto prepared = snapshots_.prepare(catalog_, change);
  Result<void> written =
      prepared ? audit_->write(std::move(changes), audit_drafts(catalog_, change))
               : Result<void>(std::move(prepared).error());
  if (!written) {
    catalog_.revert(change);
    const auto* counter = table<CounterDefinition>().find("all");
    counter_ = counter != nullptr ? *counter : CounterDefinition{};
    return written;
  }
  snapshots_.publish(std::move(*prepared));
  retention_.follow(change);
  tell_gate(change);
  return {};
}

std::uint64_t Registry::next_revision() noexcept {
  const std::uint64_t revision = std::max<std::uint64_t>(counter_.next_revision, clock_.wall_ms());
  counter_.next_revision = revision + 1;
  return revision;
}

Result<Page<AuditEntry>> Registry::audit(std::string_view workspace,
                                         const AuditFilter& filter) const {
  AuditId from;
  {
    const std::lock_guard lock(mutex_);
    if (auto there = need_workspace(workspace); !there) return std::move(there).error();
    from.bits.high = table<WorkspaceDefinition>().find(workspace)->audit_from;
  }
  return audit_->list(workspace, from, filter);
}

void Registry::set_public_url(std::string public_url) {
  const std::lock_guard lock(mutex_);
  public_url_ = std::move(public_url);
}

std::string Registry::public_url() const {
  const std::lock_guard lock(mutex_);
  return public_url_;
}

// --- Look-ups ------------------------------------------------------------------------------------

Result<void> Registry::need_workspace(std::string_view workspace) const {
  if (table<WorkspaceDefinition>().find(workspace) != nullptr) return {};
  return not_found("there is no workspace '" + std::string(workspace) + "'");
}

// A key is joined from names: what is none, an empty one say, could meet another definition's key.
Result<const WebhookDefinition*> Registry::find_webhook(std::string_view workspace,
                                                        std::string_view app,
                                                        std::string_view tag) const {
  if (check_tag("app", app) && check_tag("tag", tag)) {
    const auto* webhook = table<WebhookDefinition>().find(join_key({workspace, app, tag}));
    if (webhook != nullptr) return webhook;
  }
  return not_found("app '" + std::string(app) + "' has no webhook '" + std::string(tag) + "'");
}

Result<const EventDefinition*> Registry::find_event(std::string_view workspace,
                                                    std::string_view app,
                                                    std::string_view tag) const {
  const Error missing =
      not_found("app '" + std::string(app) + "' has no event '" + std::string(tag) + "'");
  if (!check_tag("app", app)) return missing;
  const std::string prefix = join_key({workspace, app}) + '/';
  if (tag.find(':') != std::string_view::npos) {
    const auto* event = table<EventDefinition>().find(prefix + std::string(tag));
    if (event != nullptr) return event;
    return missing;
  }
  std::vector<const EventDefinition*> candidates;
  table<EventDefinition>().scan(prefix, {}, [&](const EventDefinition& event) {
    if (event.event_part() == tag) candidates.push_back(&event);
    return true;
  });
  if (candidates.empty()) return missing;
  if (candidates.size() == 1) return candidates.front();
  Error error = conflict("several webhooks of the app have an event '" + std::string(tag) + "'");
  for (const auto* candidate : candidates) error.items.push_back({"event " + candidate->tag, ""});
  return error;
}

Result<const EndpointDefinition*> Registry::find_endpoint(std::string_view workspace,
                                                          EndpointId id) const {
  const auto* endpoint = table<EndpointDefinition>().by_id(id);
  if (endpoint != nullptr && endpoint->workspace == workspace) return endpoint;
  return not_found("there is no such endpoint");
}

Result<const LinkDefinition*> Registry::find_link(std::string_view workspace, LinkId id) const {
  const auto* link = table<LinkDefinition>().by_id(id);
  if (link != nullptr && link->workspace == workspace) return link;
  return not_found("there is no such link");
}

bool Registry::has_app(std::string_view workspace, std::string_view app) const {
  bool found = false;
  table<WebhookDefinition>().scan(join_key({workspace, app}) + '/', {},
                                  [&](const WebhookDefinition&) {
                                    found = true;
                                    return false;
                                  });
  return found;
}

// The app that a product knows under that name: the one that it connected, else the app of that
// tag.
Result<std::string> Registry::app_of(std::string_view workspace, std::string_view product,
                                     std::string_view access_tag) const {
  if (auto checked = check_tag("access_tag", access_tag); !checked)
    return at("/access_tag", std::move(checked).error());
  const auto* connection =
      table<ConnectionDefinition>().find(join_key({workspace, product, access_tag}));
  if (connection != nullptr) return connection->app;
  if (has_app(workspace, access_tag)) return std::string(access_tag);
  return not_found("product '" + std::string(product) + "' knows no app as '" +
                   std::string(access_tag) + "'");
}

Result<Registry::Place> Registry::find_place(std::string_view workspace, std::string_view product,
                                             std::string_view access_tag, std::string_view webhook,
                                             std::string_view env,
                                             const std::string& env_pointer) const {
  if (auto checked = check_tag("product", product); !checked)
    return at("/product", std::move(checked).error());
  auto app = app_of(workspace, product, access_tag);
  if (!app) return std::move(app).error();
  auto found = find_webhook(workspace, *app, webhook);
  if (!found) return std::move(found).error();
  if ((*found)->env(env) == nullptr) {
    std::string known;
    for (const WebhookEnvSpec& one : (*found)->envs)
      known += (known.empty() ? "" : ", ") + one.slug;
    return invalid(env_pointer,
                   "the webhook has no env '" + std::string(env) + "'; it has: " + known);
  }
  return Place{workspace, product, access_tag, env, *found};
}

const EndpointDefinition* Registry::endpoint_at(const Place& place) const {
  return table<EndpointDefinition>().find(join_key(
      {place.workspace, place.webhook->app, place.webhook->tag, place.env, place.product}));
}

const LinkDefinition* Registry::link_at(const Place& place, std::string_view event) const {
  return table<LinkDefinition>().find(join_key(
      {place.workspace, place.webhook->app, place.webhook->tag, place.env, place.product, event}));
}

// --- Parts of changes
// -----------------------------------------------------------------------------

namespace {

// What stays of a link, endpoint or call: its name.
template <class D>
RetiredDefinition retired(RetiredDefinition::What what, const D& definition, core::WallMs now) {
  RetiredDefinition result;
  result.what = what;
  result.number = static_cast<std::uint32_t>(definition.number);
  result.id = definition.id.bits;
  result.workspace = definition.workspace;
  result.app = definition.app;
  result.webhook = definition.webhook;
  result.env = definition.env;
  result.product = definition.product;
  result.retired_at = now;
  return result;
}

}  // namespace

void Registry::remove_link(Change& change, const LinkDefinition& link) {
  RetiredDefinition name = retired(RetiredDefinition::What::kLink, link, clock_.wall_ms());
  name.event = link.event;
  change.put(std::move(name));
  change.remove(link);
}

void Registry::remove_endpoint(Change& change, const EndpointDefinition& endpoint) {
  change.put(retired(RetiredDefinition::What::kEndpoint, endpoint, clock_.wall_ms()));
  change.remove(endpoint);
}

void Registry::remove_call(Change& change, const CallDefinition& call) {
  change.put(retired(RetiredDefinition::What::kEndpoint, call, clock_.wall_ms()));
  change.remove(call);
}

// --- What people see
// ------------------------------------------------------------------------------

std::string Registry::link_url(const Bits128& token) const {
  std::string digits(kIdDigits, '\0');
  format_base62(token, digits.data());
  return public_url_ + "/in/" + digits;
}

Link Registry::describe(const LinkDefinition& link) const {
  Link result{.id = link.id,
              .kind = link.link_kind(),
              .url = link_url(link.token),
              .app = link.app,
              .webhook = link.webhook,
              .env = link.env,
              .product = link.product,
              .access_tag = link.access_tag,
              .event = link.event,
              .previous_until = std::nullopt,
              .verification = hidden_verification(link.verification),
              .warnings = {},
              .revision = link.revision};
  if (std::string fault = snapshots_.verification_fault(link); !fault.empty())
    result.warnings.push_back("every message is refused: " + std::move(fault));
  if (link.previous_until != 0) result.previous_until = link.previous_until;
  return result;
}

Endpoint Registry::describe(const EndpointDefinition& endpoint) const {
  Endpoint result{.id = endpoint.id,
                  .product = endpoint.product,
                  .access_tag = endpoint.access_tag,
                  .app = endpoint.app,
                  .webhook = endpoint.webhook,
                  .env = endpoint.env,
                  .url = endpoint.url,
                  .method = endpoint.method,
                  .auth = hidden_parts(endpoint.auth),
                  .events = endpoint.events,
                  .filter = endpoint.filter,
                  .delivery = endpoint.delivery,
                  .signing = describe_signing(endpoint, clock_.wall_ms()),
                  .state = endpoint.state,
                  .state_reason = endpoint.state_reason,
                  .state_since = endpoint.state_since,
                  .drained = {},
                  .link_id = {},
                  .link = {},
                  .revision = endpoint.revision,
                  .tls = hidden_tls(endpoint.tls)};
  if (const auto* link = table<LinkDefinition>().find(endpoint.key())) {
    result.link_id = link->id;
    result.link = link_url(link->token);
  }
  return result;
}

}  // namespace headrace::engine
