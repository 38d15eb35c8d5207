// SPDX-License-Identifier: Apache-2.0
// How many file descriptors the process may have, for those who must leave some to others.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>

namespace headrace::core {

// One of `parts` equal shares of the limit; at least 1, at most `most`, which is also what it comes
// to when the limit cannot be read.
inline std::size_t descriptor_share(std::size_t parts, std::size_t most) noexcept {
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return most;
  return std::clamp<std::size_t>(static_cast<std::size_t>(descriptors.rlim_cur) / parts, 1, most);
}

}  // namespace headrace::core
