// SPDX-License-Identifier: Apache-2.0
#include "store/log_segment.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "store/bytes.h"

namespace headrace::store {

namespace {

constexpr std::uint64_t kMagic = 0x474f4c5244414548;  // "HEADRLOG"; frozen on disk
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kHeaderChecksumOffset = kSegmentHeaderBytes - sizeof(std::uint64_t);
constexpr std::size_t kNameDigits = 8;
constexpr std::string_view kNameSuffix = ".log";
constexpr std::size_t kWindowBytes = std::size_t{1} << 20;

}  // namespace

void encode_segment_header(const SegmentHeader& header, char* to) noexcept {
  LittleWriter out{to};
  out.put(kMagic);
  out.put(kFormatVersion);
  out.put(header.number);
  out.put(header.salt);
  out.put(static_cast<std::uint64_t>(header.previous_end));
  out.put(static_cast<std::uint64_t>(header.synced_through));
  out.put_id(header.floor.bits);
  out.put(std::uint64_t{XXH3_64bits(to, kHeaderChecksumOffset)});
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) noexcept {
  if (bytes.size() < kSegmentHeaderBytes) return std::nullopt;
  LittleReader in{bytes.data()};
  if (in.get<std::uint64_t>() != kMagic) return std::nullopt;
  if (in.get<std::uint32_t>() != kFormatVersion) return std::nullopt;
  SegmentHeader header;
  header.number = in.get<std::uint32_t>();
  header.salt = in.get<std::uint64_t>();
  header.previous_end = LogPosition{in.get<std::uint64_t>()};
  header.synced_through = LogPosition{in.get<std::uint64_t>()};
  header.floor.bits = in.get_id();
  const auto checksum = in.get<std::uint64_t>();
  if (checksum != XXH3_64bits(bytes.data(), kHeaderChecksumOffset)) return std::nullopt;
  return header;
}

std::string segment_name(std::uint32_t number) { return fmt::format("{:08}.log", number); }

std::optional<std::uint32_t> parse_segment_name(std::string_view name) noexcept {
  if (name.size() < kNameDigits + kNameSuffix.size() || !name.ends_with(kNameSuffix)) {
    return std::nullopt;
  }
  name.remove_suffix(kNameSuffix.size());
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return number;
}

Result<std::vector<Segment>> list_segments(FileSystem& files, const std::string& directory) {
  auto names = files.list(directory);
  if (!names) return std::move(names).error();
  std::vector<Segment> segments;
  for (const std::string& name : *names) {
    const auto number = parse_segment_name(name);
    if (!number) continue;
    auto file = files.open(directory + "/" + name, FileSystem::Mode::kRead);
    if (!file) return std::move(file).error();
    auto bytes = (*file)->size();
    if (!bytes) return std::move(bytes).error();
    std::array<char, kSegmentHeaderBytes> head{};
    auto got = (*file)->read(head.data(), head.size(), 0);
    if (!got) return std::move(got).error();
    auto header = decode_segment_header({head.data(), *got});
    if (header && header->number != *number) header.reset();
    segments.push_back({*number, *bytes, header});
  }
  std::sort(segments.begin(), segments.end(),
            [](const Segment& a, const Segment& b) { return a.number < b.number; });
  return segments;
}

Result<bool> is_unused_segment(const File& file, std::uint64_t bytes) {
  std::vector<char> buffer(std::size_t{1} << 20);
  for (std::uint64_t offset = kSegmentHeaderBytes; offset < bytes;) {
    auto got = file.read(buffer.data(), buffer.size(), offset);
    if (!got) return std::move(got).error();
    const auto end = buffer.begin() + static_cast<std::ptrdiff_t>(*got);
    if (std::any_of(buffer.begin(), end, [](char byte) { return byte != 0; })) return false;
    if (*got == 0) break;
    offset += *got;
  }
  return true;
}

namespace {
// A record's third word has its version, so it is not zero.
constexpr std::uint64_t kVersionWord = 16;

// How many there are at the beginning, in whole words.
std::size_t zero_bytes(std::string_view bytes) noexcept {
  std::size_t count = 0;
  for (std::uint64_t word = 0; count + sizeof(word) <= bytes.size(); count += sizeof(word)) {
    std::memcpy(&word, bytes.data() + count, sizeof(word));
    if (word != 0) break;
  }
  return count;
}
}  // namespace

SegmentScanner::SegmentScanner(const File& file, std::uint64_t salt, std::uint64_t begin,
                               std::uint64_t limit)
    : file_(file), salt_(salt), limit_(limit), offset_(begin) {}

Result<std::string_view> SegmentScanner::window(std::uint64_t offset, std::size_t bytes) {
  if (offset < buffer_offset_ || offset + bytes > buffer_offset_ + buffer_bytes_) {
    const auto wanted = std::min<std::uint64_t>(std::max(bytes, kWindowBytes), limit_ - offset);
    if (buffer_.size() < wanted) buffer_.resize(static_cast<std::size_t>(wanted));
    buffer_bytes_ = 0;
    auto got = file_.read(buffer_.data(), static_cast<std::size_t>(wanted), offset);
    if (!got) return std::move(got).error();
    buffer_offset_ = offset;
    buffer_bytes_ = *got;
  }
  const auto skip = static_cast<std::size_t>(offset - buffer_offset_);
  return std::string_view{buffer_.data() + skip, std::min(bytes, buffer_bytes_ - skip)};
}

Result<std::optional<RecordFrame>> SegmentScanner::frame_at(std::uint64_t offset) {
  if (offset + kFrameBytes > limit_) return std::optional<RecordFrame>{};
  auto bytes = window(offset, kFrameBytes);
  if (!bytes) return std::move(bytes).error();
  return decode_frame(*bytes, record_seed(salt_, offset));
}

Result<bool> SegmentScanner::check(std::uint64_t offset) {
  auto frame = frame_at(offset);
  if (!frame) return std::move(frame).error();
  if (!*frame || offset + (*frame)->length > limit_) return false;
  auto bytes = window(offset, (*frame)->length);
  if (!bytes) return std::move(bytes).error();
  if (bytes->size() < (*frame)->length) return false;
  if (!record_is_intact(*bytes, record_seed(salt_, offset))) return false;
  frame_ = **frame;
  record_ = *bytes;
  return true;
}

Result<bool> SegmentScanner::next() {
  offset_ += aligned(record_.size());
  record_ = {};
  if (at_limit()) return false;
  return check(offset_);
}

// On to the first place where a record may begin, as far as zeros tell: behind its end a segment
// has as much of them as it was preallocated.
Result<void> SegmentScanner::skip_zeros() {
  const std::uint64_t begin = offset_;
  while (offset_ + kRecordAlignment < limit_) {
    auto word = window(offset_, kRecordAlignment);
    if (!word) return std::move(word).error();
    const std::size_t ahead = buffer_bytes_ - static_cast<std::size_t>(offset_ - buffer_offset_);
    const std::size_t zeros = zero_bytes({word->data(), ahead});
    offset_ += zeros;
    if (zeros == 0 || zeros + kRecordAlignment <= ahead) break;
  }
  offset_ -= std::min(offset_ - begin, kVersionWord);
  return {};
}

Result<bool> SegmentScanner::find_next() {
  record_ = {};
  while (offset_ + kRecordAlignment < limit_) {
    offset_ += kRecordAlignment;
    auto skipped = skip_zeros();
    if (!skipped) return std::move(skipped).error();
    if (offset_ + kRecordAlignment >= limit_) break;
    auto found = check(offset_);
    if (!found || *found) return found;
  }
  offset_ = limit_;
  return false;
}

}  // namespace headrace::store
