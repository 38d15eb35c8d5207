// SPDX-License-Identifier: Apache-2.0
// The throttle of failed keys as the server uses it: shared by its threads, counted, and told of in
// the log once in a while.
//
// Threads: any. The mutex is held for a few hashes. As many tries as there are threads can be under
// way when a client is locked out, and are still looked at.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "api/throttle.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/metrics.h"

namespace headrace::api {

class KeyGuard {
 public:
  // `log` may be null.
  KeyGuard(const core::Clock& clock, core::LogSink* log, const ThrottleOptions& options = {});

  // As Throttle; the time is the clock's.
  std::chrono::milliseconds wait_of(const std::optional<core::IpAddress>& client,
                                    std::string_view key);
  void failed(const std::optional<core::IpAddress>& client, std::string_view key);
  void succeeded(const std::optional<core::IpAddress>& client, std::string_view key);

  void register_metrics(core::MetricsRegistry& registry) const;

 private:
  std::uint64_t now_ms() const noexcept { return clock_.steady_ns() / 1'000'000; }
  void tell(const std::optional<core::IpAddress>& client, std::uint64_t now);

  const core::Clock& clock_;
  core::LogSink* const log_;
  std::mutex mutex_;
  Throttle throttle_;
  core::Counter failed_;
  core::Counter refused_;
  std::uint64_t told_at_ = 0;  // 0: nothing was told yet
  std::uint64_t failed_told_ = 0;
  std::uint64_t refused_told_ = 0;
};

}  // namespace headrace::api
