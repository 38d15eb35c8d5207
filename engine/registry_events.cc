// SPDX-License-Identifier: Apache-2.0
// Events of webhooks.
#include <algorithm>
#include <span>

#include "core/buffer.h"
#include "core/limits.h"
#include "engine/delivery_rules.h"
#include "engine/faults.h"
#include "engine/pages.h"
#include "engine/registry.h"
#include "engine/tags.h"
#include "selector/program.h"
#include "selector/selector.h"

namespace headrace::engine {

namespace limits = core::limits;

namespace {

using Kind = selector::SampleValue::Kind;

// What the event's own sample has at its selector. A header or parameter is not in a sample.
Result<selector::SampleValue> sample_value(const EventDefinition& event,
                                           const selector::Selector& selector) {
  if (event.sample.empty()) return selector::SampleValue{};
  auto value = selector::look_up_in_sample(selector, event.sample);
  if (!value) {
    Error error = std::move(value).error();
    error.what = "the sample is not valid JSON: " + error.what;
    return at("/sample", std::move(error));
  }
  if (selector.source != selector::Source::kEvent) return selector::SampleValue{};
  return value;
}

// Whether the event would find itself in its sample: a number is the same in every spelling.
bool finds_itself(const EventDefinition& event, const selector::Selector& selector) {
  const selector::EventRule rule{core::EventNumber{1}, selector, event.value};
  auto program = selector::Program::compile(std::span(&rule, 1));
  if (!program) return false;
  const std::string padded = event.sample + std::string(core::BufferPool::kPadding, '\0');
  selector::Matcher matcher;
  const selector::Match match =
      matcher.run(*program, {.body = std::string_view(padded).substr(0, event.sample.size())});
  return match.event == rule.event;
}

// Works out the value, and refuses a selector that its own sample contradicts. The value is, in
// this order: as given, as in the sample, the event part of the tag.
Result<void> settle_value(EventDefinition& event) {
  auto parsed = selector::Selector::parse(event.selector);
  if (!parsed) return at("/selector", std::move(parsed).error());
  auto sample = sample_value(event, *parsed);
  if (!sample) return std::move(sample).error();
  if (sample->kind == Kind::kContainer)
    return invalid("/selector", "points at an object or array in the event's own sample");
  if (event.value_given) {
    if (sample->kind == Kind::kScalar && !finds_itself(event, *parsed)) {
      return invalid(
          "/selector_value",
          "is not what the event's own sample has at the selector: '" + sample->text + "'");
    }
  } else {
    event.value = sample->kind == Kind::kScalar ? sample->text : std::string(event.event_part());
  }
  return {};
}

Result<void> check_event(const EventDefinition& event) {
  if (auto checked = check_text("name", event.name); !checked)
    return at("/name", std::move(checked).error());
  if (auto checked = check_text("description", event.description); !checked)
    return at("/description", std::move(checked).error());
  if (event.value.size() > limits::kTextBytesMax)
    return invalid("/selector_value", "has at most 4096 bytes");
  if (event.sample.size() > limits::kSampleBytesMax)
    return invalid("/sample", "has at most 256 KiB");
  return {};
}

}  // namespace

Result<Event> Registry::create_event(std::string_view workspace, std::string_view app,
                                     const EventSpec& spec) {
  if (auto checked = check_not_system(app); !checked) return std::move(checked).error();
  const std::size_t colon = spec.tag.find(':');
  if (colon == std::string::npos) return invalid("/tag", "an event's tag is webhook:event");
  EventDefinition event;
  event.workspace = workspace;
  event.app = app;
  event.tag = spec.tag;
  event.name = spec.name;
  event.description = spec.description;
  event.selector = spec.selector;
  event.value = spec.selector_value.value_or("");
  event.value_given = !event.value.empty();
  event.sample = spec.sample;
  if (auto checked = check_tag("tag", event.event_part()); !checked)
    return at("/tag", std::move(checked).error());
  if (auto checked = check_event(event); !checked) return std::move(checked).error();

  const std::lock_guard lock(mutex_);
  if (auto webhook = find_webhook(workspace, app, event.webhook()); !webhook)
    return std::move(webhook).error();
  if (table<EventDefinition>().find(event.key()) != nullptr)
    return conflict("the app has an event '" + spec.tag + "' already");
  if (auto settled = settle_value(event); !settled) return std::move(settled).error();
  event.number = core::EventNumber{counter_.next_event++};
  event.revision = next_revision();
  Change change;
  change.put(event);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return describe(event);
}

Result<Page<Event>> Registry::events(std::string_view workspace, std::string_view app,
                                     std::string_view webhook, const PageRequest& page) const {
  if (auto checked = check_page(page); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  std::string prefix = join_key({workspace, app}) + '/';
  if (!webhook.empty()) {
    auto found = find_webhook(workspace, app, webhook);
    if (!found) return std::move(found).error();
    prefix = (*found)->key() + ':';
  } else if (auto checked = check_tag("app", app); !checked) {
    return at("/app", std::move(checked).error());
  }
  PageFiller<Event> filler(prefix, page);
  table<EventDefinition>().scan(prefix, after_key(prefix, page), [&](const EventDefinition& event) {
    if (!filler.has_room()) return false;
    filler.add(describe(event), event.key());
    return true;
  });
  return filler.take();
}

Result<Event> Registry::event(std::string_view workspace, std::string_view app,
                              std::string_view tag) const {
  const std::lock_guard lock(mutex_);
  auto found = find_event(workspace, app, tag);
  if (!found) return std::move(found).error();
  return describe(**found);
}

Result<Event> Registry::update_event(std::string_view workspace, std::string_view app,
                                     std::string_view tag, const EventPatch& patch,
                                     const ChangeOptions& options) {
  if (auto checked = check_not_system(app); !checked) return std::move(checked).error();
  const std::lock_guard lock(mutex_);
  auto found = find_event(workspace, app, tag);
  if (!found) return std::move(found).error();
  EventDefinition event = **found;
  if (auto same = check_revision(event.revision, options); !same) return std::move(same).error();
  if (patch.name) event.name = *patch.name;
  if (patch.description) event.description = *patch.description;
  if (patch.selector) event.selector = *patch.selector;
  if (patch.sample) event.sample = *patch.sample;
  if (patch.selector_value) {
    event.value = *patch.selector_value;
    event.value_given = !event.value.empty();
  }
  if (auto checked = check_event(event); !checked) return std::move(checked).error();
  if (auto settled = settle_value(event); !settled) return std::move(settled).error();
  event.revision = next_revision();
  Change change;
  change.put(event);
  if (auto done = commit(std::move(change)); !done) return std::move(done).error();
  return describe(event);
}

// Takes along the event's links. An endpoint that named this event alone is switched off: without a
// list it would get all events.
void Registry::remove_event(Change& change, const EventDefinition& event) {
  change.put(RetiredDefinition{.what = RetiredDefinition::What::kEvent,
                               .number = static_cast<std::uint32_t>(event.number),
                               .id = {},
                               .workspace = event.workspace,
                               .app = event.app,
                               .webhook = std::string(event.webhook()),
                               .event = event.tag,
                               .retired_at = clock_.wall_ms()});
  const std::string prefix = join_key({event.workspace, event.app, event.webhook()}) + '/';
  table<LinkDefinition>().scan(prefix, {}, [&](const LinkDefinition& link) {
    if (link.event == event.tag) remove_link(change, link);
    return true;
  });
  table<EndpointDefinition>().scan(prefix, {}, [&](const EndpointDefinition& endpoint) {
    if (std::count(endpoint.events.begin(), endpoint.events.end(), event.tag) == 0) return true;
    EndpointDefinition less = endpoint;
    std::erase(less.events, event.tag);
    if (less.events.empty() && takes_messages(less.state))
      set_state(less, less.state == EndpointState::kPaused ? EndpointState::kDisabled
                                                           : EndpointState::kDraining,
                StateReason::kManual);
    less.revision = next_revision();
    change.put(std::move(less));
    return true;
  });
  change.remove(event);
}

Result<void> Registry::delete_event(std::string_view workspace, std::string_view app,
                                    std::string_view tag, const ChangeOptions& options) {
  if (auto checked = check_not_system(app); !checked) return checked;
  const std::lock_guard lock(mutex_);
  auto found = find_event(workspace, app, tag);
  if (!found) return std::move(found).error();
  const EventDefinition& event = **found;
  if (auto same = check_revision(event.revision, options); !same) return same;
  Error orphans = conflict("the event has links, or endpoints that name it");
  const std::string prefix = join_key({workspace, app, event.webhook()}) + '/';
  table<LinkDefinition>().scan(prefix, {}, [&](const LinkDefinition& link) {
    if (link.event == event.tag)
      orphans.items.push_back({"link " + link.id.to_string(), link.product + ", " + link.env});
    return true;
  });
  table<EndpointDefinition>().scan(prefix, {}, [&](const EndpointDefinition& endpoint) {
    if (std::count(endpoint.events.begin(), endpoint.events.end(), event.tag) != 0)
      orphans.items.push_back(
          {"endpoint " + endpoint.id.to_string(), endpoint.product + ", " + endpoint.env});
    return true;
  });
  if (!orphans.items.empty() && !options.cascade) return orphans;
  Change change;
  remove_event(change, event);
  return commit(std::move(change));
}

Event Registry::describe(const EventDefinition& event) const {
  Event result{.app = event.app,
               .tag = event.tag,
               .name = event.name,
               .description = event.description,
               .selector = event.selector,
               .value = event.value,
               .sample = event.sample,
               .warnings = {},
               .revision = event.revision};
  auto parsed = selector::Selector::parse(event.selector);
  if (event.sample.empty() || !parsed || parsed->source != selector::Source::kEvent) return result;
  auto value = selector::look_up_in_sample(*parsed, event.sample);
  if (value && value->kind == Kind::kMissing) {
    result.warnings.push_back(
        "the sample has nothing at the selector; the event matches where it is '" + event.value +
        "'");
  }
  return result;
}

}  // namespace headrace::engine
