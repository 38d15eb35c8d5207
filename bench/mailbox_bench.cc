// SPDX-License-Identifier: Apache-2.0
// The mailbox: a batch through it on one thread, and a letter to another loop and back.
// allocs_per_op must be 0; the program fails when it is not.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "bench/cost.h"
#include "core/clock.h"
#include "core/loop.h"
#include "core/mailbox.h"

namespace headrace::core {
namespace {

struct Letter {
  std::array<std::uint64_t, 8> words;  // about what a delivery is
};

constexpr std::size_t kBatch = 64;

void finish(benchmark::State& state, const bench::Cost& cost, std::size_t letters) {
  const std::uint64_t made = cost.report_rounds(state, letters * sizeof(Letter));
  if (made / static_cast<std::uint64_t>(state.iterations()) != 0)
    state.SkipWithError("the mailbox allocated");
}

void BM_BatchOf64(benchmark::State& state) {
  Mailbox<Letter> mailbox(1024);
  Mailbox<Letter>::Sender sender(mailbox);
  std::array<Letter, kBatch> batch{};
  const bench::Cost cost;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) benchmark::DoNotOptimize(sender.try_push(Letter{{i}}));
    benchmark::DoNotOptimize(mailbox.drain(batch));
  }
  finish(state, cost, kBatch);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(BM_BatchOf64);

// Counts what arrives, so that the bench can wait for it.
struct Counting {
  Mailbox<Letter> mailbox{1024};
  std::atomic<std::uint64_t> received{0};

  static void on_mail(void* self) noexcept {
    auto& counting = *static_cast<Counting*>(self);
    std::array<Letter, kBatch> batch;
    const std::size_t count = counting.mailbox.drain(batch);
    if (count == batch.size()) counting.mailbox.rearm();
    if (count == 0) return;
    counting.received.fetch_add(count, std::memory_order_release);
    counting.received.notify_one();
  }
};

// A letter to a sleeping loop, and the news of its arrival: two wake-ups of threads.
void BM_WakeASleepingLoop(benchmark::State& state) {
  const SystemClock clock;
  LoopThread thread(clock, "bench");
  Counting counting;
  counting.mailbox.open(thread.loop(), &Counting::on_mail, &counting);
  thread.start();
  {
    Mailbox<Letter>::Sender sender(counting.mailbox);
    const bench::Cost cost;
    std::uint64_t sent = 0;
    for (auto _ : state) {
      sender.try_push(Letter{});
      sender.notify();
      ++sent;
      for (std::uint64_t seen;
           (seen = counting.received.load(std::memory_order_acquire)) != sent;) {
        counting.received.wait(seen, std::memory_order_acquire);
      }
    }
    finish(state, cost, 1);
  }
  thread.run_and_wait([&] { counting.mailbox.close(); });
  thread.stop();
}
BENCHMARK(BM_WakeASleepingLoop)->UseRealTime();

}  // namespace
}  // namespace headrace::core

BENCHMARK_MAIN();
