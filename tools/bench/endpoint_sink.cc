// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/endpoint_sink.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

#include "core/check.h"
#include "core/encoding.h"

namespace headrace::bench_tools {
namespace {

constexpr std::size_t kScratchBytes = 256 * 1024;
constexpr std::size_t kReceiveBytesMin = 64 * 1024;
constexpr std::size_t kKeptBytesMax = 1024 * 1024;  // what a connection holds on to when idle
constexpr std::size_t kBodyBytesInline = 4 * 1024;
constexpr std::size_t kWrongLengthBytes = 1000;
constexpr int kAcceptsPerTurn = 64;
constexpr int kBacklog = 4096;
constexpr std::uint64_t kFlushMs = LedgerWriter::kFlushIntervalNs / 1'000'000;

// The body of answers that are large.
const std::string& filler() {
  static const std::string bytes(64 * 1024, 'x');
  return bytes;
}

// What an endpoint of this number posts to: the number behind the first slash.
std::uint32_t endpoint_of(std::string_view target, std::uint32_t endpoints) noexcept {
  std::uint32_t endpoint = 0;
  const char* const end = target.data() + target.size();
  const auto read = std::from_chars(target.data() + 1, end, endpoint);
  const bool is_whole =
      read.ec == std::errc() && (read.ptr == end || *read.ptr == '/' || *read.ptr == '?');
  return is_whole && endpoint < endpoints ? endpoint : EndpointSink::kByPath;
}

}  // namespace

struct EndpointSink::Listener {
  uv_poll_t poll;
  EndpointSink* sink = nullptr;
  int fd = -1;
  std::uint32_t endpoint = kByPath;
  bool is_paused = false;  // there is no descriptor for another connection

  static void on_poll(uv_poll_t* handle, int, int) noexcept {
    auto* const self = static_cast<Listener*>(handle->data);
    self->sink->accept_from(*self);
  }
  void resume() noexcept {
    is_paused = false;
    uv_poll_start(&poll, UV_READABLE, &on_poll);
  }
};

// One connection: reads a request, waits as its endpoint wants, answers, and reads the next.
class EndpointSink::Connection {
 public:
  Connection(EndpointSink& sink, int fd, std::uint32_t endpoint)
      : sink_(sink), fd_(fd), listener_endpoint_(endpoint) {
    uv_poll_init(sink_.loop_.uv(), &poll_, fd_);
    poll_.data = this;
    timer_.owner = this;
    timer_.fire = [](core::Timer& timer) noexcept {
      static_cast<Connection*>(timer.owner)->on_timer();
    };
    index_ = sink_.connections_.size();
    sink_.connections_.push_back(this);
    ++sink_.handles_;
    parser_.reset(core::limits::kBodyBytesMax);
    poll_for(UV_READABLE | UV_DISCONNECT);
  }

  // Notes a request that is not answered yet, and closes.
  void close(bool with_reset = false) noexcept {
    if (state_ == State::kClosed) return;
    if (state_ != State::kReading) {
      sink_.note(record_, 0);
      if (answer_->fault == SinkFault::kNone || answer_->fault == SinkFault::kDrip)
        ++sink_.counters_.gave_up;
    }
    state_ = State::kClosed;
    sink_.loop_.disarm(timer_);
    uv_poll_stop(&poll_);
    if (with_reset) {
      const linger now = {1, 0};
      setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    sink_.connections_.back()->index_ = index_;
    std::swap(sink_.connections_[index_], sink_.connections_.back());
    sink_.connections_.pop_back();
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
      auto* const self = static_cast<Connection*>(handle->data);
      EndpointSink& sink = self->sink_;
      ::close(self->fd_);
      delete self;
      sink.on_closed();
    });
  }

 private:
  enum class State : std::uint8_t { kReading, kDelayed, kHanging, kWriting, kDripping, kClosed };

  static void on_poll(uv_poll_t* handle, int status, int events) noexcept {
    auto* const self = static_cast<Connection*>(handle->data);
    if (status < 0) return self->close();
    if (self->state_ == State::kReading) return self->receive();
    if ((events & UV_DISCONNECT) != 0) return self->close();
    if ((events & UV_WRITABLE) != 0) return self->write_on();
    // A request behind one that is not answered waits in the kernel.
    self->poll_for(UV_DISCONNECT);
  }

  void poll_for(int events) noexcept {
    if (events == events_) return;
    events_ = events;
    uv_poll_start(&poll_, events, &on_poll);
  }

  void receive() noexcept {
    char* base = sink_.scratch_.data();
    std::size_t room = sink_.scratch_.size();
    if (kept_bytes_ > 0) {
      if (kept_.size() < kept_bytes_ + kReceiveBytesMin)
        kept_.resize(std::max(2 * kept_.size(), kept_bytes_ + kReceiveBytesMin));
      base = kept_.data();
      room = kept_.size() - kept_bytes_;
    }
    const ssize_t size = recv(fd_, base + kept_bytes_, room, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return close();
    process(base, kept_bytes_ + static_cast<std::size_t>(size));
  }

  // Reads and answers the requests in `base[0, filled)` as far as they are whole and need not wait.
  void process(char* base, std::size_t filled) noexcept {
    std::size_t at = 0;
    while (at < filled && state_ == State::kReading) {
      const auto status = parser_.parse(base + at, filled - at);
      if (status == core::RequestParser::Status::kHeadComplete) {
        if (parser_.head().expect_continue) send_continue();
        filled = at + parser_.end();
        if (parser_.parse(base + at, filled - at) == core::RequestParser::Status::kNeedMore) {
          filled = at + parser_.end();
          break;
        }
      } else if (status == core::RequestParser::Status::kNeedMore) {
        filled = at + parser_.end();
        break;
      }
      if (parser_.status() != 0) return refuse();
      take(base + at);
      at += parser_.end();
      parser_.reset(core::limits::kBodyBytesMax);
    }
    if (state_ != State::kClosed) keep(base + at, filled - at);
  }

  void keep(const char* bytes, std::size_t size) noexcept {
    kept_bytes_ = size;
    if (size == 0) {
      if (kept_.size() > kKeptBytesMax) kept_ = {};
      return;
    }
    const bool is_kept = bytes >= kept_.data() && bytes < kept_.data() + kept_.size();
    if (!is_kept && kept_.size() < size) kept_.resize(size + kReceiveBytesMin);
    if (bytes != kept_.data()) std::memmove(kept_.data(), bytes, size);
  }

  void send_continue() noexcept {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    if (send(fd_, kContinue.data(), kContinue.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) close();
  }

  void refuse() noexcept {
    ++sink_.counters_.malformed;
    const std::string& bytes = sink_.malformed_.bytes;
    // Whether it arrives or not, the connection is of no more use.
    [[maybe_unused]] const ssize_t sent =
        send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    close();
  }

  // A whole request.
  void take(const char* base) noexcept {
    if (state_ == State::kClosed) return;
    const core::RequestHead& head = parser_.head();
    const std::string_view body = parser_.body().in(base);
    const std::uint32_t endpoint =
        listener_endpoint_ == kByPath ? endpoint_of(head.target.in(base), sink_.script_.endpoints())
                                      : listener_endpoint_;
    ++sink_.counters_.requests;
    sink_.counters_.body_bytes += body.size();
    auto id = parse_message_id(head.find(base, MessageId::kHeaderLowerCase));
    if (!id) id = message_id_of_body(body);
    if (!id) ++sink_.counters_.unidentified;
    record_ = {.run = id ? id->run : 0,
               .number = id ? id->number : 0,
               .when_ns = wall_clock_ns(),
               .endpoint = endpoint,
               .event = LedgerEvent::kReceived};
    if (sink_.ledger_ != nullptr) record_.body_hash = body_hash(body);
    close_after_ = !head.keep_alive;
    std::uint32_t delay_ms = 0;
    answer_ = &sink_.not_found_;
    if (endpoint == kByPath) {
      ++sink_.counters_.unknown_endpoints;
    } else {
      answer_ = &sink_.choose(endpoint, delay_ms);
      check_signature(endpoint, head, base, body);
    }
    ++sink_.counters_.faults[static_cast<std::size_t>(answer_->fault)];
    if (delay_ms == 0) return answer();
    state_ = State::kDelayed;
    sink_.loop_.arm(timer_, sink_.loop_.now() + delay_ms);
  }

  void check_signature(std::uint32_t endpoint, const core::RequestHead& head, const char* base,
                       std::string_view body) noexcept {
    const auto& key = sink_.behaviours_[sink_.script_.behaviour_of[endpoint]].key;
    if (!key || sink_.is_signed(*key, head, base, body)) return;
    ++sink_.counters_.bad_signatures;
    record_.event = LedgerEvent::kBadSignature;
  }

  void on_timer() noexcept {
    if (state_ == State::kDelayed) {
      answer();
    } else {
      write_on();
    }
    resume();
  }

  void answer() noexcept {
    to_send_ = answer_->bytes;
    filler_left_ = answer_->filler_bytes;
    state_ = State::kWriting;
    switch (answer_->fault) {
      case SinkFault::kHang:
        state_ = State::kHanging;
        return;
      case SinkFault::kReset:
        return close(true);
      case SinkFault::kDrip:
        state_ = State::kDripping;
        break;
      default:
        break;
    }
    write();
  }

  // Sends what is left as far as the kernel takes it.
  void write() noexcept {
    while (true) {
      if (to_send_.empty()) {
        if (filler_left_ == 0) return finish();
        to_send_ = std::string_view(filler()).substr(0, filler_left_);
        filler_left_ -= to_send_.size();
      }
      const bool is_dripping = state_ == State::kDripping;
      const ssize_t sent = send(fd_, to_send_.data(), is_dripping ? 1 : to_send_.size(),
                                MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return close();
      if (sent > 0) to_send_.remove_prefix(static_cast<std::size_t>(sent));
      if (is_dripping) {
        if (to_send_.empty() && filler_left_ == 0) return finish();
        sink_.loop_.arm(timer_, sink_.loop_.now() + answer_->drip_ms);
        return;
      }
      if (sent < 0 && errno == EAGAIN) return poll_for(UV_WRITABLE | UV_DISCONNECT);
    }
  }

  void write_on() noexcept {
    write();
    resume();
  }

  void finish() noexcept {
    state_ = State::kReading;
    sink_.note(record_, answer_->status);
    if (answer_->status != 0) ++sink_.counters_.answered[answer_->status];
    if (close_after_ || answer_->fault == SinkFault::kWrongLength) close();
  }

  // After an answer that was not given at once.
  void resume() noexcept {
    if (state_ != State::kReading) return;
    if (kept_bytes_ > 0) process(kept_.data(), kept_bytes_);
    if (state_ == State::kReading) poll_for(UV_READABLE | UV_DISCONNECT);
  }

  EndpointSink& sink_;
  uv_poll_t poll_;
  const int fd_;
  int events_ = 0;
  const std::uint32_t listener_endpoint_;
  State state_ = State::kReading;
  bool close_after_ = false;
  std::size_t index_ = 0;  // among all
  core::Timer timer_;
  core::RequestParser parser_;
  std::vector<char> kept_;  // the beginning of a request that was not received whole at once
  std::size_t kept_bytes_ = 0;
  LedgerRecord record_;  // of the request that is being answered
  const Prepared* answer_ = nullptr;
  std::string_view to_send_;
  std::uint64_t filler_left_ = 0;
};

EndpointSink::EndpointSink(core::Loop& loop, const SinkScript& script, LedgerWriter* ledger)
    : loop_(loop),
      script_(script),
      ledger_(ledger),
      down_(prepare({.status = 503})),
      not_found_(prepare({.status = 404})),
      malformed_(prepare({.status = 400})),
      scratch_(kScratchBytes) {
  for (const SinkBehaviour& from : script.behaviours) {
    Behaviour& behaviour = behaviours_.emplace_back();
    for (const SinkAnswer& answer : from.answers) behaviour.answers.push_back(prepare(answer));
    if (from.secret.empty()) continue;
    const auto key = secret_key(from.secret);
    HEADRACE_CHECK(key.has_value());
    behaviour.key.emplace(core::Hash::kSha256, *key);
  }
  states_.reserve(script.endpoints());
  for (std::uint32_t i = 0; i < script.endpoints(); ++i) states_.emplace_back(script.seed, i);
  flush_timer_.owner = this;
  flush_timer_.fire = [](core::Timer& timer) noexcept {
    auto* const self = static_cast<EndpointSink*>(timer.owner);
    self->ledger_->flush();
    self->loop_.arm(timer, self->loop_.now() + kFlushMs);
  };
  if (ledger_ != nullptr) loop_.arm(flush_timer_, loop_.now() + kFlushMs);
}

EndpointSink::~EndpointSink() { HEADRACE_CHECK(handles_ == 0 && !flush_timer_.armed()); }

EndpointSink::Prepared EndpointSink::prepare(const SinkAnswer& answer) {
  Prepared prepared;
  prepared.fault = answer.fault;
  prepared.drip_ms = answer.drip_ms;
  const bool is_cut = answer.fault == SinkFault::kWrongLength;
  if (answer.fault == SinkFault::kNone || answer.fault == SinkFault::kDrip)
    prepared.status = answer.status;
  auto out = std::back_inserter(prepared.bytes);
  // No reason phrase: RFC 9112 section 4 lets it be empty, and nobody reads it.
  fmt::format_to(out, "HTTP/1.1 {} \r\n", answer.status);
  if (answer.retry_after_s > 0) fmt::format_to(out, "Retry-After: {}\r\n", answer.retry_after_s);
  if (answer.status != 204 && answer.status != 304)
    fmt::format_to(out, "Content-Length: {}\r\n",
                   answer.body_bytes + (is_cut ? kWrongLengthBytes : 0));
  prepared.bytes += "\r\n";
  if (answer.status == 204 || answer.status == 304) return prepared;
  if (answer.body_bytes <= kBodyBytesInline) {
    prepared.bytes.append(answer.body_bytes, 'x');
  } else {
    prepared.filler_bytes = answer.body_bytes;
  }
  return prepared;
}

Result<void> EndpointSink::listen(int fd, std::uint32_t endpoint) {
  HEADRACE_CHECK(endpoint == kByPath || endpoint < script_.endpoints());
  auto listener = std::make_unique<Listener>();
  listener->sink = this;
  listener->fd = fd;
  listener->endpoint = endpoint;
  int error = ::listen(fd, kBacklog) == 0 ? 0 : errno;
  if (error == 0) error = -uv_poll_init(loop_.uv(), &listener->poll, fd);
  if (error != 0) {
    close(fd);
    return Error{ErrorCode::kConnectFailed, std::generic_category().message(error), error};
  }
  ++handles_;
  listener->poll.data = listener.get();
  listener->resume();
  listeners_.push_back(std::move(listener));
  return {};
}

void EndpointSink::accept_from(Listener& listener) noexcept {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const int fd = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      const bool is_full =
          errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (is_full && !connections_.empty()) {
        listener.is_paused = true;  // until one is closed
        uv_poll_stop(&listener.poll);
      }
      return;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++counters_.connections;
    new Connection(*this, fd, listener.endpoint);  // deleted when its handle is closed
  }
}

void EndpointSink::on_closed() noexcept {
  --handles_;
  if (is_stopping_) {
    if (handles_ == 0 && stopped_) std::exchange(stopped_, nullptr)();
    return;
  }
  for (const auto& listener : listeners_)
    if (listener->is_paused) listener->resume();
}

void EndpointSink::stop(std::function<void()> done) {
  is_stopping_ = true;
  stopped_ = std::move(done);
  loop_.disarm(flush_timer_);
  while (!connections_.empty()) connections_.back()->close();
  for (const auto& listener : listeners_) {
    uv_close(reinterpret_cast<uv_handle_t*>(&listener->poll), [](uv_handle_t* handle) {
      auto* const self = static_cast<Listener*>(handle->data);
      close(self->fd);
      self->sink->on_closed();
    });
  }
  if (handles_ == 0 && stopped_) std::exchange(stopped_, nullptr)();
}

const EndpointSink::Prepared& EndpointSink::choose(std::uint32_t endpoint,
                                                   std::uint32_t& delay_ms) noexcept {
  const std::uint32_t behaviour = script_.behaviour_of[endpoint];
  const SinkStep step = states_[endpoint].next(script_.behaviours[behaviour]);
  delay_ms = step.delay_ms;
  return step.answer == SinkStep::kDown ? down_ : behaviours_[behaviour].answers[step.answer];
}

void EndpointSink::note(const LedgerRecord& record, std::uint16_t status) noexcept {
  if (ledger_ == nullptr) return;
  LedgerRecord noted = record;
  noted.status = status;
  ledger_->append(noted);
}

// Standard Webhooks: "v1," and the base64 of the HMAC of id.timestamp.body, one of several behind
// spaces.
bool EndpointSink::is_signed(const core::HmacKey& key, const core::RequestHead& head,
                             const char* base, std::string_view body) const noexcept {
  const std::string_view pieces[] = {head.find(base, "webhook-id"), ".",
                                     head.find(base, "webhook-timestamp"), ".", body};
  if (pieces[0].empty() || pieces[2].empty()) return false;
  char expected[core::base64_size(core::Digest::kBytesMax) + 3] = {'v', '1', ','};
  const core::Digest digest = key.sign(pieces);
  const std::string_view wanted(expected, 3 + core::write_base64(digest.view(), expected + 3));
  std::string_view given = head.find(base, "webhook-signature");
  while (!given.empty()) {
    const std::size_t end = std::min(given.find(' '), given.size());
    if (given.substr(0, end) == wanted) return true;
    given.remove_prefix(std::min(end + 1, given.size()));
  }
  return false;
}

}  // namespace headrace::bench_tools
