// SPDX-License-Identifier: Apache-2.0
// The whole engine on loopback in one process: 64 clients post a push of 7 KB each, the engine
// makes it durable, answers, routes, delivers to a sink and records the attempt.
//
// CPU time and heap allocations are those of the engine's threads only; the clients and the sink
// share the machine with it, not the figures. BM_BareLlhttp is the same clients against libuv and
// llhttp that only answer 200, BM_BareServer against the engine's own server that does. Fails when
// an ingest or dispatch loop allocates for events.
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "bench/bare_server.h"
#include "bench/push_payload.h"
#include "bench/scratch_directory.h"
#include "bench/thread_allocations.h"
#include "core/buffer.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/loop.h"
#include "headrace/engine.h"
#include "ingest/http_server.h"
#include "ingest/listener.h"

namespace headrace {
namespace {

constexpr std::size_t kConnections = 64;
// How far the clients may be ahead of the sink: within what the engine keeps in memory for an
// endpoint, so that nothing has to wait in the store.
constexpr std::uint64_t kAheadMax = 512;
constexpr std::uint64_t kWarmUpEvents = 4096;
constexpr std::uint64_t kEventsPerRound = 4096;
// A container may grow once in a long while; an allocation an event is another thing.
constexpr double kAllocationsPerEventMax = 0.001;
// What may grow once more after the warm-up, as a slow disk lets more pile up than before: for each
// delivery of the endpoint that can be in memory a buffer with its answer, and a place in a queue.
// An allocation an event would be twice as much in a single round.
constexpr double kGrowthMax = 2.0 * core::limits::kLaneWindowMax;
static_assert(kEventsPerRound >= 2 * kGrowthMax);

// Counts events on the sink's thread; another thread waits for it to get somewhere, and the clients
// wait when they are too far ahead.
class Progress {
 public:
  void add() noexcept {
    const std::uint64_t count = count_.fetch_add(1) + 1;
    if (waiting_.load() != 0) uv_async_send(wake_);
    if (count != target_.load()) return;
    const std::lock_guard lock(mutex_);
    reached_.notify_one();
  }
  void wait_for_more(std::uint64_t events) {
    std::unique_lock lock(mutex_);
    const std::uint64_t target = count_.load() + events;
    target_.store(target);
    reached_.wait(lock, [&] { return count_.load() >= target; });
  }
  std::uint64_t count() const noexcept { return count_.load(); }

  // `wake` is signalled by every event while somebody waits.
  void set_wake(uv_async_t* wake) noexcept { wake_ = wake; }
  void set_waiting(std::size_t waiting) noexcept { waiting_.store(waiting); }
  std::size_t waiting() const noexcept { return waiting_.load(); }

 private:
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> target_{0};
  std::atomic<std::size_t> waiting_{0};
  uv_async_t* wake_ = nullptr;
  std::mutex mutex_;
  std::condition_variable reached_;
};

// A server that answers 200 at once: the sink of the engine, and the baseline.
class AnsweringServer final : private ingest::HttpHandler {
 public:
  AnsweringServer(const core::Clock& clock, const char* thread_name)
      : thread_(clock, thread_name), server_(thread_.loop(), pool_, *this) {
    auto socket = ingest::BoundSocket::bind(*ingest::ListenAddress::parse("127.0.0.1:0"));
    HEADRACE_CHECK(socket.has_value());
    address_ = socket->address().to_string();
    thread_.start();
    thread_.run_and_wait([&] { HEADRACE_CHECK(server_.listen(std::move(*socket)).has_value()); });
  }
  ~AnsweringServer() override {
    std::promise<void> stopped;
    thread_.loop().post([&] { server_.stop([&] { stopped.set_value(); }); });
    stopped.get_future().wait();
    thread_.stop();
  }
  const std::string& address() const noexcept { return address_; }
  // From now on requests wait for release(). Before any of them comes.
  void hold() noexcept { holding_ = true; }
  void release() {
    thread_.run_and_wait([&] {
      holding_ = false;
      for (const ingest::ResponseToken token : held_) answer(token);
      held_.clear();
    });
  }
  Progress answered;

 private:
  ingest::HeadDecision on_head(const core::RequestHead&, const char*) noexcept override {
    return {};
  }
  void on_request(const ingest::IncomingRequest&, ingest::ResponseToken token) noexcept override {
    if (holding_) {
      held_.push_back(token);
    } else {
      answer(token);
    }
  }
  void answer(ingest::ResponseToken token) noexcept {
    server_.respond(token, {.content_type = "application/json", .body = R"({"status":"ok"})"});
    answered.add();
  }

  core::BufferPool pool_{core::limits::kBufferBytesMaxDefault};
  core::LoopThread thread_;
  ingest::HttpServer server_;
  std::string address_;
  bool holding_ = false;
  std::vector<ingest::ResponseToken> held_;
};

// Clients that post, read the answer and post again, all on one thread.
class LoadGenerator {
 public:
  // `delivered`: what may not fall behind by more than kAheadMax.
  LoadGenerator(const core::Clock& clock, const std::string& address, const std::string& target,
                Progress& delivered)
      : delivered_(delivered), thread_(clock, "load") {
    const std::string body = bench::push_payload("push");
    request_ = "POST " + target + " HTTP/1.1\r\nHost: " + address +
               "\r\nUser-Agent: GitHub-Hookshot/044aadd\r\nAccept: */*\r\n"
               "X-GitHub-Event: push\r\nX-GitHub-Hook-ID: 292430182\r\n"
               "X-Hub-Signature-256: sha256="
               "d57c68ca6f92289e6987922ff26938930f6e66a2d161ef06abdf1859230aa23c\r\n"
               "Content-Type: application/json\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\nX-GitHub-Delivery: ";
    id_at_ = request_.size();
    request_ += "72d3162e-cc78-11e3-81ab-000000000000\r\n\r\n" + body;
    thread_.start();
    thread_.run_and_wait([&] { connect(address); });
  }
  ~LoadGenerator() {
    std::promise<void> closed;
    thread_.loop().post([&] {
      for (auto& client : clients_) {
        uv_close(reinterpret_cast<uv_handle_t*>(&client->tcp), nullptr);
      }
      delivered_.set_waiting(0);
      uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
      thread_.loop().post([&] { closed.set_value(); });
    });
    closed.get_future().wait();
    thread_.run_and_wait([] {});
    thread_.stop();
  }
  std::uint64_t refused() const noexcept { return refused_.load(); }
  // Until they are as far ahead as they may be.
  void wait_until_all_wait() {
    std::unique_lock lock(mutex_);
    all_wait_.wait(lock, [&] { return delivered_.waiting() == kConnections; });
  }

 private:
  struct Client {
    LoadGenerator* load = nullptr;
    uv_tcp_t tcp{};
    uv_connect_t connect{};
    uv_write_t write{};
    std::string request;
    std::array<char, 1024> answer{};
    std::size_t have = 0;
  };

  void connect(const std::string& address) {
    uv_async_init(thread_.loop().uv(), &wake_,
                  [](uv_async_t* wake) { static_cast<LoadGenerator*>(wake->data)->go_on(); });
    wake_.data = this;
    delivered_.set_wake(&wake_);
    const auto to = ingest::ListenAddress::parse(address);
    for (std::size_t i = 0; i < kConnections; ++i) {
      Client& client = *clients_.emplace_back(std::make_unique<Client>());
      client.load = this;
      client.request = request_;
      uv_tcp_init(thread_.loop().uv(), &client.tcp);
      client.tcp.data = client.connect.data = &client;
      uv_tcp_nodelay(&client.tcp, 1);
      uv_tcp_connect(&client.connect, &client.tcp, reinterpret_cast<const sockaddr*>(&to->address),
                     &LoadGenerator::on_connected);
    }
  }

  static void on_connected(uv_connect_t* connect, int status) noexcept {
    HEADRACE_CHECK(status == 0);
    auto& client = *static_cast<Client*>(connect->data);
    uv_read_start(reinterpret_cast<uv_stream_t*>(&client.tcp), &LoadGenerator::on_alloc,
                  &LoadGenerator::on_read);
    client.load->post_or_wait(client);
  }

  void post_or_wait(Client& client) noexcept {
    waiting_.push_back(&client);
    go_on();
    if (waiting_.size() != kConnections) return;
    const std::lock_guard lock(mutex_);
    all_wait_.notify_one();
  }
  // Told before it looks: whoever delivers meanwhile sees that somebody waits.
  void go_on() noexcept {
    delivered_.set_waiting(waiting_.size());
    while (!waiting_.empty() && posted_ < delivered_.count() + kAheadMax) {
      Client& client = *waiting_.back();
      waiting_.pop_back();
      post(client);
    }
    delivered_.set_waiting(waiting_.size());
  }

  // Each event has a name of its own, or it would be a duplicate.
  void post(Client& client) noexcept {
    char digits[16];
    std::snprintf(digits, sizeof(digits), "%012llx", static_cast<unsigned long long>(++posted_));
    std::memcpy(client.request.data() + id_at_ + 24, digits, 12);
    uv_buf_t bytes =
        uv_buf_init(client.request.data(), static_cast<unsigned>(client.request.size()));
    auto* stream = reinterpret_cast<uv_stream_t*>(&client.tcp);
    const int sent = std::max(0, uv_try_write(stream, &bytes, 1));
    if (static_cast<std::size_t>(sent) == client.request.size()) return;
    bytes.base += sent;
    bytes.len -= static_cast<std::size_t>(sent);
    uv_write(&client.write, stream, &bytes, 1, nullptr);
  }

  static void on_alloc(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept {
    auto& client = *static_cast<Client*>(handle->data);
    *buffer = uv_buf_init(client.answer.data() + client.have,
                          static_cast<unsigned>(client.answer.size() - client.have));
  }

  static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t*) noexcept {
    if (size < 0) return;
    auto& client = *static_cast<Client*>(stream->data);
    client.have += static_cast<std::size_t>(size);
    // Every answer ends with its JSON object, which has no other one inside.
    const std::string_view answer(client.answer.data(), client.have);
    if (!answer.ends_with('}')) return;
    if (!answer.starts_with("HTTP/1.1 200 ")) client.load->refused_.fetch_add(1);
    client.have = 0;
    client.load->post_or_wait(client);
  }

  Progress& delivered_;
  core::LoopThread thread_;
  uv_async_t wake_{};
  std::mutex mutex_;
  std::condition_variable all_wait_;
  std::vector<Client*> waiting_;
  std::string request_;
  std::size_t id_at_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
  std::uint64_t posted_ = 0;
  std::atomic<std::uint64_t> refused_{0};
};

// What threads have used so far, by name.
struct Usage {
  double cpu_us = 0;
  std::uint64_t allocations = 0;
};

double cpu_us_of(int thread) noexcept {
  // The kernel's number for the CPU clock of a thread of this process.
  const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3) | 6);
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

std::map<std::string, Usage> usage_by_name() {
  std::map<std::string, Usage> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(entry.path() / "comm") >> std::ws, name);
    const int thread = std::stoi(entry.path().filename().string());
    Usage& usage = all[name];
    usage.cpu_us += cpu_us_of(thread);
    usage.allocations += bench::allocations_of(thread);
  }
  return all;
}

// What the threads whose names begin so have used since `before`.
Usage used_since(const std::map<std::string, Usage>& before, std::string_view prefix) {
  Usage sum;
  for (const auto& [name, usage] : usage_by_name()) {
    if (!name.starts_with(prefix)) continue;
    const auto earlier = before.find(name);
    sum.cpu_us += usage.cpu_us - (earlier == before.end() ? 0 : earlier->second.cpu_us);
    sum.allocations +=
        usage.allocations - (earlier == before.end() ? 0 : earlier->second.allocations);
  }
  return sum;
}

// An engine with one webhook, one event and one endpoint; answers the path of its link.
std::unique_ptr<Engine> open_engine(const std::string& directory, const std::string& sink,
                                    std::string& link_path) {
  auto engine = Engine::open({.data_directory = directory,
                              .listen = "127.0.0.1:0",
                              .endpoint_allow = {"127.0.0.0/8"},
                              .plain_http_endpoints = true});
  HEADRACE_CHECK(engine.has_value());
  auto workspace = (*engine)->workspace("default");
  HEADRACE_CHECK(workspace.has_value());
  const auto webhook = workspace->create_webhook(
      "forge", {.tag = "repo", .name = "Repositories", .envs = {{"prd"}}});
  const auto event = workspace->create_event(
      "forge", {.tag = "repo:push", .name = "Push", .selector = "$Event{action}"});
  const auto link =
      workspace->create_link("bench", {.access_tag = "forge",
                                       .webhook = "repo",
                                       .env = "prd",
                                       .settings = {.url = "http://" + sink + "/hook"}});
  HEADRACE_CHECK(webhook.has_value() && event.has_value() && link.has_value());
  link_path = link->link.url.substr(link->link.url.find("/in/"));
  return std::move(*engine);
}

void report_cpu(benchmark::State& state, const std::map<std::string, Usage>& before,
                std::uint64_t events, std::initializer_list<const char*> threads) {
  double sum = 0;
  for (const char* name : threads) {
    const double cpu_us = used_since(before, name).cpu_us / static_cast<double>(events);
    state.counters[std::string("us/") + name] = cpu_us;
    sum += cpu_us;
  }
  state.counters["cpu_us_per_event"] = sum;
  state.SetBytesProcessed(static_cast<std::int64_t>(events * bench::push_payload("push").size()));
  state.counters["events/s"] =
      benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}

void expect_no_allocations(benchmark::State& state, const std::map<std::string, Usage>& before,
                           std::uint64_t events, std::initializer_list<const char*> threads) {
  for (const char* name : threads) {
    const auto count = static_cast<double>(used_since(before, name).allocations);
    state.counters[std::string("allocs/") + name] = count / static_cast<double>(events);
    if (count > kAllocationsPerEventMax * static_cast<double>(events) + kGrowthMax) {
      static std::string message;
      message = std::string(name) +
                " allocates for events: " + std::to_string(static_cast<std::uint64_t>(count)) +
                " times in " + std::to_string(events);
      state.SkipWithError(message.c_str());
    }
  }
}

void BM_BareLlhttp(benchmark::State& state) {
  const core::SystemClock clock;
  Progress answered;
  bench::BareServer server(clock, "llhttp", [&answered] { answered.add(); });
  LoadGenerator load(clock, server.address(), "/in/anything", answered);
  answered.wait_for_more(kWarmUpEvents);
  const auto before = usage_by_name();
  const std::uint64_t events_before = answered.count();
  for (auto _ : state) answered.wait_for_more(kEventsPerRound);
  const std::uint64_t events = answered.count() - events_before;
  expect_no_allocations(state, before, events, {"llhttp"});
  report_cpu(state, before, events, {"llhttp"});
}
BENCHMARK(BM_BareLlhttp)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_BareServer(benchmark::State& state) {
  const core::SystemClock clock;
  AnsweringServer server(clock, "bare");
  LoadGenerator load(clock, server.address(), "/in/anything", server.answered);
  server.answered.wait_for_more(kWarmUpEvents);
  const auto before = usage_by_name();
  const std::uint64_t events_before = server.answered.count();
  for (auto _ : state) server.answered.wait_for_more(kEventsPerRound);
  const std::uint64_t events = server.answered.count() - events_before;
  expect_no_allocations(state, before, events, {"bare"});
  report_cpu(state, before, events, {"bare"});
}
BENCHMARK(BM_BareServer)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_Engine(benchmark::State& state) {
  const core::SystemClock clock;
  const bench::ScratchDirectory directory;
  AnsweringServer sink(clock, "sink");
  std::string link_path;
  const auto engine = open_engine(directory.path(), sink.address(), link_path);
  {
    // First everything is as full as it can get here, so that pools have grown to that.
    sink.hold();
    LoadGenerator load(clock, engine->ingest_address(), link_path, sink.answered);
    load.wait_until_all_wait();
    sink.release();
    sink.answered.wait_for_more(kWarmUpEvents);
    const auto before = usage_by_name();
    const std::uint64_t events_before = sink.answered.count();
    for (auto _ : state) sink.answered.wait_for_more(kEventsPerRound);
    const std::uint64_t events = sink.answered.count() - events_before;
    expect_no_allocations(state, before, events, {"hr-ingest", "hr-shard"});
    state.counters["allocs/hr-store"] =
        static_cast<double>(used_since(before, "hr-store").allocations) /
        static_cast<double>(events);
    report_cpu(state, before, events, {"hr-ingest", "hr-shard", "hr-store", "rocksdb"});
    if (load.refused() != 0) state.SkipWithError("events were refused");
  }
  engine->close();
}
BENCHMARK(BM_Engine)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace headrace

BENCHMARK_MAIN();
