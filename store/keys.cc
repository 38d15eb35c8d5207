// SPDX-License-Identifier: Apache-2.0
#include "store/keys.h"

#include "store/bytes.h"
#include "store/message_ids.h"

namespace headrace::store {

namespace {

// Frozen: the first byte of every value. A new layout of a value takes the next number.
constexpr std::uint8_t kValueVersion = 1;
constexpr std::uint8_t kFlagTest = 1;

bool has_version(std::string_view value, std::size_t bytes) noexcept {
  return value.size() >= bytes && static_cast<std::uint8_t>(value.front()) == kValueVersion;
}

// Whether the bytes behind a message's fixed fields are targets, in order of endpoint.
bool reopened_in_order(std::string_view bytes) noexcept {
  if (bytes.size() % kReopenedTargetBytes != 0) return false;
  for (std::size_t at = kReopenedTargetBytes; at < bytes.size(); at += kReopenedTargetBytes) {
    const auto before = BigReader{bytes.data() + at - kReopenedTargetBytes}.get<std::uint32_t>();
    if (BigReader{bytes.data() + at}.get<std::uint32_t>() <= before) return false;
  }
  return true;
}

bool is_whole(std::string_view value, std::size_t bytes) noexcept {
  return value.size() == bytes && has_version(value, bytes);
}

}  // namespace

FixedBytes<kNumberPrefixBytes> number_prefix(std::uint32_t number) noexcept {
  FixedBytes<kNumberPrefixBytes> bytes;
  BigWriter{bytes.data()}.put(number);
  return bytes;
}

FixedBytes<kMessageKeyBytes> message_key(MessageId id) noexcept {
  FixedBytes<kMessageKeyBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(static_cast<std::uint32_t>(link_of(id)));
  out.put_id(id.bits);
  return bytes;
}

std::optional<MessageId> decode_message_key(std::string_view key) noexcept {
  if (key.size() != kMessageKeyBytes) return std::nullopt;
  BigReader in{key.data() + sizeof(std::uint32_t)};
  return MessageId{in.get_id()};
}

FixedBytes<kMessageValueBytes> message_value(const MessageRecord& record) noexcept {
  FixedBytes<kMessageValueBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(kValueVersion);
  out.put(static_cast<std::uint64_t>(record.position));
  out.put(std::uint64_t{record.received_at});
  out.put(static_cast<std::uint32_t>(record.event));
  out.put(static_cast<std::uint8_t>(record.status));
  out.put(record.is_test ? kFlagTest : std::uint8_t{0});
  out.put(record.body_bytes);
  return bytes;
}

std::string message_value(const MessageRecord& record,
                          const std::vector<ReopenedTarget>& reopened) {
  std::string bytes(view(message_value(record)));
  bytes.resize(kMessageValueBytes + reopened.size() * kReopenedTargetBytes);
  BigWriter out{bytes.data() + kMessageValueBytes};
  for (const ReopenedTarget& target : reopened) {
    out.put(static_cast<std::uint32_t>(target.endpoint));
    out.put(target.attempts_before);
  }
  return bytes;
}

std::vector<ReopenedTarget> decode_reopened(std::string_view value) {
  std::vector<ReopenedTarget> reopened;
  if (value.size() <= kMessageValueBytes) return reopened;
  reopened.reserve((value.size() - kMessageValueBytes) / kReopenedTargetBytes);
  BigReader in{value.data() + kMessageValueBytes};
  while (reopened.size() < reopened.capacity()) {
    const EndpointNumber endpoint{in.get<std::uint32_t>()};
    reopened.push_back({endpoint, in.get<std::uint16_t>()});
  }
  return reopened;
}

std::optional<MessageRecord> decode_message(std::string_view key, std::string_view value) noexcept {
  const auto id = decode_message_key(key);
  if (!id || !has_version(value, kMessageValueBytes)) return std::nullopt;
  if (!reopened_in_order(value.substr(kMessageValueBytes))) return std::nullopt;
  BigReader in{value.data() + 1};
  MessageRecord record;
  record.id = *id;
  record.link = link_of(*id);
  record.position = LogPosition{in.get<std::uint64_t>()};
  record.received_at = in.get<std::uint64_t>();
  record.event = EventNumber{in.get<std::uint32_t>()};
  record.status = MessageStatus{in.get<std::uint8_t>()};
  record.is_test = (in.get<std::uint8_t>() & kFlagTest) != 0;
  record.body_bytes = in.get<std::uint32_t>();
  return record;
}

FixedBytes<kPendingKeyBytes> pending_key(const PendingKey& key) noexcept {
  FixedBytes<kPendingKeyBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(static_cast<std::uint32_t>(key.endpoint));
  out.put(std::uint64_t{key.due});
  out.put_id(key.message.bits);
  return bytes;
}

std::optional<PendingKey> decode_pending_key(std::string_view key) noexcept {
  if (key.size() != kPendingKeyBytes) return std::nullopt;
  BigReader in{key.data()};
  PendingKey decoded;
  decoded.endpoint = EndpointNumber{in.get<std::uint32_t>()};
  decoded.due = in.get<std::uint64_t>();
  decoded.message.bits = in.get_id();
  return decoded;
}

FixedBytes<kPendingValueBytes> pending_value(const PendingValue& value) noexcept {
  FixedBytes<kPendingValueBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(kValueVersion);
  out.put(value.attempts);
  out.put(static_cast<std::uint64_t>(value.position));
  out.put(value.attempts_before);
  out.put(value.order_key);
  return bytes;
}

std::optional<PendingValue> decode_pending_value(std::string_view value) noexcept {
  if (!is_whole(value, kPendingValueBytes)) return std::nullopt;
  BigReader in{value.data() + 1};
  PendingValue decoded;
  decoded.attempts = in.get<std::uint16_t>();
  decoded.position = LogPosition{in.get<std::uint64_t>()};
  decoded.attempts_before = in.get<std::uint16_t>();
  decoded.order_key = in.get<std::uint64_t>();
  return decoded;
}

FixedBytes<kDeadKeyBytes> dead_key(EndpointNumber endpoint, MessageId message) noexcept {
  FixedBytes<kDeadKeyBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(static_cast<std::uint32_t>(endpoint));
  out.put_id(message.bits);
  return bytes;
}

std::optional<MessageId> decode_dead_message(std::string_view key) noexcept {
  if (key.size() != kDeadKeyBytes) return std::nullopt;
  BigReader in{key.data() + sizeof(std::uint32_t)};
  return MessageId{in.get_id()};
}

FixedBytes<kDeadValueBytes> dead_value(const DeadValue& value) noexcept {
  FixedBytes<kDeadValueBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(kValueVersion);
  out.put(std::uint64_t{value.died_at});
  out.put(value.attempts);
  out.put(static_cast<std::uint8_t>(value.error));
  out.put(value.http_status);
  return bytes;
}

std::optional<DeadValue> decode_dead_value(std::string_view value) noexcept {
  if (!is_whole(value, kDeadValueBytes)) return std::nullopt;
  BigReader in{value.data() + 1};
  DeadValue decoded;
  decoded.died_at = in.get<std::uint64_t>();
  decoded.attempts = in.get<std::uint16_t>();
  decoded.error = AttemptError{in.get<std::uint8_t>()};
  decoded.http_status = in.get<std::uint16_t>();
  return decoded;
}

FixedBytes<kAttemptKeyBytes> attempt_key(EndpointNumber endpoint, MessageId message,
                                         std::uint16_t attempt) noexcept {
  FixedBytes<kAttemptKeyBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(static_cast<std::uint32_t>(endpoint));
  out.put_id(message.bits);
  out.put(attempt);
  return bytes;
}

FixedBytes<kAttemptValueHeadBytes> attempt_value_head(const Outcome& outcome,
                                                      std::size_t response_head_bytes) noexcept {
  FixedBytes<kAttemptValueHeadBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(kValueVersion);
  out.put(static_cast<std::uint8_t>(outcome.verdict));
  out.put(static_cast<std::uint8_t>(outcome.error));
  out.put(outcome.http_status);
  out.put(std::uint64_t{outcome.started_at});
  out.put(outcome.duration_us);
  out.put(std::uint64_t{outcome.next_at});
  out.put(static_cast<std::uint64_t>(outcome.logged_at));
  out.put(static_cast<std::uint32_t>(response_head_bytes));
  return bytes;
}

std::optional<MessageId> decode_attempt_message(std::string_view key) noexcept {
  if (key.size() != kAttemptKeyBytes) return std::nullopt;
  BigReader in{key.data() + sizeof(std::uint32_t)};
  return MessageId{in.get_id()};
}

std::optional<AttemptRecord> decode_attempt(std::string_view key, std::string_view value) {
  if (key.size() != kAttemptKeyBytes) return std::nullopt;
  if (!has_version(value, kAttemptValueHeadBytes)) return std::nullopt;
  AttemptRecord record;
  BigReader name{key.data()};
  record.endpoint = EndpointNumber{name.get<std::uint32_t>()};
  record.message.bits = name.get_id();
  record.attempt = name.get<std::uint16_t>();
  BigReader in{value.data() + 1};
  record.verdict = Verdict{in.get<std::uint8_t>()};
  record.error = AttemptError{in.get<std::uint8_t>()};
  record.http_status = in.get<std::uint16_t>();
  record.started_at = in.get<std::uint64_t>();
  record.duration_us = in.get<std::uint32_t>();
  record.next_at = in.get<std::uint64_t>();
  record.logged_at = LogPosition{in.get<std::uint64_t>()};
  const auto head_bytes = in.get<std::uint32_t>();
  const std::size_t response_bytes = value.size() - kAttemptValueHeadBytes;
  if (head_bytes > response_bytes) return std::nullopt;
  record.response_head = in.get_bytes(head_bytes);
  record.response_body = in.get_bytes(response_bytes - head_bytes);
  return record;
}

FixedBytes<kDedupeKeyBytes> dedupe_key(Bits128 hash) noexcept {
  FixedBytes<kDedupeKeyBytes> bytes;
  BigWriter{bytes.data()}.put_id(hash);
  return bytes;
}

FixedBytes<kDedupeValueBytes> dedupe_value(const DedupeValue& value) noexcept {
  FixedBytes<kDedupeValueBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(kValueVersion);
  out.put_id(value.message.bits);
  out.put(std::uint64_t{value.expires_at});
  return bytes;
}

std::optional<DedupeValue> decode_dedupe_value(std::string_view value) noexcept {
  if (!is_whole(value, kDedupeValueBytes)) return std::nullopt;
  BigReader in{value.data() + 1};
  DedupeValue decoded;
  decoded.message.bits = in.get_id();
  decoded.expires_at = in.get<std::uint64_t>();
  return decoded;
}

FixedBytes<kAppliedValueBytes> applied_value(const AppliedValue& value) noexcept {
  FixedBytes<kAppliedValueBytes> bytes;
  BigWriter out{bytes.data()};
  out.put(kValueVersion);
  out.put(static_cast<std::uint64_t>(value.position));
  out.put_id(value.last_id.bits);
  return bytes;
}

std::optional<AppliedValue> decode_applied_value(std::string_view value) noexcept {
  if (!is_whole(value, kAppliedValueBytes)) return std::nullopt;
  BigReader in{value.data() + 1};
  AppliedValue decoded;
  decoded.position = LogPosition{in.get<std::uint64_t>()};
  decoded.last_id.bits = in.get_id();
  return decoded;
}

FixedBytes<4> format_value(std::uint32_t format) noexcept { return number_prefix(format); }

std::optional<std::uint32_t> decode_format_value(std::string_view value) noexcept {
  if (value.size() != sizeof(std::uint32_t)) return std::nullopt;
  return BigReader{value.data()}.get<std::uint32_t>();
}

}  // namespace headrace::store
