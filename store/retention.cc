// SPDX-License-Identifier: Apache-2.0
#include "store/retention.h"

#include <algorithm>

namespace headrace::store {

Retention::Retention(std::uint64_t default_ms,
                     const std::map<core::LinkNumber, std::uint64_t>& ms_by_link)
    : default_ms_(default_ms),
      longest_(default_ms),
      entries_(ms_by_link.begin(), ms_by_link.end()) {
  for (const Entry& entry : entries_) longest_ = std::max(longest_, entry.second);
}

std::uint64_t Retention::of(core::LinkNumber link) const noexcept {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), Entry{link, 0});
  return found != entries_.end() && found->first == link ? found->second : default_ms_;
}

std::uint64_t Retention::longest_of(core::LinkNumber first, core::LinkNumber last) const noexcept {
  std::uint64_t longest = 0;
  std::uint64_t named = 0;
  auto entry = std::lower_bound(entries_.begin(), entries_.end(), Entry{first, 0});
  for (; entry != entries_.end() && entry->first <= last; ++entry, ++named) {
    longest = std::max(longest, entry->second);
  }
  const std::uint64_t links =
      std::uint64_t{static_cast<std::uint32_t>(last)} - static_cast<std::uint32_t>(first) + 1;
  return named == links ? longest : std::max(longest, default_ms_);
}

}  // namespace headrace::store
