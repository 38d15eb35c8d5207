// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/load_thread.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/check.h"

namespace headrace::bench_tools {
namespace {

constexpr std::size_t kInputBytes = 64 * 1024;
constexpr int kEventsMax = 256;
// Between looks at deadlines, lost connections, the ledger and whether to stop.
constexpr std::uint64_t kHouseIntervalNs = 50'000'000;
constexpr std::uint64_t kConnectTimeoutNs = 5'000'000'000;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

std::uint64_t cpu_of_thread() noexcept {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * kSecondNs +
           static_cast<std::uint64_t>(time.tv_usec) * 1000;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

}  // namespace

LoadThread::LoadThread(const LoadOptions& options, const Messages& messages, Place place,
                       LiveShare& live)
    : options_(options),
      messages_(messages),
      place_(place),
      live_(live),
      composer_(messages),
      arrivals_(options.arrivals),
      connections_(place.connections),
      free_(place.connections),
      input_(std::make_unique<char[]>(kInputBytes)) {
  for (Connection& connection : connections_)
    connection.head = std::make_unique<char[]>(composer_.head_bytes_max());
  if (options_.tls) record_ = std::make_unique<char[]>(LoadChannel::kRecordBytesMax);
}

LoadThread::~LoadThread() {
  for (Connection& connection : connections_) {
    if (connection.fd >= 0) ::close(connection.fd);
  }
  if (epoll_ >= 0) ::close(epoll_);
}

Result<void> LoadThread::prepare() {
  wall_offset_ns_ = clock_.wall_ms() * 1'000'000 - now();
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return Error{ErrorCode::kUnavailable, "no descriptor is left", errno};
  if (!options_.ledger_directory.empty()) {
    LedgerHeader header;
    header.run = options_.run;
    header.started_ns = now() + wall_offset_ns_;
    auto ledger = LedgerWriter::create(options_.ledger_directory, header, place_.index);
    if (!ledger) return ledger.error();
    ledger_.emplace(std::move(*ledger));
  }
  if (auto prepared = prepare_slow(); !prepared) return prepared;
  return connect_all();
}

Result<void> LoadThread::prepare_slow() {
  if (SlowTurns(options_.slow, place_.index, place_.threads).clients() == 0) return {};
  slow_ = std::make_unique<SlowClients>(
      options_, messages_, SlowClients::Place{place_.index, place_.threads, wall_offset_ns_},
      ledger_ ? &*ledger_ : nullptr);
  return slow_->prepare(epoll_);
}

// All of them before the first message, so that none pays for a connection that stays.
Result<void> LoadThread::connect_all() {
  if (options_.churn) {
    for (Connection& connection : connections_) list_free(connection);
    return {};
  }
  const auto is_connecting = [](const Connection& c) {
    return c.state == State::kConnecting || c.state == State::kHandshaking;
  };
  for (Connection& connection : connections_) {
    if (!open(connection)) break;
  }
  const std::uint64_t deadline = now() + kConnectTimeoutNs;
  while (std::any_of(connections_.begin(), connections_.end(), is_connecting) && now() < deadline) {
    wait(kHouseIntervalNs);
  }
  const bool are_all_up = std::all_of(connections_.begin(), connections_.end(),
                                      [](const Connection& c) { return c.state == State::kIdle; });
  if (are_all_up) return {};
  const bool is_silent =
      std::any_of(connections_.begin(), connections_.end(),
                  [](const Connection& c) { return c.state == State::kHandshaking; });
  if (is_silent) tls_fault_ = "the server does not shake hands";
  if (!tls_fault_.empty()) return Error{ErrorCode::kTlsFailed, "no TLS: " + tls_fault_};
  return Error{ErrorCode::kConnectFailed, "the server does not take all connections"};
}

// --- what to send ---

// The next of the schedule that is this thread's.
void LoadThread::find_next() noexcept {
  next_.reset();
  for (;; ++next_number_) {
    if (options_.messages_max != 0 && next_number_ >= options_.messages_max) return;
    std::optional<std::uint64_t> at = 0;
    if (!options_.closed_loop) at = arrivals_.next();
    if (!at) return;
    if (next_number_ % place_.threads != place_.index) continue;
    next_ = Due{next_number_++, *at};
    return;
  }
}

bool LoadThread::may_begin(std::uint64_t now) const noexcept {
  if (!next_ || is_stopped_) return false;
  if (now < start_ns_) return false;
  if (options_.closed_loop) return now - start_ns_ < options_.arrivals.duration_ns;
  return now - start_ns_ >= next_->at_ns;
}

void LoadThread::send_due() noexcept {
  std::uint64_t time = now();
  wall_seconds_ = (time + wall_offset_ns_) / kSecondNs;
  while (may_begin(time)) {
    Connection* connection = take_free();
    if (connection == nullptr) {
      is_starved_ = true;
      return;
    }
    Due due = *next_;
    if (options_.closed_loop) due.at_ns = time - start_ns_;
    find_next();
    begin(*connection, due, time);
    time = now();
  }
  is_starved_ = false;
}

void LoadThread::begin(Connection& connection, const Due& due, std::uint64_t now) noexcept {
  connection.message = messages_.at(due.number);
  const Composer::Written written =
      composer_.write(connection.message, wall_seconds_, connection.head.get());
  connection.head_bytes = written.head_bytes;
  connection.body = written.body;
  connection.body_hash = written.body_hash;
  connection.written = 0;
  connection.has_message = true;
  connection.is_parsing = false;
  connection.is_measured = is_measured(due.at_ns);
  connection.due_ns = start_ns_ + due.at_ns;
  connection.sent_ns = now;
  ++busy_;
  ++result_.sent;
  ++result_.kinds[static_cast<std::size_t>(connection.message.kind)];
  if (connection.is_measured) {
    const std::uint64_t lag = now - connection.due_ns;
    ++result_.measured_sent;
    result_.measured_starved += is_starved_ && !options_.closed_loop;
    result_.measured_late += lag > options_.late_ns;
    if (!options_.closed_loop) result_.lag.record(lag);
  }
  note(connection, LedgerEvent::kDue, 0, connection.due_ns);
  if (options_.churn) {
    if (!open(connection)) failed(connection, LoadError::kConnect);
    return;
  }
  connection.state = State::kBusy;
  write_some(connection);
}

bool LoadThread::is_over(std::uint64_t now) const noexcept {
  if (now < start_ns_) return is_stopped_;
  const std::uint64_t since = now - start_ns_;
  if (busy_ != 0) return since > options_.arrivals.duration_ns + options_.drain_ns;
  if (!next_ || is_stopped_) return true;
  if (options_.closed_loop) return since >= options_.arrivals.duration_ns;
  return since > options_.arrivals.duration_ns + options_.drain_ns;
}

// What was due until now, or until the schedule's end, and was never begun.
void LoadThread::count_unsent(std::uint64_t now) noexcept {
  if (options_.closed_loop || now < start_ns_) return;
  for (; next_ && next_->at_ns <= now - start_ns_; find_next()) {
    ++result_.unsent;
    if (is_measured(next_->at_ns)) ++result_.measured_late;
  }
}

void LoadThread::give_up_rest() noexcept {
  for (Connection& connection : connections_) {
    if (connection.has_message) failed(connection, LoadError::kTimeout);
  }
}

// What the server has whole it may have accepted: its answer says so, if it comes.
void LoadThread::end_slow(const std::atomic<bool>& stop) noexcept {
  if (!slow_) return;
  const std::uint64_t deadline = now() + options_.drain_ns;
  while (slow_->awaited() != 0 && now() < deadline && !stop.load(std::memory_order_relaxed))
    wait(kHouseIntervalNs);
  slow_->finish();
  result_.slow = slow_->counts();
}

// --- connections ---

LoadThread::Connection* LoadThread::take_free() noexcept {
  while (free_count_ != 0) {
    Connection& connection = connections_[free_[free_first_]];
    free_first_ = free_first_ + 1 == free_.size() ? 0 : free_first_ + 1;
    --free_count_;
    connection.is_listed = false;
    // One that was lost since is listed again when it is back.
    const State wanted = options_.churn ? State::kDown : State::kIdle;
    if (connection.state == wanted && !connection.has_message) return &connection;
  }
  return nullptr;
}

void LoadThread::list_free(Connection& connection) noexcept {
  if (connection.is_listed) return;
  connection.is_listed = true;
  std::size_t place = free_first_ + free_count_++;
  if (place >= free_.size()) place -= free_.size();
  free_[place] = static_cast<std::uint32_t>(&connection - connections_.data());
}

bool LoadThread::open(Connection& connection) noexcept {
  HEADRACE_DCHECK(connection.state == State::kDown);
  const auto* address = reinterpret_cast<const sockaddr*>(&options_.server.address);
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const bool is_begun = connect(fd, address, options_.server.size) == 0 || errno == EINPROGRESS;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &connection;
  if (!is_begun || epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    ::close(fd);
    return false;
  }
  connection.fd = fd;
  connection.state = State::kConnecting;
  return true;
}

void LoadThread::close(Connection& connection) noexcept {
  if (options_.tls) connection.channel.stop();
  if (connection.fd >= 0) ::close(connection.fd);  // which removes it from the epoll set, too
  connection.fd = -1;
  connection.state = State::kDown;
}

// What cannot be opened now is tried again when the house is kept.
void LoadThread::reopen(Connection& connection) noexcept {
  close(connection);
  if (options_.churn) {
    list_free(connection);
  } else if (!is_stopped_) {
    open(connection);
  }
}

void LoadThread::connected(Connection& connection) noexcept {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    if (connection.has_message) return failed(connection, LoadError::kConnect);
    return close(connection);
  }
  if (!options_.tls) return ready(connection);
  connection.state = State::kHandshaking;
  if (connection.channel.start(*options_.tls, connection.fd)) return shake_hands(connection);
  if (connection.has_message) return failed(connection, LoadError::kTls);
  close(connection);
}

void LoadThread::shake_hands(Connection& connection) noexcept {
  const LoadChannel::Step step = connection.channel.handshake();
  if (step == LoadChannel::Step::kWait) return;
  if (step == LoadChannel::Step::kDone) return ready(connection);
  if (connection.has_message) return failed(connection, LoadError::kTls);
  if (start_ns_ == 0) tls_fault_ = connection.channel.fault();
  close(connection);
}

void LoadThread::ready(Connection& connection) noexcept {
  if (!connection.has_message) {
    connection.state = State::kIdle;
    return list_free(connection);
  }
  connection.state = State::kBusy;
  write_some(connection);
}

void LoadThread::write_some(Connection& connection) noexcept {
  return options_.tls ? write_records(connection) : write_plain(connection);
}

// Head and body share records, as they would be two for no reason else.
void LoadThread::write_records(Connection& connection) noexcept {
  while (connection.written < connection.bytes()) {
    const std::size_t head_done = std::min(connection.written, connection.head_bytes);
    const std::size_t head =
        std::min(connection.head_bytes - head_done, LoadChannel::kRecordBytesMax);
    std::memcpy(record_.get(), connection.head.get() + head_done, head);
    const std::string_view body =
        connection.body.substr(connection.written - head_done, LoadChannel::kRecordBytesMax - head);
    std::memcpy(record_.get() + head, body.data(), body.size());
    const ssize_t written = connection.channel.write(record_.get(), head + body.size());
    if (written < 0 && errno == EAGAIN) return;
    if (written <= 0) return read_some(connection, true);
    connection.written += static_cast<std::size_t>(written);
    result_.sent_bytes += static_cast<std::uint64_t>(written);
  }
}

void LoadThread::write_plain(Connection& connection) noexcept {
  std::array<iovec, 2> pieces;
  std::size_t count = 0;
  const std::size_t head_done = std::min(connection.written, connection.head_bytes);
  const std::size_t body_done = connection.written - head_done;
  if (head_done < connection.head_bytes) {
    pieces[count++] = {connection.head.get() + head_done, connection.head_bytes - head_done};
  }
  if (body_done < connection.body.size()) {
    pieces[count++] = {const_cast<char*>(connection.body.data()) + body_done,
                       connection.body.size() - body_done};
  }
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  const ssize_t written = sendmsg(connection.fd, &message, MSG_NOSIGNAL);
  if (written >= 0) {  // less than all: the socket says when it takes more
    connection.written += static_cast<std::size_t>(written);
    result_.sent_bytes += static_cast<std::uint64_t>(written);
    return;
  }
  if (errno == EAGAIN) return;
  read_some(connection, true);  // an answer may have come before the end
}

void LoadThread::read_some(Connection& connection, bool until_end) noexcept {
  while (connection.state == State::kBusy) {
    const ssize_t size = options_.tls ? connection.channel.read(input_.get(), kInputBytes)
                                      : recv(connection.fd, input_.get(), kInputBytes, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return peer_closed(connection);
    result_.received_bytes += static_cast<std::uint64_t>(size);
    read_answer(connection, {input_.get(), static_cast<std::size_t>(size)});
    // Less than there was room for is all there was; what comes now is another edge. Of TLS it is
    // one record of perhaps several.
    const bool is_all = static_cast<std::size_t>(size) < kInputBytes && !options_.tls;
    if (is_all && !until_end) return;
  }
}

void LoadThread::read_answer(Connection& connection, std::string_view bytes) noexcept {
  const bool is_whole = !connection.is_parsing;
  const bool is_sent = connection.written == connection.bytes();
  if (is_whole && is_sent && bytes.size() == known_.size &&
      std::memcmp(bytes.data(), known_.bytes, bytes.size()) == 0) {
    return answered(connection, known_.status, true);
  }
  core::ResponseParser& parser = connection.parser;
  if (is_whole) parser.reset(nullptr, 0, false);
  connection.is_parsing = true;
  const core::ResponseParser::Status status = parser.feed(bytes);
  if (status == core::ResponseParser::Status::kNeedMore) return;
  if (status == core::ResponseParser::Status::kFailed)
    return failed(connection, LoadError::kProtocol);
  const bool keep = parser.keep_alive() && is_sent;
  if (is_whole && keep && bytes.size() <= KnownAnswer::kBytesMax) {
    std::memcpy(known_.bytes, bytes.data(), bytes.size());
    known_.size = bytes.size();
    known_.status = parser.status_code();
  }
  answered(connection, parser.status_code(), keep);
}

void LoadThread::peer_closed(Connection& connection) noexcept {
  if (connection.is_parsing &&
      connection.parser.finish() == core::ResponseParser::Status::kComplete)
    return answered(connection, connection.parser.status_code(), false);
  failed(connection, LoadError::kClosed);
}

void LoadThread::on_events(Connection& connection, std::uint32_t events) noexcept {
  constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  switch (connection.state) {
    case State::kDown:
      return;
    case State::kConnecting:
      return connected(connection);
    case State::kHandshaking:
      return shake_hands(connection);
    case State::kIdle:
      if ((events & (kEnd | EPOLLIN)) == 0) return;
      if (options_.tls && (events & kEnd) == 0 && connection.channel.is_quiet()) return;
      ++result_.reconnects;
      return reopen(connection);
    case State::kBusy:
      if (connection.written < connection.bytes() && (events & EPOLLOUT)) write_some(connection);
      if (events & (kEnd | EPOLLIN)) read_some(connection, (events & kEnd) != 0);
      // The end came with the answer, and there is no other edge for it.
      if ((events & kEnd) == 0 || connection.state != State::kIdle) return;
      ++result_.reconnects;
      return reopen(connection);
  }
}

// --- what became of it ---

void LoadThread::answered(Connection& connection, int status, bool keep) noexcept {
  const std::uint64_t time = now();
  const bool is_accepted = status >= 200 && status < 300;
  last_answer_ns_ = time;
  connection.has_message = connection.is_parsing = false;
  --busy_;
  ++result_.answered;
  ++result_.statuses[std::min(static_cast<std::size_t>(status), LoadResult::kStatuses - 1)];
  if (connection.is_measured) {
    ++result_.measured_answered;
    result_.measured_accepted += is_accepted;
    result_.from_sent.record(time - connection.sent_ns);
    if (!options_.closed_loop) result_.from_due.record(time - connection.due_ns);
  }
  live_.record(time - (options_.closed_loop ? connection.sent_ns : connection.due_ns));
  note(connection, is_accepted ? LedgerEvent::kAccepted : LedgerEvent::kRefused, status, time);
  if (!keep) return reopen(connection);
  connection.state = State::kIdle;
  list_free(connection);
}

void LoadThread::failed(Connection& connection, LoadError error) noexcept {
  connection.has_message = connection.is_parsing = false;
  --busy_;
  ++result_.unanswered;
  ++result_.errors[static_cast<std::size_t>(error)];
  // Nobody can have taken it.
  const bool is_refused = error == LoadError::kConnect || error == LoadError::kTls;
  note(connection, is_refused ? LedgerEvent::kRefused : LedgerEvent::kUnknown, 0, now());
  reopen(connection);
}

void LoadThread::note(const Connection& connection, LedgerEvent event, int status,
                      std::uint64_t steady_ns) noexcept {
  if (!ledger_) return;
  ledger_->append({.run = options_.run,
                   .number = connection.message.number,
                   .body_hash = connection.body_hash,
                   .when_ns = steady_ns + wall_offset_ns_,
                   .endpoint = connection.message.link,
                   .status = static_cast<std::uint16_t>(status),
                   .event = event});
}

// A server that fell silent half way had all of the time; one that was given fewer messages had
// not.
void LoadThread::measure_span(bool was_stopped) noexcept {
  const std::uint64_t from = start_ns_ + options_.warmup_ns;
  if (last_answer_ns_ > from) result_.measured_ns = last_answer_ns_ - from;
  if (was_stopped || options_.messages_max != 0) return;
  const std::uint64_t planned = options_.arrivals.duration_ns - options_.warmup_ns;
  result_.measured_ns = std::max(result_.measured_ns, planned);
}

void LoadThread::publish(std::uint64_t now) noexcept {
  LiveCounts counts = {.sent = result_.sent, .answered = result_.answered, .backlog = busy_};
  for (std::size_t status = 200; status < 300; ++status)
    counts.accepted += result_.statuses[status];
  for (const std::uint64_t errors : result_.errors) counts.errors += errors;
  const bool is_due = next_ && !options_.closed_loop && now > start_ns_ + next_->at_ns;
  if (is_due) counts.behind_ns = now - start_ns_ - next_->at_ns;
  live_.publish(counts);
}

// --- time ---

int LoadThread::wait(std::uint64_t timeout_ns) noexcept {
  std::array<epoll_event, kEventsMax> events;
  const timespec timeout{.tv_sec = static_cast<time_t>(timeout_ns / kSecondNs),
                         .tv_nsec = static_cast<long>(timeout_ns % kSecondNs)};
  const int count = epoll_pwait2(epoll_, events.data(), kEventsMax, &timeout, nullptr);
  bool is_slow = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr != nullptr) {
      on_events(*static_cast<Connection*>(event.data.ptr), event.events);
    } else {
      is_slow = true;
    }
  }
  if (is_slow) slow_->on_events();  // behind those that are measured
  return count;
}

// Until the next message is due; but not for less than a batch, so that what is due soon shares a
// wake-up. Without a free connection only an answer brings one.
std::uint64_t LoadThread::time_to_wait(std::uint64_t now) const noexcept {
  std::uint64_t until = house_at_ns_;
  if (next_ && !is_stopped_ && !is_starved_) {
    const std::uint64_t at = start_ns_ + (options_.closed_loop ? 0 : next_->at_ns);
    until = std::min(until, std::max(at, now + options_.batch_ns));
  }
  if (slow_) until = std::min(until, std::max(slow_->next_ns(), now + options_.batch_ns));
  return until > now ? until - now : 0;
}

void LoadThread::keep_house(std::uint64_t now, const std::atomic<bool>& stop) noexcept {
  house_at_ns_ = now + kHouseIntervalNs;
  if (stop.load(std::memory_order_relaxed)) is_stopped_ = true;
  if (ledger_) ledger_->flush();
  for (Connection& connection : connections_) {
    const bool is_overdue =
        connection.has_message && now > connection.sent_ns + options_.timeout_ns;
    if (is_overdue) failed(connection, LoadError::kTimeout);
    if (connection.state == State::kDown && !options_.churn && !is_stopped_) open(connection);
    // Servers are asked to close; who is first keeps the port busy for a minute.
    if (connection.state == State::kIdle && options_.churn) reopen(connection);
  }
}

void LoadThread::run(std::uint64_t start_ns, const std::atomic<bool>& stop) noexcept {
  // By default the kernel may be 50 us late, to save power.
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  const std::uint64_t cpu_before = cpu_of_thread();
  start_ns_ = start_ns;
  if (slow_) slow_->start(start_ns);
  find_next();
  for (std::uint64_t time = now(); !is_over(time); time = now()) {
    if (time >= house_at_ns_) keep_house(time, stop);
    if (live_.is_asked()) publish(time);
    send_due();
    if (slow_) slow_->send_due(time);
    wait(time_to_wait(now()));
  }
  const std::uint64_t end = now();
  const bool was_stopped = is_stopped_;
  count_unsent(end);
  is_stopped_ = true;
  give_up_rest();
  measure_span(was_stopped);
  publish(end);
  end_slow(stop);
  result_.cpu_ns = cpu_of_thread() - cpu_before;
  if (!ledger_) return;
  if (auto closed = ledger_->close(now() + wall_offset_ns_); !closed)
    result_.faults.push_back("the ledger is not whole: " + closed.error().what);
  result_.ledger_records = ledger_->records();
  result_.ledger_dropped = ledger_->dropped();
}

}  // namespace headrace::bench_tools
