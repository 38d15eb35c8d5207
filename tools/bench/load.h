// SPDX-License-Identifier: Apache-2.0
// Sends messages to one server at the times they are due, and measures what becomes of them.
//
// Open loop: a message is due by its schedule alone, and its latency counts from then, also when
// it could only be sent later; so a server that stands still for a second has a second in its
// percentiles, for each message that was due in it. The uncorrected figure, from when a message was
// sent, stands beside it. Closed loop: each connection sends its next message when the last was
// answered; nothing is due, and nothing can be corrected.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/histogram.h"
#include "headrace/result.h"
#include "tools/bench/arrivals.h"
#include "tools/bench/live.h"
#include "tools/bench/load_target.h"
#include "tools/bench/load_tls.h"
#include "tools/bench/messages.h"

namespace headrace::bench_tools {

// Clients beside those that are measured, which send a few bytes at a time.
struct SlowOptions {
  unsigned count = 0;   // of all threads
  unsigned bytes = 16;  // at once
  std::uint64_t every_ns = 1'000'000'000;

  static constexpr unsigned kBytesMax = LoadChannel::kRecordBytesMax;
};

struct SlowCounts {
  std::uint64_t count = 0;
  std::uint64_t connections = 0;       // that came to be, with TLS
  std::uint64_t closed_by_server = 0;  // of these, before an answer
  std::uint64_t answered = 0;
  std::uint64_t accepted = 0;  // of these, 2xx

  void add(const SlowCounts& other) noexcept;
};

struct LoadOptions {
  ServerAddress server;
  std::shared_ptr<const LoadTls> tls;  // null: plain
  bool closed_loop = false;
  ArrivalOptions arrivals;                    // of a closed loop: the duration
  std::uint64_t messages_max = 0;             // 0: as many as the duration brings
  std::uint64_t warmup_ns = 0;                // what is due in it is sent, and not measured
  std::uint64_t timeout_ns = 10'000'000'000;  // for an answer
  std::uint64_t drain_ns = 10'000'000'000;    // for what is late when the duration is over
  unsigned threads = 1;
  unsigned connections = 64;  // of all threads
  bool churn = false;         // a connection for each message; the Messages ask for its end
  SlowOptions slow;
  // Messages due within so short a time may be sent together, so that they cost one wake-up.
  std::uint64_t batch_ns = 200'000;
  std::uint64_t late_ns = 10'000'000;  // a message sent so long after it was due is late
  double late_share_max = 0.01;        // more of them make the run invalid
  std::uint64_t run = 1;               // not 0
  std::string ledger_directory;        // empty: none is kept
  std::function<void()> before_start;  // all is ready and connected; null: begin at once
  LiveOptions live;                    // who looks on

  static constexpr unsigned kThreadsMax = 64;
  static constexpr unsigned kConnectionsMax = 60'000;

  // kInvalidArgument.
  Result<void> check() const;
};

enum class LoadError : std::uint8_t {
  kConnect,   // refused, or nobody there
  kTls,       // no handshake, or a certificate that is not trusted
  kClosed,    // in the middle of a request or its answer
  kTimeout,   // no answer in time
  kProtocol,  // what came was no answer
};
inline constexpr std::size_t kLoadErrors = 5;
std::string_view to_string(LoadError error) noexcept;

// Sums of all threads. What is not named "measured" counts the warm-up, too.
struct LoadResult {
  static constexpr std::size_t kStatuses = 1000;

  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t unsent = 0;      // due, and never begun
  std::uint64_t unanswered = 0;  // sent, and given up with an error or at the end
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::array<std::uint64_t, kStatuses> statuses{};
  std::array<std::uint64_t, kLoadErrors> errors{};
  std::array<std::uint64_t, kKinds> kinds{};  // of what was sent
  std::uint64_t reconnects = 0;               // connections that the server closed between messages
  std::uint64_t cpu_ns = 0;                   // of the threads that sent

  std::uint64_t measured_sent = 0;
  std::uint64_t measured_answered = 0;
  std::uint64_t measured_accepted = 0;  // 2xx
  std::uint64_t measured_late = 0;      // begun later than late_ns after they were due, or never
  std::uint64_t measured_starved = 0;   // could not be sent in time as no connection was free
  std::uint64_t measured_ns = 0;        // from the end of the warm-up to the last answer
  core::Histogram from_due;             // to the end of the answer; empty in a closed loop
  core::Histogram from_sent;
  core::Histogram lag;  // from due to sent

  SlowCounts slow;  // of whom nothing above says anything

  std::vector<LivePoint> series;  // how it went, warm-up included

  std::uint64_t ledger_records = 0;
  std::uint64_t ledger_dropped = 0;
  std::vector<std::string> faults;  // why the run says nothing; empty: it is valid

  bool valid() const noexcept { return faults.empty(); }
  void add(const LoadResult& other);
};

// Blocks until it is over, or soon after `stop` is set. kConnectFailed: the server is not there at
// the beginning; kStorageFailed: no ledger can be written; kTlsFailed.
Result<LoadResult> run_load(const LoadOptions& options, const Messages& messages,
                            const std::atomic<bool>& stop);

}  // namespace headrace::bench_tools
