// SPDX-License-Identifier: Apache-2.0
// What tests of loads share: a server on loopback that is told what to answer, and a load on it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "tests/dispatch/certificates.h"
#include "tests/support/fake_endpoint.h"
#include "tools/bench/load.h"
#include "tools/bench/load_target.h"

namespace headrace::bench_tools {

inline constexpr std::uint64_t kMs = 1'000'000;
using test::FakeEndpoint;

// An endpoint with a loop and a thread of its own.
class Server {
 public:
  explicit Server(FakeEndpoint::Script script, SSL_CTX* tls = nullptr) {
    thread_.start();
    thread_.run_and_wait([&] {
      endpoint_ = std::make_unique<FakeEndpoint>(thread_.loop(), std::move(script), tls);
    });
  }
  ~Server() {
    if (endpoint_) stop();
  }

  // What it got.
  std::vector<FakeEndpoint::Request> stop() {
    std::vector<FakeEndpoint::Request> requests;
    thread_.run_and_wait([this] { endpoint_->stop(); });
    for (bool stopped = false; !stopped;) {
      thread_.run_and_wait([&] {
        stopped = endpoint_->stopped();
        if (!stopped) return;
        connections_ = endpoint_->connections();
        requests = endpoint_->requests();
        endpoint_.reset();
      });
    }
    thread_.stop();
    return requests;
  }

  void close_on_accept() {
    thread_.run_and_wait([this] { endpoint_->close_on_accept(true); });
  }
  // From then on that it took so many, which the kernel did before.
  void close_on_accept_after(std::size_t connections) {
    for (bool done = false; !done;) {
      thread_.run_and_wait([&] {
        done = endpoint_->connections() >= connections;
        endpoint_->close_on_accept(done);
      });
    }
  }

  // Of its script only: how many connections it took.
  std::size_t accepted() const noexcept { return endpoint_->connections(); }
  std::uint16_t port() const noexcept { return endpoint_->port(); }
  int thread() {
    int id = 0;
    thread_.run_and_wait([&id] { id = gettid(); });
    return id;
  }
  std::size_t connections() const noexcept { return connections_; }

 private:
  core::SystemClock clock_;
  core::LoopThread thread_{clock_, "server"};
  std::unique_ptr<FakeEndpoint> endpoint_;
  std::size_t connections_ = 0;
};

inline FakeEndpoint::Script always(int status) {
  return [status](const FakeEndpoint::Request&) { return FakeEndpoint::answer(status, "ok"); };
}

struct Load {
  LoadOptions options;
  MessagesOptions messages;

  explicit Load(std::uint16_t port) {
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/in/a";
    const auto targets = parse_targets({url});
    options.server = *resolve(*targets);
    options.arrivals = {.per_second = 1000, .duration_ns = 200 * kMs};
    options.connections = 4;
    options.run = messages.run = 7;
    messages.links = targets->links;
    messages.corpus = *generate({.size = {.bytes = 1000, .bytes_max = 1000}, .count = 3});
    // How busy the machine is that runs the tests must not matter.
    options.late_share_max = 1;
    options.timeout_ns = options.drain_ns = 300'000 * kMs;
  }

  Result<LoadResult> run() {
    messages.close = options.churn;
    const auto made = Messages::make(std::move(messages));
    EXPECT_TRUE(made);
    return run_load(options, **made, stop);
  }

  std::atomic<bool> stop{false};
};

inline std::set<std::string> ids(const std::vector<FakeEndpoint::Request>& requests) {
  std::set<std::string> all;
  for (const auto& request : requests) all.insert(request.header("bench-message"));
  return all;
}

class LoadTlsTest : public testing::Test {
 protected:
  explicit LoadTlsTest() : certificate_(root_.server({.host = "127.0.0.1", .address = true})) {}

  std::shared_ptr<const LoadTls> trusting(const std::string& host = "127.0.0.1") {
    return *LoadTls::make({.host = host, .roots_file = root_.file()});
  }

  dispatch::TestRoot root_;
  dispatch::TestRoot::ServerContext certificate_;
};

}  // namespace headrace::bench_tools
