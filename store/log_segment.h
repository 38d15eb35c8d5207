// SPDX-License-Identifier: Apache-2.0
// One file of the message log: its name, its header, and a scan over its records.
//
// Header, 64 bytes, little-endian, frozen: magic u64, format version u32, number u32, salt u64,
// previous end u64, synced through u64, floor id (16 bytes), XXH3-64 of what is before it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/file.h"
#include "store/log_record.h"

namespace headrace::store {

inline constexpr std::size_t kSegmentHeaderBytes = 64;

constexpr LogPosition make_position(std::uint32_t segment, std::uint64_t offset) noexcept {
  return LogPosition{(std::uint64_t{segment} << 32) | offset};
}
constexpr std::uint32_t segment_of(LogPosition position) noexcept {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(position) >> 32);
}
constexpr std::uint32_t offset_of(LogPosition position) noexcept {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(position));
}

struct SegmentHeader {
  std::uint32_t number = 0;
  std::uint64_t salt = 0;        // random: nobody outside can make bytes that pass for a record
  LogPosition previous_end{};    // where the log ended when this segment was begun
  LogPosition synced_through{};  // how far it was known to be on the disk by then
  MessageId floor;  // the last id made before it: every message in here has a greater one
};

void encode_segment_header(const SegmentHeader& header, char* to) noexcept;
// None when it is not whole, damaged, or of a format that this program does not know.
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) noexcept;

std::string segment_name(std::uint32_t number);  // "00000001.log"
std::optional<std::uint32_t> parse_segment_name(std::string_view name) noexcept;

struct Segment {
  std::uint32_t number = 0;
  std::uint64_t bytes = 0;              // of the file
  std::optional<SegmentHeader> header;  // none: damaged or never finished
};

// The segments in a directory, in order of number.
Result<std::vector<Segment>> list_segments(FileSystem& files, const std::string& directory);

// Whether a file of `bytes` holds nothing but zeros behind its header: a segment whose making was
// interrupted.
Result<bool> is_unused_segment(const File& file, std::uint64_t bytes);

// Walks the records of one segment. Memory: one window, as large as the largest record.
class SegmentScanner {
 public:
  // Walks [begin, limit). `file` must outlive it. Requires: begin is a multiple of the alignment.
  SegmentScanner(const File& file, std::uint64_t salt, std::uint64_t begin, std::uint64_t limit);

  // True: there is an intact record at offset(); record() and frame() are valid until the next
  // call. False: the limit was reached, or what lies at offset() is no intact record.
  Result<bool> next();
  // From an offset() where next() found none: looks for the next intact record behind it. False:
  // there is none.
  Result<bool> find_next();

  std::uint64_t offset() const noexcept { return offset_; }
  bool at_limit() const noexcept { return offset_ >= limit_; }
  std::string_view record() const noexcept { return record_; }
  const RecordFrame& frame() const noexcept { return frame_; }
  // The frame at any offset, when one was written there, whatever became of the rest of its record.
  Result<std::optional<RecordFrame>> frame_at(std::uint64_t offset);

 private:
  Result<bool> check(std::uint64_t offset);
  Result<void> skip_zeros();
  Result<std::string_view> window(std::uint64_t offset, std::size_t bytes);

  const File& file_;
  const std::uint64_t salt_;
  const std::uint64_t limit_;
  std::uint64_t offset_;
  RecordFrame frame_;
  std::string_view record_;
  std::vector<char> buffer_;
  std::uint64_t buffer_offset_ = 0;
  std::size_t buffer_bytes_ = 0;
};

}  // namespace headrace::store
