// SPDX-License-Identifier: Apache-2.0
// A shard with everything around it on one loop that the test turns by hand, at a time that the
// test sets.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/snapshot.h"
#include "dispatch/shard.h"
#include "tests/support/fake_endpoint.h"

namespace headrace::dispatch {

// Names that a test made up; a name that is not there cannot be resolved. Answers in the next turn
// of the loop.
class TableResolver final : public Resolver {
 public:
  explicit TableResolver(core::Loop& loop) : loop_(loop) {}
  std::unordered_map<std::string, Addresses> names;
  bool hang = false;
  std::size_t asked = 0;

  std::optional<Addresses> resolve(std::string_view host, ResolveRequest& request) override;
  void cancel(ResolveRequest& request) noexcept override { std::erase(waiting_, &request); }

 private:
  core::Loop& loop_;
  std::vector<ResolveRequest*> waiting_;
};

class ManualClock final : public core::Clock {
 public:
  static constexpr core::WallMs kStart = 1'700'000'000'000;

  std::uint64_t steady_ns() const noexcept override {
    return (kSteadyStart + passed_ms_) * 1'000'000;
  }
  core::WallMs wall_ms() const noexcept override { return kStart + passed_ms_; }
  void advance(std::chrono::milliseconds by) noexcept {
    passed_ms_ += static_cast<std::uint64_t>(by.count());
  }

 private:
  static constexpr std::uint64_t kSteadyStart = 1'000'000;
  std::uint64_t passed_ms_ = 0;
};

// Keeps the names of what was logged.
class EventLog final : public core::LogSink {
 public:
  void write(core::LogLevel, std::string_view event, std::string_view,
             std::initializer_list<core::LogField>) noexcept override {
    events.emplace_back(event);
  }
  std::vector<std::string> events;
};

class ShardTest : public testing::Test {
 protected:
  static constexpr core::EndpointNumber kEndpoint{7};
  static constexpr std::string_view kBody = R"({"action":"opened","number":2})";
  static constexpr std::string_view kHeaders =
      "Content-Type: application/json\r\nX-GitHub-Event: issues\r\nUser-Agent: "
      "GitHub-Hookshot/1\r\n";

  ShardTest();
  ~ShardTest() override;

  // Makes and starts the shard; before it, `options` and `tls` may be set.
  void start();
  void stop_shard();

  test::FakeEndpoint& serve(test::FakeEndpoint::Script script, SSL_CTX* context = nullptr);
  // Always the same answer.
  test::FakeEndpoint& serve(test::FakeEndpoint::Reply reply, SSL_CTX* context = nullptr);

  // Publishes a table with this endpoint added or replaced.
  void set_endpoint(EndpointSettings settings);
  void remove_endpoint(core::EndpointNumber number);
  static EndpointSettings settings_for(std::string url, core::EndpointNumber number = kEndpoint);

  store::Delivery delivery(std::uint64_t message, std::string_view body = kBody,
                           std::string_view headers = kHeaders);
  void push(store::Delivery delivery);
  // Pushes messages `first` to `first + count - 1` for kEndpoint.
  void push_many(std::uint64_t first, std::size_t count);

  // Turns the loop until `condition` holds; fails the test when it does not within many turns.
  void run_until(const std::function<bool()>& condition);
  void run_turns(std::size_t count);
  // Lets `by` pass and the loop see it.
  void pass(std::chrono::milliseconds by);
  // One delivery through: pushes it and returns its outcome.
  store::Outcome deliver(store::Delivery delivery);
  void run_until_outcomes(std::size_t count);

  ManualClock clock;
  core::Loop loop{clock};
  core::BufferPool payloads{64 << 20};
  core::BufferPool answers{64 << 20};
  EventLog log;
  TableResolver resolver{loop};
  AddressFilter addresses{*AddressFilter::parse({"127.0.0.0/8", "::1"})};
  ShardOptions options;
  std::unique_ptr<TlsContext> tls;
  Transport* transport = nullptr;  // null: TCP
  core::Mailbox<store::Delivery> deliveries{core::limits::kDeliveryMailboxSize};
  core::Mailbox<store::Outcome> outcome_mail{core::limits::kOutcomeMailboxSize};
  core::Mailbox<store::Delivery>::Sender sender{deliveries};
  core::SnapshotCell<EndpointTable> endpoints{std::make_shared<EndpointTable>()};
  EndpointTable published;
  std::vector<std::unique_ptr<test::FakeEndpoint>> servers;
  std::vector<store::Outcome> outcomes;
  std::unique_ptr<Shard> shard;

 private:
  void publish();
  void collect();
};

// A loopback port that refuses connections for as long as this lives.
class RefusingPort {
 public:
  RefusingPort();
  ~RefusingPort();
  std::string url() const;
  std::uint16_t port() const noexcept { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

}  // namespace headrace::dispatch
