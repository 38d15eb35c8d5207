// SPDX-License-Identifier: Apache-2.0
#include "dispatch/token_bucket.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace headrace::dispatch {

namespace {
constexpr double kNsPerSecond = 1e9;
}  // namespace

void TokenBucket::set_limit(RateLimit limit, std::uint64_t now_ns) noexcept {
  HEADRACE_DCHECK(limit.valid());
  if (limit == limit_) return;
  const bool first = limit_.per_second == 0;
  const double there = first ? limit.burst : std::floor(std::max(0.0, tokens_at(now_ns)));
  const double kept = std::min<double>(there, first ? limit.burst : limit_.burst);
  limit_ = limit;
  full_at_ns_ = now_ns;
  taken_ = limit.burst - static_cast<std::uint32_t>(std::min<double>(kept, limit.burst));
}

double TokenBucket::tokens_at(std::uint64_t now_ns) const noexcept {
  const std::uint64_t passed = now_ns > full_at_ns_ ? now_ns - full_at_ns_ : 0;
  return limit_.burst + static_cast<double>(passed) * limit_.per_second / kNsPerSecond -
         static_cast<double>(taken_);
}

std::uint64_t TokenBucket::ready_at() const noexcept {
  if (taken_ < limit_.burst) return full_at_ns_;
  const auto missing = static_cast<double>(taken_ - limit_.burst + 1);
  return full_at_ns_ +
         static_cast<std::uint64_t>(std::ceil(missing * kNsPerSecond / limit_.per_second));
}

bool TokenBucket::full(std::uint64_t now_ns) const noexcept {
  return limit_.per_second == 0 || tokens_at(now_ns) >= limit_.burst;
}

bool TokenBucket::try_take(std::uint64_t now_ns) noexcept {
  if (now_ns < ready_at()) return false;
  if (full(now_ns)) {  // what would have come meanwhile is lost
    full_at_ns_ = std::max(full_at_ns_, now_ns);
    taken_ = 0;
  }
  ++taken_;
  return true;
}

}  // namespace headrace::dispatch
