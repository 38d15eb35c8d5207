// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/arrivals.h"

#include <algorithm>
#include <cmath>

namespace headrace::bench_tools {
namespace {

constexpr double kNsPerSecond = 1e9;
// A search that begins far above the knee gives up here rather than at a rate of nothing.
constexpr double kPerSecondMin = 1;

Error invalid(std::string what) { return {ErrorCode::kInvalidArgument, std::move(what)}; }

// Uniform in (0, 1]: its logarithm is finite. 53 bits are what a double holds.
double above_zero(core::Random& random) noexcept {
  return static_cast<double>((random.next() >> 11) + 1) * 0x1p-53;
}

bool is_rate(double per_second) noexcept {
  return per_second > 0 && per_second <= ArrivalOptions::kPerSecondMax;
}

}  // namespace

std::string_view to_string(Shape shape) noexcept {
  switch (shape) {
    case Shape::kConstant:
      return "constant";
    case Shape::kRamp:
      return "ramp";
    case Shape::kPoisson:
      return "poisson";
    case Shape::kBursts:
      break;
  }
  return "bursts";
}

Result<void> ArrivalOptions::check() const {
  const bool is_ramp = shape == Shape::kRamp;
  if (!is_rate(per_second) && !(is_ramp && per_second == 0))
    return invalid("the rate must be above 0 and at most 10000000 messages a second");
  if (is_ramp && !is_rate(per_second_end) && !(per_second_end == 0 && per_second > 0))
    return invalid("the rate at the end must be at most 10000000, and one of the two above 0");
  if (duration_ns == 0 || duration_ns > kDurationMaxNs)
    return invalid("the duration must be above 0 and at most a day");
  if (burst == 0) return invalid("a burst must have a message");
  return {};
}

Arrivals::Arrivals(const ArrivalOptions& options) noexcept
    : options_(options), random_(options.seed) {}

std::optional<std::uint64_t> Arrivals::next() noexcept {
  const double message = static_cast<double>(message_);
  double at = 0;
  switch (options_.shape) {
    case Shape::kConstant:
      at = message * kNsPerSecond / options_.per_second;
      break;
    case Shape::kRamp:
      at = ramp_at(message);
      break;
    case Shape::kPoisson:
      at = at_ns_ -= std::log(above_zero(random_)) * kNsPerSecond / options_.per_second;
      break;
    case Shape::kBursts:
      at = static_cast<double>(message_ / options_.burst * options_.burst) * kNsPerSecond /
           options_.per_second;
      break;
  }
  if (!(at < static_cast<double>(options_.duration_ns))) return std::nullopt;
  ++message_;
  return static_cast<std::uint64_t>(at);
}

// By time t a ramp from a to b over d has brought a*t + (b-a)*t^2/(2*d) messages; this is the t at
// which it has brought `message`, in the form that is exact for a = b, too.
double Arrivals::ramp_at(double message) const noexcept {
  const double duration = static_cast<double>(options_.duration_ns) / kNsPerSecond;
  const double slope = (options_.per_second_end - options_.per_second) / duration;
  const double under_root = options_.per_second * options_.per_second + 2 * slope * message;
  if (message == 0) return 0;
  if (under_root < 0) return static_cast<double>(options_.duration_ns);  // it never gets there
  return 2 * message / (options_.per_second + std::sqrt(under_root)) * kNsPerSecond;
}

std::optional<double> KneeSearch::next() const noexcept {
  if (good_ == 0) {
    const double next = bad_ == 0 ? options_.per_second : bad_ / 2;
    return next < kPerSecondMin ? std::nullopt : std::optional(next);
  }
  if (bad_ == 0) {
    if (good_ >= options_.per_second_max) return std::nullopt;
    return std::min(good_ * options_.growth, options_.per_second_max);
  }
  if (bad_ <= good_ * (1 + options_.precision)) return std::nullopt;
  return (good_ + bad_) / 2;
}

void KneeSearch::tell(bool carried) noexcept {
  const std::optional<double> tried = next();
  if (!tried) return;
  (carried ? good_ : bad_) = *tried;
}

}  // namespace headrace::bench_tools
