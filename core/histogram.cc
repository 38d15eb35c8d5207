// SPDX-License-Identifier: Apache-2.0
#include "core/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "core/check.h"

namespace headrace::core {
namespace {

// Frozen: the first bytes of a serialized histogram.
constexpr std::string_view kMagic = "HRHG";
constexpr std::uint8_t kVersion = 1;

// A unit is still told apart from the next at twice 10^digits: below it "one part in 10^digits" of
// a value is less than two units.
unsigned half_bits_of(int digits) noexcept {
  std::uint64_t single_units = 2;
  for (int i = 0; i < digits; ++i) single_units *= 10;
  return static_cast<unsigned>(std::bit_width(single_units - 1)) - 1;
}

bool is_valid(std::uint64_t lowest, std::uint64_t highest, int digits) noexcept {
  return lowest >= 1 && highest <= Histogram::kHighestMax && lowest <= highest / 2 && digits >= 0 &&
         digits <= Histogram::kDigitsMax &&
         // The first block alone must not be beyond what 64 bits hold.
         static_cast<unsigned>(std::bit_width(lowest)) + half_bits_of(digits) < 63;
}

// LEB128: seven bits a byte, the lowest first.
void put_number(std::string& bytes, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
  bytes += static_cast<char>(number);
}

// Reads what put_number wrote; after a failure every number is 0.
class NumberReader {
 public:
  explicit NumberReader(std::string_view bytes, std::size_t at) : bytes_(bytes), at_(at) {}

  std::uint64_t next() noexcept {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && at_ < bytes_.size() && !failed_; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_[at_++]);
      if (shift == 63 && byte > 1) break;
      number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return number;
    }
    failed_ = true;
    return 0;
  }
  bool failed() const noexcept { return failed_; }
  bool at_end() const noexcept { return at_ == bytes_.size(); }
  std::size_t at() const noexcept { return at_; }

 private:
  std::string_view bytes_;
  std::size_t at_;
  bool failed_ = false;
};

Error malformed(std::size_t at) {
  return {ErrorCode::kMalformed, "these are not the bytes of a histogram",
          static_cast<std::int64_t>(at)};
}

// How many of `total` are at or below that percentile, at least one. The product may be one unit in
// the last place too large, which must not make it a count more.
double count_at(double percentile, std::uint64_t total) noexcept {
  const double exact = std::min(percentile, 100.0) / 100.0 * static_cast<double>(total);
  const double unit = std::nextafter(exact, std::numeric_limits<double>::infinity()) - exact;
  return std::max(std::ceil(exact - unit), 1.0);
}

}  // namespace

Histogram::Histogram(std::uint64_t lowest, std::uint64_t highest, int significant_digits)
    : lowest_(lowest), highest_(highest), digits_(significant_digits) {
  HEADRACE_CHECK(is_valid(lowest, highest, significant_digits));
  unit_bits_ = static_cast<unsigned>(std::bit_width(lowest)) - 1;
  half_bits_ = half_bits_of(significant_digits);
  first_bits_ = unit_bits_ + half_bits_ + 1;
  first_mask_ = (std::uint64_t{1} << first_bits_) - 1;
  const std::size_t blocks = (index_of(highest) >> half_bits_) + 1;
  counts_.resize(std::max<std::size_t>(blocks, 2) << half_bits_);
}

void Histogram::record_corrected(std::uint64_t value, std::uint64_t expected_interval,
                                 std::uint64_t count) noexcept {
  record(value, count);
  if (expected_interval == 0 || value < expected_interval) return;
  std::uint64_t missing = value / expected_interval - 1;
  // Above highest() every value is the same one, so they are counted at once.
  if (value > highest_) {
    const std::uint64_t above = std::min(missing, (value - highest_ - 1) / expected_interval);
    record(value, above * count);
    value -= above * expected_interval;
    missing -= above;
  }
  for (; missing > 0; --missing) record(value -= expected_interval, count);
}

void Histogram::add(const Histogram& other) noexcept {
  if (other.count_ == 0) return;
  if (!has_layout_of(other)) {
    for (const Bucket bucket : other) record(bucket.middle(), bucket.count);
    overflows_ += other.overflows_;
    return;
  }
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  overflows_ += other.overflows_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void Histogram::reset() noexcept {
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = overflows_ = max_ = 0;
  min_ = ~std::uint64_t{0};
}

double Histogram::mean() const noexcept {
  if (count_ == 0) return 0;
  double sum = 0;
  for (const Bucket bucket : *this)
    sum += static_cast<double>(bucket.middle()) * static_cast<double>(bucket.count);
  return sum / static_cast<double>(count_);
}

double Histogram::stddev() const noexcept {
  if (count_ == 0) return 0;
  const double middle = mean();
  double sum = 0;
  for (const Bucket bucket : *this) {
    const double distance = static_cast<double>(bucket.middle()) - middle;
    sum += distance * distance * static_cast<double>(bucket.count);
  }
  return std::sqrt(sum / static_cast<double>(count_));
}

std::uint64_t Histogram::value_at(double percentile) const noexcept {
  if (count_ == 0) return 0;
  if (percentile <= 0) return lowest_equivalent(min_);
  const double wanted = count_at(percentile, count_);
  std::uint64_t seen = 0;
  for (const Bucket bucket : *this) {
    seen += bucket.count;
    if (static_cast<double>(seen) >= wanted) return bucket.highest;
  }
  return highest_equivalent(max_);
}

// Where the next line of the text is, in percent: each halving of the distance to 100 % has the
// same number of lines.
struct Histogram::Tick {
  unsigned per_half;
  double at = 0;

  void advance() noexcept {
    const double halvings = std::floor(std::log2(100 / (100 - at))) + 1;
    at += 100 / (per_half * std::exp2(halvings));
  }
};

void Histogram::write_percentiles(std::string& text, TextOptions options) const {
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount",
                 "1/(1-Percentile)");
  Tick tick{std::max(options.ticks_per_half_distance, 1U)};
  std::uint64_t seen = 0;
  for (const Bucket bucket : *this) {
    seen += bucket.count;
    const double value = static_cast<double>(bucket.highest) / options.unit;
    // One bucket may be the answer to several percentiles; the last one ends at 100 %.
    while (tick.at <= 100.0 * static_cast<double>(seen) / static_cast<double>(count_)) {
      if (tick.at >= 100) break;
      fmt::format_to(out, "{:12.{}f} {:2.12f} {:10d} {:14.2f}\n", value, digits_, tick.at / 100,
                     seen, 1 / (1 - tick.at / 100));
      tick.advance();
      if (seen == count_) break;
    }
    if (seen == count_)
      fmt::format_to(out, "{:12.{}f} {:2.12f} {:10d}\n", value, digits_, 1.0, seen);
  }
  fmt::format_to(out, "#[Mean    = {:12.{}f}, StdDeviation   = {:12.{}f}]\n", mean() / options.unit,
                 digits_, stddev() / options.unit, digits_);
  fmt::format_to(out, "#[Max     = {:12.{}f}, Total count    = {:12d}]\n",
                 static_cast<double>(max_) / options.unit, digits_, count_);
  fmt::format_to(out, "#[Buckets = {:12d}, SubBuckets     = {:12d}]\n",
                 (counts_.size() >> half_bits_) - 1, std::size_t{2} << half_bits_);
}

void Histogram::serialize(std::string& bytes) const {
  bytes += kMagic;
  bytes += static_cast<char>(kVersion);
  bytes += static_cast<char>(digits_);
  for (const std::uint64_t number : {lowest_, highest_, min(), max_, overflows_})
    put_number(bytes, number);
  std::size_t behind_last = 0;
  for (std::size_t i = next_used(0); i < counts_.size(); i = next_used(i + 1)) {
    put_number(bytes, i - behind_last);
    put_number(bytes, counts_[i]);
    behind_last = i + 1;
  }
}

Result<Histogram> Histogram::parse(std::string_view bytes) {
  constexpr std::size_t kFixed = kMagic.size() + 2;
  if (bytes.size() < kFixed || !bytes.starts_with(kMagic)) return malformed(0);
  if (static_cast<std::uint8_t>(bytes[4]) != kVersion)
    return Error{ErrorCode::kUnsupported, "a histogram of another version"};
  NumberReader numbers(bytes, kFixed);
  const int digits = static_cast<std::uint8_t>(bytes[5]);
  const std::uint64_t lowest = numbers.next();
  const std::uint64_t highest = numbers.next();
  const std::uint64_t min = numbers.next();
  const std::uint64_t max = numbers.next();
  const std::uint64_t overflows = numbers.next();
  if (numbers.failed() || !is_valid(lowest, highest, digits)) return malformed(numbers.at());
  Histogram histogram(lowest, highest, digits);
  std::size_t index = 0;
  while (!numbers.at_end()) {
    const std::uint64_t gap = numbers.next();
    const std::uint64_t count = numbers.next();
    if (count == 0 || gap >= histogram.counts_.size() - index) return malformed(numbers.at());
    histogram.counts_[index + gap] = count;
    histogram.count_ += count;
    index += gap + 1;
    if (index == histogram.counts_.size() && !numbers.at_end()) return malformed(numbers.at());
  }
  if (histogram.count_ == 0) {
    if (min != 0 || max != 0 || overflows != 0) return malformed(bytes.size());
    return histogram;
  }
  // What was kept exactly must be what the buckets say.
  const bool agrees = min <= max && max <= highest && overflows <= histogram.count_ &&
                      (*histogram.begin()).lowest == histogram.lowest_equivalent(min) &&
                      index == histogram.index_of(max) + 1;
  if (!agrees) return malformed(bytes.size());
  histogram.min_ = min;
  histogram.max_ = max;
  histogram.overflows_ = overflows;
  return histogram;
}

std::size_t Histogram::next_used(std::size_t index) const noexcept {
  while (index < counts_.size() && counts_[index] == 0) ++index;
  return index;
}

bool Histogram::has_layout_of(const Histogram& other) const noexcept {
  return lowest_ == other.lowest_ && highest_ == other.highest_ && digits_ == other.digits_;
}

}  // namespace headrace::core
