// SPDX-License-Identifier: Apache-2.0
#include "store/segment_times.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "store/bytes.h"
#include "store/keys.h"

namespace headrace::store {

namespace {

constexpr std::uint8_t kVersion = 1;  // frozen, as every value's
constexpr std::size_t kHeadBytes = 1 + 2 * sizeof(std::uint64_t);
constexpr std::size_t kEntryBytes = sizeof(std::uint32_t) + sizeof(std::uint64_t);

core::WallMs end_of(core::WallMs accepted, std::uint64_t retention_ms) noexcept {
  constexpr core::WallMs kNever = std::numeric_limits<core::WallMs>::max();
  return retention_ms > kNever - accepted ? kNever : accepted + retention_ms;
}

}  // namespace

core::WallMs SegmentTimes::kept_through(const Retention& retention) const noexcept {
  core::WallMs end = 0;
  for (const auto& [link, last] : last_by_link_) {
    end = std::max(end, end_of(last, retention.of(link)));
  }
  if (last_of_unknown_ != 0) end = std::max(end, end_of(last_of_unknown_, retention.longest()));
  return end;
}

std::string SegmentTimes::encode() const {
  std::string value(kHeadBytes + last_by_link_.size() * kEntryBytes, '\0');
  BigWriter out{value.data()};
  out.put(kVersion);
  out.put(static_cast<std::uint64_t>(through));
  out.put(std::uint64_t{last_of_unknown_});
  for (const auto& [link, last] : last_by_link_) {
    out.put(static_cast<std::uint32_t>(link));
    out.put(std::uint64_t{last});
  }
  return value;
}

std::optional<SegmentTimes> SegmentTimes::decode(std::string_view value) {
  if (value.size() < kHeadBytes || static_cast<std::uint8_t>(value.front()) != kVersion) {
    return std::nullopt;
  }
  if ((value.size() - kHeadBytes) % kEntryBytes != 0) return std::nullopt;
  BigReader in{value.data() + 1};
  SegmentTimes times;
  times.through = LogPosition{in.get<std::uint64_t>()};
  times.last_of_unknown_ = in.get<std::uint64_t>();
  for (std::size_t left = (value.size() - kHeadBytes) / kEntryBytes; left != 0; --left) {
    const core::LinkNumber link{in.get<std::uint32_t>()};
    times.last_by_link_[link] = in.get<std::uint64_t>();
  }
  return times;
}

std::string SegmentTimes::key(std::uint32_t segment) {
  return std::string(kKeyPrefix).append(view(number_prefix(segment)));
}

std::optional<std::uint32_t> SegmentTimes::decode_key(std::string_view key) noexcept {
  if (!key.starts_with(kKeyPrefix)) return std::nullopt;
  key.remove_prefix(kKeyPrefix.size());
  if (key.size() != sizeof(std::uint32_t)) return std::nullopt;
  return BigReader{key.data()}.get<std::uint32_t>();
}

Result<void> read_segment_times(FileSystem& files, const std::string& directory,
                                const Segment& segment, MessageId last_id, SegmentTimes& times) {
  const LogPosition end = make_position(segment.number, segment.bytes);
  const LogPosition first = make_position(segment.number, kSegmentHeaderBytes);
  std::uint64_t offset = offset_of(std::max(times.through, first));
  times.through = end;
  if (!segment.header) {
    times.add_unknown(accepted_at(last_id));
    return {};
  }
  auto file = files.open(directory + "/" + segment_name(segment.number), FileSystem::Mode::kRead);
  if (!file) return std::move(file).error();
  SegmentScanner scanner(**file, segment.header->salt, offset, segment.bytes);
  while (offset < segment.bytes) {
    auto frame = scanner.frame_at(offset);
    if (!frame) return std::move(frame).error();
    if (!*frame) {  // rotten, or the unused rest: then what it said too much costs but a little
                    // room
      times.add_unknown(accepted_at(last_id));
      break;
    }
    if ((*frame)->message) times.add((*frame)->message);
    offset += aligned((*frame)->length);
  }
  return {};
}

}  // namespace headrace::store
