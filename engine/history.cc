// SPDX-License-Identifier: Apache-2.0
#include "engine/history.h"

#include <algorithm>
#include <utility>

namespace headrace::engine {
namespace {

constexpr std::size_t kPageMax = 1000;

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
      return DeliveryState::kWaiting;
  }
  return DeliveryState::kWaiting;
}

}  // namespace

Result<std::vector<Message>> History::messages(LinkId link, MessageId before,
                                               std::size_t count_max) const {
  auto number = registry_.link_number(link);
  if (!number) return std::move(number).error();
  auto records = store_.list_messages(*number, before, std::min(count_max, kPageMax));
  if (!records) return std::move(records).error();
  std::vector<Message> result;
  result.reserve(records->size());
  for (const auto& record : *records) result.push_back(describe(record));
  return result;
}

Result<MessageDetail> History::message(MessageId id) const {
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

// A delivery is its last attempt, or its open state when there is none.
Result<std::vector<Delivery>> History::deliveries(MessageId id) const {
  auto content = store_.read_message(id);
  if (!content) return std::move(content).error();
  std::vector<Delivery> result;
  for (const core::EndpointNumber endpoint : content->targets) {
    auto attempts = store_.list_attempts(endpoint, id);
    if (!attempts) return std::move(attempts).error();
    Delivery delivery;
    delivery.message = id;
    delivery.endpoint = registry_.endpoint_id(endpoint);
    delivery.attempts = static_cast<std::uint32_t>(attempts->size());
    if (!attempts->empty()) {
      const store::AttemptRecord& last = attempts->back();
      delivery.state = state_of(last.verdict);
      delivery.http_status = last.http_status;
      delivery.next_at = last.next_at;
    }
    result.push_back(delivery);
  }
  return result;
}

Result<std::vector<Attempt>> History::attempts(MessageId id, EndpointId endpoint) const {
  auto content = store_.read_message(id);
  if (!content) return std::move(content).error();
  std::vector<Attempt> result;
  for (const core::EndpointNumber target : content->targets) {
    if (endpoint && registry_.endpoint_id(target) != endpoint) continue;
    auto attempts = store_.list_attempts(target, id);
    if (!attempts) return std::move(attempts).error();
    for (const auto& record : *attempts) result.push_back(describe(record));
  }
  return result;
}

Result<std::vector<Attempt>> History::endpoint_attempts(EndpointId endpoint, MessageId before,
                                                        std::size_t count_max) const {
  auto number = registry_.endpoint_number(endpoint);
  if (!number) return std::move(number).error();
  auto records = store_.list_endpoint_attempts(*number, before, std::min(count_max, kPageMax));
  if (!records) return std::move(records).error();
  std::vector<Attempt> result;
  result.reserve(records->size());
  for (const auto& record : *records) result.push_back(describe(record));
  return result;
}

Message History::describe(const store::MessageRecord& record) const {
  Message message;
  message.id = record.id;
  message.received_at = record.received_at;
  message.link = registry_.link_id(record.link);
  message.event = registry_.event_tag(record.event);
  message.state = state_of(record.status);
  message.body_bytes = record.body_bytes;
  return message;
}

Attempt History::describe(const store::AttemptRecord& record) const {
  Attempt attempt;
  attempt.message = record.message;
  attempt.endpoint = registry_.endpoint_id(record.endpoint);
  attempt.number = record.attempt;
  attempt.state = state_of(record.verdict);
  attempt.http_status = record.http_status;
  if (record.error != store::AttemptError::kNone) attempt.error = store::to_string(record.error);
  attempt.started_at = record.started_at;
  attempt.duration = std::chrono::microseconds(record.duration_us);
  attempt.next_at = record.next_at;
  attempt.response_head = record.response_head;
  attempt.response_body = record.response_body;
  return attempt;
}

}  // namespace headrace::engine
