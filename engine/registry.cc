// SPDX-License-Identifier: Apache-2.0
#include "engine/registry.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"
#include "core/random.h"
#include "engine/tags.h"
#include "selector/program.h"
#include "selector/selector.h"

namespace headrace::engine {

namespace limits = core::limits;

namespace {

template <class SomeId>
SomeId random_id() noexcept {
  SomeId id;
  core::secure_random(&id.bits, sizeof(id.bits));
  return id;
}

template <class Definition>
store::DefinitionChange put(const Definition& definition) {
  return {definition.key(), definition.to_json()};
}

// Reads every definition of one kind.
template <class Definition, class Take>
Result<void> read_all(const store::EventStore& store, std::string_view prefix, Take take) {
  Result<void> outcome;
  auto scanned = store.scan_definitions(prefix, [&](std::string_view, std::string_view value) {
    if (!outcome) return;
    auto definition = Definition::from_json(value);
    outcome =
        definition ? take(std::move(*definition)) : Result<void>(std::move(definition).error());
  });
  return scanned ? std::move(outcome) : std::move(scanned);
}

}  // namespace

Registry::Registry(store::EventStore& store, std::string public_url)
    : store_(store),
      public_url_(std::move(public_url)),
      routes_(std::make_shared<const selector::RoutingTable>()),
      endpoint_table_(std::make_shared<const dispatch::EndpointTable>()) {}

Result<std::unique_ptr<Registry>> Registry::load(store::EventStore& store, std::string public_url) {
  std::unique_ptr<Registry> registry(new Registry(store, std::move(public_url)));
  if (auto loaded = registry->load_all(); !loaded) return std::move(loaded).error();
  return registry;
}

Result<void> Registry::load_all() {
  auto read = read_all<CounterDefinition>(store_, kCounterKey, [this](CounterDefinition counter) {
    counter_ = counter;
    return Result<void>();
  });
  if (!read) return read;
  read = read_all<WebhookDefinition>(store_, kWebhookPrefix, [this](WebhookDefinition webhook) {
    std::string key = webhook.key();
    webhooks_.emplace(std::move(key), std::move(webhook));
    return Result<void>();
  });
  if (!read) return read;
  read = read_all<EventDefinition>(store_, kEventPrefix, [this](EventDefinition event) {
    index_event(std::move(event));
    return Result<void>();
  });
  if (!read) return read;
  read = read_all<EndpointDefinition>(store_, kEndpointPrefix, [this](EndpointDefinition endpoint) {
    return index_endpoint(std::move(endpoint));
  });
  if (!read) return read;
  read = read_all<LinkDefinition>(store_, kLinkPrefix, [this](LinkDefinition link) {
    if (!find_webhook(link.app, link.webhook)) {
      return Result<void>(
          Error{ErrorCode::kCorrupted, "a stored link belongs to a webhook that is not there", 0});
    }
    index_link(std::move(link));
    return Result<void>();
  });
  if (!read) return read;
  for (const auto& [key, webhook] : webhooks_) {
    auto program = compile(webhook.app, webhook.tag, nullptr);
    if (!program) return std::move(program).error();
    programs_[key] = std::move(*program);
  }
  if (counter_.dedupe_seed == 0) {  // the first start
    counter_.dedupe_seed = core::random_seed() | 1;
    if (auto written = write({put(counter_)}); !written) return written;
  }
  publish_routes();
  publish_endpoints();
  return {};
}

Result<void> Registry::write(const std::vector<store::DefinitionChange>& changes) {
  return store_.change_definitions(changes);
}

// --- Webhooks and events
// ------------------------------------------------------------------------------------------------

Result<Webhook> Registry::create_webhook(std::string_view app, const WebhookSpec& spec) {
  if (auto checked = check_tag("app", app); !checked) return std::move(checked).error();
  if (auto checked = check_tag("tag", spec.tag); !checked) return std::move(checked).error();
  if (spec.envs.empty())
    return Error{ErrorCode::kInvalidArgument, "a webhook needs at least one env", 0};
  const std::uint64_t body_bytes_max = spec.body_bytes_max.value_or(limits::kBodyBytesMaxDefault);
  if (body_bytes_max == 0 || body_bytes_max > limits::kBodyBytesMax) {
    return Error{ErrorCode::kInvalidArgument, "body_bytes_max must be between 1 and 67108864", 0};
  }

  const std::lock_guard lock(mutex_);
  WebhookDefinition webhook{.app = std::string(app),
                            .tag = spec.tag,
                            .name = spec.name,
                            .description = spec.description,
                            .envs = {},
                            .raw_payload = spec.raw_payload,
                            .body_bytes_max = body_bytes_max};
  const Key key = webhook.key();
  if (webhooks_.contains(key))
    return Error{ErrorCode::kConflict, "the app has a webhook '" + spec.tag + "' already", 0};
  const CounterDefinition counter_before = counter_;
  std::vector<store::DefinitionChange> changes;
  std::vector<LinkDefinition> links;
  for (const WebhookEnvSpec& env : spec.envs) {
    auto checked = check_slug(env.slug);
    if (checked && std::count(webhook.envs.begin(), webhook.envs.end(), env.slug) != 0) {
      checked = Error{ErrorCode::kInvalidArgument, "env '" + env.slug + "' is given twice", 0};
    }
    if (!checked) {
      counter_ = counter_before;
      return std::move(checked).error();
    }
    webhook.envs.push_back(env.slug);
    links.push_back(new_link(app, spec.tag, env.slug, {}));
    changes.push_back(put(links.back()));
  }
  changes.push_back(put(webhook));
  changes.push_back(put(counter_));
  if (auto written = write(changes); !written) {
    counter_ = counter_before;
    return std::move(written).error();
  }
  auto program = compile(webhook.app, webhook.tag, nullptr);
  programs_[key] = std::move(program).value();  // no events yet: nothing that could be refused
  for (LinkDefinition& link : links) index_link(std::move(link));
  const auto& stored = webhooks_.emplace(key, std::move(webhook)).first->second;
  publish_routes();
  return describe(stored);
}

Result<std::vector<Webhook>> Registry::webhooks(std::string_view app) const {
  const std::lock_guard lock(mutex_);
  std::vector<Webhook> result;
  for (const auto& [key, webhook] : webhooks_) {
    if (webhook.app == app) result.push_back(describe(webhook));
  }
  return result;
}

Result<Event> Registry::create_event(std::string_view app, const EventSpec& spec) {
  const std::lock_guard lock(mutex_);
  auto event = checked_event(app, spec);
  if (!event) return std::move(event).error();
  if (events_.contains(event->key())) {
    return Error{ErrorCode::kConflict, "the app has an event '" + spec.tag + "' already", 0};
  }
  event->number = core::EventNumber{counter_.next_event};
  auto program = compile(event->app, event->webhook(), &*event);
  if (!program) return std::move(program).error();
  ++counter_.next_event;
  if (auto written = write({put(*event), put(counter_)}); !written) {
    --counter_.next_event;
    return std::move(written).error();
  }
  programs_[WebhookDefinition::key_of(event->app, event->webhook())] = std::move(*program);
  Event described{event->app,      event->tag,   event->name,  event->description,
                  event->selector, event->value, event->sample};
  index_event(std::move(*event));
  publish_routes();
  return described;
}

// The value that an event's scalar must equal: as given, else as in the sample, else the event part
// of the tag.
Result<EventDefinition> Registry::checked_event(std::string_view app, const EventSpec& spec) const {
  const std::size_t colon = spec.tag.find(':');
  if (colon == std::string::npos) {
    return Error{ErrorCode::kInvalidArgument, "an event's tag is webhook:event", 0};
  }
  const std::string_view tag = spec.tag;
  if (auto checked = check_tag("tag", tag.substr(colon + 1)); !checked)
    return std::move(checked).error();
  if (auto webhook = find_webhook(app, tag.substr(0, colon)); !webhook)
    return std::move(webhook).error();
  auto selector = selector::Selector::parse(spec.selector);
  if (!selector) return std::move(selector).error();

  EventDefinition event;
  event.app = std::string(app);
  event.tag = spec.tag;
  event.name = spec.name;
  event.description = spec.description;
  event.selector = spec.selector;
  event.sample = spec.sample;
  event.value = spec.selector_value.value_or(spec.tag.substr(colon + 1));
  if (!spec.sample.empty()) {
    auto in_sample = selector::value_in_sample(*selector, spec.sample);
    if (!in_sample) {
      Error error = std::move(in_sample).error();
      error.what = "the sample is not valid JSON: " + error.what;
      return error;
    }
    if (!spec.selector_value && *in_sample) event.value = **in_sample;
  }
  return event;
}

Result<std::vector<Event>> Registry::events(std::string_view app, std::string_view webhook) const {
  const std::lock_guard lock(mutex_);
  if (auto found = find_webhook(app, webhook); !found) return std::move(found).error();
  std::vector<Event> result;
  for (const auto& [key, event] : events_) {
    if (event.app != app || event.webhook() != webhook) continue;
    result.push_back({event.app, event.tag, event.name, event.description, event.selector,
                      event.value, event.sample});
  }
  return result;
}

// --- Links and endpoints
// --------------------------------------------------------------------------------------------------

Result<ProductLink> Registry::create_link(std::string_view product, const LinkSpec& spec) {
  const std::lock_guard lock(mutex_);
  auto endpoint = checked_endpoint(product, spec);
  if (!endpoint) return std::move(endpoint).error();
  const CounterDefinition counter_before = counter_;
  const auto existing = endpoints_.find(endpoint->key());
  ProductLink result;
  result.created = existing == endpoints_.end();
  if (result.created && receivers_of(spec) == limits::kTargetsPerMessageMax) {
    return Error{ErrorCode::kTooLarge,
                 "the webhook's env has as many endpoints as a message may go to", 0};
  }
  std::vector<store::DefinitionChange> changes;
  std::optional<LinkDefinition> link;
  if (result.created) {
    endpoint->id = random_id<EndpointId>();
    endpoint->number = core::EndpointNumber{counter_.next_endpoint++};
    link = new_link(spec.access_tag, spec.webhook_tag, spec.env, product);
    changes.push_back(put(*link));
    changes.push_back(put(counter_));
  } else {
    endpoint->id = existing->second.id;
    endpoint->number = existing->second.number;
    link = links_.at(LinkDefinition{.app = spec.access_tag,
                                    .webhook = spec.webhook_tag,
                                    .env = spec.env,
                                    .product = std::string(product)}
                         .key());
  }
  changes.push_back(put(*endpoint));
  auto usable = for_dispatch(*endpoint);
  Result<void> written = usable ? write(changes) : Result<void>(usable.error());
  if (!written) {
    counter_ = counter_before;
    return std::move(written).error();
  }
  result.endpoint = endpoint->id;
  result.link_id = link->id;
  result.link = link_url(*link);
  if (auto indexed = index_endpoint(std::move(*endpoint)); !indexed)
    return std::move(indexed).error();
  if (result.created) index_link(std::move(*link));
  publish_endpoints();  // first: a message that is routed to it finds it
  publish_routes();
  return result;
}

Result<EndpointDefinition> Registry::checked_endpoint(std::string_view product,
                                                      const LinkSpec& spec) const {
  if (auto checked = check_tag("product", product); !checked) return std::move(checked).error();
  auto webhook = find_webhook(spec.access_tag, spec.webhook_tag);
  if (!webhook) return std::move(webhook).error();
  const auto& envs = (*webhook)->envs;
  if (std::find(envs.begin(), envs.end(), spec.env) == envs.end()) {
    std::string known;
    for (const std::string& env : envs) known += (known.empty() ? "" : ", ") + env;
    return Error{ErrorCode::kInvalidArgument,
                 "the webhook has no env '" + spec.env + "'; it has: " + known, 0};
  }
  if (parse_method(spec.method) == core::Method::kOther) {
    return Error{ErrorCode::kInvalidArgument, "method must be GET, POST, PUT, PATCH or DELETE", 0};
  }
  const std::uint32_t in_flight_max = spec.in_flight_max.value_or(limits::kLaneInFlightDefault);
  if (in_flight_max == 0 || in_flight_max > limits::kLaneInFlightMax) {
    return Error{ErrorCode::kInvalidArgument, "in_flight_max must be between 1 and 1024", 0};
  }
  EndpointDefinition endpoint;
  endpoint.product = std::string(product);
  endpoint.app = spec.access_tag;
  endpoint.webhook = spec.webhook_tag;
  endpoint.env = spec.env;
  endpoint.url = spec.url;
  endpoint.method = spec.method;
  endpoint.in_flight_max = in_flight_max;
  endpoint.retry_schedule = spec.retry_schedule;
  return endpoint;
}

// How many endpoints a message to the app's link goes to.
std::size_t Registry::receivers_of(const LinkSpec& spec) const {
  return static_cast<std::size_t>(
      std::count_if(endpoints_.begin(), endpoints_.end(), [&spec](const auto& entry) {
        const EndpointDefinition& endpoint = entry.second;
        return endpoint.app == spec.access_tag && endpoint.webhook == spec.webhook_tag &&
               endpoint.env == spec.env;
      }));
}

std::vector<Endpoint> Registry::endpoints() const {
  const std::lock_guard lock(mutex_);
  std::vector<Endpoint> result;
  for (const auto& [key, endpoint] : endpoints_) result.push_back(describe(endpoint));
  return result;
}

LinkDefinition Registry::new_link(std::string_view app, std::string_view webhook,
                                  std::string_view env, std::string_view product) {
  LinkDefinition link;
  link.id = random_id<LinkId>();
  link.number = core::LinkNumber{counter_.next_link++};
  core::secure_random(&link.token, sizeof(link.token));
  link.app = std::string(app);
  link.webhook = std::string(webhook);
  link.env = std::string(env);
  link.product = std::string(product);
  return link;
}

// --- Look-ups
// -------------------------------------------------------------------------------------------------------------

Result<const WebhookDefinition*> Registry::find_webhook(std::string_view app,
                                                        std::string_view tag) const {
  // A key is joined from tags: what is none, an empty one say, could meet another webhook's key.
  if (check_tag("app", app) && check_tag("tag", tag)) {
    const auto it = webhooks_.find(WebhookDefinition::key_of(app, tag));
    if (it != webhooks_.end()) return &it->second;
  }
  return Error{ErrorCode::kNotFound,
               "app '" + std::string(app) + "' has no webhook '" + std::string(tag) + "'", 0};
}

Result<core::LinkNumber> Registry::link_number(LinkId id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, link] : links_) {
    if (link.id == id) return link.number;
  }
  return Error{ErrorCode::kNotFound, "there is no such link", 0};
}

LinkId Registry::link_id(core::LinkNumber number) const {
  const std::lock_guard lock(mutex_);
  const auto it = link_keys_.find(static_cast<std::uint32_t>(number));
  return it == link_keys_.end() ? LinkId{} : links_.at(it->second).id;
}

Result<core::EndpointNumber> Registry::endpoint_number(EndpointId id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, endpoint] : endpoints_) {
    if (endpoint.id == id) return endpoint.number;
  }
  return Error{ErrorCode::kNotFound, "there is no such endpoint", 0};
}

EndpointId Registry::endpoint_id(core::EndpointNumber number) const {
  const std::lock_guard lock(mutex_);
  const auto it = endpoint_keys_.find(static_cast<std::uint32_t>(number));
  return it == endpoint_keys_.end() ? EndpointId{} : endpoints_.at(it->second).id;
}

std::string Registry::event_tag(core::EventNumber number) const {
  const std::lock_guard lock(mutex_);
  const auto it = event_keys_.find(static_cast<std::uint32_t>(number));
  return it == event_keys_.end() ? std::string() : events_.at(it->second).tag;
}

void Registry::set_public_url(std::string public_url) {
  const std::lock_guard lock(mutex_);
  public_url_ = std::move(public_url);
}

std::string Registry::link_url(const LinkDefinition& link) const {
  std::string token(kIdDigits, '\0');
  format_base62(link.token, token.data());
  return public_url_ + "/in/" + token;
}

Webhook Registry::describe(const WebhookDefinition& webhook) const {
  Webhook result{webhook.app, webhook.tag, webhook.name, webhook.description, {}, {}};
  for (const std::string& env : webhook.envs) {
    const auto it =
        links_.find(LinkDefinition{.app = webhook.app, .webhook = webhook.tag, .env = env}.key());
    if (it != links_.end()) result.envs.push_back({env, it->second.id, link_url(it->second)});
  }
  result.warnings.emplace_back(
      "requests are not verified: anybody who knows a link can post to it");
  return result;
}

Endpoint Registry::describe(const EndpointDefinition& endpoint) const {
  return {endpoint.id,  endpoint.product, endpoint.app,    endpoint.webhook,
          endpoint.env, endpoint.url,     endpoint.method, endpoint.in_flight_max};
}

}  // namespace headrace::engine
