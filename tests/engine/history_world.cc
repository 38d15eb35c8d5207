// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/history_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "engine/catalog.h"
#include "tests/support/master_key.h"
#include "tests/support/loopback_targets.h"

namespace headrace::engine {
namespace {

WebhookDefinition webhook(std::uint32_t number, std::string_view workspace, std::string app,
                          std::string tag) {
  WebhookDefinition definition;
  definition.number = core::WebhookNumber{number};
  definition.workspace = std::string(workspace);
  definition.app = std::move(app);
  definition.tag = std::move(tag);
  definition.name = "A webhook";
  for (const char* slug : {"prd", "snd"}) definition.envs.emplace_back().slug = slug;
  definition.body_bytes_max = 1024;
  return definition;
}

template <class D>
D at_place(D definition, const LinkFact& place) {
  definition.workspace = place.workspace;
  definition.app = place.app;
  definition.webhook = place.webhook;
  definition.env = place.env;
  definition.product = place.product;
  return definition;
}

void put_endpoint(Change& change, std::uint32_t number, std::uint32_t product_link) {
  EndpointDefinition endpoint = at_place(EndpointDefinition{}, link_fact(product_link));
  endpoint.id = endpoint_of(number);
  endpoint.number = core::EndpointNumber{number};
  endpoint.access_tag = endpoint.app;
  endpoint.url = "http://127.0.0.1:9/";
  endpoint.method = "POST";
  endpoint.delivery.in_flight_max = 1;
  change.put(std::move(endpoint));
}

void put_call(Change& change, std::uint32_t number, std::uint32_t product_link) {
  CallDefinition call = at_place(CallDefinition{}, link_fact(product_link));
  call.id = endpoint_of(number);
  call.number = core::EndpointNumber{number};
  call.access_tag = call.app;
  call.url = "http://127.0.0.1:9/";
  call.method = "POST";
  change.put(std::move(call));
}

void put_link(Change& change, const LinkFact& fact) {
  if (fact.is_retired) {
    RetiredDefinition retired = at_place(RetiredDefinition{}, fact);
    retired.what = RetiredDefinition::What::kLink;
    retired.number = fact.number;
    retired.id = link_of(fact.number).bits;
    retired.event = fact.event;
    retired.retired_at = store::FixedClock().wall;
    change.put(std::move(retired));
    return;
  }
  LinkDefinition link = at_place(LinkDefinition{}, fact);
  link.id = link_of(fact.number);
  link.number = core::LinkNumber{fact.number};
  link.token = {9, fact.number};
  link.access_tag = link.app;
  link.event = fact.event;
  change.put(std::move(link));
}

void put_event(Change& change, const EventFact& fact) {
  if (fact.is_retired) {
    RetiredDefinition retired;
    retired.what = RetiredDefinition::What::kEvent;
    retired.number = fact.number;
    retired.workspace = fact.workspace;
    retired.app = fact.app;
    retired.webhook = fact.tag.substr(0, fact.tag.find(':'));
    retired.event = fact.tag;
    retired.retired_at = store::FixedClock().wall;
    change.put(std::move(retired));
    return;
  }
  EventDefinition event;
  event.workspace = fact.workspace;
  event.app = fact.app;
  event.tag = fact.tag;
  event.selector = "$Event{action}";
  event.value = fact.tag;
  event.number = core::EventNumber{fact.number};
  change.put(std::move(event));
}

}  // namespace

const std::vector<LinkFact>& link_facts() {
  static const std::vector<LinkFact> facts = {
      {1, "default", "github", "repo", "prd", "", "", {1, 2}},
      {2, "default", "github", "repo", "snd", "", "", {4}},
      {3, "default", "github", "repo", "prd", "shop", "", {1}},
      {4, "default", "github", "repo", "prd", "crm", "", {2}},
      {5, "default", "github", "repo", "prd", "shop", "repo:opened", {1}},
      {6, "default", "billing", "pay", "prd", "", "", {3}},
      {7, "default", "billing", "pay", "prd", "shop", "", {3}},
      {8, "default", "github", "repo", "snd", "shop", "", {4}, true},
      {9, "default", "github", "repo", "prd", "shop", "repo:closed", {1}, true},
      {20, "elsewhere", "github", "repo", "prd", "", "", {11}},
      {21, "elsewhere", "github", "repo", "prd", "shop", "", {11}},
      {22, "elsewhere", "github", "repo", "snd", "shop", "", {11}, true},
  };
  return facts;
}

const LinkFact& link_fact(std::uint32_t number) {
  const auto& facts = link_facts();
  return *std::find_if(facts.begin(), facts.end(),
                       [number](const LinkFact& fact) { return fact.number == number; });
}

// The event repo:opened was deleted and made anew: two numbers, one tag.
const std::vector<EventFact>& event_facts() {
  static const std::vector<EventFact> facts = {
      {1, "default", "github", "repo:opened"},       {2, "default", "github", "repo:closed"},
      {3, "default", "github", "repo:opened", true}, {4, "default", "billing", "pay:paid"},
      {5, "default", "github", "repo:gone", true},   {11, "elsewhere", "github", "repo:opened"},
  };
  return facts;
}

void write_definitions(store::EventStore& store) {
  Change change;
  change.put(WorkspaceDefinition{std::string(kHome), "Home", 1});
  change.put(WorkspaceDefinition{std::string(kElsewhere), "Elsewhere", 1});
  change.put(webhook(1, kHome, "github", "repo"));
  change.put(webhook(2, kHome, "billing", "pay"));
  change.put(webhook(3, kElsewhere, "github", "repo"));
  for (const LinkFact& fact : link_facts()) put_link(change, fact);
  for (const EventFact& fact : event_facts()) put_event(change, fact);
  put_endpoint(change, kShopEndpoint, 3);
  put_endpoint(change, kCrmEndpoint, 4);
  put_endpoint(change, kMoneyEndpoint, 7);
  put_endpoint(change, kForeignEndpoint, 21);
  put_call(change, kCall, 3);
  put_call(change, kForeignCall, 21);
  RetiredDefinition retired = at_place(RetiredDefinition{}, link_fact(8));
  retired.what = RetiredDefinition::What::kEndpoint;
  retired.number = kRetiredEndpoint;
  retired.id = endpoint_of(kRetiredEndpoint).bits;
  retired.retired_at = store::FixedClock().wall;
  change.put(std::move(retired));
  change.put(ConnectionDefinition{std::string(kHome), "shop", "money", "billing", 1});
  CounterDefinition counter;
  counter.next_webhook = counter.next_link = counter.next_endpoint = counter.next_event = 100;
  counter.dedupe_seed = 1;
  change.put(counter);
  ASSERT_TRUE(store.change_definitions(change.for_store()));
}

HistoryWorld::HistoryWorld(Kind kind) {
  if (kind == Kind::kMemory) {
    memory_ = std::make_unique<store::MemoryStore>(rig.options, rig.clock, 1);
  } else {
    EXPECT_TRUE(rig.open());
  }
  write_definitions(store());
  auto loaded = Registry::load(store(), rig.clock,
                               {.public_url = "http://localhost",
                                .retention = std::chrono::hours(24),
                                .targets = test::loopback_targets(),
                                .master_key = test::fixed_master_key()});
  EXPECT_TRUE(loaded) << loaded.error().what;
  registry_ = std::move(*loaded);
  history_ = std::make_unique<History>(store(), *registry_);
}

Sent HistoryWorld::send(std::uint32_t link, std::uint32_t event,
                        std::vector<std::uint32_t> endpoints, bool is_test) {
  Sent sent;
  sent.at = rig.clock.wall;
  sent.link = link;
  sent.event = event;
  sent.status = event == 0          ? store::MessageStatus::kUnmatched
                : endpoints.empty() ? store::MessageStatus::kNoEndpoint
                                    : store::MessageStatus::kRouted;
  sent.is_test = is_test;
  sent.endpoints = endpoints;
  store::MessageSpec spec;
  spec.link = link;
  spec.endpoints = std::move(endpoints);
  spec.status = sent.status;
  spec.is_test = is_test;
  spec.body = body;
  store::Group group;
  group.intakes.push_back(store::make_intake(rig.pool, spec, sent.at));
  group.intakes.back().event = core::EventNumber{event};
  EXPECT_TRUE(store::commit(store(), group));
  sent.id = group.placed.front().id;
  sent.position = group.placed.front().position;
  ++rig.clock.wall;
  return sent;
}

void HistoryWorld::send_many(std::uint32_t link, std::size_t count) {
  store::MessageSpec spec;
  spec.link = link;
  spec.endpoints.clear();
  spec.status = store::MessageStatus::kUnmatched;
  store::Group group;
  for (std::size_t i = 0; i < count; ++i) {
    group.intakes.push_back(store::make_intake(rig.pool, spec, rig.clock.wall));
    group.intakes.back().event = core::EventNumber::kNone;
    if (group.intakes.size() < 100 && i + 1 < count) continue;
    EXPECT_TRUE(store::commit(store(), group));
    group.clear();
    ++rig.clock.wall;
  }
}

void HistoryWorld::attempt(const Sent& sent, std::uint32_t endpoint, store::Verdict verdict,
                           std::uint16_t http_status, store::AttemptError error) {
  const std::uint16_t number = ++attempts_[{sent.id, endpoint}];
  const core::WallMs next_at = verdict == store::Verdict::kRetry ? rig.clock.wall + 5000 : 0;
  store::Outcome outcome =
      store::make_outcome(sent.id, sent.position, endpoint, verdict, number, next_at);
  outcome.http_status = http_status;
  outcome.error = error;
  store::set_response(outcome, rig.pool, "A: b\r\n", "ok");
  store::Group group;
  group.outcomes.push_back(std::move(outcome));
  EXPECT_TRUE(store::commit(store(), group));
}

}  // namespace headrace::engine
