// SPDX-License-Identifier: Apache-2.0
// Keys and values of the families derived from the log. Frozen: each value begins with its version
// (docs/storage.md).
//
// Integers are big-endian, so that keys sort by number and time:
//   messages  link u32 | message id 16                    -> position, event, targets
//   pending   endpoint u32 | due u64 | message id 16      -> attempts, position, attempts before,
//             order key
//   attempts  endpoint u32 | message id 16 | attempt u16  -> the attempt, with the response
//   dead      endpoint u32 | message id 16                -> when, attempts, error, HTTP status
//   dedupe    hash of (link, key) 16                      -> message id, expiry
//   meta      a name                                      -> see AppliedValue
// Pure; keys and values of fixed size are arrays, decoding takes any bytes and answers none for what
// was never written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/event_store.h"

namespace headrace::store {

template <std::size_t N>
using FixedBytes = std::array<char, N>;

template <std::size_t N>
std::string_view view(const FixedBytes<N>& bytes) noexcept {
  return {bytes.data(), bytes.size()};
}

inline constexpr std::size_t kMessageKeyBytes = 20;
inline constexpr std::size_t kPendingKeyBytes = 28;
inline constexpr std::size_t kAttemptKeyBytes = 22;
inline constexpr std::size_t kDedupeKeyBytes = 16;
inline constexpr std::size_t kNumberPrefixBytes = 4;  // the endpoint or link that a key begins with
inline constexpr std::size_t kMessageValueBytes = 27;  // before the targets opened again
inline constexpr std::size_t kReopenedTargetBytes = 6;
inline constexpr std::size_t kPendingValueBytes = 21;
inline constexpr std::size_t kDeadKeyBytes = 20;
inline constexpr std::size_t kDeadValueBytes = 14;
inline constexpr std::size_t kDedupeValueBytes = 25;
inline constexpr std::size_t kAppliedValueBytes = 25;
inline constexpr std::size_t kAttemptValueHeadBytes = 37;  // before the response

inline constexpr std::string_view kFormatName = "format";    // meta: u32
inline constexpr std::string_view kAppliedName = "applied";  // meta: AppliedValue
inline constexpr std::uint32_t kStoreFormat = 2;

struct PendingKey {
  EndpointNumber endpoint{};
  core::WallMs due = 0;
  MessageId message;
};

struct PendingValue {
  std::uint16_t attempts = 0;
  LogPosition position{};
  std::uint16_t attempts_before = 0;
  std::uint64_t order_key = 0;
};

struct DeadValue {
  core::WallMs died_at = 0;
  std::uint16_t attempts = 0;
  AttemptError error = AttemptError::kNone;
  std::uint16_t http_status = 0;
};

struct DedupeValue {
  MessageId message;
  core::WallMs expires_at = 0;
};

// How far the families reflect the log.
struct AppliedValue {
  LogPosition position{};
  MessageId last_id;
};

FixedBytes<kNumberPrefixBytes> number_prefix(std::uint32_t number) noexcept;

FixedBytes<kMessageKeyBytes> message_key(MessageId id) noexcept;  // the link is in the id
std::optional<MessageId> decode_message_key(std::string_view key) noexcept;
// Of a record, what its key does not say.
FixedBytes<kMessageValueBytes> message_value(const MessageRecord& record) noexcept;
// The same with what was opened again. Requires: `reopened` in order of endpoint, each once.
std::string message_value(const MessageRecord& record, const std::vector<ReopenedTarget>& reopened);
std::optional<MessageRecord> decode_message(std::string_view key, std::string_view value) noexcept;
// Of a value that decode_message() accepts.
std::vector<ReopenedTarget> decode_reopened(std::string_view value);

FixedBytes<kPendingKeyBytes> pending_key(const PendingKey& key) noexcept;
std::optional<PendingKey> decode_pending_key(std::string_view key) noexcept;
FixedBytes<kPendingValueBytes> pending_value(const PendingValue& value) noexcept;
std::optional<PendingValue> decode_pending_value(std::string_view value) noexcept;

FixedBytes<kDeadKeyBytes> dead_key(EndpointNumber endpoint, MessageId message) noexcept;
std::optional<MessageId> decode_dead_message(std::string_view key) noexcept;
FixedBytes<kDeadValueBytes> dead_value(const DeadValue& value) noexcept;
std::optional<DeadValue> decode_dead_value(std::string_view value) noexcept;

FixedBytes<kAttemptKeyBytes> attempt_key(EndpointNumber endpoint, MessageId message,
                                         std::uint16_t attempt) noexcept;
// What comes before the response's head and body in the value.
FixedBytes<kAttemptValueHeadBytes> attempt_value_head(const Outcome& outcome,
                                                      std::size_t response_head_bytes) noexcept;
std::optional<MessageId> decode_attempt_message(std::string_view key) noexcept;
std::optional<AttemptRecord> decode_attempt(std::string_view key, std::string_view value);

FixedBytes<kDedupeKeyBytes> dedupe_key(Bits128 hash) noexcept;
FixedBytes<kDedupeValueBytes> dedupe_value(const DedupeValue& value) noexcept;
std::optional<DedupeValue> decode_dedupe_value(std::string_view value) noexcept;

FixedBytes<kAppliedValueBytes> applied_value(const AppliedValue& value) noexcept;
std::optional<AppliedValue> decode_applied_value(std::string_view value) noexcept;

FixedBytes<4> format_value(std::uint32_t format) noexcept;
std::optional<std::uint32_t> decode_format_value(std::string_view value) noexcept;

}  // namespace headrace::store
