// SPDX-License-Identifier: Apache-2.0
#include "api/key_guard.h"

#include <string>

namespace headrace::api {
namespace {

constexpr std::uint64_t kTellEveryMs = 60'000;

}  // namespace

KeyGuard::KeyGuard(const core::Clock& clock, core::LogSink* log, const ThrottleOptions& options)
    : clock_(clock), log_(log), throttle_(options) {}

std::chrono::milliseconds KeyGuard::wait_of(const std::optional<core::IpAddress>& client,
                                            std::string_view key) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = now_ms();
  const std::uint64_t wait = throttle_.wait_of(client, key, now);
  if (wait != 0) {
    refused_.add();
    tell(client, now);
  }
  return std::chrono::milliseconds(wait);
}

void KeyGuard::failed(const std::optional<core::IpAddress>& client, std::string_view key) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = now_ms();
  throttle_.failed(client, key, now);
  failed_.add();
  tell(client, now);
}

void KeyGuard::succeeded(const std::optional<core::IpAddress>& client, std::string_view key) {
  const std::lock_guard lock(mutex_);
  throttle_.succeeded(client, key);
}

void KeyGuard::tell(const std::optional<core::IpAddress>& client, std::uint64_t now) {
  if (log_ == nullptr || (told_at_ != 0 && now < told_at_ + kTellEveryMs)) return;
  const std::string address = client ? client->to_string() : std::string();
  log_->write(core::LogLevel::kWarning, "keys_refused",
              "somebody tries keys of the management API that open nothing",
              {{"failed", static_cast<std::int64_t>(failed_.value() - failed_told_)},
               {"locked_out", static_cast<std::int64_t>(refused_.value() - refused_told_)},
               {"last_address", std::string_view{address}}});
  told_at_ = now;
  failed_told_ = failed_.value();
  refused_told_ = refused_.value();
}

void KeyGuard::register_metrics(core::MetricsRegistry& registry) const {
  registry.add(core::MetricKind::kCounter, "headrace_api_keys_failed_total",
               "Keys of the management API that were tried and open nothing.", "", &failed_);
  registry.add(core::MetricKind::kCounter, "headrace_api_keys_locked_out_total",
               "Requests that were refused unread, as too many keys failed before.", "", &refused_);
}

}  // namespace headrace::api
