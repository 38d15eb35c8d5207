// SPDX-License-Identifier: Apache-2.0
// Makes message ids: time-ordered, strictly growing over the life of a store.
//
// Layout (headrace/id.h): 48 bits of milliseconds, 16 of sequence | 32 of link number, 32 random.
// Invariant: the upper 64 bits alone grow strictly, also when the clock stands still or goes back;
// a sequence that overflows borrows from the next millisecond. Threads: the store thread.
#pragma once

#include "core/clock.h"
#include "core/numbers.h"
#include "core/random.h"
#include "headrace/id.h"

namespace headrace::store {

// When the message was accepted, as its id tells it.
constexpr core::WallMs accepted_at(MessageId id) noexcept { return id.bits.high >> 16; }

constexpr core::LinkNumber link_of(MessageId id) noexcept {
  return core::LinkNumber{static_cast<std::uint32_t>(id.bits.low >> 32)};
}

class MessageIds {
 public:
  explicit MessageIds(std::uint64_t seed) noexcept : random_(seed) {}

  // Ids made from now on are greater than `id`.
  void raise_floor(MessageId id) noexcept;
  MessageId next(core::WallMs now, core::LinkNumber link) noexcept;
  // No id made so far is greater.
  MessageId last() const noexcept { return last_; }

 private:
  core::Random random_;
  MessageId last_;
};

}  // namespace headrace::store
