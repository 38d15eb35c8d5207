// SPDX-License-Identifier: Apache-2.0
// Until when the records of one segment of the log are retained: per link, when the last of its
// messages that has a record in there was accepted. Internal to store/.
//
// It is kept per link, and not as one date, so that it answers for any retention that is set later.
// Kept in the meta family, for the log up to `through`; what lies behind that is read from the log.
// Pure but for read_segment_times().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "store/log_segment.h"
#include "store/retention.h"

namespace headrace::store {

class SegmentTimes {
 public:
  void add(MessageId message) {
    const core::WallMs at = accepted_at(message);
    core::WallMs& last = last_by_link_[link_of(message)];
    if (last < at) last = at;
  }
  // Messages of any link may be in there, up to that time.
  void add_unknown(core::WallMs at) noexcept {
    if (last_of_unknown_ < at) last_of_unknown_ = at;
  }

  // From then on nothing in there is retained; 0: nothing is in there.
  core::WallMs kept_through(const Retention& retention) const noexcept;

  LogPosition through{};  // every record before it is taken into account

  std::string encode() const;
  static std::optional<SegmentTimes> decode(std::string_view value);

  static std::string key(std::uint32_t segment);  // in the meta family
  static std::optional<std::uint32_t> decode_key(std::string_view key) noexcept;
  static constexpr std::string_view kKeyPrefix = "segment/";

 private:
  std::map<core::LinkNumber, core::WallMs> last_by_link_;
  core::WallMs last_of_unknown_ = 0;
};

// Takes the records of `segment` from times.through to its end into account. `last_id`: no message
// in it has a greater one.
Result<void> read_segment_times(FileSystem& files, const std::string& directory,
                                const Segment& segment, MessageId last_id, SegmentTimes& times);

}  // namespace headrace::store
