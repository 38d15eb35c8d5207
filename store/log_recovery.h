// SPDX-License-Identifier: Apache-2.0
// Reads the message log back after a stop of any kind: replays its tail, finds its end, tells a
// torn end from damage.
//
// The rule: the log ends at the first invalid record, unless something behind it proves that the
// bytes there had been synced (a record or segment header with a later `synced_through`). Then it
// is damage, and nothing is opened: what was acknowledged must not vanish without a word.
// `repair_log` is the explicit way on.
#pragma once

#include <string>
#include <vector>

#include "store/log_segment.h"

namespace headrace::store {

// What a replay gives out, in the order in which it was written. An error ends the replay.
class LogVisitor {
 public:
  virtual ~LogVisitor() = default;
  // `bytes` is the whole record, for decode_target() and the payload.
  virtual Result<void> on_intake(LogPosition position, const IntakeRecord& intake,
                                 std::string_view bytes) = 0;
  virtual Result<void> on_outcome(LogPosition position, const OutcomeRecord& outcome) = 0;
  virtual Result<void> on_reopening(LogPosition position, const ReopeningRecord& reopening) = 0;
};

struct RecoveredLog {
  LogPosition end{};                 // behind the last record that counts
  LogPosition settled{};             // up to here it was synced, or is of no more use
  MessageId last_id;                 // no message in the log has a greater one
  std::vector<Segment> segments;     // those that count
  std::vector<std::uint32_t> stale;  // those behind the end, to be removed
};

// Visits every record from `from` on. Changes nothing on the disk. kCorrupted as said above; its
// message names segment and offset, its detail is the position.
Result<RecoveredLog> replay_log(FileSystem& files, const std::string& directory, LogPosition from,
                                LogVisitor& visitor);

// A piece that a repair took out.
struct LostRange {
  std::uint32_t segment = 0;
  std::uint64_t from = 0;  // offsets in the segment
  std::uint64_t to = 0;
  bool whole_segment = false;  // its file is missing or unreadable from its header on
  // Whose records lay there, as far as their frames can still be read.
  std::vector<MessageId> messages;
  std::size_t outcomes = 0;    // of deliveries; those may be delivered once more
  std::size_t reopenings = 0;  // of deliveries; those stay closed
};

struct RepairReport {
  std::vector<LostRange> lost;
};

// Goes through the log from `from` on and replaces what is damaged by gaps, so that it opens again.
// What is cut out is first copied beside the log (SEGMENT.log.lost-OFFSET); an unreadable segment
// is renamed to SEGMENT.log.lost. An intact log is not changed.
Result<RepairReport> repair_log(FileSystem& files, const std::string& directory, LogPosition from);

}  // namespace headrace::store
