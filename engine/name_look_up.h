// SPDX-License-Identifier: Apache-2.0
// Resolves names for those who can wait: a resolver on a thread of its own.
//
// Invariants: whoever asks waits for one budget, however many names there are and however slow
// their name servers; and only a few wait at a time, so that slow names, which anybody can
// register, never hold all threads of whoever asks. Threads: look_up() from any but its own; the
// mutex is not held while an answer is waited for. Lifecycle: start(); stop() always.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"
#include "dispatch/cares_resolver.h"
#include "headrace/result.h"

namespace headrace::engine {

class NameLookUp {
 public:
  // What somebody who registers endpoints can be made to wait, at most: for all of their names.
  static constexpr std::chrono::milliseconds kWaitMax{2'000};
  // Who wait at a time. More are told what is known already.
  static constexpr std::size_t kWaitersMax = 4;
  // Asked for at once: both URLs of as many envs as a webhook has. Further ones are not looked up.
  static constexpr std::size_t kNamesMax = 128;

  explicit NameLookUp(const core::Clock& clock) : thread_(clock, "names") {}
  ~NameLookUp() { stop(); }

  // `servers`: as in CaresOptions. Errors are those of CaresResolver::make().
  Result<void> start(const std::string& servers);
  // Whoever waits is answered with what is known.
  void stop();
  // The addresses of each host. None: it could not be resolved in that time, too many are waiting
  // or were asked for, or it is not started.
  std::vector<dispatch::Addresses> look_up(std::span<const std::string> hosts);

 private:
  class Batch;

  bool enter(bool& may_wait);
  void leave(bool waited);

  core::LoopThread thread_;
  std::mutex mutex_;  // of what follows, and of whether a batch is done
  std::condition_variable changed_;
  bool open_ = false;
  std::size_t asking_ = 0;   // look-ups that are under way
  std::size_t waiting_ = 0;  // those of them that may wait
  // The loop's, save while it is not open.
  std::unique_ptr<dispatch::CaresResolver> resolver_;
};

}  // namespace headrace::engine
