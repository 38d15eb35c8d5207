// SPDX-License-Identifier: Apache-2.0
// Thousands of endpoints in one process, each answering as a script says: the other end of a
// measurement, so cheap that it hardly takes part in it.
//
// What is answered is built once. A request is read where it was received, answered by one send,
// and noted in the ledger when its answer has left, or will never.
// Threads: the loop only. Invariant: a request allocates nothing once its connection has seen one
// as large. Lifecycle: listen(), stop(done); the destructor requires stopped.
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/hmac.h"
#include "core/http_request.h"
#include "core/loop.h"
#include "headrace/result.h"
#include "tools/bench/ledger.h"
#include "tools/bench/sink_script.h"

namespace headrace::bench_tools {

struct SinkCounters {
  std::uint64_t connections = 0;  // accepted
  std::uint64_t requests = 0;     // read whole
  std::uint64_t body_bytes = 0;
  std::uint64_t bad_signatures = 0;           // missing or wrong where a secret is given
  std::uint64_t unidentified = 0;             // without the id of a message
  std::uint64_t unknown_endpoints = 0;        // answered 404
  std::uint64_t malformed = 0;                // answered 400
  std::uint64_t gave_up = 0;                  // peers that left before their answer
  std::array<std::uint64_t, 600> answered{};  // by status, sent whole
  std::array<std::uint64_t, 5> faults{};      // by SinkFault
};

class EndpointSink {
 public:
  static constexpr std::uint32_t kByPath = ~std::uint32_t{0};

  // `script` and `ledger` must outlive this; a null ledger keeps none.
  // Requires: every secret of the script is one that secret_key() reads.
  EndpointSink(core::Loop& loop, const SinkScript& script, LedgerWriter* ledger);
  ~EndpointSink();
  EndpointSink(const EndpointSink&) = delete;
  EndpointSink& operator=(const EndpointSink&) = delete;

  // Serves a bound socket, which is this one's from now on: `endpoint`, or by the first number of
  // the path (/0, /1?x, /2/y). kConnectFailed with errno.
  Result<void> listen(int fd, std::uint32_t endpoint);
  // Closes everything; `done` is called on the loop when all handles are closed. What is not yet
  // answered is noted as such.
  void stop(std::function<void()> done);

  const SinkCounters& counters() const noexcept { return counters_; }

 private:
  class Connection;
  friend class Connection;
  struct Listener;
  // An answer as it goes over the wire.
  struct Prepared {
    std::string bytes;               // head, and a body that is not too long
    std::uint64_t filler_bytes = 0;  // of the body behind it
    std::uint16_t status = 0;        // that the ledger gets when it was sent; 0: it is no answer
    SinkFault fault = SinkFault::kNone;
    std::uint32_t drip_ms = 0;
  };
  struct Behaviour {
    std::vector<Prepared> answers;
    std::optional<core::HmacKey> key;
  };

  static Prepared prepare(const SinkAnswer& answer);
  void accept_from(Listener& listener) noexcept;
  void on_closed() noexcept;
  const Prepared& choose(std::uint32_t endpoint, std::uint32_t& delay_ms) noexcept;
  void note(const LedgerRecord& record, std::uint16_t status) noexcept;
  bool is_signed(const core::HmacKey& key, const core::RequestHead& head, const char* base,
                 std::string_view body) const noexcept;

  core::Loop& loop_;
  const SinkScript& script_;
  LedgerWriter* ledger_;
  std::vector<Behaviour> behaviours_;
  std::vector<EndpointState> states_;
  Prepared down_, not_found_, malformed_;
  SinkCounters counters_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<Connection*> connections_;
  std::vector<char> scratch_;  // where most requests are received and answered
  core::Timer flush_timer_;
  std::size_t handles_ = 0;  // open or closing
  std::function<void()> stopped_;
  bool is_stopping_ = false;
};

}  // namespace headrace::bench_tools
