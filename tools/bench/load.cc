// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/load.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "core/clock.h"
#include "tools/bench/load_thread.h"

namespace headrace::bench_tools {
namespace {

// All threads are there before the first message is due.
constexpr std::uint64_t kStartDelayNs = 20'000'000;

Error invalid(const char* what) { return {ErrorCode::kInvalidArgument, what}; }

void block_signals() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

LoadThread::Place place_of(const LoadOptions& options, unsigned index) noexcept {
  const unsigned share = options.connections / options.threads;
  const unsigned rest = options.connections % options.threads;
  return {
      .index = index, .threads = options.threads, .connections = share + (index < rest ? 1u : 0u)};
}

void judge(const LoadOptions& options, LoadResult& result) {
  const std::uint64_t due = result.measured_sent + result.unsent;
  const double late = static_cast<double>(result.measured_late);
  if (result.answered == 0) result.faults.push_back("nothing was answered");
  if (result.ledger_dropped != 0) result.faults.push_back("the ledger is not whole");
  if (options.closed_loop || due == 0) return;
  const double share = late / static_cast<double>(due);
  if (share > options.late_share_max) {
    result.faults.push_back(fmt::format(
        "{:.2f} % of the messages were sent more than {} ms late, or never (at most {:.2f} %)",
        share * 100, options.late_ns / 1'000'000, options.late_share_max * 100));
  }
}

}  // namespace

std::string_view to_string(LoadError error) noexcept {
  static constexpr std::array<std::string_view, kLoadErrors> kNames = {"connect", "tls", "closed",
                                                                       "timeout", "protocol"};
  return kNames[static_cast<std::size_t>(error)];
}

Result<void> LoadOptions::check() const {
  ArrivalOptions schedule = arrivals;
  if (closed_loop) schedule = {.duration_ns = arrivals.duration_ns};
  if (auto checked = schedule.check(); !checked) return checked;
  if (threads == 0 || threads > kThreadsMax) return invalid("the threads must be 1 to 64");
  if (connections < threads || connections > kConnectionsMax)
    return invalid("the connections must be at least one a thread, and at most 60000");
  if (warmup_ns >= arrivals.duration_ns)
    return invalid("the warm-up must be shorter than the duration");
  if (timeout_ns == 0) return invalid("the timeout must be above 0");
  if (!(late_share_max >= 0 && late_share_max <= 1))
    return invalid("the share of late messages must be between 0 and 1");
  if (run == 0) return invalid("the run must not be 0");
  if (slow.count > kConnectionsMax) return invalid("the slow clients must be at most 60000");
  if (slow.bytes == 0 || slow.bytes > SlowOptions::kBytesMax)
    return invalid("slow clients must send 1 to 16384 bytes at once");
  if (slow.every_ns == 0) return invalid("the interval of slow clients must be above 0");
  return {};
}

void SlowCounts::add(const SlowCounts& other) noexcept {
  count += other.count;
  connections += other.connections;
  closed_by_server += other.closed_by_server;
  answered += other.answered;
  accepted += other.accepted;
}

void LoadResult::add(const LoadResult& other) {
  sent += other.sent;
  answered += other.answered;
  unsent += other.unsent;
  unanswered += other.unanswered;
  sent_bytes += other.sent_bytes;
  received_bytes += other.received_bytes;
  for (std::size_t i = 0; i < kStatuses; ++i) statuses[i] += other.statuses[i];
  for (std::size_t i = 0; i < kLoadErrors; ++i) errors[i] += other.errors[i];
  for (std::size_t i = 0; i < kKinds; ++i) kinds[i] += other.kinds[i];
  reconnects += other.reconnects;
  cpu_ns += other.cpu_ns;
  measured_sent += other.measured_sent;
  measured_answered += other.measured_answered;
  measured_accepted += other.measured_accepted;
  measured_late += other.measured_late;
  measured_starved += other.measured_starved;
  measured_ns = std::max(measured_ns, other.measured_ns);
  from_due.add(other.from_due);
  from_sent.add(other.from_sent);
  lag.add(other.lag);
  slow.add(other.slow);
  ledger_records += other.ledger_records;
  ledger_dropped += other.ledger_dropped;
  faults.insert(faults.end(), other.faults.begin(), other.faults.end());
}

Result<LoadResult> run_load(const LoadOptions& options, const Messages& messages,
                            const std::atomic<bool>& stop) {
  if (auto checked = options.check(); !checked) return checked.error();
  LiveMonitor monitor(options.live, options.threads, options.arrivals.duration_ns);
  std::vector<std::unique_ptr<LoadThread>> lanes;
  for (unsigned i = 0; i < options.threads; ++i) {
    lanes.push_back(
        std::make_unique<LoadThread>(options, messages, place_of(options, i), monitor.share(i)));
    if (auto prepared = lanes.back()->prepare(); !prepared) return prepared.error();
  }
  if (options.before_start) options.before_start();
  const std::uint64_t start_ns = core::SystemClock().steady_ns() + kStartDelayNs;
  std::vector<std::thread> threads;
  for (const auto& lane : lanes) {
    threads.emplace_back([&lane, start_ns, &stop] {
      block_signals();  // they are for who waits
      lane->run(start_ns, stop);
    });
  }
  monitor.start(start_ns);
  for (std::thread& thread : threads) thread.join();
  LoadResult result;
  result.series = monitor.stop();
  for (const auto& lane : lanes) result.add(lane->result());
  judge(options, result);
  return result;
}

}  // namespace headrace::bench_tools
