// SPDX-License-Identifier: Apache-2.0
// One libuv loop on one thread, its timers, and the ways in from other threads.
//
// Threads: everything on the loop's own thread, save post() and stop(), which any thread may call.
// Ownership: whoever makes a handle on uv() closes it before the loop is destroyed.
// Lifecycle: run() returns after stop(); the destructor requires that every handle is closed.
#pragma once

#include <uv.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/timer_wheel.h"

namespace headrace::core {

// Called once an iteration, after all of its input was handled and before the loop waits: the place
// to flush what was gathered, so that a batch costs one wake-up.
class BeforeWait {
 public:
  virtual ~BeforeWait() = default;
  virtual void before_wait() noexcept = 0;
};

class Loop {
 public:
  explicit Loop(const Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  uv_loop_t* uv() noexcept { return &loop_; }
  const Clock& clock() const noexcept { return clock_; }

  // Times as of this turn of the loop: read once after each wait, and the same for all that is
  // handled until the next.
  SteadyMs now() const noexcept {
    if (time_is_old_) update_time();
    return now_ms_;
  }
  WallMs wall() const noexcept {
    if (time_is_old_) update_time();
    return wall_ms_;
  }

  // Deadlines in loop time; a timer fires at the first iteration at or after its deadline.
  void arm(Timer& timer, SteadyMs deadline) noexcept;
  void disarm(Timer& timer) noexcept;

  // `listener` must outlive the loop's last iteration or be removed.
  void add_before_wait(BeforeWait* listener);
  void remove_before_wait(BeforeWait* listener) noexcept;

  // Control plane only: runs `task` on the loop, in order of posting. Any thread.
  void post(std::function<void()> task);

  // Runs until stop(). The calling thread becomes the loop's thread.
  void run();
  void stop();  // Any thread.
  // One non-blocking pass; for tests that drive a loop by hand.
  void run_once();
  // When the next timer may fire (possibly earlier); TimerWheel::kNever: none is armed. For the same.
  SteadyMs next_deadline() const noexcept { return wheel_.next_wakeup(); }

  bool on_thread() const noexcept { return thread_ == std::this_thread::get_id(); }

 private:
  static void on_prepare(uv_prepare_t* handle) noexcept;
  static void on_check(uv_check_t* handle) noexcept;
  static void on_wake(uv_async_t* handle) noexcept;
  static void on_timer(uv_timer_t* handle) noexcept;
  void update_time() const noexcept;
  void run_posted();
  void rearm() noexcept;

  uv_loop_t loop_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_async_t wake_;
  uv_timer_t timer_;
  const Clock& clock_;
  mutable bool time_is_old_ = false;  // the loop has waited since the times were read
  mutable SteadyMs now_ms_ = 0;
  mutable WallMs wall_ms_ = 0;
  TimerWheel wheel_;
  SteadyMs timer_set_for_ = TimerWheel::kNever;
  std::vector<BeforeWait*> before_wait_;
  std::thread::id thread_;
  bool stopping_ = false;

  std::mutex posted_mutex_;  // post() is for the control plane, where a lock is cheap enough
  std::vector<std::function<void()>> posted_;
};

// A loop with a thread of its own.
class LoopThread {
 public:
  LoopThread(const Clock& clock, std::string name);
  ~LoopThread();  // Requires: stopped or never started.

  Loop& loop() noexcept { return loop_; }
  void start();
  void stop();  // Stops the loop and joins the thread. Not from the loop's own thread.
  // Runs `task` on the loop and waits for it. Not from the loop's own thread. Requires: started.
  void run_and_wait(const std::function<void()>& task);

 private:
  Loop loop_;
  std::string name_;
  std::thread thread_;
};

}  // namespace headrace::core
