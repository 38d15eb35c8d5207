// SPDX-License-Identifier: Apache-2.0
#include "tests/ingest/server_fixture.h"

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>

#include "ingest/listener.h"

namespace headrace::ingest {
namespace {

// Far more turns than anything here needs, yet an end for a test that fails.
constexpr std::size_t kTurnsMax = 1'000'000;

}  // namespace

HeadDecision ScriptedHandler::on_head(const core::RequestHead&, const char*) noexcept {
  ++heads;
  return decision;
}

void ScriptedHandler::on_request(const IncomingRequest& request, ResponseToken token) noexcept {
  const char* const base = request.base;
  Taken made{std::string(core::to_string(request.head.method)),
             std::string(request.head.target.in(base)),
             std::string(request.in_buffer(request.body).in(request.buffer)),
             request.peer.to_string(),
             request.head.field_count,
             token,
             request.buffer};
  if (answer_at_once) {
    made.buffer.reset();
    const std::string& body = answer ? *answer : made.body;
    server->respond(token, {.content_type = "text/plain", .body = body});
  }
  taken.push_back(std::move(made));
}

HttpServerTest::HttpServerTest() {
  signal(SIGPIPE, SIG_IGN);  // as on the threads of loops, where it is blocked
  start();
}

HttpServerTest::~HttpServerTest() { stop(); }

void HttpServerTest::start(std::size_t pool_bytes, const HttpServerOptions& options) {
  stop();
  pool = std::make_unique<core::BufferPool>(pool_bytes);
  server = std::make_unique<HttpServer>(loop, *pool, handler, options);
  handler.server = server.get();
  auto socket = BoundSocket::bind(*ListenAddress::parse("127.0.0.1:0"));
  ASSERT_TRUE(socket);
  const ListenAddress bound = socket->address();
  port = ntohs(reinterpret_cast<const sockaddr_in&>(bound.address).sin_port);
  ASSERT_TRUE(server->listen(std::move(*socket)));
}

void HttpServerTest::stop() {
  if (server == nullptr) return;
  bool stopped = false;
  server->stop([&] { stopped = true; });
  run_until([&] { return stopped; });
  handler.taken.clear();
  server.reset();
  pool.reset();
}

std::unique_ptr<test::TcpClient> HttpServerTest::connect(int receive_bytes) {
  const std::uint64_t before = server->counters().connections.value();
  auto client = std::make_unique<test::TcpClient>(port, receive_bytes);
  run_until([&] { return server->counters().connections.value() > before; });
  return client;
}

std::unique_ptr<test::TcpClient> HttpServerTest::connect_unserved() {
  return std::make_unique<test::TcpClient>(port);
}

void HttpServerTest::run_until(const std::function<bool()>& condition) {
  for (std::size_t i = 0; i < kTurnsMax; ++i) {
    if (condition()) return;
    loop.run_once();
    if (i % 64 == 63) sched_yield();
  }
  FAIL() << "what the test waits for did not happen";
}

void HttpServerTest::run_turns(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) loop.run_once();
}

void HttpServerTest::pass(std::chrono::milliseconds by) {
  clock.advance(by);
  run_turns(3);
}

void HttpServerTest::send_all(test::TcpClient& client, std::string_view bytes) {
  run_until([&] {
    bytes.remove_prefix(client.send(bytes));
    client.poll();
    return bytes.empty() || client.end() != test::TcpClient::End::kNone;
  });
}

void HttpServerTest::run_until_replies(test::TcpClient& client, std::size_t count, bool to_head) {
  run_until([&] {
    client.poll();
    return client.replies(to_head).size() >= count || client.end() != test::TcpClient::End::kNone;
  });
  EXPECT_GE(client.replies(to_head).size(), count) << client.received();
}

void HttpServerTest::run_until_ended(test::TcpClient& client) {
  run_until([&] {
    client.poll();
    return client.end() != test::TcpClient::End::kNone;
  });
}

void HttpServerTest::run_until_taken(std::size_t count) {
  run_until([&] { return handler.taken.size() >= count; });
}

test::HttpReply HttpServerTest::exchange(test::TcpClient& client, std::string_view request,
                                         bool to_head) {
  const std::size_t before = client.replies(to_head).size();
  send_all(client, request);
  run_until_replies(client, before + 1, to_head);
  const auto replies = client.replies(to_head);
  return replies.size() > before ? replies[before] : test::HttpReply{};
}

void HttpServerTest::respond(std::size_t request, std::string_view body) {
  handler.taken.at(request).buffer.reset();
  server->respond(handler.taken.at(request).token, {.content_type = "text/plain", .body = body});
}

test::HttpReply HttpServerTest::refusal_of(std::string_view request) {
  const auto client = connect();
  send_all(*client, request);
  run_until_ended(*client);
  EXPECT_EQ(client->end(), test::TcpClient::End::kClosed);
  const auto replies = client->replies();
  EXPECT_EQ(replies.size(), 1u) << client->received();
  return replies.empty() ? test::HttpReply{} : replies.front();
}

}  // namespace headrace::ingest
