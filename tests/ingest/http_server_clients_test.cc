// SPDX-License-Identifier: Apache-2.0
// Who clients are, how many of them there may be, and who makes room for others.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/limits.h"
#include "tests/ingest/server_fixture.h"

namespace headrace::ingest {
namespace {

namespace limits = core::limits;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::http_request;
using End = test::TcpClient::End;

class CountingLog final : public core::LogSink {
 public:
  void write(core::LogLevel level, std::string_view event, std::string_view,
             std::initializer_list<core::LogField>) noexcept override {
    EXPECT_EQ(level, core::LogLevel::kWarning);
    events.emplace_back(event);
  }
  std::vector<std::string> events;
};

class HttpServerClientsTest : public HttpServerTest {
 protected:
  ~HttpServerClientsTest() override { stop(); }
  static constexpr std::size_t kPool = 64 << 20;
  static std::vector<core::Cidr> blocks(const char* text) { return *core::parse_cidr_list(text); }
  std::string peer_of_last() const { return handler.taken.back().peer; }
  ClientRules rules;
  CountingLog log;
};

TEST_F(HttpServerClientsTest, HandlerIsToldWhoItIs) {
  const auto client = connect();
  exchange(*client, http_request("GET", "/", {}, "X-Forwarded-For: 192.0.2.1\r\n"));
  EXPECT_EQ(peer_of_last(), "127.0.0.1") << "nobody is trusted";
  rules.trusted_proxies = blocks("127.0.0.0/8");
  start(kPool, {.clients = &rules});
  const auto proxy = connect();
  exchange(*proxy, http_request("GET", "/", {}, "X-Forwarded-For: 192.0.2.1\r\n"));
  EXPECT_EQ(peer_of_last(), "192.0.2.1");
  exchange(*proxy, http_request("GET", "/"));
  EXPECT_EQ(peer_of_last(), "127.0.0.1") << "each request for itself";
}

TEST_F(HttpServerClientsTest, GreetingSaysWhoItIs) {
  rules.proxy_protocol = blocks("127.0.0.1");
  start(kPool, {.clients = &rules});
  const std::string greeting = "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n";
  const std::string request = http_request("POST", "/", "{}");
  const auto whole = connect();
  EXPECT_EQ(exchange(*whole, greeting + request).status, 200);
  EXPECT_EQ(peer_of_last(), "2001:db8::1");
  const auto pieces = connect();
  for (const char c : greeting + request) {
    send_all(*pieces, {&c, 1});
    run_turns(2);
  }
  run_until_replies(*pieces, 1);
  EXPECT_EQ(peer_of_last(), "2001:db8::1");
  EXPECT_EQ(exchange(*pieces, request).status, 200) << "it is said once";
  EXPECT_EQ(exchange(*connect(), "PROXY UNKNOWN\r\n" + request).status, 200);
  EXPECT_EQ(peer_of_last(), "127.0.0.1");
}

TEST_F(HttpServerClientsTest, GreetingIsDemandedOfThoseWhoGiveItAndOfThemOnly) {
  rules.proxy_protocol = blocks("127.0.0.1");
  start(kPool, {.clients = &rules});
  const auto without = connect();
  send_all(*without, http_request("GET", "/"));
  run_until_ended(*without);
  EXPECT_EQ(without->received(), "");
  EXPECT_EQ(server->counters().handshake.value(), 1u);
  const auto late = connect();
  send_all(*late, "PROXY TCP4 ");
  run_turns(5);
  pass(limits::kHeadTimeout);
  run_until_ended(*late);
  EXPECT_EQ(server->counters().timeouts.value(), 1u);
  rules.proxy_protocol = blocks("192.0.2.0/24");
  start(kPool, {.clients = &rules});
  EXPECT_EQ(refusal_of("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + http_request("GET", "/")).status,
            400)
      << "nobody else can say who he is";
}

TEST_F(HttpServerClientsTest, TrustedProxyBehindABalancerIsBelieved) {
  rules.proxy_protocol = blocks("127.0.0.1");
  rules.trusted_proxies = blocks("192.0.2.1");
  start(kPool, {.clients = &rules});
  exchange(*connect(), "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" +
                           http_request("GET", "/", {}, "X-Forwarded-For: 203.0.113.9\r\n"));
  EXPECT_EQ(peer_of_last(), "203.0.113.9");
  exchange(*connect(), "PROXY TCP4 192.0.2.7 192.0.2.2 1 2\r\n" +
                           http_request("GET", "/", {}, "X-Forwarded-For: 203.0.113.9\r\n"));
  EXPECT_EQ(peer_of_last(), "192.0.2.7");
}

TEST_F(HttpServerClientsTest, OneClientHasItsShareOfConnections) {
  PeerCounts peers(2);
  start(kPool, {.clients = &rules, .peers = &peers});
  const auto first = connect();
  const auto second = connect();
  const auto third = connect();
  run_until_ended(*third);
  EXPECT_EQ(server->counters().crowding.value(), 1u);
  EXPECT_EQ(exchange(*first, http_request("GET", "/")).status, 200);
  second->close();
  run_until([&] { return server->counters().open.value() == 1; });
  EXPECT_EQ(exchange(*connect(), http_request("GET", "/")).status, 200);
  stop();
  EXPECT_EQ(peers.peers(), 0u);
}

TEST_F(HttpServerClientsTest, ClientsOfABalancerAreCountedEachForItself) {
  PeerCounts peers(1);
  rules.proxy_protocol = blocks("127.0.0.1");
  start(kPool, {.clients = &rules, .peers = &peers});
  const auto greeted = [&](const char* from) {
    auto client = connect();
    send_all(*client,
             "PROXY TCP4 " + std::string(from) + " 192.0.2.2 1 2\r\n" + http_request("GET", "/"));
    return client;
  };
  const auto one = greeted("192.0.2.1");
  run_until_replies(*one, 1);
  const auto other = greeted("192.0.2.3");
  run_until_replies(*other, 1);
  const auto again = greeted("192.0.2.1");
  run_until_ended(*again);
  EXPECT_EQ(again->received(), "");
  stop();
}

TEST_F(HttpServerClientsTest, TrustedProxyHasAsManyConnectionsAsItWants) {
  PeerCounts peers(1);
  rules.trusted_proxies = blocks("127.0.0.1");
  start(kPool, {.clients = &rules, .peers = &peers});
  const auto one = connect();
  const auto other = connect();
  EXPECT_EQ(exchange(*one, http_request("GET", "/")).status, 200);
  EXPECT_EQ(exchange(*other, http_request("GET", "/")).status, 200);
  stop();
}

// --- Room
// ------------------------------------------------------------------------------------------------------------------

TEST_F(HttpServerClientsTest, LongestIdleMakesRoom) {
  start(kPool, {.connections_max = 3, .log = &log});
  const auto oldest = connect();
  const auto busy = connect();
  const auto newer = connect();
  handler.answer_at_once = false;
  send_all(*busy, http_request("POST", "/", "1"));
  run_until_taken(1);
  handler.answer_at_once = true;
  EXPECT_EQ(exchange(*oldest, http_request("GET", "/")).status, 200) << "now `newer` is older";
  const auto next = connect();
  EXPECT_EQ(exchange(*next, http_request("GET", "/")).status, 200);
  run_until_ended(*newer);
  EXPECT_EQ(exchange(*oldest, http_request("GET", "/")).status, 200);
  const auto last = connect();
  EXPECT_EQ(exchange(*last, http_request("GET", "/")).status, 200);
  run_until_ended(*next);
  respond(0, "kept");
  run_until_replies(*busy, 1);
  EXPECT_EQ(server->counters().evicted.value(), 2u);
  EXPECT_EQ(log.events, std::vector<std::string>{"connections_exhausted"}) << "said once";
}

TEST_F(HttpServerClientsTest, SlowestMakesRoomWhenNobodyIsIdle) {
  start(kPool, {.connections_max = 2});
  const auto slow = connect();
  send_all(*slow, "POST / HT");
  run_turns(5);
  const auto slower = connect();
  send_all(*slower, http_request("POST", "/", {}, "Content-Length: 10\r\n"));
  run_turns(5);
  const auto refused = connect_unserved();
  run_until_ended(*refused);
  EXPECT_EQ(server->counters().shed.value(), 1u) << "they have just begun";
  pass(limits::kUnderWayGrace);
  EXPECT_EQ(exchange(*connect(), http_request("GET", "/")).status, 200);
  run_until_ended(*slow);
  EXPECT_EQ(slower->end(), End::kNone);
}

TEST_F(HttpServerClientsTest, WhoIsWaitedForAfterTheLastAnswerMakesRoom) {
  start(kPool, {.connections_max = 1});
  const auto refused = connect();
  send_all(*refused, "garbage\r\n\r\n");
  run_until_replies(*refused, 1);
  EXPECT_EQ(server->counters().open.value(), 1u) << "it has not closed its side";
  EXPECT_EQ(exchange(*connect(), http_request("GET", "/")).status, 200);
}

TEST_F(HttpServerClientsTest, SlowestGivesItsMemoryToOthers) {
  start(2 * limits::kReceiveBufferBytes + 4096);
  const auto slow = connect();
  send_all(*slow, "POST / HTTP/1.1\r\nX: " + std::string(10'000, 'x'));
  const auto other = connect();
  send_all(*other, "POST / HTTP/1.1\r\nX: " + std::string(10'000, 'x'));
  run_turns(10);
  EXPECT_EQ(refusal_of(http_request("GET", "/")).status, 503);
  pass(limits::kUnderWayGrace);
  EXPECT_EQ(exchange(*connect(), http_request("GET", "/")).status, 200);
  run_until_ended(*slow);
  EXPECT_EQ(other->end(), End::kNone);
}

// A thousand beginnings in the memory of a few dozen requests.
TEST_F(HttpServerClientsTest, ManyThatSendLittleHoldLittle) {
  start(4 * limits::kMiB);
  std::vector<std::unique_ptr<test::TcpClient>> slow;
  for (int i = 0; i < 300; ++i) {
    slow.push_back(connect());
    send_all(*slow.back(), i % 2 == 0
                               ? "POST / HTTP/1.1\r\nHost: t\r\nX"
                               : http_request("POST", "/", {}, "Content-Length: 100000\r\n") + "x");
    run_turns(2);
  }
  EXPECT_LT(pool->bytes_used(), limits::kMiB);
  EXPECT_EQ(exchange(*connect(), http_request("POST", "/", std::string(500'000, 'x'))).status, 200);
  EXPECT_EQ(server->counters().shed.value(), 0u);
  for (auto& client : slow) client->close();
  run_until([&] { return server->counters().open.value() == 0; });
  EXPECT_EQ(pool->bytes_used(), 0u);
}

TEST_F(HttpServerClientsTest, CrowdThatHasLeftLeavesNoMemoryBehind) {
  constexpr std::size_t kAtATime = 200;
  start(kPool);
  std::size_t left = 0;
  while (left < limits::kTrimAfterConnections + limits::kSpareConnectionsMax) {
    std::vector<std::unique_ptr<test::TcpClient>> crowd;
    for (std::size_t i = 0; i < kAtATime; ++i) {
      crowd.push_back(connect());
      send_all(*crowd.back(), "POST / HTTP/1.1\r\nHost: t\r\nX");
    }
    run_until([&] { return pool->bytes_used() >= kAtATime * limits::kReceiveBufferBytes / 16; });
    for (auto& client : crowd) client->close();
    run_until([&] { return server->counters().open.value() == 0; });
    run_turns(4);
    left += kAtATime - limits::kSpareConnectionsMax;
  }
  EXPECT_EQ(pool->bytes_used(), 0u);
  // But what the last ones had, who left behind it.
  EXPECT_LT(pool->bytes_cached(), kAtATime * limits::kReceiveBufferBytes / 8);
  EXPECT_EQ(exchange(*connect(), http_request("GET", "/")).status, 200);
}

TEST_F(HttpServerClientsTest, WantOfDescriptorsIsSaidOnceAndPasses) {
  start(kPool, {.log = &log});
  // A sanitizer that meets a type for the first time needs descriptors itself.
  core::LogSink& sink = log;
  sink.write(core::LogLevel::kWarning, "before", "", {});
  log.events.clear();
  const auto served = connect();
  EXPECT_EQ(exchange(*served, http_request("GET", "/")).status, 200);
  handler.answer_at_once = false;
  send_all(*served, http_request("POST", "/", "1"));
  run_until_taken(2);
  test::TcpClient waiting(port);  // the kernel has it, the server not yet
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  run_turns(20);
  for (int i = 0; i < 5; ++i) pass(limits::kAcceptPause);
  respond(1, "served on");
  run_until_replies(*served, 2);
  EXPECT_EQ(log.events, std::vector<std::string>{"descriptors_exhausted"});
  send_all(*served, http_request("POST", "/", "2"));  // or it would be idle, and go
  run_until_taken(3);
  pass(limits::kWarningInterval);
  run_turns(5);
  EXPECT_EQ(log.events.size(), 2u) << "said again after a while";
  setrlimit(RLIMIT_NOFILE, &before);
  handler.answer_at_once = true;
  pass(limits::kAcceptPause);
  EXPECT_EQ(exchange(waiting, http_request("GET", "/")).status, 200);
}

TEST_F(HttpServerClientsTest, ConnectionEndsAfterItsRequests) {
  start(kPool, {.requests_per_connection_max = 3});
  const auto client = connect();
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(exchange(*client, http_request("GET", "/")).header("connection"), "");
  EXPECT_EQ(exchange(*client, http_request("GET", "/")).header("connection"), "close");
  run_until_ended(*client);
}

// --- Rates
// ----------------------------------------------------------------------------------------------------------------

TEST_F(HttpServerClientsTest, BodyThatComesTooSlowlyIsRefused) {
  start(kPool, {.body_rate_min = 1000});
  const auto client = connect();
  send_all(*client, http_request("POST", "/", {}, "Content-Length: 100000\r\n"));
  run_turns(5);
  for (int i = 0; i < 4; ++i) {
    send_all(*client, std::string(500, 'x'));
    run_turns(5);
    pass(seconds(1));
  }
  pass(limits::kBodyGrace);
  run_until_ended(*client);
  EXPECT_EQ(client->replies().at(0).status, 408);
}

TEST_F(HttpServerClientsTest, BodyThatComesFastEnoughHasUntilItsDeadline) {
  start(kPool, {.body_rate_min = 1000});
  const auto client = connect();
  send_all(*client, http_request("POST", "/", {}, "Content-Length: 1000000\r\n"));
  run_turns(5);
  for (int i = 0; i < 29; ++i) {
    send_all(*client, std::string(1100, 'x'));
    run_turns(5);
    pass(seconds(1));
    client->poll();
    ASSERT_EQ(client->end(), End::kNone) << i;
  }
  pass(seconds(1));
  run_until_ended(*client);
  EXPECT_EQ(client->replies().at(0).status, 408);
}

TEST_F(HttpServerClientsTest, AnswerThatIsReadSlowlyIsGivenUp) {
  handler.answer = std::string(4 * limits::kMiB, 'x');
  const auto stalled = connect(4096);
  send_all(*stalled, http_request("GET", "/"));
  run_until_taken(1);
  run_turns(10);
  pass(limits::kWriteGrace - milliseconds(1));
  EXPECT_EQ(server->counters().open.value(), 1u);
  pass(milliseconds(1));
  run_until([&] { return server->counters().open.value() == 0; });
  EXPECT_EQ(server->counters().timeouts.value(), 1u);
}

TEST_F(HttpServerClientsTest, AnswerThatIsReadTakesItsTime) {
  handler.answer = std::string(16 * limits::kMiB, 'x');
  const auto client = connect(4096);
  send_all(*client, http_request("GET", "/"));
  run_until_taken(1);
  for (int i = 0; i < 8 && client->replies().empty(); ++i) {
    const std::size_t before = client->received().size();
    run_until([&] {
      client->poll();
      return client->received().size() > before + limits::kMiB || !client->replies().empty();
    });
    pass(limits::kWriteGrace);
    ASSERT_EQ(server->counters().open.value(), 1u) << i;
  }
}

}  // namespace
}  // namespace headrace::ingest
