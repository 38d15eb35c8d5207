// SPDX-License-Identifier: Apache-2.0
// One thread of a load: its connections, its share of the schedule, its sums.
//
// It waits by epoll itself rather than on a core::Loop: libuv's timers know milliseconds, in which
// 50 messages of a usual load are due; and edges need no further call of the system in the steady
// state, where a message costs one write, one read, and its share of a wait.
// Threads: prepare() by who makes it, then run() on its own thread.
// Invariant: nothing is allocated between the first message and the last, but by OpenSSL.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/http_response.h"
#include "tools/bench/ledger.h"
#include "tools/bench/load.h"
#include "tools/bench/slow_clients.h"

namespace headrace::bench_tools {

class LoadThread {
 public:
  struct Place {
    unsigned index = 0;  // of `threads`: it sends the messages whose number is that modulo them
    unsigned threads = 1;
    unsigned connections = 1;
  };

  LoadThread(const LoadOptions& options, const Messages& messages, Place place, LiveShare& live);
  ~LoadThread();
  LoadThread(const LoadThread&) = delete;
  LoadThread& operator=(const LoadThread&) = delete;

  // Opens the ledger and all connections. kConnectFailed, kTlsFailed, kStorageFailed.
  Result<void> prepare();
  // Until all is answered or given up. Times count from `start_ns` of the steady clock.
  void run(std::uint64_t start_ns, const std::atomic<bool>& stop) noexcept;

  const LoadResult& result() const noexcept { return result_; }

 private:
  enum class State : std::uint8_t { kDown, kConnecting, kHandshaking, kIdle, kBusy };

  struct Connection {
    int fd = -1;
    State state = State::kDown;
    bool is_listed = false;    // in free_
    bool has_message = false;  // it is under way, or waits for the connection to be there
    bool is_parsing = false;
    bool is_measured = false;
    std::size_t head_bytes = 0;
    std::size_t written = 0;
    std::string_view body;
    std::unique_ptr<char[]> head;
    Messages::Message message;
    std::uint64_t body_hash = 0;
    std::uint64_t due_ns = 0;
    std::uint64_t sent_ns = 0;
    core::ResponseParser parser;
    LoadChannel channel;  // of TLS

    std::size_t bytes() const noexcept { return head_bytes + body.size(); }
  };

  struct Due {
    std::uint64_t number = 0;
    std::uint64_t at_ns = 0;  // from the start
  };

  // An answer that came whole and left its connection open. The verdict on an answer depends on its
  // bytes only, so the same bytes need no second reading.
  struct KnownAnswer {
    static constexpr std::size_t kBytesMax = 1024;

    std::size_t size = 0;
    int status = 0;
    char bytes[kBytesMax];
  };

  std::uint64_t now() const noexcept { return clock_.steady_ns(); }
  bool is_measured(std::uint64_t at_ns) const noexcept { return at_ns >= options_.warmup_ns; }

  // --- what to send ---
  void find_next() noexcept;
  bool may_begin(std::uint64_t now) const noexcept;
  void send_due() noexcept;
  void begin(Connection& connection, const Due& due, std::uint64_t now) noexcept;
  bool is_over(std::uint64_t now) const noexcept;
  void count_unsent(std::uint64_t now) noexcept;
  void give_up_rest() noexcept;
  void end_slow(const std::atomic<bool>& stop) noexcept;

  // --- connections ---
  Connection* take_free() noexcept;
  void list_free(Connection& connection) noexcept;
  bool open(Connection& connection) noexcept;
  void close(Connection& connection) noexcept;
  void reopen(Connection& connection) noexcept;
  void connected(Connection& connection) noexcept;
  void shake_hands(Connection& connection) noexcept;
  void ready(Connection& connection) noexcept;
  void write_some(Connection& connection) noexcept;
  void write_plain(Connection& connection) noexcept;
  void write_records(Connection& connection) noexcept;
  void read_some(Connection& connection, bool until_end) noexcept;
  void read_answer(Connection& connection, std::string_view bytes) noexcept;
  void peer_closed(Connection& connection) noexcept;
  void on_events(Connection& connection, std::uint32_t events) noexcept;

  // --- what became of it ---
  void answered(Connection& connection, int status, bool keep) noexcept;
  void failed(Connection& connection, LoadError error) noexcept;
  void note(const Connection& connection, LedgerEvent event, int status,
            std::uint64_t steady_ns) noexcept;

  void measure_span(bool was_stopped) noexcept;
  void publish(std::uint64_t now) noexcept;

  // --- time ---
  Result<void> prepare_slow();
  Result<void> connect_all();
  int wait(std::uint64_t timeout_ns) noexcept;
  std::uint64_t time_to_wait(std::uint64_t now) const noexcept;
  void keep_house(std::uint64_t now, const std::atomic<bool>& stop) noexcept;

  const LoadOptions& options_;
  const Messages& messages_;
  const Place place_;
  LiveShare& live_;
  const core::SystemClock clock_;
  Composer composer_;
  Arrivals arrivals_;
  std::optional<LedgerWriter> ledger_;
  std::unique_ptr<SlowClients> slow_;  // null: none of them are this thread's
  LoadResult result_;

  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::vector<std::uint32_t> free_;  // a ring, so that all take turns
  std::size_t free_first_ = 0;
  std::size_t free_count_ = 0;
  std::size_t busy_ = 0;
  std::unique_ptr<char[]> input_;
  std::unique_ptr<char[]> record_;  // what goes into the next one
  std::string tls_fault_;           // of the last handshake that failed before the start
  KnownAnswer known_;

  std::uint64_t start_ns_ = 0;
  std::uint64_t wall_offset_ns_ = 0;  // what makes wall time of steady time
  std::uint64_t wall_seconds_ = 0;    // as of the last look at the clock for sending
  std::uint64_t next_number_ = 0;     // of the schedule
  std::optional<Due> next_;           // mine, that is not begun
  bool is_starved_ = false;           // something is due, and no connection is free
  bool is_stopped_ = false;
  std::uint64_t house_at_ns_ = 0;
  std::uint64_t last_answer_ns_ = 0;
};

}  // namespace headrace::bench_tools
