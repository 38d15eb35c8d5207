// SPDX-License-Identifier: Apache-2.0
// Resolves names for those who can wait: a resolver on a thread of its own.
//
// Threads: look_up() from any but its own. Lifecycle: start(); stop() always.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/loop.h"
#include "dispatch/cares_resolver.h"
#include "headrace/result.h"

namespace headrace::engine {

class NameLookUp {
 public:
  // What somebody who registers an endpoint can be made to wait, at most.
  static constexpr std::chrono::milliseconds kWaitMax{2'000};

  explicit NameLookUp(const core::Clock& clock) : thread_(clock, "names") {}
  ~NameLookUp() { stop(); }

  // `servers`: as in CaresOptions. Errors are those of CaresResolver::make().
  Result<void> start(const std::string& servers);
  void stop();
  // None: the name could not be resolved in that time, or it is not started.
  dispatch::Addresses look_up(std::string_view host);

 private:
  core::LoopThread thread_;
  std::mutex mutex_;  // one at a time, and nobody asks what is stopped
  std::unique_ptr<dispatch::CaresResolver> resolver_;
};

}  // namespace headrace::engine
