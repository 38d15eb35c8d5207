// SPDX-License-Identifier: Apache-2.0
// How fast an endpoint is called.
#include <algorithm>
#include <string>

#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {

using store::Outcome;
using store::Verdict;
using test::FakeEndpoint;
using namespace std::chrono_literals;

class ShardPaceTest : public ShardTest {
 protected:
  FakeEndpoint& serve_at(RateLimit limit, FakeEndpoint::Reply reply = FakeEndpoint::answer(200)) {
    FakeEndpoint& server = serve(std::move(reply));
    limit_to(server, limit);
    return server;
  }
  void limit_to(FakeEndpoint& server, RateLimit limit) {
    EndpointSettings settings = settings_for(server.url());
    settings.rate_limit = limit;
    set_endpoint(std::move(settings));
  }
  std::size_t attempts() const { return shard->counters().attempts.value(); }
  // All that may be done at this time.
  void settle() {
    run_turns(20);
    run_until([&] { return outcomes.size() == attempts(); });
  }
};

TEST_F(ShardPaceTest, ALaneKeepsToItsRateAndHandsNothingBack) {
  serve_at({10, 5});
  start();
  push_many(1, 50);
  settle();
  EXPECT_EQ(outcomes.size(), 5u) << "the burst";
  for (std::size_t expected = 6; expected <= 50; ++expected) {
    pass(99ms);
    settle();
    EXPECT_EQ(outcomes.size(), expected - 1);
    pass(1ms);
    settle();
    EXPECT_EQ(outcomes.size(), expected);
  }
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    EXPECT_EQ(outcomes[i].verdict, Verdict::kDelivered);
  }
  EXPECT_EQ(shard->counters().returned.value(), 0u);
}

TEST_F(ShardPaceTest, ALaneThatWaitsForATokenHoldsUpNobodyElse) {
  serve_at({1, 1});
  FakeEndpoint& other = serve(FakeEndpoint::answer(200));
  set_endpoint(settings_for(other.url(), core::EndpointNumber{8}));
  start();
  push_many(1, 20);
  for (std::uint64_t i = 100; i < 120; ++i) {
    store::Delivery quick = delivery(i);
    quick.endpoint = core::EndpointNumber{8};
    push(std::move(quick));
  }
  run_until([&] { return other.request_count() == 20; });
  settle();
  EXPECT_EQ(outcomes.size(), 21u);
}

TEST_F(ShardPaceTest, AFailedAttemptCostsATokenToo) {
  FakeEndpoint& server = serve_at({1, 2}, FakeEndpoint::answer(500));
  start();
  push_many(1, 10);
  settle();
  EXPECT_EQ(server.request_count(), 2u);
}

TEST_F(ShardPaceTest, ARaisedLimitIsSeenByALaneThatWaits) {
  FakeEndpoint& server = serve_at({1.0 / 3'600, 1});
  start();
  push_many(1, 5);
  settle();
  EXPECT_EQ(outcomes.size(), 1u);
  limit_to(server, {1'000, 10});
  pass(10s);
  pass(10ms);
  settle();
  EXPECT_EQ(outcomes.size(), 5u);
}

TEST_F(ShardPaceTest, AnUnusedLaneIsNotForgottenBeforeItsBucketIsFull) {
  serve_at({1.0 / 600, 1});
  start();
  deliver(delivery(1));
  pass(300s);
  EXPECT_EQ(shard->counters().lanes.value(), 1u);
  push(delivery(2));
  settle();
  EXPECT_EQ(outcomes.size(), 1u);
  for (int i = 0; i < 31; ++i) pass(10s);
  settle();
  EXPECT_EQ(outcomes.size(), 2u);
  for (int i = 0; i < 70; ++i) pass(10s);
  EXPECT_EQ(shard->counters().lanes.value(), 0u);
}

TEST_F(ShardPaceTest, AnAdaptiveLaneStartsNarrowAndWidensWhileThePeerKeepsUp) {
  FakeEndpoint& server = serve(FakeEndpoint::silence());
  EndpointSettings settings = settings_for(server.url());
  settings.adaptive = true;
  settings.in_flight_max = 6;
  set_endpoint(settings);
  start();
  push_many(1, 100);
  run_until([&] { return server.request_count() == 4; });
  run_turns(100);
  EXPECT_EQ(server.request_count(), 4u);
  server.set_script([&](const auto&) {
    return server.request_count() <= 60 ? FakeEndpoint::answer(200) : FakeEndpoint::silence();
  });
  pass(15'001ms);  // the first four run out of time: the width halves once
  run_until_outcomes(4);
  run_until([&] { return attempts() - outcomes.size() == 6; });
  run_turns(100);
  EXPECT_EQ(attempts() - outcomes.size(), 6u) << "up to the cap";
}

TEST_F(ShardPaceTest, AnAdaptiveLaneHalvesOnceForABurstOfRefusals) {
  FakeEndpoint& server = serve(FakeEndpoint::drip(FakeEndpoint::answer(503).pieces[0], 4));
  EndpointSettings settings = settings_for(server.url());
  settings.adaptive = true;
  settings.breaker.reset();
  set_endpoint(settings);
  start();
  push_many(1, 4);
  run_until_outcomes(4);
  server.set_script([](const auto&) { return FakeEndpoint::silence(); });
  pass(1ms);
  push_many(5, 20);
  run_until([&] { return server.request_count() == 6; });
  run_turns(100);
  EXPECT_EQ(server.request_count(), 6u) << "a width of two";
}

TEST_F(ShardPaceTest, AStopWhileItWaitsHandsAllBack) {
  serve_at({1, 1});
  start();
  push_many(1, 20);
  settle();
  stop_shard();
  run_until_outcomes(20);
  EXPECT_EQ(
      std::count_if(outcomes.begin(), outcomes.end(),
                    [](const Outcome& outcome) { return outcome.verdict == Verdict::kReturned; }),
      19);
}

}  // namespace headrace::dispatch
