// SPDX-License-Identifier: Apache-2.0
// Sending the request and reading the answer, plain and through TLS.
#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "core/limits.h"
#include "dispatch/connection.h"

namespace headrace::dispatch {

using store::AttemptError;

namespace {
// Encrypted bytes made ahead of the socket: enough to keep it busy, little for many large bodies at
// once.
constexpr std::size_t kTlsWindowBytes = 64 * core::limits::kKiB;
}  // namespace

void Connection::send(Flight& flight) {
  HEADRACE_DCHECK(state_ == State::kIdle);
  flight_ = &flight;
  reused_ = true;
  send_request();
}

void Connection::send_request() noexcept {
  state_ = State::kBusy;
  answer_ended_ = answer_overran_ = false;
  answer_error_ = AttemptError::kNone;
  context_.loop.arm(timer_, flight_->deadline);
  const store::Delivery& delivery = flight_->delivery;
  const std::string_view query = context_.query.of(*endpoint_, delivery.payload);
  if (query.size() > core::limits::kTargetBytesMax)
    return end_attempt(AttemptError::kTooLarge, false);
  query_.assign(query);
  RequestPieces pieces;
  RequestPieces& request = secure_ ? tls_->left : pieces;
  if (!build_request(*endpoint_, delivery, flight_->started_at, query_, scratch_, request)) {
    return end_attempt(AttemptError::kTooLarge, false);
  }
  if (!secure_) return send_plain(request);
  write_hold_ = delivery.payload.buffer;
  pump_tls();
}

void Connection::send_plain(RequestPieces& pieces) noexcept {
  std::size_t written = 0;
  if (!write_some(pieces.list.data(), pieces.count, written)) return;
  pieces.consume(written);
  if (pieces.count == 0) return;
  write_hold_ = flight_->delivery.payload.buffer;
  write_rest(pieces.list.data(), pieces.count);
}

// Encrypts and writes until all is written or the socket takes no more.
void Connection::pump_tls() noexcept {
  TlsStream& tls = tls_->stream;
  while (!write_pending_ && !send_failed_) {
    encrypt_more();
    const std::string_view ready = tls.outgoing();
    if (ready.empty()) break;
    uv_buf_t buffer =
        uv_buf_init(const_cast<char*>(ready.data()), static_cast<unsigned>(ready.size()));
    std::size_t written = 0;
    if (!write_some(&buffer, 1, written)) break;
    if (written < ready.size()) {
      tls_->unwritten.assign(ready.substr(written));
      buffer = uv_buf_init(tls_->unwritten.data(), static_cast<unsigned>(tls_->unwritten.size()));
      write_rest(&buffer, 1);
    }
    tls.drop_outgoing();
  }
  if (tls_->left.count == 0) write_hold_.reset();
}

// Pieces are gathered to whole records: a record each would cost the peer more than the copy costs
// us.
void Connection::encrypt_more() noexcept {
  RequestPieces& left = tls_->left;
  while (left.count != 0 && tls_->stream.outgoing().size() < kTlsWindowBytes) {
    char* const gathered = context_.plain_buffer.get();
    std::size_t size = 0;
    for (unsigned i = 0; i < left.count && size < ConnectionContext::kRecordBytes; ++i) {
      const std::size_t part = std::min(left.list[i].len, ConnectionContext::kRecordBytes - size);
      std::memcpy(gathered + size, left.list[i].base, part);
      size += part;
    }
    if (!tls_->stream.write({gathered, size})) {
      send_failed_ = true;
      return;
    }
    left.consume(size);
  }
}

// False: the connection takes nothing more. What became of it is left to the reading side, as an
// answer may be there.
bool Connection::write_some(uv_buf_t* list, unsigned count, std::size_t& written) noexcept {
  const std::optional<std::size_t> taken = stream_->try_write(list, count);
  if (!taken) {
    send_failed_ = true;
    return false;
  }
  written = *taken;
  context_.counters.bytes_sent.add(written);
  return true;
}

void Connection::write_rest(uv_buf_t* list, unsigned count) noexcept {
  std::size_t size = 0;
  for (unsigned i = 0; i < count; ++i) size += list[i].len;
  if (!stream_->write(list, count)) {
    send_failed_ = true;
    return;
  }
  write_pending_ = true;
  context_.counters.bytes_sent.add(size);
}

void Connection::on_written(bool written) noexcept {
  write_pending_ = false;
  if (!written) send_failed_ = true;
  if (secure_) return pump_tls();
  write_hold_.reset();
}

void Connection::on_bytes(std::string_view bytes) noexcept {
  context_.counters.bytes_received.add(bytes.size());
  if (secure_) return received_tls(bytes);
  received(bytes);
}

// Without a farewell of TLS, the end of the stream may have been forged.
void Connection::on_end(bool in_order) noexcept { peer_closed(in_order && !secure_); }

void Connection::received(std::string_view bytes) noexcept {
  if (state_ == State::kIdle) {  // an answer to nothing
    context_.owner.on_idle_end(*this);
    return close();
  }
  if (state_ != State::kBusy) return;
  feed(bytes);
  settle_answer();
}

void Connection::received_tls(std::string_view ciphertext) noexcept {
  tls_->stream.receive(ciphertext);
  if (state_ == State::kHandshaking) step_handshake();
  if (state_ != State::kBusy && state_ != State::kIdle) return;
  // Everything is read before the answer is settled, so that nothing of it is taken for the next
  // one.
  const std::span<char> plain{context_.plain_buffer.get(), ConnectionContext::kRecordBytes};
  TlsStream::Step step = TlsStream::Step::kDone;
  std::size_t size = 0;
  while ((step = tls_->stream.read(plain, size)) == TlsStream::Step::kDone) {
    if (state_ == State::kIdle) return received({plain.data(), size});
    feed({plain.data(), size});
  }
  pump_tls();  // reading may have to answer (a key update)
  if (state_ == State::kBusy && answer_ended_) {
    answer_overran_ |= step != TlsStream::Step::kNeedMore;
    return settle_answer();
  }
  if (step != TlsStream::Step::kNeedMore) peer_closed(step == TlsStream::Step::kClosed);
}

void Connection::feed(std::string_view bytes) noexcept {
  if (answer_ended_) {
    answer_overran_ = true;
    return;
  }
  if (capture_ == nullptr) {
    capture_ = context_.captures.take();
    const bool to_head = endpoint_->settings.method == core::Method::kHead;
    parser_.reset(capture_.get(), CapturePool::kSlabBytes, to_head);
  }
  const core::ResponseParser::Status status = parser_.feed(bytes);
  answer_ended_ = status != core::ResponseParser::Status::kNeedMore;
  if (status == core::ResponseParser::Status::kFailed) answer_error_ = AttemptError::kProtocol;
  // The status is known and what is kept is there: the rest would only be thrown away.
  if (!answer_ended_ && parser_.body_bytes() > core::limits::kResponseBodyBytesRead) {
    answer_ended_ = answer_overran_ = true;
  }
}

void Connection::settle_answer() noexcept {
  if (!answer_ended_) return;
  const bool sent = !write_pending_ && !send_failed_ && (!secure_ || tls_->left.count == 0);
  const bool reusable =
      answer_error_ == AttemptError::kNone && sent && !answer_overran_ && parser_.keep_alive();
  end_attempt(answer_error_, reusable);
}

void Connection::peer_closed(bool in_order) noexcept {
  switch (state_) {
    case State::kIdle:
      context_.owner.on_idle_end(*this);
      return close();
    case State::kHandshaking:
      session_->forget();
      return end_attempt(AttemptError::kTls, false);
    case State::kBusy:
      break;
    default:
      return;
  }
  if (capture_ == nullptr) {
    if (!reused_ || flight_->reconnected) {
      return end_attempt(send_failed_ ? AttemptError::kSend : AttemptError::kClosed, false);
    }
    Flight& flight = *flight_;
    flight.reconnected = true;
    ConnectionOwner& owner = context_.owner;
    close();
    return owner.on_stale(flight);
  }
  const bool whole = in_order && parser_.finish() == core::ResponseParser::Status::kComplete;
  end_attempt(whole ? AttemptError::kNone : AttemptError::kClosed, false);
}

}  // namespace headrace::dispatch
