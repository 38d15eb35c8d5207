// SPDX-License-Identifier: Apache-2.0
// Decides whether there is room on the disk for new messages.
//
// Above a mark they are refused, a little below it they are taken again, so that it does not flap.
// What is in the store already goes on: deliveries and their outcomes need little, and free room.
// Pure.
#pragma once

#include <cstdint>

namespace headrace::store {

struct DiskLimits {
  std::uint64_t reserve_bytes = 0;  // left free on the file system; 0: none
  std::uint64_t budget_bytes = 0;   // that the store may take; 0: any
};

class DiskGuard {
 public:
  explicit DiskGuard(const DiskLimits& limits) noexcept : limits_(limits) {}

  // Whether messages are taken from now on.
  bool update(std::uint64_t free_bytes, std::uint64_t used_bytes) noexcept {
    const std::uint64_t free_wanted =
        takes_ ? limits_.reserve_bytes : limits_.reserve_bytes + slack(limits_.reserve_bytes);
    const std::uint64_t used_allowed =
        takes_ ? limits_.budget_bytes : limits_.budget_bytes - slack(limits_.budget_bytes);
    takes_ = free_bytes >= free_wanted && (limits_.budget_bytes == 0 || used_bytes <= used_allowed);
    return takes_;
  }
  bool takes() const noexcept { return takes_; }

  // How far from the mark it takes messages again.
  static constexpr std::uint64_t slack(std::uint64_t mark) noexcept { return mark / 20; }

 private:
  const DiskLimits limits_;
  bool takes_ = true;
};

}  // namespace headrace::store
