// SPDX-License-Identifier: Apache-2.0
// The record of acceptance: an append-only log of intakes, outcomes and reopenings in preallocated
// segment files.
//
// Threads: open(), append(), sync(), remove_segment() and what they change: the store thread.
// Reading: any. Invariant: positions only grow; a group lies in one segment; a position given out
// is never used again for
//   another acknowledged record.
// Invariant: after a failed sync or write nothing is accepted until the log is opened again, as
// nobody knows what
//   the disk holds. A full disk is no such failure: the group is refused, the next may succeed.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <set>
#include <string>
#include <vector>

#include "core/random.h"
#include "store/block_writer.h"
#include "store/event_store.h"
#include "store/log_erasure.h"
#include "store/log_recovery.h"
#include "store/log_segment.h"

namespace headrace::store {

struct LogOptions {
  FileSystem* files = nullptr;  // required; must outlive the log
  std::string directory;        // must exist
  std::uint64_t segment_bytes = core::limits::kSegmentBytes;
  bool sync = true;        // a group with an intake or a reopening is synced by append()
  std::uint64_t seed = 0;  // of the segments' salts; nobody outside may know it
  MessageId last_id{};     // of what lies before the replay; no message there has a greater one
};

// A segment as its readers see it; it stays readable while they hold it.
struct ReadableSegment {
  std::unique_ptr<File> file;
  std::uint64_t salt = 0;
};

class MessageLog {
 public:
  // Replays from `from` (see log_recovery.h), cuts off what lies behind the log's end and is ready
  // to append. A new segment is begun by the first append, so a log opens on a full disk.
  // kCorrupted, kStorageFailed.
  static Result<std::unique_ptr<MessageLog>> open(const LogOptions& options, LogPosition from,
                                                  LogVisitor& visitor);

  // Writes one group. Of the intakes those whose `placed` is kStored, under the id there; sets
  // their positions. Of the outcomes all but those handed back, which change nothing; sets their
  // `logged_at`. With an intake or a reopening in it the group is synced. On failure nothing counts
  // as written.
  Result<void> append(std::span<const Intake> intakes, std::span<Placed> placed,
                      std::span<Outcome> outcomes,
                      std::span<const ReopeningRecord> reopenings = {});
  // Makes all of it survive a power cut.
  Result<void> sync();
  // The same from any thread, for what was appended before the call. After a failure nothing more
  // is accepted.
  void sync_in_background() noexcept;

  // The frame of the record at `position`; none when there is no intact frame, or the segment is
  // gone.
  Result<std::optional<RecordFrame>> frame_at(LogPosition position) const;
  // Overwrites records where they are with gaps of the same length, synced. A failure may leave some
  // of them half overwritten; the same call again makes up for it, also after the log was opened
  // anew. See log_erasure.h.
  Result<void> erase(std::span<const ErasedRecord> records);

  LogPosition end() const noexcept;
  // No message in the log has a greater id.
  MessageId last_id() const noexcept { return last_id_; }

  // Oldest first. The last one is in use or was before the log was opened; the ones before it are
  // sealed.
  std::span<const Segment> segments() const noexcept { return segments_; }
  std::span<const Segment> sealed() const noexcept;
  // What its files take.
  std::uint64_t file_bytes() const noexcept;
  // Whether the segment of `position` is there. Any thread.
  bool holds(LogPosition position) const;
  // Requires: it is sealed, and nothing in it is needed any more.
  Result<void> remove_segment(std::uint32_t number);

  // The segment of `position`. Any thread. kNotFound when it is gone, kCorrupted when its header is
  // unreadable.
  Result<std::shared_ptr<const ReadableSegment>> open_for_reading(LogPosition position) const;

 private:
  explicit MessageLog(const LogOptions& options) : options_(options), random_(options.seed) {}

  Result<void> adopt(RecoveredLog recovered);
  Result<void> settle(RecoveredLog& recovered);
  Result<void> settle(Segment& segment, const RecoveredLog& recovered);
  Result<void> make_room(std::uint64_t bytes);
  Result<void> begin_segment(std::uint64_t bytes);
  Result<std::unique_ptr<File>> create_segment(std::uint32_t number, std::span<char> header,
                                               std::uint64_t bytes);
  Result<void> write_group(std::span<const Intake> intakes, std::span<Placed> placed,
                           std::span<Outcome> outcomes,
                           std::span<const ReopeningRecord> reopenings);
  void put_padding(std::size_t record_bytes) noexcept;
  Result<void> check_usable();
  Error fail(Error error);
  std::string path_of(std::uint32_t number) const;

  const LogOptions options_;
  core::Random random_;
  std::vector<Segment> segments_;  // the last one is in use, if active_
  std::unique_ptr<File> active_;   // none before the first append
  std::uint64_t active_salt_ = 0;
  std::uint64_t active_bytes_ = 0;
  std::uint32_t next_number_ = 1;
  LogPosition end_{};  // behind the last record
  LogPosition synced_{};
  MessageId last_id_;
  std::optional<Error> failure_;
  std::vector<char> scratch_;  // one record's head, or an outcome; keeps its size
  BlockWriter writer_;         // of the active segment

  std::atomic<bool> background_sync_failed_{false};
  std::mutex background_mutex_;       // background syncs come from RocksDB's threads
  std::shared_ptr<File> background_;  // the active segment, opened a second time; null: none yet

  mutable std::mutex readers_mutex_;  // queries come from any thread
  std::set<std::uint32_t> numbers_;   // of the segments that are there
  mutable std::map<std::uint32_t, std::shared_ptr<const ReadableSegment>> readers_;
};

}  // namespace headrace::store
