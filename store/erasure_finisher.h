// SPDX-License-Identifier: Apache-2.0
// Has the store finish its erasures beside the loop: rewriting files takes too long for a thread
// that everybody waits for. Internal to store/.
//
// One run at a time; what is asked for while one is under way shares the next, so that a burst of
// erasures costs few rewrites. Threads: the store loop, but for the run itself.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "core/loop.h"
#include "store/event_store.h"

namespace headrace::store {

class ErasureFinisher {
 public:
  using Done = std::function<void(Result<void>)>;

  // `in_place`: on the loop itself.
  ErasureFinisher(core::Loop& loop, EventStore& store, bool in_place);
  ~ErasureFinisher();  // Requires: stopped, or nothing was asked for.

  // `done` is called on the loop after a run that begins after this call; never before it returns.
  void want(Done done);
  // Finishes what was asked for, waiting for it, and calls what is to be called.
  void stop();

 private:
  struct Run {
    std::thread thread;
    std::vector<Done> done;
    Result<void> result;
  };

  void start();
  void end(const std::shared_ptr<Run>& run);

  core::Loop& loop_;
  EventStore& store_;
  const bool in_place_;
  std::vector<Done> wanted_;
  std::shared_ptr<Run> run_;  // the one that is under way
};

}  // namespace headrace::store
