// SPDX-License-Identifier: Apache-2.0
// A breaker that opens is a hold of its lane.
#include <algorithm>
#include <string>

#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {

using store::Outcome;
using store::Verdict;
using test::FakeEndpoint;
using namespace std::chrono_literals;

class ShardBreakerTest : public ShardTest {
 protected:
  // Width 1, so that the twentieth failure is known; retries are slower than the breaker.
  FakeEndpoint& serve_with(FakeEndpoint::Reply reply, const BreakerSettings& breaker = {}) {
    FakeEndpoint& server = serve(std::move(reply));
    settings = settings_for(server.url());
    settings.in_flight_max = 1;
    settings.breaker = breaker;
    settings.retry =
        std::move(RetryPolicy::of_list(std::vector{RetryPolicy::Delay{5s}}, 0)).value();
    set_endpoint(settings);
    return server;
  }
  // Opens the breaker by messages 1 to 20.
  void open() {
    push_many(1, 20);
    run_until_outcomes(20);
    ASSERT_EQ(shard->counters().breaker_opens.value(), 1u);
    until = outcomes.back().hold_until;
    outcomes.clear();
  }
  std::size_t count_of(Verdict verdict) const {
    return static_cast<std::size_t>(
        std::count_if(outcomes.begin(), outcomes.end(),
                      [&](const Outcome& outcome) { return outcome.verdict == verdict; }));
  }
  bool logged(std::string_view event) const {
    return std::find(log.events.begin(), log.events.end(), event) != log.events.end();
  }

  EndpointSettings settings;
  core::WallMs until = 0;
};

TEST_F(ShardBreakerTest, OpensAtTheTwentiethFailureAndHandsTheQueueBackUntried) {
  FakeEndpoint& server = serve_with(FakeEndpoint::answer(500));
  start();
  push_many(1, 50);
  run_until_outcomes(50);
  EXPECT_EQ(server.request_count(), 20u);
  EXPECT_EQ(count_of(Verdict::kRetry), 20u);
  EXPECT_EQ(count_of(Verdict::kReturned), 30u);
  const core::WallMs now = clock.wall_ms();
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(outcomes[i].hold_until, i < 19 ? 0 : now + 30'000);
    EXPECT_EQ(outcomes[i].next_at, i < 20 ? now + 5'000 : 0) << "the schedule is its own";
    EXPECT_EQ(outcomes[i].ticket.slot, i + 1) << "handed back in order";
  }
  EXPECT_EQ(shard->counters().breakers_open.value(), 1u);
  EXPECT_EQ(shard->counters().holds.value(), 0u);
  EXPECT_TRUE(logged("breaker_opened"));
  EXPECT_EQ(deliver(delivery(51)).verdict, Verdict::kReturned);
}

TEST_F(ShardBreakerTest, OneProbesAndItsSuccessOpensTheLaneToItsWidth) {
  FakeEndpoint& server = serve_with(FakeEndpoint::answer(500));
  start();
  open();
  pass(30s);
  settings.in_flight_max = 8;
  set_endpoint(settings);
  const std::string whole = FakeEndpoint::answer(200).pieces[0];
  server.set_script([&](const auto&) {
    return server.request_count() <= 21 ? FakeEndpoint::drip(whole, 1) : FakeEndpoint::silence();
  });
  push_many(21, 20);
  run_until([&] { return server.request_count() == 21; });
  run_turns(5);
  EXPECT_TRUE(outcomes.empty());
  EXPECT_EQ(server.request_count(), 21u) << "nothing goes beside the probe";
  run_until_outcomes(1);
  run_until([&] { return server.request_count() == 29; });
  EXPECT_EQ(shard->counters().breakers_open.value(), 0u);
}

TEST_F(ShardBreakerTest, AnyAnswerThatIsNoFailureClosesIt) {
  FakeEndpoint& server = serve_with(FakeEndpoint::answer(500));
  start();
  open();
  pass(30s);
  server.set_script([](const auto&) { return FakeEndpoint::answer(404); });
  push_many(21, 10);
  run_until_outcomes(10);
  EXPECT_EQ(count_of(Verdict::kRetry), 10u);
  EXPECT_EQ(shard->counters().breakers_open.value(), 0u);
  EXPECT_TRUE(logged("breaker_closed"));
}

TEST_F(ShardBreakerTest, AProbeThatFailsHoldsTheLaneTwiceAsLong) {
  serve_with(FakeEndpoint::answer(503));
  start();
  open();
  pass(30s);
  push_many(21, 10);
  run_until_outcomes(10);
  EXPECT_EQ(count_of(Verdict::kRetry), 1u);
  EXPECT_EQ(count_of(Verdict::kReturned), 9u);
  EXPECT_EQ(outcomes[0].hold_until, clock.wall_ms() + 60'000);
  EXPECT_EQ(shard->counters().breaker_opens.value(), 2u);
  EXPECT_EQ(shard->counters().breakers_open.value(), 1u);
}

TEST_F(ShardBreakerTest, AProbeThatRunsOutOfTimeHoldsTheLaneAgain) {
  FakeEndpoint& server = serve_with(FakeEndpoint::answer(500));
  start();
  open();
  pass(30s);
  server.set_script([](const auto&) { return FakeEndpoint::silence(); });
  push_many(21, 3);
  run_until([&] { return server.request_count() == 21; });
  pass(15'001ms);
  run_until_outcomes(3);
  EXPECT_EQ(count_of(Verdict::kReturned), 2u);
  EXPECT_NE(outcomes[0].hold_until, 0u);
}

TEST_F(ShardBreakerTest, AsManyProbeAsItSays) {
  FakeEndpoint& server = serve_with(FakeEndpoint::answer(500), {.probes = 3});
  start();
  push_many(1, 20);
  run_until_outcomes(20);
  EXPECT_EQ(outcomes.back().probes, 3u) << "so that the store hands over as many";
  pass(30s);
  settings.in_flight_max = 8;
  set_endpoint(settings);
  server.set_script([](const auto&) { return FakeEndpoint::silence(); });
  push_many(21, 10);
  run_until([&] { return server.request_count() == 23; });
  run_turns(100);
  EXPECT_EQ(server.request_count(), 23u);
}

TEST_F(ShardBreakerTest, WithoutABreakerEverythingIsAttempted) {
  FakeEndpoint& server = serve_with(FakeEndpoint::answer(500));
  settings.breaker.reset();
  set_endpoint(settings);
  start();
  push_many(1, 100);
  run_until_outcomes(100);
  EXPECT_EQ(server.request_count(), 100u);
}

TEST_F(ShardBreakerTest, AnOutageThatMadeAHoldDoesNotOpenItAsWell) {
  const RefusingPort port;
  settings = settings_for(port.url());
  set_endpoint(settings);
  start();
  push_many(1, 64);  // all in flight at once
  run_until_outcomes(64);
  EXPECT_EQ(shard->counters().breaker_opens.value(), 0u);
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.hold_until, outcomes[0].hold_until);
    EXPECT_EQ(outcome.hold_until, outcome.next_at != 0 ? outcome.next_at : outcome.hold_until);
  }
}

TEST_F(ShardBreakerTest, AForgottenLaneIsNotCountedAsOpen) {
  serve_with(FakeEndpoint::answer(500));
  start();
  open();
  for (int i = 0; i < 20; ++i) pass(10s);
  EXPECT_EQ(shard->counters().lanes.value(), 0u);
  EXPECT_EQ(shard->counters().breakers_open.value(), 0u);
}

}  // namespace headrace::dispatch
