// SPDX-License-Identifier: Apache-2.0
#include "store/log_record.h"

#define XXH_STATIC_LINKING_ONLY  // for a hash state on the stack
#include <xxhash.h>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>  // the same by the widest vectors that this processor has: half the time
#endif

#include "store/bytes.h"

namespace headrace::store {

namespace {

constexpr std::uint8_t kRecordVersion = 1;
constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);
constexpr std::size_t kLengthOffset = kChecksumBytes + sizeof(std::uint32_t);

std::uint32_t head_checksum(const char* frame, std::uint64_t seed) noexcept {
  return static_cast<std::uint32_t>(
      XXH3_64bits_withSeed(frame + kLengthOffset, kFrameBytes - kLengthOffset, seed));
}

void encode_frame(const RecordFrame& frame, std::uint64_t seed, char* to) noexcept {
  LittleWriter out{to + kLengthOffset};
  out.put(frame.length);
  out.put(static_cast<std::uint8_t>(frame.type));
  out.put(kRecordVersion);
  out.put(std::uint16_t{0});
  out.put(std::uint32_t{0});
  out.put(static_cast<std::uint64_t>(frame.synced_through));
  out.put_id(frame.message.bits);
  LittleWriter{to + kChecksumBytes}.put(head_checksum(to, seed));
}

// Only an outcome that keeps an order has its key on record.
std::size_t order_key_bytes(const Outcome& outcome) noexcept {
  return outcome.order_key != 0 ? sizeof outcome.order_key : 0;
}

std::size_t intake_head_bytes(const Intake& intake) noexcept {
  return kIntakeHeadBytes + intake.targets.size() * sizeof(std::uint32_t);
}

// The checksum of a record whose head lies in `head` and whose payload lies elsewhere.
std::uint64_t checksum_of(std::string_view head, const Payload& payload,
                          std::uint64_t seed) noexcept {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset_withSeed(&state, seed);
  XXH3_64bits_update(&state, head.data() + kChecksumBytes, head.size() - kChecksumBytes);
  for (const core::Range range : {payload.headers, payload.query, payload.body}) {
    const std::string_view bytes = range.in(payload.buffer);
    if (!bytes.empty()) XXH3_64bits_update(&state, bytes.data(), bytes.size());
  }
  return XXH3_64bits_digest(&state);
}

bool is_known(Verdict verdict) noexcept {
  return verdict >= Verdict::kDelivered && verdict <= Verdict::kPostponed;
}

bool is_known(MessageStatus status) noexcept {
  return status >= MessageStatus::kRouted && status <= MessageStatus::kNoEndpoint;
}

}  // namespace

std::optional<RecordFrame> decode_frame(std::string_view bytes, std::uint64_t seed) noexcept {
  if (bytes.size() < kFrameBytes) return std::nullopt;
  LittleReader in{bytes.data() + kChecksumBytes};
  const auto checksum = in.get<std::uint32_t>();
  RecordFrame frame;
  frame.length = in.get<std::uint32_t>();
  frame.type = RecordType{in.get<std::uint8_t>()};
  const auto version = in.get<std::uint8_t>();
  if (frame.length < kFrameBytes || version != kRecordVersion) return std::nullopt;
  if (frame.type < RecordType::kIntake || frame.type > RecordType::kReopening) return std::nullopt;
  if (checksum != head_checksum(bytes.data(), seed)) return std::nullopt;
  in.at += sizeof(std::uint16_t) + sizeof(std::uint32_t);
  frame.synced_through = LogPosition{in.get<std::uint64_t>()};
  frame.message.bits = in.get_id();
  return frame;
}

bool record_is_intact(std::string_view record, std::uint64_t seed) noexcept {
  if (record.size() < kFrameBytes) return false;
  const auto stored = LittleReader{record.data()}.get<std::uint64_t>();
  return stored ==
         XXH3_64bits_withSeed(record.data() + kChecksumBytes, record.size() - kChecksumBytes, seed);
}

bool record_is_intact(std::string_view head, std::string_view payload,
                      std::uint64_t seed) noexcept {
  if (head.size() < kFrameBytes) return false;
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset_withSeed(&state, seed);
  XXH3_64bits_update(&state, head.data() + kChecksumBytes, head.size() - kChecksumBytes);
  if (!payload.empty()) XXH3_64bits_update(&state, payload.data(), payload.size());
  return LittleReader{head.data()}.get<std::uint64_t>() == XXH3_64bits_digest(&state);
}

std::optional<IntakeRecord> decode_intake_head(std::string_view head,
                                               std::uint32_t length) noexcept {
  if (head.size() < kIntakeHeadBytes) return std::nullopt;
  IntakeRecord record;
  LittleReader in{head.data() + kFrameBytes - sizeof(Bits128)};
  record.message.bits = in.get_id();
  record.received_at = in.get<std::uint64_t>();
  record.dedupe_key = in.get_id();
  record.event = EventNumber{in.get<std::uint32_t>()};
  record.status = MessageStatus{in.get<std::uint8_t>()};
  record.method = core::Method{in.get<std::uint8_t>()};
  record.is_test = in.get<std::uint8_t>() != 0;
  in.at += 1;
  record.target_count = in.get<std::uint32_t>();
  record.headers_bytes = in.get<std::uint32_t>();
  record.query_bytes = in.get<std::uint32_t>();
  record.body_bytes = in.get<std::uint32_t>();
  if (record.payload_offset() + record.payload_bytes() != length) return std::nullopt;
  if (!is_known(record.status) || record.method > core::Method::kOther) return std::nullopt;
  return record;
}

EndpointNumber decode_target(std::string_view record, std::uint32_t index) noexcept {
  const char* const at =
      record.data() + kIntakeHeadBytes + std::size_t{index} * sizeof(std::uint32_t);
  return EndpointNumber{LittleReader{at}.get<std::uint32_t>()};
}

std::optional<OutcomeRecord> decode_outcome(std::string_view record) noexcept {
  if (record.size() < kOutcomeHeadBytes) return std::nullopt;
  OutcomeRecord decoded;
  Outcome& outcome = decoded.outcome;
  LittleReader in{record.data() + kFrameBytes - sizeof(Bits128)};
  outcome.message.bits = in.get_id();
  outcome.ticket.position = LogPosition{in.get<std::uint64_t>()};
  outcome.ticket.due = in.get<std::uint64_t>();
  outcome.endpoint = EndpointNumber{in.get<std::uint32_t>()};
  outcome.verdict = Verdict{in.get<std::uint8_t>()};
  outcome.error = AttemptError{in.get<std::uint8_t>()};
  outcome.ticket.pending_entry = in.get<std::uint8_t>() != 0;
  const bool has_order_key = in.get<std::uint8_t>() != 0;
  outcome.attempt = in.get<std::uint16_t>();
  outcome.http_status = in.get<std::uint16_t>();
  outcome.duration_us = in.get<std::uint32_t>();
  outcome.started_at = in.get<std::uint64_t>();
  outcome.next_at = in.get<std::uint64_t>();
  const auto head_bytes = in.get<std::uint32_t>();
  const auto body_bytes = in.get<std::uint32_t>();
  outcome.ticket.attempts_before = in.get<std::uint16_t>();
  const std::size_t key_bytes = has_order_key ? sizeof outcome.order_key : 0;
  if (kOutcomeHeadBytes + key_bytes + head_bytes + body_bytes != record.size()) return std::nullopt;
  if (!is_known(outcome.verdict)) return std::nullopt;
  if (has_order_key) outcome.order_key = in.get<std::uint64_t>();
  decoded.response_head = in.get_bytes(head_bytes);
  decoded.response_body = in.get_bytes(body_bytes);
  return decoded;
}

std::optional<ReopeningRecord> decode_reopening(std::string_view record) noexcept {
  if (record.size() != kReopeningBytes) return std::nullopt;
  ReopeningRecord decoded;
  Reopening& reopening = decoded.reopening;
  LittleReader in{record.data() + kFrameBytes - sizeof(Bits128)};
  reopening.message.bits = in.get_id();
  reopening.position = LogPosition{in.get<std::uint64_t>()};
  reopening.due = in.get<std::uint64_t>();
  reopening.endpoint = EndpointNumber{in.get<std::uint32_t>()};
  reopening.event = EventNumber{in.get<std::uint32_t>()};
  decoded.attempts_before = in.get<std::uint16_t>();
  return decoded;
}

std::size_t intake_record_bytes(const Intake& intake) noexcept {
  return aligned(intake_head_bytes(intake) + intake.payload.bytes());
}

std::size_t outcome_record_bytes(const Outcome& outcome) noexcept {
  return aligned(kOutcomeHeadBytes + order_key_bytes(outcome) + outcome.response_head.size +
                 outcome.response_body.size);
}

std::size_t encode_intake_head(const Intake& intake, MessageId message, LogPosition synced_through,
                               std::uint64_t seed, char* to) noexcept {
  const Payload& payload = intake.payload;
  const std::size_t head_bytes = intake_head_bytes(intake);
  RecordFrame frame;
  frame.length = static_cast<std::uint32_t>(head_bytes + payload.bytes());
  frame.type = RecordType::kIntake;
  frame.synced_through = synced_through;
  frame.message = message;
  encode_frame(frame, seed, to);
  LittleWriter out{to + kFrameBytes};
  out.put(std::uint64_t{intake.received_at});
  out.put_id(intake.dedupe_key);
  out.put(static_cast<std::uint32_t>(intake.event));
  out.put(static_cast<std::uint8_t>(intake.status));
  out.put(static_cast<std::uint8_t>(payload.method));
  out.put(static_cast<std::uint8_t>(intake.is_test));
  out.put(std::uint8_t{0});
  out.put(static_cast<std::uint32_t>(intake.targets.size()));
  out.put(payload.headers.size);
  out.put(payload.query.size);
  out.put(payload.body.size);
  for (const EndpointNumber target : intake.targets.list()) {
    out.put(static_cast<std::uint32_t>(target));
  }
  LittleWriter{to}.put(std::uint64_t{checksum_of({to, head_bytes}, payload, seed)});
  return head_bytes;
}

std::size_t encode_outcome(const Outcome& outcome, LogPosition synced_through, std::uint64_t seed,
                           char* to) noexcept {
  const std::string_view head = outcome.response_head.in(outcome.response);
  const std::string_view body = outcome.response_body.in(outcome.response);
  const std::size_t length =
      kOutcomeHeadBytes + order_key_bytes(outcome) + head.size() + body.size();
  RecordFrame frame;
  frame.length = static_cast<std::uint32_t>(length);
  frame.type = RecordType::kOutcome;
  frame.synced_through = synced_through;
  frame.message = outcome.message;
  encode_frame(frame, seed, to);
  LittleWriter out{to + kFrameBytes};
  out.put(static_cast<std::uint64_t>(outcome.ticket.position));
  out.put(std::uint64_t{outcome.ticket.due});
  out.put(static_cast<std::uint32_t>(outcome.endpoint));
  out.put(static_cast<std::uint8_t>(outcome.verdict));
  out.put(static_cast<std::uint8_t>(outcome.error));
  out.put(static_cast<std::uint8_t>(outcome.ticket.pending_entry));
  out.put(static_cast<std::uint8_t>(outcome.order_key != 0));
  out.put(outcome.attempt);
  out.put(outcome.http_status);
  out.put(outcome.duration_us);
  out.put(std::uint64_t{outcome.started_at});
  out.put(std::uint64_t{outcome.next_at});
  out.put(static_cast<std::uint32_t>(head.size()));
  out.put(static_cast<std::uint32_t>(body.size()));
  out.put(outcome.ticket.attempts_before);
  if (outcome.order_key != 0) out.put(outcome.order_key);
  out.put_bytes(head);
  out.put_bytes(body);
  LittleWriter{to}.put(
      std::uint64_t{XXH3_64bits_withSeed(to + kChecksumBytes, length - kChecksumBytes, seed)});
  return length;
}

std::size_t encode_reopening(const ReopeningRecord& record, LogPosition synced_through,
                             std::uint64_t seed, char* to) noexcept {
  const Reopening& reopening = record.reopening;
  RecordFrame frame;
  frame.length = static_cast<std::uint32_t>(kReopeningBytes);
  frame.type = RecordType::kReopening;
  frame.synced_through = synced_through;
  frame.message = reopening.message;
  encode_frame(frame, seed, to);
  LittleWriter out{to + kFrameBytes};
  out.put(static_cast<std::uint64_t>(reopening.position));
  out.put(std::uint64_t{reopening.due});
  out.put(static_cast<std::uint32_t>(reopening.endpoint));
  out.put(static_cast<std::uint32_t>(reopening.event));
  out.put(record.attempts_before);
  LittleWriter{to}.put(std::uint64_t{
      XXH3_64bits_withSeed(to + kChecksumBytes, kReopeningBytes - kChecksumBytes, seed)});
  return kReopeningBytes;
}

void encode_gap(std::size_t length, LogPosition synced_through, std::uint64_t seed,
                char* record) noexcept {
  RecordFrame frame;
  frame.synced_through = synced_through;
  frame.length = static_cast<std::uint32_t>(length);
  frame.type = RecordType::kGap;
  encode_frame(frame, seed, record);
  LittleWriter{record}.put(
      std::uint64_t{XXH3_64bits_withSeed(record + kChecksumBytes, length - kChecksumBytes, seed)});
}

}  // namespace headrace::store
