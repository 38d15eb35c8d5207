// SPDX-License-Identifier: Apache-2.0
// Decides filters over the values that a run has found: lazily, each distinct condition and filter
// at most once a message.
//
// Memory is kept between runs.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/numbers.h"
#include "selector/filter_code.h"
#include "selector/findings.h"

namespace headrace::selector {

class FilterEvaluator {
 public:
  // Forgets what it knows of the last message. `code` and `findings` outlive the next begin().
  void begin(const FilterCode& code, const Findings& findings) {
    code_ = &code;
    findings_ = &findings;
    if (!code.entries.empty()) forget();
  }

  bool passes(core::EndpointNumber endpoint) noexcept {
    if (code_ == nullptr) return true;
    const std::uint32_t entry = code_->entry_of(endpoint);
    return entry == FilterCode::kNone || entry_accepts(entry);
  }
  // Empty when the filter accepts the message.
  std::string why_not(core::EndpointNumber endpoint);

 private:
  class Explanation;

  // What was found out, with the number of the message (epoch_) that it is about.
  class Memo {
   public:
    bool is_known(std::uint32_t epoch) const noexcept { return bits_ >> 1 == epoch; }
    bool value() const noexcept { return (bits_ & 1) != 0; }
    bool set(std::uint32_t epoch, bool value) noexcept {
      bits_ = epoch << 1 | static_cast<std::uint32_t>(value);
      return value;
    }

   private:
    std::uint32_t bits_ = 0;
  };
  static constexpr std::uint32_t kEpochMax = 0x7FFFFFFF;  // 31 bits

  // How the value at a path compares with all operands there.
  struct PathFacts {
    std::uint32_t epoch = 0;
    // Numbers of values that it equals: as a string, and as a number or literal.
    std::array<std::uint32_t, 2> values{};
    std::uint32_t number_rank = 0;  // kNone: not a number
    std::uint32_t text_rank = 0;    // kNone: not a text
  };

  bool entry_accepts(std::uint32_t entry) noexcept {
    Memo& memo = entries_[entry];
    if (memo.is_known(epoch_)) return memo.value();
    std::uint32_t at = code_->entries[entry].begin;
    while (at < FilterCode::kReject) {
      const FilterCode::Step& step = code_->steps[at];
      at = holds(step.condition) ? step.if_true : step.if_false;
    }
    return memo.set(epoch_, at == FilterCode::kAccept);
  }
  bool holds(std::uint32_t condition) noexcept {
    Memo& memo = conditions_[condition];
    if (memo.is_known(epoch_)) return memo.value();
    return memo.set(epoch_, test(code_->conditions[condition]));
  }

  void forget();
  bool test(const FilterCode::Condition& condition) noexcept;
  bool is_one_of(const PathFacts& facts, std::uint32_t list) const noexcept;
  bool has_affix(const FilterCode::Condition& condition) const noexcept;
  const PathFacts& facts(std::uint32_t path) noexcept {
    PathFacts& facts = paths_[path];
    if (facts.epoch != epoch_) find_facts(path, facts);
    return facts;
  }
  void find_facts(std::uint32_t path, PathFacts& facts) noexcept;
  std::string_view number_at(std::uint32_t path) noexcept;

  const FilterCode* code_ = nullptr;
  const Findings* findings_ = nullptr;
  std::uint32_t epoch_ = 0;
  std::vector<Memo> conditions_;
  std::vector<Memo> entries_;
  std::vector<PathFacts> paths_;
  std::string normal_;  // of the untyped number at hand
};

}  // namespace headrace::selector
