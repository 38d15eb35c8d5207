// SPDX-License-Identifier: Apache-2.0
// Whether endpoints that make trouble are felt by the others: a hundred endpoints, the same steady
// load throughout, and in every other phase three of the hundred are bad (bench/bad_receivers.h).
//
// What counts is the time from when a message is due (the load is open-loop: it does not wait for
// answers, and a message that is handed in late has its lateness counted) to when the receiver has
// it, over the 97 that are well in all phases. "after accepting" is the part of it behind the
// durable write, which is the dispatch's alone.
//
// Everything shares the machine: engine, load and receivers. So each phase with bad ones is
// compared with the phases without before and after it, and how far those two differ says what the
// comparison is worth.
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bench/bad_receivers.h"
#include "bench/order_sink.h"
#include "bench/scratch_directory.h"
#include "bench/shop.h"
#include "core/check.h"
#include "core/clock.h"
#include "headrace/engine.h"

namespace headrace {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBad = 3;
constexpr double kNoiseMax = 1.2;
// What came after the last message of a phase belongs to it.
constexpr auto kSettleMax = std::chrono::seconds(30);
// Between phases, so that one does not have the other's aftermath in it.
constexpr double kRestSeconds = 2;

struct Options {
  std::size_t healthy = 97;
  double rate = 800;  // deliveries a second, all endpoints together
  double phase_seconds = 20;
  std::size_t rounds = 5;
  std::size_t body_bytes = 1'024;
  bool fan_out = false;  // each message to all endpoints, instead of to one
  double ratio_max = 1.2;
};

struct Times {
  std::vector<double> total_us;
  std::vector<double> after_accepting_us;
};

// A message; two threads write one time each.
struct Sample {
  std::int64_t due_at = 0;
  std::atomic<std::int64_t> accepted_at{0};
  std::atomic<std::int64_t> received_at{0};
};

std::int64_t now_ns() noexcept { return Clock::now().time_since_epoch().count(); }

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}
double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

std::size_t messages_of(const Options& options) {
  const double copies = options.fan_out ? static_cast<double>(options.healthy + kBad) : 1;
  return static_cast<std::size_t>(options.rate * options.phase_seconds / copies);
}
// One to warm up, then one without bad ones around each with.
std::size_t phases_of(const Options& options) { return 2 * options.rounds + 2; }

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        count_(messages_of(options)),
        samples_(count_ * phases_of(options)),
        sink_(clock_, "127.0.0.1:0", [this](std::optional<std::uint64_t> n) { received(n); }) {
    auto engine = Engine::open({.data_directory = directory_.path(),
                                .public_url = "http://localhost",
                                .drain_grace = std::chrono::milliseconds(100),
                                .endpoint_allow = {"127.0.0.0/8"},
                                .plain_http_endpoints = true});
    HEADRACE_CHECK(engine.has_value());
    engine_ = std::move(*engine);
    shop_ = std::make_unique<bench::Shop>(*engine_);
    for (std::size_t i = 0; i < options_.healthy; ++i) {
      well_.push_back(add("well-" + std::to_string(i), sink_.address()));
    }
  }
  ~Bench() { engine_->close(); }

  // One phase. All of the healthy ones' messages came when it returns.
  Times phase(bool with_bad) {
    std::unique_ptr<bench::BadReceivers> bad;
    if (with_bad) bad = std::make_unique<bench::BadReceivers>();
    std::vector<bench::ShopEndpoint> targets = well_;
    for (std::size_t i = 0; i < kBad; ++i) {
      const std::string name = std::to_string(phases_) + "-" + std::to_string(i);
      targets.push_back(add(name, with_bad ? bad->addresses()[i] : sink_.address()));
    }
    ++phases_;
    rest();
    wait_for(load(targets, !with_bad));
    for (std::size_t i = options_.healthy; i < targets.size(); ++i) shop_->remove(targets[i]);
    HEADRACE_CHECK(!bad || options_.phase_seconds < 1 || bad->connections() != 0);
    rest();
    const Times taken = times();
    base_ += count_;
    return taken;
  }

 private:
  bench::ShopEndpoint add(const std::string& name, const std::string& address) {
    // Short delays, so that the bad ones are tried all through a phase.
    const std::vector<std::chrono::milliseconds> retries(100, std::chrono::milliseconds(500));
    return shop_->add("product-" + name, "http://" + address + "/hooks/" + name, retries);
  }

  // The number in an order says which sample it is. Returns how many deliveries must come.
  std::size_t load(const std::vector<bench::ShopEndpoint>& targets, bool all_well) {
    const std::size_t well = all_well ? targets.size() : options_.healthy;
    std::size_t wanted = 0;
    arrived_.store(0);
    unanswered_.store(count_);
    bench::OrderText order(options_.body_bytes);
    const auto begin = Clock::now() + std::chrono::milliseconds(10);
    for (std::size_t i = 0; i < count_; ++i) {
      const auto due =
          begin +
          std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
              options_.phase_seconds * static_cast<double>(i) / static_cast<double>(count_)));
      pause_until(due);
      Sample& sample = samples_[base_ + i];
      sample.due_at = due.time_since_epoch().count();
      const std::size_t target = i % targets.size();
      wanted += options_.fan_out ? well : target < well ? 1 : 0;
      submit(options_.fan_out ? shop_->token() : targets[target].token, order.with(base_ + i),
             sample);
    }
    return wanted;
  }
  void submit(const std::string& token, std::string_view body, Sample& sample) {
    engine_->submit({.link_token = token, .body = body, .content_type = "application/json"},
                    [this, &sample](SubmitStatus status, MessageId) {
                      HEADRACE_CHECK(status == SubmitStatus::kStored);
                      sample.accepted_at.store(now_ns());
                      unanswered_.fetch_sub(1);
                    });
  }
  void received(std::optional<std::uint64_t> number) {
    HEADRACE_CHECK(number.has_value());
    samples_.at(*number).received_at.store(now_ns());  // of a fan-out, the last one's
    arrived_.fetch_add(1);
  }
  void wait_for(std::size_t wanted) {
    const auto limit = Clock::now() + kSettleMax;
    while (Clock::now() < limit && (arrived_.load() < wanted || unanswered_.load() != 0)) {
      pause_until(Clock::now() + std::chrono::milliseconds(5));
    }
    HEADRACE_CHECK(arrived_.load() == wanted && unanswered_.load() == 0);
  }
  void rest() {
    const double seconds = std::min(kRestSeconds, options_.phase_seconds / 4);
    pause_until(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(seconds)));
  }
  void pause_until(Clock::time_point when) {
    std::unique_lock lock(mutex_);
    never_.wait_until(lock, when, [] { return false; });
  }

  Times times() {
    Times times;
    for (std::size_t i = 0; i < count_; ++i) {
      const Sample& sample = samples_[base_ + i];
      const std::size_t target = i % (options_.healthy + kBad);
      if (!options_.fan_out && target >= options_.healthy) continue;
      times.total_us.push_back(static_cast<double>(sample.received_at - sample.due_at) / 1e3);
      // The receiver may be told before whoever handed the message in.
      const std::int64_t after = sample.received_at - sample.accepted_at;
      times.after_accepting_us.push_back(static_cast<double>(std::max<std::int64_t>(0, after)) /
                                         1e3);
    }
    return times;
  }

  const Options options_;
  const core::SystemClock clock_;
  const bench::ScratchDirectory directory_;
  const std::size_t count_;      // messages of a phase
  std::vector<Sample> samples_;  // of all phases
  std::size_t base_ = 0;         // of this phase
  std::atomic<std::size_t> arrived_{0};
  std::atomic<std::size_t> unanswered_{0};
  bench::OrderSink sink_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<bench::Shop> shop_;
  std::vector<bench::ShopEndpoint> well_;
  std::size_t phases_ = 0;
  std::mutex mutex_;
  std::condition_variable never_;
};

struct Phase {
  double p50_us = 0;
  double p99_us = 0;
  double after_p50_us = 0;
  double after_p99_us = 0;
};

Phase summary(const Times& times) {
  return {quantile(times.total_us, 0.5), quantile(times.total_us, 0.99),
          quantile(times.after_accepting_us, 0.5), quantile(times.after_accepting_us, 0.99)};
}

void print(const char* name, const Phase& phase) {
  std::printf("%-10s  p50 %8.0f  p99 %8.0f   after accepting: p50 %6.0f  p99 %6.0f\n", name,
              phase.p50_us, phase.p99_us, phase.after_p50_us, phase.after_p99_us);
  std::fflush(stdout);
}

double mean(double a, double b) { return (a + b) / 2; }
double spread(double a, double b) { return std::max(a, b) / std::max(1.0, std::min(a, b)); }

// The ratios of each phase with bad ones to the mean of its neighbours, and of the neighbours to
// each other; medians.
struct Verdict {
  double p50 = 0, p99 = 0, after_p50 = 0, after_p99 = 0, noise = 0;
};

Verdict judge(const std::vector<Phase>& well, const std::vector<Phase>& bad) {
  std::vector<double> p50, p99, after_p50, after_p99, noise;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const Phase& before = well[i];
    const Phase& after = well[i + 1];
    p50.push_back(bad[i].p50_us / mean(before.p50_us, after.p50_us));
    p99.push_back(bad[i].p99_us / mean(before.p99_us, after.p99_us));
    after_p50.push_back(bad[i].after_p50_us / mean(before.after_p50_us, after.after_p50_us));
    after_p99.push_back(bad[i].after_p99_us / mean(before.after_p99_us, after.after_p99_us));
    noise.push_back(spread(before.p99_us, after.p99_us));
  }
  return {median(p50), median(p99), median(after_p50), median(after_p99), median(noise)};
}

bool run(const Options& options) {
  double load = 0;
  (void)getloadavg(&load, 1);
  std::printf("%.0f deliveries/s to %zu endpoints%s; microseconds; load average %.1f\n",
              options.rate, options.healthy + kBad, options.fan_out ? " (fan-out)" : "", load);
  Bench bench(options);
  print("warm-up", summary(bench.phase(false)));
  std::vector<Phase> well = {summary(bench.phase(false))};
  print("all well", well.back());
  std::vector<Phase> bad;
  for (std::size_t round = 0; round < options.rounds; ++round) {
    bad.push_back(summary(bench.phase(true)));
    print("three bad", bad.back());
    well.push_back(summary(bench.phase(false)));
    print("all well", well.back());
  }
  const Verdict verdict = judge(well, bad);
  std::printf(
      "ratio with bad ones to without: p50 %.2f  p99 %.2f (demanded: <= %.1f)   "
      "after accepting: p50 %.2f  p99 %.2f\n",
      verdict.p50, verdict.p99, options.ratio_max, verdict.after_p50, verdict.after_p99);
  std::printf("ratio of neighbouring phases without: p99 %.2f%s\n", verdict.noise,
              verdict.noise > kNoiseMax ? "; the machine is too noisy to tell" : "");
  const bool kept = options.ratio_max == 0 || verdict.p99 <= options.ratio_max;
  std::printf("%s\n", kept ? "ok" : "MISSED: the healthy endpoints feel the bad ones");
  return kept;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  using headrace::bench::option;
  headrace::Options options;
  const auto count = [&](std::string_view name, std::size_t usual) {
    return static_cast<std::size_t>(option(argc, argv, name, static_cast<double>(usual)));
  };
  options.healthy = count("--healthy", options.healthy);
  options.rate = option(argc, argv, "--rate", options.rate);
  options.phase_seconds = option(argc, argv, "--phase", options.phase_seconds);
  options.rounds = count("--rounds", options.rounds);
  options.body_bytes = count("--body", options.body_bytes);
  options.fan_out = headrace::bench::flag(argc, argv, "--fan-out");
  options.ratio_max = option(argc, argv, "--ratio-max", options.ratio_max);
  return headrace::run(options) ? 0 : 1;
}
