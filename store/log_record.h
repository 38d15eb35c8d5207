// SPDX-License-Identifier: Apache-2.0
// One record of the message log as bytes. Frozen: a change makes a new version (docs/storage.md).
//
// Every record begins at a multiple of 8 and has a frame of 48 bytes, little-endian:
//   0 checksum u64       XXH3-64 of [8, length), seeded with the segment's salt ^ the record's
//   offset 8 head checksum u32  the lower half of XXH3-64 of [12, 48), seeded likewise
//  12 length u32         of the whole record, without the padding that follows
//  16 type u8, version u8, 6 bytes of zero
//  24 synced through u64 the position up to which the log was synced when this was written
//  32 message id         16 bytes
// The seed keeps bytes inside a body from ever passing for a record; the head checksum lets a scan
// reject them without hashing what follows, and lets `repair` name the message of a record that is
// damaged further on.
//
// Pure. Ownership: views point into the bytes that were given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "store/types.h"

namespace headrace::store {

inline constexpr std::size_t kRecordAlignment = 8;
inline constexpr std::size_t kFrameBytes = 48;
inline constexpr std::size_t kIntakeHeadBytes = 96;  // frame and fixed fields, before the targets
inline constexpr std::size_t kOutcomeHeadBytes =
    106;  // frame and fixed fields, before the order key and the response
inline constexpr std::size_t kReopeningBytes = 74;

enum class RecordType : std::uint8_t {  // Frozen on disk.
  kIntake = 1,
  kOutcome = 2,
  kGap = 3,  // in place of a record that was erased, or of records that a repair could not save
  kReopening = 4,
};

constexpr std::size_t aligned(std::size_t bytes) noexcept {
  return (bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

struct RecordFrame {
  std::uint32_t length = 0;
  RecordType type = RecordType::kIntake;
  LogPosition synced_through{};
  MessageId message;
};

struct IntakeRecord {
  MessageId message;
  core::WallMs received_at = 0;
  Bits128 dedupe_key;
  EventNumber event = EventNumber::kNone;
  MessageStatus status = MessageStatus::kUnmatched;
  core::Method method = core::Method::kPost;
  bool is_test = false;
  std::uint32_t target_count = 0;
  std::uint32_t headers_bytes = 0;
  std::uint32_t query_bytes = 0;
  std::uint32_t body_bytes = 0;

  std::size_t payload_offset() const noexcept {
    return kIntakeHeadBytes + std::size_t{target_count} * sizeof(std::uint32_t);
  }
  std::size_t payload_bytes() const noexcept {
    return std::size_t{headers_bytes} + query_bytes + body_bytes;
  }
};

struct OutcomeRecord {
  Outcome outcome;  // without its response
  std::string_view response_head;
  std::string_view response_body;
};

// A reopening as it was decided: what it does is known without looking anything up.
struct ReopeningRecord {
  Reopening reopening;
  std::uint16_t attempts_before = 0;  // the number of the delivery's last attempt
};

// What the checksums of a record at `offset` are seeded with.
constexpr std::uint64_t record_seed(std::uint64_t salt, std::uint64_t offset) noexcept {
  return salt ^ offset;
}

// The frame at the beginning of `bytes`; none when it is not whole, or not one that was written
// there.
std::optional<RecordFrame> decode_frame(std::string_view bytes, std::uint64_t seed) noexcept;

// Whether `record`, exactly its length, is what was written.
bool record_is_intact(std::string_view record, std::uint64_t seed) noexcept;

// The same for an intake whose head and targets lie in `head` and the rest in `payload`.
bool record_is_intact(std::string_view head, std::string_view payload, std::uint64_t seed) noexcept;

// The fixed fields of an intake; `head` holds at least kIntakeHeadBytes, `length` is the frame's.
// None when the sizes do not add up.
std::optional<IntakeRecord> decode_intake_head(std::string_view head,
                                               std::uint32_t length) noexcept;
// Requires: index < target_count, of a record whose head was decoded.
EndpointNumber decode_target(std::string_view record, std::uint32_t index) noexcept;
// None when the sizes do not add up or a value is none of its enumeration.
std::optional<OutcomeRecord> decode_outcome(std::string_view record) noexcept;

// None when the sizes do not add up.
std::optional<ReopeningRecord> decode_reopening(std::string_view record) noexcept;

// The sizes with padding.
std::size_t intake_record_bytes(const Intake& intake) noexcept;
std::size_t outcome_record_bytes(const Outcome& outcome) noexcept;

// Writes the head and the targets of an intake to `to` (its payload_offset() bytes): the checksum
// covers the payload, which is not copied. Returns the bytes written.
std::size_t encode_intake_head(const Intake& intake, MessageId message, LogPosition synced_through,
                               std::uint64_t seed, char* to) noexcept;
// Writes the whole record without padding. Returns the bytes written.
std::size_t encode_outcome(const Outcome& outcome, LogPosition synced_through, std::uint64_t seed,
                           char* to) noexcept;
std::size_t encode_reopening(const ReopeningRecord& reopening, LogPosition synced_through,
                             std::uint64_t seed, char* to) noexcept;
// Writes the frame of a gap of `length` bytes at the beginning of `record`, which holds them all.
void encode_gap(std::size_t length, LogPosition synced_through, std::uint64_t seed,
                char* record) noexcept;

}  // namespace headrace::store
