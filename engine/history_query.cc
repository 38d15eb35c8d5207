// SPDX-License-Identifier: Apache-2.0
#include "engine/history_query.h"

#include <algorithm>
#include <utility>

#include "engine/faults.h"
#include "engine/pages.h"
#include "store/types.h"

namespace headrace::engine {
namespace {

constexpr std::string_view kAnyError = "any";
constexpr std::string_view kNoError = "none";
constexpr UnixMs kTimeEnd = UnixMs{1} << 48;  // ids hold 48 bits of milliseconds

Result<void> check_error_class(const std::string& name) {
  if (name.empty() || name == kAnyError || name == kNoError) return {};
  const std::string_view unknown = store::to_string(store::AttemptError{255});
  std::string known = "any, none";
  for (std::uint8_t i = 1; i < 255; ++i) {
    const std::string_view one = store::to_string(store::AttemptError{i});
    if (one == unknown) break;
    if (one == name) return {};
    known += ", ";
    known += one;
  }
  return invalid("/error", "there is no error class '" + name + "'; there are: " + known);
}

Result<void> refuse_unless(bool is_unset, std::string pointer) {
  if (is_unset) return {};
  return invalid(std::move(pointer), "deliveries and attempts have it, a message has none");
}

}  // namespace

MessageState state_of(store::MessageStatus status) noexcept {
  switch (status) {
    case store::MessageStatus::kRouted:
      return MessageState::kRouted;
    case store::MessageStatus::kUnmatched:
      return MessageState::kUnmatched;
    case store::MessageStatus::kNoEndpoint:
      return MessageState::kNoEndpoint;
  }
  return MessageState::kUnmatched;
}

DeliveryState state_of(store::Verdict verdict) noexcept {
  switch (verdict) {
    case store::Verdict::kDelivered:
      return DeliveryState::kDelivered;
    case store::Verdict::kDead:
      return DeliveryState::kDead;
    case store::Verdict::kRetry:
      return DeliveryState::kRetrying;
    case store::Verdict::kReturned:
    case store::Verdict::kPostponed:
      return DeliveryState::kWaiting;
  }
  return DeliveryState::kWaiting;
}

Result<HistoryQuery> HistoryQuery::prepare(const Registry& registry, std::string_view workspace,
                                           const HistoryFilter& filter, List list) {
  HistoryQuery query(registry, filter, list);
  if (auto checked = query.check(); !checked) return std::move(checked).error();
  auto from = HistoryCursor::parse(list, filter.page.cursor);
  if (!from) return std::move(from).error();
  query.from_ = *from;
  if (auto resolved = query.resolve(workspace); !resolved) return std::move(resolved).error();
  return query;
}

Result<void> HistoryQuery::check() const {
  if (auto checked = check_page(filter_.page); !checked) return checked;
  if (auto checked = check_error_class(filter_.error); !checked) return checked;
  if (!filter_.event.empty() && filter_.app.empty())
    return invalid("/app", "an event is found with its app");
  if (list_ != List::kMessages) return {};
  if (auto checked = refuse_unless(!filter_.delivery_state, "/delivery_state"); !checked)
    return checked;
  if (auto checked = refuse_unless(filter_.error.empty(), "/error"); !checked) return checked;
  return refuse_unless(!filter_.http_status, "/http_status");
}

Result<void> HistoryQuery::resolve(std::string_view workspace) {
  if (filter_.endpoint) {
    auto number = registry_->endpoint_number(workspace, filter_.endpoint);
    if (!number) return std::move(number).error();
    endpoint_ = *number;
  }
  if (filter_.event.empty()) return {};
  // The app may be given by the name under which the product knows it.
  std::string app = filter_.app;
  if (!filter_.product.empty()) {
    auto connection = registry_->connection(workspace, filter_.product, app);
    if (connection) app = connection->app;
  }
  auto number = registry_->event_number(workspace, app, filter_.event);
  if (!number) return std::move(number).error();
  event_tag_ = registry_->event_tag(*number);
  return {};
}

bool HistoryQuery::is_void() const noexcept {
  if (filter_.until && *filter_.until <= filter_.since.value_or(0)) return true;
  return list_ == List::kAttempts && filter_.delivery_state == DeliveryState::kWaiting;
}

bool HistoryQuery::is_of_attempts_alone() const noexcept {
  return endpoint_ && !filter_.message && !filter_.link && filter_.app.empty() &&
         filter_.webhook.empty() && filter_.env.empty() && filter_.product.empty() &&
         !filter_.message_state;
}

MessageWalk::Bounds HistoryQuery::bounds() const noexcept {
  MessageWalk::Bounds bounds;
  if (filter_.until && *filter_.until < kTimeEnd) bounds.before = first_id_of(*filter_.until);
  bounds.since = filter_.since.value_or(0);
  if (!from_.message) return bounds;
  MessageId end = from_.message;
  // Up to and with that message. No other has the upper half of its id; the last possible id has no
  // successor, and is nobody's.
  if (from_.inside && end.bits.high != ~std::uint64_t{0}) end = MessageId{{end.bits.high + 1, 0}};
  bounds.before = bounds.before ? std::min(bounds.before, end) : end;
  bounds.is_settled = true;
  return bounds;
}

bool HistoryQuery::fits(const store::MessageRecord& record) {
  if (filter_.message_state && state_of(record.status) != *filter_.message_state) return false;
  return fits_event_of(record.event);
}

bool HistoryQuery::fits_event(core::EventNumber number) {
  if (number == core::EventNumber::kNone) return false;
  const auto [entry, is_new] = events_.try_emplace(number, false);
  if (is_new) entry->second = registry_->event_tag(number) == event_tag_;
  return entry->second;
}

bool HistoryQuery::fits_error(const std::string& error) const noexcept {
  if (filter_.error.empty()) return true;
  if (filter_.error == kAnyError) return !error.empty();
  if (filter_.error == kNoError) return error.empty();
  return error == filter_.error;
}

}  // namespace headrace::engine
