// SPDX-License-Identifier: Apache-2.0
// Links to post to, made without a registry.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/snapshot.h"
#include "selector/program.h"
#include "selector/routing_table.h"

namespace headrace::ingest {

inline constexpr core::EventNumber kPush{1};
inline constexpr core::EventNumber kIssue{2};

// Finds kPush or kIssue by "$Event{action}", and what names the message by "$Event{id}". `filters`:
// further endpoints' filters, as JSON.
inline std::shared_ptr<const selector::Program> action_program(
    const std::vector<std::pair<std::uint32_t, std::string>>& filters = {}) {
  const auto action = selector::Selector::parse("$Event{action}");
  const std::vector<selector::EventRule> rules = {{kPush, *action, "push"},
                                                  {kIssue, *action, "issue"}};
  const std::vector<selector::Selector> captures = {*selector::Selector::parse("$Event{id}")};
  std::vector<selector::FilterRule> filter_rules;
  for (const auto& [endpoint, text] : filters) {
    auto filter = selector::Filter::parse(text);
    HEADRACE_CHECK(filter.has_value());
    filter_rules.push_back({core::EndpointNumber{endpoint},
                            std::make_shared<const selector::Filter>(std::move(*filter))});
  }
  auto program = selector::Program::compile(rules, captures, filter_rules);
  HEADRACE_CHECK(program.has_value());
  return std::make_shared<selector::Program>(std::move(*program));
}

inline selector::WebhookRoute webhook_route() {
  selector::WebhookRoute webhook;
  webhook.number = core::WebhookNumber{3};
  webhook.program = action_program();
  return webhook;
}

inline selector::LinkTarget target(std::uint32_t endpoint, bool filtered = false) {
  return {core::EndpointNumber{endpoint}, filtered};
}

// A link that sends every event of webhook_route() to endpoint 1.
inline selector::LinkRoute link_route(std::uint32_t number) {
  selector::LinkRoute route;
  route.number = core::LinkNumber{number};
  route.token = Bits128{42, number};
  route.webhook = webhook_route().number;
  route.endpoints = {target(1)};
  return route;
}

inline std::string token_of(std::uint32_t number) {
  std::string token(kIdDigits, '\0');
  format_base62(Bits128{42, number}, token.data());
  return token;
}

inline std::shared_ptr<const selector::RoutingTable> table_of(
    const std::vector<selector::LinkRoute>& links,
    const selector::WebhookRoute& webhook = webhook_route()) {
  auto table = std::make_shared<selector::RoutingTable>(7);
  table->put(std::make_shared<const selector::WebhookRoute>(webhook));
  for (const selector::LinkRoute& link : links)
    table->put(std::make_shared<const selector::LinkRoute>(link));
  return table;
}

}  // namespace headrace::ingest
