// SPDX-License-Identifier: Apache-2.0
#include "selector/filter_compiler.h"

#include <algorithm>

#include "selector/json_text.h"

namespace headrace::selector {
namespace {

bool number_less(const std::string& left, const std::string& right) noexcept {
  return compare_normal_numbers(left, right) < 0;
}

// The position of `operand` in a sorted vector that has it.
template <class Less>
std::uint32_t rank_of(const std::vector<std::string>& sorted, const std::string& operand,
                      Less less) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), operand, less);
  return 2 * static_cast<std::uint32_t>(at - sorted.begin()) + 1;
}

template <class Less>
void sort_unique(std::vector<std::string>& texts, Less less) {
  std::sort(texts.begin(), texts.end(), less);
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

}  // namespace

bool FilterCompiler::add(core::EndpointNumber endpoint, std::shared_ptr<const Filter> filter,
                         std::span<const std::uint32_t> nodes) {
  const auto [slot, is_new] = endpoints_.try_emplace(static_cast<std::uint32_t>(endpoint), 0);
  if (!is_new) return false;
  std::vector<FilterCode::ConditionTest> tests;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    tests.push_back(condition_test(filter->conditions()[i], path_at(nodes[i])));
  tests_ = tests;
  const std::uint32_t begin = emit(filter->root(), FilterCode::kAccept, FilterCode::kReject);
  const auto [entry, entry_is_new] =
      entries_.try_emplace(begin, static_cast<std::uint32_t>(code_.entries.size()));
  slot->second = entry->second;
  if (!entry_is_new) return true;
  code_.entries.push_back({begin, std::move(filter), code_.condition_tests.size()});
  code_.condition_tests.insert(code_.condition_tests.end(), tests.begin(), tests.end());
  return true;
}

void FilterCompiler::finish(std::size_t node_count) {
  if (endpoints_.empty()) return;
  code_.path_of_node.assign(node_count, FilterCode::kNone);
  for (const auto& [node, path] : paths_) code_.path_of_node[node] = path;
  rank_operands();
  std::size_t size = 2;
  while (size < 2 * endpoints_.size()) size *= 2;
  code_.endpoints.assign(size, {});
  for (const auto& [endpoint, entry] : endpoints_) {
    std::size_t at = endpoint & (size - 1);
    while (code_.endpoints[at].entry != FilterCode::kNone) at = (at + 1) & (size - 1);
    code_.endpoints[at] = {endpoint, entry};
  }
}

std::uint32_t FilterCompiler::path_at(std::uint32_t node) {
  const auto [path, is_new] =
      paths_.try_emplace(node, static_cast<std::uint32_t>(code_.paths.size()));
  if (is_new) code_.paths.emplace_back();
  return path->second;
}

FilterCode::ConditionTest FilterCompiler::condition_test(const FilterCondition& condition,
                                                         std::uint32_t path) {
  switch (condition.op) {
    case FilterOperator::kEq:
    case FilterOperator::kNe:
    case FilterOperator::kIn:
    case FilterOperator::kNin:
      return equality(condition, path);
    case FilterOperator::kGt:
    case FilterOperator::kGte:
    case FilterOperator::kLt:
    case FilterOperator::kLte:
      return order(condition, path);
    case FilterOperator::kStartsWith:
    case FilterOperator::kEndsWith:
      return affix(condition, path);
    case FilterOperator::kExists:
      break;
  }
  return {add_condition(Test::kExists, path, 0), condition.operands[0].text == "false"};
}

FilterCode::ConditionTest FilterCompiler::equality(const FilterCondition& condition,
                                                   std::uint32_t path) {
  const bool negated = condition.op == FilterOperator::kNe || condition.op == FilterOperator::kNin;
  std::vector<std::uint32_t> values;
  for (const FilterOperand& operand : condition.operands) values.push_back(value(operand, path));
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (values.size() == 1) return {add_condition(Test::kEquals, path, values[0]), negated};
  const auto [list, is_new] =
      lists_.try_emplace(std::move(values), static_cast<std::uint32_t>(code_.lists.size()));
  if (is_new) code_.lists.push_back(list->first);
  return {add_condition(Test::kIsOneOf, path, list->second), negated};
}

std::uint32_t FilterCompiler::value(const FilterOperand& operand, std::uint32_t path) {
  FilterCode::Path& at = code_.paths[path];
  at.has_values = true;
  if (operand.type == FilterOperand::Type::kNumber) at.has_number_values = true;
  const std::uint32_t number = code_.values.find_or_add(FilterCode::value_owner(path, operand.type),
                                                        operand.text, value_count_);
  if (number == value_count_) ++value_count_;
  return number;
}

FilterCode::ConditionTest FilterCompiler::order(const FilterCondition& condition,
                                                std::uint32_t path) {
  const bool numeric = condition.operands[0].type == FilterOperand::Type::kNumber;
  const bool lower = condition.op == FilterOperator::kGt || condition.op == FilterOperator::kGte;
  const bool strict = condition.op == FilterOperator::kGt || condition.op == FilterOperator::kLt;
  const Test test = numeric ? (lower ? Test::kNumberAtLeast : Test::kNumberAtMost)
                            : (lower ? Test::kTextAtLeast : Test::kTextAtMost);
  return {add_order(test, path, condition.operands[0].text, strict), false};
}

std::uint32_t FilterCompiler::add_order(Test test, std::uint32_t path, const std::string& operand,
                                        bool strict) {
  const auto [found, is_new] = orders_.try_emplace(
      {test, path, operand, strict}, static_cast<std::uint32_t>(code_.conditions.size()));
  if (!is_new) return found->second;
  code_.conditions.push_back({test, path, 0});
  ranked_.push_back({found->second, operand, strict});
  const bool numeric = test == Test::kNumberAtLeast || test == Test::kNumberAtMost;
  (numeric ? code_.paths[path].numbers : code_.paths[path].texts).push_back(operand);
  return found->second;
}

// `> x` is "at least the rank behind that of x", `< x` "at most the one before it".
void FilterCompiler::rank_operands() {
  for (FilterCode::Path& path : code_.paths) {
    sort_unique(path.numbers, number_less);
    sort_unique(path.texts, std::less<>());
  }
  for (const Ranked& ranked : ranked_) {
    FilterCode::Condition& condition = code_.conditions[ranked.condition];
    const FilterCode::Path& path = code_.paths[condition.path];
    const bool numeric =
        condition.test == Test::kNumberAtLeast || condition.test == Test::kNumberAtMost;
    const bool lower =
        condition.test == Test::kNumberAtLeast || condition.test == Test::kTextAtLeast;
    condition.operand = numeric ? rank_of(path.numbers, ranked.operand, number_less)
                                : rank_of(path.texts, ranked.operand, std::less<>());
    if (ranked.strict) condition.operand += lower ? 1U : -1U;
  }
}

FilterCode::ConditionTest FilterCompiler::affix(const FilterCondition& condition,
                                                std::uint32_t path) {
  const auto [affix, is_new] = affixes_.try_emplace(
      condition.operands[0].text, static_cast<std::uint32_t>(code_.affixes.size()));
  if (is_new) code_.affixes.push_back(affix->first);
  const Test test =
      condition.op == FilterOperator::kStartsWith ? Test::kStartsWith : Test::kEndsWith;
  return {add_condition(test, path, affix->second), false};
}

std::uint32_t FilterCompiler::add_condition(Test test, std::uint32_t path, std::uint32_t operand) {
  const auto [found, is_new] = conditions_.try_emplace(
      {test, path, operand}, static_cast<std::uint32_t>(code_.conditions.size()));
  if (is_new) code_.conditions.push_back({test, path, operand});
  return found->second;
}

// The first step of a program that decides `node` and goes on at one of the two. Written from the
// end, as a step knows those behind it.
std::uint32_t FilterCompiler::emit(const FilterNode& node, std::uint32_t if_true,
                                   std::uint32_t if_false) {
  const auto last_to_first = [&](auto emit_child, std::uint32_t begin) {
    for (auto child = node.children.rbegin(); child != node.children.rend(); ++child)
      begin = emit_child(*child, begin);
    return begin;
  };
  switch (node.kind) {
    case FilterNode::Kind::kAll:
      return last_to_first(
          [&](const FilterNode& child, std::uint32_t next) { return emit(child, next, if_false); },
          if_true);
    case FilterNode::Kind::kAny:
      return last_to_first(
          [&](const FilterNode& child, std::uint32_t next) { return emit(child, if_true, next); },
          if_false);
    case FilterNode::Kind::kNot:
      return emit(node.children[0], if_false, if_true);
    case FilterNode::Kind::kCondition:
      break;
  }
  const FilterCode::ConditionTest& test = tests_[node.condition];
  return test.negated ? add_step({test.condition, if_false, if_true})
                      : add_step({test.condition, if_true, if_false});
}

std::uint32_t FilterCompiler::add_step(const FilterCode::Step& step) {
  if (step.if_true == step.if_false) return step.if_true;  // nothing depends on it
  const auto [found, is_new] = steps_.try_emplace({step.condition, step.if_true, step.if_false},
                                                  static_cast<std::uint32_t>(code_.steps.size()));
  if (is_new) code_.steps.push_back(step);
  return found->second;
}

}  // namespace headrace::selector
