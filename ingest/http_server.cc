// SPDX-License-Identifier: Apache-2.0
#include "ingest/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "core/check.h"
#include "core/limits.h"
#include "ingest/http_connection.h"

namespace headrace::ingest {

namespace {

constexpr int kBacklog = 1024;
// Where the parts of a token lie; the generation fills the rest.
constexpr unsigned kSlotBits = 8;
constexpr unsigned kIndexBits = 16;
static_assert(core::limits::kPipelineDepthMax <= 1u << kSlotBits);
static_assert(core::limits::kConnectionsPerLoopMax <= 1u << kIndexBits);

}  // namespace

std::string_view status_text(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

std::string problem_document(int status, std::string_view detail) {
  return fmt::format(R"({{"type":"about:blank","title":"{}","status":{},"detail":"{}"}})",
                     status_text(status), status, detail);
}

HttpServer::HttpServer(core::Loop& loop, core::BufferPool& pool, HttpHandler& handler,
                       std::size_t connections_max)
    : loop_(loop),
      pool_(pool),
      handler_(handler),
      connections_max_(std::min(connections_max, core::limits::kConnectionsPerLoopMax)) {}

HttpServer::~HttpServer() {
  HEADRACE_CHECK(!listening_ && connections_open_ == 0 && closing_ == 0);
}

Result<void> HttpServer::listen(BoundSocket socket) {
  HEADRACE_CHECK(!listening_);
  HEADRACE_CHECK(uv_tcp_init(loop_.uv(), &listener_) == 0);
  listener_.data = this;
  listening_ = true;
  loop_.add_before_wait(this);
  int failed = uv_tcp_open(&listener_, socket.release());
  if (failed == 0)
    failed =
        uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), kBacklog, &HttpServer::on_connection);
  if (failed == 0) return {};
  return Error{ErrorCode::kConnectFailed, std::string("cannot listen: ") + uv_strerror(failed),
               -failed};
}

void HttpServer::on_connection(uv_stream_t* listener, int status) noexcept {
  if (status == 0) static_cast<HttpServer*>(listener->data)->accept();
}

void HttpServer::accept() {
  if (free_.empty() && connections_.size() < connections_max_) {
    free_.push_back(static_cast<std::uint32_t>(connections_.size()));
    connections_.push_back(std::make_unique<Connection>(*this, free_.back()));
  }
  if (free_.empty()) {  // full: taken and closed, so that the client learns it at once
    counters_.shed.add();
    auto* refused = new uv_tcp_t;
    uv_tcp_init(loop_.uv(), refused);
    uv_accept(reinterpret_cast<uv_stream_t*>(&listener_), reinterpret_cast<uv_stream_t*>(refused));
    uv_close(reinterpret_cast<uv_handle_t*>(refused),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); });
    return;
  }
  Connection& connection = *connections_[free_.back()];
  free_.pop_back();
  ++connections_open_;
  counters_.connections.add();
  counters_.open.set(connections_open_);
  connection.open(reinterpret_cast<uv_stream_t*>(&listener_));
}

HttpServer::Connection* HttpServer::find(ResponseToken token, std::uint32_t& slot) noexcept {
  const auto bits = static_cast<std::uint64_t>(token);
  slot = static_cast<std::uint32_t>(bits & ((1u << kSlotBits) - 1));
  const auto index = static_cast<std::uint32_t>((bits >> kSlotBits) & ((1u << kIndexBits) - 1));
  if (index >= connections_.size()) return nullptr;
  Connection& connection = *connections_[index];
  const bool current = connection.generation() == bits >> (kSlotBits + kIndexBits);
  return current && connection.is_open() && connection.awaits(slot) ? &connection : nullptr;
}

void HttpServer::respond(ResponseToken token, const Response& response) noexcept {
  std::uint32_t slot = 0;
  if (Connection* connection = find(token, slot)) connection->reply(slot, response);
}

void HttpServer::mark_dirty(Connection& connection) {
  if (connection.dirty) return;
  connection.dirty = true;
  dirty_.push_back(connection.index());
}

void HttpServer::before_wait() noexcept {
  // Flushing may make further requests be read from a full pipeline, and so more answers.
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    Connection& connection = *connections_[dirty_[i]];
    connection.dirty = false;
    connection.flush();
  }
  dirty_.clear();
}

// Once a second is often enough for a date of one second's precision.
std::string_view HttpServer::date_line() noexcept {
  const core::WallMs second = loop_.wall() / 1000;
  if (second != date_second_) {
    date_second_ = second;
    const auto time = static_cast<std::time_t>(second);
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[64];
    const std::size_t size =
        std::strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    date_line_.assign(text, size);
  }
  return date_line_;
}

void HttpServer::drain() noexcept {
  if (draining_) return;
  draining_ = true;
  if (listening_) {
    listening_ = false;
    ++closing_;
    uv_close(reinterpret_cast<uv_handle_t*>(&listener_), [](uv_handle_t* handle) {
      auto& server = *static_cast<HttpServer*>(handle->data);
      --server.closing_;
      server.maybe_stopped();
    });
  }
  for (auto& connection : connections_) connection->drain();
}

void HttpServer::stop(std::function<void()> done) {
  HEADRACE_CHECK(!stopping_);
  stopping_ = true;
  stopped_ = std::move(done);
  drain();
  for (auto& connection : connections_) connection->close();
  loop_.remove_before_wait(this);
  maybe_stopped();
}

void HttpServer::closed(Connection& connection) noexcept {
  --closing_;
  --connections_open_;
  counters_.open.set(connections_open_);
  free_.push_back(connection.index());
  maybe_stopped();
}

void HttpServer::maybe_stopped() {
  if (!stopping_ || connections_open_ != 0 || closing_ != 0 || !stopped_) return;
  loop_.post(std::exchange(stopped_, nullptr));
}

}  // namespace headrace::ingest
