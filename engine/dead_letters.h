// SPDX-License-Identifier: Apache-2.0
// Deliveries that were given up, over one endpoint or many, read from the store in bounded pieces.
//
// Newest message first, of one message in order of its endpoints' numbers. A page may be short and
// have a next one all the same (core/limits.h, kHistory…). What dies behind the place where a page
// ended is left to whoever begins anew.
// Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/registry.h"
#include "headrace/jobs.h"
#include "store/event_store.h"

namespace headrace::engine {

class DeadLetters {
 public:
  DeadLetters(const store::EventStore& store, const Registry& registry)
      : store_(store), registry_(registry) {}

  // App, webhook, env and product are the endpoint's; `since` and `until` are of the message. To
  // `looked_at` is added how many were looked at, wanted or not. kInvalidArgument: a member that
  // dead letters have not, or the cursor; kNotFound: what is named is not the workspace's.
  Result<Page<DeadLetter>> list(std::string_view workspace, const HistoryFilter& filter,
                                std::uint64_t* looked_at = nullptr) const;

 private:
  DeadLetter describe(const store::DeadRecord& record) const;

  const store::EventStore& store_;
  const Registry& registry_;
};

}  // namespace headrace::engine
