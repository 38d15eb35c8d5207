// SPDX-License-Identifier: Apache-2.0
// What the loops of a server have in common, used by several threads at once as in the engine.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"
#include "ingest/http_server.h"
#include "ingest/peer_counts.h"
#include "ingest/tls_server.h"
#include "tests/ingest/tls_files.h"
#include "tests/support/tcp_client.h"

namespace headrace::ingest {
namespace {

using test::TcpClient;
using test::TlsClient;

constexpr std::size_t kPolls = 200'000'000;  // an end for a test that fails

class EchoHandler final : public HttpHandler {
 public:
  HeadDecision on_head(const core::RequestHead&, const char*) noexcept override { return {}; }
  void on_request(const IncomingRequest& request, ResponseToken token) noexcept override {
    server->respond(token, {.content_type = "text/plain", .body = request.body.in(request.base)});
  }
  HttpServer* server = nullptr;
};

// A loop of a server, on its own thread.
class ServingLoop {
 public:
  ServingLoop(const core::Clock& clock, const HttpServerOptions& options, BoundSocket socket)
      : thread_(clock, "serving") {
    thread_.start();
    thread_.run_and_wait([&] {
      server_ = std::make_unique<HttpServer>(thread_.loop(), pool_, handler_, options);
      handler_.server = server_.get();
      EXPECT_TRUE(server_->listen(std::move(socket)));
    });
  }
  ~ServingLoop() {
    std::promise<void> stopped;
    thread_.loop().post([&] { server_->stop([&] { stopped.set_value(); }); });
    stopped.get_future().wait();
    thread_.run_and_wait([&] { server_.reset(); });
    thread_.stop();
  }

 private:
  core::LoopThread thread_;
  core::BufferPool pool_{16 << 20};
  EchoHandler handler_;
  std::unique_ptr<HttpServer> server_;
};

// The serial number of the certificate that a request was answered under; 0: it was not.
long serial_of_answer(std::uint16_t port) {
  TcpClient tcp(port);
  TlsClient tls(tcp, {});
  bool asked = false;
  for (std::size_t i = 0; i < kPolls; ++i) {
    tls.poll();
    if (tls.failed() || tcp.end() != TcpClient::End::kNone) return 0;
    if (!asked && tls.established()) {
      tls.write(test::http_request("POST", "/", "echo"));
      asked = true;
    }
    const auto replies = test::replies_in(tls.received());
    if (!replies.empty()) return replies[0].body == "echo" ? tls.serial() : 0;
    std::this_thread::yield();
  }
  return 0;
}

TEST(ServerThreadsTest, ClientHasItsShareWhicheverLoopsItComesTo) {
  constexpr std::size_t kThreads = 4, kShare = 10, kRounds = 2000;
  PeerCounts counts(kShare);
  const core::IpAddress peer = *core::IpAddress::parse("192.0.2.1");
  const core::IpAddress other = *core::IpAddress::parse("2001:db8::1");
  std::atomic<std::size_t> held{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (std::size_t round = 0; round < kRounds; ++round) {
        std::size_t mine = 0;
        for (; mine < kShare && counts.add(peer); ++mine) {
          if (held.fetch_add(1) + 1 > kShare) exceeded = true;
        }
        if (counts.add(other)) counts.remove(other);
        for (; mine != 0; --mine) {
          --held;  // before the place is free for another
          counts.remove(peer);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(counts.peers(), 0u);
  for (std::size_t i = 0; i < kShare; ++i) EXPECT_TRUE(counts.add(peer));
  EXPECT_FALSE(counts.add(peer));
}

// Nothing but the hand-over itself, often: what is around it in a handshake takes so many locks of
// OpenSSL's that a thread sanitizer seldom sees the two meet.
TEST(ServerThreadsTest, StreamsBeginWhileCertificatesChange) {
  constexpr std::size_t kReloads = 300;
  test::TlsFiles files;
  files.make("server");
  auto tls = TlsServer::make({files.path("server.pem"), files.path("server.key"), ""});
  ASSERT_TRUE(tls) << tls.error().what;
  std::atomic<bool> over{false};
  std::atomic<std::size_t> begun{0}, failed{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!over) {
        TlsServerStream stream;
        if (!stream.start(**tls)) ++failed;
        begun.fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  for (std::size_t i = 0; i < kReloads; ++i) EXPECT_TRUE((*tls)->reload());
  while (begun.load(std::memory_order_relaxed) == 0) std::this_thread::yield();
  over = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failed, 0u);
}

TEST(ServerThreadsTest, CertificatesChangeWhileLoopsShakeHands) {
  constexpr std::size_t kLoops = 2, kClients = 2, kConnections = 30;
  test::TlsFiles files;
  files.make("server");
  auto tls = TlsServer::make({files.path("server.pem"), files.path("server.key"), ""});
  ASSERT_TRUE(tls) << tls.error().what;
  PeerCounts peers(kClients * kConnections + 2);  // a closed one may still be counted
  core::SystemClock clock;
  HttpServerOptions options;
  options.tls = tls->get();
  options.peers = &peers;

  auto address = *ListenAddress::parse("127.0.0.1:0");
  std::vector<std::unique_ptr<ServingLoop>> loops;
  for (std::size_t i = 0; i < kLoops; ++i) {
    auto socket = BoundSocket::bind(address);
    ASSERT_TRUE(socket);
    address = socket->address();
    loops.push_back(std::make_unique<ServingLoop>(clock, options, std::move(*socket)));
  }
  const std::uint16_t port = ntohs(reinterpret_cast<const sockaddr_in&>(address.address).sin_port);

  const long first = serial_of_answer(port);
  EXPECT_NE(first, 0);
  std::atomic<std::size_t> busy{kClients}, unanswered{0};
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      for (std::size_t n = 0; n < kConnections; ++n) {
        if (serial_of_answer(port) == 0) ++unanswered;
      }
      --busy;
    });
  }
  do {
    files.make("server");
    EXPECT_TRUE((*tls)->reload());
  } while (busy != 0);
  for (auto& client : clients) client.join();
  EXPECT_EQ(unanswered, 0u);
  EXPECT_NE(serial_of_answer(port), first);
  loops.clear();
  EXPECT_EQ(peers.peers(), 0u);
}

}  // namespace
}  // namespace headrace::ingest
