// SPDX-License-Identifier: Apache-2.0
// What the loops run on: programs, routes and endpoints, made from the definitions.
#include <algorithm>
#include <utility>

#include "core/random.h"
#include "engine/registry.h"
#include "selector/program.h"
#include "selector/selector.h"

namespace headrace::engine {

core::Method parse_method(std::string_view text) noexcept {
  for (const auto method : {core::Method::kGet, core::Method::kPost, core::Method::kPut,
                            core::Method::kPatch, core::Method::kDelete}) {
    if (core::to_string(method) == text) return method;
  }
  return core::Method::kOther;
}

Result<std::shared_ptr<const dispatch::Endpoint>> for_dispatch(
    const EndpointDefinition& definition) {
  dispatch::EndpointSettings settings;
  settings.number = definition.number;
  settings.url = definition.url;
  settings.method = parse_method(definition.method);
  settings.in_flight_max = definition.in_flight_max;
  if (definition.retry_schedule) {
    auto policy = dispatch::RetryPolicy::of_list(*definition.retry_schedule);
    if (!policy) return std::move(policy).error();
    settings.retry = std::move(*policy);
  }
  return dispatch::make_endpoint(std::move(settings));
}

// ------------------------------------------------------------------------------------------------------------

// The webhook's program, with one event more if `further` is given.
Result<std::shared_ptr<const selector::Program>> Registry::compile(
    const std::string& app, const std::string& webhook, const EventDefinition* further) const {
  std::vector<const EventDefinition*> events;
  for (const auto& [key, event] : events_) {
    if (event.app == app && event.webhook() == webhook) events.push_back(&event);
  }
  if (further != nullptr) events.push_back(further);
  std::sort(events.begin(), events.end(),
            [](const auto* a, const auto* b) { return a->number < b->number; });
  std::vector<selector::EventRule> rules;
  rules.reserve(events.size());
  for (const EventDefinition* event : events) {
    auto selector = selector::Selector::parse(event->selector);
    if (!selector) return std::move(selector).error();
    rules.push_back({event->number, std::move(*selector), event->value});
  }
  auto program = selector::Program::compile(rules);
  if (!program) return std::move(program).error();
  return std::shared_ptr<const selector::Program>(
      std::make_shared<selector::Program>(std::move(*program)));
}

void Registry::index_link(LinkDefinition link) {
  Key key = link.key();
  link_keys_[static_cast<std::uint32_t>(link.number)] = key;
  links_.insert_or_assign(std::move(key), std::move(link));
}

void Registry::index_event(EventDefinition event) {
  Key key = event.key();
  event_keys_[static_cast<std::uint32_t>(event.number)] = key;
  events_.insert_or_assign(std::move(key), std::move(event));
}

Result<void> Registry::index_endpoint(EndpointDefinition endpoint) {
  auto usable = for_dispatch(endpoint);
  if (!usable) return std::move(usable).error();
  const auto number = static_cast<std::uint32_t>(endpoint.number);
  dispatch_endpoints_[number] = std::move(*usable);
  Key key = endpoint.key();
  endpoint_keys_[number] = key;
  endpoints_.insert_or_assign(std::move(key), std::move(endpoint));
  return {};
}

void Registry::publish_endpoints() {
  std::vector<std::shared_ptr<const dispatch::Endpoint>> all;
  all.reserve(dispatch_endpoints_.size());
  for (const auto& [number, endpoint] : dispatch_endpoints_) all.push_back(endpoint);
  endpoint_table_.publish(std::make_shared<const dispatch::EndpointTable>(std::move(all)));
}

void Registry::publish_routes() {
  // What is posted to an app's link goes to every product's endpoint for that webhook and env.
  std::map<std::string, std::vector<core::EndpointNumber>, std::less<>> by_app_link;
  for (const auto& [key, endpoint] : endpoints_) {
    const LinkDefinition app_link{
        .app = endpoint.app, .webhook = endpoint.webhook, .env = endpoint.env};
    by_app_link[app_link.key()].push_back(endpoint.number);
  }
  std::vector<selector::LinkRoute> routes;
  routes.reserve(links_.size());
  for (const auto& [key, link] : links_) {
    const Key webhook = WebhookDefinition::key_of(link.app, link.webhook);
    const WebhookDefinition& definition = webhooks_.at(webhook);
    selector::LinkRoute route;
    route.number = link.number;
    route.token = link.token;
    route.program = programs_.at(webhook);
    route.payload =
        definition.raw_payload ? selector::PayloadRule::kRaw : selector::PayloadRule::kJson;
    route.body_bytes_max = static_cast<std::size_t>(definition.body_bytes_max);
    if (link.product.empty()) {
      if (const auto it = by_app_link.find(key); it != by_app_link.end())
        route.endpoints = it->second;
    } else {
      const EndpointDefinition owner{
          .product = link.product, .app = link.app, .webhook = link.webhook, .env = link.env};
      if (const auto it = endpoints_.find(owner.key()); it != endpoints_.end()) {
        route.endpoints = {it->second.number};
      }
    }
    routes.push_back(std::move(route));
  }
  routes_.publish(
      std::make_shared<const selector::RoutingTable>(std::move(routes), core::random_seed()));
}

}  // namespace headrace::engine
