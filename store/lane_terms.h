// SPDX-License-Identifier: Apache-2.0
// What the store must know of an endpoint's settings to keep its order and its share of retries.
#pragma once

#include <cstdint>
#include <functional>

#include "store/fair_share.h"
#include "store/types.h"

namespace headrace::store {

enum class KeptOrder : std::uint8_t {
  kNone,  // a delivery that waits for its retry holds up nothing
  kLane,  // it holds up all of its endpoint
  kKey,   // it holds up those of its key
};

struct LaneTerms {
  KeptOrder order = KeptOrder::kNone;
  unsigned retry_share_percent = kRetrySharePercentDefault;  // of hand-overs while fresh ones wait
};

// The terms as they are now; of an endpoint that is gone, the default. Called on the store thread.
using LaneTermsOf = std::function<LaneTerms(EndpointNumber endpoint)>;

}  // namespace headrace::store
