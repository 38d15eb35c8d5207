// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "store/log_recovery.h"

namespace headrace::store {

namespace {

constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

class Repair {
 public:
  Repair(FileSystem& files, const std::string& directory, LogPosition from)
      : files_(files), directory_(directory), from_(from) {}

  Result<RepairReport> run() {
    auto segments = list_segments(files_, directory_);
    if (!segments) return std::move(segments).error();
    segments_ = std::move(*segments);
    for (index_ = 0; index_ < segments_.size(); ++index_) {
      if (segments_[index_].number < segment_of(from_)) continue;
      if (auto done = segment(segments_[index_]); !done) return std::move(done).error();
    }
    if (auto synced = files_.sync_directory(directory_); !synced) return std::move(synced).error();
    const auto before = [](const LostRange& a, const LostRange& b) {
      return std::pair(a.segment, a.from) < std::pair(b.segment, b.from);
    };
    std::sort(report_.lost.begin(), report_.lost.end(), before);
    return std::move(report_);
  }

 private:
  std::string path_of(const Segment& segment) const {
    return directory_ + "/" + segment_name(segment.number);
  }

  Result<void> segment(Segment& segment) {
    if (!segment.header) return set_aside(segment);
    report_missing(segment);
    auto file = files_.open(path_of(segment), FileSystem::Mode::kChange);
    if (!file) return std::move(file).error();
    if (auto joined = join(segment, **file); !joined) return joined;
    const bool first = segment.number == segment_of(from_);
    const std::uint64_t begin =
        std::max<std::uint64_t>(kSegmentHeaderBytes, first ? offset_of(from_) : 0);
    auto proven = proven_end(segment, **file, begin);
    if (!proven) return std::move(proven).error();
    return cut(segment, **file, begin, *proven);
  }

  // Segments that should be between the last readable one and this, which does not follow it.
  void report_missing(const Segment& segment) {
    if (last_number_ == 0 && segment_of(from_) != 0) last_number_ = segment_of(from_) - 1;
    const bool follows = segment.header->previous_end <= end_;
    for (std::uint32_t n = last_number_ + 1; last_number_ != 0 && !follows && n < segment.number;
         ++n) {
      const auto is_n = [n](const LostRange& range) { return range.segment == n; };
      const auto& lost = report_.lost;
      if (std::any_of(lost.begin(), lost.end(), is_n)) continue;
      report_.lost.push_back({n, 0, 0, true, {}, 0, 0});
    }
    last_number_ = segment.number;
  }

  // A file whose header cannot be read holds nothing that can be told from chance. One that was
  // never used is left for the next opening to remove.
  Result<void> set_aside(const Segment& segment) {
    auto file = files_.open(path_of(segment), FileSystem::Mode::kRead);
    if (!file) return std::move(file).error();
    auto unused = is_unused_segment(**file, segment.bytes);
    if (!unused) return std::move(unused).error();
    if (*unused && index_ + 1 == segments_.size()) return {};
    report_.lost.push_back({segment.number, 0, segment.bytes, true, {}, 0, 0});
    return files_.rename(path_of(segment), path_of(segment) + ".lost");
  }

  // Lets a segment follow what is left of those before it.
  Result<void> join(Segment& segment, File& file) {
    SegmentHeader& header = *segment.header;
    if (end_ == LogPosition{} || header.previous_end <= end_) return {};
    header.previous_end = end_;
    std::array<char, kSegmentHeaderBytes> bytes{};
    encode_segment_header(header, bytes.data());
    std::array<iovec, 1> parts{{{bytes.data(), bytes.size()}}};
    if (auto written = file.write(parts, 0); !written) return written;
    return file.sync_data();
  }

  std::uint64_t limit(const Segment& segment) const {
    if (index_ + 1 >= segments_.size()) return segment.bytes;
    const auto& following = segments_[index_ + 1].header;
    if (!following || segment_of(following->previous_end) != segment.number) return segment.bytes;
    return std::min<std::uint64_t>(segment.bytes, offset_of(following->previous_end));
  }

  // The greatest position that anything from here on proves to have been synced.
  Result<LogPosition> proven_end(const Segment& segment, const File& file, std::uint64_t begin) {
    LogPosition proven{};
    for (std::size_t i = index_ + 1; i < segments_.size(); ++i) {
      if (segments_[i].header) proven = std::max(proven, segments_[i].header->synced_through);
    }
    SegmentScanner scanner(file, segment.header->salt, begin, limit(segment));
    for (;;) {
      auto found = scanner.next();
      if (found && !*found && !scanner.at_limit()) found = scanner.find_next();
      if (!found) return std::move(found).error();
      if (!*found) return proven;
      proven = std::max(proven, scanner.frame().synced_through);
    }
  }

  Result<void> cut(const Segment& segment, File& file, std::uint64_t begin, LogPosition proven) {
    SegmentScanner scanner(file, segment.header->salt, begin, limit(segment));
    for (;;) {
      auto found = scanner.next();
      if (!found) return std::move(found).error();
      end_ = make_position(segment.number, scanner.offset());
      if (*found) continue;
      if (scanner.at_limit() || end_ >= proven) return {};
      const std::uint64_t from = scanner.offset();
      found = scanner.find_next();
      if (!found) return std::move(found).error();
      if (auto done = cut_range(segment, file, from, scanner.offset()); !done) return done;
      end_ = make_position(segment.number, scanner.offset());
    }
  }

  Result<void> cut_range(const Segment& segment, File& file, std::uint64_t from, std::uint64_t to) {
    LostRange range{segment.number, from, to, false, {}, 0, 0};
    SegmentScanner scanner(file, segment.header->salt, from, to);
    for (std::uint64_t offset = from; offset < to; offset += kRecordAlignment) {
      auto frame = scanner.frame_at(offset);
      if (!frame) return std::move(frame).error();
      if (*frame && (*frame)->type == RecordType::kIntake)
        range.messages.push_back((*frame)->message);
      if (*frame && (*frame)->type == RecordType::kOutcome) ++range.outcomes;
      if (*frame && (*frame)->type == RecordType::kReopening) ++range.reopenings;
    }
    if (auto kept = copy_out(segment, file, range); !kept) return kept;
    report_.lost.push_back(std::move(range));
    return write_gap(segment, file, from, to);
  }

  Result<void> copy_out(const Segment& segment, const File& file, const LostRange& range) {
    const std::string path = fmt::format("{}.lost-{}", path_of(segment), range.from);
    auto copy = files_.open(path, FileSystem::Mode::kCreate);
    if (!copy && copy.error().code == ErrorCode::kConflict)
      return {};  // by a repair that was cut off
    if (!copy) return std::move(copy).error();
    std::vector<char> buffer(kCopyBytes);
    for (std::uint64_t offset = range.from; offset < range.to; offset += buffer.size()) {
      const auto wanted = std::min<std::uint64_t>(buffer.size(), range.to - offset);
      auto got = file.read(buffer.data(), static_cast<std::size_t>(wanted), offset);
      if (!got) return std::move(got).error();
      std::array<iovec, 1> parts{{{buffer.data(), *got}}};
      if (auto written = (*copy)->write(parts, offset - range.from); !written) return written;
    }
    return (*copy)->sync_data();
  }

  Result<void> write_gap(const Segment& segment, File& file, std::uint64_t from, std::uint64_t to) {
    if (to - from < kFrameBytes) {
      return Error{ErrorCode::kCorrupted, "a damaged piece is shorter than any record",
                   static_cast<std::int64_t>(make_position(segment.number, from))};
    }
    std::vector<char> gap(static_cast<std::size_t>(to - from));
    encode_gap(gap.size(), LogPosition{}, record_seed(segment.header->salt, from), gap.data());
    std::array<iovec, 1> parts{{{gap.data(), gap.size()}}};
    if (auto written = file.write(parts, from); !written) return written;
    return file.sync_data();
  }

  FileSystem& files_;
  const std::string& directory_;
  const LogPosition from_;
  std::vector<Segment> segments_;
  std::size_t index_ = 0;
  std::uint32_t last_number_ = 0;
  LogPosition end_{};
  RepairReport report_;
};

}  // namespace

Result<RepairReport> repair_log(FileSystem& files, const std::string& directory, LogPosition from) {
  return Repair(files, directory, from).run();
}

}  // namespace headrace::store
