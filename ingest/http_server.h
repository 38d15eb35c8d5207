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
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/buffer.h"
#include "core/http_request.h"
#include "core/loop.h"
#include "core/metrics.h"
#include "ingest/listener.h"

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
  core::Counter rejected;  // refused by the codec or a limit
  core::Counter timeouts;  // closed at a deadline
  core::Counter shed;      // refused because memory or connections ran out
};

class HttpServer final : private core::BeforeWait {
 public:
  // `connections_max`: how many are served at a time; further ones are closed as they come.
  HttpServer(core::Loop& loop, core::BufferPool& pool, HttpHandler& handler,
             std::size_t connections_max = core::limits::kConnectionsPerLoopMax);
  ~HttpServer() override;

  // kConnectFailed with errno.
  Result<void> listen(BoundSocket socket);
  // Answers the request of `token`. Sent at the end of this iteration of the loop, together with
  // others.
  void respond(ResponseToken token, const Response& response) noexcept;

  // Stops accepting; each connection closes after the answers it is owed.
  void drain() noexcept;
  bool drained() const noexcept { return connections_open_ == 0; }
  // Closes everything; `done` is called on the loop when all handles are closed.
  void stop(std::function<void()> done);

  const HttpServerCounters& counters() const noexcept { return counters_; }

 private:
  class Connection;
  friend class Connection;

  static void on_connection(uv_stream_t* listener, int status) noexcept;
  void before_wait() noexcept override;
  void accept();
  Connection* find(ResponseToken token, std::uint32_t& slot) noexcept;
  void mark_dirty(Connection& connection);
  void closed(Connection& connection) noexcept;
  void maybe_stopped();
  std::string_view date_line() noexcept;

  core::Loop& loop_;
  core::BufferPool& pool_;
  HttpHandler& handler_;
  const std::size_t connections_max_;
  uv_tcp_t listener_;
  bool listening_ = false;
  bool draining_ = false;
  bool stopping_ = false;
  std::function<void()> stopped_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> dirty_;
  std::size_t connections_open_ = 0;
  std::size_t closing_ = 0;
  std::string date_line_;
  core::WallMs date_second_ = 0;
  std::array<char, 4096> discarded_;  // what is read only to be thrown away
  HttpServerCounters counters_;
};

// A problem document (RFC 9457). Requires: `detail` needs no escaping in JSON.
std::string problem_document(int status, std::string_view detail);

// The reason phrase of RFC 9110.
std::string_view status_text(int status) noexcept;

}  // namespace headrace::ingest
