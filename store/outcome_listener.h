// SPDX-License-Identifier: Apache-2.0
// Who hears what came of the calls that the engine makes itself, and which endpoints are gone, fail
// all the time, or are left alone by their breaker.
#pragma once

#include "store/types.h"

namespace headrace::store {

// An endpoint of which every attempt failed since that time.
struct Failing {
  EndpointNumber endpoint{};
  core::WallMs since = 0;      // when the first of these attempts began
  core::WallMs began_at = 0;   // the last one
  std::uint32_t failures = 0;  // so many
  // Nothing is known of the time before: this is the first attempt since the start.
  bool is_first = false;
};

class OutcomeListener {
 public:
  // An attempt at a message on core::kSystemLink has ended and is on record. On the store thread,
  // which waits for it; `outcome` and its response are valid during the call only. After a crash an
  // attempt may be made, and heard of, once more.
  virtual void on_outcome(const Outcome& outcome) noexcept = 0;

  // An endpoint answered 410 to a message on any other link, the delivery is dead and that is on
  // record: it wants no more. As on_outcome() otherwise; heard once for each such delivery.
  virtual void on_gone(const Outcome& outcome) noexcept = 0;

  // An attempt on any other link failed by what the endpoint did or did not do, like all before it
  // since `failing.since`. Heard for each such attempt.
  virtual void on_failing(const Failing& failing) noexcept = 0;

  // The endpoint's breaker opened or closed with this attempt (Outcome::breaker).
  virtual void on_breaker(const Outcome& outcome) noexcept = 0;

 protected:
  ~OutcomeListener() = default;
};

}  // namespace headrace::store
