// SPDX-License-Identifier: Apache-2.0
// Deliveries in, connections, start and end; shard_outcomes.cc makes the outcomes.
#include "dispatch/shard.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "dispatch/tcp_transport.h"

namespace headrace::dispatch {

namespace {
constexpr std::size_t kFreeConnectionsKept = 256;
constexpr std::uint64_t kNsPerMs = 1'000'000;
// A lane that waits for a token looks at the table as often, as its limit may have been raised.
constexpr core::SteadyMs kNewLimitSeenWithinMs = 10'000;
}  // namespace

Shard::Shard(core::Loop& loop, const ShardLinks& links, ShardOptions options)
    : loop_(loop),
      deliveries_(links.deliveries),
      outcomes_(links.outcomes),
      endpoints_(links.endpoints),
      endpoints_reader_(links.endpoints),
      answers_(links.answers),
      log_(links.log),
      options_(std::move(options)),
      random_(options_.seed),
      own_transport_(links.transport == nullptr ? std::make_unique<TcpTransport>(loop) : nullptr),
      context_{loop,
               links.transport == nullptr ? *own_transport_ : *links.transport,
               links.resolver,
               *this,
               counters_,
               links.tls,
               options_.allowed == nullptr ? AddressCheck(&is_global) : options_.allowed,
               options_.plain_http,
               options_.idle_timeout,
               {},
               {}} {
  sweep_timer_.owner = grace_timer_.owner = this;
  sweep_timer_.fire = [](core::Timer& timer) noexcept {
    static_cast<Shard*>(timer.owner)->sweep();
  };
  grace_timer_.fire = [](core::Timer& timer) noexcept {
    static_cast<Shard*>(timer.owner)->abort_in_flight();
  };
}

Shard::~Shard() { HEADRACE_CHECK(state_ == State::kNew || state_ == State::kStopped); }

void Shard::start() {
  HEADRACE_CHECK(state_ == State::kNew);
  state_ = State::kRunning;
  loop_.add_before_wait(this);
  deliveries_.open(loop_, &Shard::on_mail, this);
  deliveries_.rearm();  // for what was pushed before
}

void Shard::on_mail(void* shard) noexcept { static_cast<Shard*>(shard)->take_mail(); }

void Shard::take_mail() noexcept {
  for (std::size_t i = 0; i < kBatchesAtOnce; ++i) {
    const std::size_t count = deliveries_.drain(batch_);
    for (std::size_t j = 0; j < count; ++j) accept(std::move(batch_[j]));
    if (count < kBatch) return;
  }
  deliveries_.rearm();
}

void Shard::accept(store::Delivery&& delivery) noexcept {
  if (state_ != State::kRunning) return hand_back(std::exchange(delivery, {}), 0);
  LaneEntry& entry = lane_of(delivery.endpoint);
  refresh(entry);
  if (entry.endpoint == nullptr) return bury(std::exchange(delivery, {}));
  if (delivery.blocked_keys != nullptr && entry.endpoint->blocks_key()) {
    entry.blocked.restore(*delivery.blocked_keys);
  }
  if (entry.endpoint->settings.held) {
    if (entry.endpoint->keeps_order()) turn_back(entry, delivery.round);
    return hand_back(std::exchange(delivery, {}), 0);
  }
  if (entry.lane.on_hold(wall_ms())) {
    return hand_back(std::exchange(delivery, {}), entry.lane.hold_until());
  }
  if (entry.turning_back &&
      delivery.round == entry.round) {  // it was in the mail all through the hold
    return hand_back(std::exchange(delivery, {}), entry.lane.hold_until());
  }
  entry.turning_back = false;
  Flight* flight = entry.lane.queued() < core::limits::kLaneWindowMax ? flights_.take() : nullptr;
  if (flight == nullptr) {
    if (entry.endpoint->keeps_order()) turn_back(entry, delivery.round);
    return hand_back(std::exchange(delivery, {}), 0);
  }
  flight->delivery = std::move(delivery);
  flight->lane = &entry;
  if (entry.endpoint->order_key != nullptr && !take_key(entry, *flight)) return;
  entry.lane.push(*flight);
  pump(entry);
}

// False: one before it of its key waits for its retry, so it waits there behind it.
bool Shard::take_key(LaneEntry& entry, Flight& flight) noexcept {
  const std::uint64_t key = entry.endpoint->order_key->find_in(flight.delivery.payload, matcher_);
  flight.order_key = key;
  flight.order_id = entry.order_id;
  if (key == 0 || !entry.endpoint->blocks_key()) return true;
  const auto due = entry.blocked.arrive(key, flight.delivery, wall_ms());
  if (!due) return true;
  postpone(flight.delivery, key, *due);
  flights_.give_back(&flight);
  return false;
}

LaneEntry& Shard::lane_of(core::EndpointNumber number) {
  std::unique_ptr<LaneEntry>& entry = lanes_[static_cast<std::uint32_t>(number)];
  if (entry == nullptr) {
    entry = std::make_unique<LaneEntry>(*this);
    entry->number = number;
    entry->pace_timer.owner = entry.get();
    entry->pace_timer.fire = [](core::Timer& timer) noexcept {
      auto& lane = *static_cast<LaneEntry*>(timer.owner);
      lane.shard.pump(lane);
    };
    counters_.lanes.set(lanes_.size());
    arm_sweep();
  }
  return *entry;
}

// Looks the endpoint up again when the table was swapped. Connections to what it was are not used
// any more.
void Shard::refresh(LaneEntry& entry) noexcept {
  // The version first: a table that is swapped right after is then looked at once more.
  const std::uint64_t version = endpoints_.version();
  if (version == entry.table_version) return;
  entry.table_version = version;
  const std::shared_ptr<const Endpoint>* found = endpoints_reader_.get().find(entry.number);
  if (found != nullptr && *found == entry.endpoint) return;
  entry.endpoint = found != nullptr ? *found : nullptr;
  entry.session.forget();
  close_idle(entry);
  if (found != nullptr && entry.endpoint->order_id() != entry.order_id) begin_order(entry);
  if (found != nullptr && entry.endpoint->settings.rate_limit) {
    entry.tokens.set_limit(*entry.endpoint->settings.rate_limit, loop_.clock().steady_ns());
  }
}

// The endpoint has another order now. What is queued comes again, under that one; what is in flight
// or waits for its retry is not in it.
void Shard::begin_order(LaneEntry& entry) noexcept {
  entry.order_id = entry.endpoint->order_id();
  while (Flight* flight = entry.lane.take_queued()) {
    turn_back(entry, flight->delivery.round);
    hand_back(flight->delivery, 0);
    flights_.give_back(flight);
  }
  entry.blocked.clear();
}

void Shard::pump(LaneEntry& entry) noexcept {
  if (entry.pumping || state_ != State::kRunning) return;
  refresh(entry);
  // An attempt may end before start_attempt() returns, and asks for the next: the loop here gives
  // it.
  entry.pumping = true;
  while (entry.delivers() && entry.lane.has_ready()) {
    const std::uint32_t cap = width_of(entry);
    const core::WallMs now = wall_ms();
    if (!entry.lane.may_start(now, cap) || !has_token(entry)) break;
    start_attempt(entry, *entry.lane.start_next(now, cap, retry_share_of(entry)));
  }
  entry.pumping = false;
  // By now the end of an attempt may have seen a new table.
  if (entry.endpoint == nullptr) return bury_queue(entry);
  if (!entry.delivers()) hand_back_queue(entry, 0);
}

std::uint32_t Shard::width_of(const LaneEntry& entry) noexcept {
  const EndpointSettings& settings = entry.endpoint->settings;
  if (settings.order == Order::kStrict) return 1;
  return settings.adaptive ? entry.width.width(settings.in_flight_max) : settings.in_flight_max;
}

unsigned Shard::retry_share_of(const LaneEntry& entry) noexcept {
  return entry.endpoint->blocks() ? 100 : entry.endpoint->settings.retry_share_percent;
}

// Takes a token for the next attempt, where the endpoint's rate is limited. False: there is none,
// and the lane is pumped again when there is.
bool Shard::has_token(LaneEntry& entry) noexcept {
  if (!entry.endpoint->settings.rate_limit) return true;
  if (entry.tokens.try_take(loop_.clock().steady_ns())) return true;
  const core::SteadyMs ready = (entry.tokens.ready_at() + kNsPerMs - 1) / kNsPerMs;
  loop_.arm(entry.pace_timer, std::min(ready, now_ms() + kNewLimitSeenWithinMs));
  return false;
}

void Shard::start_attempt(LaneEntry& entry, Flight& flight) noexcept {
  flight.started_ns = loop_.clock().steady_ns();
  flight.started_at = wall_ms();
  const auto limit = static_cast<core::SteadyMs>(entry.endpoint->settings.attempt_timeout.count());
  flight.deadline = flight.started_ns / 1'000'000 + limit;
  counters_.attempts.add();
  if (!entry.endpoint->settings.missing_secret.empty()) {
    note_missing_secret(entry);
    return conclude(entry, flight, {store::AttemptError::kSecret, 0, -1, {}, {}});
  }
  Connection* connection = entry.idle;
  if (connection == nullptr) return open_connection(entry, flight);
  unlink_idle(entry, *connection);
  connection->send(flight);
}

void Shard::on_stale(Flight& flight) noexcept {
  LaneEntry& entry = *flight.lane;
  // One that the peer closed has siblings that it closed: they would only be found out one by one.
  close_idle(entry);
  // It may have been changed meanwhile: whoever lacks a secret has none of its settings for TLS.
  if (entry.endpoint == nullptr || !entry.endpoint->settings.missing_secret.empty())
    return conclude(entry, flight, {store::AttemptError::kClosed, 0, -1, {}, {}});
  open_connection(entry, flight);
}

void Shard::open_connection(LaneEntry& entry, Flight& flight) noexcept {
  if (free_connections_ == nullptr) {
    connections_.push_back(std::make_unique<Connection>(context_));
    free_connections_ = connections_.back().get();
  }
  Connection& connection = *free_connections_;
  free_connections_ = std::exchange(connection.next, nullptr);
  ++entry.connections;
  counters_.connections_open.set(++connections_open_);
  connection.open(entry.endpoint, entry, entry.session, flight);
}

void Shard::on_connection_closed(Connection& connection) noexcept {
  --connection.lane()->connections;
  counters_.connections_open.set(--connections_open_);
  connection.next = std::exchange(free_connections_, &connection);
}

void Shard::on_idle_end(Connection& connection) noexcept {
  unlink_idle(*connection.lane(), connection);
}

// Where too many are kept, the one that was not used for longest goes: a lane that is busy needs
// its own again at once, however many others have left.
void Shard::keep_idle(LaneEntry& entry, Connection& connection) noexcept {
  if (state_ != State::kRunning || connection.endpoint() != entry.endpoint.get()) {
    return connection.close();
  }
  connection.previous = nullptr;
  connection.next = entry.idle;
  if (entry.idle != nullptr) entry.idle->previous = &connection;
  entry.idle = &connection;
  connection.newer = nullptr;
  connection.older = newest_idle_;
  (newest_idle_ == nullptr ? oldest_idle_ : newest_idle_->newer) = &connection;
  newest_idle_ = &connection;
  if (++connections_idle_ <= options_.idle_connections_max) return;
  Connection& oldest = *oldest_idle_;
  unlink_idle(*oldest.lane(), oldest);
  oldest.close();
}

void Shard::unlink_idle(LaneEntry& entry, Connection& connection) noexcept {
  (connection.previous == nullptr ? entry.idle : connection.previous->next) = connection.next;
  if (connection.next != nullptr) connection.next->previous = connection.previous;
  connection.next = connection.previous = nullptr;
  (connection.newer == nullptr ? newest_idle_ : connection.newer->older) = connection.older;
  (connection.older == nullptr ? oldest_idle_ : connection.older->newer) = connection.newer;
  connection.newer = connection.older = nullptr;
  --connections_idle_;
}

void Shard::close_idle(LaneEntry& entry) noexcept {
  while (entry.idle != nullptr) {
    Connection& connection = *entry.idle;
    unlink_idle(entry, connection);
    connection.close();
  }
}

void Shard::drain(std::function<void()> done) {
  HEADRACE_CHECK(state_ == State::kRunning);
  state_ = State::kDraining;
  on_drained_ = std::move(done);
  for (auto& [number, entry] : lanes_) {
    hand_back_queue(*entry, 0);
    close_idle(*entry);
  }
  loop_.arm(grace_timer_, now_ms() + static_cast<core::SteadyMs>(options_.drain_grace.count()));
  deliveries_.rearm();
}

void Shard::abort_in_flight() noexcept {
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    Connection& connection = *connections_[i];
    Flight* flight = connection.flight();
    if (flight == nullptr) continue;
    connection.close();
    flight->lane->lane.on_attempt_end(*flight);
    hand_back(flight->delivery, 0);
    flights_.give_back(flight);
  }
}

void Shard::stop(std::function<void()> done) {
  HEADRACE_CHECK(state_ == State::kRunning || state_ == State::kDraining);
  state_ = State::kStopping;
  on_stopped_ = std::move(done);
  loop_.disarm(grace_timer_);
  loop_.disarm(sweep_timer_);
  while (deliveries_.size() != 0) take_mail();
  for (auto& [number, entry] : lanes_) {
    loop_.disarm(entry->pace_timer);
    hand_back_queue(*entry, 0);
    close_idle(*entry);
  }
  abort_in_flight();
  deliveries_.close();
  loop_.post([] {});  // has before_wait() called soon
}

// Once an iteration, before the loop waits: the batch of outcomes costs one wake-up.
void Shard::before_wait() noexcept {
  outcomes_.notify();
  if (on_drained_ != nullptr && flights_.used() == 0 && deliveries_.size() == 0) {
    loop_.disarm(grace_timer_);
    loop_.post(std::exchange(on_drained_, nullptr));
  }
  if (on_stopped_ != nullptr && connections_open_ == 0) {
    // Two rounds on, so that libuv is done with the mailbox's handle, too.
    loop_.post([this, done = std::exchange(on_stopped_, nullptr)]() mutable {
      loop_.post([this, last = std::move(done)] {
        finish_stop();
        last();
      });
    });
  }
}

void Shard::finish_stop() {
  loop_.remove_before_wait(this);
  HEADRACE_CHECK(flights_.used() == 0);
  state_ = State::kStopped;
}

void Shard::arm_sweep() noexcept {
  if (sweep_timer_.armed()) return;
  const auto period = static_cast<core::SteadyMs>(options_.lane_idle_timeout.count()) / 2 + 1;
  loop_.arm(sweep_timer_, now_ms() + period);
}

// Forgets lanes that nobody uses, and connections' memory beyond what is likely to be needed again.
void Shard::sweep() noexcept {
  const core::SteadyMs now = now_ms();
  const core::WallMs wall = wall_ms();
  const auto limit = static_cast<core::SteadyMs>(options_.lane_idle_timeout.count());
  std::erase_if(lanes_, [&](const auto& item) {
    LaneEntry& entry = *item.second;
    if (!entry.lane.idle() || entry.connections != 0 || entry.lane.on_hold(wall)) return false;
    if (!entry.blocked.empty()) return false;
    if (now < entry.used_at + limit || !entry.tokens.full(loop_.clock().steady_ns())) return false;
    loop_.disarm(entry.pace_timer);
    reset_breaker(entry);
    return true;
  });
  counters_.lanes.set(lanes_.size());
  if (connections_.size() > connections_open_ + kFreeConnectionsKept) {
    std::erase_if(connections_, [](const auto& connection) { return connection->free(); });
    free_connections_ = nullptr;
  }
  if (!lanes_.empty()) arm_sweep();
}

}  // namespace headrace::dispatch
