// SPDX-License-Identifier: Apache-2.0
// Loads against a real server on loopback that is told when to answer, and what.
#include "tools/bench/load.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "bench/thread_allocations.h"
#include "core/clock.h"
#include "tests/tools/bench/load_rig.h"
#include "tools/bench/ledger.h"
#include "tools/bench/load_target.h"

namespace headrace::bench_tools {
namespace {

TEST(LoadTest, SendsEachMessageOfTheScheduleOnceAndMeasuresIt) {
  Server server(always(200));
  Load load(server.port());
  const auto result = load.run();
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_EQ(result->sent, 200u);
  EXPECT_EQ(result->answered, 200u);
  EXPECT_EQ(result->statuses[200], 200u);
  EXPECT_EQ(result->unsent + result->unanswered, 0u);
  EXPECT_EQ(result->from_due.count(), 200u);
  EXPECT_EQ(result->from_sent.count(), 200u);
  EXPECT_EQ(result->lag.count(), 200u);
  EXPECT_TRUE(result->valid());
  const auto requests = server.stop();
  ASSERT_EQ(requests.size(), 200u);
  EXPECT_EQ(ids(requests).size(), 200u);
  EXPECT_TRUE(ids(requests).contains("0000000000000007-199"));
  EXPECT_EQ(requests[0].body.size(), 1000u);
  EXPECT_EQ(server.connections(), 4u);
}

TEST(LoadTest, ThreadsShareTheSchedule) {
  Server server(always(204));
  Load load(server.port());
  load.options.threads = 3;
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->answered, 200u);
  EXPECT_EQ(ids(server.stop()).size(), 200u);
}

TEST(LoadTest, ChurnUsesAConnectionForEachMessage) {
  Server server([](const FakeEndpoint::Request&) {
    auto reply = FakeEndpoint::answer(200, "ok", "Connection: close\r\n");
    reply.after = FakeEndpoint::After::kClose;
    return reply;
  });
  Load load(server.port());
  load.options.churn = true;
  load.options.messages_max = 50;
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->answered, 50u);
  const auto requests = server.stop();
  ASSERT_EQ(requests.size(), 50u);
  EXPECT_EQ(requests[0].header("connection"), "close");
  EXPECT_EQ(server.connections(), 50u);
}

TEST(LoadTest, AClosedLoopSendsWhenItWasAnswered) {
  Server server(always(200));
  Load load(server.port());
  load.options.closed_loop = true;
  load.options.messages_max = 300;
  load.options.arrivals.duration_ns = 60'000 * kMs;
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->answered, 300u);
  EXPECT_EQ(result->from_sent.count(), 300u);
  EXPECT_EQ(result->from_due.count(), 0u);
  EXPECT_EQ(ids(server.stop()).size(), 300u);
}

// The server holds its first answer until all that is sent by then has waited: on one connection
// nothing else can go, so every message's delay counts only from when it was due.
TEST(LoadTest, AServerThatStandsStillIsSeenInTheCorrectedLatencyOnly) {
  core::SystemClock clock;
  std::uint64_t first = 0;
  Server server([&](const FakeEndpoint::Request& request) {
    if (request.index == 0) {
      first = clock.steady_ns();
      while (clock.steady_ns() - first < 150 * kMs) {
      }
    }
    return FakeEndpoint::answer(200, "ok");
  });
  Load load(server.port());
  load.options.connections = 1;
  const auto result = load.run();
  ASSERT_TRUE(result);
  ASSERT_EQ(result->answered, 200u);
  // A quarter of them were due in the first 50 ms, 100 ms or more before the server went on.
  EXPECT_GE(result->from_due.value_at(80), 100 * kMs);
  EXPECT_GE(result->lag.max(), 140 * kMs);
  EXPECT_GT(result->measured_late, 100u);
  EXPECT_GT(result->measured_starved, 100u);
  EXPECT_LT(result->from_sent.value_at(50), result->from_due.value_at(50));
  server.stop();
}

TEST(LoadTest, SaysHowItWent) {
  Server server(always(200));
  Load load(server.port());
  load.options.threads = 2;
  load.options.closed_loop = true;
  load.options.arrivals.duration_ns = 300'000 * kMs;
  load.options.live.interval_ns = 20 * kMs;
  load.options.live.points_max = 1'000'000;
  load.options.live.shown_ns = 0;
  std::size_t shown = 0;
  load.options.live.show = [&](const LivePoint& point) {
    ++shown;
    if (point.count != 0) load.stop = true;  // else it would not end
  };
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_GE(result->series.size(), shown);
  double answered = 0;
  double before_s = 0;
  std::uint64_t latencies = 0;
  for (const LivePoint& point : result->series) {
    answered += point.answered_per_s * (point.t_s - before_s);
    before_s = point.t_s;
    latencies += point.count;
  }
  EXPECT_GT(latencies, 0u);
  EXPECT_LE(latencies, result->answered);
  EXPECT_NEAR(answered, static_cast<double>(latencies), 0.5);
}

TEST(LoadTest, LateMessagesMakeTheRunInvalid) {
  Server server([](const FakeEndpoint::Request&) { return FakeEndpoint::silence(); });
  Load load(server.port());
  load.options.late_share_max = 0.01;
  load.options.timeout_ns = load.options.drain_ns = 50 * kMs;
  load.options.connections = 1;
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->answered, 0u);
  EXPECT_GT(result->unsent, 0u);
  EXPECT_EQ(result->sent + result->unsent, 200u);
  EXPECT_EQ(result->unanswered, result->sent);
  EXPECT_EQ(result->errors[static_cast<std::size_t>(LoadError::kTimeout)], result->sent);
  EXPECT_FALSE(result->valid());
  EXPECT_EQ(result->faults.size(), 2u);
  server.stop();
}

TEST(LoadTest, LostConnectionsAndBadAnswersAreErrors) {
  Server server([](const FakeEndpoint::Request& request) {
    if (request.index == 3) return FakeEndpoint::reset();
    if (request.index == 2 && request.connection % 2 == 0)
      return FakeEndpoint::raw("HTTP/1.1 what\r\n\r\n");
    return FakeEndpoint::answer(request.index == 1 ? 503 : 200, "ok");
  });
  Load load(server.port());
  const auto result = load.run();
  ASSERT_TRUE(result);
  const auto closed = result->errors[static_cast<std::size_t>(LoadError::kClosed)];
  const auto protocol = result->errors[static_cast<std::size_t>(LoadError::kProtocol)];
  EXPECT_GT(closed, 0u);
  EXPECT_GT(protocol, 0u);
  EXPECT_GT(result->statuses[503], 0u);
  EXPECT_EQ(result->unanswered, closed + protocol);
  EXPECT_EQ(result->answered + result->unanswered + result->unsent, 200u);
  EXPECT_EQ(server.stop().size(), result->sent);
}

TEST(LoadTest, AnAnswerInPiecesIsTheSameAnswer) {
  Server server([](const FakeEndpoint::Request&) {
    return FakeEndpoint::drip("HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello", 7);
  });
  Load load(server.port());
  load.options.messages_max = 20;
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->statuses[202], 20u);
  EXPECT_EQ(result->reconnects, 0u);
  server.stop();
}

TEST(LoadTest, WhatIsTooLargeForOneWriteArrivesWhole) {
  Server server(always(200));
  Load load(server.port());
  load.messages.corpus = *generate({.size = {.bytes = 8 << 20, .bytes_max = 8 << 20}, .count = 1});
  const std::string body = load.messages.corpus[0].body;
  load.options.messages_max = 3;
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->answered, 3u);
  for (const auto& request : server.stop()) EXPECT_TRUE(request.body == body);
}

TEST(LoadTest, WhatIsDueInTheWarmUpIsNotMeasured) {
  Server server(always(200));
  Load load(server.port());
  load.options.warmup_ns = 150 * kMs;
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->answered, 200u);
  EXPECT_EQ(result->from_due.count(), 50u);
  EXPECT_EQ(result->measured_sent, 50u);
  server.stop();
}

TEST(LoadTest, NobodyThereIsAnErrorAtTheBeginning) {
  std::uint16_t port = 0;
  {
    Server server(always(200));
    port = server.port();
  }
  Load load(port);
  const auto result = load.run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConnectFailed);
}

TEST(LoadTest, TheLedgerSaysWhatBecameOfEachMessage) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "headrace_load_XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  Server server([](const FakeEndpoint::Request& request) {
    return request.index == 2 ? FakeEndpoint::drop()
                              : FakeEndpoint::answer(request.index == 1 ? 503 : 200, "ok");
  });
  Load load(server.port());
  load.options.ledger_directory = folder;
  load.options.threads = 2;
  load.options.messages_max = 100;
  const auto result = load.run();
  ASSERT_TRUE(result);
  std::map<std::uint64_t, std::uint64_t> hashes;
  for (const auto& request : server.stop()) {
    const auto id = parse_message_id(request.header("bench-message"));
    ASSERT_TRUE(id);
    EXPECT_EQ(id->run, 7u);
    hashes[id->number] = body_hash(request.body);
  }
  const auto ledgers = open_ledgers(folder);
  ASSERT_TRUE(ledgers) << ledgers.error().what;
  EXPECT_EQ(ledgers->size(), 2u);
  std::map<LedgerEvent, std::uint64_t> events;
  for (const Ledger& ledger : *ledgers) {
    EXPECT_TRUE(ledger.is_closed());
    for (const LedgerRecord& record : ledger.records()) {
      ++events[record.event];
      EXPECT_EQ(record.run, 7u);
      EXPECT_EQ(record.body_hash, hashes[record.number]);
    }
  }
  EXPECT_EQ(events[LedgerEvent::kDue], 100u);
  EXPECT_EQ(events[LedgerEvent::kAccepted], result->statuses[200]);
  EXPECT_EQ(events[LedgerEvent::kRefused], result->statuses[503]);
  EXPECT_EQ(events[LedgerEvent::kUnknown], result->unanswered);
  EXPECT_GT(events[LedgerEvent::kUnknown], 0u);
  fs::remove_all(folder);
}

// Allocations of all threads but this one and `server`.
std::uint64_t allocations_besides(int server) {
  std::uint64_t count = 0;
  for (const auto& slot : bench::thread_allocations) {
    const int thread = slot.thread.load();
    if (thread != server && thread != gettid()) count += slot.count.load();
  }
  return count;
}

void check_allocations(unsigned slow) {
  Server server(always(200));
  const int server_thread = server.thread();
  const auto allocations_of_sending = [&](std::uint64_t messages) {
    Load load(server.port());
    load.options.messages_max = messages;
    load.options.arrivals.duration_ns = 300'000 * kMs;
    load.options.closed_loop = true;
    load.options.slow = {.count = slow, .bytes = 1, .every_ns = kMs / 10};
    const std::uint64_t before = allocations_besides(server_thread);
    EXPECT_EQ(load.run()->answered, messages);
    return allocations_besides(server_thread) - before;
  };
  allocations_of_sending(10);  // what a thread allocates when it begins
  EXPECT_EQ(allocations_of_sending(1000), allocations_of_sending(100));
}

TEST(LoadTest, AMessageCostsNoAllocation) { check_allocations(0); }
TEST(LoadTest, ATurnOfASlowClientCostsNoAllocation) { check_allocations(5); }

// --- TLS ---

TEST_F(LoadTlsTest, CarriesMessagesOfAllSizes) {
  for (const std::size_t bytes : {1'000u, 16'000u, 16'384u, 500'000u}) {
    Server server(always(200), certificate_.get());
    Load load(server.port());
    load.options.tls = trusting();
    load.options.arrivals = {.per_second = 100, .duration_ns = 200 * kMs};
    load.options.threads = 2;
    load.messages.corpus = *generate({.size = {.bytes = bytes, .bytes_max = bytes}, .count = 2});
    const auto result = load.run();
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_EQ(result->answered, 20u);
    EXPECT_EQ(result->statuses[200], 20u);
    EXPECT_EQ(result->reconnects, 0u) << "a ticket is no reason to connect again";
    const auto requests = server.stop();
    EXPECT_EQ(ids(requests).size(), 20u);
    EXPECT_EQ(server.connections(), 4u);
    for (const auto& request : requests) {
      EXPECT_EQ(request.body.size(), bytes);
      EXPECT_EQ(request.body.front(), '{');
      EXPECT_EQ(request.body.back(), '}');
    }
  }
}

TEST_F(LoadTlsTest, ChurnShakesHandsForEachMessage) {
  Server server(always(200), certificate_.get());
  Load load(server.port());
  load.options.tls = trusting();
  load.options.arrivals = {.per_second = 100, .duration_ns = 200 * kMs};
  load.options.churn = true;
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->answered, 20u);
  server.stop();
  EXPECT_EQ(server.connections(), 20u);
}

TEST_F(LoadTlsTest, ACertificateThatIsNotTrustedIsSaid) {
  Server server(always(200), certificate_.get());
  Load stranger(server.port());
  stranger.options.tls = *LoadTls::make({.host = "127.0.0.1"});
  const auto unknown = stranger.run();
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kTlsFailed);
  EXPECT_NE(unknown.error().what.find("certificate"), std::string::npos) << unknown.error().what;
  for (const char* other : {"127.0.0.2", "localhost"}) {
    Load misled(server.port());
    misled.options.tls = trusting(other);
    const auto mismatch = misled.run();
    ASSERT_FALSE(mismatch);
    EXPECT_NE(mismatch.error().what.find("mismatch"), std::string::npos) << mismatch.error().what;
  }
  Load careless(server.port());
  careless.options.tls = *LoadTls::make({.host = "other.test", .is_checked = false});
  const auto accepted = careless.run();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->answered, 200u);
  server.stop();
}

TEST_F(LoadTlsTest, AServerThatDoesNotShakeHandsIsSaid) {
  Server server(always(200));
  server.close_on_accept();
  Load load(server.port());
  load.options.tls = trusting();
  const auto result = load.run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTlsFailed);
  server.stop();
}

TEST_F(LoadTlsTest, LostConnectionsAreErrors) {
  Server server(
      [](const FakeEndpoint::Request& request) {
        return request.index == 2 ? FakeEndpoint::drop() : FakeEndpoint::answer(200, "ok");
      },
      certificate_.get());
  Load load(server.port());
  load.options.tls = trusting();
  load.options.connections = 1;
  load.options.arrivals = {.per_second = 100, .duration_ns = 120 * kMs};
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->answered, 8u);
  EXPECT_EQ(result->errors[static_cast<std::size_t>(LoadError::kClosed)], 4u);
  server.stop();
}

TEST_F(LoadTlsTest, RootsThatCannotBeReadAreAnError) {
  EXPECT_FALSE(LoadTls::make({.host = "a", .roots_file = "/nowhere.pem"}));
}

TEST(LoadTest, StopsSoonWhenItIsAsked) {
  Server server(always(200));
  Load load(server.port());
  load.options.arrivals.duration_ns = 3'600'000 * kMs;
  load.stop = true;
  const auto result = load.run();
  ASSERT_TRUE(result);
  EXPECT_LT(result->sent, 1000u);
  server.stop();
}

TEST(LoadTargetTest, UrlsAreReadStrictly) {
  const auto targets = parse_targets({"http://[::1]:8080/in/a?b", "http://[::1]:8080"});
  ASSERT_TRUE(targets);
  EXPECT_EQ(targets->host, "::1");
  EXPECT_EQ(targets->port, "8080");
  EXPECT_EQ(targets->links[0].authority, "[::1]:8080");
  EXPECT_EQ(targets->links[0].target, "/in/a?b");
  EXPECT_EQ(targets->links[1].target, "/");
  EXPECT_EQ(parse_targets({"http://a?b"})->links[0].target, "/?b");
  EXPECT_EQ(parse_targets({"http://a/b"})->port, "80");
  EXPECT_FALSE(parse_targets({"http://a/b"})->is_tls);
  EXPECT_EQ(parse_targets({"https://a/b"})->port, "443");
  EXPECT_TRUE(parse_targets({"https://a/b"})->is_tls);
  for (const char* bad :
       {"", "a", "http://", "http://:80", "http://a:", "http://a:x", "http://a:123456",
        "http://u@a/", "http://a/#b", "http://a/ b", "http://[::1", "http://[::1]x", "ftp://a"}) {
    EXPECT_FALSE(parse_targets({bad})) << bad;
  }
  EXPECT_FALSE(parse_targets({}));
  EXPECT_FALSE(parse_targets({"http://a/", "http://b/"}));
  EXPECT_FALSE(parse_targets({"http://a:1/", "https://a:1/"}));
}

}  // namespace
}  // namespace headrace::bench_tools
