// SPDX-License-Identifier: Apache-2.0
// Slow senders beside those that are measured: each sends a genuine message a few bytes at a time.
//
// A client opens a connection, sends the next piece of its message at each of its turns, and opens
// anew when it was answered or closed. Turns are spread evenly over the interval, so there is one
// time to wait for however many clients there are. An answer is waited for as long as the server
// lets it. What was sent whole, or was accepted before, is in the ledger like anything else, by
// numbers that are apart (MessageId::kApart).
// Threads: all of it on its load's thread, whose epoll set it is one member of, so that the events
// of many slow clients do not come between those that are measured.
// Invariant: nothing is allocated after prepare(), but by OpenSSL.
// Limits: a client keeps its head, a parser and how far it is, and nothing of the body.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/http_response.h"
#include "tools/bench/ledger.h"
#include "tools/bench/load.h"

namespace headrace::bench_tools {

// Whose turn it is when. Pure.
class SlowTurns {
 public:
  SlowTurns(const SlowOptions& options, unsigned thread, unsigned threads) noexcept;

  // Of all clients, those of this thread.
  unsigned clients() const noexcept { return clients_; }
  // Which of these has its turn next. Requires: clients() > 0, of all that follow.
  unsigned client() const noexcept { return client_; }
  std::uint64_t at_ns() const noexcept;  // from the start
  void advance() noexcept;
  // Leaves out whole rounds that were missed.
  void catch_up(std::uint64_t now_ns) noexcept;

 private:
  std::uint64_t every_ns_;
  unsigned count_;
  unsigned thread_;
  unsigned threads_;
  unsigned clients_;
  unsigned client_ = 0;
  std::uint64_t round_ = 0;
};

class SlowClients {
 public:
  struct Place {
    unsigned thread = 0;  // of `threads`
    unsigned threads = 1;
    std::uint64_t wall_offset_ns = 0;  // what makes wall time of steady time
  };

  // `ledger` may be null. Ownership: all of them outlive this.
  SlowClients(const LoadOptions& options, const Messages& messages, Place place,
              LedgerWriter* ledger);
  ~SlowClients();
  SlowClients(const SlowClients&) = delete;
  SlowClients& operator=(const SlowClients&) = delete;

  // Joins the epoll set, with null for data. kUnavailable.
  Result<void> prepare(int epoll);
  void start(std::uint64_t start_ns) noexcept { start_ns_ = start_ns; }
  // When send_due() has something to do.
  std::uint64_t next_ns() const noexcept { return start_ns_ + turns_.at_ns(); }
  // A few of those that are due: others have more pressing things to do.
  void send_due(std::uint64_t now) noexcept;
  // Call it when the epoll set says so; it says so again if there is more.
  void on_events() noexcept;
  // How many messages were sent whole and wait for their answer.
  std::uint64_t awaited() const noexcept { return awaited_; }
  // Closes all of them.
  void finish() noexcept;

  const SlowCounts& counts() const noexcept { return counts_; }

 private:
  enum class State : std::uint8_t { kDown, kConnecting, kHandshaking, kSending, kAwaiting };

  struct Client {
    int fd = -1;
    State state = State::kDown;
    bool is_parsing = false;
    std::size_t head_bytes = 0;
    std::size_t written = 0;
    std::string_view body;
    Messages::Message message;
    std::uint64_t body_hash = 0;
    core::ResponseParser parser;
    LoadChannel channel;  // of TLS

    bool has_message() const noexcept {
      return state == State::kSending || state == State::kAwaiting;
    }
  };

  std::uint64_t now() const noexcept { return clock_.steady_ns(); }
  char* head_of(const Client& client) noexcept;

  void take_turn(Client& client, std::uint64_t now) noexcept;
  void open(Client& client) noexcept;
  void close(Client& client) noexcept;
  void connected(Client& client) noexcept;
  void shake_hands(Client& client) noexcept;
  void begin(Client& client) noexcept;
  void write_piece(Client& client, std::uint64_t now) noexcept;
  void read_some(Client& client) noexcept;
  void peer_closed(Client& client) noexcept;
  void answered(Client& client, int status) noexcept;
  // Without an answer.
  void lost(Client& client) noexcept;
  void note(const Client& client, LedgerEvent event, int status, std::uint64_t at_ns) noexcept;

  const LoadOptions& options_;
  const Messages& messages_;
  const Place place_;
  LedgerWriter* const ledger_;
  const core::SystemClock clock_;
  // Not that of the measured ones, whose signatures it would push out.
  Composer composer_;
  SlowTurns turns_;
  std::vector<Client> clients_;
  std::unique_ptr<char[]> heads_;
  std::unique_ptr<char[]> input_;
  int epoll_ = -1;
  std::uint64_t start_ns_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t awaited_ = 0;
  SlowCounts counts_;
};

}  // namespace headrace::bench_tools
