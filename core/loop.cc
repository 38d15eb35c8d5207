// SPDX-License-Identifier: Apache-2.0
#include "core/loop.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>

#include "core/check.h"

namespace headrace::core {

Loop::Loop(const Clock& clock)
    : clock_(clock),
      now_ms_(clock.steady_ns() / 1'000'000),
      wall_ms_(clock.wall_ms()),
      wheel_(now_ms_) {
  HEADRACE_CHECK(uv_loop_init(&loop_) == 0);
  loop_.data = this;
  HEADRACE_CHECK(uv_prepare_init(&loop_, &prepare_) == 0);
  HEADRACE_CHECK(uv_check_init(&loop_, &check_) == 0);
  HEADRACE_CHECK(uv_async_init(&loop_, &wake_, &Loop::on_wake) == 0);
  HEADRACE_CHECK(uv_timer_init(&loop_, &timer_) == 0);
  prepare_.data = check_.data = wake_.data = timer_.data = this;
  uv_prepare_start(&prepare_, &Loop::on_prepare);
  uv_check_start(&check_, &Loop::on_check);
}

Loop::~Loop() {
  HEADRACE_CHECK(wheel_.size() == 0);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
  uv_run(&loop_, UV_RUN_NOWAIT);
  HEADRACE_CHECK(uv_loop_close(&loop_) == 0);
}

void Loop::arm(Timer& timer, SteadyMs deadline) noexcept { wheel_.arm(timer, deadline); }

void Loop::disarm(Timer& timer) noexcept { wheel_.disarm(timer); }

void Loop::add_before_wait(BeforeWait* listener) { before_wait_.push_back(listener); }

void Loop::remove_before_wait(BeforeWait* listener) noexcept { std::erase(before_wait_, listener); }

void Loop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
  }
  uv_async_send(&wake_);
}

void Loop::run() {
  thread_ = std::this_thread::get_id();
  update_time();
  while (!stopping_) {
    run_posted();
    uv_run(&loop_, UV_RUN_ONCE);
  }
  run_posted();
  stopping_ = false;
}

void Loop::stop() {
  post([this] { stopping_ = true; });
}

void Loop::run_once() {
  thread_ = std::this_thread::get_id();
  update_time();
  run_posted();
  uv_run(&loop_, UV_RUN_NOWAIT);
}

void Loop::update_time() const noexcept {
  time_is_old_ = false;
  now_ms_ = clock_.steady_ns() / 1'000'000;
  wall_ms_ = clock_.wall_ms();
}

void Loop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

// Prepare runs right before the wait: first what was gathered is flushed, then timers that came due
// meanwhile fire, then the wait is bounded by the next deadline.
void Loop::on_prepare(uv_prepare_t* handle) noexcept {
  auto& loop = *static_cast<Loop*>(handle->data);
  loop.wheel_.advance(loop.now());
  for (std::size_t i = 0; i < loop.before_wait_.size(); ++i) loop.before_wait_[i]->before_wait();
  loop.rearm();
  loop.time_is_old_ = true;  // callbacks of input run inside the wait, before on_check()
}

void Loop::on_check(uv_check_t* handle) noexcept {
  auto& loop = *static_cast<Loop*>(handle->data);
  loop.wheel_.advance(loop.now());
}

void Loop::on_wake(uv_async_t* handle) noexcept { static_cast<Loop*>(handle->data)->run_posted(); }

void Loop::on_timer(uv_timer_t*) noexcept {}  // its only purpose is to end the wait

// libuv keeps its timers in a heap and its own idea of the time; it is asked only when the deadline
// moves.
void Loop::rearm() noexcept {
  const SteadyMs next = wheel_.next_wakeup();
  if (next == timer_set_for_ && uv_is_active(reinterpret_cast<uv_handle_t*>(&timer_))) return;
  timer_set_for_ = next;
  if (next == TimerWheel::kNever) {
    uv_timer_stop(&timer_);
    return;
  }
  uv_update_time(&loop_);
  uv_timer_start(&timer_, &Loop::on_timer, next > now_ms_ ? next - now_ms_ : 0, 0);
}

LoopThread::LoopThread(const Clock& clock, std::string name)
    : loop_(clock), name_(std::move(name)) {}

LoopThread::~LoopThread() { HEADRACE_CHECK(!thread_.joinable()); }

void LoopThread::start() {
  thread_ = std::thread([this] {
    // Signals are the host's business; and a peer that closed early must not raise SIGPIPE here.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
    loop_.run();
  });
}

void LoopThread::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void LoopThread::run_and_wait(const std::function<void()>& task) {
  std::mutex mutex;
  std::condition_variable done;
  bool finished = false;
  loop_.post([&] {
    task();
    const std::lock_guard lock(mutex);
    finished = true;
    done.notify_one();
  });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return finished; });
}

}  // namespace headrace::core
