// SPDX-License-Identifier: Apache-2.0
// What replays ask the definitions: where a message would go now, and whose endpoints a filter
// means.
#include <algorithm>

#include "core/limits.h"
#include "engine/faults.h"
#include "engine/match_stored.h"
#include "engine/registry.h"

namespace headrace::engine {
namespace {

// Whom the link hands an event to, as ingest does it.
std::vector<core::EndpointNumber> targets_of(const selector::LinkRoute& link,
                                             core::EventNumber event,
                                             const selector::Matcher& matcher) {
  std::vector<core::EndpointNumber> all;
  const auto keep = [&](const selector::LinkTarget& target) {
    if (!target.filtered || matcher.passes(target.endpoint)) all.push_back(target.endpoint);
  };
  for (const selector::LinkTarget& target : link.endpoints) keep(target);
  for (const auto& [wanted, target] : link.by_event) {
    if (wanted == event) keep(target);
  }
  return all;
}

// The event that a message is of now. A test is of the event that it was sent as.
core::EventNumber event_of(const selector::LinkRoute& link, const store::MessageRecord& record,
                           core::EventNumber found) noexcept {
  const bool is_given = record.event != core::EventNumber::kNone;
  if (record.is_test && is_given) return record.event;
  if (link.pinned != core::EventNumber::kNone) return link.pinned;
  return found != core::EventNumber::kNone ? found : record.event;
}

}  // namespace

Result<Rerouting> Registry::route_again(selector::Matcher& matcher,
                                        const store::MessageContent& content) const {
  Bits128 token;
  std::shared_ptr<const selector::RoutingTable> routes;
  {
    const std::lock_guard lock(mutex_);
    const auto* link = table<LinkDefinition>().by_number(content.record.link);
    if (link == nullptr) return Rerouting{};  // it was deleted: nobody listens there
    token = link->token;
    routes = this->routes().load();
  }
  // Bodies are looked into without the mutex: they may be large.
  const selector::LinkRoute* link = routes->find_link(token);
  const auto* webhook = link == nullptr ? nullptr : routes->find_webhook(link->webhook);
  if (webhook == nullptr) return Rerouting{};
  const PaddedBody body(content.body, content.headers);
  auto match = run_program(matcher, *webhook->program, webhook->payload, content, body);
  if (!match) return std::move(match).error();
  Rerouting result;
  result.event = event_of(*link, content.record, match->event);
  if (result.event != core::EventNumber::kNone)
    result.endpoints = targets_of(*link, result.event, matcher);
  return result;
}

bool Registry::has_endpoint(std::string_view workspace, core::EndpointNumber number) const {
  const std::lock_guard lock(mutex_);
  const auto* endpoint = table<EndpointDefinition>().by_number(number);
  return endpoint != nullptr && endpoint->workspace == workspace;
}

Result<std::vector<core::EndpointNumber>> Registry::endpoints_of(
    std::string_view workspace, const HistoryFilter& filter) const {
  if (filter.endpoint) {
    auto number = endpoint_number(workspace, filter.endpoint);
    if (!number) return std::move(number).error();
  }
  const std::lock_guard lock(mutex_);
  if (auto there = need_workspace(workspace); !there) return std::move(there).error();
  std::string app = filter.app;
  if (!app.empty() && !filter.product.empty()) {  // it may be the product's name for it
    const auto* connection =
        table<ConnectionDefinition>().find(join_key({workspace, filter.product, app}));
    if (connection != nullptr) app = connection->app;
  }
  std::vector<core::EndpointNumber> all;
  const auto add = [&](const auto& one, const Bits128& id) {
    const auto is = [](const std::string& wanted, const std::string& name) {
      return wanted.empty() || wanted == name;
    };
    const bool fits = one.workspace == workspace && is(app, one.app) &&
                      is(filter.webhook, one.webhook) && is(filter.env, one.env) &&
                      is(filter.product, one.product) &&
                      (!filter.endpoint || filter.endpoint.bits == id);
    if (fits) all.push_back(core::EndpointNumber{static_cast<std::uint32_t>(one.number)});
    return all.size() <= core::limits::kEndpointsPerQueryMax;
  };
  const std::string prefix = join_key({workspace, app}) + '/';
  table<EndpointDefinition>().scan(
      prefix, {}, [&](const EndpointDefinition& one) { return add(one, one.id.bits); });
  table<RetiredDefinition>().scan_second(
      join_key({workspace}) + '/', {}, [&](const RetiredDefinition& one) {
        return one.what != RetiredDefinition::What::kEndpoint || add(one, one.id);
      });
  if (all.size() <= core::limits::kEndpointsPerQueryMax) return all;
  return Error{ErrorCode::kInvalidArgument,
               "these are the deliveries of more than " +
                   std::to_string(core::limits::kEndpointsPerQueryMax) +
                   " endpoints; narrow them by endpoint, app or product",
               0};
}

}  // namespace headrace::engine
