// SPDX-License-Identifier: Apache-2.0
#include "engine/snapshots.h"

#include <algorithm>
#include <vector>

#include "core/random.h"
#include "engine/delivery_rules.h"
#include "engine/dispatch_endpoints.h"
#include "engine/faults.h"

namespace headrace::engine {

namespace {

std::string prefix_of(std::initializer_list<std::string_view> names) {
  return join_key(names) + '/';
}

std::shared_ptr<const selector::LinkRoute> with_token(const selector::LinkRoute& route,
                                                      const Bits128& token,
                                                      core::WallMs expires_at) {
  auto copy = std::make_shared<selector::LinkRoute>(route);
  copy->token = token;
  copy->expires_at = expires_at;
  return copy;
}

// An endpoint's place in a link's route: for every event, or for those that it names.
void add_target(const Catalog& catalog, const EndpointDefinition& endpoint,
                selector::LinkRoute& route) {
  if (!takes_messages(endpoint.state)) return;
  const selector::LinkTarget target{endpoint.number, !endpoint.filter.empty()};
  if (endpoint.events.empty()) {
    route.endpoints.push_back(target);
    return;
  }
  for (const std::string& tag : endpoint.events) {
    const auto* event =
        catalog.of<EventDefinition>().find(join_key({endpoint.workspace, endpoint.app, tag}));
    if (event != nullptr) route.by_event.emplace_back(event->number, target);
  }
}

selector::LinkRoute route_of(const Catalog& catalog, const LinkDefinition& link,
                             const WebhookDefinition& webhook) {
  selector::LinkRoute route;
  route.number = link.number;
  route.webhook = webhook.number;
  const auto& endpoints = catalog.of<EndpointDefinition>();
  if (link.product.empty()) {
    endpoints.scan(prefix_of({link.workspace, link.app, link.webhook, link.env}), {},
                   [&](const EndpointDefinition& endpoint) {
                     add_target(catalog, endpoint, route);
                     return true;
                   });
  } else if (const auto* endpoint = endpoints.find(
                 join_key({link.workspace, link.app, link.webhook, link.env, link.product}))) {
    add_target(catalog, *endpoint, route);
  }
  if (!link.event.empty()) {
    const auto* event =
        catalog.of<EventDefinition>().find(join_key({link.workspace, link.app, link.event}));
    if (event != nullptr) route.pinned = event->number;
  }
  std::sort(route.by_event.begin(), route.by_event.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first, a.second.endpoint) < std::pair(b.first, b.second.endpoint);
  });
  return route;
}

// What is configured for a link itself: of an app's link, its env's.
const std::string& verification_of(const Catalog& catalog, const LinkDefinition& link) {
  static const std::string none;
  if (link.link_kind() != LinkKind::kApp) return link.verification;
  const auto* webhook =
      catalog.of<WebhookDefinition>().find(join_key({link.workspace, link.app, link.webhook}));
  const auto* env = webhook == nullptr ? nullptr : webhook->env(link.env);
  return env == nullptr ? none : env->verification;
}

// Every edit's definition before and after the change.
template <class D, class Take>
void each_side(const Catalog& catalog, const Change& change, const Take& take) {
  for (const Edit<D>& edit : change.edits<D>()) {
    take(edit.value ? &*edit.value : nullptr, catalog.of<D>().find(edit.key));
  }
}

}  // namespace

// What has to be made anew. Keys of definitions, in order.
struct Snapshots::Touched {
  std::set<std::string> webhooks;
  std::set<std::string> links;
  std::set<std::string> verifiers;  // by their links' keys; the links are among `links`

  // The links that have no settings of their own follow the ones above them.
  void verifier_changed(const Catalog& catalog, const std::string& link) {
    if (!verifiers.insert(link).second) return;
    links.insert(link);
    catalog.of<LinkDefinition>().scan(link + "/", {}, [this](const LinkDefinition& below) {
      links.insert(below.key());
      return true;
    });
  }

  void endpoint_moved(const Catalog& catalog, const EndpointDefinition& endpoint) {
    const std::string& ws = endpoint.workspace;
    links.insert(join_key({ws, endpoint.app, endpoint.webhook, endpoint.env}));
    links.insert(endpoint.key());  // the product's link has the same names
    catalog.of<LinkDefinition>().scan(endpoint.key() + "/", {}, [this](const LinkDefinition& link) {
      links.insert(link.key());
      return true;
    });
    if (!endpoint.filter.empty()) webhooks.insert(join_key({ws, endpoint.app, endpoint.webhook}));
  }
};

Snapshots::Snapshots(const SecretStore& secrets, std::chrono::milliseconds dedupe_window,
                     core::LogSink* log)
    : secrets_(secrets),
      dedupe_window_(dedupe_window),
      log_(log),
      routes_(std::make_shared<const selector::RoutingTable>(core::random_seed())),
      endpoints_(std::make_shared<const dispatch::EndpointTable>()) {}

Snapshots::Touched Snapshots::touched_by(const Catalog& catalog, const Change& change) const {
  Touched touched;
  for (const auto& edit : change.edits<WebhookDefinition>()) touched.webhooks.insert(edit.key);
  for (const auto& edit : change.edits<LinkDefinition>()) touched.links.insert(edit.key);
  each_side<EventDefinition>(
      catalog, change, [&](const EventDefinition* before, const EventDefinition* after) {
        const EventDefinition& event = before != nullptr ? *before : *after;
        touched.webhooks.insert(join_key({event.workspace, event.app, event.webhook()}));
      });
  each_side<EndpointDefinition>(
      catalog, change, [&](const EndpointDefinition* before, const EndpointDefinition* after) {
        if (before != nullptr) touched.endpoint_moved(catalog, *before);
        if (after != nullptr) touched.endpoint_moved(catalog, *after);
      });
  find_verified(catalog, change, touched);
  return touched;
}

// Whose settings are others, or name a secret that is another.
void Snapshots::find_verified(const Catalog& catalog, const Change& change,
                              Touched& touched) const {
  const auto text_of = [](const WebhookDefinition* webhook, const std::string& slug) {
    const auto* env = webhook == nullptr ? nullptr : webhook->env(slug);
    return env == nullptr ? std::string() : env->verification;
  };
  each_side<WebhookDefinition>(
      catalog, change, [&](const WebhookDefinition* before, const WebhookDefinition* after) {
        for (const auto* webhook : {before, after}) {
          if (webhook == nullptr) continue;
          for (const WebhookEnvSpec& env : webhook->envs)
            if (text_of(before, env.slug) != text_of(after, env.slug))
              touched.verifier_changed(catalog, webhook->key() + '/' + env.slug);
        }
      });
  each_side<LinkDefinition>(
      catalog, change, [&](const LinkDefinition* before, const LinkDefinition* after) {
        const std::string was = before == nullptr ? std::string() : before->verification;
        const std::string is = after == nullptr ? std::string() : after->verification;
        if (was != is)
          touched.verifier_changed(catalog, (after == nullptr ? before : after)->key());
      });
  each_side<SecretDefinition>(
      catalog, change, [&](const SecretDefinition* before, const SecretDefinition* after) {
        const SecretDefinition& secret = before != nullptr ? *before : *after;
        catalog.of<WebhookDefinition>().scan(
            secret.workspace + '/', {}, [&](const WebhookDefinition& webhook) {
              for (const WebhookEnvSpec& env : webhook.envs)
                if (names_secret(env.verification, secret.name))
                  touched.verifier_changed(catalog, webhook.key() + '/' + env.slug);
              return true;
            });
        catalog.of<LinkDefinition>().scan(secret.workspace + '/', {},
                                          [&](const LinkDefinition& link) {
                                            if (uses_secret(link, secret.name))
                                              touched.verifier_changed(catalog, link.key());
                                            return true;
                                          });
      });
}

void Snapshots::put_verifier(const Catalog& catalog, const std::string& key,
                             Prepared& prepared) const {
  const auto* link = catalog.of<LinkDefinition>().find(key);
  MadeVerifier& made = prepared.verifiers[key];
  made = {};
  if (link == nullptr) return;
  const std::string& settings = verification_of(catalog, *link);
  if (!settings.empty())
    made = make_verifier(settings, link->workspace, secrets_.source(), dedupe_window_);
}

// Its own, else that of the product's link of which it is one event, else the env's. Null: nobody
// is asked.
const MadeVerifier* Snapshots::verifier_of(const LinkDefinition& link,
                                           const Verifiers& changed) const {
  const std::string env = join_key({link.workspace, link.app, link.webhook, link.env});
  const std::string product = link.product.empty() ? env : env + '/' + link.product;
  for (const std::string& key : {link.key(), product, env}) {
    auto it = changed.find(key);
    if (it == changed.end()) {
      it = verifiers_.find(key);
      if (it == verifiers_.end()) continue;
    }
    if (it->second.verifier != nullptr) return &it->second;
  }
  return nullptr;
}

std::string Snapshots::verification_warning(const LinkDefinition& link) const {
  const MadeVerifier* made = verifier_of(link, {});
  if (made == nullptr) return {};
  return made->fault.empty() ? made->warning : "every message is refused: " + made->fault;
}

void Snapshots::put_link(const Catalog& catalog, const LinkDefinition& link,
                         Prepared& prepared) const {
  const auto* webhook =
      catalog.of<WebhookDefinition>().find(join_key({link.workspace, link.app, link.webhook}));
  if (webhook == nullptr) return;
  selector::LinkRoute route = route_of(catalog, link, *webhook);
  if (const auto* made = verifier_of(link, prepared.verifiers)) route.verifier = made->verifier;
  prepared.routes.put(with_token(route, link.token, 0));
  if (link.previous_token != Bits128{})
    prepared.routes.put(with_token(route, link.previous_token, link.previous_until));
}

Result<Snapshots::Prepared> Snapshots::prepare(const Catalog& catalog, const Change& change) const {
  Prepared prepared{*routes_.load(), *endpoints_.load(), {}, {}};
  Result<void> made;
  each_side<EndpointDefinition>(
      catalog, change, [&](const EndpointDefinition* before, const EndpointDefinition* after) {
        if (before != nullptr && (after == nullptr || after->number != before->number)) {
          prepared.endpoints.erase(before->number);
          prepared.filters[static_cast<std::uint32_t>(before->number)] = nullptr;
        }
        if (after != nullptr && made) made = put_endpoint(*after, prepared);
      });
  each_side<CallDefinition>(
      catalog, change, [&](const CallDefinition* before, const CallDefinition* after) {
        if (before != nullptr && (after == nullptr || after->number != before->number))
          prepared.endpoints.erase(before->number);
        if (after != nullptr && made) made = put_call(*after, prepared);
      });
  each_side<SecretDefinition>(
      catalog, change, [&](const SecretDefinition* before, const SecretDefinition* after) {
        if (made) made = put_users(catalog, before != nullptr ? *before : *after, prepared);
      });
  each_side<WebhookDefinition>(
      catalog, change, [&](const WebhookDefinition* before, const WebhookDefinition* after) {
        if (before != nullptr && (after == nullptr || after->number != before->number))
          prepared.routes.erase(before->number);
      });
  each_side<LinkDefinition>(catalog, change, [&](const LinkDefinition* before, const auto*) {
    if (before == nullptr) return;
    prepared.routes.erase(before->token);
    prepared.routes.erase(before->previous_token);
  });
  const Touched touched = touched_by(catalog, change);
  for (const std::string& key : touched.webhooks) {
    const auto* webhook = catalog.of<WebhookDefinition>().find(key);
    if (webhook != nullptr && made) made = put_webhook(catalog, *webhook, prepared);
  }
  if (!made) return std::move(made).error();
  for (const std::string& key : touched.verifiers) put_verifier(catalog, key, prepared);
  for (const std::string& key : touched.links) {
    if (const auto* link = catalog.of<LinkDefinition>().find(key))
      put_link(catalog, *link, prepared);
  }
  return prepared;
}

Result<void> Snapshots::load(const Catalog& catalog) {
  Prepared prepared{*routes_.load(), {}, {}, {}};
  Result<void> made;
  catalog.of<EndpointDefinition>().each([&](const EndpointDefinition& endpoint) {
    if (made) made = put_endpoint(endpoint, prepared);
  });
  catalog.of<CallDefinition>().each([&](const CallDefinition& call) {
    if (made) made = put_call(call, prepared);
  });
  catalog.of<WebhookDefinition>().each([&](const WebhookDefinition& webhook) {
    if (made) made = put_webhook(catalog, webhook, prepared);
  });
  if (!made) {
    return Error{ErrorCode::kCorrupted, "a stored definition cannot be used: " + made.error().what,
                 0};
  }
  const auto& links = catalog.of<LinkDefinition>();
  links.each([&](const LinkDefinition& link) {
    if (!verification_of(catalog, link).empty()) put_verifier(catalog, link.key(), prepared);
  });
  links.each([&](const LinkDefinition& link) { put_link(catalog, link, prepared); });
  publish(std::move(prepared));
  return {};
}

// Endpoints first: a message that is routed to one finds it.
void Snapshots::publish(Prepared prepared) {
  for (auto& [number, filter] : prepared.filters) {
    if (filter == nullptr) {
      filters_.erase(number);
    } else {
      filters_[number] = std::move(filter);
    }
  }
  for (auto& [link, made] : prepared.verifiers) {
    if (!made.fault.empty() && log_ != nullptr)
      log_->write(core::LogLevel::kWarning, "verification_unusable",
                  "a link refuses everything, as nothing can be verified there",
                  {{"link", std::string_view(link)}, {"reason", std::string_view(made.fault)}});
    if (!made.warning.empty() && log_ != nullptr)
      log_->write(core::LogLevel::kWarning, "verification_repeatable",
                  "a link could take a message again that was recorded",
                  {{"link", std::string_view(link)}, {"reason", std::string_view(made.warning)}});
    if (made.verifier == nullptr) {
      verifiers_.erase(link);
    } else {
      verifiers_[link] = std::move(made);
    }
  }
  endpoints_.publish(
      std::make_shared<const dispatch::EndpointTable>(std::move(prepared.endpoints)));
  routes_.publish(std::make_shared<const selector::RoutingTable>(std::move(prepared.routes)));
}

Result<void> Snapshots::put_endpoint(const EndpointDefinition& endpoint, Prepared& prepared) const {
  auto usable = for_dispatch(endpoint, secrets_);
  if (!usable) return std::move(usable).error();
  prepared.endpoints.put(std::move(*usable));
  auto& filter = prepared.filters[static_cast<std::uint32_t>(endpoint.number)];
  filter = nullptr;
  if (endpoint.filter.empty()) return {};
  auto parsed = selector::Filter::parse(endpoint.filter);
  if (!parsed) return std::move(parsed).error();
  filter = std::make_shared<const selector::Filter>(std::move(*parsed));
  return {};
}

Result<void> Snapshots::put_call(const CallDefinition& call, Prepared& prepared) const {
  auto usable = for_dispatch(call, secrets_.source());
  if (!usable) return std::move(usable).error();
  prepared.endpoints.put(std::move(*usable));
  return {};
}

// Whatever names the secret is made anew, with what it is now.
Result<void> Snapshots::put_users(const Catalog& catalog, const SecretDefinition& secret,
                                  Prepared& prepared) const {
  const std::string prefix = secret.workspace + '/';
  Result<void> made;
  catalog.of<EndpointDefinition>().scan(prefix, {}, [&](const EndpointDefinition& endpoint) {
    if (uses_secret(endpoint, secret.name)) made = put_endpoint(endpoint, prepared);
    return made.has_value();
  });
  if (!made) return made;
  catalog.of<CallDefinition>().scan(prefix, {}, [&](const CallDefinition& call) {
    if (uses_secret(call, secret.name)) made = put_call(call, prepared);
    return made.has_value();
  });
  return made;
}

std::shared_ptr<const selector::Filter> Snapshots::filter_of(core::EndpointNumber number,
                                                             const Prepared& prepared) const {
  const auto key = static_cast<std::uint32_t>(number);
  if (const auto it = prepared.filters.find(key); it != prepared.filters.end()) return it->second;
  const auto it = filters_.find(key);
  return it == filters_.end() ? nullptr : it->second;
}

Result<void> Snapshots::put_webhook(const Catalog& catalog, const WebhookDefinition& webhook,
                                    Prepared& prepared) const {
  std::vector<const EventDefinition*> events;
  catalog.of<EventDefinition>().scan(webhook.key() + ":", {}, [&](const EventDefinition& event) {
    events.push_back(&event);
    return true;
  });
  std::sort(events.begin(), events.end(),
            [](const auto* a, const auto* b) { return a->number < b->number; });
  std::vector<selector::EventRule> rules;
  rules.reserve(events.size());
  for (const EventDefinition* event : events) {
    auto parsed = selector::Selector::parse(event->selector);
    if (!parsed) return std::move(parsed).error();
    rules.push_back({event->number, std::move(*parsed), event->value});
  }
  std::vector<selector::Selector> captures;
  bool dedupes_by_body = false;
  if (!webhook.dedupe.empty()) {
    auto parsed = selector::Selector::parse(webhook.dedupe);
    if (!parsed) return std::move(parsed).error();
    dedupes_by_body = parsed->source == selector::Source::kEvent;
    captures.push_back(std::move(*parsed));
  }
  std::vector<selector::FilterRule> filters;
  catalog.of<EndpointDefinition>().scan(webhook.key() + "/", {},
                                        [&](const EndpointDefinition& endpoint) {
                                          if (auto filter = filter_of(endpoint.number, prepared))
                                            filters.push_back({endpoint.number, std::move(filter)});
                                          return true;
                                        });
  auto program = selector::Program::compile(rules, captures, filters);
  if (!program) {
    Error error = std::move(program).error();
    if (error.code == ErrorCode::kConflict)
      error.items.push_back({"event " + events[static_cast<std::size_t>(error.detail)]->tag,
                             "has the same selector and value as another event"});
    return error;
  }
  auto route = std::make_shared<selector::WebhookRoute>();
  route->number = webhook.number;
  route->program = std::make_shared<const selector::Program>(std::move(*program));
  route->payload = webhook.raw_payload ? selector::PayloadRule::kRaw : selector::PayloadRule::kJson;
  route->body_bytes_max = static_cast<std::size_t>(webhook.body_bytes_max);
  route->dedupes = !webhook.dedupe.empty();
  route->dedupes_by_body = dedupes_by_body;
  prepared.routes.put(std::shared_ptr<const selector::WebhookRoute>(std::move(route)));
  return {};
}

}  // namespace headrace::engine
