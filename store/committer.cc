// SPDX-License-Identifier: Apache-2.0
#include "store/committer.h"

#include <algorithm>
#include <span>
#include <utility>

#include "core/check.h"
#include "core/limits.h"
#include "store/message_ids.h"

namespace headrace::store {

namespace limits = core::limits;

namespace {

// Groups in a row before the loop gets to look at its timers again.
constexpr int kCyclesPerIteration = 8;
// Intakes are taken in steps, so that a group of large bodies ends near kGroupBytesMax.
constexpr std::size_t kGatherStep = 32;
constexpr core::SteadyMs kReportEveryMs = 1'000;
constexpr core::SteadyMs kRetryAfterFailureMs = 100;
constexpr core::SteadyMs kProbeEveryMs = 1'000;
// Where lanes take turns, one that frees no memory for so long does not make the others wait.
constexpr core::SteadyMs kTurnMaxMs = 100;
constexpr core::SteadyMs kLookAtDiskEveryMs = 1'000;

// How far apart two positions are, in bytes of log; a segment counts full.
std::uint64_t distance(LogPosition from, LogPosition to) noexcept {
  const auto a = static_cast<std::uint64_t>(from);
  const auto b = static_cast<std::uint64_t>(to);
  return ((b >> 32) - (a >> 32)) * limits::kSegmentBytes + (b & 0xffffffff) - (a & 0xffffffff);
}

bool is_gone(const Outcome& outcome) noexcept {
  return outcome.verdict == Verdict::kDead && outcome.error == AttemptError::kNone &&
         outcome.http_status == 410;
}

// Whether a failed attempt says something of the endpoint: it was asked, or could not be.
bool is_endpoints_fault(const Outcome& outcome) noexcept {
  switch (outcome.error) {
    case AttemptError::kNone:
      return outcome.http_status != 0;
    case AttemptError::kResolve:
    case AttemptError::kConnect:
    case AttemptError::kConnectTimeout:
    case AttemptError::kTls:
    case AttemptError::kSend:
    case AttemptError::kTimeout:
    case AttemptError::kClosed:
    case AttemptError::kProtocol:
    case AttemptError::kBlockedAddress:
    case AttemptError::kPlainHttp:
      return true;
    default:
      return false;
  }
}

template <class T>
void drain_into(core::Mailbox<T>& mailbox, std::vector<T>& batch, std::size_t count_max) {
  const std::size_t before = batch.size();
  batch.resize(before + std::min(count_max, mailbox.size()));
  batch.resize(before + mailbox.drain(std::span(batch).subspan(before)));
}

}  // namespace

Committer::Committer(core::Loop& loop, EventStore& store, Ports ports, core::LogSink& log)
    : loop_(loop),
      store_(store),
      intakes_(ports.intakes),
      outcomes_(ports.outcomes),
      listener_(ports.listener),
      terms_(std::move(ports.terms)),
      pause_(ports.pause),
      outcomes_wait_(ports.outcomes_wait),
      log_(log),
      pool_(limits::kBufferBytesMaxDefault),
      slots_(limits::kDeliveriesInMemoryMax),
      finisher_(loop, store, ports.finish_erasures_in_place) {
  retry_timer_.owner = this;
  retry_timer_.fire = &Committer::on_retry_timer;
  retain_timer_.owner = this;
  retain_timer_.fire = &Committer::on_retain_timer;
  short_timer_.owner = this;
  short_timer_.fire = &Committer::on_short_timer;
  outcomes_timer_.owner = this;
  outcomes_timer_.fire = &Committer::on_outcomes_timer;
  disk_timer_.owner = this;
  disk_timer_.fire = &Committer::on_disk_timer;
  for (auto* mailbox : ports.origins) {
    origins_.push_back(std::make_unique<core::Mailbox<Answer>::Sender>(*mailbox));
  }
  for (auto* mailbox : ports.shards) {
    shards_.push_back(std::make_unique<core::Mailbox<Delivery>::Sender>(*mailbox));
  }
  group_.intakes.reserve(limits::kGroupIntakesMax + kGatherStep);
  group_.placed.reserve(limits::kGroupIntakesMax + kGatherStep);
  group_.outcomes.reserve(limits::kGroupOutcomesMax);
  loaded_.reserve(limits::kPendingLoadMax);
}

Committer::~Committer() { HEADRACE_CHECK(!started_); }

Result<void> Committer::start() {
  auto waiting = store_.pending_endpoints();
  if (!waiting) return std::move(waiting).error();
  for (const PendingEndpoint& pending : *waiting) {
    LaneWindow& window = windows_.at(pending.endpoint);
    window.waiting = pending.has_ready;
    window.next_due = pending.next_due;
    window.untried = true;
    if (auto taken = take_up(window); !taken) return taken;
    want_refill(window);
  }
  intakes_.open(loop_, &Committer::on_mail, this);
  outcomes_.open_to_wait(loop_, &Committer::on_outcomes, this);
  loop_.add_before_wait(this);
  loop_.arm(retain_timer_, loop_.now());
  look_at_disk();
  loop_.arm(disk_timer_, loop_.now() + kLookAtDiskEveryMs);
  started_ = taking_requests_ = true;
  work_ = true;
  return {};
}

void Committer::stop() {
  if (!started_) return;
  handing_over_ = false;
  retry_ = true;  // what the store refused before
  taking_requests_ = false;
  requests_.cancel_discards();
  while (cycle()) {
  }
  finisher_.stop();
  for (ErasureRequest& request : std::exchange(erasures_, {})) {
    request.done(Error{ErrorCode::kUnavailable, "the store is not running", 0});
  }
  if (auto done = store_.checkpoint(); !done) report(done.error(), "checkpoint_failed");
  windows_.for_each([this](LaneWindow& window) { loop_.disarm(window.timer); });
  loop_.disarm(retry_timer_);
  loop_.disarm(retain_timer_);
  loop_.disarm(short_timer_);
  loop_.disarm(outcomes_timer_);
  loop_.disarm(disk_timer_);
  loop_.remove_before_wait(this);
  intakes_.close();
  outcomes_.close();
  started_ = false;
}

void Committer::before_wait() noexcept {
  if (!work_) return;
  work_ = false;
  for (int i = 0; i < kCyclesPerIteration; ++i) {
    if (!cycle()) return;
  }
  work_ = true;
  intakes_.rearm();  // so that the loop does not wait
}

// One group. False: nothing is left to do.
bool Committer::cycle() noexcept {
  take_erasures();
  wait_for_more();
  gather();
  refuse_for_room();
  // With nothing to write it asks a store that failed whether it works again.
  if (std::exchange(retry_, false) || !group_.intakes.empty() || !group_.outcomes.empty() ||
      !group_.reopenings.empty() || group_.sync) {
    if (auto appended = store_.append(group_); !appended) {
      append_failed(appended.error());
      // These are refused as well; outcomes wait for the timer.
      return intakes_.size() != 0 || requests_.wants_turn(indexed_);
    }
    healthy_.store(has_room_, std::memory_order_relaxed);
    look_at_disk_when_segment_begins();
    counters_.groups.add();
    answer();
    close_slots();
    hand_over();
    settle_requests();
    index();
    tell_listener();
  }
  finish_requests();
  const bool refilled = refill();
  counters_.in_memory.set(slots_.size());
  return refilled || intakes_.size() != 0 || outcomes_.size() != 0 ||
         requests_.wants_turn(indexed_);
}

void Committer::gather() {
  group_.clear();
  group_.outcomes.swap(deferred_);
  outcomes_.listen();
  const core::WallMs now = loop_.wall();
  drain_into(outcomes_, group_.outcomes, limits::kGroupOutcomesMax);
  if (outcomes_.size() == 0) gathered_at_ = now;
  std::size_t bytes = 0;
  std::size_t counted = 0;
  while (group_.intakes.size() < limits::kGroupIntakesMax && bytes < limits::kGroupBytesMax &&
         intakes_.size() != 0) {
    drain_into(intakes_, group_.intakes, kGatherStep);
    if (counted == group_.intakes.size()) break;
    for (; counted < group_.intakes.size(); ++counted)
      bytes += group_.intakes[counted].payload.bytes();
  }
  drop_erased();
  discard_marked();
  take_requests();
}

// Nothing of this group was accepted. The intakes are refused; the outcomes are kept and logged
// when it works again, so their deliveries stay in their windows and memory stays bounded.
void Committer::append_failed(const Error& error) noexcept {
  healthy_.store(false, std::memory_order_relaxed);
  counters_.store_failures.add();
  report(error, "append_failed");
  const auto acceptance =
      error.code == ErrorCode::kStorageFull ? Acceptance::kFull : Acceptance::kUnavailable;
  group_.placed.assign(group_.intakes.size(), Placed{acceptance, MessageId{}, LogPosition{}});
  answer();
  fail_requests_in_group(error);  // takes what was to be discarded out of the outcomes
  deferred_.swap(group_.outcomes);
  group_.clear();
  retry_after(deferred_.empty() ? kProbeEveryMs : kRetryAfterFailureMs);
  finish_requests();
}

void Committer::retry_after(core::SteadyMs delay) noexcept {
  if (!retry_timer_.armed()) loop_.arm(retry_timer_, loop_.now() + delay);
}

void Committer::answer() noexcept {
  for (std::size_t i = 0; i < group_.intakes.size(); ++i) {
    const Intake& intake = group_.intakes[i];
    const Placed& placed = group_.placed[i];
    switch (placed.acceptance) {
      case Acceptance::kStored:
        counters_.messages.add();
        break;
      case Acceptance::kDuplicate:
        counters_.duplicates.add();
        break;
      default:
        counters_.refused.add();
        break;
    }
    // An origin has at most as many unanswered intakes as its mailbox holds.
    HEADRACE_CHECK(
        origins_[intake.origin]->try_push(Answer{intake.token, placed.id, placed.acceptance}));
  }
  for (auto& origin : origins_) origin->notify();
}

void Committer::close_slots() noexcept {
  for (Outcome& outcome : group_.outcomes) {
    if (outcome.ticket.slot != DeliverySlots::kNone) close_slot(outcome);  // else it waited
  }
  counters_.outcomes.add(group_.outcomes.size());
}

void Committer::close_slot(Outcome& outcome) noexcept {
  const DeliverySlots::Slot slot = slots_.release(outcome.ticket.slot);
  LaneWindow& window = windows_.at(outcome.endpoint);
  window.bytes -= slot.bytes;
  if (outcome.ticket.due != 0) --window.retries;
  if (slot.pending_entry && !outcome.ticket.pending_entry) {
    outcome.ticket.pending_entry = true;
    --window.forced;
  }
  settle(window, outcome);
}

// What an outcome means for the window of its lane.
void Committer::settle(LaneWindow& window, const Outcome& outcome) noexcept {
  --window.in_memory;
  const bool returned =
      outcome.verdict == Verdict::kReturned || outcome.error == AttemptError::kDiscarded;
  if (returned) {
    window.waiting = window.rewind = true;
  } else if (is_attempt(outcome.verdict)) {
    window.untried = false;  // if it could not be reached, it is on hold and probed from now on
  }
  if (outcome.hold_until != 0) {
    if (outcome.hold_until > window.hold_until) window.probes = outcome.probes;
    window.hold_until = std::max(window.hold_until, outcome.hold_until);
    window.probing = window.rewind = true;
  } else if (outcome.http_status != 0 && loop_.wall() >= window.hold_until) {
    window.probing = false;
    window.hold_until = 0;  // it answers: a clock that is set back does not bring the hold back
  }
  if (outcome.blocks) {
    const bool waits_anew = outcome.verdict == Verdict::kRetry;
    window.first_until =
        std::max(window.first_until, waits_anew ? outcome.next_at : outcome.ticket.due);
  }
  if (outcome.verdict == Verdict::kRetry || outcome.verdict == Verdict::kPostponed) {
    window.next_due = std::min(window.next_due.value_or(outcome.next_at), outcome.next_at);
    // It may be due before what was read already when a clock was set back, and behind one of its
    // key that is on its way to the shard again.
    if (window.has_read(outcome.next_at, outcome.message)) window.rewind = true;
  }
  window.rewind_when_empty();
  if (window.waiting || window.next_due) want_refill(window);
}

void Committer::hand_over() noexcept {
  for (std::size_t i = 0; i < group_.intakes.size(); ++i) {
    if (group_.placed[i].acceptance != Acceptance::kStored) continue;
    std::uint32_t sharer = DeliverySlots::kNone;
    for (const EndpointNumber endpoint : group_.intakes[i].targets.list()) {
      sharer = hand_over(group_.intakes[i], group_.placed[i], endpoint, sharer);
    }
  }
  for (auto& shard : shards_) shard->notify();
}

// Returns a slot whose delivery has the message's buffer, if there is one by now.
std::uint32_t Committer::hand_over(const Intake& intake, const Placed& placed,
                                   EndpointNumber endpoint, std::uint32_t sharer) noexcept {
  LaneWindow& window = windows_.at(endpoint);
  if (handing_over_ && window.open_at(loop_.wall())) {
    Delivery delivery;
    delivery.payload = intake.payload;
    delivery.message = placed.id;
    delivery.received_at = intake.received_at;
    delivery.endpoint = endpoint;
    delivery.link = intake.link;
    delivery.event = intake.event;
    delivery.is_test = intake.is_test;
    delivery.ticket.position = placed.position;
    if (const std::uint32_t slot = give(std::move(delivery), window, sharer);
        slot != DeliverySlots::kNone) {
      counters_.handed_over.add();
      return slot;
    }
  }
  group_.spilled.push_back(PendingPut{endpoint, 0, placed.id, placed.position, 0});
  window.waiting = true;
  counters_.spilled.add();
  want_refill(window);
  return sharer;
}

// Gives a delivery to its shard; kNone: memory is short. A lane that has none may have one that was
// read back, whatever the others hold, so that each goes on; the pools bound what that can come to.
std::uint32_t Committer::give(Delivery&& delivery, LaneWindow& window,
                              std::uint32_t sharer) noexcept {
  const std::size_t bytes = delivery.payload.buffer ? delivery.payload.buffer.capacity() : 0;
  const bool fits = sharer != DeliverySlots::kNone ||
                    slots_.bytes() + bytes <= limits::kDeliveryBytesInMemoryMax ||
                    (delivery.ticket.pending_entry && window.in_memory == 0);
  if (slots_.full() || !fits) return DeliverySlots::kNone;
  const std::uint32_t slot = slots_.take(delivery, bytes, sharer);
  delivery.ticket.slot = slot;
  delivery.round = window.round;
  delivery.blocked_keys = std::move(window.blocked_keys);
  if (delivery.is_retry()) ++window.retries;
  ++window.in_memory;
  window.bytes += bytes;
  auto& shard = *shards_[static_cast<std::uint32_t>(delivery.endpoint) % shards_.size()];
  HEADRACE_CHECK(shard.try_push(std::move(delivery)));  // sized for all deliveries in memory
  return slot;
}

// A delivery that stays in memory for long gets a pending entry, so that a crash never has much log
// to replay.
void Committer::bound_replay() noexcept {
  const LogPosition end = store_.end();
  for (const auto* slot = slots_.oldest();
       slot != nullptr && distance(slot->position, end) > limits::kReplayBytesMax / 2;
       slot = slots_.oldest()) {
    group_.spilled.push_back(PendingPut{slot->endpoint, 0, slot->message, slot->position, 0});
    ++windows_.at(slot->endpoint).forced;
    slots_.mark_oldest_pending();
  }
  group_.low_water = slots_.oldest() != nullptr ? slots_.oldest()->position : end;
}

// What could not be indexed is made up for by the store's next apply(). Until then the pending
// entries are not what they should be, and nothing is read back.
void Committer::index() noexcept {
  bound_replay();
  const auto applied = store_.apply(group_);
  indexed_ = applied.has_value();
  if (indexed_) return;
  counters_.store_failures.add();
  report(applied.error(), "index_failed");
  retry_after(kRetryAfterFailureMs);
}

void Committer::tell_listener() noexcept {
  if (listener_ == nullptr) return;
  for (const Outcome& outcome : group_.outcomes) {
    if (link_of(outcome.message) == core::kSystemLink) {
      if (is_attempt(outcome.verdict)) listener_->on_outcome(outcome);
    } else if (is_attempt(outcome.verdict)) {
      note_health(outcome);
    }
  }
}

void Committer::note_health(const Outcome& outcome) noexcept {
  LaneWindow& window = windows_.at(outcome.endpoint);
  if (outcome.breaker != BreakerChange::kNone) listener_->on_breaker(outcome);
  if (outcome.verdict == Verdict::kDelivered) {
    window.failures = 0;
    window.past_known = true;
    return;
  }
  if (!is_endpoints_fault(outcome)) return;
  if (window.failures == 0) window.failing_since = outcome.started_at;
  ++window.failures;
  const bool is_first = !std::exchange(window.past_known, true);
  if (is_gone(outcome)) return listener_->on_gone(outcome);
  listener_->on_failing(
      {outcome.endpoint, window.failing_since, outcome.started_at, window.failures, is_first});
}

void Committer::extend_failing(EndpointNumber endpoint, core::WallMs told, core::WallMs since,
                               std::uint32_t failures) noexcept {
  LaneWindow& window = windows_.at(endpoint);
  if (window.failures == 0 || window.failing_since != told || since >= told) return;
  window.failing_since = since;
  window.failures += failures;
}

Result<bool> Committer::is_drained(EndpointNumber endpoint) {
  if (windows_.at(endpoint).in_memory != 0) return false;
  auto waiting = store_.list_pending(endpoint, 0, {}, 1);
  if (!waiting) return std::move(waiting).error();
  return waiting->empty();
}

void Committer::want_refill(LaneWindow& window) noexcept {
  if (window.refill_queued || window.held) return;
  window.refill_queued = true;
  refill_queue_.push_back(&window);
}

// Whether there is room for all that is read back at once.
bool Committer::batch_fits() const noexcept {
  return slots_.free() >= limits::kPendingLoadMax &&
         slots_.bytes() + limits::kPendingLoadBytesMax <= limits::kDeliveryBytesInMemoryMax;
}

bool Committer::is_crowded() const noexcept {
  return slots_.free() < limits::kDeliveriesInMemoryMax / 2 ||
         slots_.bytes() > limits::kDeliveryBytesInMemoryMax / 2;
}

// Many lanes that drain at once take turns, a batch each: a delivery here and there would cost a
// connection each, and a walk through the store. Only where what is in memory does not move, so
// that no turn comes, those that have nothing there go on with one each.
bool Committer::has_turn() noexcept {
  if (batch_fits()) {
    short_since_ = 0;
    return true;
  }
  if (slots_.full()) return false;
  if (slots_.bytes() >= limits::kDeliveryBytesInMemoryMax) return true;
  if (short_since_ == 0) {
    short_since_ = loop_.now();
    loop_.arm(short_timer_, short_since_ + kTurnMaxMs);
  }
  return loop_.now() - short_since_ >= kTurnMaxMs;
}

// One round over the lanes that want more; a lane that is not done comes again. False: nothing was
// handed over.
bool Committer::refill() noexcept {
  if (!handing_over_ || !indexed_ || refill_queue_.empty()) return false;
  const std::uint64_t loaded_before = counters_.loaded.value();
  for (std::size_t lanes = refill_queue_.size(); lanes != 0; --lanes) {
    if (!has_turn()) break;
    LaneWindow& window = *refill_queue_.front();
    refill_queue_.pop_front();
    window.refill_queued = false;
    refill(window);
  }
  for (auto& shard : shards_) shard->notify();
  return counters_.loaded.value() != loaded_before;
}

void Committer::refill(LaneWindow& window) noexcept {
  // Not what came due since: an outcome that is in the mail may put something before it.
  const core::WallMs now = std::min(loop_.wall(), gathered_at_);
  window.retry_share_percent = terms_of(window.endpoint).retry_share_percent;
  std::size_t room = window.room_at(now);
  std::size_t batch = limits::kPendingLoadMax;
  if (!batch_fits()) {
    room = window.in_memory == 0 ? std::min<std::size_t>(room, 1) : 0;
  } else if (is_crowded()) {
    room = std::min(room, batch - std::min<std::size_t>(batch, window.in_memory));
    batch /= 2;
  }
  const bool due = window.waiting || (window.retry_is_due(now) && window.retry_room_at(now) != 0);
  // A nearly full window is left to drain first, so that reading back comes in batches.
  const bool worth_it = room >= batch || window.in_memory == 0 || !window.waiting;
  if (room != 0 && due && worth_it) {
    PendingCursor cursor = window.cursor;
    auto load = store_.load_pending(window.endpoint, cursor, now, quota_of(window, room, now),
                                    pool_, loaded_);
    if (!load) {
      loaded_.clear();
      counters_.store_failures.add();
      report(load.error(), "load_failed");
      return arm_timer(window, kProbeEveryMs);
    }
    window.cursor = cursor;
    const bool progressed = load->count != 0 || (window.waiting && !load->more_ready);
    window.waiting = load->more_ready;
    window.next_due = load->next_due;
    const bool all_taken = take_loaded(window);
    if (progressed && all_taken && (window.waiting || window.retry_is_due(now))) {
      want_refill(window);
    }
  }
  arm(window, now);
}

// Retries get their share while fresh ones wait, and all there is when none do.
PendingQuota Committer::quota_of(LaneWindow& window, std::size_t room, core::WallMs now) noexcept {
  PendingQuota quota{std::min(room, limits::kPendingLoadMax), limits::kPendingLoadBytesMax};
  quota.retries_max = std::min(quota.count_max, window.retry_room_at(now));
  if (window.waiting && window.retry_is_due(now) && !window.retries_first()) {
    const std::size_t share = window.share.retries_of(quota.count_max, window.retry_share_percent);
    quota.retries_max = std::min(quota.retries_max, share);
  }
  return quota;
}

// False: memory was short. What did not fit, and all behind it, is read again later.
bool Committer::take_loaded(LaneWindow& window) noexcept {
  bool all = true;
  for (Delivery& delivery : loaded_) {
    if (window.forced != 0 && slots_.contains(delivery.endpoint, delivery.message)) continue;
    all = give(std::move(delivery), window, DeliverySlots::kNone) != DeliverySlots::kNone;
    if (!all) break;
    counters_.loaded.add();
  }
  loaded_.clear();
  if (!all) window.waiting = window.rewind = true;  // their entries are behind the cursor now
  window.rewind_when_empty();
  return all;
}

// Has the lane looked at again when the next thing in it comes due.
void Committer::arm(LaneWindow& window, core::WallMs now) noexcept {
  loop_.disarm(window.timer);
  if (window.held || window.refill_queued || (!window.waiting && !window.next_due)) return;
  core::WallMs at = window.waiting ? now : *window.next_due;
  at = std::max(at, window.hold_until);
  if (at <= now) {
    // Something is due and there was no room. An outcome of this lane makes room; without any,
    // memory is short.
    if (window.in_memory != 0) return;
    at = now + kRetryAfterFailureMs;
  }
  arm_timer(window, at - now);
}

void Committer::arm_timer(LaneWindow& window, core::SteadyMs delay) noexcept {
  window.committer = this;
  window.timer.owner = &window;
  window.timer.fire = &Committer::on_window_timer;
  loop_.arm(window.timer, loop_.now() + delay);
}

void Committer::on_window_timer(core::Timer& timer) noexcept {
  auto& window = *static_cast<LaneWindow*>(timer.owner);
  window.committer->want_refill(window);
  window.committer->work_ = true;
}

void Committer::on_disk_timer(core::Timer& timer) noexcept {
  auto& committer = *static_cast<Committer*>(timer.owner);
  committer.look_at_disk();
  committer.loop_.arm(timer, committer.loop_.now() + kLookAtDiskEveryMs);
}

// A disk that fails does so for every group: one line a second is enough.
void Committer::report(const Error& error, std::string_view event) noexcept {
  if (reported_at_ != 0 && loop_.now() - reported_at_ < kReportEveryMs) return;
  reported_at_ = loop_.now();
  log_.write(core::LogLevel::kError, event, error.what,
             {{"code", to_string(error.code)}, {"detail", error.detail}});
}

}  // namespace headrace::store
