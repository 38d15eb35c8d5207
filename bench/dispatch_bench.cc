// SPDX-License-Identifier: Apache-2.0
// A shard delivering 7 KB payloads through 64 connections to a sink on a thread of its own, all on
// loopback.
//
// Prints per delivery: the CPU time of the shard's thread, the heap allocations on it (which must
// be none), and its instructions where they can be counted.
#include <benchmark/benchmark.h>
#include <time.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "bench/instructions_counter.h"
#include "bench/no_names.h"
#include "core/buffer.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/snapshot.h"
#include "dispatch/shard.h"

namespace {
thread_local bool counting = false;
std::atomic<std::uint64_t> allocations{0};

void* allocate(std::size_t size) {
  if (counting) allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace headrace {

namespace {

constexpr std::size_t kBodyBytes = 7 * 1024;
constexpr std::size_t kInMemory = 1024;
constexpr std::uint32_t kConnections = 64;
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kHeaders =
    "Content-Type: application/json\r\nUser-Agent: GitHub-Hookshot/044aadd\r\nX-GitHub-Event: "
    "push\r\n"
    "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\r\nAccept: */*\r\n"
    "X-Hub-Signature-256: "
    "sha256=d57c68ca6f92289e6987922ff26938930f6e66a2d161ef06abdf1859230aa23c\r\n";

// Answers as soon as as many bytes have come as a request has: it does not parse, so that little of
// the machine is its own.
class Sink {
 public:
  Sink(core::Loop& loop, std::size_t request_bytes) : loop_(loop), request_bytes_(request_bytes) {
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", 0, &address);
    HEADRACE_CHECK(uv_tcp_init(loop.uv(), &server_) == 0);
    server_.data = this;
    HEADRACE_CHECK(uv_tcp_bind(&server_, reinterpret_cast<const sockaddr*>(&address), 0) == 0);
    HEADRACE_CHECK(uv_listen(reinterpret_cast<uv_stream_t*>(&server_), 512, &Sink::on_connection) ==
                   0);
    int size = sizeof(address);
    uv_tcp_getsockname(&server_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const noexcept { return port_; }
  void set_request_bytes(std::size_t bytes) noexcept { request_bytes_ = bytes; }

  void close() {
    uv_close(reinterpret_cast<uv_handle_t*>(&server_), nullptr);
    for (auto& peer : peers_) {
      auto* handle = reinterpret_cast<uv_handle_t*>(&peer->tcp);
      if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
    }
  }

 private:
  struct Peer {
    uv_tcp_t tcp{};
    Sink* sink = nullptr;
    std::size_t bytes = 0;
  };

  static void on_connection(uv_stream_t* server, int) noexcept {
    auto& sink = *static_cast<Sink*>(server->data);
    sink.peers_.push_back(std::make_unique<Peer>());
    Peer& peer = *sink.peers_.back();
    peer.sink = &sink;
    uv_tcp_init(sink.loop_.uv(), &peer.tcp);
    peer.tcp.data = &peer;
    auto* stream = reinterpret_cast<uv_stream_t*>(&peer.tcp);
    uv_accept(server, stream);
    uv_tcp_nodelay(&peer.tcp, 1);
    uv_read_start(
        stream,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
          auto& bytes = static_cast<Peer*>(handle->data)->sink->buffer_;
          *buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
        },
        &Sink::on_read);
  }

  static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t*) noexcept {
    auto& peer = *static_cast<Peer*>(stream->data);
    if (size < 0) return uv_close(reinterpret_cast<uv_handle_t*>(stream), nullptr);
    peer.bytes += static_cast<std::size_t>(size);
    if (peer.bytes < peer.sink->request_bytes_) return;
    peer.bytes -= peer.sink->request_bytes_;
    uv_buf_t answer = uv_buf_init(const_cast<char*>(kAnswer.data()), kAnswer.size());
    uv_try_write(stream, &answer, 1);
  }

  core::Loop& loop_;
  uv_tcp_t server_{};
  std::uint16_t port_ = 0;
  std::size_t request_bytes_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::array<char, 65536> buffer_{};
};

double thread_cpu_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// Everything but the sink runs on the benchmark's thread; the deliveries are made here too, as the
// mailbox's other end.
class Bench {
 public:
  Bench() {
    sink_thread_.start();
    sink_thread_.run_and_wait([this] { sink_ = std::make_unique<Sink>(sink_thread_.loop(), 0); });
    dispatch::EndpointSettings settings;
    settings.number = kEndpoint;
    settings.url = "http://127.0.0.1:" + std::to_string(sink_->port()) + "/in";
    settings.in_flight_max = kConnections;
    auto endpoint = dispatch::make_endpoint(std::move(settings));
    HEADRACE_CHECK(endpoint.has_value());
    const store::Delivery sample = delivery();
    dispatch::RequestScratch scratch;
    dispatch::RequestPieces pieces;
    dispatch::build_request(**endpoint, sample, clock_.wall_ms(), "", scratch, pieces);
    sink_thread_.run_and_wait([&] { sink_->set_request_bytes(pieces.bytes); });
    dispatch::EndpointTable table;
    table.put(*endpoint);
    endpoints_.publish(std::make_shared<const dispatch::EndpointTable>(table));
    outcomes_.open(
        loop_, [](void* self) noexcept { static_cast<Bench*>(self)->collect(); }, this);
    shard_ = std::make_unique<dispatch::Shard>(
        loop_,
        dispatch::ShardLinks{deliveries_, outcomes_, endpoints_, resolver_, answers_, log_,
                             nullptr},
        dispatch::ShardOptions{.allowed = [](const auto&, const auto&) { return true; },
                               .plain_http = true});
    shard_->start();
  }

  ~Bench() {
    shard_->stop([this] {
      outcomes_.close();
      loop_.post([this] { loop_.stop(); });
    });
    loop_.run();
    shard_.reset();
    sink_thread_.run_and_wait([this] { sink_->close(); });
    sink_thread_.run_and_wait([] {});
    sink_thread_.stop();
  }

  // Delivers `count` messages, as many at a time as fit.
  void run(std::uint64_t count) {
    target_ = delivered_ + count;
    fill();
    loop_.run();
  }

 private:
  static constexpr core::EndpointNumber kEndpoint{1};

  store::Delivery delivery() {
    store::Delivery made;
    made.message = MessageId{{++made_, 7}};
    made.endpoint = kEndpoint;
    store::Payload& payload = made.payload;
    payload.buffer = payloads_.acquire(kHeaders.size() + kBodyBytes);
    std::fill_n(std::copy(kHeaders.begin(), kHeaders.end(), payload.buffer.data()), kBodyBytes,
                'x');
    payload.headers = {0, kHeaders.size()};
    payload.body = {kHeaders.size(), kBodyBytes};
    return made;
  }

  void fill() {
    while (in_memory_ < kInMemory && delivered_ + in_memory_ < target_) {
      HEADRACE_CHECK(sender_.try_push(delivery()));
      ++in_memory_;
    }
    sender_.notify();
  }

  void collect() {
    for (std::size_t count = 0; (count = outcomes_.drain(batch_)) != 0;) {
      for (std::size_t i = 0; i < count; ++i) {
        HEADRACE_CHECK(batch_[i].verdict == store::Verdict::kDelivered);
        batch_[i].response.reset();
      }
      delivered_ += count;
      in_memory_ -= count;
    }
    fill();
    if (delivered_ == target_) loop_.stop();
  }

  core::SystemClock clock_;
  core::LoopThread sink_thread_{clock_, "sink"};
  std::unique_ptr<Sink> sink_;
  core::Loop loop_{clock_};
  core::BufferPool payloads_{256 << 20};
  core::BufferPool answers_{256 << 20};
  core::NullLogSink log_;
  bench::NoNames resolver_;
  core::Mailbox<store::Delivery> deliveries_{core::limits::kDeliveryMailboxSize};
  core::Mailbox<store::Outcome> outcomes_{core::limits::kOutcomeMailboxSize};
  core::Mailbox<store::Delivery>::Sender sender_{deliveries_};
  core::SnapshotCell<dispatch::EndpointTable> endpoints_{
      std::make_shared<dispatch::EndpointTable>()};
  std::unique_ptr<dispatch::Shard> shard_;
  std::array<store::Outcome, 64> batch_;
  std::uint64_t made_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t in_memory_ = 0;
  std::uint64_t target_ = 0;
};

void BM_ShardDelivery(benchmark::State& state) {
  constexpr std::uint64_t kDeliveries = 4096;
  Bench bench;
  bench.run(2 * kDeliveries);  // the memory grows to what the steady state needs
  double cpu_us = 0;
  std::uint64_t total = 0;
  allocations = 0;
  const bench::InstructionsCounter instructions;
  for (auto _ : state) {
    const double before = thread_cpu_us();
    counting = true;
    bench.run(kDeliveries);
    counting = false;
    cpu_us += thread_cpu_us() - before;
    total += kDeliveries;
  }
  const auto deliveries = static_cast<double>(total);
  // Ending a run posts one task to the loop, which is not a delivery's cost.
  const std::uint64_t own = static_cast<std::uint64_t>(state.iterations()) * 4;
  const std::uint64_t counted = allocations.load();
  state.SetItemsProcessed(static_cast<std::int64_t>(total));
  state.counters["cpu_us_per_delivery"] = cpu_us / deliveries;
  state.counters["allocs_per_op"] = static_cast<double>(counted) / deliveries;
  if (const auto executed = instructions.count())
    state.counters["instructions_per_op"] = *executed / deliveries;
  state.SetBytesProcessed(static_cast<std::int64_t>(total * (kHeaders.size() + kBodyBytes)));
  if (counted > own) {
    std::fprintf(stderr, "%llu allocations for %llu deliveries\n",
                 static_cast<unsigned long long>(counted), static_cast<unsigned long long>(total));
    std::exit(1);
  }
}
BENCHMARK(BM_ShardDelivery)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace headrace

BENCHMARK_MAIN();
