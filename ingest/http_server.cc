// SPDX-License-Identifier: Apache-2.0
#include "ingest/http_server.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

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
// Those that are being closed still have a slot: as many again.
constexpr std::size_t kSlotsMax = 2 * core::limits::kConnectionsPerLoopMax;
static_assert(kSlotsMax <= 1u << kIndexBits);
// How many candidates are looked at for one that can be closed.
constexpr int kCandidatesMax = 64;

constexpr core::SteadyMs ms(std::chrono::milliseconds duration) noexcept {
  return static_cast<core::SteadyMs>(duration.count());
}

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
    case 429:
      return "Too Many Requests";
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
                       const HttpServerOptions& options)
    : loop_(loop), pool_(pool), handler_(handler), options_(options) {
  options_.connections_max =
      std::min(options_.connections_max, core::limits::kConnectionsPerLoopMax);
  if (options_.clients == nullptr) options_.clients = &no_rules_;
  pause_.owner = this;
  pause_.fire = &HttpServer::on_pause_over;
}

HttpServer::~HttpServer() { HEADRACE_CHECK(!listening_ && slots_taken_ == 0 && closing_ == 0); }

Result<void> HttpServer::listen(BoundSocket socket) {
  HEADRACE_CHECK(!listening_);
  const int fd = socket.release();
  int failed = ::listen(fd, kBacklog) == 0 ? 0 : -errno;
  if (failed == 0) failed = uv_poll_init(loop_.uv(), &listener_, fd);
  if (failed != 0) {
    ::close(fd);
    return Error{ErrorCode::kConnectFailed, std::string("cannot listen: ") + uv_strerror(failed),
                 -failed};
  }
  listener_.data = this;
  listener_fd_ = fd;
  listening_ = true;
  loop_.add_before_wait(this);
  uv_poll_start(&listener_, UV_READABLE, &HttpServer::on_acceptable);
  return {};
}

// --- Who comes in
// --------------------------------------------------------------------------------------------------

void HttpServer::on_acceptable(uv_poll_t* listener, int status, int) noexcept {
  if (status == 0) static_cast<HttpServer*>(listener->data)->accept_some();
}

void HttpServer::accept_some() noexcept {
  for (std::size_t i = 0; listening_ && i < core::limits::kAcceptsPerTurnMax; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    const int fd = ::accept4(listener_fd_, reinterpret_cast<sockaddr*>(&address), &size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      serve(fd, core::IpAddress::from(reinterpret_cast<const sockaddr&>(address))
                    .value_or(core::IpAddress{}));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (!find_descriptor()) return;
    }
    // The client has gone again, or its network has: the next one may be better.
  }
}

void HttpServer::serve(int fd, const core::IpAddress& peer) noexcept {
  const bool full = connections_open_ >= options_.connections_max;
  if (full) {
    warn(warned_full_, "connections_exhausted",
         "there are as many connections as may be; idle and slow ones are closed for new ones");
  }
  const bool room = (!full || evict()) && (!free_.empty() || connections_.size() < kSlotsMax);
  if (!room) {  // taken and closed, so that the client learns it at once
    counters_.shed.add();
    ::close(fd);
    return;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(connections_.size()));
    connections_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  auto& connection = connections_[index];
  if (spare_.empty()) {
    connection = std::make_unique<Connection>(*this);
  } else {
    connection = std::move(spare_.back());
    spare_.pop_back();
  }
  ++connections_open_;
  ++slots_taken_;
  counters_.connections.add();
  counters_.open.set(connections_open_);
  connection->open(fd, peer, index, ++generation_);
}

// False: the connections that wait go on waiting, for a moment; descriptors are given back all the
// time.
bool HttpServer::find_descriptor() noexcept {
  warn(warned_descriptors_, "descriptors_exhausted",
       "no connection can be taken for want of file descriptors; those that are there are served");
  if (evict()) return true;
  counters_.shed.add();
  uv_poll_stop(&listener_);
  loop_.arm(pause_, loop_.now() + ms(core::limits::kAcceptPause));
  return false;
}

void HttpServer::on_pause_over(core::Timer& timer) noexcept {
  auto& server = *static_cast<HttpServer*>(timer.owner);
  if (server.listening_) uv_poll_start(&server.listener_, UV_READABLE, &HttpServer::on_acceptable);
}

void HttpServer::warn(core::SteadyMs& last, std::string_view event,
                      std::string_view message) noexcept {
  const core::SteadyMs now = loop_.now();
  if (options_.log == nullptr || (last != 0 && now - last < ms(core::limits::kWarningInterval)))
    return;
  last = std::max<core::SteadyMs>(now, 1);
  options_.log->write(core::LogLevel::kWarning, event, message,
                      {{"connections", static_cast<std::int64_t>(connections_open_)}});
}

// --- Who has to go
// -------------------------------------------------------------------------------------------------

void HttpServer::enqueue(Queue& queue, Connection& connection) noexcept {
  if (connection.queue == &queue && queue.last == &connection) return;
  dequeue(connection);
  connection.queue = &queue;
  connection.before = queue.last;
  connection.behind = nullptr;
  (queue.last == nullptr ? queue.first : queue.last->behind) = &connection;
  queue.last = &connection;
}

void HttpServer::dequeue(Connection& connection) noexcept {
  if (connection.queue == nullptr) return;
  Queue& queue = *connection.queue;
  (connection.before == nullptr ? queue.first : connection.before->behind) = connection.behind;
  (connection.behind == nullptr ? queue.last : connection.behind->before) = connection.before;
  connection.queue = nullptr;
}

HttpServer::Connection* HttpServer::slowest() noexcept {
  const core::SteadyMs now = loop_.now();
  Connection* found = under_way_.first;
  for (int i = 0; i < kCandidatesMax && found != nullptr; ++i, found = found->behind) {
    if (now - found->under_way_since() < ms(core::limits::kUnderWayGrace)) return nullptr;
    if (!found->owes_answers()) return found;
  }
  return nullptr;
}

bool HttpServer::evict() noexcept {
  Connection* found = idle_.first;
  for (int i = 0; i < kCandidatesMax && found != nullptr && found->owes_answers(); ++i)
    found = found->behind;
  if (found == nullptr || found->owes_answers()) found = slowest();
  if (found == nullptr) return false;
  counters_.evicted.add();
  found->close_in_order();
  return true;
}

core::BufferRef HttpServer::acquire(std::size_t bytes, const Connection& to) noexcept {
  core::BufferRef buffer = pool_.acquire(bytes);
  for (int i = 0; !buffer && i < kCandidatesMax; ++i) {
    Connection* const slow = slowest();
    if (slow == nullptr || slow == &to) break;
    counters_.evicted.add();
    slow->close();
    buffer = pool_.acquire(bytes);
  }
  return buffer;
}

// --- Answers
// -------------------------------------------------------------------------------------------------------

HttpServer::Connection* HttpServer::find(ResponseToken token, std::uint32_t& slot) noexcept {
  const auto bits = static_cast<std::uint64_t>(token);
  slot = static_cast<std::uint32_t>(bits & ((1u << kSlotBits) - 1));
  const auto index = static_cast<std::uint32_t>((bits >> kSlotBits) & ((1u << kIndexBits) - 1));
  if (index >= connections_.size() || connections_[index] == nullptr) return nullptr;
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
    Connection* const connection = connections_[dirty_[i]].get();
    if (connection == nullptr) continue;
    connection->dirty = false;
    connection->flush();
  }
  dirty_.clear();
  timeouts_this_turn_ = 0;
  free_spare();
}

// A crowd that has left takes its memory along: the allocator would keep it for good.
void HttpServer::free_spare() noexcept {
  if (spare_.size() <= core::limits::kSpareConnectionsMax) return;
  freed_ += spare_.size() - core::limits::kSpareConnectionsMax;
  spare_.resize(core::limits::kSpareConnectionsMax);
  if (freed_ < core::limits::kTrimAfterConnections || connections_open_ > freed_ / 8) return;
  freed_ = 0;
  pool_.shrink();
  give_memory_back();
}

// It takes tens of milliseconds once there was a crowd, which is too long for the loop.
void HttpServer::give_memory_back() noexcept {
  if (trimming_ || stopping_) return;
  trim_.data = this;
  const int queued = uv_queue_work(
      loop_.uv(), &trim_, [](uv_work_t*) { malloc_trim(0); },
      [](uv_work_t* work, int) {
        auto& server = *static_cast<HttpServer*>(work->data);
        server.trimming_ = false;
        --server.closing_;
        server.maybe_stopped();
      });
  if (queued != 0) return;
  trimming_ = true;
  ++closing_;
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
    loop_.disarm(pause_);
    ++closing_;
    uv_poll_stop(&listener_);
    uv_close(reinterpret_cast<uv_handle_t*>(&listener_), [](uv_handle_t* handle) {
      auto& server = *static_cast<HttpServer*>(handle->data);
      --server.closing_;
      server.maybe_stopped();
    });
    ::close(listener_fd_);
  }
  for (auto& connection : connections_) {
    if (connection != nullptr) connection->drain();
  }
}

void HttpServer::stop(std::function<void()> done) {
  HEADRACE_CHECK(!stopping_);
  stopping_ = true;
  stopped_ = std::move(done);
  drain();
  for (auto& connection : connections_) {
    if (connection != nullptr) connection->close();
  }
  loop_.remove_before_wait(this);
  maybe_stopped();
}

// Its descriptor is free from here on, its slot from closed().
void HttpServer::closing() noexcept {
  ++closing_;
  --connections_open_;
  counters_.open.set(connections_open_);
}

void HttpServer::closed(Connection& connection) noexcept {
  --closing_;
  --slots_taken_;
  const std::uint32_t index = connection.index();
  spare_.push_back(std::move(connections_[index]));  // it is in one of its callbacks
  free_.push_back(index);
  maybe_stopped();
}

void HttpServer::maybe_stopped() {
  if (!stopping_ || slots_taken_ != 0 || closing_ != 0 || !stopped_) return;
  loop_.post(std::exchange(stopped_, nullptr));
}

}  // namespace headrace::ingest
