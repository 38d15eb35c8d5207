// SPDX-License-Identifier: Apache-2.0
#include "store/message_log.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace headrace::store {

namespace {

constexpr std::size_t kReadersMax = 32;  // open files kept for reading
constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

// The room that a group takes in the log.
std::size_t measure(std::span<const Intake> intakes, std::span<const Placed> placed,
                    std::span<const Outcome> outcomes,
                    std::span<const ReopeningRecord> reopenings) {
  std::size_t bytes = reopenings.size() * aligned(kReopeningBytes);
  for (std::size_t i = 0; i < intakes.size(); ++i) {
    if (placed[i].acceptance == Acceptance::kStored) bytes += intake_record_bytes(intakes[i]);
  }
  for (const Outcome& outcome : outcomes) {
    if (outcome.verdict != Verdict::kReturned) bytes += outcome_record_bytes(outcome);
  }
  return bytes;
}

// The greatest id in the group; zero when it stores no message.
MessageId last_of(std::span<const Placed> placed) {
  MessageId last;
  for (const Placed& place : placed) {
    if (place.acceptance == Acceptance::kStored) last = std::max(last, place.id);
  }
  return last;
}

char* grown(std::vector<char>& buffer, std::size_t bytes) {
  if (buffer.size() < bytes) buffer.resize(bytes);
  return buffer.data();
}

constexpr std::uint64_t whole_blocks(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t kBlock = BlockWriter::kBlockBytes;
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

// Whoever replays may make durable what he sees, so it has to be durable here first.
Result<void> sync_from(const LogOptions& options, LogPosition from) {
  auto names = options.files->list(options.directory);
  if (!names) return std::move(names).error();
  for (const std::string& name : *names) {
    const auto number = parse_segment_name(name);
    if (!number || *number < segment_of(from)) continue;
    auto file = options.files->open(options.directory + "/" + name, FileSystem::Mode::kChange);
    if (!file) return std::move(file).error();
    if (auto synced = (*file)->sync_data(); !synced) return synced;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<MessageLog>> MessageLog::open(const LogOptions& options, LogPosition from,
                                                     LogVisitor& visitor) {
  if (auto synced = sync_from(options, from); !synced) return std::move(synced).error();
  auto recovered = replay_log(*options.files, options.directory, from, visitor);
  if (!recovered) return std::move(recovered).error();
  std::unique_ptr<MessageLog> log(new MessageLog(options));
  if (auto adopted = log->adopt(std::move(*recovered)); !adopted) return std::move(adopted).error();
  return log;
}

Result<void> MessageLog::adopt(RecoveredLog recovered) {
  if (auto settled = settle(recovered); !settled) return settled;
  next_number_ = std::max<std::uint32_t>(1, segment_of(recovered.end));
  for (const Segment& segment : recovered.segments) {
    next_number_ = std::max(next_number_, segment.number + 1);
  }
  for (const std::uint32_t number : recovered.stale) {
    next_number_ = std::max(next_number_, number + 1);
  }
  segments_ = std::move(recovered.segments);
  last_id_ = std::max(options_.last_id, recovered.last_id);
  for (const Segment& segment : segments_) numbers_.insert(segment.number);
  if (!segments_.empty()) end_ = make_position(segments_.back().number, segments_.back().bytes);
  synced_ = end_;
  return {};
}

// Leaves exactly what was replayed, and that on the disk, so that what follows may rely on it.
Result<void> MessageLog::settle(RecoveredLog& recovered) {
  FileSystem& files = *options_.files;
  for (const std::uint32_t number : recovered.stale) {
    if (auto removed = files.remove(path_of(number)); !removed) return removed;
  }
  for (Segment& segment : recovered.segments) {
    if (segment.number < segment_of(recovered.settled)) continue;
    if (auto settled = settle(segment, recovered); !settled) return settled;
  }
  return files.sync_directory(options_.directory);
}

// What is not known to be synced is written once more: after a failed sync the kernel takes its
// pages for clean, shows them to readers, and would report the next sync as a success without
// writing them.
Result<void> MessageLog::settle(Segment& segment, const RecoveredLog& recovered) {
  auto file = options_.files->open(path_of(segment.number), FileSystem::Mode::kChange);
  if (!file) return std::move(file).error();
  if (segment_of(recovered.end) == segment.number) {
    if (auto cut = (*file)->truncate(offset_of(recovered.end)); !cut) return cut;
    segment.bytes = offset_of(recovered.end);
  }
  const bool partly = segment_of(recovered.settled) == segment.number;
  std::uint64_t offset = partly ? offset_of(recovered.settled) : 0;
  std::vector<char> buffer(kCopyBytes);
  while (offset < segment.bytes) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), segment.bytes - offset);
    auto got = (*file)->read(buffer.data(), static_cast<std::size_t>(wanted), offset);
    if (!got) return std::move(got).error();
    if (*got == 0) break;
    std::array<iovec, 1> parts{{{buffer.data(), *got}}};
    if (auto written = (*file)->write(parts, offset); !written) return written;
    offset += *got;
  }
  return (*file)->sync_data();
}

LogPosition MessageLog::end() const noexcept {
  return active_ ? end_ : make_position(next_number_, kSegmentHeaderBytes);
}

Result<void> MessageLog::append(std::span<const Intake> intakes, std::span<Placed> placed,
                                std::span<Outcome> outcomes,
                                std::span<const ReopeningRecord> reopenings) {
  HEADRACE_DCHECK(placed.size() == intakes.size());
  if (auto usable = check_usable(); !usable) return usable;
  const std::size_t bytes = measure(intakes, placed, outcomes, reopenings);
  if (bytes == 0) return {};
  if (auto room = make_room(bytes); !room) return room;
  const MessageId last = last_of(placed);
  last_id_ = std::max(last_id_, last);  // also when the write fails: an id is never made twice
  if (auto written = write_group(intakes, placed, outcomes, reopenings); !written) {
    // What was written of it lies behind the end and is written over, or ends the log at a replay.
    if (written.error().code == ErrorCode::kStorageFull) return written;
    return fail(std::move(written).error());
  }
  const LogPosition before = end_;
  end_ = LogPosition{static_cast<std::uint64_t>(end_) + bytes};
  if (!options_.sync || (!last && reopenings.empty())) return {};
  if (auto synced = sync(); !synced) {
    end_ = before;
    return synced;
  }
  return {};
}

Result<void> MessageLog::write_group(std::span<const Intake> intakes, std::span<Placed> placed,
                                     std::span<Outcome> outcomes,
                                     std::span<const ReopeningRecord> reopenings) {
  writer_.begin();
  std::uint64_t offset = offset_of(end_);
  for (std::size_t i = 0; i < intakes.size(); ++i) {
    if (placed[i].acceptance != Acceptance::kStored) continue;
    const Payload& payload = intakes[i].payload;
    const std::uint64_t seed = record_seed(active_salt_, offset);
    char* const head = grown(scratch_, intake_record_bytes(intakes[i]) - payload.bytes());
    const std::size_t head_bytes =
        encode_intake_head(intakes[i], placed[i].id, synced_, seed, head);
    writer_.put({head, head_bytes});
    for (const core::Range range : {payload.headers, payload.query, payload.body}) {
      writer_.put(range.in(payload.buffer));
    }
    put_padding(head_bytes + payload.bytes());
    placed[i].position = make_position(segment_of(end_), offset);
    offset += aligned(head_bytes + payload.bytes());
  }
  for (Outcome& outcome : outcomes) {
    if (outcome.verdict == Verdict::kReturned) continue;
    outcome.logged_at = make_position(segment_of(end_), offset);
    char* const record = grown(scratch_, outcome_record_bytes(outcome));
    const std::size_t bytes =
        encode_outcome(outcome, synced_, record_seed(active_salt_, offset), record);
    writer_.put({record, bytes});
    put_padding(bytes);
    offset += aligned(bytes);
  }
  for (const ReopeningRecord& reopening : reopenings) {
    std::array<char, kReopeningBytes> record;
    encode_reopening(reopening, synced_, record_seed(active_salt_, offset), record.data());
    writer_.put({record.data(), record.size()});
    put_padding(record.size());
    offset += aligned(record.size());
  }
  return writer_.finish();
}

void MessageLog::put_padding(std::size_t record_bytes) noexcept {
  constexpr std::array<char, kRecordAlignment> kZeros{};
  writer_.put({kZeros.data(), aligned(record_bytes) - record_bytes});
}

Result<void> MessageLog::check_usable() {
  if (background_sync_failed_.load(std::memory_order_acquire) && !failure_) {
    failure_ = Error{ErrorCode::kStorageFailed, "a sync of the message log failed", 0};
  }
  if (failure_) return *failure_;
  return {};
}

void MessageLog::sync_in_background() noexcept {
  std::shared_ptr<File> file;
  {
    const std::lock_guard lock(background_mutex_);
    file = background_;
  }
  // The segments before it were synced when it was begun.
  if (!file || file->sync_data()) return;
  background_sync_failed_.store(true, std::memory_order_release);
}

Result<std::optional<RecordFrame>> MessageLog::frame_at(LogPosition position) const {
  auto segment = open_for_reading(position);
  if (!segment && segment.error().code == ErrorCode::kNotFound) return std::optional<RecordFrame>{};
  if (!segment) return std::move(segment).error();
  std::array<char, kFrameBytes> bytes{};
  auto got = (*segment)->file->read(bytes.data(), bytes.size(), offset_of(position));
  if (!got) return std::move(got).error();
  return decode_frame({bytes.data(), *got}, record_seed((*segment)->salt, offset_of(position)));
}

Result<void> MessageLog::erase(std::span<const ErasedRecord> records) {
  auto erased = erase_records(*options_.files, options_.directory, records);
  if (!erased || !active_) return erased;
  // The block that is still being filled is written again, and not with what was there.
  std::shared_ptr<File> file;
  {
    const std::lock_guard lock(background_mutex_);
    file = background_;
  }
  return writer_.reload(*file);
}

Result<void> MessageLog::sync() {
  if (auto usable = check_usable(); !usable) return usable;
  if (!active_ || synced_ == end_) return {};
  if (auto synced = active_->sync_data(); !synced) return fail(std::move(synced).error());
  synced_ = end_;
  return {};
}

Error MessageLog::fail(Error error) {
  error.code = ErrorCode::kStorageFailed;
  failure_ = error;
  return error;
}

Result<void> MessageLog::make_room(std::uint64_t bytes) {
  if (active_ && offset_of(end_) + bytes <= active_bytes_) return {};
  if (options_.sync) {  // the header of the next segment vouches for this one
    if (auto synced = sync(); !synced) return synced;
  }
  const std::uint64_t wanted = std::max(options_.segment_bytes, kSegmentHeaderBytes + bytes);
  auto begun = begin_segment(whole_blocks(wanted));
  if (begun) return begun;
  // Nothing of the log itself was touched, so it may be tried again.
  const ErrorCode code = begun.error().code;
  if (code == ErrorCode::kStorageFull || code == ErrorCode::kUnavailable) return begun;
  return fail(std::move(begun).error());
}

Result<void> MessageLog::begin_segment(std::uint64_t bytes) {
  SegmentHeader header;
  header.number = next_number_;
  header.salt = random_.next();
  header.previous_end = end_;
  header.synced_through = synced_;
  header.floor = last_id_;
  std::array<char, kSegmentHeaderBytes> head{};
  encode_segment_header(header, head.data());
  auto file = create_segment(header.number, head, bytes);
  if (!file) return std::move(file).error();
  // Opened a second time for background syncs: the kernel tells each opened file once that writing
  // back failed, and must not tell them instead of the store thread.
  auto again = options_.files->open(path_of(header.number), FileSystem::Mode::kChange);
  if (!again) {
    file->reset();
    if (!options_.files->remove(path_of(header.number))) ++next_number_;
    return std::move(again).error();
  }
  if (active_) {
    // Gives back what was reserved and not used; the new header says where it ends, should this
    // fail.
    (void)active_->truncate(offset_of(end_));
    segments_.back().bytes = offset_of(end_);
  }
  const bool all_synced = synced_ == end_;
  active_ = std::move(*file);
  if (options_.sync) active_->bypass_cache();  // else the kernel is to hold it for a while
  writer_.start(*active_, {head.data(), head.size()});
  {
    const std::lock_guard lock(background_mutex_);
    background_ = std::move(*again);
  }
  active_salt_ = header.salt;
  active_bytes_ = bytes;
  segments_.push_back({header.number, bytes, header});
  {
    const std::lock_guard lock(readers_mutex_);
    numbers_.insert(header.number);
  }
  end_ = make_position(header.number, kSegmentHeaderBytes);
  if (all_synced) synced_ = end_;
  next_number_ = header.number + 1;
  return {};
}

// Complete and synced, or not there at all.
Result<std::unique_ptr<File>> MessageLog::create_segment(std::uint32_t number,
                                                         std::span<char> header,
                                                         std::uint64_t bytes) {
  FileSystem& files = *options_.files;
  const std::string path = path_of(number);
  auto file = files.open(path, FileSystem::Mode::kCreate);
  if (!file) return file;
  std::array<iovec, 1> parts{{{header.data(), header.size()}}};
  Result<void> made = (*file)->preallocate(bytes);
  if (made) made = (*file)->write(parts, 0);
  if (made) made = (*file)->sync_data();
  if (made) made = files.sync_directory(options_.directory);
  if (made) return file;
  file->reset();
  if (!files.remove(path)) ++next_number_;  // the name stays taken
  return std::move(made).error();
}

std::span<const Segment> MessageLog::sealed() const noexcept {
  const std::size_t in_use = segments_.empty() ? 0 : 1;  // the last one's end may still move
  return {segments_.data(), segments_.size() - in_use};
}

std::uint64_t MessageLog::file_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += segment.bytes;
  return bytes;
}

bool MessageLog::holds(LogPosition position) const {
  const std::lock_guard lock(readers_mutex_);
  return numbers_.contains(segment_of(position));
}

Result<void> MessageLog::remove_segment(std::uint32_t number) {
  if (auto removed = options_.files->remove(path_of(number)); !removed) return removed;
  std::erase_if(segments_, [&](const Segment& segment) { return segment.number == number; });
  const std::lock_guard lock(readers_mutex_);
  readers_.erase(number);
  numbers_.erase(number);
  return {};
}

Result<std::shared_ptr<const ReadableSegment>> MessageLog::open_for_reading(
    LogPosition position) const {
  const std::uint32_t number = segment_of(position);
  const std::lock_guard lock(readers_mutex_);
  if (const auto known = readers_.find(number); known != readers_.end()) return known->second;
  auto file = options_.files->open(path_of(number), FileSystem::Mode::kRead);
  if (!file) return std::move(file).error();
  std::array<char, kSegmentHeaderBytes> head{};
  auto got = (*file)->read(head.data(), head.size(), 0);
  if (!got) return std::move(got).error();
  const auto header = decode_segment_header({head.data(), *got});
  if (!header) {
    return Error{ErrorCode::kCorrupted, "the header of " + path_of(number) + " is unreadable",
                 static_cast<std::int64_t>(make_position(number, 0))};
  }
  if (readers_.size() >= kReadersMax) readers_.erase(readers_.begin());
  auto segment = std::make_shared<ReadableSegment>();
  segment->file = std::move(*file);
  segment->salt = header->salt;
  readers_[number] = segment;
  return std::shared_ptr<const ReadableSegment>(std::move(segment));
}

std::string MessageLog::path_of(std::uint32_t number) const {
  return options_.directory + "/" + segment_name(number);
}

}  // namespace headrace::store
