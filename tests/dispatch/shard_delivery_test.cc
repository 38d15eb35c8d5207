// SPDX-License-Identifier: Apache-2.0
// One delivery over a real loopback connection: what is sent, and what each way of failing makes of
// it.
#include <string>

#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {

using store::AttemptError;
using store::Outcome;
using store::Verdict;
using test::FakeEndpoint;
using namespace std::chrono_literals;

class ShardDeliveryTest : public ShardTest {
 protected:
  // The outcome of one delivery to an endpoint that answers so.
  Outcome outcome_of(FakeEndpoint::Reply reply) {
    set_endpoint(settings_for(serve(std::move(reply)).url()));
    start();
    return deliver(delivery(1));
  }
};

TEST_F(ShardDeliveryTest, SendsTheExactBytesWithTheProvidersHeadersAndOurs) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(200, "thanks"));
  set_endpoint(settings_for(server.url("/in?x=1")));
  start();
  const Outcome outcome = deliver(delivery(42));
  ASSERT_EQ(server.requests().size(), 1u);
  const FakeEndpoint::Request& request = server.requests()[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/in?x=1");
  EXPECT_EQ(request.body, kBody);
  EXPECT_EQ(request.header("host"), "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_EQ(request.header("x-github-event"), "issues");
  EXPECT_EQ(request.header("user-agent"), "GitHub-Hookshot/1");
  EXPECT_EQ(request.header("webhook-id"), (MessageId{{42, 1}}.to_string()));
  EXPECT_EQ(request.header("webhook-timestamp"), "1700000000");
  EXPECT_EQ(request.header("content-length"), std::to_string(kBody.size()));
  EXPECT_EQ(outcome.verdict, Verdict::kDelivered);
  EXPECT_EQ(outcome.http_status, 200);
  EXPECT_EQ(outcome.attempt, 1);
  EXPECT_EQ(outcome.ticket.slot, 42u);
  EXPECT_EQ(outcome.started_at, ManualClock::kStart);
  EXPECT_EQ(outcome.response_head.in(outcome.response), "Content-Length: 6\r\n");
  EXPECT_EQ(outcome.response_body.in(outcome.response), "thanks");
}

TEST_F(ShardDeliveryTest, AnAnswerTakesABufferOfItsSize) {
  const Outcome outcome = outcome_of(FakeEndpoint::answer(200, "ok"));
  EXPECT_LE(outcome.response.capacity(), 1024u);
}

TEST_F(ShardDeliveryTest, TheEndpointsHeadersReplaceTheProviders) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(204));
  EndpointSettings settings = settings_for(server.url());
  settings.headers = {{"x-github-event", "renamed"}, {"Authorization", "Bearer t"}};
  set_endpoint(std::move(settings));
  start();
  deliver(delivery(1));
  const FakeEndpoint::Request& request = server.requests().at(0);
  EXPECT_EQ(request.header("x-github-event"), "renamed");
  EXPECT_EQ(request.head.find("issues"), std::string::npos);
  EXPECT_EQ(request.header("authorization"), "Bearer t");
  EXPECT_EQ(request.header("content-type"), "application/json");
}

TEST_F(ShardDeliveryTest, AGetCarriesTheScalarsInItsQueryAndNoBody) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  EndpointSettings settings = settings_for(server.url("/in?k=v"));
  settings.method = core::Method::kGet;
  set_endpoint(std::move(settings));
  start();
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kDelivered);
  const FakeEndpoint::Request& request = server.requests().at(0);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/in?k=v&action=opened&number=2");
  EXPECT_EQ(request.body, "");
  EXPECT_EQ(request.header("content-length"), "");
}

TEST_F(ShardDeliveryTest, AHeadIsOverWithTheHead) {
  FakeEndpoint& server = serve(FakeEndpoint::raw("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"));
  EndpointSettings settings = settings_for(server.url());
  settings.method = core::Method::kHead;
  set_endpoint(std::move(settings));
  start();
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kDelivered);
}

TEST_F(ShardDeliveryTest, ALargeBodyArrivesWhole) {
  std::string body(8 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 997) body[i] = static_cast<char>('a' + i % 26);
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  set_endpoint(settings_for(server.url()));
  start();
  EXPECT_EQ(deliver(delivery(1, body)).verdict, Verdict::kDelivered);
  EXPECT_EQ(deliver(delivery(2)).verdict, Verdict::kDelivered);
  EXPECT_TRUE(server.requests().at(0).body == body);
  EXPECT_EQ(server.connections(), 1u) << "the connection is used again";
}

TEST_F(ShardDeliveryTest, AServerErrorIsRetriedByTheSchedule) {
  const Outcome outcome = outcome_of(FakeEndpoint::answer(500));
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(outcome.error, AttemptError::kNone);
  EXPECT_EQ(outcome.http_status, 500);
  EXPECT_GE(outcome.next_at, ManualClock::kStart + 4'000);
  EXPECT_LE(outcome.next_at, ManualClock::kStart + 6'000);
  EXPECT_EQ(outcome.hold_until, 0u);
}

TEST_F(ShardDeliveryTest, RetryAfterIsWaitedFor) {
  const Outcome outcome = outcome_of(FakeEndpoint::answer(503, "", "Retry-After: 120\r\n"));
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(outcome.next_at, ManualClock::kStart + 120'000);
}

TEST_F(ShardDeliveryTest, AGoneEndpointIsDead) {
  EXPECT_EQ(outcome_of(FakeEndpoint::answer(410)).verdict, Verdict::kDead);
}

TEST_F(ShardDeliveryTest, TheLastAttemptOfTheScheduleIsDead) {
  set_endpoint(settings_for(serve(FakeEndpoint::answer(500)).url()));
  start();
  store::Delivery last = delivery(1);
  last.attempts = 9;
  const Outcome outcome = deliver(std::move(last));
  EXPECT_EQ(outcome.verdict, Verdict::kDead);
  EXPECT_EQ(outcome.attempt, 10);
}

TEST_F(ShardDeliveryTest, ARedirectIsAFailureAndNotFollowed) {
  const Outcome outcome = outcome_of(FakeEndpoint::answer(302, "", "Location: /elsewhere\r\n"));
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(servers[0]->requests().size(), 1u);
}

TEST_F(ShardDeliveryTest, AnAnswerThatComesByteByByteIsWhole) {
  const Outcome outcome =
      outcome_of(FakeEndpoint::drip(FakeEndpoint::answer(200, "slowly").pieces[0], 1));
  EXPECT_EQ(outcome.verdict, Verdict::kDelivered);
  EXPECT_EQ(outcome.response_body.in(outcome.response), "slowly");
}

TEST_F(ShardDeliveryTest, AChunkedAnswerIsDecoded) {
  const Outcome outcome = outcome_of(FakeEndpoint::drip(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 7));
  EXPECT_EQ(outcome.verdict, Verdict::kDelivered);
  EXPECT_EQ(outcome.response_body.in(outcome.response), "abcde");
}

TEST_F(ShardDeliveryTest, AnAnswerWithoutLengthEndsWithTheConnection) {
  const Outcome outcome = outcome_of(
      FakeEndpoint::raw("HTTP/1.1 201 Created\r\n\r\nuntil the end", FakeEndpoint::After::kClose));
  EXPECT_EQ(outcome.verdict, Verdict::kDelivered);
  EXPECT_EQ(outcome.http_status, 201);
  EXPECT_EQ(outcome.response_body.in(outcome.response), "until the end");
}

TEST_F(ShardDeliveryTest, OfAnEndlessAnswerTheBeginningIsKeptAndTheStatusCounts) {
  std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n";
  bytes.append(2 << 20, 'z');
  const Outcome outcome = outcome_of(FakeEndpoint::raw(std::move(bytes)));
  EXPECT_EQ(outcome.verdict, Verdict::kDelivered);
  EXPECT_EQ(outcome.response_body.size, core::limits::kResponseBodyBytesKept);
  run_until([&] { return servers[0]->connections_open() == 0; });
}

TEST_F(ShardDeliveryTest, AConnectionClosedInTheMiddleIsAnErrorEvenBehindA200) {
  const Outcome outcome = outcome_of(FakeEndpoint::raw(
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", FakeEndpoint::After::kClose));
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(outcome.error, AttemptError::kClosed);
  EXPECT_EQ(outcome.http_status, 200);
}

TEST_F(ShardDeliveryTest, AFreshConnectionClosedWithoutAnAnswerIsAFailure) {
  const Outcome outcome = outcome_of(FakeEndpoint::drop());
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(outcome.error, AttemptError::kClosed);
  EXPECT_EQ(servers[0]->requests().size(), 1u);
  EXPECT_EQ(outcome.hold_until, 0u) << "the peer was there";
}

TEST_F(ShardDeliveryTest, AResetConnectionIsAFailure) {
  const Outcome outcome = outcome_of(FakeEndpoint::reset());
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(outcome.error, AttemptError::kClosed);
}

TEST_F(ShardDeliveryTest, WhatIsNotHttpIsAProtocolError) {
  const Outcome outcome = outcome_of(FakeEndpoint::raw("SSH-2.0-OpenSSH_9.2\r\n"));
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(outcome.error, AttemptError::kProtocol);
}

TEST_F(ShardDeliveryTest, SilenceEndsAtTheAttemptsTimeLimitAndNotBefore) {
  set_endpoint(settings_for(serve(FakeEndpoint::silence()).url()));
  start();
  push(delivery(1));
  run_until([&] { return servers[0]->requests().size() == 1; });
  pass(14'999ms);
  EXPECT_TRUE(outcomes.empty());
  pass(2ms);
  run_until_outcomes(1);
  EXPECT_EQ(outcomes.at(0).error, AttemptError::kTimeout);
  EXPECT_EQ(outcomes.at(0).http_status, 0);
  EXPECT_GE(outcomes.at(0).duration_us, 15'000'000u);
}

TEST_F(ShardDeliveryTest, AHangInTheBodyIsATimeoutThatKnowsTheStatus) {
  set_endpoint(settings_for(
      serve(FakeEndpoint::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")).url()));
  start();
  push(delivery(1));
  run_until([&] { return shard->counters().bytes_received.value() > 0; });
  pass(15'001ms);
  run_until_outcomes(1);
  EXPECT_EQ(outcomes.at(0).verdict, Verdict::kRetry);
  EXPECT_EQ(outcomes.at(0).error, AttemptError::kTimeout);
  EXPECT_EQ(outcomes.at(0).http_status, 200);
}

TEST_F(ShardDeliveryTest, ADeliveryAfterALongIdleTimeHasItsWholeTimeLimit) {
  FakeEndpoint& server = serve(FakeEndpoint::silence());
  set_endpoint(settings_for(server.url()));
  start();
  run_turns(3);
  clock.advance(1h);  // the loop has not seen it yet
  push(delivery(1));
  run_until([&] { return server.requests().size() == 1; });
  run_turns(10);
  EXPECT_TRUE(outcomes.empty());
}

TEST_F(ShardDeliveryTest, ADeletedEndpointsDeliveriesAreDead) {
  start();
  const Outcome outcome = deliver(delivery(1));
  EXPECT_EQ(outcome.verdict, Verdict::kDead);
  EXPECT_EQ(outcome.error, AttemptError::kEndpointGone);
}

TEST_F(ShardDeliveryTest, WhatIsGivenUpUntriedLeavesTheLastAttemptOnRecord) {
  start();
  store::Delivery tried = delivery(1);
  tried.attempts = 3;
  EXPECT_EQ(deliver(std::move(tried)).attempt, 4);
}

TEST_F(ShardDeliveryTest, AReopenedDeliveryBeginsItsScheduleAnewAndItsAttemptsAreNumberedOn) {
  EndpointSettings settings = settings_for(serve(FakeEndpoint::answer(500)).url());
  settings.retry = std::move(RetryPolicy::of_list(std::vector{1'000ms, 7'000ms}, 0)).value();
  set_endpoint(std::move(settings));
  start();
  store::Delivery reopened = delivery(1);
  reopened.attempts = reopened.attempts_before = 3;
  const Outcome first = deliver(reopened);
  EXPECT_EQ(first.verdict, Verdict::kRetry);
  EXPECT_EQ(first.attempt, 4);
  EXPECT_EQ(first.next_at, clock.wall_ms() + 1'000);
  reopened.attempts = 5;
  const Outcome last = deliver(reopened);
  EXPECT_EQ(last.verdict, Verdict::kDead) << "the schedule is used up";
  EXPECT_EQ(last.attempt, 6);
}

TEST_F(ShardDeliveryTest, AnEndpointsRulesDecideWhatIsRetriedAndHowLongItIsBelieved) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(404));
  EndpointSettings settings = settings_for(server.url());
  settings.retry_rules =
      std::move(RetryRules::of(std::vector<std::string>{}, std::vector<std::string>{"4xx"}))
          .value();
  settings.retry = std::move(RetryPolicy::of_list(std::vector{1'000ms}, 0)).value();
  settings.retry_after_max = 60s;
  set_endpoint(std::move(settings));
  start();
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kDead);
  server.set_script([](const auto&) { return FakeEndpoint::answer(500); });
  EXPECT_EQ(deliver(delivery(2)).next_at, clock.wall_ms() + 1'000);
  server.set_script(
      [](const auto&) { return FakeEndpoint::answer(503, "", "Retry-After: 3600\r\n"); });
  EXPECT_EQ(deliver(delivery(3)).next_at, clock.wall_ms() + 60'000);
}

TEST_F(ShardDeliveryTest, AHeldEndpointsDeliveriesGoBackUntried) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  EndpointSettings settings = settings_for(server.url());
  settings.held = true;
  set_endpoint(settings);
  start();
  const Outcome back = deliver(delivery(1));
  EXPECT_EQ(back.verdict, Verdict::kReturned);
  EXPECT_EQ(back.hold_until, 0u) << "whoever held it lets it go";
  EXPECT_EQ(server.connections(), 0u);
  settings.held = false;
  set_endpoint(std::move(settings));
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kDelivered);
}

TEST_F(ShardDeliveryTest, HoldingLetsAttemptsUnderWayEndAndHandsBackTheRest) {
  FakeEndpoint& server = serve(FakeEndpoint::silence());
  EndpointSettings settings = settings_for(server.url());
  settings.in_flight_max = 2;
  set_endpoint(settings);
  start();
  push_many(1, 5);
  run_until([&] { return server.requests().size() == 2; });
  settings.held = true;
  set_endpoint(std::move(settings));
  pass(15'001ms);
  run_until_outcomes(5);
  std::size_t returned = 0;
  for (const Outcome& outcome : outcomes) {
    if (outcome.verdict == Verdict::kReturned) {
      ++returned;
    } else {
      EXPECT_EQ(outcome.verdict, Verdict::kRetry);
      EXPECT_EQ(outcome.error, AttemptError::kTimeout);
    }
  }
  EXPECT_EQ(returned, 3u);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(ShardDeliveryTest, AnEndpointDeletedInFlightEndsItsQueueAndItsRetries) {
  EndpointSettings settings = settings_for(serve(FakeEndpoint::silence()).url());
  settings.in_flight_max = 1;
  set_endpoint(std::move(settings));
  start();
  push_many(1, 3);
  run_until([&] { return servers[0]->requests().size() == 1; });
  remove_endpoint(kEndpoint);
  pass(15'001ms);
  run_until_outcomes(3);
  for (const Outcome& outcome : outcomes) EXPECT_NE(outcome.verdict, Verdict::kRetry);
}

TEST_F(ShardDeliveryTest, AnEndpointDeletedWhileAnAttemptFailsAtOnceEndsItsQueue) {
  EndpointSettings settings = settings_for(serve(FakeEndpoint::drop()).url());
  settings.in_flight_max = 1;
  std::size_t asked = 0;
  options.allowed = [&](const Url&, const sockaddr&) {
    if (++asked == 1) return true;
    remove_endpoint(kEndpoint);
    return false;
  };
  set_endpoint(std::move(settings));
  start();
  push_many(1, 3);
  run_until_outcomes(3);
  EXPECT_EQ(asked, 2u);
  EXPECT_EQ(outcomes.at(1).error, AttemptError::kBlockedAddress);
  EXPECT_EQ(outcomes.at(2).error, AttemptError::kEndpointGone);
  for (std::size_t i = 1; i < 3; ++i) EXPECT_EQ(outcomes.at(i).verdict, Verdict::kDead);
}

TEST_F(ShardDeliveryTest, AnEndpointWithoutItsSecretIsNeverConnectedTo) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  EndpointSettings settings = settings_for(server.url());
  settings.missing_secret = "API_KEY";
  set_endpoint(settings);
  start();
  push_many(1, 200);  // more than may be in flight
  run_until_outcomes(200);
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.verdict, Verdict::kRetry);
    EXPECT_EQ(outcome.error, AttemptError::kSecret);
    EXPECT_EQ(outcome.attempt, 1);
    EXPECT_EQ(outcome.http_status, 0);
    EXPECT_GE(outcome.next_at, ManualClock::kStart + 4'000);
    EXPECT_EQ(outcome.hold_until, 0u) << "nothing is known of the peer";
  }
  EXPECT_EQ(server.connections(), 0u);
  settings.missing_secret.clear();
  set_endpoint(std::move(settings));
  EXPECT_EQ(deliver(delivery(201)).verdict, Verdict::kDelivered);
}

TEST_F(ShardDeliveryTest, ACallSendsItsOwnBodyAndNothingOfTheProviders) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  EndpointSettings settings = settings_for(server.url("/in"));
  settings.body = R"({"secret":"s"})";
  settings.forward_headers = false;
  set_endpoint(std::move(settings));
  start();
  store::Delivery call = delivery(1);
  call.is_test = true;
  EXPECT_EQ(deliver(std::move(call)).verdict, Verdict::kDelivered);
  const FakeEndpoint::Request& request = server.requests().at(0);
  EXPECT_EQ(request.target, "/in");
  EXPECT_EQ(request.body, R"({"secret":"s"})");
  EXPECT_EQ(request.header("x-github-event"), "");
  EXPECT_EQ(request.header("content-type"), "application/json");
  EXPECT_EQ(request.header("headrace-test"), "true");
}

TEST_F(ShardDeliveryTest, AnAddressThatIsNotAllowedIsNeverConnectedTo) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  options.allowed = [](const Url&, const sockaddr&) { return false; };
  set_endpoint(settings_for(server.url()));
  start();
  EXPECT_EQ(deliver(delivery(1)).error, AttemptError::kBlockedAddress);
  EXPECT_EQ(server.connections(), 0u);
}

}  // namespace headrace::dispatch
