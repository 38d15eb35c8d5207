// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/endpoint_sink.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/clock.h"
#include "core/encoding.h"
#include "tests/support/tcp_client.h"

namespace headrace::bench_tools {
namespace {

using test::TcpClient;

// A sink on a thread of its own, and the ledger that it leaves.
class EndpointSinkTest : public testing::Test {
 protected:
  EndpointSinkTest() : thread_(clock_, "sink") {
    std::string name = testing::TempDir() + "sink-XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~EndpointSinkTest() override {
    stop();
    std::filesystem::remove_all(directory_);
  }

  void start(std::string_view json) {
    auto script = SinkScript::parse(json);
    ASSERT_TRUE(script) << script.error().what;
    script_ = std::move(*script);
    auto ledger = LedgerWriter::create(directory_, {.kind = LedgerKind::kSink}, 0);
    ASSERT_TRUE(ledger) << ledger.error().what;
    ledger_.emplace(std::move(*ledger));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_.start();
    thread_.run_and_wait([&] {
      sink_ = std::make_unique<EndpointSink>(thread_.loop(), script_, &*ledger_);
      EXPECT_TRUE(sink_->listen(fd, EndpointSink::kByPath));
    });
  }

  // What the sink counted; its ledger is closed then.
  SinkCounters stop() {
    if (sink_ == nullptr) return counters_;
    bool is_stopped = false;
    thread_.run_and_wait([&] { sink_->stop([&] { is_stopped = true; }); });
    while (!is_stopped) thread_.run_and_wait([] {});
    counters_ = sink_->counters();
    thread_.run_and_wait([&] { sink_.reset(); });
    thread_.stop();
    EXPECT_TRUE(ledger_->close(wall_clock_ns()));
    return counters_;
  }
  Ledger ledger() {
    stop();
    auto ledgers = open_ledgers(directory_);
    EXPECT_TRUE(ledgers);
    return std::move(ledgers->front());
  }
  std::uint16_t status_noted(std::size_t record) { return ledger().records()[record].status; }

  static std::string message(std::uint64_t number, std::string_view target = "/0",
                             std::string_view body = "{}", std::string_view lines = {}) {
    return test::http_request(
        "POST", target, body,
        std::string("Bench-Message: ") + to_string({7, number}) + "\r\n" + std::string(lines));
  }

  core::SystemClock clock_;
  core::LoopThread thread_;
  std::string directory_;
  SinkScript script_;
  std::optional<LedgerWriter> ledger_;
  std::unique_ptr<EndpointSink> sink_;
  SinkCounters counters_;
  std::uint16_t port_ = 0;
};

TEST_F(EndpointSinkTest, AnswersAndNotesWhatItReceived) {
  start(R"({"endpoints": 5, "rules": [{"from": 3, "answers": [{"status": 410}]}]})");
  TcpClient client(port_);
  EXPECT_EQ(client.exchange(message(1, "/2", "body of one")).status, 200);
  EXPECT_EQ(client.exchange(message(2, "/3?x=1")).status, 410);
  EXPECT_EQ(client.exchange(message(3, "/5")).status, 404);
  EXPECT_EQ(client.exchange(message(4, "/2x")).status, 404);
  EXPECT_EQ(client.exchange(test::http_request("POST", "/1/more", "x")).status, 200);
  EXPECT_EQ(client
                .exchange(test::http_request("POST", "/1",
                                             R"({"bench_message":"0000000000000007-9","a":1})"))
                .status,
            200);
  const SinkCounters counters = stop();
  EXPECT_EQ(counters.requests, 6u);
  EXPECT_EQ(counters.connections, 1u);
  EXPECT_EQ(counters.answered[200], 3u);
  EXPECT_EQ(counters.unknown_endpoints, 2u);
  EXPECT_EQ(counters.unidentified, 1u);
  const Ledger noted = ledger();
  ASSERT_EQ(noted.records().size(), 6u);
  EXPECT_TRUE(noted.is_closed());
  EXPECT_EQ(noted.records()[0].run, 7u);
  EXPECT_EQ(noted.records()[0].number, 1u);
  EXPECT_EQ(noted.records()[0].endpoint, 2u);
  EXPECT_EQ(noted.records()[0].status, 200u);
  EXPECT_EQ(noted.records()[0].body_hash, body_hash("body of one"));
  EXPECT_EQ(noted.records()[0].event, LedgerEvent::kReceived);
  EXPECT_EQ(noted.records()[1].status, 410u);
  EXPECT_EQ(noted.records()[4].run, 0u);
  EXPECT_EQ(noted.records()[5].number, 9u);
}

TEST_F(EndpointSinkTest, RequestsInOneReadOrInManyAreTheSame) {
  start(R"({"endpoints": 1})");
  std::string stream;
  for (std::uint64_t i = 0; i < 20; ++i)
    stream += message(i, "/0", std::string(static_cast<std::size_t>(i) * 500, 'b'));
  TcpClient at_once(port_);
  at_once.send(stream);
  ASSERT_TRUE(at_once.wait_for_replies(20));
  TcpClient in_pieces(port_);
  for (std::size_t at = 0; at < stream.size(); at += 97)
    in_pieces.send(std::string_view(stream).substr(at, 97));
  ASSERT_TRUE(in_pieces.wait_for_replies(20));
  const Ledger noted = ledger();
  ASSERT_EQ(noted.records().size(), 40u);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(noted.records()[i].number, i);
    EXPECT_EQ(noted.records()[i].body_hash, noted.records()[i + 20].body_hash);
  }
}

TEST_F(EndpointSinkTest, ALargeBodyIsReadAndALargeAnswerSent) {
  start(
      R"({"default": {"answers": [{"body_bytes": 3000000, "retry_after_s": 9, "status": 503}]}})");
  TcpClient client(port_);
  const std::string body(2'000'000, 'z');
  std::string_view left;
  const std::string request = message(1, "/0", body);
  left = request;
  while (!left.empty()) left.remove_prefix(client.send(left));
  ASSERT_TRUE(client.wait_for_replies(1));
  const auto replies = client.replies();
  EXPECT_EQ(replies[0].status, 503);
  EXPECT_EQ(replies[0].body.size(), 3'000'000u);
  EXPECT_EQ(replies[0].header("Retry-After"), "9");
  const Ledger noted = ledger();
  EXPECT_EQ(noted.records()[0].body_hash, body_hash(body));
  EXPECT_EQ(noted.records()[0].status, 503u);
}

TEST_F(EndpointSinkTest, ADelayedAnswerKeepsTheOrderOfItsConnection) {
  start(R"({"endpoints": 2, "rules": [{"to": 0, "latency_ms": 30}]})");
  TcpClient client(port_);
  client.send(message(1, "/0") + message(2, "/1") + message(3, "/0"));
  ASSERT_TRUE(client.wait_for_replies(3));
  const Ledger noted = ledger();
  ASSERT_EQ(noted.records().size(), 3u);
  EXPECT_EQ(noted.records()[1].number, 2u);
  EXPECT_GE(noted.records()[1].when_ns - noted.records()[0].when_ns, 25'000'000u);
}

TEST_F(EndpointSinkTest, AResetIsAResetAndNoAnswer) {
  start(R"({"default": {"answers": [{"fault": "reset"}]}})");
  TcpClient client(port_);
  client.send(message(1));
  client.wait_for_replies(1);
  EXPECT_EQ(client.end(), TcpClient::End::kReset);
  EXPECT_EQ(status_noted(0), 0u);
  EXPECT_EQ(stop().faults[static_cast<std::size_t>(SinkFault::kReset)], 1u);
}

TEST_F(EndpointSinkTest, AHangLastsUntilThePeerLeaves) {
  start(R"({"endpoints": 2, "rules": [{"to": 0, "answers": [{"fault": "hang"}]}]})");
  TcpClient hanging(port_);
  hanging.send(message(1));
  TcpClient other(port_);
  EXPECT_EQ(other.exchange(message(2, "/1")).status, 200);
  hanging.poll();
  EXPECT_EQ(hanging.end(), TcpClient::End::kNone);
  EXPECT_TRUE(hanging.received().empty());
  hanging.close();
  EXPECT_EQ(other.exchange(message(3, "/1")).status, 200);
  const Ledger noted = ledger();
  ASSERT_EQ(noted.records().size(), 3u);
  for (const LedgerRecord& record : noted.records())
    EXPECT_EQ(record.status, record.number == 1 ? 0u : 200u);
}

TEST_F(EndpointSinkTest, ADrippingAnswerComesWholeAtLast) {
  start(R"({"default": {"answers": [{"fault": "drip", "drip_ms": 1, "body_bytes": 3}]}})");
  TcpClient client(port_);
  EXPECT_EQ(client.exchange(message(1)).body, "xxx");
  EXPECT_EQ(status_noted(0), 200u);
}

TEST_F(EndpointSinkTest, AWrongLengthIsNoWholeAnswer) {
  start(R"({"default": {"answers": [{"fault": "wrong_length", "body_bytes": 10}]}})");
  TcpClient client(port_);
  client.send(message(1));
  EXPECT_TRUE(client.wait_for_replies(1));  // the connection has ended
  EXPECT_TRUE(client.replies().empty());
  EXPECT_NE(client.received().find("Content-Length: 1010"), std::string::npos);
  EXPECT_EQ(status_noted(0), 0u);
}

TEST_F(EndpointSinkTest, MalformedRequestsAndClosingOnesEndTheConnection) {
  start("{}");
  TcpClient malformed(port_);
  EXPECT_EQ(malformed.exchange("NONSENSE\r\n\r\n").status, 400);
  TcpClient closing(port_);
  EXPECT_EQ(closing.exchange(message(1, "/0", "x", "Connection: close\r\n")).status, 200);
  closing.wait_for_replies(2);
  EXPECT_EQ(closing.end(), TcpClient::End::kClosed);
  const SinkCounters counters = stop();
  EXPECT_EQ(counters.malformed, 1u);
  EXPECT_EQ(counters.requests, 1u);
}

TEST_F(EndpointSinkTest, SignaturesAreCheckedWhereThereIsASecret) {
  start(R"({"default": {"secret": "whsec_aGVsbG8="}})");
  const core::HmacKey key(core::Hash::kSha256, "hello");
  const auto lines = [&](std::string_view body) {
    const std::string signature =
        core::to_base64(key.sign(std::string("msg_1.1700000000.") + std::string(body)).view());
    return "webhook-id: msg_1\r\nwebhook-timestamp: 1700000000\r\nwebhook-signature: v1,AAAA v1," +
           signature + "\r\n";
  };
  TcpClient client(port_);
  client.exchange(message(1, "/0", "good", lines("good")));
  client.exchange(message(2, "/0", "bad!", lines("good")));
  client.exchange(message(3, "/0", "none"));
  const Ledger noted = ledger();
  EXPECT_EQ(noted.records()[0].event, LedgerEvent::kReceived);
  EXPECT_EQ(noted.records()[1].event, LedgerEvent::kBadSignature);
  EXPECT_EQ(noted.records()[2].event, LedgerEvent::kBadSignature);
  EXPECT_EQ(stop().bad_signatures, 2u);
}

}  // namespace
}  // namespace headrace::bench_tools
