// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/live.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "core/clock.h"

namespace headrace::bench_tools {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST(LiveShareTest, GivesWhatWasRecordedBetweenTwoQuestions) {
  LiveShare share;
  core::Histogram window = LiveShare::make_window();
  share.record(1'000'000);
  EXPECT_FALSE(share.is_asked());
  share.ask();
  EXPECT_TRUE(share.is_asked());
  share.take(window);
  EXPECT_EQ(window.count(), 0u) << "the other thread has not noticed yet";
  share.publish({.sent = 3, .answered = 1});
  EXPECT_TRUE(share.is_given());
  EXPECT_FALSE(share.is_asked());
  share.record(2'000'000);
  share.take(window);
  EXPECT_EQ(window.count(), 1u);
  EXPECT_EQ(share.counts(), (LiveCounts{.sent = 3, .answered = 1}));
  share.take(window);
  EXPECT_EQ(window.count(), 1u) << "nothing is taken twice";
  share.ask();
  share.publish({});
  share.take(window);
  EXPECT_EQ(window.count(), 2u);
  share.record(3);
  share.ask();
  share.publish({});
  share.record(4);
  share.take_rest(window);
  EXPECT_EQ(window.count(), 4u);
}

TEST(LiveShareTest, NothingIsLostBetweenTwoThreads) {
  constexpr std::uint64_t kCount = 200'000;
  LiveShare share;
  std::thread sender([&share] {
    for (std::uint64_t i = 0; i < kCount; ++i) {
      share.record(i);
      if (share.is_asked()) share.publish({.answered = i + 1});
    }
    share.publish({.answered = kCount});
  });
  core::Histogram all = LiveShare::make_window();
  while (share.counts().answered < kCount) {
    share.ask();
    share.take(all);
  }
  sender.join();
  share.take_rest(all);
  EXPECT_EQ(all.count(), kCount);
}

TEST(LiveWindowTest, RatesAreOfTheInterval) {
  LiveWindow window;
  core::Histogram times = LiveShare::make_window();
  times.record(2'000'000, 99);
  times.record(80'000'000, 2);
  window.add(times);
  const LivePoint first = window.close(
      500 * kMs, {.sent = 100, .answered = 90, .accepted = 80, .errors = 1, .backlog = 9});
  EXPECT_EQ(first.t_s, 0.5);
  EXPECT_EQ(first.sent_per_s, 200);
  EXPECT_EQ(first.answered_per_s, 180);
  EXPECT_EQ(first.accepted_per_s, 160);
  EXPECT_EQ(first.errors_per_s, 2);
  EXPECT_EQ(first.backlog, 9u);
  EXPECT_EQ(first.count, 101u);
  EXPECT_NEAR(first.p50_us, 2'000, 20);
  EXPECT_NEAR(first.p99_us, 80'000, 800);
  const LivePoint second = window.close(1'500 * kMs, {.sent = 100, .answered = 95, .accepted = 80});
  EXPECT_EQ(second.sent_per_s, 0);
  EXPECT_EQ(second.answered_per_s, 5);
  EXPECT_EQ(second.count, 0u);
}

TEST(LiveMonitorTest, MakesPointsAndShowsThemUntilItIsStopped) {
  LiveOptions options;
  options.interval_ns = kMs;
  options.shown_ns = 0;
  std::atomic<int> shown{0};
  options.show = [&shown](const LivePoint&) { ++shown; };
  LiveMonitor monitor(std::move(options), 2, 1'000 * kMs);
  monitor.start(core::SystemClock().steady_ns());
  for (std::uint64_t sent = 0; shown < 5; ++sent) {
    for (unsigned i = 0; i < 2; ++i) {
      if (!monitor.share(i).is_asked()) continue;
      monitor.share(i).record(kMs);
      monitor.share(i).publish({.sent = sent, .behind_ns = i * kMs});
    }
    std::this_thread::yield();
  }
  const std::vector<LivePoint> points = monitor.stop();
  ASSERT_GE(points.size(), 5u);
  for (std::size_t i = 1; i < points.size(); ++i) EXPECT_GT(points[i].t_s, points[i - 1].t_s);
  EXPECT_EQ(points[0].count, 2u);
  EXPECT_EQ(points[0].behind_us, 1000) << "the longest of all shares";
}

TEST(LiveMonitorTest, MayBeStoppedBeforeItsFirstInterval) {
  LiveMonitor monitor(LiveOptions(), 1, 3'600'000 * kMs);
  monitor.start(core::SystemClock().steady_ns() + 1'000'000 * kMs);
  EXPECT_TRUE(monitor.stop().empty());
}

TEST(LiveLineTest, FitsTheTerminal) {
  LivePoint point = {.t_s = 12,
                     .sent_per_s = 20'000,
                     .answered_per_s = 20'000,
                     .accepted_per_s = 20'000,
                     .backlog = 4,
                     .count = 1,
                     .p50_us = 812.34,
                     .p99_us = 3'100};
  EXPECT_EQ(live_line(point, 30, 200),
            "12/30s sent 20000/s, answered 20000/s, 2xx 20000/s, p50 812us, p99 3.1ms, backlog 4, "
            "errors 0/s");
  EXPECT_EQ(live_line(point, 30, 79),
            "12/30s sent 20000/s, 2xx 20000/s, p50 812us, p99 3.1ms, backlog 4, errors 0/s");
  EXPECT_EQ(live_line(point, 0, 10), "12s sent 2");
  point.accepted_per_s = 0;
  point.count = 0;
  point.behind_us = 1.5e6;
  EXPECT_EQ(live_line(point, 0, 100),
            "12s sent 20000/s, answered 20000/s, 2xx 0/s, backlog 4, errors 0/s, behind 1.5s");
}

}  // namespace
}  // namespace headrace::bench_tools
