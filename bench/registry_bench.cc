// SPDX-License-Identifier: Apache-2.0
// A large registry: what a change of it costs, whether ingest notices, how long a start takes, and
// what an endpoint weighs.
//
// N webhooks with three events each, an env, and a product that has registered an endpoint.
// Messages are handed in at a steady rate, first while nothing changes, then while webhooks,
// events, endpoints and links are changed one after the other. The reported time is the CPU that
// the changing thread needs for one change; waiting for the disk is not in it (change_wall_us is
// with it).
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/scratch_directory.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/random.h"
#include "engine/definitions.h"
#include "headrace/engine.h"
#include "store/rocks_store.h"

namespace headrace {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kInterval = std::chrono::microseconds(500);  // 2,000 messages a second
constexpr std::size_t kQuietMessages = 6'000;
constexpr std::size_t kWarmUpMessages = 20'000;  // RocksDB has a freshly filled store to sort

double thread_cpu_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

double heap_bytes() {
  const auto info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

// Writes definitions straight into a store, many at a time.
class Filler {
 public:
  explicit Filler(const std::string& directory) {
    auto store = store::RocksStore::open({.directory = directory}, clock_, 1, log_);
    HEADRACE_CHECK(store.has_value());
    store_ = std::move(*store);
  }
  ~Filler() { flush(); }

  template <class D>
  void put(const D& definition) {
    batch_.push_back({std::string(D::kKind) + "/" + definition.key(), definition.to_json()});
    if (batch_.size() >= 5000) flush();
  }
  void flush() {
    HEADRACE_CHECK(store_->change_definitions(batch_).has_value());
    batch_.clear();
  }

 private:
  core::SystemClock clock_;
  core::NullLogSink log_;
  std::unique_ptr<store::EventStore> store_;
  std::vector<store::DefinitionChange> batch_;
};

std::string app_of(std::size_t i) { return "app-" + std::to_string(i / 10); }
std::string webhook_of(std::size_t i) { return "hook-" + std::to_string(i); }

template <class SomeId>
SomeId random_id() {
  SomeId id;
  core::secure_random(&id.bits, sizeof(id.bits));
  return id;
}

engine::LinkDefinition link_of(std::size_t i, std::uint32_t number, const std::string& product) {
  engine::LinkDefinition link;
  link.id = random_id<LinkId>();
  core::secure_random(&link.token, sizeof(link.token));
  link.number = core::LinkNumber{number};
  link.workspace = engine::kDefaultWorkspace;
  link.app = app_of(i);
  link.webhook = webhook_of(i);
  link.env = "prd";
  link.product = product;
  link.access_tag = product.empty() ? std::string() : link.app;
  return link;
}

void put_webhooks(Filler& filler, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    engine::WebhookDefinition webhook;
    webhook.number = core::WebhookNumber{static_cast<std::uint32_t>(i + 1)};
    webhook.workspace = engine::kDefaultWorkspace;
    webhook.app = app_of(i);
    webhook.tag = webhook_of(i);
    webhook.name = "Webhook " + std::to_string(i);
    webhook.envs = {{.slug = "prd"}};
    webhook.body_bytes_max = 1 << 20;
    filler.put(webhook);
    filler.put(link_of(i, static_cast<std::uint32_t>(i + 1), {}));
    for (std::uint32_t e = 0; e < 3; ++e) {
      engine::EventDefinition event;
      event.workspace = webhook.workspace;
      event.app = webhook.app;
      event.value = "event-" + std::to_string(e);
      event.tag = webhook.tag + ":" + event.value;
      event.name = "Event";
      event.selector = "$Event{type}";
      event.number = core::EventNumber{static_cast<std::uint32_t>(3 * i + e + 1)};
      filler.put(event);
    }
  }
  engine::CounterDefinition counter;
  counter.next_webhook = static_cast<std::uint32_t>(count + 1);
  counter.next_link = static_cast<std::uint32_t>(2 * count + 1);
  counter.next_endpoint = static_cast<std::uint32_t>(count + 1);
  counter.next_event = static_cast<std::uint32_t>(3 * count + 1);
  counter.dedupe_seed = 1;
  filler.put(counter);
  filler.put(engine::WorkspaceDefinition{std::string(engine::kDefaultWorkspace), "Default", 1});
}

void put_endpoints(Filler& filler, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    engine::EndpointDefinition endpoint;
    endpoint.id = random_id<EndpointId>();
    endpoint.number = core::EndpointNumber{static_cast<std::uint32_t>(i + 1)};
    endpoint.workspace = engine::kDefaultWorkspace;
    endpoint.product = "product-" + std::to_string(i % 1000);
    endpoint.access_tag = endpoint.app = app_of(i);
    endpoint.webhook = webhook_of(i);
    endpoint.env = "prd";
    endpoint.url = "http://127.0.0.1:9/hooks/" + std::to_string(i);
    endpoint.method = "POST";
    endpoint.delivery.in_flight_max = 64;
    filler.put(endpoint);
    filler.put(link_of(i, static_cast<std::uint32_t>(count + i + 1), endpoint.product));
  }
}

std::unique_ptr<Engine> open(const std::string& directory) {
  auto engine = Engine::open({.data_directory = directory,
                              .public_url = "http://localhost",
                              .endpoint_allow = {"127.0.0.0/8"},
                              .plain_http_endpoints = true});
  HEADRACE_CHECK(engine.has_value());
  return std::move(*engine);
}

// Hands messages in at a steady rate; how long each took to be durable, counted from when it was
// due.
class SteadyLoad {
 public:
  SteadyLoad(Engine& engine, std::string token)
      : engine_(engine), token_(std::move(token)), thread_([this] { run(); }) {}
  ~SteadyLoad() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_ == 0; });
  }
  // Latencies in µs since the last call, as soon as there are so many.
  std::vector<double> take(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return latencies_.size() >= count; });
    return std::exchange(latencies_, {});
  }

 private:
  void run() {
    for (auto due = Clock::now();; due += kInterval) {
      {
        std::unique_lock lock(mutex_);
        if (changed_.wait_until(lock, due, [this] { return stopping_; })) return;
        ++open_;
      }
      engine_.submit({.link_token = token_,
                      .body = R"({"type":"nothing-that-anybody-wants"})",
                      .content_type = "application/json"},
                     [this, due](SubmitStatus status, MessageId) { answered(status, due); });
    }
  }
  void answered(SubmitStatus status, Clock::time_point due) {
    HEADRACE_CHECK(status == SubmitStatus::kStored);
    const std::chrono::duration<double, std::micro> took = Clock::now() - due;
    const std::lock_guard lock(mutex_);
    latencies_.push_back(took.count());
    --open_;
    changed_.notify_all();
  }

  Engine& engine_;
  const std::string token_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<double> latencies_;
  std::size_t open_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

// One change of each kind in turn, on a webhook that is as good as any.
void change(Workspace& workspace, std::size_t step, std::size_t webhooks) {
  const std::size_t i = step * 7919 % webhooks;
  const std::string app = app_of(i);
  const std::string tag = webhook_of(i);
  const std::string name = "n" + std::to_string(step);
  switch (step % 5) {
    case 0:
      HEADRACE_CHECK(
          workspace.create_webhook(app, {.tag = name, .name = name, .envs = {{.slug = "prd"}}})
              .has_value());
      return;
    case 1:
      HEADRACE_CHECK(
          workspace
              .create_event(app,
                            {.tag = tag + ":" + name, .name = name, .selector = "$Event{type}"})
              .has_value());
      return;
    case 2:
      HEADRACE_CHECK(workspace
                         .create_link(name, {.access_tag = app,
                                             .webhook = tag,
                                             .env = "prd",
                                             .settings = {.url = "http://127.0.0.1:9/"}})
                         .has_value());
      return;
    case 3:
      HEADRACE_CHECK(workspace.update_webhook(app, tag, {.name = name}).has_value());
      return;
    default:
      HEADRACE_CHECK(workspace.delete_webhook(app, tag, {.cascade = true}).has_value() ||
                     webhooks < 10'000);
      return;
  }
}

void BM_Change(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const bench::ScratchDirectory directory;
  {
    Filler filler(directory.path());
    put_webhooks(filler, count);
  }
  const double empty_bytes = heap_bytes();
  auto engine = open(directory.path());
  const double webhook_bytes = heap_bytes() - empty_bytes;
  engine.reset();
  {
    Filler filler(directory.path());
    put_endpoints(filler, count);
  }
  const double before_bytes = heap_bytes();
  const auto opening = Clock::now();
  engine = open(directory.path());
  const std::chrono::duration<double, std::milli> open_time = Clock::now() - opening;
  const double all_bytes = heap_bytes() - before_bytes;
  auto workspace = engine->workspace("default");
  HEADRACE_CHECK(workspace.has_value());
  const std::string link = workspace->webhook(app_of(1), webhook_of(1))->envs.front().link;

  SteadyLoad load(*engine, link.substr(link.rfind('/') + 1));
  const bool brief = count < 10'000;
  load.take(brief ? 0 : kWarmUpMessages);
  const auto quiet = load.take(brief ? 100 : kQuietMessages);
  std::size_t step = 0;
  std::vector<double> cpu, wall;
  for (auto _ : state) {
    const auto begin = Clock::now();
    const double cpu_begin = thread_cpu_us();
    change(*workspace, step++, count);
    cpu.push_back(thread_cpu_us() - cpu_begin);
    wall.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    state.SetIterationTime(cpu.back() / 1e6);
  }
  const auto changing = load.take(1);
  state.counters["change_cpu_us_max"] = quantile(cpu, 1);
  state.counters["change_wall_us_p50"] = quantile(wall, 0.5);
  state.counters["accept_us_p99_quiet"] = quantile(quiet, 0.99);
  state.counters["accept_us_p99_changing"] = quantile(changing, 0.99);
  state.counters["accept_us_p50_quiet"] = quantile(quiet, 0.5);
  state.counters["accept_us_p50_changing"] = quantile(changing, 0.5);
  state.counters["start_ms"] = open_time.count();
  state.counters["bytes_per_webhook"] = webhook_bytes / static_cast<double>(count);
  state.counters["bytes_per_endpoint"] = (all_bytes - webhook_bytes) / static_cast<double>(count);
}
BENCHMARK(BM_Change)->Arg(1'000)->Iterations(50)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Change)->Arg(100'000)->Iterations(2'000)->UseManualTime()->Unit(
    benchmark::kMicrosecond);

}  // namespace
}  // namespace headrace

BENCHMARK_MAIN();
