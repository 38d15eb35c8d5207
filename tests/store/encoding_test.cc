// SPDX-License-Identifier: Apache-2.0
// What is on the disk is frozen: these bytes must never change without a new version.
#include <gtest/gtest.h>

#include <string>

#include "store/keys.h"
#include "store/log_record.h"
#include "store/log_segment.h"
#include "store/message_ids.h"
#include "tests/store/store_rig.h"

namespace headrace::store {
namespace {

constexpr MessageId kId{Bits128{0x018bcfe568000001, 0x0000002a12345678}};
constexpr std::uint64_t kSeed = 0x0102030405060708;

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

class RecordEncodingTest : public ::testing::Test {
 protected:
  // As the log writes it: the head, then the payload.
  std::string intake_record() {
    MessageSpec spec;
    spec.body = "{\"a\":1}";
    spec.headers = "x: y\r\n";
    spec.query = "q=1";
    spec.endpoints = {3, 260};
    spec.link = 42;
    spec.dedupe = 0xabcdef;
    spec.is_test = true;
    const Intake intake = make_intake(pool_, spec, 1'700'000'000'123);
    std::string record(1024, '\0');
    record.resize(encode_intake_head(intake, kId, LogPosition{0x100000040}, kSeed, record.data()));
    const Payload& payload = intake.payload;
    for (const auto& range : {payload.headers, payload.query, payload.body}) {
      record += range.in(payload.buffer);
    }
    return record;
  }

  std::string outcome_record() {
    Outcome outcome = make_outcome(kId, LogPosition{0x100000040}, 260, Verdict::kRetry, 2, 99'000);
    outcome.error = AttemptError::kTimeout;
    outcome.ticket.due = 88'000;
    outcome.ticket.pending_entry = true;
    outcome.ticket.attempts_before = 0x0107;
    set_response(outcome, pool_, "a: b\r\n", "no");
    std::string record(1024, '\0');
    record.resize(encode_outcome(outcome, LogPosition{0x100000040}, kSeed, record.data()));
    return record;
  }

  static ReopeningRecord reopening() {
    return {{kId, LogPosition{0x100000040}, EndpointNumber{260}, EventNumber{9}, 88'000}, 0x0107};
  }
  static std::string reopening_record() {
    std::string record(kReopeningBytes, '\0');
    EXPECT_EQ(encode_reopening(reopening(), LogPosition{0x100000040}, kSeed, record.data()),
              kReopeningBytes);
    return record;
  }

  core::BufferPool pool_{1 << 20};
};

TEST_F(RecordEncodingTest, IntakeRecordIsFrozen) {
  EXPECT_EQ(hex(intake_record()),
            "14745825b0ee44038dc060b5780000000101000000000000"
            "400000000100000001000068e5cf8b01785634122a000000"
            "7b68e5cf8b0100003412000000000000efcdab0000000000"
            "090000000102010002000000060000000300000007000000"
            "0300000004010000"
            "783a20790d0a713d317b2261223a317d");
}

TEST_F(RecordEncodingTest, OutcomeRecordIsFrozen) {
  EXPECT_EQ(hex(outcome_record()),
            "6bc9f7ba164377c16afa81ef720000000201000000000000"
            "400000000100000001000068e5cf8b01785634122a000000"
            "4000000001000000c0570100000000000401000002060100"
            "0200f701dc0500004d00000000000000b8820100000000000600000002000000"
            "0701613a20620d0a6e6f");
}

TEST_F(RecordEncodingTest, ReopeningRecordIsFrozen) {
  EXPECT_EQ(hex(reopening_record()),
            "a8e3f7e6cea5095069de8f9e4a0000000401000000000000"
            "400000000100000001000068e5cf8b01785634122a000000"
            "4000000001000000c05701000000000004010000090000000701");
}

TEST_F(RecordEncodingTest, ReopeningRecordIsReadBack) {
  const std::string record = reopening_record();
  ASSERT_TRUE(record_is_intact(record, kSeed));
  const auto frame = decode_frame(record, kSeed);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, RecordType::kReopening);
  EXPECT_EQ(frame->length, record.size());
  const auto decoded = decode_reopening(record);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->reopening.message, kId);
  EXPECT_EQ(decoded->reopening.position, LogPosition{0x100000040});
  EXPECT_EQ(decoded->reopening.endpoint, EndpointNumber{260});
  EXPECT_EQ(decoded->reopening.event, EventNumber{9});
  EXPECT_EQ(decoded->reopening.due, 88'000u);
  EXPECT_EQ(decoded->attempts_before, 0x0107);
  EXPECT_FALSE(decode_reopening(std::string_view(record).substr(1)));
  EXPECT_FALSE(decode_reopening(record + "x"));
}

TEST_F(RecordEncodingTest, OutcomeThatKeepsAnOrderHasItsKeyOnRecord) {
  Outcome outcome = make_outcome(kId, LogPosition{64}, 260, Verdict::kPostponed, 2, 99'000);
  outcome.order_key = 0x0102030405060708;
  set_response(outcome, pool_, "a: b\r\n", "no");
  std::string record(1024, '\0');
  record.resize(encode_outcome(outcome, LogPosition{64}, kSeed, record.data()));
  EXPECT_EQ(outcome_record_bytes(outcome), aligned(record.size()));
  EXPECT_EQ(hex(std::string_view(record).substr(kOutcomeHeadBytes)),
            "0807060504030201613a20620d0a6e6f");
  const auto decoded = decode_outcome(record);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->outcome.verdict, Verdict::kPostponed);
  EXPECT_EQ(decoded->outcome.order_key, outcome.order_key);
  EXPECT_EQ(decoded->outcome.next_at, 99'000u);
  EXPECT_EQ(decoded->response_body, "no");
}

TEST_F(RecordEncodingTest, IntakeRecordIsReadBack) {
  const std::string record = intake_record();
  ASSERT_TRUE(record_is_intact(record, kSeed));
  const auto frame = decode_frame(record, kSeed);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, RecordType::kIntake);
  EXPECT_EQ(frame->length, record.size());
  EXPECT_EQ(frame->synced_through, LogPosition{0x100000040});
  EXPECT_EQ(frame->message, kId);
  const auto intake = decode_intake_head(record, frame->length);
  ASSERT_TRUE(intake);
  EXPECT_EQ(intake->received_at, 1'700'000'000'123u);
  EXPECT_EQ(intake->dedupe_key, (Bits128{0x1234, 0xabcdef}));
  EXPECT_EQ(intake->target_count, 2u);
  EXPECT_EQ(decode_target(record, 1), EndpointNumber{260});
  EXPECT_TRUE(intake->is_test);
  EXPECT_EQ(record.substr(intake->payload_offset()), "x: y\r\nq=1{\"a\":1}");
}

TEST_F(RecordEncodingTest, OutcomeRecordIsReadBack) {
  const std::string record = outcome_record();
  ASSERT_TRUE(record_is_intact(record, kSeed));
  const auto decoded = decode_outcome(record);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->outcome.message, kId);
  EXPECT_EQ(decoded->outcome.endpoint, EndpointNumber{260});
  EXPECT_EQ(decoded->outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(decoded->outcome.error, AttemptError::kTimeout);
  EXPECT_EQ(decoded->outcome.ticket.due, 88'000u);
  EXPECT_TRUE(decoded->outcome.ticket.pending_entry);
  EXPECT_EQ(decoded->outcome.ticket.attempts_before, 0x0107);
  EXPECT_EQ(decoded->outcome.attempt, 2);
  EXPECT_EQ(decoded->outcome.http_status, 503);
  EXPECT_EQ(decoded->outcome.next_at, 99'000u);
  EXPECT_EQ(decoded->response_head, "a: b\r\n");
  EXPECT_EQ(decoded->response_body, "no");
}

TEST_F(RecordEncodingTest, NoFlippedBitPasses) {
  for (const std::string& record : {intake_record(), outcome_record(), reopening_record()}) {
    for (std::size_t bit = 0; bit < record.size() * 8; ++bit) {
      std::string damaged = record;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      const auto frame = decode_frame(damaged, kSeed);
      const bool passes =
          frame && frame->length == damaged.size() && record_is_intact(damaged, kSeed);
      EXPECT_FALSE(passes) << "bit " << bit;
    }
  }
}

TEST_F(RecordEncodingTest, RecordIsValidOnlyWhereItWasWritten) {
  const std::string record = intake_record();
  EXPECT_FALSE(decode_frame(record, kSeed ^ 8));
  EXPECT_FALSE(record_is_intact(record, kSeed ^ 8));
}

TEST(SegmentHeaderTest, IsFrozen) {
  SegmentHeader header;
  header.number = 7;
  header.salt = kSeed;
  header.previous_end = LogPosition{0x600000100};
  header.synced_through = LogPosition{0x6000000f8};
  header.floor = kId;
  std::string bytes(kSegmentHeaderBytes, '\0');
  encode_segment_header(header, bytes.data());
  EXPECT_EQ(hex(bytes),
            "48454144524c4f470100000007000000"
            "08070605040302010001000006000000"
            "f80000000600000001000068e5cf8b01785634122a00000037fc69754d662cdb");
  const auto decoded = decode_segment_header(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->number, 7u);
  EXPECT_EQ(decoded->salt, kSeed);
  EXPECT_EQ(decoded->previous_end, header.previous_end);
  EXPECT_EQ(decoded->synced_through, header.synced_through);
  EXPECT_EQ(decoded->floor, kId);
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  EXPECT_FALSE(decode_segment_header(bytes));
}

TEST(SegmentNameTest, IsEightDigitsAndReadBack) {
  EXPECT_EQ(segment_name(1), "00000001.log");
  EXPECT_EQ(parse_segment_name("00000001.log"), 1u);
  EXPECT_EQ(parse_segment_name(segment_name(4'000'000'000)), 4'000'000'000u);
  for (const char* name : {"1.log", "00000001.lost", "0000000a.log", "00000001.log.lost", ".log"}) {
    EXPECT_FALSE(parse_segment_name(name)) << name;
  }
}

TEST(KeysTest, KeysAreFrozen) {
  EXPECT_EQ(hex(view(message_key(kId))), "0000002a018bcfe5680000010000002a12345678");
  EXPECT_EQ(hex(view(pending_key({EndpointNumber{260}, 0x1122334455667788, kId}))),
            "000001041122334455667788018bcfe5680000010000002a12345678");
  EXPECT_EQ(hex(view(attempt_key(EndpointNumber{260}, kId, 258))),
            "00000104018bcfe5680000010000002a123456780102");
  EXPECT_EQ(hex(view(dead_key(EndpointNumber{260}, kId))),
            "00000104018bcfe5680000010000002a12345678");
  EXPECT_EQ(hex(view(dedupe_key(Bits128{1, 2}))), "00000000000000010000000000000002");
}

TEST(KeysTest, ValuesAreFrozen) {
  MessageRecord record;
  record.id = kId;
  record.position = LogPosition{0x100000040};
  record.received_at = 0x018bcfe56800;
  record.event = EventNumber{9};
  record.status = MessageStatus::kNoEndpoint;
  record.is_test = true;
  record.body_bytes = 7168;
  EXPECT_EQ(hex(view(message_value(record))),
            "0100000001000000400000018bcfe56800000000090301"
            "00001c00");
  const std::vector<ReopenedTarget> reopened = {{EndpointNumber{3}, 7}, {EndpointNumber{260}, 258}};
  EXPECT_EQ(hex(message_value(record, reopened)),
            "0100000001000000400000018bcfe56800000000090301"
            "00001c00000000030007000001040102");
  EXPECT_EQ(hex(view(pending_value({3, LogPosition{0x100000040}, 2, 0x0102030405060708}))),
            "010003000000010000004000020102030405060708");
  EXPECT_EQ(hex(view(dead_value({0x1234, 258, AttemptError::kTls, 503}))),
            "01000000000000123401020401f7");
  EXPECT_EQ(hex(view(dedupe_value({kId, 0x1234}))),
            "01018bcfe5680000010000002a123456780000000000001234");
  EXPECT_EQ(hex(view(applied_value({LogPosition{0x100000040}, kId}))),
            "010000000100000040018bcfe5680000010000002a12345678");
  EXPECT_EQ(hex(view(format_value(kStoreFormat))), "00000002");
  Outcome outcome = make_outcome(kId, LogPosition{}, 1, Verdict::kRetry, 2, 0x55);
  outcome.error = AttemptError::kTls;
  outcome.logged_at = LogPosition{0x200000048};
  EXPECT_EQ(hex(view(attempt_value_head(outcome, 16))),
            "01020401f7000000000000004d000005dc0000000000000055"
            "000000020000004800000010");
}

TEST(KeysTest, MessageWithTargetsOpenedAgainIsReadBack) {
  MessageRecord record;
  record.id = kId;
  record.event = EventNumber{9};
  record.status = MessageStatus::kRouted;
  const std::vector<ReopenedTarget> reopened = {{EndpointNumber{3}, 7}, {EndpointNumber{260}, 258}};
  const std::string value = message_value(record, reopened);
  const auto key = message_key(kId);
  const auto decoded = decode_message(view(key), value);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->event, EventNumber{9});
  const auto targets = decode_reopened(value);
  ASSERT_EQ(targets.size(), 2u);
  EXPECT_EQ(targets[1].endpoint, EndpointNumber{260});
  EXPECT_EQ(targets[1].attempts_before, 258);
  EXPECT_FALSE(decode_message(view(key), value + "x"));
  EXPECT_FALSE(decode_message(view(key), value + std::string(kReopenedTargetBytes, '\0')))
      << "not in order of endpoint";
}

TEST(KeysTest, AttemptErrorsAreFrozen) {
  const std::vector<std::pair<int, std::string_view>> frozen = {{0, "none"},
                                                                {1, "resolve"},
                                                                {2, "connect"},
                                                                {3, "connect_timeout"},
                                                                {4, "tls"},
                                                                {5, "send"},
                                                                {6, "timeout"},
                                                                {7, "closed"},
                                                                {8, "protocol"},
                                                                {9, "too_large"},
                                                                {10, "endpoint_gone"},
                                                                {11, "address_not_allowed"},
                                                                {12, "invalid_url"},
                                                                {13, "secret_missing"},
                                                                {14, "discarded"},
                                                                {15, "plain_http_not_allowed"},
                                                                {16, "unknown"}};
  for (const auto& [number, name] : frozen)
    EXPECT_EQ(to_string(static_cast<AttemptError>(number)), name) << number;
  Outcome outcome = make_outcome(kId, LogPosition{}, 1, Verdict::kRetry);
  outcome.error = AttemptError::kSecret;
  const auto key = attempt_key(EndpointNumber{1}, kId, 1);
  const auto head = attempt_value_head(outcome, 0);
  const auto decoded = decode_attempt(view(key), view(head));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->error, AttemptError::kSecret);
}

TEST(KeysTest, ReadyEntriesSortBeforeRetriesAndInOrderOfMessage) {
  const MessageId later{Bits128{kId.bits.high + 1, 0}};
  const EndpointNumber endpoint{1};
  const auto key = [&](core::WallMs due, MessageId id) {
    const auto bytes = pending_key({endpoint, due, id});
    return std::string(bytes.data(), bytes.size());
  };
  EXPECT_LT(key(0, kId), key(0, later));
  EXPECT_LT(key(0, later), key(1, kId));
  EXPECT_LT(key(255, later), key(256, kId));
}

TEST(MessageIdsTest, IdsGrowStrictlyAndCarryTheirLink) {
  MessageIds ids(3);
  ids.raise_floor(kId);
  MessageId last = kId;
  for (int i = 0; i < 200'000; ++i) {
    const MessageId id = ids.next(1'000, LinkNumber{42});  // long before the floor
    ASSERT_GT(id.bits.high, last.bits.high);
    ASSERT_EQ(link_of(id), LinkNumber{42});
    last = id;
  }
  const core::WallMs later = accepted_at(last) + 5;
  EXPECT_EQ(accepted_at(ids.next(later, LinkNumber{1})), later);
}

}  // namespace
}  // namespace headrace::store
