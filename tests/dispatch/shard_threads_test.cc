// SPDX-License-Identifier: Apache-2.0
// A shard on its own thread, fed from one thread and answered to on another, as in the engine.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/no_names.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "dispatch/shard.h"
#include "tests/support/fake_endpoint.h"

namespace headrace::dispatch {

namespace {

// Counts outcomes on its own loop.
struct Collector {
  core::Mailbox<store::Outcome> mail{core::limits::kOutcomeMailboxSize};
  std::array<store::Outcome, 64> batch;
  std::size_t expected = 0;
  std::size_t delivered = 0;
  std::size_t all = 0;
  std::promise<void> complete;

  static void on_mail(void* self) noexcept { static_cast<Collector*>(self)->collect(); }
  void collect() {
    for (std::size_t count = 0; (count = mail.drain(batch)) != 0;) {
      for (std::size_t i = 0; i < count; ++i) {
        delivered += batch[i].verdict == store::Verdict::kDelivered ? 1 : 0;
        batch[i] = {};
      }
      all += count;
      if (all == expected) complete.set_value();
    }
  }
};

}  // namespace

TEST(ShardThreadsTest, DeliveriesOfAnotherThreadAllArriveAndAreReported) {
  constexpr std::size_t kDeliveries = 2000;
  core::SystemClock clock;
  core::NullLogSink log;
  core::BufferPool payloads{64 << 20};
  core::BufferPool answers{64 << 20};
  core::LoopThread server_thread{clock, "server"};
  core::LoopThread shard_thread{clock, "shard"};
  core::LoopThread collector_thread{clock, "collector"};
  server_thread.start();
  shard_thread.start();
  collector_thread.start();

  std::unique_ptr<test::FakeEndpoint> server;
  server_thread.run_and_wait([&] {
    server = std::make_unique<test::FakeEndpoint>(
        server_thread.loop(), [](const auto&) { return test::FakeEndpoint::answer(200, "ok"); });
    server->keep_requests(false);
  });
  EndpointSettings settings;
  settings.number = core::EndpointNumber{1};
  settings.url = server->url();
  EndpointTable table;
  table.put(*make_endpoint(std::move(settings)));
  core::SnapshotCell<EndpointTable> endpoints{std::make_shared<const EndpointTable>(table)};

  bench::NoNames resolver;
  core::Mailbox<store::Delivery> deliveries{core::limits::kDeliveryMailboxSize};
  Collector collector;
  collector.expected = kDeliveries;
  std::unique_ptr<Shard> shard;
  collector_thread.run_and_wait(
      [&] { collector.mail.open(collector_thread.loop(), &Collector::on_mail, &collector); });
  shard_thread.run_and_wait([&] {
    shard = std::make_unique<Shard>(
        shard_thread.loop(),
        ShardLinks{deliveries, collector.mail, endpoints, resolver, answers, log, nullptr},
        ShardOptions{.allowed = [](const auto&, const auto&) { return true; }, .plain_http = true});
    shard->start();
  });

  {
    core::Mailbox<store::Delivery>::Sender sender{deliveries};
    for (std::size_t i = 0; i < kDeliveries; ++i) {
      store::Delivery delivery;
      delivery.endpoint = core::EndpointNumber{1};
      delivery.message = MessageId{{i + 1, 0}};
      delivery.payload.buffer = payloads.acquire(100);
      delivery.payload.body = {0, 100};
      std::fill_n(delivery.payload.buffer.data(), 100, 'x');
      while (!sender.try_push(std::move(delivery))) std::this_thread::yield();
      if (i % 16 == 0 || i + 1 == kDeliveries) sender.notify();
      // What the lane's window cannot hold would be handed back.
      if (i % 512 == 511) {
        while (shard->counters().delivered.value() + 512 < i) std::this_thread::yield();
      }
    }
    collector.complete.get_future().wait();
    EXPECT_EQ(shard->counters().delivered.value(), kDeliveries);
  }

  std::promise<void> stopped;
  shard_thread.loop().post([&] { shard->stop([&] { stopped.set_value(); }); });
  stopped.get_future().wait();
  shard_thread.run_and_wait([&] { shard.reset(); });
  collector_thread.run_and_wait([&] { collector.mail.close(); });
  collector_thread.run_and_wait([] {});
  EXPECT_EQ(collector.delivered, kDeliveries);
  std::atomic<bool> closed{false};
  server_thread.run_and_wait([&] { server->stop(); });
  while (!closed) {
    server_thread.run_and_wait([&] { closed = server->stopped(); });
  }
  server_thread.run_and_wait([&] { server.reset(); });
  shard_thread.stop();
  collector_thread.stop();
  server_thread.stop();
}

}  // namespace headrace::dispatch
