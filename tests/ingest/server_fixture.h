// SPDX-License-Identifier: Apache-2.0
// An HttpServer on a real loopback socket, whose loop, clock and handler the test drives by hand.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "core/loop.h"
#include "ingest/http_server.h"
#include "tests/support/manual_clock.h"
#include "tests/support/tcp_client.h"

namespace headrace::ingest {

// Keeps what it is given; answers at once, or when the test says so.
class ScriptedHandler final : public HttpHandler {
 public:
  struct Taken {
    std::string method, target, body;
    std::string peer;
    std::size_t fields = 0;
    ResponseToken token{};
    core::BufferRef buffer;
  };

  HeadDecision on_head(const core::RequestHead& head, const char* base) noexcept override;
  void on_request(const IncomingRequest& request, ResponseToken token) noexcept override;

  HttpServer* server = nullptr;
  bool answer_at_once = true;
  std::optional<std::string> answer;  // what with; by default the body that came
  HeadDecision decision;
  std::size_t heads = 0;
  std::vector<Taken> taken;
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest();
  ~HttpServerTest() override;

  // Listens; called by the constructor of most tests' fixtures through connect().
  void start(std::size_t pool_bytes = 64 << 20, const HttpServerOptions& options = {});
  std::unique_ptr<test::TcpClient> connect(int receive_bytes = 0);
  // The same for a client that the server does not take.
  std::unique_ptr<test::TcpClient> connect_unserved();

  // Turns the loop until the condition holds; fails the test when it never does.
  void run_until(const std::function<bool()>& condition);
  void run_turns(std::size_t count);
  // Time passes, and the loop sees it.
  void pass(std::chrono::milliseconds by);

  // Sends all of it, turning the loop whenever the kernel is full, until the client's connection
  // ends.
  void send_all(test::TcpClient& client, std::string_view bytes);
  void run_until_replies(test::TcpClient& client, std::size_t count, bool to_head = false);
  void run_until_ended(test::TcpClient& client);
  void run_until_taken(std::size_t count);
  test::HttpReply exchange(test::TcpClient& client, std::string_view request, bool to_head = false);
  void respond(std::size_t request, std::string_view body);
  void stop();

  // The one reply to `request` on a connection of its own, which must then end in order.
  test::HttpReply refusal_of(std::string_view request);

  test::ManualClock clock;
  core::Loop loop{clock};
  std::unique_ptr<core::BufferPool> pool;
  ScriptedHandler handler;
  std::unique_ptr<HttpServer> server;
  std::uint16_t port = 0;
};

}  // namespace headrace::ingest
