// SPDX-License-Identifier: Apache-2.0
// Room for answers that are being read: the largest head and what is kept of a body.
//
// An answer usually arrives whole, so one slab serves all connections in turn; a slab is held
// longer only by an answer that comes in pieces. What an answer needs is copied to a buffer of the
// right size when it is complete. Limits: as many slabs as attempts in flight; kSlabsKept are kept
// for reuse. Pages that no answer touched cost nothing.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "core/limits.h"

namespace headrace::dispatch {

class CapturePool {
 public:
  static constexpr std::size_t kSlabBytes =
      core::limits::kResponseHeadBytesMax + core::limits::kResponseBodyBytesKept;
  using Slab = std::unique_ptr<char[]>;

  Slab take() {
    if (count_ != 0) return std::move(free_[--count_]);
    return Slab{new char[kSlabBytes]};
  }
  void give_back(Slab slab) noexcept {
    if (slab != nullptr && count_ < kSlabsKept) free_[count_++] = std::move(slab);
  }

 private:
  static constexpr std::size_t kSlabsKept = 64;
  std::array<Slab, kSlabsKept> free_;
  std::size_t count_ = 0;
};

}  // namespace headrace::dispatch
