// SPDX-License-Identifier: Apache-2.0
// When each message of an open loop is due, whatever becomes of those before it.
//
// Pure: the same options give the same times, so each thread of a load walks the whole of them and
// takes its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "headrace/result.h"

namespace headrace::bench_tools {

enum class Shape : std::uint8_t {
  kConstant,  // at equal distances
  kRamp,      // from one rate to another, growing evenly
  kPoisson,   // independent of each other, as many senders are together
  kBursts,    // so many at once, at equal distances
};

std::string_view to_string(Shape shape) noexcept;

struct ArrivalOptions {
  Shape shape = Shape::kConstant;
  double per_second = 1000;      // of a ramp: at its beginning
  double per_second_end = 1000;  // of a ramp
  std::uint64_t duration_ns = 10'000'000'000;
  std::uint64_t burst = 100;  // messages at once
  std::uint64_t seed = 1;

  static constexpr double kPerSecondMax = 10e6;
  static constexpr std::uint64_t kDurationMaxNs = 86'400'000'000'000;

  // kInvalidArgument: a rate is not above 0 (the first of a ramp may be) or beyond kPerSecondMax,
  // the duration is 0 or beyond a day, or a burst is empty.
  Result<void> check() const;
};

class Arrivals {
 public:
  // Requires: options.check().
  explicit Arrivals(const ArrivalOptions& options) noexcept;

  // Nanoseconds from the start at which the next message is due, never before the last one's; none:
  // the duration is over.
  std::optional<std::uint64_t> next() noexcept;

 private:
  double ramp_at(double message) const noexcept;

  ArrivalOptions options_;
  core::Random random_;
  std::uint64_t message_ = 0;
  double at_ns_ = 0;  // of kPoisson
};

// Looks for the knee: the highest rate that is still carried well. The rate grows by steps until
// one is not; then the gap is halved.
class KneeSearch {
 public:
  struct Options {
    double per_second = 1000;  // of the first step
    double growth = 1.5;       // above 1
    double precision = 0.03;   // how far apart, by share, the last two may be
    double per_second_max = ArrivalOptions::kPerSecondMax;
  };
  explicit KneeSearch(const Options& options) noexcept : options_(options) {}

  // The rate to try next; none: it is found.
  std::optional<double> next() const noexcept;
  // Whether that rate was carried.
  void tell(bool carried) noexcept;
  // The highest rate that was; 0: none was yet.
  double knee() const noexcept { return good_; }

 private:
  Options options_;
  double good_ = 0;
  double bad_ = 0;  // the lowest that was not; 0: none yet
};

}  // namespace headrace::bench_tools
