// SPDX-License-Identifier: Apache-2.0
// A dispatch loop's whole work: deliveries come in by mail, are sent, and each makes exactly one
// outcome.
//
// Threads: everything on the loop's thread, save the counters, which any thread may read.
// Ownership: borrows all of ShardLinks; the pool of answers must outlive every outcome.
// Lifecycle: start(); drain(done) when the process ends in order; stop(done) always; then it may be
// destroyed. Nothing may be pushed to `deliveries` once stop() was called. Limits:
// kDeliveriesInMemoryMax deliveries, kLaneWindowMax a lane; what does not fit is handed back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/log.h"
#include "core/loop.h"
#include "core/mailbox.h"
#include "core/random.h"
#include "core/snapshot.h"
#include "dispatch/adaptive_width.h"
#include "dispatch/blocked_keys.h"
#include "dispatch/breaker.h"
#include "dispatch/connection.h"
#include "dispatch/endpoint.h"
#include "dispatch/flight.h"
#include "dispatch/lane.h"
#include "dispatch/resolver.h"
#include "dispatch/shard_counters.h"
#include "dispatch/tls.h"
#include "dispatch/token_bucket.h"
#include "dispatch/transport.h"
#include "store/types.h"

namespace headrace::dispatch {

struct ShardOptions {
  std::chrono::milliseconds idle_timeout{30'000};       // of a kept-alive connection
  std::chrono::milliseconds lane_idle_timeout{60'000};  // after which an unused lane is forgotten
  std::chrono::milliseconds drain_grace{10'000};        // for attempts under way
  std::size_t idle_connections_max = 1024;              // kept alive, over all lanes
  std::uint64_t seed = 0;                               // of the jitter
  AddressCheck allowed;     // of every address, before it is connected to; null: is_global()
  bool plain_http = false;  // else attempts at http endpoints fail
};

struct ShardLinks {
  core::Mailbox<store::Delivery>& deliveries;
  core::Mailbox<store::Outcome>& outcomes;
  const core::SnapshotCell<EndpointTable>& endpoints;
  Resolver& resolver;
  core::BufferPool& answers;  // of this shard alone
  core::LogSink& log;
  const TlsContext* tls = nullptr;  // null: https endpoints fail
  Transport* transport = nullptr;   // null: TCP on the loop
};

class Shard;

// A lane with all that belongs to it on this loop.
struct LaneEntry {
  explicit LaneEntry(Shard& owner) noexcept : shard(owner) {}
  bool delivers() const noexcept { return endpoint != nullptr && !endpoint->settings.held; }

  Shard& shard;
  core::EndpointNumber number{};
  Lane lane;
  std::shared_ptr<const Endpoint> endpoint;  // as of `table_version`; null: deleted
  std::uint64_t table_version = 0;
  TlsSession session;
  Connection* idle = nullptr;  // the last used is used first
  std::size_t connections = 0;
  core::SteadyMs used_at = 0;
  std::uint64_t order_id = 0;  // of Endpoint, as of `table_version`
  BlockedKeys blocked;
  AdaptiveWidth width;
  Breaker breaker;
  TokenBucket tokens;
  core::Timer pace_timer;  // armed while something is queued and no token is there
  bool pumping = false;
  bool turning_back = false;  // what was handed over in `round` may not overtake one that blocks
  std::uint32_t round = 0;
};

class Shard final : private ConnectionOwner, private core::BeforeWait {
 public:
  Shard(core::Loop& loop, const ShardLinks& links, ShardOptions options);
  ~Shard();  // Requires: stopped or never started.

  void start();
  // Begins no attempt any more; what waits is handed back, attempts under way may end within the
  // grace and are handed back then. `done` is called once no delivery is left; what arrives later
  // is handed back as well.
  void drain(std::function<void()> done);
  // Hands back whatever is left, without a grace, and closes everything; then calls `done`.
  void stop(std::function<void()> done);

  const ShardCounters& counters() const noexcept { return counters_; }

 private:
  enum class State : std::uint8_t { kNew, kRunning, kDraining, kStopping, kStopped };
  static constexpr std::size_t kBatch = 64;
  static constexpr std::size_t kBatchesAtOnce = 4;  // then the sockets have their turn

  void on_attempt_end(Connection& connection, Flight& flight,
                      const AttemptEnd& end) noexcept override;
  void on_stale(Flight& flight) noexcept override;
  void on_idle_end(Connection& connection) noexcept override;
  void on_connection_closed(Connection& connection) noexcept override;
  void before_wait() noexcept override;
  static void on_mail(void* shard) noexcept;

  // Deliveries.
  void take_mail() noexcept;
  void accept(store::Delivery&& delivery) noexcept;
  LaneEntry& lane_of(core::EndpointNumber number);
  void refresh(LaneEntry& entry) noexcept;
  void begin_order(LaneEntry& entry) noexcept;
  bool take_key(LaneEntry& entry, Flight& flight) noexcept;
  void pump(LaneEntry& entry) noexcept;
  static std::uint32_t width_of(const LaneEntry& entry) noexcept;
  static unsigned retry_share_of(const LaneEntry& entry) noexcept;
  bool has_token(LaneEntry& entry) noexcept;
  void start_attempt(LaneEntry& entry, Flight& flight) noexcept;

  // Outcomes.
  void conclude(LaneEntry& entry, Flight& flight, const AttemptEnd& end) noexcept;
  void settle_lane(LaneEntry& entry, const AttemptEnd& end, const Judgement& judgement,
                   store::Outcome& outcome) noexcept;
  std::chrono::milliseconds settle_breaker(LaneEntry& entry, const AttemptEnd& end,
                                           core::WallMs now, store::BreakerChange& told) noexcept;
  void settle_width(LaneEntry& entry, const Flight& flight, const AttemptEnd& end) noexcept;
  void reset_breaker(LaneEntry& entry) noexcept;
  void note_breaker(const LaneEntry& entry, Breaker::Change change) noexcept;
  core::WallMs settle_key(LaneEntry& entry, const Flight& flight, store::Outcome& outcome) noexcept;
  void postpone(const store::Delivery& delivery, std::uint64_t key, core::WallMs due) noexcept;
  void postpone_behind(LaneEntry& entry, Flight& flight, core::WallMs due) noexcept;
  bool may_warn() noexcept;
  void turn_back(LaneEntry& entry, std::uint32_t round) noexcept;
  void note_missing_secret(const LaneEntry& entry) noexcept;
  void note_unreachable(const LaneEntry& entry, store::AttemptError error) noexcept;
  void count(store::Verdict verdict) noexcept;
  void keep_answer(const AttemptEnd& end, store::Outcome& outcome) noexcept;
  void hand_back(const store::Delivery& delivery, core::WallMs hold_until) noexcept;
  void hand_back_queue(LaneEntry& entry, core::WallMs hold_until) noexcept;
  void put_back(LaneEntry& entry, const Flight& flight, core::WallMs hold_until) noexcept;
  void bury(const store::Delivery& delivery) noexcept;
  void bury_queue(LaneEntry& entry) noexcept;
  void push(store::Outcome&& outcome) noexcept;

  // Connections.
  void open_connection(LaneEntry& entry, Flight& flight) noexcept;
  void keep_idle(LaneEntry& entry, Connection& connection) noexcept;
  void unlink_idle(LaneEntry& entry, Connection& connection) noexcept;
  void close_idle(LaneEntry& entry) noexcept;

  // The end, and what is done now and then.
  void abort_in_flight() noexcept;
  void finish_stop();
  void sweep() noexcept;
  void arm_sweep() noexcept;

  core::SteadyMs now_ms() const noexcept { return loop_.clock().steady_ns() / 1'000'000; }
  core::WallMs wall_ms() const noexcept { return loop_.clock().wall_ms(); }

  core::Loop& loop_;
  core::Mailbox<store::Delivery>& deliveries_;
  core::Mailbox<store::Outcome>::Sender outcomes_;
  const core::SnapshotCell<EndpointTable>& endpoints_;
  core::SnapshotReader<EndpointTable> endpoints_reader_;
  core::BufferPool& answers_;
  core::LogSink& log_;
  const ShardOptions options_;
  ShardCounters counters_;
  core::Random random_;
  const std::unique_ptr<Transport> own_transport_;  // null: the one of the links is used
  ConnectionContext context_;
  selector::Matcher matcher_;  // finds order keys
  FlightPool flights_;
  State state_ = State::kNew;
  std::unordered_map<std::uint32_t, std::unique_ptr<LaneEntry>> lanes_;
  std::vector<std::unique_ptr<Connection>> connections_;
  Connection* free_connections_ = nullptr;
  std::size_t connections_open_ = 0;
  std::size_t connections_idle_ = 0;
  Connection* newest_idle_ = nullptr;
  Connection* oldest_idle_ = nullptr;
  std::size_t breakers_open_ = 0;
  core::Timer sweep_timer_;
  core::Timer grace_timer_;
  core::SteadyMs warned_at_ = 0;
  std::function<void()> on_drained_;
  std::function<void()> on_stopped_;
  std::vector<store::Delivery> batch_{kBatch};
};

}  // namespace headrace::dispatch
