// SPDX-License-Identifier: Apache-2.0
// What jobs ask of the store thread. The engine posts it there; tests answer themselves.
//
// Threads: called from any; `done` comes once, from any, and must not block. What is asked for when
// the store thread is gone is never answered.
#pragma once

#include <functional>
#include <vector>

#include "headrace/result.h"
#include "store/committer.h"

namespace headrace::engine {

class Redelivery {
 public:
  virtual void reopen(std::vector<store::Reopening> reopenings,
                      std::function<void(Result<store::ReopenResult>)> done) = 0;
  virtual void erase(MessageId message, std::function<void(Result<void>)> done) = 0;

 protected:
  ~Redelivery() = default;
};

}  // namespace headrace::engine
