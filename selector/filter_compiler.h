// SPDX-License-Identifier: Apache-2.0
// Compiles the filters of many endpoints into one FilterCode. Used once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/numbers.h"
#include "selector/filter_code.h"

namespace headrace::selector {

class FilterCompiler {
 public:
  // `code` outlives the compiler.
  explicit FilterCompiler(FilterCode& code) noexcept : code_(code) {}

  // `nodes`[n] is where the program reads what condition n of the filter looks at. False: the
  // endpoint has a filter already.
  bool add(core::EndpointNumber endpoint, std::shared_ptr<const Filter> filter,
           std::span<const std::uint32_t> nodes);
  void finish(std::size_t node_count);

 private:
  using Test = FilterCode::Test;

  std::uint32_t path_at(std::uint32_t node);
  FilterCode::ConditionTest condition_test(const FilterCondition& condition, std::uint32_t path);
  FilterCode::ConditionTest equality(const FilterCondition& condition, std::uint32_t path);
  FilterCode::ConditionTest order(const FilterCondition& condition, std::uint32_t path);
  FilterCode::ConditionTest affix(const FilterCondition& condition, std::uint32_t path);
  std::uint32_t value(const FilterOperand& operand, std::uint32_t path);
  std::uint32_t add_condition(Test test, std::uint32_t path, std::uint32_t operand);
  std::uint32_t add_order(Test test, std::uint32_t path, const std::string& operand, bool strict);

  std::uint32_t emit(const FilterNode& node, std::uint32_t if_true, std::uint32_t if_false);
  std::uint32_t add_step(const FilterCode::Step& step);
  void rank_operands();

  // An operand of an order, whose rank is only known when all are.
  struct Ranked {
    std::uint32_t condition;
    std::string operand;
    bool strict;
  };

  FilterCode& code_;
  std::map<std::uint32_t, std::uint32_t> paths_;  // by node
  std::map<std::tuple<Test, std::uint32_t, std::uint32_t>, std::uint32_t> conditions_;
  std::map<std::tuple<Test, std::uint32_t, std::string, bool>, std::uint32_t> orders_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> lists_;
  std::map<std::string, std::uint32_t> affixes_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::uint32_t> steps_;
  std::map<std::uint32_t, std::uint32_t> entries_;    // by first step
  std::map<std::uint32_t, std::uint32_t> endpoints_;  // to the entry
  std::vector<Ranked> ranked_;
  std::uint32_t value_count_ = 0;
  std::span<const FilterCode::ConditionTest> tests_;  // of the filter at hand
};

}  // namespace headrace::selector
