// SPDX-License-Identifier: Apache-2.0
// The states of endpoints: who is told of them, what the engine itself decides, and the system
// webhook by which it says so.
#include <algorithm>
#include <utility>

#include "engine/audit_actor.h"
#include "engine/delivery_rules.h"
#include "engine/registry.h"
#include "engine/system_webhook.h"

namespace headrace::engine {

namespace {

// Whether the complaint is about the endpoint as it is now.
bool is_founded(const EndpointDefinition& endpoint, const Complaint& complaint) {
  if (endpoint.state == EndpointState::kDisabled) return false;
  if (complaint.reason == StateReason::kGone) return complaint.began_at >= endpoint.state_since;
  const auto& after = endpoint.delivery.disable_after;
  const core::WallMs since = std::max(complaint.since, endpoint.state_since);
  return after && complaint.began_at >= since &&
         complaint.began_at - since >= static_cast<core::WallMs>(after->count());
}

bool hears_system(const Catalog& catalog, std::string_view workspace) {
  bool found = false;
  catalog.of<EndpointDefinition>().scan(join_key({workspace, kSystemApp, kSystemWebhook}) + '/', {},
                                        [&found](const EndpointDefinition&) {
                                          found = true;
                                          return false;
                                        });
  return found;
}

std::string host_of(const Snapshots& snapshots, core::EndpointNumber number) {
  const auto endpoints = snapshots.endpoints().load();
  const auto* found = endpoints->find(number);
  return found == nullptr ? std::string() : (*found)->url.host;
}

}  // namespace

void Registry::set_state(EndpointDefinition& endpoint, EndpointState state,
                         StateReason reason) const {
  endpoint.state = state;
  endpoint.state_reason = reason;
  endpoint.state_since = clock_.wall_ms();
}

void Registry::set_gate(Gate gate) {
  const std::lock_guard lock(mutex_);
  gate_ = std::move(gate);
}

std::vector<core::EndpointNumber> Registry::held_endpoints() const {
  const std::lock_guard lock(mutex_);
  std::vector<core::EndpointNumber> numbers;
  table<EndpointDefinition>().each([&](const EndpointDefinition& endpoint) {
    if (holds_messages(endpoint.state)) numbers.push_back(endpoint.number);
  });
  return numbers;
}

// After the tables were swapped: what is let go then finds an endpoint that delivers, and what is
// still handed over to one that does not comes back, and is held.
void Registry::tell_gate(const Change& change) const {
  if (!gate_) return;
  for (const Edit<EndpointDefinition>& edit : change.edits<EndpointDefinition>()) {
    const EndpointDefinition* before = edit.value ? &*edit.value : nullptr;
    const EndpointDefinition* after = table<EndpointDefinition>().find(edit.key);
    const bool is_same = before != nullptr && after != nullptr && before->number == after->number;
    if (is_same && before->state == after->state) continue;
    // What waits for one that is deleted is let go to be given up.
    if (before != nullptr && !is_same) gate_(before->number, false);
    if (after != nullptr && (is_same || holds_messages(after->state)))
      gate_(after->number, holds_messages(after->state));
  }
}

std::optional<EndpointDefinition> Registry::endpoint_definition(core::EndpointNumber number) const {
  const std::lock_guard lock(mutex_);
  const auto* endpoint = table<EndpointDefinition>().by_number(number);
  return endpoint == nullptr ? std::nullopt : std::optional(*endpoint);
}

Result<std::optional<Disablement>> Registry::disable_endpoint(const Complaint& complaint) {
  const ActingAs acting(engine_actor());
  const std::lock_guard lock(mutex_);
  const auto* before = table<EndpointDefinition>().by_number(complaint.endpoint);
  if (before == nullptr || !is_founded(*before, complaint)) return std::optional<Disablement>();
  EndpointDefinition endpoint = *before;
  set_state(endpoint, EndpointState::kDisabled, complaint.reason);
  endpoint.revision = next_revision();
  SystemNews news{.event = SystemEvent::kEndpointDisabled,
                  .at = endpoint.state_since,
                  .host = host_of(snapshots_, endpoint.number),
                  .reason = complaint.reason,
                  .since = complaint.since,
                  .failures = complaint.failures};
  Disablement made{endpoint.id, news.host, system_message(endpoint, news)};
  Change change;
  change.put(std::move(endpoint));
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return std::optional(std::move(made));
}

std::optional<SystemMessage> Registry::breaker_message(core::EndpointNumber number, bool opened,
                                                       core::WallMs at) const {
  const std::lock_guard lock(mutex_);
  const auto* endpoint = table<EndpointDefinition>().by_number(number);
  if (endpoint == nullptr || !hears_system(catalog_, endpoint->workspace)) return std::nullopt;
  return system_message(
      *endpoint, {.event = opened ? SystemEvent::kBreakerOpened : SystemEvent::kBreakerClosed,
                  .at = at,
                  .host = host_of(snapshots_, number)});
}

// None where the endpoint itself receives such messages: what it does not take would make ever new
// ones.
std::optional<SystemMessage> Registry::system_message(const EndpointDefinition& endpoint,
                                                      const SystemNews& news) const {
  if (endpoint.app == kSystemApp) return std::nullopt;
  const std::string_view workspace = endpoint.workspace;
  const auto* link =
      table<LinkDefinition>().find(join_key({workspace, kSystemApp, kSystemWebhook, kSystemEnv}));
  const auto* event =
      table<EventDefinition>().find(join_key({workspace, kSystemApp, tag_of(news.event)}));
  if (link == nullptr || event == nullptr) return std::nullopt;
  std::string token(kIdDigits, '\0');
  format_base62(link->token, token.data());
  return SystemMessage{std::move(token), event->number, system_body(endpoint, news)};
}

// What of the system webhook a workspace does not have yet.
void Registry::add_system_webhook(Change& change, std::string_view workspace) {
  WebhookDefinition webhook = system_webhook(workspace);
  if (table<WebhookDefinition>().find(webhook.key()) == nullptr) {
    webhook.number = core::WebhookNumber{counter_.next_webhook++};
    webhook.revision = next_revision();
    change.put(new_link({workspace, {}, {}, kSystemEnv, &webhook}, {}));
    change.put(webhook);
  }
  for (EventDefinition& event : system_events(workspace)) {
    if (table<EventDefinition>().find(event.key()) != nullptr) continue;
    event.number = core::EventNumber{counter_.next_event++};
    event.revision = next_revision();
    change.put(std::move(event));
  }
}

}  // namespace headrace::engine
