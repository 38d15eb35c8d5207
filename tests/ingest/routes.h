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

// Finds kPush or kIssue by "$Event{action}".
inline std::shared_ptr<const selector::Program> action_program() {
  const auto action = selector::Selector::parse("$Event{action}");
  const std::vector<selector::EventRule> rules = {{kPush, *action, "push"},
                                                  {kIssue, *action, "issue"}};
  auto program = selector::Program::compile(rules);
  HEADRACE_CHECK(program.has_value());
  return std::make_shared<selector::Program>(std::move(*program));
}

// A link that sends every event to endpoint 1.
inline selector::LinkRoute link_route(std::uint32_t number) {
  selector::LinkRoute route;
  route.number = core::LinkNumber{number};
  route.token = Bits128{42, number};
  route.program = action_program();
  route.endpoints = {core::EndpointNumber{1}};
  return route;
}

inline std::string token_of(std::uint32_t number) {
  std::string token(kIdDigits, '\0');
  format_base62(Bits128{42, number}, token.data());
  return token;
}

inline std::shared_ptr<const selector::RoutingTable> table_of(
    std::vector<selector::LinkRoute> routes) {
  return std::make_shared<selector::RoutingTable>(std::move(routes), 7);
}

}  // namespace headrace::ingest
