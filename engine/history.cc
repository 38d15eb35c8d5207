// SPDX-License-Identifier: Apache-2.0
#include "engine/history.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "engine/faults.h"
#include "store/message_ids.h"

namespace headrace::engine {
namespace {

namespace limits = core::limits;
using List = HistoryCursor::List;

// Attempts bring their responses along, so no more of them are read ahead than are likely shown.
constexpr std::size_t kAttemptsReadMin = 8;
constexpr std::size_t kAttemptsReadMax = 64;

Error no_such_message() { return not_found("there is no such message"); }

std::string error_of(const store::AttemptRecord& record) {
  if (record.error == store::AttemptError::kNone) return {};
  return std::string(store::to_string(record.error));
}

// Whether nothing was tried since the delivery was opened again.
bool is_reopened(const store::MessageTargets& message, core::EndpointNumber endpoint,
                 const std::vector<store::AttemptRecord>& attempts) {
  const auto it = std::find_if(message.reopened.begin(), message.reopened.end(),
                               [endpoint](const auto& one) { return one.endpoint == endpoint; });
  return it != message.reopened.end() &&
         (attempts.empty() || attempts.back().attempt <= it->attempts_before);
}

}  // namespace

// What one call may still do.
class History::Budget {
 public:
  bool is_spent() const noexcept { return messages_ == 0 || reads_ == 0; }
  void look() noexcept { take(messages_); }
  void read() noexcept { take(reads_); }
  std::uint64_t looked_at() const noexcept { return limits::kHistoryMessagesMax - messages_; }

 private:
  static void take(std::size_t& rest) noexcept { rest -= rest > 0 ? 1 : 0; }

  std::size_t messages_ = limits::kHistoryMessagesMax;
  std::size_t reads_ = limits::kHistoryReadsMax;
};

class History::DeliveryFiller {
 public:
  DeliveryFiller(const History& history, const HistoryQuery& query)
      : history_(history), query_(query) {}

  bool has_room() const noexcept { return page.items.size() < query_.count_max(); }
  // Takes what fits of one delivery, of its attempts those behind number `after`, which is moved
  // on. False: there was no room for all.
  bool take(const store::MessageTargets& message, core::EndpointNumber endpoint,
            const std::vector<store::AttemptRecord>& attempts, std::uint32_t& /*after*/) {
    Delivery delivery = history_.describe(message.record, endpoint, attempts);
    // Its last attempt is one of before it was opened again.
    if (is_reopened(message, endpoint, attempts)) {
      delivery.state = DeliveryState::kWaiting;
      delivery.next_at = 0;
    }
    if (query_.fits_outcome(delivery)) page.items.push_back(std::move(delivery));
    return true;
  }

  Page<Delivery> page;

 private:
  const History& history_;
  const HistoryQuery& query_;
};

class History::AttemptFiller {
 public:
  AttemptFiller(const History& history, const HistoryQuery& query)
      : history_(history), query_(query) {}

  bool has_room() const noexcept { return page.items.size() < query_.count_max(); }
  std::size_t room() const noexcept { return query_.count_max() - page.items.size(); }
  bool take(const store::MessageTargets& /*message*/, core::EndpointNumber /*endpoint*/,
            const std::vector<store::AttemptRecord>& attempts, std::uint32_t& after) {
    return std::all_of(attempts.begin(), attempts.end(),
                       [&](const auto& attempt) { return take(attempt, after); });
  }
  bool take(const store::AttemptRecord& record, std::uint32_t& after) {
    if (record.attempt <= after) return true;
    if (!has_room()) return false;
    after = record.attempt;
    Attempt attempt = history_.describe(record);
    if (query_.fits_outcome(attempt)) page.items.push_back(std::move(attempt));
    return true;
  }

  Page<Attempt> page;

 private:
  const History& history_;
  const HistoryQuery& query_;
};

// --- Pages -------------------------------------------------------------------------------------

Result<Page<Message>> History::messages(std::string_view workspace, const HistoryFilter& filter,
                                        std::uint64_t* looked_at) const {
  auto query = HistoryQuery::prepare(registry_, workspace, filter, List::kMessages);
  if (!query) return std::move(query).error();
  MessageWalk walk(store_, query->bounds());
  if (auto begun = begin(walk, workspace, filter); !begun) return std::move(begun).error();
  Page<Message> page;
  if (query->is_void()) return page;
  Budget budget;
  HistoryCursor last;
  while (const store::MessageRecord* record = walk.current()) {
    if (page.items.size() == query->count_max() || budget.is_spent()) {
      page.next = last.to_text(List::kMessages);
      break;
    }
    budget.look();
    last.message = record->id;
    bool fits = query->fits(*record);
    if (fits && query->endpoint()) {
      budget.read();
      auto goes = goes_to(*record, *query->endpoint());
      if (!goes) return std::move(goes).error();
      fits = *goes;
    }
    if (fits) page.items.push_back(describe(*record));
    if (auto advanced = walk.advance(); !advanced) return std::move(advanced).error();
  }
  if (looked_at != nullptr) *looked_at += budget.looked_at();
  return page;
}

Result<Page<Delivery>> History::deliveries(std::string_view workspace, const HistoryFilter& filter,
                                           std::uint64_t* looked_at) const {
  auto query = HistoryQuery::prepare(registry_, workspace, filter, List::kDeliveries);
  if (!query) return std::move(query).error();
  MessageWalk walk(store_, query->bounds());
  if (auto begun = begin(walk, workspace, filter); !begun) return std::move(begun).error();
  DeliveryFiller filler(*this, *query);
  if (query->is_void()) return std::move(filler.page);
  Budget budget;
  auto next = fill(walk, *query, budget, filler);
  if (!next) return std::move(next).error();
  if (looked_at != nullptr) *looked_at += budget.looked_at();
  filler.page.next = next->to_text(List::kDeliveries);
  return std::move(filler.page);
}

Result<Page<Attempt>> History::attempts(std::string_view workspace,
                                        const HistoryFilter& filter) const {
  auto query = HistoryQuery::prepare(registry_, workspace, filter, List::kAttempts);
  if (!query) return std::move(query).error();
  AttemptFiller filler(*this, *query);
  const bool is_walked = !query->is_of_attempts_alone();
  MessageWalk walk(store_, query->bounds());
  if (is_walked) {
    if (auto begun = begin(walk, workspace, filter); !begun) return std::move(begun).error();
  }
  if (query->is_void()) return std::move(filler.page);
  Budget budget;
  auto next = is_walked ? fill(walk, *query, budget, filler) : fill_of_endpoint(*query, filler);
  if (!next) return std::move(next).error();
  filler.page.next = next->to_text(List::kAttempts);
  return std::move(filler.page);
}

Result<MessageDetail> History::message(std::string_view workspace, MessageId id) const {
  if (auto owned = check_owner(workspace, id); !owned) return std::move(owned).error();
  auto content = store_.read_message(id);
  if (!content) return std::move(content).error();
  MessageDetail detail;
  detail.message = describe(content->record);
  detail.method = core::to_string(content->method);
  detail.query = std::move(content->query);
  detail.header_lines = std::move(content->headers);
  detail.body = std::move(content->body);
  return detail;
}

// --- Whose messages ----------------------------------------------------------------------------

// A call to a provider is on no link; it is of the workspace that its endpoint is of.
Result<void> History::check_owner(std::string_view workspace, MessageId id) const {
  const core::LinkNumber link = store::link_of(id);
  if (link != core::kSystemLink) {
    if (registry_.workspace_of(link) == workspace) return {};
    return no_such_message();
  }
  auto targets = store_.read_targets(id);
  if (!targets && targets.error().code != ErrorCode::kNotFound) return std::move(targets).error();
  if (!targets || targets->targets.empty() ||
      registry_.workspace_of(targets->targets.front()) != workspace)
    return no_such_message();
  return {};
}

Result<void> History::begin(MessageWalk& walk, std::string_view workspace,
                            const HistoryFilter& filter) const {
  if (filter.message) return begin_at(walk, workspace, filter);
  auto links = registry_.links_of(workspace, filter);
  if (!links) return std::move(links).error();
  return walk.over(*links);
}

Result<void> History::begin_at(MessageWalk& walk, std::string_view workspace,
                               const HistoryFilter& filter) const {
  if (auto owned = check_owner(workspace, filter.message); !owned) return owned;
  auto record = store_.find_message(filter.message);
  if (!record && record.error().code == ErrorCode::kNotFound) return no_such_message();
  if (!record) return std::move(record).error();
  const bool names_links = filter.link || !filter.app.empty() || !filter.webhook.empty() ||
                           !filter.env.empty() || !filter.product.empty();
  bool fits = !names_links;
  if (filter.link || record->link != core::kSystemLink) {
    HistoryFilter of_link = filter;
    if (!of_link.link) of_link.link = registry_.link_id(record->link);
    auto links = registry_.links_of(workspace, of_link);
    if (!links) return std::move(links).error();
    fits = std::find(links->begin(), links->end(), record->link) != links->end();
  }
  if (fits) walk.over(*record);
  return {};
}

Result<bool> History::goes_to(const store::MessageRecord& record,
                              core::EndpointNumber endpoint) const {
  if (record.status != store::MessageStatus::kRouted) return false;
  auto found = store_.read_targets(record.id);
  if (!found && found.error().code == ErrorCode::kNotFound) return false;  // retired meanwhile
  if (!found) return std::move(found).error();
  const auto& targets = found->targets;
  return std::find(targets.begin(), targets.end(), endpoint) != targets.end();
}

// --- Ways through deliveries and attempts ------------------------------------------------------

template <class Filler>
Result<HistoryCursor> History::fill(MessageWalk& walk, HistoryQuery& query, Budget& budget,
                                    Filler& filler) const {
  HistoryCursor last;
  while (const store::MessageRecord* record = walk.current()) {
    if (!filler.has_room() || budget.is_spent()) return last;
    budget.look();
    last.message = record->id;
    if (record->status == store::MessageStatus::kRouted && query.fits(*record)) {
      auto stopped = take_message(*record, query, budget, filler);
      if (!stopped || stopped->message) return stopped;
    }
    if (auto advanced = walk.advance(); !advanced) return std::move(advanced).error();
  }
  return HistoryCursor{};
}

template <class Filler>
Result<HistoryCursor> History::take_message(const store::MessageRecord& record,
                                            const HistoryQuery& query, Budget& budget,
                                            Filler& filler) const {
  budget.read();
  auto found = store_.read_targets(record.id);
  if (!found && found.error().code == ErrorCode::kNotFound) return HistoryCursor{};  // retired
  if (!found) return std::move(found).error();
  HistoryCursor at{record.id, true, 0, 0};
  if (query.from().inside && query.from().message == record.id) at = query.from();
  // At least one delivery is looked at, so that a next page always gets further.
  for (bool is_first = true; at.target < found->targets.size(); ++at.target, at.attempt = 0) {
    const core::EndpointNumber endpoint = found->targets[at.target];
    if (query.endpoint() && *query.endpoint() != endpoint) continue;
    if (!filler.has_room() || (budget.is_spent() && !is_first)) return at;
    is_first = false;
    budget.read();
    auto attempts = store_.list_attempts(endpoint, record.id);
    if (!attempts) return std::move(attempts).error();
    if (!filler.take(*found, endpoint, *attempts, at.attempt)) return at;
  }
  return HistoryCursor{};
}

// The store lists an endpoint's attempts by themselves; within a message the last one first, which
// is turned round.
Result<HistoryCursor> History::fill_of_endpoint(const HistoryQuery& query,
                                                AttemptFiller& filler) const {
  const MessageWalk::Bounds bounds = query.bounds();
  Budget budget;
  HistoryCursor last;
  for (MessageId before = bounds.before;;) {
    const std::size_t count = std::clamp(filler.room(), kAttemptsReadMin, kAttemptsReadMax);
    auto records = store_.list_endpoint_attempts(*query.endpoint(), before, count);
    if (!records) return std::move(records).error();
    if (records->empty()) return HistoryCursor{};
    for (auto it = records->begin(); it != records->end();) {
      const MessageId message = it->message;
      const auto end = std::find_if(
          it, records->end(), [message](const auto& record) { return record.message != message; });
      if (store::accepted_at(message) < bounds.since) return HistoryCursor{};
      if (budget.is_spent()) return last;
      HistoryCursor at{message, true, 0, 0};
      if (query.from().inside && query.from().message == message) at = query.from();
      std::reverse(it, end);
      for (; it != end; ++it) {
        budget.look();
        if (!filler.take(*it, at.attempt)) return at.attempt == 0 ? last : at;
      }
      last.message = message;
    }
    before = last.message;
  }
}

// --- In the words of the API -------------------------------------------------------------------

Message History::describe(const store::MessageRecord& record) const {
  Message message;
  message.id = record.id;
  message.received_at = record.received_at;
  message.link = registry_.link_id(record.link);
  message.event = registry_.event_tag(record.event);
  message.state = state_of(record.status);
  message.is_test = record.is_test;
  message.body_bytes = record.body_bytes;
  return message;
}

// A delivery is its last attempt, or its open state when there is none.
Delivery History::describe(const store::MessageRecord& record, core::EndpointNumber endpoint,
                           const std::vector<store::AttemptRecord>& attempts) const {
  Delivery delivery;
  delivery.message = record.id;
  delivery.endpoint = registry_.endpoint_id(endpoint);
  delivery.link = registry_.link_id(record.link);
  delivery.event = registry_.event_tag(record.event);
  delivery.received_at = record.received_at;
  delivery.is_test = record.is_test;
  delivery.attempts = static_cast<std::uint32_t>(attempts.size());
  if (attempts.empty()) return delivery;
  const store::AttemptRecord& last = attempts.back();
  delivery.state = state_of(last.verdict);
  delivery.http_status = last.http_status;
  delivery.error = error_of(last);
  delivery.next_at = last.next_at;
  return delivery;
}

Attempt History::describe(const store::AttemptRecord& record) const {
  Attempt attempt;
  attempt.message = record.message;
  attempt.endpoint = registry_.endpoint_id(record.endpoint);
  attempt.number = record.attempt;
  attempt.state = state_of(record.verdict);
  attempt.http_status = record.http_status;
  attempt.error = error_of(record);
  attempt.started_at = record.started_at;
  attempt.duration = std::chrono::microseconds(record.duration_us);
  attempt.next_at = record.next_at;
  attempt.response_head = record.response_head;
  attempt.response_body = record.response_body;
  return attempt;
}

}  // namespace headrace::engine
