// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/registry_rig.h"

#include <algorithm>
#include <sstream>

#include "core/buffer.h"
#include "engine/audit_record.h"
#include "engine/definitions.h"
#include "engine/delivery_json.h"
#include "engine/delivery_rules.h"
#include "ingest/verification/verifier.h"
#include "tests/support/master_key.h"

namespace headrace::test {

using engine::Registry;

namespace {

const PageRequest kAll{.cursor = {}, .count_max = 1000};

void show(std::ostream& out, const Key& key) {
  out << key.id.to_string() << ' ' << key.name << ' ' << int{key.scopes} << ' ' << key.created_at
      << ' ' << key.expires_at.value_or(0) << ' ' << key.last_used_at.value_or(0);
}
void show(std::ostream& out, const App& app) { out << app.tag << ' ' << app.webhooks; }
void show(std::ostream& out, const Webhook& webhook) {
  out << webhook.app << ' ' << webhook.tag << ' ' << webhook.name << ' ' << webhook.description
      << ' ' << webhook.raw_payload << ' ' << webhook.body_bytes_max << ' ' << webhook.dedupe << ' '
      << webhook.revision;
  for (const WebhookEnv& env : webhook.envs) {
    out << "\n    " << env.slug << ' ' << env.link_id.to_string() << ' ' << env.link << ' '
        << env.registration_url << ' ' << env.method << ' ' << env.sample << ' '
        << env.unregistration_url << ' ' << env.unregistration_method;
  }
}
void show(std::ostream& out, const Event& event) {
  out << event.app << ' ' << event.tag << ' ' << event.name << ' ' << event.description << ' '
      << event.selector << ' ' << event.value << ' ' << event.sample << ' ' << event.revision;
  for (const std::string& warning : event.warnings) out << "\n    " << warning;
}
void show(std::ostream& out, const Product& product) {
  out << product.tag << ' ' << product.connections << ' ' << product.endpoints << ' '
      << product.links;
}
void show(std::ostream& out, const Connection& connection) {
  out << connection.product << ' ' << connection.access_tag << ' ' << connection.app << ' '
      << connection.revision;
}
void show(std::ostream& out, const Endpoint& endpoint) {
  out << endpoint.id.to_string() << ' ' << endpoint.product << ' ' << endpoint.access_tag << ' '
      << endpoint.app << ' ' << endpoint.webhook << ' ' << endpoint.env << ' ' << endpoint.url
      << ' ' << endpoint.method << ' ' << endpoint.auth << ' ' << endpoint.filter << ' '
      << engine::delivery_json(endpoint.delivery).dump() << ' ' << engine::to_string(endpoint.state)
      << ' ' << engine::to_string(endpoint.state_reason) << ' ' << endpoint.state_since << ' '
      << endpoint.link_id.to_string() << ' ' << endpoint.link << ' ' << endpoint.revision;
  for (const std::string& event : endpoint.events) out << " event " << event;
}
void show(std::ostream& out, const Link& link) {
  out << link.id.to_string() << ' ' << int(link.kind) << ' ' << link.url << ' ' << link.app << ' '
      << link.webhook << ' ' << link.env << ' ' << link.product << ' ' << link.access_tag << ' '
      << link.event << ' ' << link.previous_until.value_or(0) << ' ' << link.revision;
}
void show(std::ostream& out, const Registration& registration) {
  out << registration.product << ' ' << registration.access_tag << ' ' << registration.app << ' '
      << registration.webhook;
  for (const RegistrationEnv& env : registration.envs) {
    out << "\n    " << env.slug << ' ' << env.url << ' ' << env.method << ' '
        << env.endpoint.to_string() << ' ' << env.link_id.to_string() << ' ' << env.link << ' '
        << int(env.state) << ' ' << env.call.to_string() << ' ' << env.attempts << ' '
        << env.http_status << ' ' << env.error << ' ' << env.response << ' '
        << env.called_at.value_or(0) << ' ' << env.next_at.value_or(0);
  }
}

template <class Item>
void show_all(std::ostream& out, const char* title, const Result<Page<Item>>& page) {
  out << title << '\n';
  if (!page) {
    out << "  error " << to_string(page.error().code) << '\n';
    return;
  }
  for (const Item& item : page->items) {
    out << "  ";
    show(out, item);
    out << '\n';
  }
}

// Readable past its end, as the matcher needs it.
std::string padded(std::string_view text) {
  return std::string(text) + std::string(core::BufferPool::kPadding, '\0');
}

struct ProbeMessage {
  std::string_view body, query, header_lines;
};
constexpr ProbeMessage kProbes[] = {
    {R"({"action":"starred","kind":"a"})", "", ""},
    {R"({"action":"a","kind":"b","n":5})", "", ""},
    {R"({"action":"b","n":15})", "q=1", ""},
    {R"({"kind":"starred"})", "", "X-Kind: a\r\n"},
};

void show_program(std::ostream& out, const selector::LinkRoute& link,
                  const selector::WebhookRoute& webhook) {
  selector::Matcher matcher;
  for (const ProbeMessage& probe : kProbes) {
    const std::string body = padded(probe.body);
    const selector::Match match =
        matcher.run(*webhook.program, {std::string_view(body).substr(0, probe.body.size()),
                                       selector::BodyKind::kJson, probe.query, probe.header_lines});
    out << " [" << match.valid << ' ' << static_cast<std::uint32_t>(match.event) << '+'
        << match.other_count;
    if (webhook.dedupes) out << " d=" << matcher.capture(0).value_or("-");
    for (const auto& target : link.endpoints) out << ' ' << matcher.passes(target.endpoint);
    for (const auto& [event, target] : link.by_event) out << ' ' << matcher.passes(target.endpoint);
    out << ']';
  }
}

// Of random_changes.
bool takes_key(const verification::Verifier& verifier, const std::string& key) {
  std::string wire = "POST /in/x HTTP/1.1\r\nHost: a\r\nX-Key: " + key + "\r\n\r\n";
  core::RequestParser parser;
  parser.parse(wire.data(), wire.size());
  const auto judgement = verifier.judge({.head = parser.head(), .base = wire.data(), .now = 1});
  return judgement.verdict == verification::Verdict::kGenuine;
}

void show_route(std::ostream& out, const selector::RoutingTable& routes, const Bits128& bits,
                core::WallMs now) {
  std::string token(kIdDigits, '\0');
  format_base62(bits, token.data());
  out << token;
  const auto route = routes.find(token, now);
  if (!route) {
    out << " nothing\n";
    return;
  }
  out << " link " << static_cast<std::uint32_t>(route.link->number) << " pinned "
      << static_cast<std::uint32_t>(route.link->pinned) << " until " << route.link->expires_at;
  for (const auto& target : route.link->endpoints)
    out << " all:" << static_cast<std::uint32_t>(target.endpoint) << (target.filtered ? "f" : "");
  for (const auto& [event, target] : route.link->by_event)
    out << " of" << static_cast<std::uint32_t>(event) << ':'
        << static_cast<std::uint32_t>(target.endpoint) << (target.filtered ? "f" : "");
  out << " webhook " << static_cast<std::uint32_t>(route.webhook->number) << ' '
      << int(route.webhook->payload) << ' ' << route.webhook->body_bytes_max << ' '
      << route.webhook->dedupes << route.webhook->dedupes_by_body;
  if (route.link->verifier != nullptr)
    for (const char* key : {"k", "x", "s3cr3t"})
      out << (takes_key(*route.link->verifier, key) ? " takes " : " refuses ") << key;
  show_program(out, *route.link, *route.webhook);
  out << '\n';
}

void show_endpoint(std::ostream& out, const dispatch::EndpointTable& endpoints,
                   std::uint32_t number) {
  const auto* found = endpoints.find(core::EndpointNumber{number});
  if (found == nullptr) return;
  const dispatch::Endpoint& endpoint = **found;
  out << "endpoint " << number << ' ' << endpoint.url.authority() << ' ' << endpoint.prefix << ' '
      << endpoint.settings.held << ' ' << endpoint.settings.in_flight_max << ' '
      << endpoint.settings.retry.delays().size() << ' '
      << (endpoint.settings.body ? endpoint.body : "-") << ' ' << endpoint.settings.forward_headers
      << ' ' << endpoint.settings.missing_secret << '\n';
}

}  // namespace

std::string places(const Error& error) {
  std::string all;
  for (const ErrorItem& item : error.items) all += (all.empty() ? "" : " ") + item.where;
  return all;
}

std::string token_of(std::string_view link) {
  return std::string(link.substr(link.rfind('/') + 1));
}

std::string lists_of(const Registry& registry, std::string_view workspace) {
  std::ostringstream out;
  show_all(out, "keys", registry.keys(workspace, kAll));
  const auto apps = registry.apps(workspace, kAll);
  show_all(out, "apps", apps);
  for (const App& app : apps ? apps->items : std::vector<App>()) {
    show_all(out, "webhooks", registry.webhooks(workspace, app.tag, kAll));
    show_all(out, "events", registry.events(workspace, app.tag, "", kAll));
  }
  const auto products = registry.products(workspace, kAll);
  show_all(out, "products", products);
  for (const Product& product : products ? products->items : std::vector<Product>())
    show_all(out, "connections", registry.connections(workspace, product.tag, kAll));
  show_all(out, "endpoints", registry.endpoints(workspace, {}, kAll));
  show_all(out, "links", registry.links(workspace, {}, kAll));
  show_all(out, "registrations", registry.registrations(workspace, "", "", kAll));
  return out.str();
}

std::string lists_of(const Registry& registry) {
  std::string all;
  const auto workspaces = registry.workspaces(kAll);
  for (const WorkspaceInfo& one : workspaces->items) {
    all += "workspace " + one.tag + " " + one.name + " " + std::to_string(one.created_at) + "\n" +
           lists_of(registry, one.tag);
  }
  return all;
}

std::string published_of(const Registry& registry, const store::EventStore& store,
                         core::WallMs now) {
  std::ostringstream out;
  const auto routes = registry.routes().load();
  const auto endpoints = registry.endpoint_table().load();
  std::size_t links = 0;
  done(store.scan_definitions("link/", [&](std::string_view, std::string_view json) {
    const auto link = made(engine::LinkDefinition::from_json(json));
    show_route(out, *routes, link.token, now);
    ++links;
    if (link.previous_token == Bits128{}) return;
    show_route(out, *routes, link.previous_token, now);
    ++links;
  }));
  done(store.scan_definitions("counter/", [&](std::string_view, std::string_view json) {
    const auto counter = made(engine::CounterDefinition::from_json(json));
    for (std::uint32_t i = 0; i < counter.next_endpoint; ++i) show_endpoint(out, *endpoints, i);
  }));
  EXPECT_EQ(routes->link_count(), links) << "a token without a definition is routed";
  out << routes->webhook_count() << " webhooks, " << endpoints->size() << " endpoints\n";
  return out.str();
}

std::string stored_in(const store::EventStore& store) {
  std::string all;
  done(store.scan_definitions("", [&](std::string_view key, std::string_view value) {
    // What was is another matter than what is.
    if (key.starts_with(engine::kAuditBegin)) return;
    all.append(key).append("=").append(value).append("\n");
  }));
  return all;
}

std::string audit_in(const store::EventStore& store) {
  std::string all;
  done(store.scan_definitions(engine::kAuditBegin,
                              [&](std::string_view key, std::string_view value) {
                                all.append(key).append("=").append(value).append("\n");
                              }));
  return all;
}

std::unique_ptr<Registry> RegistryRig::another() const {
  auto loaded = Registry::load(
      const_cast<FaultyStore&>(store), clock,
      {.public_url = std::string(kPublicUrl),
       .secrets =
           [this](std::string_view, std::string_view name) {
             const auto found = secrets.find(std::string(name));
             return found == secrets.end() ? std::nullopt : std::optional(found->second);
           },
       .retention = retention,
       .targets = {addresses.get(), plain_http,
                   [this](std::span<const std::string> hosts) {
                     ++look_ups;
                     std::vector<dispatch::Addresses> answers;
                     for (const std::string& host : hosts) {
                       asked_names.push_back(host);
                       const auto found = dns_table.find(host);
                       answers.push_back(found == dns_table.end() ? dispatch::Addresses{}
                                                                  : found->second);
                     }
                     return answers;
                   }},
       .master_key = fixed_master_key(),
       .dedupe_window = dedupe_window,
       .log = log_sink});
  EXPECT_TRUE(loaded) << loaded.error().what;
  return loaded ? std::move(*loaded) : nullptr;
}

void RegistryRig::load() { registry = another(); }

Webhook RegistryRig::webhook(std::string_view app, std::string tag, std::vector<std::string> envs,
                             std::string_view workspace) {
  return made(
      registry->create_webhook(workspace, app, webhook_spec(std::move(tag), std::move(envs))));
}

Event RegistryRig::event(std::string tag, std::string selector, std::string_view app,
                         std::string_view workspace) {
  return made(
      registry->create_event(workspace, app, event_spec(std::move(tag), std::move(selector))));
}

Endpoint RegistryRig::endpoint(std::string_view product, EndpointSettings settings, std::string env,
                               std::string_view workspace) {
  return made(registry->create_endpoint(workspace, product,
                                        endpoint_spec(std::move(settings), std::move(env))));
}

Webhook RegistryRig::calling_webhook(std::string registration_url, std::string sample,
                                     std::string method) {
  WebhookSpec spec = webhook_spec();
  spec.envs[0].registration_url = std::move(registration_url);
  spec.envs[0].sample = std::move(sample);
  spec.envs[0].method = std::move(method);
  return made(registry->create_webhook(kWorkspace, "github", spec));
}

WebhookSpec RegistryRig::webhook_spec(std::string tag, std::vector<std::string> envs) {
  WebhookSpec spec;
  spec.tag = std::move(tag);
  spec.name = "Repositories";
  for (std::string& env : envs) spec.envs.push_back({.slug = std::move(env)});
  return spec;
}

EventSpec RegistryRig::event_spec(std::string tag, std::string selector, std::string sample) {
  EventSpec spec;
  spec.tag = std::move(tag);
  spec.name = "An event";
  spec.selector = std::move(selector);
  spec.sample = std::move(sample);
  return spec;
}

EndpointSettings RegistryRig::to(std::string_view url) {
  EndpointSettings settings;
  settings.url = std::string(url);
  return settings;
}

EndpointSpec RegistryRig::endpoint_spec(EndpointSettings settings, std::string env) {
  return {"github", "repo", std::move(env), std::move(settings)};
}

LinkSpec RegistryRig::link_spec(EndpointSettings settings, std::string env) {
  return {"github", "repo", std::move(env), "", std::move(settings)};
}

LinkSpec RegistryRig::event_link_spec(std::string event, std::string env) {
  return {"github", "", std::move(env), std::move(event), {}};
}

EnableSpec RegistryRig::enable_spec(EndpointSettings settings, std::string env) {
  EnableSpec spec;
  spec.access_tag = "github";
  spec.webhook = "repo";
  spec.envs.push_back({std::move(env), std::move(settings), std::nullopt});
  return spec;
}

const selector::LinkRoute* RegistryRig::route(std::string_view link) {
  routes_ = registry->routes().load();
  return routes_->find(token_of(link), clock.wall_ms()).link;
}

std::vector<std::string> RegistryRig::receivers(std::string_view link, std::string_view event) {
  std::vector<std::string> products;
  const auto* found = route(link);
  if (found == nullptr) return {"no route"};
  const auto add = [&](core::EndpointNumber number) {
    const auto endpoint = registry->endpoint(kWorkspace, registry->endpoint_id(number));
    products.push_back(endpoint ? endpoint->product : "unknown");
  };
  for (const auto& target : found->endpoints) add(target.endpoint);
  for (const auto& [number, target] : found->by_event)
    if (registry->event_tag(number) == event) add(target.endpoint);
  std::sort(products.begin(), products.end());
  return products;
}

std::string RegistryRig::event_in(std::string_view link, std::string_view json) {
  routes_ = registry->routes().load();
  const auto found = routes_->find(token_of(link), clock.wall_ms());
  if (!found) return "no route";
  const std::string body = padded(json);
  const selector::Match match = matcher_.run(
      *found.webhook->program,
      {std::string_view(body).substr(0, json.size()), selector::BodyKind::kJson, {}, {}});
  return registry->event_tag(match.event);
}

const dispatch::Endpoint* RegistryRig::dispatched(EndpointId id) {
  endpoints_ = registry->endpoint_table().load();
  const auto number = registry->endpoint_number(kWorkspace, id);
  const auto* found = number ? endpoints_->find(*number) : nullptr;
  return found == nullptr ? nullptr : found->get();
}

}  // namespace headrace::test
