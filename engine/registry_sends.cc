// SPDX-License-Identifier: Apache-2.0
// Where test sends go, and what a message would do.
#include <algorithm>

#include "core/buffer.h"
#include "core/http_grammar.h"
#include "engine/delivery_rules.h"
#include "engine/faults.h"
#include "engine/match_stored.h"
#include "engine/registry.h"
#include "engine/tags.h"
#include "ingest/router.h"
#include "selector/program.h"

namespace headrace::engine {
namespace {

constexpr std::string_view kPlainTest = R"({"type":"headrace.test"})";

std::string digits_of(const Bits128& token) {
  std::string digits(kIdDigits, '\0');
  format_base62(token, digits.data());
  return digits;
}

// Why an endpoint would not get the message; empty when it would.
std::string why_not(const EndpointDefinition& endpoint, const EventDefinition* event,
                    const selector::Matcher& matcher) {
  if (event == nullptr) return "no event of the webhook matches";
  if (!takes_messages(endpoint.state))
    return "the endpoint is " + std::string(to_string(endpoint.state));
  const auto& wanted = endpoint.events;
  if (!wanted.empty() && std::count(wanted.begin(), wanted.end(), event->tag) == 0)
    return "it does not want the event " + event->tag;
  return endpoint.filter.empty() ? std::string() : matcher.why_not(endpoint.number);
}

Result<selector::Match> run(selector::Matcher& matcher, const selector::WebhookRoute& webhook,
                            ingest::DeclaredBody declared, selector::MessageView view) {
  return run_program(matcher, *webhook.program, webhook.payload, declared, view);
}

}  // namespace

Result<TestTarget> Registry::trigger_target(std::string_view workspace, std::string_view app,
                                            std::string_view event_name,
                                            const TriggerSpec& spec) const {
  const std::lock_guard lock(mutex_);
  auto event = find_event(workspace, app, event_name);
  if (!event) return std::move(event).error();
  auto webhook = find_webhook(workspace, app, (*event)->webhook());
  if (!webhook) return std::move(webhook).error();
  std::string env = spec.env;
  if (env.empty()) {
    if ((*webhook)->envs.size() != 1)
      return invalid("/env", "is missing: the webhook has several envs");
    env = (*webhook)->envs.front().slug;
  }
  if ((*webhook)->env(env) == nullptr)
    return invalid("/env", "the webhook has no env '" + env + "'");
  if (!spec.product.empty() && !check_tag("product", spec.product))
    return invalid("/product", "is not a tag");
  const auto* link = table<LinkDefinition>().find((*webhook)->key() + '/' + env +
                                                  (spec.product.empty() ? "" : "/" + spec.product));
  if (link == nullptr)
    return invalid("/product", "the product is not registered for that webhook and env");
  TestTarget target;
  target.link_token = digits_of(link->token);
  target.link = link->number;
  target.event = (*event)->number;
  target.event_tag = (*event)->tag;
  target.body = spec.body.empty() ? (*event)->sample : spec.body;
  target.webhook = (*webhook)->number;
  if (target.body.empty()) return invalid("/payload", "is missing: the event has no sample");
  return target;
}

// What would only fail is refused at once, by the same name.
Result<TestTarget> Registry::endpoint_target(std::string_view workspace, EndpointId id,
                                             const EndpointTestSpec& spec) const {
  auto target = find_endpoint_target(workspace, id, spec);
  if (!target) return target;
  const auto published = endpoint_table().load();
  const auto* endpoint = published->find(target->endpoint);
  if (endpoint == nullptr) return target;
  auto leads = resolve_and_check(options_.targets, (*endpoint)->url);
  return leads ? std::move(target) : std::move(leads).error();
}

Result<TestTarget> Registry::find_endpoint_target(std::string_view workspace, EndpointId id,
                                                  const EndpointTestSpec& spec) const {
  const std::lock_guard lock(mutex_);
  auto endpoint = find_endpoint(workspace, id);
  if (!endpoint) return std::move(endpoint).error();
  auto webhook = find_webhook(workspace, (*endpoint)->app, (*endpoint)->webhook);
  if (!webhook) return std::move(webhook).error();
  const auto* link = table<LinkDefinition>().find((*endpoint)->key());
  if (link == nullptr)  // it was made by hand and its link was deleted: the app's link serves
    link = table<LinkDefinition>().find((*webhook)->key() + '/' + (*endpoint)->env);
  TestTarget target;
  target.link = link->number;
  target.endpoint = (*endpoint)->number;
  target.webhook = (*webhook)->number;
  target.body = spec.body;
  if (!spec.event.empty()) {
    std::string tag = spec.event;
    if (tag.find(':') == std::string::npos) tag.insert(0, (*webhook)->tag + ":");
    auto event = find_event(workspace, (*endpoint)->app, tag);
    if (!event || (*event)->webhook() != (*webhook)->tag)
      return invalid("/event", "the webhook has no event '" + spec.event + "'");
    target.event = (*event)->number;
    target.event_tag = (*event)->tag;
    if (target.body.empty()) target.body = (*event)->sample;
  }
  if (target.body.empty()) target.body = kPlainTest;
  return target;
}

void Registry::foresee(const TestTarget& target, std::string_view content_type,
                       TestSend& send) const {
  const auto routes = this->routes().load();
  const selector::WebhookRoute* webhook = routes->find_webhook(target.webhook);
  if (webhook == nullptr) return;
  selector::Matcher matcher;
  const PaddedBody body(target.body);
  auto match = run(matcher, *webhook, ingest::declared_body(content_type, {}, target.body.size()),
                   {.body = body.view()});
  send.selected = match && match->event == target.event && !target.event_tag.empty();
  const auto route = routes->find(target.link_token, clock_.wall_ms());
  if (!route) return;
  const auto passes = [&](const selector::LinkTarget& to) {
    return !to.filtered || matcher.passes(to.endpoint);
  };
  for (const selector::LinkTarget& to : route.link->endpoints) send.receivers += passes(to) ? 1 : 0;
  for (const auto& [event, to] : route.link->by_event)
    send.receivers += event == target.event && passes(to) ? 1 : 0;
}

// The program that a message to that webhook runs through, as of now. Bodies are looked into
// without the mutex: they may be large.
std::shared_ptr<const selector::RoutingTable> Registry::routes_with(
    std::string_view workspace, std::string_view app, std::string_view tag,
    core::WebhookNumber& number) const {
  const std::lock_guard lock(mutex_);
  auto webhook = find_webhook(workspace, app, tag);
  if (!webhook) return nullptr;
  number = (*webhook)->number;
  return routes().load();
}

std::vector<std::string> Registry::other_events(std::string_view workspace,
                                                const MessageDetail& detail) const {
  std::vector<std::string> tags;
  auto link = this->link(workspace, detail.message.link);
  if (!link) return tags;
  core::WebhookNumber number{};
  const auto routes = routes_with(workspace, link->app, link->webhook, number);
  const auto* route = routes == nullptr ? nullptr : routes->find_webhook(number);
  if (route == nullptr) return tags;
  const std::string_view lines = detail.header_lines;
  selector::Matcher matcher;
  const PaddedBody body(detail.body, lines);
  auto match = run(matcher, *route, body.declared(),
                   {.body = body.view(), .query = detail.query, .header_lines = lines});
  if (!match) return tags;
  const auto add = [&](core::EventNumber event) {
    std::string tag = event_tag(event);
    if (!tag.empty() && tag != detail.message.event) tags.push_back(std::move(tag));
  };
  add(match->event);
  for (std::size_t i = 0; i < std::min<std::size_t>(match->other_count, match->others.size()); ++i)
    add(match->others[i]);
  return tags;
}

Result<MatchReport> Registry::match(std::string_view workspace, std::string_view app,
                                    std::string_view webhook_tag,
                                    const MatchRequest& request) const {
  if (auto known = webhook(workspace, app, webhook_tag); !known) return std::move(known).error();
  core::WebhookNumber number{};
  const auto routes = routes_with(workspace, app, webhook_tag, number);
  const auto* route = routes == nullptr ? nullptr : routes->find_webhook(number);
  if (route == nullptr) return not_found("the webhook was deleted just now");
  selector::Matcher matcher;
  const PaddedBody body(request.body);
  auto match =
      run(matcher, *route, ingest::declared_body(request.content_type, {}, request.body.size()),
          {.body = body.view(), .query = request.query, .header_lines = request.header_lines});
  if (!match) return std::move(match).error();
  return report(workspace, app, webhook_tag, request.env, *match, matcher);
}

Result<MatchReport> Registry::report(std::string_view workspace, std::string_view app,
                                     std::string_view webhook_tag, std::string_view env,
                                     const selector::Match& match,
                                     const selector::Matcher& matcher) const {
  const std::lock_guard lock(mutex_);
  auto webhook = find_webhook(workspace, app, webhook_tag);
  if (!webhook) return std::move(webhook).error();
  if (!env.empty() && (*webhook)->env(env) == nullptr)
    return invalid("/env", "the webhook has no env '" + std::string(env) + "'");
  MatchReport report;
  const auto* event = table<EventDefinition>().by_number(match.event);
  if (event != nullptr) report.event = event->tag;
  for (std::size_t i = 0; i < std::min<std::size_t>(match.other_count, match.others.size()); ++i)
    if (const auto* other = table<EventDefinition>().by_number(match.others[i]))
      report.others.push_back(other->tag);
  table<EndpointDefinition>().scan(
      (*webhook)->key() + '/', {}, [&](const EndpointDefinition& endpoint) {
        if (!env.empty() && endpoint.env != env) return true;
        std::string reason = why_not(endpoint, event, matcher);
        const bool reached = reason.empty();
        report.receivers.push_back(
            {endpoint.id, endpoint.product, endpoint.env, reached, std::move(reason)});
        return true;
      });
  return report;
}

}  // namespace headrace::engine
