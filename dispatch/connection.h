// SPDX-License-Identifier: Apache-2.0
// One HTTP/1.1 connection to an endpoint: opens, sends one delivery at a time, reads the answer, is
// used again.
//
// Threads: everything on the shard's loop.
// Ownership: the shard owns connections and reuses them after on_connection_closed(); the
// connection borrows the flight that it carries and gives it back with exactly one of
// on_attempt_end() and on_stale(). Invariant: nothing of a connection is touched after a callback
// to its owner, which may already use it again.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/http_response.h"
#include "core/loop.h"
#include "dispatch/address_filter.h"
#include "dispatch/capture_pool.h"
#include "dispatch/endpoint.h"
#include "dispatch/flight.h"
#include "dispatch/message_query.h"
#include "dispatch/request.h"
#include "dispatch/resolver.h"
#include "dispatch/shard_counters.h"
#include "dispatch/tls.h"
#include "dispatch/transport.h"

namespace headrace::dispatch {

class Connection;

// How an attempt ended. The views are valid during the callback.
struct AttemptEnd {
  store::AttemptError error = store::AttemptError::kNone;
  std::uint16_t http_status = 0;  // 0: no answer
  std::int64_t retry_after_seconds = -1;
  std::string_view head;
  std::string_view body;
};

class ConnectionOwner {
 public:
  // The connection is idle (and may be sent to at once) or closing.
  virtual void on_attempt_end(Connection& connection, Flight& flight,
                              const AttemptEnd& end) noexcept = 0;
  // A kept-alive connection was closed by the peer before any byte of the answer: try again on a
  // fresh one.
  virtual void on_stale(Flight& flight) noexcept = 0;
  // An idle connection is about to be closed; it must not be sent to any more.
  virtual void on_idle_end(Connection& connection) noexcept = 0;
  virtual void on_connection_closed(Connection& connection) noexcept = 0;

 protected:
  ~ConnectionOwner() = default;
};

// What the connections of one shard share.
struct ConnectionContext {
  static constexpr std::size_t kRecordBytes = 16 * core::limits::kKiB;  // a TLS record

  core::Loop& loop;
  Transport& transport;
  Resolver& resolver;
  ConnectionOwner& owner;
  ShardCounters& counters;
  const TlsContext* tls = nullptr;  // null: https is refused
  AddressCheck allowed;
  bool plain_http = false;  // else http is refused
  std::chrono::milliseconds idle_timeout{30'000};
  CapturePool captures;
  MessageQuery query;
  std::unique_ptr<char[]> plain_buffer{new char[kRecordBytes]};
};

class Connection final : private StreamOwner {
 public:
  explicit Connection(ConnectionContext& context);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();  // Requires: free.

  // Connects to `endpoint` and sends what `flight` carries. May end the attempt before it returns.
  // `lane` and `session` must live until on_connection_closed(). Requires: free.
  void open(std::shared_ptr<const Endpoint> endpoint, LaneEntry& lane, TlsSession& session,
            Flight& flight);
  // Sends on the open connection. Requires: idle.
  void send(Flight& flight);
  // Closes without a word about the attempt, which is the caller's now. on_connection_closed()
  // follows, perhaps at once. No effect on one that is free or closing.
  void close() noexcept;

  bool idle() const noexcept { return state_ == State::kIdle; }
  bool free() const noexcept { return state_ == State::kFree; }
  Flight* flight() const noexcept { return flight_; }
  LaneEntry* lane() const noexcept { return lane_; }
  const Endpoint* endpoint() const noexcept { return endpoint_.get(); }

  // For the owner's lists.
  Connection* next = nullptr;
  Connection* previous = nullptr;
  // And by the shard: the idle ones of all lanes, by when they were used last.
  Connection* newer = nullptr;
  Connection* older = nullptr;

 private:
  enum class State : std::uint8_t {
    kFree,
    kResolving,
    kConnecting,
    kNextAddress,  // one address failed; its stream is closing, then comes the next
    kHandshaking,
    kBusy,
    kIdle,
    kClosing,
  };
  // What only TLS needs; made at first use and kept.
  struct Tls {
    TlsStream stream;
    RequestPieces left;     // not yet encrypted
    std::string unwritten;  // encrypted, held while a write is under way
  };

  static void on_timer(core::Timer& timer) noexcept;
  static void on_resolved(ResolveRequest& request, const Addresses& addresses) noexcept;
  void on_connected(bool connected) noexcept override;
  void on_bytes(std::string_view bytes) noexcept override;
  void on_end(bool in_order) noexcept override;
  void on_written(bool written) noexcept override;
  void on_stream_closed() noexcept override;

  // Opening (connection.cc).
  void arm_connect_timer() noexcept;
  void time_out() noexcept;
  void connect_to(const Addresses& addresses) noexcept;
  void connect_next() noexcept;
  void address_failed(store::AttemptError error) noexcept;
  void start_tls() noexcept;
  void step_handshake() noexcept;
  void end_attempt(store::AttemptError error, bool reusable) noexcept;
  void closed() noexcept;

  // Sending and reading (connection_io.cc).
  void send_request() noexcept;
  void send_plain(RequestPieces& pieces) noexcept;
  void pump_tls() noexcept;
  void encrypt_more() noexcept;
  bool write_some(uv_buf_t* list, unsigned count, std::size_t& written) noexcept;
  void write_rest(uv_buf_t* list, unsigned count) noexcept;
  void received(std::string_view bytes) noexcept;
  void received_tls(std::string_view ciphertext) noexcept;
  void feed(std::string_view bytes) noexcept;
  void settle_answer() noexcept;
  void peer_closed(bool in_order) noexcept;

  std::uint64_t now_ms() const noexcept { return context_.loop.clock().steady_ns() / 1'000'000; }

  ConnectionContext& context_;
  State state_ = State::kFree;
  bool stream_open_ = false;
  bool reused_ = false;  // this attempt is not the first on the connection
  bool write_pending_ = false;
  bool send_failed_ = false;
  bool answer_ended_ = false;
  bool answer_overran_ = false;  // bytes behind the answer, or more body than is read
  store::AttemptError answer_error_ = store::AttemptError::kNone;
  store::AttemptError connect_error_ = store::AttemptError::kNone;
  Flight* flight_ = nullptr;
  LaneEntry* lane_ = nullptr;
  TlsSession* session_ = nullptr;
  std::shared_ptr<const Endpoint> endpoint_;
  core::SteadyMs connect_deadline_ = 0;
  std::size_t next_address_ = 0;
  Addresses addresses_;
  ResolveRequest resolve_request_;
  core::Timer timer_;
  const std::unique_ptr<Stream> stream_;
  core::BufferRef write_hold_;  // the payload while a write of it is under way
  RequestScratch scratch_;
  std::string query_;
  CapturePool::Slab capture_;  // null: no byte of the answer has arrived
  core::ResponseParser parser_;
  std::unique_ptr<Tls> tls_;  // null until the first https endpoint
  bool secure_ = false;
};

}  // namespace headrace::dispatch
