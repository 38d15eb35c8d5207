// SPDX-License-Identifier: Apache-2.0
// What a shard counts.
//
// Threads: written by the shard's loop, read by any thread. Gauges are said so; all else only
// grows.
#pragma once

#include "core/metrics.h"

namespace headrace::dispatch {

struct ShardCounters {
  core::Counter attempts;  // begun, a reconnect of the same attempt not counted
  core::Counter delivered;
  core::Counter failed;   // attempts that ended in an error or a status outside 2xx
  core::Counter retried;  // failed ones that will be tried again
  core::Counter dead;
  core::Counter returned;       // handed back without an attempt
  core::Counter postponed;      // likewise, to wait behind one of its key
  core::Counter holds;          // times that a lane was put on hold
  core::Counter breaker_opens;  // a probe that fails opens it again
  core::Counter breakers_open;  // gauge: lanes whose breaker is open or half-open
  core::Counter connections_opened;
  core::Counter connections_open;  // gauge
  core::Counter lanes;             // gauge
  core::Counter bytes_sent;
  core::Counter bytes_received;
  core::Counter responses_dropped;  // no room to keep the answer; the attempt counts all the same
};

}  // namespace headrace::dispatch
