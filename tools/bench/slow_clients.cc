// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/slow_clients.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/check.h"

namespace headrace::bench_tools {
namespace {

constexpr std::size_t kInputBytes = 16 * 1024;
// What is done before the measured ones are looked after again: a handshake takes long.
constexpr unsigned kTurnsAtOnce = 16;
constexpr int kEventsAtOnce = 8;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace

SlowTurns::SlowTurns(const SlowOptions& options, unsigned thread, unsigned threads) noexcept
    : every_ns_(options.every_ns),
      count_(options.count),
      thread_(thread),
      threads_(threads),
      clients_(options.count / threads + (thread < options.count % threads ? 1u : 0u)) {}

// The clients of all threads take turns, so that these do not coincide either.
std::uint64_t SlowTurns::at_ns() const noexcept {
  const std::uint64_t place = std::uint64_t{client_} * threads_ + thread_;
  return round_ * every_ns_ + place * every_ns_ / count_;
}

void SlowTurns::advance() noexcept {
  if (++client_ < clients_) return;
  client_ = 0;
  ++round_;
}

void SlowTurns::catch_up(std::uint64_t now_ns) noexcept {
  const std::uint64_t at = at_ns();
  if (now_ns > at) round_ += (now_ns - at) / every_ns_;
}

SlowClients::SlowClients(const LoadOptions& options, const Messages& messages, Place place,
                         LedgerWriter* ledger)
    : options_(options),
      messages_(messages),
      place_(place),
      ledger_(ledger),
      composer_(messages),
      turns_(options.slow, place.thread, place.threads),
      clients_(turns_.clients()),
      heads_(std::make_unique<char[]>(clients_.size() * composer_.head_bytes_max())),
      input_(std::make_unique<char[]>(kInputBytes)) {
  HEADRACE_CHECK(!clients_.empty());
  counts_.count = turns_.clients();
}

SlowClients::~SlowClients() {
  for (Client& client : clients_) {
    if (client.fd >= 0) ::close(client.fd);
  }
  if (epoll_ >= 0) ::close(epoll_);
}

Result<void> SlowClients::prepare(int epoll) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (epoll_ < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, epoll_, &event) != 0)
    return Error{ErrorCode::kUnavailable, "no descriptor is left", errno};
  return {};
}

void SlowClients::send_due(std::uint64_t now) noexcept {
  if (now < next_ns()) return;
  turns_.catch_up(now - start_ns_);
  for (unsigned turn = 0; turn < kTurnsAtOnce && next_ns() <= now; ++turn) {
    Client& client = clients_[turns_.client()];
    turns_.advance();
    take_turn(client, now);
  }
}

void SlowClients::take_turn(Client& client, std::uint64_t now) noexcept {
  if (client.state == State::kDown) return open(client);
  if (client.state == State::kSending) write_piece(client, now);
}

char* SlowClients::head_of(const Client& client) noexcept {
  const auto index = static_cast<std::size_t>(&client - clients_.data());
  return heads_.get() + index * composer_.head_bytes_max();
}

// --- connections ---

// What cannot be opened now is tried again at the next turn.
void SlowClients::open(Client& client) noexcept {
  const auto* address = reinterpret_cast<const sockaddr*>(&options_.server.address);
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const int on = 1;  // each piece is to be a packet of its own
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const bool is_begun = connect(fd, address, options_.server.size) == 0 || errno == EINPROGRESS;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &client;
  if (!is_begun || epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    ::close(fd);
    return;
  }
  client.fd = fd;
  client.state = State::kConnecting;
}

void SlowClients::close(Client& client) noexcept {
  if (client.state == State::kAwaiting) --awaited_;
  if (options_.tls) client.channel.stop();
  if (client.fd >= 0) ::close(client.fd);  // which removes it from the epoll set, too
  client.fd = -1;
  client.state = State::kDown;
}

void SlowClients::connected(Client& client) noexcept {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(client.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return close(client);
  if (!options_.tls) return begin(client);
  client.state = State::kHandshaking;
  if (!client.channel.start(*options_.tls, client.fd)) return close(client);
  shake_hands(client);
}

void SlowClients::shake_hands(Client& client) noexcept {
  const LoadChannel::Step step = client.channel.handshake();
  if (step == LoadChannel::Step::kWait) return;
  if (step == LoadChannel::Step::kFailed) return close(client);
  begin(client);
}

void SlowClients::on_events() noexcept {
  std::array<epoll_event, kEventsAtOnce> events;
  const int count = epoll_wait(epoll_, events.data(), kEventsAtOnce, 0);
  for (int i = 0; i < count; ++i) {
    Client& client = *static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
    if (client.state == State::kConnecting) {
      connected(client);
    } else if (client.state == State::kHandshaking) {
      shake_hands(client);
    }
    // What came with the connection has no edge of its own.
    read_some(client);
  }
}

// --- messages ---

void SlowClients::begin(Client& client) noexcept {
  const std::uint64_t number = begun_++ * place_.threads + place_.thread;
  client.message = messages_.genuine(MessageId::kApart + number);
  const std::uint64_t unix_seconds = (now() + place_.wall_offset_ns) / kSecondNs;
  const Composer::Written written = composer_.write(client.message, unix_seconds, head_of(client));
  client.head_bytes = written.head_bytes;
  client.body = written.body;
  client.body_hash = written.body_hash;
  client.written = 0;
  client.is_parsing = false;
  client.state = State::kSending;
  ++counts_.connections;
}

void SlowClients::write_piece(Client& client, std::uint64_t now) noexcept {
  const bool is_head = client.written < client.head_bytes;
  const std::string_view rest =
      is_head ? std::string_view(head_of(client), client.head_bytes).substr(client.written)
              : client.body.substr(client.written - client.head_bytes);
  const std::string_view piece = rest.substr(0, options_.slow.bytes);
  const ssize_t written = options_.tls ? client.channel.write(piece.data(), piece.size())
                                       : send(client.fd, piece.data(), piece.size(), MSG_NOSIGNAL);
  if (written < 0 && errno == EAGAIN) return;
  if (written <= 0) return read_some(client);  // an answer may have come before the end
  client.written += static_cast<std::size_t>(written);
  if (client.written < client.head_bytes + client.body.size()) return;
  client.state = State::kAwaiting;
  ++awaited_;
  // Only now can anybody accept it, so what the server makes of it begins here.
  note(client, LedgerEvent::kDue, 0, now);
}

void SlowClients::read_some(Client& client) noexcept {
  while (client.has_message()) {
    const ssize_t size = options_.tls ? client.channel.read(input_.get(), kInputBytes)
                                      : recv(client.fd, input_.get(), kInputBytes, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return peer_closed(client);
    if (!client.is_parsing) client.parser.reset(nullptr, 0, false);
    client.is_parsing = true;
    const auto status = client.parser.feed({input_.get(), static_cast<std::size_t>(size)});
    if (status == core::ResponseParser::Status::kFailed) return lost(client);
    if (status == core::ResponseParser::Status::kComplete)
      return answered(client, client.parser.status_code());
  }
}

void SlowClients::peer_closed(Client& client) noexcept {
  if (client.is_parsing && client.parser.finish() == core::ResponseParser::Status::kComplete)
    return answered(client, client.parser.status_code());
  ++counts_.closed_by_server;
  lost(client);
}

void SlowClients::answered(Client& client, int status) noexcept {
  const std::uint64_t time = now();
  const bool is_accepted = status >= 200 && status < 300;
  const bool is_whole = client.state == State::kAwaiting;
  ++counts_.answered;
  counts_.accepted += is_accepted;
  if (is_accepted && !is_whole) note(client, LedgerEvent::kDue, 0, time);
  if (is_accepted || is_whole)
    note(client, is_accepted ? LedgerEvent::kAccepted : LedgerEvent::kRefused, status, time);
  close(client);
}

void SlowClients::lost(Client& client) noexcept {
  if (client.state == State::kAwaiting) note(client, LedgerEvent::kUnknown, 0, now());
  close(client);
}

void SlowClients::finish() noexcept {
  for (Client& client : clients_) lost(client);
}

void SlowClients::note(const Client& client, LedgerEvent event, int status,
                       std::uint64_t at_ns) noexcept {
  if (ledger_ == nullptr) return;
  ledger_->append({.run = options_.run,
                   .number = client.message.number,
                   .body_hash = client.body_hash,
                   .when_ns = at_ns + place_.wall_offset_ns,
                   .endpoint = client.message.link,
                   .status = static_cast<std::uint16_t>(status),
                   .event = event});
}

}  // namespace headrace::bench_tools
