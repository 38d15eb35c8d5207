// SPDX-License-Identifier: Apache-2.0
// Counts of values in buckets whose width grows with the value, so that a percentile of anything
// between 1 us and 1 h is right to a few digits and a record costs an add (after HdrHistogram).
//
// Two values share a bucket ("are equivalent") when they differ by less than one part in
// 10^significant_digits, or by less than the largest power of two that is not above `lowest`.
// What is asked for by percentile, mean and deviation is answered to that width; count(), min() and
// max() are exact.
//
// Threads: one at a time. Invariant: nothing is allocated after construction but by what writes
// text or bytes. Limits: a default one takes 200 KB; 5 digits over the whole range take 50 MB.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"

namespace headrace::core {

class Histogram {
 public:
  // In nanoseconds: what latencies are kept in.
  static constexpr std::uint64_t kLowestDefault = 1'000;
  static constexpr std::uint64_t kHighestDefault = 3'600'000'000'000;
  static constexpr int kDigitsDefault = 3;
  static constexpr int kDigitsMax = 5;
  static constexpr std::uint64_t kHighestMax = std::uint64_t{1} << 62;

  Histogram() : Histogram(kLowestDefault, kHighestDefault, kDigitsDefault) {}
  // Values in 0…highest, told apart by `lowest` or more.
  // Requires: lowest >= 1, 2 * lowest <= highest <= kHighestMax, 0 <= significant_digits <= 5.
  Histogram(std::uint64_t lowest, std::uint64_t highest, int significant_digits);

  // A value above highest() counts as that, and in overflows().
  void record(std::uint64_t value, std::uint64_t count = 1) noexcept {
    if (count == 0) return;
    if (value > highest_) {
      overflows_ += count;
      value = highest_;
    }
    counts_[index_of(value)] += count;
    count_ += count;
    min_ = value < min_ ? value : min_;
    max_ = value > max_ ? value : max_;
  }
  // Records besides `value` what those would have measured who should have asked in the meantime,
  // one each `expected_interval` (correction of "coordinated omission"): value - interval, and so
  // on down to the interval. An interval of 0 records the value alone.
  void record_corrected(std::uint64_t value, std::uint64_t expected_interval,
                        std::uint64_t count = 1) noexcept;
  // As if all that `other` recorded had been recorded here: exactly so where both have the same
  // bounds and digits, else by the middle of each of its buckets.
  void add(const Histogram& other) noexcept;
  void reset() noexcept;

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t overflows() const noexcept { return overflows_; }
  std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }  // 0: nothing was recorded
  std::uint64_t max() const noexcept { return max_; }
  double mean() const noexcept;
  double stddev() const noexcept;  // Of the population.

  // The value that `percentile` of 100 of all recorded ones are below or equivalent to: the highest
  // one of its bucket; of percentile 0 the lowest one of the first. 0: nothing was recorded.
  std::uint64_t value_at(double percentile) const noexcept;

  // The bounds of the bucket that counts `value`. Requires: value <= highest().
  std::uint64_t lowest_equivalent(std::uint64_t value) const noexcept {
    return bucket_lowest(index_of(value));
  }
  std::uint64_t highest_equivalent(std::uint64_t value) const noexcept {
    return bucket_highest(index_of(value));
  }

  std::uint64_t lowest() const noexcept { return lowest_; }
  std::uint64_t highest() const noexcept { return highest_; }
  int significant_digits() const noexcept { return digits_; }

  struct Bucket {
    std::uint64_t lowest = 0;   // values from here
    std::uint64_t highest = 0;  // to here
    std::uint64_t count = 0;    // > 0

    // What stands for all of its values.
    std::uint64_t middle() const noexcept { return lowest + (highest - lowest + 1) / 2; }
  };

  // Over the buckets that are not empty, by value. Valid until the next record.
  class Iterator {
   public:
    using value_type = Bucket;
    using difference_type = std::ptrdiff_t;

    Iterator() noexcept = default;
    Bucket operator*() const noexcept { return histogram_->bucket(index_); }
    Iterator& operator++() noexcept {
      index_ = histogram_->next_used(index_ + 1);
      return *this;
    }
    Iterator operator++(int) noexcept {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const noexcept = default;
    bool operator==(std::default_sentinel_t) const noexcept {
      return index_ == histogram_->counts_.size();
    }

   private:
    friend class Histogram;
    Iterator(const Histogram& histogram, std::size_t index) noexcept
        : histogram_(&histogram), index_(index) {}

    const Histogram* histogram_ = nullptr;
    std::size_t index_ = 0;
  };

  Iterator begin() const noexcept { return {*this, next_used(0)}; }
  std::default_sentinel_t end() const noexcept { return {}; }

  struct TextOptions {
    unsigned ticks_per_half_distance = 5;  // lines for each halving of the distance to 100 %
    double unit = 1;  // what a 1 in the text is (1000: us, where values are ns)
  };
  // Appends the distribution as the text that HdrHistogram's tools read and plot.
  void write_percentiles(std::string& text, TextOptions options) const;
  void write_percentiles(std::string& text) const { write_percentiles(text, TextOptions{}); }

  // Appends bytes that parse() reads; empty buckets take next to nothing.
  void serialize(std::string& bytes) const;
  // kMalformed: not what serialize() wrote (`detail`: the offset). kUnsupported: of another
  // version.
  static Result<Histogram> parse(std::string_view bytes);

  // The same bounds, digits and counts.
  bool operator==(const Histogram& other) const noexcept = default;

 private:
  struct Tick;

  // All of unit_bits_ and below are dropped; the next half_bits_ + 1 choose the place in a
  // power of two, and which power it is chooses the block of places.
  std::size_t index_of(std::uint64_t value) const noexcept {
    const auto power = static_cast<unsigned>(std::bit_width(value | first_mask_)) - first_bits_;
    return (static_cast<std::size_t>(power) << half_bits_) + (value >> (power + unit_bits_));
  }
  unsigned power_of(std::size_t index) const noexcept {
    const std::size_t block = index >> half_bits_;
    return block <= 1 ? 0 : static_cast<unsigned>(block - 1);
  }
  std::uint64_t bucket_lowest(std::size_t index) const noexcept {
    const unsigned power = power_of(index);
    const std::uint64_t place = index - (static_cast<std::size_t>(power) << half_bits_);
    return place << (power + unit_bits_);
  }
  std::uint64_t bucket_highest(std::size_t index) const noexcept {
    return bucket_lowest(index) + (std::uint64_t{1} << (power_of(index) + unit_bits_)) - 1;
  }
  Bucket bucket(std::size_t index) const noexcept {
    return {bucket_lowest(index), bucket_highest(index), counts_[index]};
  }
  std::size_t next_used(std::size_t index) const noexcept;
  bool has_layout_of(const Histogram& other) const noexcept;

  std::uint64_t lowest_;
  std::uint64_t highest_;
  int digits_;
  unsigned unit_bits_;        // bits that are not told apart at all
  unsigned half_bits_;        // log2 of half the places in the first block
  unsigned first_bits_;       // bits of the largest value of the first block
  std::uint64_t first_mask_;  // that value
  std::uint64_t count_ = 0;
  std::uint64_t overflows_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
  std::vector<std::uint64_t> counts_;
};

}  // namespace headrace::core
