// SPDX-License-Identifier: Apache-2.0
#include "dispatch/breaker.h"

#include <algorithm>

namespace headrace::dispatch {

using store::AttemptError;

bool BreakerSettings::valid() const noexcept {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours{24};
  constexpr std::uint32_t kCountMax = 1'000'000;
  constexpr std::uint32_t kProbesMax = 1024;  // more are never in flight
  return window.count() >= 10 && window <= kLongest && count_min >= 1 && count_min <= kCountMax &&
         threshold > 0 && threshold <= 1 && open_for.count() >= 1 && open_for <= open_for_max &&
         open_for_max <= kLongest && probes >= 1 && probes <= kProbesMax;
}

Health health_of(AttemptError error, std::uint16_t http_status) noexcept {
  switch (error) {
    case AttemptError::kNone:
      return http_status >= 500 || http_status == 429 ? Health::kBad : Health::kGood;
    case AttemptError::kSecret:
    case AttemptError::kEndpointGone:
    case AttemptError::kInvalidUrl:
    case AttemptError::kTooLarge:
      return Health::kUnknown;
    default:
      return Health::kBad;
  }
}

Breaker::Change Breaker::on_end(Health health, core::WallMs now,
                                const BreakerSettings& settings) noexcept {
  if (health == Health::kUnknown || now < open_until_) return Change::kNone;
  const bool failed = health == Health::kBad;
  if (!closed()) {
    if (failed) {
      open(now, settings);
      return Change::kOpened;
    }
    reset();
    return Change::kClosed;
  }
  open_until_ = 0;
  count(failed, now, static_cast<core::WallMs>(settings.window.count()) / kBuckets);
  const double least = settings.threshold * total_.ended;
  if (!failed || total_.ended < settings.count_min || total_.failed < least) return Change::kNone;
  open(now, settings);
  return Change::kOpened;
}

void Breaker::count(bool failed, core::WallMs now, core::WallMs bucket_ms) noexcept {
  const core::WallMs bucket = now / bucket_ms;
  if (bucket_ms != bucket_ms_ || bucket < bucket_ || bucket >= bucket_ + kBuckets) {
    buckets_ = {};
    total_ = {};
    bucket_ = bucket;
    bucket_ms_ = bucket_ms;
  }
  while (bucket_ < bucket) {
    Counts& oldest = buckets_[++bucket_ % kBuckets];
    total_.ended -= oldest.ended;
    total_.failed -= oldest.failed;
    oldest = {};
  }
  for (Counts* counts : {&buckets_[bucket % kBuckets], &total_}) {
    ++counts->ended;
    counts->failed += failed ? 1 : 0;
  }
}

void Breaker::open(core::WallMs now, const BreakerSettings& settings) noexcept {
  std::chrono::milliseconds delay = settings.open_for;
  for (std::uint32_t i = 0; i < openings_ && delay < settings.open_for_max; ++i) delay *= 2;
  delay = std::min(delay, settings.open_for_max);
  buckets_ = {};
  total_ = {};
  ++openings_;
  open_until_ = now + static_cast<core::WallMs>(delay.count());
}

}  // namespace headrace::dispatch
