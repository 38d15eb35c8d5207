// SPDX-License-Identifier: Apache-2.0
#include "store/log_recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace headrace::store {

namespace {

Error damaged(LogPosition position, std::string_view what) {
  return Error{ErrorCode::kCorrupted,
               fmt::format("message log segment {} is damaged at offset {}: {}",
                           segment_name(segment_of(position)), offset_of(position), what),
               static_cast<std::int64_t>(position)};
}

class Replay {
 public:
  Replay(FileSystem& files, const std::string& directory, LogPosition from, LogVisitor& visitor)
      : files_(files), directory_(directory), from_(from), visitor_(visitor) {}

  Result<RecoveredLog> run() {
    auto segments = list_segments(files_, directory_);
    if (!segments) return std::move(segments).error();
    log_.end = log_.settled = from_;
    segments_ = std::move(*segments);
    if (auto done = check_presence(); !done) return std::move(done).error();
    for (index_ = 0; index_ < segments_.size() && !ended_; ++index_) {
      auto done = segment(segments_[index_]);
      if (!done) return std::move(done).error();
    }
    for (; index_ < segments_.size(); ++index_) log_.stale.push_back(segments_[index_].number);
    return std::move(log_);
  }

 private:
  // The segment in which the replay begins must be there, unless it was never begun.
  Result<void> check_presence() const {
    const bool begun = offset_of(from_) > kSegmentHeaderBytes;
    const bool there = std::any_of(segments_.begin(), segments_.end(),
                                   [&](const Segment& s) { return s.number == segment_of(from_); });
    if (begun && !there) return damaged(from_, "the file is missing");
    return {};
  }

  Result<void> segment(const Segment& segment) {
    if (segment.header) log_.last_id = std::max(log_.last_id, segment.header->floor);
    if (segment.number < segment_of(from_)) {
      log_.segments.push_back(segment);
      return {};
    }
    if (!segment.header) return headless(segment);
    const SegmentHeader& header = *segment.header;
    if (header.previous_end > log_.end && log_.end != LogPosition{}) {
      if (header.synced_through > log_.end) return damaged(log_.end, "records are missing");
      return end_before(segment);
    }
    log_.segments.push_back(segment);
    log_.settled = std::max(log_.settled, header.synced_through);
    const bool first = segment.number == segment_of(from_);
    log_.end = std::max(log_.end, make_position(segment.number, kSegmentHeaderBytes));
    return records(segment, first ? offset_of(log_.end) : kSegmentHeaderBytes);
  }

  Result<void> headless(const Segment& segment) {
    auto file = open(segment);
    if (!file) return std::move(file).error();
    auto unused = is_unused_segment(**file, segment.bytes);
    if (!unused) return std::move(unused).error();
    if (!*unused || index_ + 1 != segments_.size()) {
      return damaged(make_position(segment.number, 0), "its header is unreadable");
    }
    return end_before(segment);
  }

  Result<void> end_before(const Segment& segment) {
    log_.stale.push_back(segment.number);
    ended_ = true;
    return {};
  }

  Result<void> records(const Segment& segment, std::uint64_t begin) {
    auto file = open(segment);
    if (!file) return std::move(file).error();
    SegmentScanner scanner(**file, segment.header->salt, begin, limit(segment));
    for (;;) {
      auto found = scanner.next();
      if (!found) return std::move(found).error();
      log_.end = make_position(segment.number, scanner.offset());
      if (!*found) break;
      if (auto visited = visit(scanner); !visited) return visited;
    }
    if (scanner.at_limit() && index_ + 1 < segments_.size()) return {};
    return end_or_damage(scanner);
  }

  // A segment that was followed by another ends where that one says.
  std::uint64_t limit(const Segment& segment) const {
    if (index_ + 1 >= segments_.size()) return segment.bytes;
    const auto& following = segments_[index_ + 1].header;
    if (!following || segment_of(following->previous_end) != segment.number) return segment.bytes;
    return std::min<std::uint64_t>(segment.bytes, offset_of(following->previous_end));
  }

  // No intact record at the end reached so far. Is there proof that there should be one?
  Result<void> end_or_damage(SegmentScanner& scanner) {
    const LogPosition end = log_.end;
    while (!scanner.at_limit()) {
      auto found = scanner.find_next();
      if (!found) return std::move(found).error();
      if (!*found) break;
      if (scanner.frame().synced_through > end) {
        return damaged(end, fmt::format("the record there is invalid, yet the one at offset {} "
                                        "was written after it had been synced",
                                        scanner.offset()));
      }
    }
    for (std::size_t i = index_ + 1; i < segments_.size(); ++i) {
      const auto& header = segments_[i].header;
      if (header && header->previous_end <= end) return {};  // it follows right here
      if (header && header->synced_through > end) {
        return damaged(end, fmt::format("the record there is invalid, yet segment {} was begun "
                                        "after it had been synced",
                                        segment_name(segments_[i].number)));
      }
    }
    ended_ = true;
    return {};
  }

  Result<void> visit(const SegmentScanner& scanner) {
    const RecordFrame& frame = scanner.frame();
    log_.settled = std::max(log_.settled, frame.synced_through);
    if (frame.type == RecordType::kGap) return {};
    if (frame.type == RecordType::kOutcome) {
      const auto outcome = decode_outcome(scanner.record());
      if (!outcome) return damaged(log_.end, "an outcome that this version cannot read");
      return visitor_.on_outcome(log_.end, *outcome);
    }
    if (frame.type == RecordType::kReopening) {
      const auto reopening = decode_reopening(scanner.record());
      if (!reopening) return damaged(log_.end, "a reopening that this version cannot read");
      return visitor_.on_reopening(log_.end, *reopening);
    }
    const auto intake = decode_intake_head(scanner.record(), frame.length);
    if (!intake) return damaged(log_.end, "a message that this version cannot read");
    log_.last_id = std::max(log_.last_id, intake->message);
    return visitor_.on_intake(log_.end, *intake, scanner.record());
  }

  Result<std::unique_ptr<File>> open(const Segment& segment) const {
    return files_.open(directory_ + "/" + segment_name(segment.number), FileSystem::Mode::kRead);
  }

  FileSystem& files_;
  const std::string& directory_;
  const LogPosition from_;
  LogVisitor& visitor_;
  RecoveredLog log_;
  std::vector<Segment> segments_;
  std::size_t index_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<RecoveredLog> replay_log(FileSystem& files, const std::string& directory, LogPosition from,
                                LogVisitor& visitor) {
  return Replay(files, directory, from, visitor).run();
}

}  // namespace headrace::store
