// SPDX-License-Identifier: Apache-2.0
// Messages of many links, newest first, read from the store in bounded pieces.
//
// Invariant: what is shown is in order of the ids and without gaps: a message that became visible
// while the links were read one after another is left to whoever begins anew.
// Threads: one; made for one query.
#pragma once

#include <cstddef>
#include <vector>

#include "core/clock.h"
#include "core/numbers.h"
#include "headrace/id.h"
#include "headrace/result.h"
#include "store/event_store.h"

namespace headrace::engine {

// The least id that a message accepted at `at` or later can have. Requires: `at` has 48 bits.
constexpr MessageId first_id_of(core::WallMs at) noexcept { return MessageId{{at << 16, 0}}; }

class MessageWalk {
 public:
  struct Bounds {
    MessageId before;        // zero: from the newest
    core::WallMs since = 0;  // accepted at or after
    // Everything before `before` can be seen already; so it is when a message at or behind it was.
    bool is_settled = false;
  };

  MessageWalk(const store::EventStore& store, Bounds bounds) : store_(store), bounds_(bounds) {}

  // Begins with the newest. Either of these, once; fails as the store does.
  Result<void> over(const std::vector<core::LinkNumber>& links);
  void over(const store::MessageRecord& message);

  // Null behind the last one. Valid until advance().
  const store::MessageRecord* current() const noexcept;
  // Requires: current() is not null.
  Result<void> advance();

 private:
  struct Source {
    core::LinkNumber link{};
    std::vector<store::MessageRecord> page;
    std::size_t at = 0;
    std::size_t count_max = 0;  // of the next page

    const store::MessageRecord& front() const noexcept { return page[at]; }
  };

  Result<void> settle(const std::vector<core::LinkNumber>& links);
  Result<void> fill(Source& source);
  bool is_within(const store::MessageRecord& record) const noexcept;
  static bool is_older(const Source& a, const Source& b) noexcept {
    return a.front().id < b.front().id;
  }

  const store::EventStore& store_;
  Bounds bounds_;
  std::vector<Source> sources_;  // a heap, the newest message on top; none is at its end
};

}  // namespace headrace::engine
