// SPDX-License-Identifier: Apache-2.0
// When connections are kept, used again, given up and replaced.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/dispatch/shard_fixture.h"

namespace headrace::dispatch {

using store::AttemptError;
using store::Outcome;
using store::Verdict;
using test::FakeEndpoint;
using namespace std::chrono_literals;

class ShardConnectionTest : public ShardTest {
 protected:
  FakeEndpoint& serve_and_start(FakeEndpoint::Script script) {
    FakeEndpoint& server = serve(std::move(script));
    set_endpoint(settings_for(server.url()));
    start();
    return server;
  }
};

TEST_F(ShardConnectionTest, DeliveriesOneAfterTheOtherShareAConnection) {
  FakeEndpoint& server = serve_and_start([](const auto&) { return FakeEndpoint::answer(200); });
  for (std::uint64_t i = 1; i <= 20; ++i)
    EXPECT_EQ(deliver(delivery(i)).verdict, Verdict::kDelivered);
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_EQ(shard->counters().connections_opened.value(), 1u);
}

TEST_F(ShardConnectionTest, AConnectionThatThePeerEndsIsNotUsedAgain) {
  FakeEndpoint& server = serve_and_start(
      [](const auto&) { return FakeEndpoint::answer(200, "", "Connection: close\r\n"); });
  deliver(delivery(1));
  deliver(delivery(2));
  EXPECT_EQ(server.connections(), 2u);
}

TEST_F(ShardConnectionTest, AStaleConnectionCostsNoAttempt) {
  // The second request of each connection is dropped unanswered, as by a server whose idle time ran
  // out.
  FakeEndpoint& server = serve_and_start([](const FakeEndpoint::Request& request) {
    return request.index == 0 ? FakeEndpoint::answer(200) : FakeEndpoint::drop();
  });
  deliver(delivery(1));
  const Outcome outcome = deliver(delivery(2));
  EXPECT_EQ(outcome.verdict, Verdict::kDelivered);
  EXPECT_EQ(outcome.attempt, 1);
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_EQ(shard->counters().attempts.value(), 2u);
  EXPECT_EQ(shard->counters().failed.value(), 0u);
}

// It would be sent without what the endpoint's settings for TLS demand.
TEST_F(ShardConnectionTest, AStaleConnectionIsNotReplacedWhereASecretHasGoneMeanwhile) {
  FakeEndpoint& server = serve_and_start([](const auto&) { return FakeEndpoint::answer(200); });
  deliver(delivery(1));
  server.set_script([](const auto&) { return FakeEndpoint::silence(); });
  push(delivery(2));
  run_until([&] { return server.request_count() == 2; });
  EndpointSettings changed = settings_for(server.url());
  changed.missing_secret = "KEY";
  set_endpoint(std::move(changed));
  EXPECT_EQ(deliver(delivery(3)).error, AttemptError::kSecret);
  server.close_connections();
  run_until_outcomes(3);
  EXPECT_EQ(outcomes.back().error, AttemptError::kClosed);
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(ShardConnectionTest, AResetOfAStaleConnectionCostsNoAttemptEither) {
  serve_and_start([](const FakeEndpoint::Request& request) {
    return request.index == 0 ? FakeEndpoint::answer(200) : FakeEndpoint::reset();
  });
  deliver(delivery(1));
  EXPECT_EQ(deliver(delivery(2)).verdict, Verdict::kDelivered);
}

TEST_F(ShardConnectionTest, AStaleConnectionIsReplacedOnlyOnce) {
  FakeEndpoint& server = serve_and_start([](const FakeEndpoint::Request& request) {
    return request.connection == 0 && request.index == 0 ? FakeEndpoint::answer(200)
                                                         : FakeEndpoint::drop();
  });
  deliver(delivery(1));
  const Outcome outcome = deliver(delivery(2));
  EXPECT_EQ(outcome.verdict, Verdict::kRetry);
  EXPECT_EQ(outcome.error, AttemptError::kClosed);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(ShardConnectionTest, AnAnswerThatBeganIsNeverAStaleConnection) {
  FakeEndpoint& server = serve_and_start([](const FakeEndpoint::Request& request) {
    return request.index == 0 ? FakeEndpoint::answer(200)
                              : FakeEndpoint::raw("HTTP/1.1 2", FakeEndpoint::After::kClose);
  });
  deliver(delivery(1));
  EXPECT_EQ(deliver(delivery(2)).error, AttemptError::kClosed);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(ShardConnectionTest, AnIdleConnectionIsClosedAfterItsTime) {
  FakeEndpoint& server = serve_and_start([](const auto&) { return FakeEndpoint::answer(200); });
  deliver(delivery(1));
  pass(29'999ms);
  EXPECT_EQ(server.connections_open(), 1u);
  pass(2ms);
  run_until([&] { return server.connections_open() == 0; });
  EXPECT_EQ(shard->counters().connections_open.value(), 0u);
}

TEST_F(ShardConnectionTest, AnIdleConnectionThatThePeerClosesIsForgotten) {
  FakeEndpoint& server = serve_and_start([](const auto&) { return FakeEndpoint::answer(200); });
  deliver(delivery(1));
  server.close_connections();
  run_until([&] { return shard->counters().connections_open.value() == 0; });
  EXPECT_EQ(deliver(delivery(2)).verdict, Verdict::kDelivered);
  EXPECT_EQ(server.connections(), 2u);
}

TEST_F(ShardConnectionTest, BytesBehindAnAnswerEndTheConnection) {
  FakeEndpoint& server = serve_and_start([](const auto&) {
    FakeEndpoint::Reply reply = FakeEndpoint::answer(200);
    reply.pieces.push_back("HTTP/1.1 500 Unasked\r\nContent-Length: 0\r\n\r\n");
    return reply;
  });
  EXPECT_EQ(deliver(delivery(1)).http_status, 200);
  run_until([&] { return server.connections_open() == 0; });
  EXPECT_EQ(deliver(delivery(2)).http_status, 200);
}

TEST_F(ShardConnectionTest, NoMoreConnectionsAreKeptThanAllowed) {
  options.idle_connections_max = 2;
  FakeEndpoint& server = serve_and_start([](const auto&) { return FakeEndpoint::answer(200); });
  push_many(1, 8);
  run_until_outcomes(8);
  run_until([&] { return shard->counters().connections_open.value() <= 2; });
  EXPECT_GT(server.connections(), 2u);
}

TEST_F(ShardConnectionTest, ABusyLaneKeepsItsConnectionsThoughOthersLeftTheirs) {
  options.idle_connections_max = 2;
  FakeEndpoint& first = serve(FakeEndpoint::answer(200));
  FakeEndpoint& second = serve(FakeEndpoint::answer(200));
  const core::EndpointNumber busy{8};
  set_endpoint(settings_for(first.url()));
  set_endpoint(settings_for(second.url(), busy));
  start();
  push_many(1, 2);
  run_until_outcomes(2);
  ASSERT_EQ(shard->counters().connections_open.value(), 2u);  // all that may be kept
  for (std::uint64_t i = 0; i < 5; ++i) {
    store::Delivery next = delivery(10 + i);
    next.endpoint = busy;
    EXPECT_EQ(deliver(std::move(next)).verdict, Verdict::kDelivered);
  }
  EXPECT_EQ(second.connections(), 1u);
}

TEST_F(ShardConnectionTest, AChangedEndpointGetsNewConnections) {
  FakeEndpoint& before = serve_and_start([](const auto&) { return FakeEndpoint::answer(200); });
  deliver(delivery(1));
  FakeEndpoint& after = serve(FakeEndpoint::answer(200));
  set_endpoint(settings_for(after.url()));
  EXPECT_EQ(deliver(delivery(2)).verdict, Verdict::kDelivered);
  EXPECT_EQ(after.requests().size(), 1u);
  run_until([&] { return before.connections_open() == 0; });
}

TEST_F(ShardConnectionTest, TheNextAddressIsTriedWhenTheFirstRefuses) {
  FakeEndpoint& server = serve(FakeEndpoint::answer(200));
  // Nothing listens at 127.0.0.2, so the port refuses there.
  Addresses both = *known_addresses("127.0.0.2");
  both.add(known_addresses("127.0.0.1")->list[0]);
  resolver.names["hooks.test"] = both;
  set_endpoint(settings_for(server.url("/hook", "hooks.test")));
  start();
  EXPECT_EQ(deliver(delivery(1)).verdict, Verdict::kDelivered);
  EXPECT_EQ(server.requests().at(0).header("host"), "hooks.test:" + std::to_string(server.port()));
}

TEST_F(ShardConnectionTest, AnUnusedLaneIsForgotten) {
  serve_and_start([](const auto&) { return FakeEndpoint::answer(200); });
  deliver(delivery(1));
  EXPECT_EQ(shard->counters().lanes.value(), 1u);
  for (int i = 0; i < 5; ++i) pass(31s);
  EXPECT_EQ(shard->counters().lanes.value(), 0u);
  EXPECT_EQ(deliver(delivery(2)).verdict, Verdict::kDelivered);
}

// A listening socket whose queue is full: the kernel answers further connections with nothing.
class FullPort {
 public:
  FullPort() {
    server_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(server_, reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
    listen(server_, 0);
    socklen_t size = sizeof(address_);
    getsockname(server_, reinterpret_cast<sockaddr*>(&address_), &size);
    for (int i = 0; i < 4; ++i) {
      clients_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      connect(clients_.back(), reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
    }
  }
  ~FullPort() {
    for (const int fd : clients_) ::close(fd);
    ::close(server_);
  }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)) + "/";
  }

 private:
  int server_ = -1;
  sockaddr_in address_{};
  std::vector<int> clients_;
};

TEST_F(ShardConnectionTest, AConnectionThatIsNeverMadeEndsAtTheConnectTimeLimit) {
  const FullPort port;
  set_endpoint(settings_for(port.url()));
  start();
  push(delivery(1));
  run_turns(50);
  pass(4'999ms);
  EXPECT_TRUE(outcomes.empty());
  pass(2ms);
  run_until_outcomes(1);
  EXPECT_EQ(outcomes.at(0).error, AttemptError::kConnectTimeout);
  EXPECT_NE(outcomes.at(0).hold_until, 0u);
}

TEST_F(ShardConnectionTest, ANameThatHasNoAddressIsAResolveFailure) {
  set_endpoint(settings_for("http://nowhere.test/"));
  start();
  EXPECT_EQ(deliver(delivery(1)).error, AttemptError::kResolve);
}

TEST_F(ShardConnectionTest, ALookUpThatNeverEndsIsAResolveFailureInTime) {
  resolver.hang = true;
  set_endpoint(settings_for("http://slow.test/"));
  start();
  push(delivery(1));
  run_turns(10);
  pass(5'001ms);
  run_until_outcomes(1);
  EXPECT_EQ(outcomes.at(0).error, AttemptError::kResolve);
}

}  // namespace headrace::dispatch
