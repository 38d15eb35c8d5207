// SPDX-License-Identifier: Apache-2.0
#include "core/loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/clock.h"

namespace headrace::core {
namespace {

// Time that the test moves.
class HandClock final : public Clock {
 public:
  std::uint64_t steady_ns() const noexcept override { return ms.load() * 1'000'000; }
  WallMs wall_ms() const noexcept override { return 1'000'000 + ms.load(); }
  std::atomic<std::uint64_t> ms{100};
};

struct Bell {
  Bell() {
    timer.owner = this;
    timer.fire = [](Timer& t) noexcept { ++static_cast<Bell*>(t.owner)->rung; };
  }
  Timer timer;
  int rung = 0;
};

TEST(LoopTest, TimersFollowTheGivenClock) {
  HandClock clock;
  Loop loop(clock);
  Bell bell;
  loop.arm(bell.timer, 150);
  clock.ms = 149;
  loop.run_once();
  EXPECT_EQ(bell.rung, 0);
  clock.ms = 150;
  loop.run_once();
  EXPECT_EQ(bell.rung, 1);
  EXPECT_EQ(loop.now(), 150u);
  EXPECT_EQ(loop.wall(), 1'000'150u);
}

// Stands for the wait: the last thing before it makes an hour pass.
struct LongWait final : BeforeWait {
  explicit LongWait(HandClock& hand) : clock(hand) {}
  void before_wait() noexcept override { clock.ms += 3'600'000; }
  HandClock& clock;
};

TEST(LoopTest, InputCallbacksSeeTheTimeAfterTheWait) {
  HandClock clock;
  Loop loop(clock);
  LongWait wait(clock);
  struct Input {
    uv_async_t async{};
    Loop* loop = nullptr;
    SteadyMs seen = 0;
  } input;
  input.loop = &loop;
  uv_async_init(loop.uv(), &input.async, [](uv_async_t* handle) {
    auto& self = *static_cast<Input*>(handle->data);
    self.seen = self.loop->now();
  });
  input.async.data = &input;
  uv_async_send(&input.async);
  loop.add_before_wait(&wait);
  loop.run_once();
  EXPECT_EQ(input.seen, 3'600'100u);
  loop.remove_before_wait(&wait);
  uv_close(reinterpret_cast<uv_handle_t*>(&input.async), nullptr);
  loop.run_once();
}

TEST(LoopTest, DisarmedTimerStaysSilent) {
  HandClock clock;
  Loop loop(clock);
  Bell bell;
  loop.arm(bell.timer, 110);
  loop.disarm(bell.timer);
  clock.ms = 200;
  loop.run_once();
  EXPECT_EQ(bell.rung, 0);
}

TEST(LoopTest, TimerEndsTheWaitOfARunningLoop) {
  const SystemClock clock;
  Loop loop(clock);
  Timer timer;
  timer.owner = &loop;
  timer.fire = [](Timer& t) noexcept { static_cast<Loop*>(t.owner)->stop(); };
  loop.arm(timer, loop.now() + 5);
  loop.run();
  EXPECT_FALSE(timer.armed());
}

TEST(LoopTest, BeforeWaitIsCalledOnceAnIterationUntilRemoved) {
  struct Listener final : BeforeWait {
    void before_wait() noexcept override { ++calls; }
    int calls = 0;
  };
  HandClock clock;
  Loop loop(clock);
  Listener listener;
  loop.add_before_wait(&listener);
  loop.run_once();
  EXPECT_EQ(listener.calls, 1);
  loop.run_once();
  EXPECT_EQ(listener.calls, 2);
  loop.remove_before_wait(&listener);
  loop.run_once();
  EXPECT_EQ(listener.calls, 2);
}

TEST(LoopTest, PostedTasksRunInOrderOnTheLoopsThread) {
  const SystemClock clock;
  LoopThread thread(clock, "loop");
  thread.start();
  std::vector<int> order;
  bool on_thread = true;
  for (int i = 0; i < 100; ++i) {
    thread.loop().post([&, i] {
      order.push_back(i);
      on_thread = on_thread && thread.loop().on_thread();
    });
  }
  thread.run_and_wait([] {});
  thread.stop();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(on_thread);
}

TEST(LoopTest, PostsFromManyThreadsAllRun) {
  const SystemClock clock;
  LoopThread thread(clock, "loop");
  thread.start();
  int count = 0;
  std::vector<std::thread> posters;
  for (int p = 0; p < 4; ++p) {
    posters.emplace_back([&] {
      for (int i = 0; i < 500; ++i) thread.loop().post([&count] { ++count; });
    });
  }
  for (std::thread& poster : posters) poster.join();
  thread.run_and_wait([] {});
  thread.stop();
  EXPECT_EQ(count, 2000);
}

TEST(LoopTest, TaskPostedByATaskRunsBeforeStop) {
  HandClock clock;
  Loop loop(clock);
  bool ran = false;
  loop.post([&] {
    loop.post([&] { ran = true; });
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(LoopTest, StoppedLoopThreadCanBeStoppedAgain) {
  const SystemClock clock;
  LoopThread thread(clock, "loop");
  thread.stop();
  thread.start();
  thread.stop();
  thread.stop();
}

}  // namespace
}  // namespace headrace::core
