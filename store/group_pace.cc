// SPDX-License-Identifier: Apache-2.0
#include "store/group_pace.h"

#include <time.h>

namespace headrace::store {

void pause_thread(std::uint64_t ns) noexcept {
  const timespec duration{static_cast<time_t>(ns / 1'000'000'000),
                          static_cast<long>(ns % 1'000'000'000)};
  (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nullptr);  // a signal may end it early
}

}  // namespace headrace::store
