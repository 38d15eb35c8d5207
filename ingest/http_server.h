// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server on one loop: connections, pipelining, limits and deadlines. What requests mean
// is its handler's business.
//
// Threads: the loop only.
// Ownership: a request's bytes lie in a pool buffer; a handler that wants to keep them keeps a
// reference. Invariant: answers leave a connection in the order of its requests, whatever the order
// of respond(). Limits: kConnectionsPerLoopMax, kPipelineDepthMax, kHeadBytesMax, the handler's
// body limit, three deadlines. Lifecycle: listen(), drain() or stop(done), destructor requires
// stopped.
#pragma once

#include <uv.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "core/http_request.h"
#include "core/ip_address.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/metrics.h"
#include "ingest/client_address.h"
#include "ingest/listener.h"
#include "ingest/peer_counts.h"
#include "ingest/tls_server.h"

namespace headrace::ingest {

// Names one unanswered request. A token whose connection is gone is ignored by respond().
enum class ResponseToken : std::uint64_t {};

struct Response {
  int status = 200;
  std::string_view content_type{};  // empty: no body
  std::string_view body{};
  std::string_view extra_lines{};  // further header lines, each with CRLF
  bool close = false;              // close the connection after it
};

// A whole request. `base` is where its first byte lies; ranges of head and body count from there.
struct IncomingRequest {
  const core::RequestHead& head;
  core::Range body;
  char* base;
  const core::BufferRef& buffer;
  core::IpAddress peer{};  // whose request it is, behind the proxies that are trusted

  // The same range counted from the start of the buffer.
  core::Range in_buffer(core::Range range) const noexcept {
    return {static_cast<std::uint32_t>(base - buffer.data()) + range.offset, range.size};
  }
};

// What to do with a request whose head has arrived.
struct HeadDecision {
  std::size_t body_bytes_max = core::limits::kBodyBytesMaxDefault;
  int refuse_status = 0;             // not 0: answer this at once and close
  std::string_view refuse_reason{};  // must outlive the call: a literal
  std::string_view refuse_lines{};   // further header lines, likewise
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual HeadDecision on_head(const core::RequestHead& head, const char* base) noexcept = 0;
  // Answers by HttpServer::respond(), now or later, exactly once.
  virtual void on_request(const IncomingRequest& request, ResponseToken token) noexcept = 0;
};

struct HttpServerCounters {
  core::Counter connections;  // accepted
  core::Counter open;         // gauge
  core::Counter requests;
  core::Counter rejected;   // refused by the codec or a limit
  core::Counter timeouts;   // closed at a deadline
  core::Counter shed;       // refused because memory, connections or descriptors ran out
  core::Counter evicted;    // closed to make room for others
  core::Counter crowding;   // refused because their client has too many connections
  core::Counter handshake;  // closed because TLS or the PROXY protocol was not spoken right
};

struct HttpServerOptions {
  // Served at a time; more than kConnectionsPerLoopMax counts as that.
  std::size_t connections_max = core::limits::kConnectionsPerLoopMax;
  std::uint64_t requests_per_connection_max = core::limits::kRequestsPerConnectionMax;
  // For a whole head (and what comes before the first: TLS, PROXY), a whole body, and between
  // requests.
  std::chrono::milliseconds head_timeout = core::limits::kHeadTimeout;
  std::chrono::milliseconds body_timeout = core::limits::kBodyTimeout;
  std::chrono::milliseconds idle_timeout = core::limits::kIdleTimeout;
  std::uint64_t body_rate_min = core::limits::kBodyRateMin;  // bytes a second; 0: any
  // All of these may be null, are shared by the loops of a server, and must outlive it.
  const TlsServer* tls = nullptr;        // null: plain HTTP
  const ClientRules* clients = nullptr;  // null: nobody is a proxy
  PeerCounts* peers = nullptr;           // null: any number of connections a client
  core::LogSink* log = nullptr;
};

class HttpServer final : private core::BeforeWait {
 public:
  HttpServer(core::Loop& loop, core::BufferPool& pool, HttpHandler& handler,
             const HttpServerOptions& options = {});
  ~HttpServer() override;

  // kConnectFailed with errno.
  Result<void> listen(BoundSocket socket);
  // Answers the request of `token`. Sent at the end of this iteration of the loop, together with
  // others.
  void respond(ResponseToken token, const Response& response) noexcept;

  // Stops accepting; each connection closes after the answers it is owed.
  void drain() noexcept;
  bool drained() const noexcept { return slots_taken_ == 0; }
  // Closes everything; `done` is called on the loop when all handles are closed.
  void stop(std::function<void()> done);

  const HttpServerCounters& counters() const noexcept { return counters_; }

 private:
  class Connection;
  friend class Connection;

  // Connections in order of when they came to be in it, the one that waits longest first.
  struct Queue {
    Connection* first = nullptr;
    Connection* last = nullptr;
  };

  static void on_acceptable(uv_poll_t* listener, int status, int events) noexcept;
  static void on_pause_over(core::Timer& timer) noexcept;
  void before_wait() noexcept override;
  void accept_some() noexcept;
  void serve(int fd, const core::IpAddress& peer) noexcept;
  bool find_descriptor() noexcept;
  void warn(core::SteadyMs& last, std::string_view event, std::string_view message) noexcept;
  // Closes a connection that others need more; false: there is none.
  bool evict() noexcept;
  // Of those that have been sending one request for long, the first; null: there is none.
  Connection* slowest() noexcept;
  // A receive buffer, if need be that of a connection that is too slow, but not `to` itself.
  core::BufferRef acquire(std::size_t bytes, const Connection& to) noexcept;
  void enqueue(Queue& queue, Connection& connection) noexcept;
  void dequeue(Connection& connection) noexcept;
  Connection* find(ResponseToken token, std::uint32_t& slot) noexcept;
  void mark_dirty(Connection& connection);
  void closing() noexcept;
  void free_spare() noexcept;
  void give_memory_back() noexcept;
  void closed(Connection& connection) noexcept;
  void maybe_stopped();
  std::string_view date_line() noexcept;

  core::Loop& loop_;
  core::BufferPool& pool_;
  HttpHandler& handler_;
  HttpServerOptions options_;
  ClientRules no_rules_;
  uv_poll_t listener_;
  int listener_fd_ = -1;
  bool listening_ = false;
  bool draining_ = false;
  bool stopping_ = false;
  std::function<void()> stopped_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by index; null: free
  std::vector<std::unique_ptr<Connection>> spare_;        // closed ones, for the next clients
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> dirty_;
  Queue idle_;       // nothing of a request is here
  Queue under_way_;  // a part of one
  std::uint64_t generation_ = 0;
  std::size_t connections_open_ = 0;
  std::size_t slots_taken_ = 0;  // open, or being closed
  std::size_t closing_ = 0;
  std::string date_line_;
  core::WallMs date_second_ = 0;
  core::Timer pause_;
  std::size_t timeouts_this_turn_ = 0;
  std::size_t freed_ = 0;  // connections, since memory was last given back to the system
  uv_work_t trim_;
  bool trimming_ = false;
  core::SteadyMs warned_full_ = 0;
  core::SteadyMs warned_descriptors_ = 0;
  // What is read only to be thrown away or to be deciphered.
  std::array<char, core::limits::kCiphertextBytesRead> scratch_;
  HttpServerCounters counters_;
};

// A problem document (RFC 9457). Requires: `detail` needs no escaping in JSON.
std::string problem_document(int status, std::string_view detail);

// The reason phrase of RFC 9110.
std::string_view status_text(int status) noexcept;

}  // namespace headrace::ingest
