// SPDX-License-Identifier: Apache-2.0
#include "engine/registrar.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"

namespace headrace::engine {
namespace {

constexpr core::SteadyMs kRetryAfter = 10'000;
constexpr core::SteadyMs kTakeUpEvery = 3'600'000;

CallOutcome outcome_of(const store::Outcome& outcome) {
  CallOutcome copy;
  copy.number = outcome.endpoint;
  copy.message = outcome.message;
  copy.verdict = outcome.verdict;
  copy.attempt = outcome.attempt;
  copy.http_status = outcome.http_status;
  if (outcome.error != store::AttemptError::kNone) copy.error = store::to_string(outcome.error);
  if (outcome.response) copy.response = outcome.response_body.in(outcome.response);
  copy.started_at = outcome.started_at;
  copy.next_at = outcome.next_at;
  return copy;
}

CallOutcome outcome_of(const store::AttemptRecord& record) {
  CallOutcome outcome;
  outcome.number = record.endpoint;
  outcome.message = record.message;
  outcome.verdict = record.verdict;
  outcome.attempt = record.attempt;
  outcome.http_status = record.http_status;
  if (record.error != store::AttemptError::kNone) outcome.error = store::to_string(record.error);
  outcome.response = record.response_body;
  outcome.started_at = record.started_at;
  outcome.next_at = record.next_at;
  return outcome;
}

}  // namespace

Registrar::Registrar(Registry& registry, const store::EventStore& store, const core::Clock& clock,
                     core::LogSink& log)
    : registry_(registry), store_(store), log_(log), thread_(clock, "hr-registrar") {
  timer_.fire = &Registrar::on_timer;
  timer_.owner = this;
}

Registrar::~Registrar() { stop(); }

void Registrar::start(ingest::Submitter& submitter) {
  submitter_ = &submitter;
  thread_.start();
  started_ = true;
  thread_.loop().post([this] { take_up(); });
}

// What came of calls is on record even where it was not written down with them, as after a crash.
void Registrar::take_up() {
  for (const CallDefinition& call : registry_.calls_under_way()) {
    const auto attempts = store_.list_attempts(call.number, call.message);
    if (attempts && !attempts->empty() && attempts->back().attempt > call.attempts)
      note(outcome_of(attempts->back()));
  }
  hand_over(registry_.calls_to_hand_over());
  if (auto forgotten = registry_.forget_retired(); !forgotten)
    log_.write(core::LogLevel::kWarning, "names_not_forgotten", forgotten.error().what, {});
  take_up_in(kTakeUpEvery);
}

void Registrar::take_up_in(core::SteadyMs delay) {
  const std::lock_guard lock(mutex_);
  const core::SteadyMs deadline = thread_.loop().now() + delay;
  if (stopping_ || (timer_.armed() && timer_due_ <= deadline)) return;
  timer_due_ = deadline;
  thread_.loop().arm(timer_, deadline);
}

void Registrar::release() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (started_) thread_.run_and_wait([this] { thread_.loop().disarm(timer_); });
}

void Registrar::stop() {
  if (!started_) return;
  release();
  started_ = false;
  thread_.stop();
}

void Registrar::hand_over(const std::vector<core::EndpointNumber>& calls) {
  for (const core::EndpointNumber number : calls) submit(number);
}

// The message has no body of its own: what the provider is sent belongs to the endpoint, so that no
// credential in it gets into the message log.
void Registrar::submit(core::EndpointNumber number) {
  if (!take_in_hand(number)) return;
  const auto call = registry_.call(number);  // as it is now: somebody may have been quicker
  if (!call || call->message) return put_down(number);
  ingest::Submitter::Direct direct;
  direct.targets = {number};
  if (!call->body.empty()) direct.content_type = "application/json";
  submitter_->submit(std::move(direct), [this, number](Result<store::Answer> answer) {
    thread_.loop().post([this, number, answer] { on_submitted(number, answer); });
  });
}

// False: it is being handed over already, by a call to enable() at the same time.
bool Registrar::take_in_hand(core::EndpointNumber number) {
  const std::lock_guard lock(mutex_);
  return in_hand_.insert(number).second;
}

void Registrar::put_down(core::EndpointNumber number) {
  const std::lock_guard lock(mutex_);
  in_hand_.erase(number);
}

void Registrar::on_submitted(core::EndpointNumber number, const Result<store::Answer>& answer) {
  if (answer && answer->acceptance == store::Acceptance::kStored) {
    auto noted = registry_.note_call_message(number, answer->id);
    if (noted) return put_down(number);
    // It stays in hand: it is stored, and its first outcome brings the message along.
    log_.write(core::LogLevel::kWarning, "call_not_noted", noted.error().what, {});
    return;
  }
  put_down(number);
  log_.write(core::LogLevel::kWarning, "call_not_stored",
             "a call to a provider could not be stored, and will be tried again", {});
  take_up_in(kRetryAfter);
}

void Registrar::on_timer(core::Timer& timer) noexcept {
  static_cast<Registrar*>(timer.owner)->take_up();
}

void Registrar::on_outcome(const store::Outcome& outcome) noexcept {
  if (!store::is_attempt(outcome.verdict)) return;  // it waits
  thread_.loop().post([this, outcome = outcome_of(outcome)] { note(outcome); });
}

void Registrar::note(const CallOutcome& outcome) {
  put_down(outcome.number);
  if (auto noted = registry_.note_call_outcome(outcome); !noted) {
    log_.write(core::LogLevel::kWarning, "call_not_noted", noted.error().what, {});
    take_up_in(kRetryAfter);
  }
  if (outcome.verdict == store::Verdict::kDead) {
    log_.write(core::LogLevel::kWarning, "call_given_up",
               "a provider could not be told, as often as it was tried",
               {{"http_status", std::int64_t{outcome.http_status}},
                {"error", std::string_view(outcome.error)}});
  }
  announce();
}

void Registrar::announce() {
  {
    const std::lock_guard lock(mutex_);
    ++changes_;
  }
  changed_.notify_all();
}

bool Registrar::is_answered(core::EndpointNumber number) const {
  const auto call = registry_.call(number);
  return !call || call->attempts != 0;
}

void Registrar::wait_for(const std::vector<core::EndpointNumber>& calls,
                         std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock(mutex_);
  for (;;) {
    const std::uint64_t seen = changes_;
    lock.unlock();  // the registry has a lock of its own
    const bool all = std::all_of(calls.begin(), calls.end(), [this](core::EndpointNumber number) {
      return is_answered(number);
    });
    lock.lock();
    if (all || stopping_) return;
    if (!changed_.wait_until(lock, deadline, [&] { return stopping_ || changes_ != seen; })) return;
  }
}

}  // namespace headrace::engine
