// SPDX-License-Identifier: Apache-2.0
// Events of an app's webhooks.
#include "api/call.h"

namespace headrace::api {
namespace {

using core::Method;

Reply list_events(Call& call) {
  return listed(call.workspace->events(call.value("app"), call.text("webhook"), call.page()));
}
Reply create_event(Call& call) {
  return answer(call.workspace->create_event(call.value("app"), event_spec(call.body)), 201);
}
Reply get_event(Call& call) {
  return answer(call.workspace->event(call.value("app"), call.value("event")));
}
Reply update_event(Call& call) {
  return answer(call.workspace->update_event(call.value("app"), call.value("event"),
                                             event_patch(call.body), call.options()));
}
Reply delete_event(Call& call) {
  return deleted(
      call.workspace->delete_event(call.value("app"), call.value("event"), call.options()));
}

Reply trigger(Call& call) {
  Faults faults;
  const TriggerSpec spec = trigger_spec(call.body, faults);
  if (!faults.empty()) return refused(std::move(faults));
  return answer(call.workspace->trigger(call.value("app"), call.value("event"), spec), 202);
}

void add_single(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/apps/{app}/events/{event}",
                .access = Access::kRead,
                .id = "getEvent",
                .tag = "Events",
                .summary = "Show an event",
                .answers = {{200, "Event", "The event."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .has_etag = true,
                .handler = get_event});
  to.push_back({.method = Method::kPatch,
                .path = "/v1/apps/{app}/events/{event}",
                .access = Access::kWrite,
                .id = "updateEvent",
                .tag = "Events",
                .summary = "Change an event",
                .body = "EventPatch",
                .answers = {{200, "Event", "As it is now."}},
                .failures = {{404, "not_found"}, {409, "conflict"}, {422, "malformed"}},
                .has_etag = true,
                .takes_if_match = true,
                .handler = update_event});
  to.push_back({.method = Method::kDelete,
                .path = "/v1/apps/{app}/events/{event}",
                .access = Access::kWrite,
                .id = "deleteEvent",
                .tag = "Events",
                .summary = "Delete an event",
                .answers = {{204, "", "It is gone."}},
                .failures = {{404, "not_found"}, {409, "conflict"}},
                .takes_if_match = true,
                .takes_cascade = true,
                .handler = delete_event});
}

}  // namespace

void add_event_routes(std::vector<Route>& to) {
  to.push_back({.method = Method::kGet,
                .path = "/v1/apps/{app}/events",
                .access = Access::kRead,
                .id = "listEvents",
                .tag = "Events",
                .summary = "List an app's events",
                .query = {{"webhook", ParameterKind::kText, "Only those of this webhook."}},
                .answers = {{200, "Event", "A page of them, by tag."}},
                .is_list = true,
                .handler = list_events});
  to.push_back({.method = Method::kPost,
                .path = "/v1/apps/{app}/events",
                .access = Access::kWrite,
                .id = "createEvent",
                .tag = "Events",
                .summary = "Make an event",
                .description = "A selector that cannot be read answers 422 malformed with the "
                               "position of the fault.",
                .body = "EventSpec",
                .answers = {{201, "Event", "It is made."}},
                .failures = {{404, "not_found"}, {409, "conflict"}, {422, "malformed"}},
                .has_etag = true,
                .handler = create_event});
  add_single(to);
  to.push_back({.method = Method::kPost,
                .path = "/v1/apps/{app}/events/{event}/trigger",
                .access = Access::kReplay,
                .id = "triggerEvent",
                .tag = "Events",
                .summary = "Send an event's sample as a test message",
                .description = "It goes the way of a provider's message, and is marked as a test.",
                .body = "TriggerSpec",
                .body_is_optional = true,
                .answers = {{202, "TestSend", "It is stored, and will be delivered."}},
                .failures = {{404, "not_found"}, {409, "conflict"}, {422, "malformed"}},
                .handler = trigger});
}

}  // namespace headrace::api
