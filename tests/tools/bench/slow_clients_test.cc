// SPDX-License-Identifier: Apache-2.0
// Slow clients beside a load, against a real server on loopback.
#include "tools/bench/slow_clients.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tests/tools/bench/load_rig.h"
#include "tools/bench/ledger.h"
#include "tools/bench/load_report.h"
#include "tools/bench/verify.h"

namespace headrace::bench_tools {
namespace {

TEST(SlowTurnsTest, AreSpreadOverTheIntervalAndAllThreads) {
  const SlowOptions options{.count = 10, .bytes = 16, .every_ns = 1000};
  std::vector<std::uint64_t> times;
  unsigned clients = 0;
  for (unsigned thread = 0; thread < 3; ++thread) {
    SlowTurns turns(options, thread, 3);
    clients += turns.clients();
    std::uint64_t before = 0;
    for (unsigned turn = 0; turn < 2 * turns.clients(); ++turn, turns.advance()) {
      EXPECT_EQ(turns.client(), turn % turns.clients());
      EXPECT_GE(turns.at_ns(), before);
      before = turns.at_ns();
      times.push_back(before);
    }
  }
  EXPECT_EQ(clients, 10u);
  std::sort(times.begin(), times.end());
  ASSERT_EQ(times.size(), 20u);
  for (std::size_t i = 0; i < times.size(); ++i) EXPECT_EQ(times[i], 100 * i);
  EXPECT_EQ(SlowTurns(options, 11, 12).clients(), 0u);
}

TEST(SlowTurnsTest, RoundsThatWereMissedAreLeftOut) {
  SlowTurns turns({.count = 4, .bytes = 16, .every_ns = 1000}, 0, 1);
  turns.advance();
  turns.catch_up(249);
  EXPECT_EQ(turns.at_ns(), 250u);
  turns.catch_up(1249);
  EXPECT_EQ(turns.at_ns(), 250u);
  turns.catch_up(7300);
  EXPECT_EQ(turns.at_ns(), 7250u);
  EXPECT_EQ(turns.client(), 1u);
}

bool is_slow(const FakeEndpoint::Request& request) {
  const auto id = parse_message_id(request.header("bench-message"));
  return id && id->is_apart();
}

// Sends until the server's script says stop.
void make_endless(Load& load) {
  load.options.arrivals.duration_ns = 300'000 * kMs;
  load.options.slow = {.count = 2, .bytes = 200, .every_ns = 2 * kMs};
}

// Of what the measured ones sent nothing is amiss.
void expect_undisturbed(const LoadResult& result,
                        const std::vector<FakeEndpoint::Request>& requests) {
  std::vector<FakeEndpoint::Request> measured = requests;
  std::erase_if(measured, is_slow);
  EXPECT_EQ(measured.size(), result.sent);
  EXPECT_EQ(ids(measured).size(), result.sent);
  EXPECT_EQ(result.answered, result.sent);
  EXPECT_EQ(result.statuses[200], result.sent);
  EXPECT_EQ(result.from_due.count(), result.sent);
  EXPECT_EQ(result.reconnects, 0u);
}

// A client's third message begins when its second one was answered, so of two clients' five at
// least three were by then.
void check_slow_messages(std::shared_ptr<const LoadTls> tls, SSL_CTX* certificate) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "headrace_load_XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  Load* running = nullptr;
  std::size_t slow = 0;
  Server server(
      [&](const FakeEndpoint::Request& request) {
        slow += is_slow(request);
        if (slow == 5) running->stop = true;
        return FakeEndpoint::answer(200, "ok");
      },
      certificate);
  Load load(server.port());
  running = &load;
  make_endless(load);
  load.options.tls = std::move(tls);
  load.options.threads = 2;
  load.options.ledger_directory = folder;
  load.messages.ratios.malformed = 1;  // those of slow clients are good ones nevertheless
  const auto result = load.run();
  ASSERT_TRUE(result) << result.error().what;
  const auto requests = server.stop();
  expect_undisturbed(*result, requests);
  EXPECT_EQ(result->slow.count, 2u);
  EXPECT_GE(result->slow.answered, 3u);
  EXPECT_EQ(result->slow.accepted, result->slow.answered);
  EXPECT_GE(result->slow.connections, result->slow.answered);
  EXPECT_EQ(result->slow.closed_by_server, 0u);
  std::vector<LedgerRecord> received;
  for (const auto& request : requests) {
    if (is_slow(request)) {
      EXPECT_EQ(request.body.size(), 1000u);
      EXPECT_EQ(request.body.back(), '}');
    }
    const auto id = parse_message_id(request.header("bench-message"));
    received.push_back({.run = id->run,
                        .number = id->number,
                        .body_hash = body_hash(request.body),
                        .when_ns = wall_clock_ns(),
                        .status = 200,
                        .event = LedgerEvent::kReceived});
  }
  const auto ledgers = open_ledgers(folder);
  ASSERT_TRUE(ledgers);
  std::vector<LedgerView> views = {{.kind = LedgerKind::kSink, .records = received}};
  for (const Ledger& ledger : *ledgers) views.push_back(view_of(ledger));
  const VerifyReport report = verify(views, {.allow_duplicates = false});
  EXPECT_TRUE(report.breaches({.allow_duplicates = false}).empty());
  EXPECT_EQ(report.accepted, result->sent + result->slow.accepted);
  EXPECT_EQ(report.unaccepted.count, 0u);
  EXPECT_EQ(report.from_due.count(), result->sent) << "slow ones are not measured";
  fs::remove_all(folder);
}

TEST(SlowClientsTest, GetTheirMessagesThrough) { check_slow_messages(nullptr, nullptr); }

TEST(SlowClientsTest, WhatASlowClientSentWholeMayHaveBeenAccepted) {
  Load* running = nullptr;
  Server server([&](const FakeEndpoint::Request& request) {
    if (!is_slow(request)) return FakeEndpoint::answer(200, "ok");
    running->stop = true;
    return FakeEndpoint::silence();
  });
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "headrace_load_XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  Load load(server.port());
  running = &load;
  make_endless(load);
  load.options.slow.count = 1;
  load.options.ledger_directory = folder;
  const auto result = load.run();
  ASSERT_TRUE(result);
  expect_undisturbed(*result, server.stop());
  EXPECT_EQ(result->slow.connections, 1u);
  EXPECT_EQ(result->slow.closed_by_server + result->slow.answered, 0u);
  const auto ledgers = open_ledgers(folder);
  ASSERT_TRUE(ledgers);
  const std::vector<LedgerView> views = {view_of(ledgers->at(0))};
  EXPECT_EQ(verify(views, {}).unknown, 1u);
  fs::remove_all(folder);
}

TEST(SlowClientsTest, AServerThatClosesSlowClientsIsCounted) {
  Load* running = nullptr;
  Server* serving = nullptr;
  Server server([&](const FakeEndpoint::Request&) {
    if (serving->accepted() >= 4 + 6) running->stop = true;
    return FakeEndpoint::answer(200, "ok");
  });
  Load load(server.port());
  running = &load;
  serving = &server;
  make_endless(load);
  load.options.before_start = [&server] { server.close_on_accept_after(4); };
  const auto result = load.run();
  ASSERT_TRUE(result);
  expect_undisturbed(*result, server.stop());
  // A client has one connection at a time, and opens the next when the last was closed.
  EXPECT_GE(result->slow.closed_by_server, 4u);
  EXPECT_LE(result->slow.connections - result->slow.closed_by_server, 2u);
  EXPECT_EQ(result->slow.answered, 0u);
}

TEST(SlowClientsTest, WhatSlowClientsAreRefusedIsAnsweredAndNotAccepted) {
  Load* running = nullptr;
  std::size_t slow = 0;
  Server server([&](const FakeEndpoint::Request& request) {
    if (!is_slow(request)) return FakeEndpoint::answer(200, "ok");
    if (++slow == 3) running->stop = true;
    return FakeEndpoint::answer(408, "", "Connection: close\r\n");
  });
  Load load(server.port());
  running = &load;
  make_endless(load);
  const auto result = load.run();
  ASSERT_TRUE(result);
  expect_undisturbed(*result, server.stop());
  EXPECT_GE(result->slow.answered, 1u);
  EXPECT_EQ(result->slow.accepted, 0u);
  const std::string json = load_json(load.options, *result);
  EXPECT_NE(json.find("\"slow_clients\":{\"count\":2,\"connections\":"), std::string::npos);
  EXPECT_NE(load_table(load.options, *result).find("  2 slow clients: "), std::string::npos);
}

TEST(SlowClientsTest, SlowClientsMustBeOfASize) {
  Load load(1);
  load.options.slow = {.count = 1, .bytes = 0, .every_ns = 1};
  EXPECT_FALSE(load.options.check());
  load.options.slow = {.count = 1, .bytes = 16385, .every_ns = 1};
  EXPECT_FALSE(load.options.check());
  load.options.slow = {.count = 1, .bytes = 16, .every_ns = 0};
  EXPECT_FALSE(load.options.check());
  load.options.slow = {.count = 60'001, .bytes = 16, .every_ns = 1};
  EXPECT_FALSE(load.options.check());
  load.options.slow = {.count = 60'000, .bytes = 16384, .every_ns = 1};
  EXPECT_TRUE(load.options.check());
}

using SlowClientsTlsTest = LoadTlsTest;
TEST_F(SlowClientsTlsTest, GetTheirMessagesThrough) {
  check_slow_messages(trusting(), certificate_.get());
}

}  // namespace
}  // namespace headrace::bench_tools
