// SPDX-License-Identifier: Apache-2.0
// Order, the in-flight cap, the hold of an endpoint that cannot be reached, draining, and one
// outcome for each delivery.
#include <algorithm>
#include <map>
#include <string>

#include "core/random.h"
#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {

using store::AttemptError;
using store::Outcome;
using store::Verdict;
using test::FakeEndpoint;
using namespace std::chrono_literals;

class ShardLaneTest : public ShardTest {
 protected:
  FakeEndpoint& serve_width(FakeEndpoint::Reply reply, std::uint32_t in_flight_max) {
    FakeEndpoint& server = serve(std::move(reply));
    EndpointSettings settings = settings_for(server.url());
    settings.in_flight_max = in_flight_max;
    set_endpoint(std::move(settings));
    return server;
  }
  std::size_t count_of(Verdict verdict) const {
    return static_cast<std::size_t>(
        std::count_if(outcomes.begin(), outcomes.end(),
                      [&](const Outcome& outcome) { return outcome.verdict == verdict; }));
  }
};

TEST_F(ShardLaneTest, ALaneOfWidthOneKeepsTheOrder) {
  serve_width(FakeEndpoint::answer(200), 1);
  start();
  push_many(1, 200);
  run_until_outcomes(200);
  for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(outcomes[i].ticket.slot, i + 1);
  EXPECT_EQ(servers[0]->connections(), 1u);
}

TEST_F(ShardLaneTest, NoMoreAreInFlightThanTheCap) {
  FakeEndpoint& server = serve_width(FakeEndpoint::silence(), 3);
  start();
  push_many(1, 10);
  run_until([&] { return server.request_count() == 3; });
  run_turns(200);
  EXPECT_EQ(server.request_count(), 3u);
}

TEST_F(ShardLaneTest, ASlowEndpointHoldsUpNobodyElse) {
  serve_width(FakeEndpoint::silence(), 1);
  FakeEndpoint& other = serve(FakeEndpoint::answer(200));
  set_endpoint(settings_for(other.url(), core::EndpointNumber{8}));
  start();
  push_many(1, 20);
  store::Delivery quick = delivery(100);
  quick.endpoint = core::EndpointNumber{8};
  EXPECT_EQ(deliver(std::move(quick)).verdict, Verdict::kDelivered);
  EXPECT_EQ(outcomes.size(), 1u);
}

TEST_F(ShardLaneTest, AnUnreachableEndpointHandsItsQueueBackUntilOneTime) {
  const RefusingPort port;
  EndpointSettings settings = settings_for(port.url());
  settings.in_flight_max = 4;
  set_endpoint(std::move(settings));
  start();
  push_many(1, 50);
  run_until_outcomes(50);
  const core::WallMs hold = outcomes[0].hold_until;
  EXPECT_GE(hold, ManualClock::kStart + 4'000);
  EXPECT_LE(hold, ManualClock::kStart + 6'000);
  EXPECT_EQ(count_of(Verdict::kRetry), 4u);
  EXPECT_EQ(count_of(Verdict::kReturned), 46u);
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.hold_until, hold);
    if (outcome.verdict == Verdict::kRetry) {
      EXPECT_EQ(outcome.error, AttemptError::kConnect);
      EXPECT_EQ(outcome.next_at, hold) << "what failed in one outage is due together";
    } else {
      EXPECT_EQ(outcome.attempt, 0);
    }
  }
  EXPECT_EQ(shard->counters().holds.value(), 1u);
}

TEST_F(ShardLaneTest, WhatArrivesDuringAHoldIsHandedBackUntried) {
  const RefusingPort port;
  set_endpoint(settings_for(port.url()));
  start();
  const core::WallMs hold = deliver(delivery(1)).hold_until;
  const Outcome late = deliver(delivery(2));
  EXPECT_EQ(late.verdict, Verdict::kReturned);
  EXPECT_EQ(late.hold_until, hold);
  EXPECT_EQ(shard->counters().attempts.value(), 1u);
}

TEST_F(ShardLaneTest, AfterAHoldOneDeliveryProbesAndAnAnswerOpensTheLane) {
  const RefusingPort port;
  set_endpoint(settings_for(port.url()));
  start();
  deliver(delivery(1));
  outcomes.clear();
  pass(6'001ms);
  FakeEndpoint& server = serve(FakeEndpoint::silence());
  bool answering = false;
  server.set_script(
      [&](const auto&) { return answering ? FakeEndpoint::answer(500) : FakeEndpoint::silence(); });
  set_endpoint(settings_for(server.url()));
  push_many(2, 10);
  run_until([&] { return server.request_count() == 1; });
  run_turns(200);
  EXPECT_EQ(server.request_count(), 1u) << "only the probe";
  answering = true;
  pass(15'001ms);  // the probe runs out of time: the peer has not answered anything, so one more
                   // probes
  run_until_outcomes(10);
  EXPECT_GE(server.connections(), 3u) << "an answer, even a refusal, opens the full width";
}

TEST_F(ShardLaneTest, AProbeThatFailsHoldsTheLaneAgain) {
  const RefusingPort port;
  set_endpoint(settings_for(port.url()));
  start();
  const core::WallMs first = deliver(delivery(1)).hold_until;
  pass(6'001ms);
  store::Delivery again = delivery(1);
  again.attempts = 1;
  push(std::move(again));
  push_many(2, 5);
  run_until_outcomes(7);
  EXPECT_EQ(count_of(Verdict::kRetry), 2u);
  EXPECT_EQ(count_of(Verdict::kReturned), 5u);
  EXPECT_GE(outcomes.back().hold_until, first + 18'000) << "the second step of the schedule";
}

class ShardOrderTest : public ShardLaneTest {
 protected:
  FakeEndpoint& serve_strictly(FakeEndpoint::Script script, HeadOfLine head_of_line,
                               RetryPolicy::Delay delay = 1s) {
    FakeEndpoint& server = serve(std::move(script));
    EndpointSettings settings = settings_for(server.url());
    settings.order = Order::kStrict;
    settings.head_of_line = head_of_line;
    settings.retry = std::move(RetryPolicy::of_list(std::vector{delay, delay}, 0)).value();
    set_endpoint(std::move(settings));
    return server;
  }
  static FakeEndpoint::Script failing_at(std::size_t which, const FakeEndpoint::Reply& reply) {
    return [which, reply, count = std::size_t{0}](const auto&) mutable {
      return ++count == which ? reply : FakeEndpoint::answer(200);
    };
  }
};

TEST_F(ShardOrderTest, StrictIsOneInFlightWhateverTheWidth) {
  FakeEndpoint& server =
      serve_strictly([](const auto&) { return FakeEndpoint::silence(); }, HeadOfLine::kSkip);
  start();
  push_many(1, 10);
  run_until([&] { return server.request_count() == 1; });
  run_turns(100);
  EXPECT_EQ(server.request_count(), 1u);
}

TEST_F(ShardOrderTest, ADeliveryThatBlocksHoldsTheLaneUntilItsRetry) {
  const auto broken_off = FakeEndpoint::raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                                            FakeEndpoint::After::kClose);
  for (const auto& reply : {FakeEndpoint::answer(500), broken_off}) {
    FakeEndpoint& server = serve_strictly(failing_at(3, reply), HeadOfLine::kBlock);
    if (shard == nullptr) start();
    push_many(1, 10);
    run_until_outcomes(10);
    EXPECT_EQ(server.request_count(), 3u);
    EXPECT_EQ(outcomes[2].verdict, Verdict::kRetry);
    EXPECT_EQ(outcomes[2].next_at, clock.wall_ms() + 1'000);
    for (std::size_t i = 2; i < 10; ++i) {
      EXPECT_EQ(outcomes[i].ticket.slot, i + 1);
      EXPECT_EQ(outcomes[i].hold_until, clock.wall_ms() + 1'000);
      EXPECT_EQ(outcomes[i].verdict, i == 2 ? Verdict::kRetry : Verdict::kReturned);
    }
    pass(1s);
    store::Delivery again = delivery(3);
    again.attempts = 1;
    again.round = 1;
    EXPECT_EQ(deliver(std::move(again)).verdict, Verdict::kDelivered);
    outcomes.clear();
  }
}

TEST_F(ShardOrderTest, WhatWasInTheMailDuringAHoldDoesNotOvertakeHoweverShortItIs) {
  serve_strictly(failing_at(1, FakeEndpoint::answer(500)), HeadOfLine::kBlock, 0ms);
  start();
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kRetry);
  pass(10ms);
  const Outcome late = deliver(delivery(2));
  EXPECT_EQ(late.verdict, Verdict::kReturned);
  EXPECT_NE(late.hold_until, 0u) << "so that the store begins another round";
  for (std::uint64_t message = 1; message <= 2; ++message) {
    store::Delivery next = delivery(message);
    next.round = 1;
    EXPECT_EQ(deliver(std::move(next)).verdict, Verdict::kDelivered);
  }
}

TEST_F(ShardOrderTest, ADeadDeliveryBlocksNothing) {
  serve_strictly(failing_at(1, FakeEndpoint::answer(410)), HeadOfLine::kBlock);
  start();
  push_many(1, 10);
  run_until_outcomes(10);
  EXPECT_EQ(count_of(Verdict::kDead), 1u);
  EXPECT_EQ(count_of(Verdict::kDelivered), 9u);
}

TEST_F(ShardOrderTest, ADeliveryThatIsSkippedLetsTheOthersGoOnInOrder) {
  serve_strictly(failing_at(3, FakeEndpoint::answer(500)), HeadOfLine::kSkip);
  start();
  push_many(1, 10);
  run_until_outcomes(10);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(outcomes[i].ticket.slot, i + 1);
    EXPECT_EQ(outcomes[i].hold_until, 0u);
    EXPECT_EQ(outcomes[i].verdict, i == 2 ? Verdict::kRetry : Verdict::kDelivered);
  }
}

TEST_F(ShardLaneTest, AFullWindowHandsBackWhatDoesNotFit) {
  serve_width(FakeEndpoint::silence(), 1);
  start();
  push_many(1, core::limits::kLaneWindowMax + 5);
  run_until_outcomes(4);
  EXPECT_EQ(count_of(Verdict::kReturned), 4u) << "one is in flight, the window is full";
}

TEST_F(ShardLaneTest, ADrainHandsBackTheQueueAndLetsAttemptsEnd) {
  FakeEndpoint& server = serve_width(FakeEndpoint::silence(), 2);
  bool held = true;
  server.set_script([&](const auto&) {
    return held ? FakeEndpoint::drip(FakeEndpoint::answer(200).pieces[0], 1)
                : FakeEndpoint::answer(200);
  });
  start();
  push_many(1, 10);
  run_until([&] { return server.request_count() == 2; });
  bool drained = false;
  shard->drain([&] { drained = true; });
  run_until([&] { return drained; });
  run_until_outcomes(10);
  EXPECT_EQ(count_of(Verdict::kDelivered), 2u);
  EXPECT_EQ(count_of(Verdict::kReturned), 8u);
  EXPECT_EQ(deliver(delivery(11)).verdict, Verdict::kReturned);
}

TEST_F(ShardLaneTest, ADrainEndsWithItsGrace) {
  FakeEndpoint& server = serve_width(FakeEndpoint::silence(), 2);
  start();
  push_many(1, 3);
  run_until([&] { return server.request_count() == 2; });
  bool drained = false;
  shard->drain([&] { drained = true; });
  run_turns(50);
  EXPECT_FALSE(drained);
  pass(10'001ms);
  run_until([&] { return drained; });
  run_until_outcomes(3);
  EXPECT_EQ(count_of(Verdict::kReturned), 3u);
  EXPECT_EQ(outcomes[0].attempt, 0)
      << "nobody knows what became of the attempt, so it is not counted";
}

TEST_F(ShardLaneTest, AStopHandsBackWhateverIsLeft) {
  FakeEndpoint& server = serve_width(FakeEndpoint::silence(), 4);
  start();
  push_many(1, 100);
  run_until([&] { return server.request_count() == 4; });
  push_many(101, 50);
  stop_shard();
  run_until_outcomes(150);
  EXPECT_EQ(count_of(Verdict::kReturned), 150u);
}

// Many faults at once: each delivery makes exactly one outcome, whatever happens to it.
class ShardSwarmTest : public ShardTest, public testing::WithParamInterface<std::uint64_t> {};

FakeEndpoint::Reply random_reply(core::Random& random) {
  const std::string whole =
      FakeEndpoint::answer(random.below(4) == 0 ? 503 : 200, "body").pieces[0];
  switch (random.below(8)) {
    case 0:
      return FakeEndpoint::drop();
    case 1:
      return FakeEndpoint::reset();
    case 2:
      return FakeEndpoint::silence();
    case 3:
      return FakeEndpoint::raw(whole, FakeEndpoint::After::kClose);
    case 4:
      return FakeEndpoint::drip(whole, 1 + random.below(30));
    case 5:
      return FakeEndpoint::raw(whole.substr(0, random.below(whole.size())),
                               FakeEndpoint::After::kClose);
    default:
      return FakeEndpoint::raw(whole);
  }
}

// NOLINTNEXTLINE: SCOPED by gtest
INSTANTIATE_TEST_SUITE_P(Seeds, ShardSwarmTest, testing::Range<std::uint64_t>(1, 13));

TEST_P(ShardSwarmTest, EachDeliveryMakesExactlyOneOutcomeUnderAnyFaults) {
  core::Random random{GetParam()};
  const RefusingPort refusing;
  constexpr std::uint32_t kEndpoints = 5;
  for (std::uint32_t i = 0; i < kEndpoints; ++i) {
    const bool down = random.below(4) == 0;
    FakeEndpoint& server = serve([&random](const auto&) { return random_reply(random); });
    EndpointSettings settings =
        settings_for(down ? refusing.url() : server.url(), core::EndpointNumber{i});
    settings.in_flight_max = static_cast<std::uint32_t>(1 + random.below(8));
    set_endpoint(std::move(settings));
  }
  options.idle_connections_max = random.below(8);
  start();
  const std::uint64_t total = 200 + random.below(200);
  bool draining = false;
  const std::uint64_t drain_at = random.below(2) == 0 ? total / 2 : total + 1;
  for (std::uint64_t i = 1; i <= total; ++i) {
    store::Delivery one = delivery(i);
    one.endpoint = core::EndpointNumber{static_cast<std::uint32_t>(random.below(kEndpoints + 1))};
    push(std::move(one));
    if (random.below(4) == 0) run_turns(1 + random.below(10));
    if (random.below(40) == 0) pass(std::chrono::milliseconds{random.below(16'000)});
    if (random.below(60) == 0)
      remove_endpoint(core::EndpointNumber{static_cast<std::uint32_t>(random.below(kEndpoints))});
    if (i == drain_at) shard->drain([&] { draining = true; });
  }
  for (int i = 0; i < 400 && outcomes.size() < total; ++i) {
    run_turns(50);
    pass(5s);
  }
  EXPECT_EQ(draining, drain_at <= total);
  stop_shard();
  run_turns(10);
  std::map<std::uint32_t, int> seen;
  for (const Outcome& outcome : outcomes) ++seen[outcome.ticket.slot];
  EXPECT_EQ(seen.size(), total);
  EXPECT_EQ(outcomes.size(), total) << "seed " << GetParam();
  outcomes.clear();
  EXPECT_EQ(payloads.bytes_used(), 0u);
  EXPECT_EQ(answers.bytes_used(), 0u);
}

}  // namespace headrace::dispatch
