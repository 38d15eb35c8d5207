// SPDX-License-Identifier: Apache-2.0
#include "engine/job_work.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/limits.h"
#include "engine/faults.h"
#include "engine/history_query.h"
#include "engine/match_stored.h"
#include "selector/filter.h"
#include "store/message_ids.h"

namespace headrace::engine {
namespace {

namespace limits = core::limits;
using List = HistoryCursor::List;

// The endpoint under which the filter on payloads stands in its program.
constexpr core::EndpointNumber kPayload{1};

Result<selector::Program> compile(const std::string& payload) {
  selector::FilterFault fault;
  auto filter = selector::Filter::parse(payload, &fault);
  if (!filter) return invalid("/payload" + fault.pointer, fault.what);
  const selector::FilterRule rule{kPayload,
                                  std::make_shared<const selector::Filter>(std::move(*filter))};
  return selector::Program::compile({}, {}, {&rule, 1});
}

bool is_of_dead(const JobDefinition& job) {
  return job.kind == JobKind::kReplay && job.filter.delivery_state == DeliveryState::kDead &&
         !job.filter.message;
}

bool is_of_messages(const JobDefinition& job) {
  return job.kind == JobKind::kErasure || job.is_of_unrouted();
}

// An endpoint says which messages without a receiver may be meant, though they did not go there.
Result<HistoryFilter> without_endpoint(const Registry& registry, const std::string& workspace,
                                       HistoryFilter filter) {
  if (!filter.endpoint) return filter;
  auto endpoint = registry.endpoint(workspace, filter.endpoint);
  if (!endpoint) return std::move(endpoint).error();
  filter.endpoint = {};
  const std::pair<std::string*, const std::string*> names[] = {
      {&filter.app, &endpoint->app},
      {&filter.webhook, &endpoint->webhook},
      {&filter.env, &endpoint->env}};
  for (const auto& [wanted, own] : names) {
    if (!wanted->empty() && *wanted != *own) filter.until = 0;  // fits nothing
    *wanted = *own;
  }
  return filter;
}

bool names_nothing(const JobDefinition& job) {
  const HistoryFilter& filter = job.filter;
  const auto& texts = {filter.app, filter.webhook, filter.env, filter.product, filter.event};
  return !filter.message && !filter.link && !filter.endpoint && !filter.message_state &&
         !filter.since && !filter.until && job.payload.empty() &&
         std::all_of(texts.begin(), texts.end(), [](const auto& text) { return text.empty(); });
}

Result<void> check_kind(const JobDefinition& job) {
  if (job.per_second > limits::kJobPerSecondMax)
    return invalid("/rate", "must be at most " + std::to_string(limits::kJobPerSecondMax));
  if (job.filter.message_state == MessageState::kRouted && job.kind == JobKind::kReplay)
    return invalid("/message_state", "must be unmatched or no_endpoint");
  if (job.is_of_unrouted() && job.filter.delivery_state)
    return invalid("/state", "messages that went nowhere have no deliveries");
  if (job.kind == JobKind::kErasure && names_nothing(job))
    return Error{ErrorCode::kInvalidArgument,
                 "it must say which messages; since 1970-01-01T00:00:00Z they are all", 0};
  if (job.payload.empty()) return {};
  auto compiled = compile(job.payload);
  if (!compiled) return std::move(compiled).error();
  return {};
}

}  // namespace

Result<void> JobWork::check(const JobSources& sources, const JobDefinition& job) {
  if (auto checked = check_kind(job); !checked) return checked;
  if (job.to) {
    auto to = sources.registry.endpoint(job.workspace, job.to);
    if (!to) return at("/to", std::move(to).error());
  }
  JobDefinition first = job;
  first.created_at = 0;  // nothing is that old: whatever is wrong is found, and nothing else
  auto found = JobWork(sources).find(first, 1);
  if (!found) return std::move(found).error();
  return {};
}

// --- What fits -----------------------------------------------------------------------------------

Result<JobItems> JobWork::find(const JobDefinition& job, std::size_t count_max) {
  HistoryFilter filter = job.bounded_filter();
  filter.page = {job.cursor, count_max};
  if (is_of_dead(job)) return find_dead(job, std::move(filter));
  if (!is_of_messages(job)) return find_deliveries(job, std::move(filter));
  if (!job.payload.empty()) filter.page.count_max = std::min(count_max, limits::kJobBodiesPageMax);
  return find_messages(job, std::move(filter));
}

Result<JobItems> JobWork::find_dead(const JobDefinition& job, HistoryFilter filter) {
  JobItems found;
  auto page = sources_.dead_letters.list(job.workspace, filter, &found.scanned);
  if (!page) return std::move(page).error();
  for (const DeadLetter& letter : page->items)
    found.items.push_back({letter.message, letter.endpoint, false});
  found.next = std::move(page->next);
  if (job.to) keep_one_a_message(found);
  return found;
}

Result<JobItems> JobWork::find_deliveries(const JobDefinition& job, HistoryFilter filter) {
  JobItems found;
  auto page = sources_.history.deliveries(job.workspace, filter, &found.scanned);
  if (!page) return std::move(page).error();
  for (const Delivery& delivery : page->items) {
    // What is sent to providers is theirs alone: it is repeated by enabling again.
    if (!delivery.link) continue;
    const bool is_open =
        delivery.state == DeliveryState::kWaiting || delivery.state == DeliveryState::kRetrying;
    found.items.push_back({delivery.message, delivery.endpoint, is_open});
  }
  found.next = std::move(page->next);
  if (job.to) keep_one_a_message(found);
  return found;
}

Result<JobItems> JobWork::find_messages(const JobDefinition& job, HistoryFilter filter) {
  if (job.is_of_unrouted()) {
    auto wider = without_endpoint(sources_.registry, job.workspace, std::move(filter));
    if (!wider) return std::move(wider).error();
    filter = std::move(*wider);
  }
  JobItems found;
  auto page = sources_.history.messages(job.workspace, filter, &found.scanned);
  if (!page) return std::move(page).error();
  for (const Message& message : page->items) {
    if (message.link) found.items.push_back({message.id, {}, false});
  }
  found.next = std::move(page->next);
  if (auto kept = keep_fitting(job, found); !kept) return std::move(kept).error();
  return found;
}

// Two deliveries of one message are one when it goes to another endpoint. Where a page ends between
// them it is two items, of which the second finds the first one's delivery open.
void JobWork::keep_one_a_message(JobItems& items) {
  const auto same = [](const auto& a, const auto& b) { return a.message == b.message; };
  items.items.erase(std::unique(items.items.begin(), items.items.end(), same), items.items.end());
}

Result<void> JobWork::keep_fitting(const JobDefinition& job, JobItems& items) {
  if (job.payload.empty()) return {};
  if (!payload_) {
    auto compiled = compile(job.payload);
    if (!compiled) return std::move(compiled).error();
    payload_.emplace(std::move(*compiled));
  }
  std::vector<JobItems::Item> kept;
  for (const JobItems::Item& item : items.items) {
    auto fits = fits_payload(item.message);
    if (!fits) return std::move(fits).error();
    if (*fits) kept.push_back(item);
  }
  items.items = std::move(kept);
  return {};
}

Result<bool> JobWork::fits_payload(MessageId message) {
  auto content = sources_.store.read_message(message);
  if (!content && content.error().code == ErrorCode::kNotFound) return false;  // retired meanwhile
  if (!content) return std::move(content).error();
  const PaddedBody body(content->body, content->headers);
  // A body that is not the JSON that it says it is has no values; the rest still counts.
  (void)run_program(matcher_, *payload_, selector::PayloadRule::kJson, *content, body);
  return matcher_.passes(kPayload);
}

// --- What is to be done --------------------------------------------------------------------------

Result<JobSteps> JobWork::prepare(const JobDefinition& job, const JobItems& items,
                                  core::WallMs due) {
  JobSteps steps;
  if (job.to) {
    auto to = sources_.registry.endpoint(job.workspace, job.to);
    if (!to) return std::move(to).error();
  }
  for (const JobItems::Item& item : items.items) {
    Result<void> added;
    if (job.kind == JobKind::kErasure) {
      steps.erasures.push_back(item.message);
    } else if (job.is_of_unrouted()) {
      added = add_unrouted(job, item.message, due, steps);
    } else {
      added = add_delivery(job, item, due, steps);
    }
    if (!added) return std::move(added).error();
  }
  return steps;
}

Result<void> JobWork::add_delivery(const JobDefinition& job, const JobItems::Item& item,
                                   core::WallMs due, JobSteps& steps) {
  if (item.is_open && !job.to) {
    ++steps.skipped;
    return {};
  }
  auto endpoint = sources_.registry.endpoint_number(job.workspace, job.to ? job.to : item.endpoint);
  if (!endpoint || !sources_.registry.has_endpoint(job.workspace, *endpoint)) {
    ++steps.failed;
    steps.error = "the endpoint of a delivery was deleted";
    return {};
  }
  auto record = sources_.store.find_message(item.message);
  if (!record && record.error().code == ErrorCode::kNotFound) {  // retired or erased meanwhile
    ++steps.skipped;
    return {};
  }
  if (!record) return std::move(record).error();
  store::Reopening reopening;
  reopening.message = item.message;
  reopening.position = record->position;
  reopening.endpoint = *endpoint;
  reopening.due = due;
  steps.reopenings.push_back({reopening, true});
  return {};
}

Result<void> JobWork::add_unrouted(const JobDefinition& job, MessageId message, core::WallMs due,
                                   JobSteps& steps) {
  auto content = sources_.store.read_message(message);
  const bool is_gone = !content && content.error().code == ErrorCode::kNotFound;
  if (!content && !is_gone) return std::move(content).error();
  Rerouting rerouting;
  if (content) {
    // A body that is not the JSON that it says it is still goes nowhere.
    auto routed = sources_.registry.route_again(matcher_, *content);
    if (routed) rerouting = std::move(*routed);
  }
  auto& endpoints = rerouting.endpoints;
  if (job.filter.endpoint) {
    auto only = sources_.registry.endpoint_number(job.workspace, job.filter.endpoint);
    std::erase_if(endpoints, [&only](auto endpoint) { return !only || endpoint != *only; });
  }
  if (job.to && rerouting.event != core::EventNumber::kNone) {
    auto to = sources_.registry.endpoint_number(job.workspace, job.to);
    endpoints.clear();
    if (to) endpoints.push_back(*to);
  }
  if (endpoints.empty()) {
    ++steps.skipped;
    return {};
  }
  for (const core::EndpointNumber endpoint : endpoints) {
    store::Reopening reopening;
    reopening.message = message;
    reopening.position = content->record.position;
    reopening.endpoint = endpoint;
    reopening.event = rerouting.event;
    reopening.due = due;
    steps.reopenings.push_back({reopening, false});
  }
  steps.reopenings.back().ends_item = true;
  return {};
}

}  // namespace headrace::engine
