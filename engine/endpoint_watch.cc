// SPDX-License-Identifier: Apache-2.0
#include "engine/endpoint_watch.h"

#include <algorithm>
#include <utility>

namespace headrace::engine {

EndpointWatch::EndpointWatch(Links links, const core::Clock& clock)
    : links_(std::move(links)),
      endpoints_(links_.registry.endpoint_table()),
      thread_(clock, "hr-watch") {}

EndpointWatch::~EndpointWatch() { stop(); }

void EndpointWatch::start() {
  thread_.start();
  started_ = true;
}

void EndpointWatch::stop() {
  if (!started_) return;
  started_ = false;
  thread_.stop();
}

void EndpointWatch::on_gone(const store::Outcome& outcome) noexcept {
  complain({.endpoint = outcome.endpoint,
            .reason = StateReason::kGone,
            .began_at = outcome.started_at,
            .since = outcome.started_at,
            .failures = 1});
}

// Nearly always all there is to do is a look-up: the endpoint fails, and may do so for days yet.
void EndpointWatch::on_failing(const store::Failing& failing) noexcept {
  const auto* endpoint = endpoints_.get().find(failing.endpoint);
  if (endpoint == nullptr || !(*endpoint)->settings.disable_after) return;
  const auto after = *(*endpoint)->settings.disable_after;
  if (failing.is_first)
    return thread_.loop().post([this, failing, after] { look_back(failing, after); });
  if (failing.began_at < failing.since + static_cast<core::WallMs>(after.count())) return;
  complain({.endpoint = failing.endpoint,
            .reason = StateReason::kFailing,
            .began_at = failing.began_at,
            .since = failing.since,
            .failures = failing.failures});
}

void EndpointWatch::on_breaker(const store::Outcome& outcome) noexcept {
  const bool opened = outcome.breaker == store::BreakerChange::kOpened;
  thread_.loop().post([this, number = outcome.endpoint, opened, at = outcome.started_at] {
    send(links_.registry.breaker_message(number, opened, at));
  });
}

void EndpointWatch::complain(const Complaint& complaint) {
  {
    const std::lock_guard lock(mutex_);
    if (!in_hand_.insert(complaint.endpoint).second) return;
  }
  thread_.loop().post([this, complaint] { disable(complaint); });
}

// What could not be written down is complained about again by the next attempt that fails.
void EndpointWatch::disable(const Complaint& complaint) {
  auto disabled = links_.registry.disable_endpoint(complaint);
  {
    const std::lock_guard lock(mutex_);
    in_hand_.erase(complaint.endpoint);
  }
  if (!disabled) {
    links_.log.write(core::LogLevel::kWarning, "endpoint_not_disabled", disabled.error().what, {});
    return;
  }
  if (!*disabled) return;
  const bool is_gone = complaint.reason == StateReason::kGone;
  (is_gone ? counters_.gone : counters_.failing).add();
  const std::string id = (*disabled)->endpoint.to_string();
  links_.log.write(core::LogLevel::kWarning, "endpoint_disabled",
                   is_gone
                       ? "An endpoint answered 410 and is disabled; what waits is held."
                       : "An endpoint did nothing but fail and is disabled; what waits is held.",
                   {{"endpoint", std::string_view{id}},
                    {"host", std::string_view{(*disabled)->host}},
                    {"failures", std::int64_t{complaint.failures}}});
  send(std::move((*disabled)->message));
}

void EndpointWatch::look_back(const store::Failing& failing,
                              std::chrono::milliseconds disable_after) {
  auto past = failing_past(links_.store, failing.endpoint, failing.since, kAttemptsLookedAt);
  if (!past) return;
  const auto endpoint = links_.registry.endpoint_definition(failing.endpoint);
  if (!endpoint) return;
  past->since = std::max(past->since, endpoint->state_since);  // somebody resumed it since
  if (past->since >= failing.since) return;
  links_.extend(failing, *past);
  if (failing.began_at - past->since < static_cast<core::WallMs>(disable_after.count())) return;
  complain({.endpoint = failing.endpoint,
            .reason = StateReason::kFailing,
            .began_at = failing.began_at,
            .since = past->since,
            .failures = failing.failures + past->failures});
}

void EndpointWatch::send(std::optional<SystemMessage> message) {
  if (!message) return;
  links_.submit(std::move(*message), [this](bool stored) {
    if (stored) return;
    links_.log.write(core::LogLevel::kWarning, "system_message_not_stored",
                     "a system message could not be stored", {});
  });
}

std::optional<FailingPast> failing_past(const store::EventStore& store,
                                        core::EndpointNumber endpoint, core::WallMs before,
                                        std::size_t attempts_max) {
  auto attempts = store.list_endpoint_attempts(endpoint, {}, attempts_max);
  if (!attempts) return std::nullopt;
  core::WallMs delivered_at = 0;
  for (const store::AttemptRecord& attempt : *attempts) {
    if (attempt.verdict == store::Verdict::kDelivered)
      delivered_at = std::max(delivered_at, attempt.started_at);
  }
  FailingPast past{before, 0};
  for (const store::AttemptRecord& attempt : *attempts) {
    if (attempt.started_at <= delivered_at || attempt.started_at >= before) continue;
    past.since = std::min(past.since, attempt.started_at);
    ++past.failures;
  }
  return past.failures == 0 ? std::nullopt : std::optional(past);
}

}  // namespace headrace::engine
