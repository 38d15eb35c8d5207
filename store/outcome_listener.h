// SPDX-License-Identifier: Apache-2.0
// Who hears what came of the calls that the engine makes itself.
#pragma once

#include "store/types.h"

namespace headrace::store {

class OutcomeListener {
 public:
  // An attempt at a message on core::kSystemLink has ended and is on record. On the store thread,
  // which waits for it; `outcome` and its response are valid during the call only. After a crash an
  // attempt may be made, and heard of, once more.
  virtual void on_outcome(const Outcome& outcome) noexcept = 0;

 protected:
  ~OutcomeListener() = default;
};

}  // namespace headrace::store
