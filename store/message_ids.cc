// SPDX-License-Identifier: Apache-2.0
#include "store/message_ids.h"

#include <algorithm>

namespace headrace::store {

void MessageIds::raise_floor(MessageId id) noexcept { last_ = std::max(last_, id); }

MessageId MessageIds::next(core::WallMs now, core::LinkNumber link) noexcept {
  const std::uint64_t high = std::max(std::uint64_t{now} << 16, last_.bits.high + 1);
  const std::uint64_t low =
      (std::uint64_t{static_cast<std::uint32_t>(link)} << 32) | (random_.next() >> 32);
  last_ = MessageId{Bits128{high, low}};
  return last_;
}

}  // namespace headrace::store
