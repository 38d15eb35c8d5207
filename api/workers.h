// SPDX-License-Identifier: Apache-2.0
// Threads for what may block. The API has its own, so that neither the host's use of libuv's pool,
// nor ours of it, holds it up; how many may wait for somebody outside is bounded where they wait,
// and there are more threads than that (see api_server.cc).
//
// Threads: run() and the destructor from one. Lifecycle: the destructor runs what was given, then
// joins.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace headrace::api {

class Workers {
 public:
  explicit Workers(std::size_t count);
  ~Workers();
  Workers(const Workers&) = delete;

  // On one of the threads, in order of their beginnings. The caller bounds how many are queued.
  void run(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;  // a queue for the control plane, where a lock is cheap enough
  std::condition_variable changed_;
  std::deque<std::function<void()>> queued_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace headrace::api
