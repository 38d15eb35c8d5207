// SPDX-License-Identifier: Apache-2.0
// A million deliveries that wait for a thousand endpoints that are down: what a start with them
// takes, what waiting costs, and how fast they go out once the endpoints are back.
//
// Three processes in turn, started by this one, so that each has its own figures:
//   fill   opens an engine, registers the endpoints, hands all messages in, and closes it; with
//          --crash it is killed instead, so that the next start has a log to replay
//   run    opens the engine again, waits, and delivers everything
//   sink   the endpoints, once they are back; says which messages came, and how often
//
// An endpoint that cannot be reached is tried again every --hold seconds (its schedule has no other
// delay), so the drain begins within that time by itself: nothing in the engine is told that the
// endpoints are back.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "bench/order_sink.h"
#include "bench/scratch_directory.h"
#include "bench/shop.h"
#include "core/check.h"
#include "core/clock.h"
#include "headrace/engine.h"
#include "ingest/listener.h"

namespace headrace {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kUnansweredMax = 2'048;
constexpr std::size_t kRetries = 100;
constexpr double kOpenSecondsMax = 10;
constexpr double kResidentMbMax = 400;

struct Options {
  std::uint64_t messages = 1'000'000;
  std::uint64_t endpoints = 1'000;
  std::size_t body_bytes = 1'024;
  double hold_seconds = 15;
  double wait_seconds = 60;
  bool crash = false;
};

// What the processes tell each other.
struct Board {
  std::atomic<std::uint64_t> stored{0};
  std::atomic<std::uint64_t> received{0};  // distinct orders
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> strangers{0};
  std::atomic<std::uint64_t> late{0};  // orders not delivered when nothing came any more
  std::atomic<std::int64_t> first_at{0};
  std::atomic<std::int64_t> last_at{0};
  std::atomic<bool> within_bounds{false};
  std::atomic<std::uint8_t> seen[1];  // as many as there are messages
};

std::int64_t now_ns() noexcept { return Clock::now().time_since_epoch().count(); }

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// "VmRSS" or "VmHWM" of this process, in MB.
double memory_mb(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::stod(line.substr(name.size() + 1)) / 1024;
  }
  return 0;
}

double load_average() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : 0;
}

void pause_for(double seconds) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, Seconds(seconds), [] { return false; });
}

std::unique_ptr<Engine> open_engine(const std::string& directory) {
  auto engine = Engine::open({.data_directory = directory,
                              .public_url = "http://localhost",
                              .endpoint_allow = {"127.0.0.0/8"},
                              .plain_http_endpoints = true});
  HEADRACE_CHECK(engine.has_value());
  return std::move(*engine);
}

// --- fill ----------------------------------------------------------------------------------------

class Filler {
 public:
  Filler(Engine& engine, Board& board) : engine_(engine), board_(board) {}

  void fill(const std::vector<std::string>& tokens, const Options& options) {
    bench::OrderText order(options.body_bytes);
    for (std::uint64_t i = 0; i < options.messages; ++i) {
      submit(tokens[i % tokens.size()], order.with(i));
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return unanswered_ == 0; });
  }

 private:
  void submit(const std::string& token, std::string_view body) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return unanswered_ < kUnansweredMax; });
      ++unanswered_;
    }
    engine_.submit({.link_token = token, .body = body, .content_type = "application/json"},
                   [this](SubmitStatus status, MessageId) {
                     HEADRACE_CHECK(status == SubmitStatus::kStored);
                     board_.stored.fetch_add(1);
                     const std::lock_guard lock(mutex_);
                     --unanswered_;
                     if (unanswered_ == 0 || unanswered_ == kUnansweredMax / 2) {
                       changed_.notify_all();
                     }
                   });
  }

  Engine& engine_;
  Board& board_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t unanswered_ = 0;
};

// Returns when all is stored and the engine is closed; with `crash`, it does not return.
void fill(const std::string& directory, const std::string& address, const Options& options,
          Board& board) {
  const auto engine = open_engine(directory);
  bench::Shop shop(*engine);
  const std::vector<std::chrono::milliseconds> retries(
      kRetries, std::chrono::milliseconds(static_cast<std::int64_t>(options.hold_seconds * 1000)));
  std::vector<std::string> tokens;
  for (std::uint64_t i = 0; i < options.endpoints; ++i) {
    const std::string number = std::to_string(i);
    tokens.push_back(
        shop.add("product-" + number, "http://" + address + "/hooks/" + number, retries).token);
  }
  const auto begin = Clock::now();
  Filler(*engine, board).fill(tokens, options);
  std::printf("accepted         %8.1f s   %llu messages of %zu bytes, %.1f CPU s\n",
              Seconds(Clock::now() - begin).count(),
              static_cast<unsigned long long>(board.stored.load()), options.body_bytes,
              cpu_seconds());
  std::fflush(stdout);
  if (options.crash) raise(SIGKILL);
  const auto closing = Clock::now();
  engine->close();
  std::printf("closed           %8.2f s\n", Seconds(Clock::now() - closing).count());
}

// --- sink ----------------------------------------------------------------------------------------

// Until `until_closed`, a pipe's reading end, says that nobody needs it any more.
void sink(const std::string& address, const Options& options, Board& board, int until_closed) {
  const core::SystemClock clock;
  const bench::OrderSink orders(clock, address, [&](std::optional<std::uint64_t> number) {
    if (!number || *number >= options.messages) {
      board.strangers.fetch_add(1);
      return;
    }
    const std::int64_t now = now_ns();
    if (board.first_at.load() == 0) board.first_at.store(now);
    board.last_at.store(now);
    if (board.seen[*number].fetch_add(1) == 0) {
      board.received.fetch_add(1);
    } else {
      board.duplicates.fetch_add(1);
    }
  });
  char byte = 0;
  while (read(until_closed, &byte, 1) > 0) {
  }
}

// --- run -----------------------------------------------------------------------------------------

struct Waited {
  double resident_mb = 0;  // the most that was seen
  double cpu = 0;
};

Waited wait_with_backlog(const Options& options) {
  Waited waited;
  const double before = cpu_seconds();
  const auto end = Clock::now() + Seconds(options.wait_seconds);
  while (Clock::now() < end) {
    pause_for(std::min(0.25, options.wait_seconds));
    waited.resident_mb = std::max(waited.resident_mb, memory_mb("VmRSS:"));
  }
  waited.cpu = cpu_seconds() - before;
  return waited;
}

void drain(const Options& options, Board& board) {
  const double before = cpu_seconds();
  const auto begin = Clock::now();
  std::uint64_t seen = 0;
  auto seen_at = begin;
  // Nothing for several holds: what is missing does not come.
  const Seconds patience(4 * options.hold_seconds + 30);
  while (board.received.load() < board.stored.load() && Clock::now() - seen_at < patience) {
    pause_for(0.02);
    if (board.received.load() != seen) seen_at = Clock::now();
    seen = board.received.load();
  }
  const double cpu = cpu_seconds() - before;
  const double all = Seconds(Clock::now() - begin).count();
  const double busy = static_cast<double>(board.last_at - board.first_at) / 1e9;
  const auto count = static_cast<double>(board.received.load());
  std::printf("drained          %8.1f s   of it %.1f s until the first one came (hold %.0f s)\n",
              all, all - busy, options.hold_seconds);
  std::printf("deliveries/s     %8.0f     per CPU second of the engine: %.0f (%.1f CPU s)\n",
              count / busy, count / cpu, cpu);
}

// The sum of a metric over all threads.
double metric(const Engine& engine, std::string_view name) {
  const std::string text = engine.metrics();
  double sum = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name)) continue;
    const char after = line.size() > name.size() ? line[name.size()] : 'x';
    if (after == ' ' || after == '{') sum += std::stod(std::string(line.substr(line.rfind(' '))));
  }
  return sum;
}

void run(const std::string& directory, const Options& options, Board& board,
         const std::function<void()>& endpoints_come_back) {
  const auto begin = Clock::now();
  const auto engine = open_engine(directory);
  HEADRACE_CHECK(engine->ready());
  const double open_seconds = Seconds(Clock::now() - begin).count();
  const double at_start = memory_mb("VmRSS:");
  std::printf("opened           %8.2f s   demanded: < %.0f s; %.2f CPU s\n", open_seconds,
              kOpenSecondsMax, cpu_seconds());
  const Waited waited = wait_with_backlog(options);
  const double peak = memory_mb("VmHWM:");
  std::printf(
      "resident         %8.0f MB  at start; at most %.0f while they wait, peak %.0f; "
      "demanded: < %.0f\n",
      at_start, waited.resident_mb, peak, kResidentMbMax);
  std::printf("CPU waiting      %8.2f s   in %.0f s\n", waited.cpu, options.wait_seconds);
  std::fflush(stdout);
  board.within_bounds = open_seconds < kOpenSecondsMax && peak < kResidentMbMax;
  endpoints_come_back();
  drain(options, board);
  const double count = std::max(1.0, static_cast<double>(board.received.load()));
  std::printf("a delivery       %8.2f     connections, read back %.2f times\n",
              metric(*engine, "headrace_endpoint_connections_total") / count,
              metric(*engine, "headrace_deliveries_loaded_total") / count);
  std::printf("resident         %8.0f MB  after the drain, peak %.0f\n", memory_mb("VmRSS:"),
              memory_mb("VmHWM:"));
  const auto closing = Clock::now();
  engine->close();
  std::printf("closed           %8.2f s\n", Seconds(Clock::now() - closing).count());
}

// --- All of it -----------------------------------------------------------------------------------

pid_t start(const std::function<void()>& work) {
  std::fflush(stdout);
  const pid_t child = fork();
  HEADRACE_CHECK(child >= 0);
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  work();
  std::fflush(stdout);
  _exit(0);
}

// Whether it ended by itself and well.
bool ended_well(pid_t child) {
  int status = 0;
  HEADRACE_CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Takes the files out of the page cache, so that a start reads them as it would after a reboot.
void forget_cached(const std::string& directory) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const int fd = open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    (void)fdatasync(fd);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

bool bench_with(const Options& options) {
  void* shared = mmap(nullptr, sizeof(Board) + options.messages, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  HEADRACE_CHECK(shared != MAP_FAILED);
  Board& board = *new (shared) Board;
  const bench::ScratchDirectory directory;
  // Holds the port and does not listen: whoever connects is refused.
  const auto port = ingest::BoundSocket::bind(*ingest::ListenAddress::parse("127.0.0.1:0"));
  HEADRACE_CHECK(port.has_value());
  const std::string address = port->address().to_string();

  std::printf("%llu messages for %llu endpoints that are down, %s; load average %.1f\n",
              static_cast<unsigned long long>(options.messages),
              static_cast<unsigned long long>(options.endpoints),
              options.crash ? "killed" : "closed", load_average());
  const bool filled = ended_well(start([&] { fill(directory.path(), address, options, board); }));
  HEADRACE_CHECK(filled != options.crash && board.stored == options.messages);
  forget_cached(directory.path());

  int needed[2];
  int back[2];
  HEADRACE_CHECK(pipe2(needed, O_CLOEXEC) == 0 && pipe2(back, O_CLOEXEC) == 0);
  const pid_t runner = start([&] {
    close(needed[0]);
    close(back[0]);
    run(directory.path(), options, board, [&] { HEADRACE_CHECK(write(back[1], "b", 1) == 1); });
  });
  close(back[1]);
  char byte = 0;
  pid_t sinks = 0;
  if (read(back[0], &byte, 1) == 1) {
    sinks = start([&] {
      close(needed[1]);
      sink(address, options, board, needed[0]);
    });
  }
  close(needed[1]);
  const bool ran = ended_well(runner);
  if (sinks != 0) (void)ended_well(sinks);
  std::printf("received         %8llu     of %llu, %llu twice, %llu unknown; load average %.1f\n",
              static_cast<unsigned long long>(board.received.load()),
              static_cast<unsigned long long>(board.stored.load()),
              static_cast<unsigned long long>(board.duplicates.load()),
              static_cast<unsigned long long>(board.strangers.load()), load_average());
  const bool exact =
      board.received == board.stored && board.duplicates == 0 && board.strangers == 0;
  std::printf("%s\n", !exact                 ? "WRONG: not exactly what was accepted came"
                      : !board.within_bounds ? "MISSED: a bound was not kept"
                                             : "ok");
  return ran && exact && board.within_bounds;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  using headrace::bench::option;
  headrace::Options options;
  const auto count = [&](std::string_view name, std::uint64_t usual) {
    return static_cast<std::uint64_t>(option(argc, argv, name, static_cast<double>(usual)));
  };
  options.messages = count("--messages", options.messages);
  options.endpoints = count("--endpoints", options.endpoints);
  options.body_bytes = count("--body", options.body_bytes);
  options.hold_seconds = option(argc, argv, "--hold", options.hold_seconds);
  options.wait_seconds = option(argc, argv, "--wait", options.wait_seconds);
  options.crash = headrace::bench::flag(argc, argv, "--crash");
  headrace::raise_descriptor_limit();
  return headrace::bench_with(options) ? 0 : 1;
}
