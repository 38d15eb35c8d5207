// SPDX-License-Identifier: Apache-2.0
// Who hears what came of the calls that the engine makes itself, and which endpoints are gone.
#pragma once

#include "store/types.h"

namespace headrace::store {

class OutcomeListener {
 public:
  // An attempt at a message on core::kSystemLink has ended and is on record. On the store thread,
  // which waits for it; `outcome` and its response are valid during the call only. After a crash an
  // attempt may be made, and heard of, once more.
  virtual void on_outcome(const Outcome& outcome) noexcept = 0;

  // An endpoint answered 410 to a message on any other link, the delivery is dead and that is on
  // record: it wants no more. As on_outcome() otherwise; heard once for each such delivery.
  virtual void on_gone(const Outcome& outcome) noexcept = 0;

 protected:
  ~OutcomeListener() = default;
};

}  // namespace headrace::store
