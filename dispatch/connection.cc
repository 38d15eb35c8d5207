// SPDX-License-Identifier: Apache-2.0
// Opening, closing and the end of an attempt; connection_io.cc sends and reads.
#include "dispatch/connection.h"

#include <algorithm>

#include "core/check.h"

namespace headrace::dispatch {

using store::AttemptError;

Connection::Connection(ConnectionContext& context)
    : context_(context), stream_(context.transport.make_stream(*this)) {
  timer_.owner = this;
  timer_.fire = &Connection::on_timer;
  resolve_request_.owner = this;
  resolve_request_.on_resolved = &Connection::on_resolved;
}

Connection::~Connection() { HEADRACE_CHECK(state_ == State::kFree); }

void Connection::open(std::shared_ptr<const Endpoint> endpoint, LaneEntry& lane,
                      TlsSession& session, Flight& flight) {
  HEADRACE_DCHECK(state_ == State::kFree);
  endpoint_ = std::move(endpoint);
  lane_ = &lane;
  session_ = &session;
  flight_ = &flight;
  secure_ = endpoint_->url.tls;
  reused_ = false;
  send_failed_ = write_pending_ = false;
  state_ = State::kResolving;
  if (!secure_ && !context_.plain_http) return end_attempt(AttemptError::kPlainHttp, false);
  context_.counters.connections_opened.add();
  const auto limit = static_cast<core::SteadyMs>(endpoint_->settings.connect_timeout.count());
  connect_deadline_ = std::min(now_ms() + limit, flight.deadline);
  if (auto known = context_.resolver.resolve(endpoint_->url.host, resolve_request_)) {
    connect_to(*known);
  } else {
    context_.loop.arm(timer_, connect_deadline_);
  }
}

void Connection::on_resolved(ResolveRequest& request, const Addresses& addresses) noexcept {
  static_cast<Connection*>(request.owner)->connect_to(addresses);
}

void Connection::connect_to(const Addresses& addresses) noexcept {
  addresses_ = addresses;
  next_address_ = 0;
  connect_error_ = AttemptError::kResolve;  // what it is when there is no address
  connect_next();
}

void Connection::connect_next() noexcept {
  while (next_address_ < addresses_.count) {
    SocketAddress& address = addresses_.list[next_address_++];
    // The port is at the same place in both families.
    address.v4.sin_port = htons(endpoint_->url.port);
    if (!context_.allowed(endpoint_->url, address.any)) {
      connect_error_ = AttemptError::kBlockedAddress;
      continue;
    }
    stream_open_ = true;
    state_ = State::kConnecting;
    if (!stream_->connect(address.any)) return address_failed(AttemptError::kConnect);
    return arm_connect_timer();
  }
  end_attempt(connect_error_, false);
}

// Each address gets its share of what is left, so that one that swallows everything does not hide
// the next.
void Connection::arm_connect_timer() noexcept {
  const core::SteadyMs now = now_ms();
  const core::SteadyMs left = connect_deadline_ > now ? connect_deadline_ - now : 0;
  context_.loop.arm(timer_, now + left / (addresses_.count - next_address_ + 1));
}

void Connection::on_connected(bool connected) noexcept {
  if (!connected) return address_failed(AttemptError::kConnect);
  if (secure_) return start_tls();
  send_request();
}

void Connection::start_tls() noexcept {
  if (context_.tls == nullptr) return end_attempt(AttemptError::kTls, false);
  if (tls_ == nullptr) tls_ = std::make_unique<Tls>();
  tls_->left.count = 0;
  tls_->left.bytes = 0;
  state_ = State::kHandshaking;
  context_.loop.arm(timer_, connect_deadline_);
  if (!tls_->stream.start(*context_.tls, endpoint_->tls.get(), endpoint_->url, *session_)) {
    return end_attempt(AttemptError::kTls, false);
  }
  step_handshake();
}

void Connection::step_handshake() noexcept {
  const TlsStream::Step step = tls_->stream.handshake();
  pump_tls();  // also on failure: the alert tells the peer why
  if (step == TlsStream::Step::kNeedMore) return;
  if (step == TlsStream::Step::kDone) return send_request();
  session_->forget();
  end_attempt(AttemptError::kTls, false);
}

// Goes on with the next address once the stream to this one is closed.
void Connection::address_failed(AttemptError error) noexcept {
  connect_error_ = error;
  if (next_address_ >= addresses_.count) return end_attempt(error, false);
  state_ = State::kNextAddress;
  stream_->close();
}

void Connection::on_timer(core::Timer& timer) noexcept {
  static_cast<Connection*>(timer.owner)->time_out();
}

void Connection::time_out() noexcept {
  switch (state_) {
    case State::kResolving:
      context_.resolver.cancel(resolve_request_);
      return end_attempt(AttemptError::kResolve, false);
    case State::kConnecting:
      return address_failed(AttemptError::kConnectTimeout);
    case State::kNextAddress:
      return;  // the next address sets its own time
    case State::kHandshaking:
      return end_attempt(AttemptError::kConnectTimeout, false);
    case State::kBusy:
      return end_attempt(AttemptError::kTimeout, false);
    case State::kIdle:
      context_.owner.on_idle_end(*this);
      return close();
    case State::kFree:
    case State::kClosing:
      HEADRACE_CHECK(state_ == State::kIdle);  // one that is not open has no timer
  }
}

void Connection::end_attempt(AttemptError error, bool reusable) noexcept {
  AttemptEnd end;
  end.error = error;
  // The slab outlives the callback, in which the connection may already be used for the next
  // attempt.
  CapturePool::Slab slab = std::move(capture_);
  if (slab != nullptr) {
    end.http_status = static_cast<std::uint16_t>(parser_.status_code());
    end.retry_after_seconds = parser_.retry_after_seconds(context_.loop.clock().wall_ms());
    end.head = parser_.captured_head().in(slab.get());
    end.body = parser_.captured_body().in(slab.get());
  }
  Flight& flight = *std::exchange(flight_, nullptr);
  ConnectionContext& context = context_;
  if (reusable) {
    state_ = State::kIdle;
    const auto limit = static_cast<core::SteadyMs>(context.idle_timeout.count());
    context.loop.arm(timer_, now_ms() + limit);
  } else {
    close();
  }
  context.owner.on_attempt_end(*this, flight, end);
  context.captures.give_back(std::move(slab));
}

void Connection::close() noexcept {
  if (state_ == State::kFree || state_ == State::kClosing) return;
  const State was = std::exchange(state_, State::kClosing);
  flight_ = nullptr;
  context_.loop.disarm(timer_);
  if (was == State::kResolving) context_.resolver.cancel(resolve_request_);
  if (!stream_open_) return closed();
  if (was == State::kNextAddress) return;  // its stream is closing already
  stream_->close();
}

void Connection::on_stream_closed() noexcept {
  stream_open_ = false;
  if (state_ == State::kNextAddress) return connect_next();
  closed();
}

void Connection::closed() noexcept {
  if (tls_ != nullptr) tls_->stream.reset();
  context_.captures.give_back(std::move(capture_));
  write_hold_.reset();
  endpoint_.reset();
  state_ = State::kFree;
  context_.owner.on_connection_closed(*this);
}

}  // namespace headrace::dispatch
