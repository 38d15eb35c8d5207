// SPDX-License-Identifier: Apache-2.0
#include "engine/registrar.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"

namespace headrace::engine {
namespace {

constexpr core::SteadyMs kRetryAfter = 10'000;

CallOutcome copied(const store::Outcome& outcome) {
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

}  // namespace

Registrar::Registrar(Registry& registry, const core::Clock& clock, core::LogSink& log)
    : registry_(registry), log_(log), thread_(clock, "hr-registrar") {
  retry_timer_.fire = &Registrar::on_retry;
  retry_timer_.owner = this;
}

Registrar::~Registrar() { stop(); }

void Registrar::start(ingest::Submitter& submitter) {
  submitter_ = &submitter;
  thread_.start();
  started_ = true;
  hand_over(registry_.calls_to_hand_over());
}

void Registrar::release() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (started_) thread_.run_and_wait([this] { thread_.loop().disarm(retry_timer_); });
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

// False: somebody else does.
bool Registrar::begin(core::EndpointNumber number) {
  const std::lock_guard lock(mutex_);
  return under_way_.insert(number).second;
}

void Registrar::submit(core::EndpointNumber number) {
  if (!begin(number)) return;
  const auto call =
      registry_.call(number);  // not before: what was under way is written down by now
  if (!call || call->message) {
    const std::lock_guard lock(mutex_);
    under_way_.erase(number);
    return;
  }
  ingest::Submitter::Direct direct;
  direct.targets = {number};
  direct.body = call->body;  // as it is written down: secrets are filled in where it is sent
  if (!direct.body.empty()) direct.content_type = "application/json";
  submitter_->submit(std::move(direct), [this, number](Result<store::Answer> answer) {
    thread_.loop().post([this, number, answer] { on_submitted(number, answer); });
  });
}

void Registrar::on_submitted(core::EndpointNumber number, const Result<store::Answer>& answer) {
  if (answer && answer->acceptance == store::Acceptance::kStored) {
    auto noted = registry_.note_call_message(number, answer->id);
    if (!noted) {
      // It stays under way: it is stored, and its first outcome brings the message along.
      log_.write(core::LogLevel::kWarning, "call_not_noted", noted.error().what, {});
      return;
    }
    const std::lock_guard lock(mutex_);
    under_way_.erase(number);
    return;
  }
  log_.write(core::LogLevel::kWarning, "call_not_stored",
             "a call to a provider could not be stored, and will be tried again", {});
  const std::lock_guard lock(mutex_);
  under_way_.erase(number);
  if (!stopping_ && !retry_timer_.armed())
    thread_.loop().arm(retry_timer_, thread_.loop().now() + kRetryAfter);
}

void Registrar::on_retry(core::Timer& timer) noexcept {
  auto& self = *static_cast<Registrar*>(timer.owner);
  self.hand_over(self.registry_.calls_to_hand_over());
}

void Registrar::on_outcome(const store::Outcome& outcome) noexcept {
  if (outcome.verdict == store::Verdict::kReturned) return;  // not tried: it waits
  thread_.loop().post([this, outcome = copied(outcome)] { note(outcome); });
}

void Registrar::note(const CallOutcome& outcome) {
  if (auto noted = registry_.note_call_outcome(outcome); !noted)
    log_.write(core::LogLevel::kWarning, "call_not_noted", noted.error().what, {});
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
