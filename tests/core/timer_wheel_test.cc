// SPDX-License-Identifier: Apache-2.0
#include "core/timer_wheel.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace headrace::core {
namespace {

// A timer that runs a function and counts.
struct Probe {
  Probe() {
    timer.owner = this;
    timer.fire = [](Timer& t) noexcept {
      auto& probe = *static_cast<Probe*>(t.owner);
      ++probe.fired;
      if (probe.then) probe.then();
    };
  }
  Timer timer;
  int fired = 0;
  std::function<void()> then;
};

TEST(TimerWheelTest, FiresAtTheFirstAdvanceAtOrPastTheDeadlineNeverBefore) {
  for (const std::uint64_t delay : {1ULL, 63ULL, 64ULL, 65ULL, 4095ULL, 4096ULL, 100'000ULL,
                                    1ULL << 30, 1ULL << 40, 1ULL << 62}) {
    TimerWheel wheel(1000);
    Probe probe;
    wheel.arm(probe.timer, 1000 + delay);
    EXPECT_EQ(wheel.advance(1000 + delay - 1), 0u) << delay;
    EXPECT_EQ(wheel.advance(1000 + delay), 1u) << delay;
    EXPECT_EQ(probe.fired, 1);
    EXPECT_FALSE(probe.timer.armed());
    EXPECT_EQ(wheel.size(), 0u);
  }
}

TEST(TimerWheelTest, PastDeadlineFiresAtTheNextAdvanceEvenAtTheSameTime) {
  TimerWheel wheel(50);
  Probe probe;
  wheel.arm(probe.timer, 10);
  EXPECT_EQ(wheel.next_wakeup(), 50u);
  EXPECT_EQ(wheel.advance(50), 1u);
}

TEST(TimerWheelTest, TimerRearmedForThePresentInsideFireWaitsForTheNextAdvance) {
  TimerWheel wheel(0);
  Probe probe;
  probe.then = [&] { wheel.arm(probe.timer, 5); };
  wheel.arm(probe.timer, 5);
  EXPECT_EQ(wheel.advance(5), 1u);
  EXPECT_EQ(wheel.advance(5), 1u);
  EXPECT_EQ(probe.fired, 2);
  wheel.disarm(probe.timer);
}

TEST(TimerWheelTest, TimerDisarmedByAnotherThatIsDueWithItDoesNotFire) {
  TimerWheel wheel(0);
  Probe first, second;
  first.then = [&] { wheel.disarm(second.timer); };
  wheel.arm(first.timer, 5);
  wheel.arm(second.timer, 6);
  EXPECT_EQ(wheel.advance(100), 1u);
  EXPECT_EQ(second.fired, 0);
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(TimerWheelTest, TimerPutOffByAnotherThatIsDueWithItFiresAtItsNewTime) {
  TimerWheel wheel(0);
  Probe first, second;
  first.then = [&] { wheel.arm(second.timer, 200); };
  wheel.arm(first.timer, 5);
  wheel.arm(second.timer, 6);
  EXPECT_EQ(wheel.advance(100), 1u);
  EXPECT_EQ(wheel.advance(199), 0u);
  EXPECT_EQ(wheel.advance(200), 1u);
}

TEST(TimerWheelTest, RearmingMovesTheDeadline) {
  TimerWheel wheel(0);
  Probe probe;
  wheel.arm(probe.timer, 10);
  wheel.arm(probe.timer, 1'000'000);
  EXPECT_EQ(wheel.size(), 1u);
  EXPECT_EQ(wheel.advance(999'999), 0u);
  EXPECT_EQ(wheel.advance(1'000'000), 1u);
}

TEST(TimerWheelTest, OneJumpFiresInOrderOfDeadline) {
  TimerWheel wheel(7);
  std::vector<std::uint64_t> order;
  std::vector<std::unique_ptr<Probe>> probes;
  for (const std::uint64_t deadline :
       {500'000ULL, 9ULL, 70ULL, 8ULL, 64ULL, 1ULL << 33, 128ULL, 4097ULL}) {
    probes.push_back(std::make_unique<Probe>());
    probes.back()->then = [&order, deadline] { order.push_back(deadline); };
    wheel.arm(probes.back()->timer, deadline);
  }
  EXPECT_EQ(wheel.advance(1ULL << 34), 8u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(TimerWheelTest, TimeThatGoesBackCountsAsThePresent) {
  TimerWheel wheel(100);
  Probe probe;
  wheel.arm(probe.timer, 150);
  wheel.advance(140);
  EXPECT_EQ(wheel.advance(20), 0u);
  EXPECT_EQ(wheel.advance(150), 1u);
}

TEST(TimerWheelTest, DisarmingOneThatIsNotArmedHasNoEffect) {
  TimerWheel wheel(0);
  Probe probe;
  wheel.disarm(probe.timer);
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(wheel.next_wakeup(), TimerWheel::kNever);
}

// Following next_wakeup() alone reaches every deadline exactly, and in few steps.
RC_GTEST_PROP(TimerWheelPropertyTest, NextWakeupLeadsToTheDeadlineAndNeverPastIt,
              (std::uint64_t start, std::uint64_t delay)) {
  start >>= 2;
  delay >>= 2;
  TimerWheel wheel(start);
  Probe probe;
  wheel.arm(probe.timer, start + delay);
  int steps = 0;
  while (wheel.size() != 0) {
    const std::uint64_t next = wheel.next_wakeup();
    RC_ASSERT(next <= start + delay);
    wheel.advance(next);
    RC_ASSERT(++steps <= 12);
  }
  RC_ASSERT(probe.fired == 1);
}

// Beside a std::multimap: the same timers armed, the same fired at each advance.
class Model {
 public:
  explicit Model(std::uint64_t now, std::size_t count)
      : wheel_(now), now_(now), timers_(count), model_(count, kNone) {
    for (Timer& timer : timers_) {
      timer.owner = this;
      timer.fire = [](Timer& t) noexcept { static_cast<Model*>(t.owner)->on_fire(t); };
    }
  }
  void arm(std::size_t i, std::uint64_t deadline) {
    wheel_.arm(timers_[i], deadline);
    forget(i);
    model_[i] = deadline;
    by_deadline_.emplace(deadline, i);
  }
  void disarm(std::size_t i) {
    wheel_.disarm(timers_[i]);
    forget(i);
  }
  void advance(std::uint64_t step) {
    now_ += step;
    std::vector<std::size_t> expected;
    while (!by_deadline_.empty() && by_deadline_.begin()->first <= now_) {
      expected.push_back(by_deadline_.begin()->second);
      model_[expected.back()] = kNone;
      by_deadline_.erase(by_deadline_.begin());
    }
    fired_.clear();
    RC_ASSERT(wheel_.advance(now_) == expected.size());
    std::sort(expected.begin(), expected.end());
    std::sort(fired_.begin(), fired_.end());
    RC_ASSERT(fired_ == expected);
  }
  void check() {
    RC_ASSERT(wheel_.size() == by_deadline_.size());
    const std::uint64_t next = wheel_.next_wakeup();
    if (by_deadline_.empty()) {
      RC_ASSERT(next == TimerWheel::kNever);
    } else {
      RC_ASSERT(next <= std::max(by_deadline_.begin()->first, now_));
      RC_ASSERT(next >= now_);
    }
    for (std::size_t i = 0; i < timers_.size(); ++i)
      RC_ASSERT(timers_[i].armed() == (model_[i] != kNone));
  }
  std::uint64_t now() const { return now_; }

 private:
  static constexpr std::uint64_t kNone = TimerWheel::kNever;

  void on_fire(Timer& timer) noexcept {
    fired_.push_back(static_cast<std::size_t>(&timer - timers_.data()));
  }
  void forget(std::size_t i) {
    if (model_[i] == kNone) return;
    auto [it, end] = by_deadline_.equal_range(model_[i]);
    while (it != end && it->second != i) ++it;
    by_deadline_.erase(it);
    model_[i] = kNone;
  }

  TimerWheel wheel_;
  std::uint64_t now_;
  std::vector<Timer> timers_;
  std::vector<std::uint64_t> model_;
  std::multimap<std::uint64_t, std::size_t> by_deadline_;
  std::vector<std::size_t> fired_;
};

RC_GTEST_PROP(TimerWheelPropertyTest, AgreesWithAMultimapOverAnyHistory, (std::uint32_t start)) {
  constexpr std::size_t kTimers = 40;
  Model model(start, kTimers);
  const auto any_span = [] {
    return *rc::gen::inRange<std::uint64_t>(0, 200) << *rc::gen::inRange(0, 34);
  };
  for (int i = 0; i < 200; ++i) {
    const auto timer = *rc::gen::inRange<std::size_t>(0, kTimers);
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        model.disarm(timer);
        break;
      case 1:
        model.advance(any_span());
        break;
      case 2:
        model.arm(timer, model.now() / 2);
        break;
      default:
        model.arm(timer, model.now() + any_span());
        break;
    }
    model.check();
  }
}

}  // namespace
}  // namespace headrace::core
