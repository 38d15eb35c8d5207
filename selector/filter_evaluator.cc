// SPDX-License-Identifier: Apache-2.0
#include "selector/filter_evaluator.h"

#include <algorithm>

#include "selector/filter_words.h"
#include "selector/json_text.h"

namespace headrace::selector {
namespace {

// Where `value` stands among sorted operands: 2i + 1 is the i-th of them, 2i before it.
template <class Compare>
std::uint32_t rank_among(const std::vector<std::string>& sorted, std::string_view value,
                         Compare compare) noexcept {
  std::size_t low = 0;
  std::size_t high = sorted.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const auto order = compare(value, std::string_view(sorted[middle]));
    if (order == 0) return 2 * static_cast<std::uint32_t>(middle) + 1;
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return 2 * static_cast<std::uint32_t>(low);
}

// What has no rank is kNone, which lies above all ranks.
bool is_at_least(std::uint32_t rank, std::uint32_t bound) noexcept {
  return rank >= bound && rank != FilterCode::kNone;
}

bool is_literal(std::string_view text) noexcept {
  return text == "true" || text == "false" || text == "null";
}

}  // namespace

void FilterEvaluator::forget() {
  const FilterCode& code = *code_;
  if (epoch_ == kEpochMax) {
    conditions_.clear();
    entries_.clear();
    paths_.clear();
    epoch_ = 0;
  }
  ++epoch_;
  forget_if_large(normal_);
  if (conditions_.size() < code.conditions.size()) conditions_.resize(code.conditions.size());
  if (entries_.size() < code.entries.size()) entries_.resize(code.entries.size());
  if (paths_.size() < code.paths.size()) paths_.resize(code.paths.size());
}

bool FilterEvaluator::test(const FilterCode::Condition& condition) noexcept {
  using Test = FilterCode::Test;
  switch (condition.test) {
    case Test::kExists:
      return findings_->value(condition.path).kind != ValueKind::kMissing;
    case Test::kStartsWith:
    case Test::kEndsWith:
      return has_affix(condition);
    case Test::kEquals: {
      const auto& values = facts(condition.path).values;
      return values[0] == condition.operand || values[1] == condition.operand;
    }
    case Test::kIsOneOf:
      return is_one_of(facts(condition.path), condition.operand);
    case Test::kNumberAtLeast:
      return is_at_least(facts(condition.path).number_rank, condition.operand);
    case Test::kNumberAtMost:
      return facts(condition.path).number_rank <= condition.operand;
    case Test::kTextAtLeast:
      return is_at_least(facts(condition.path).text_rank, condition.operand);
    case Test::kTextAtMost:
      return facts(condition.path).text_rank <= condition.operand;
  }
  return false;
}

bool FilterEvaluator::has_affix(const FilterCode::Condition& condition) const noexcept {
  const FoundValue value = findings_->value(condition.path);
  if (!value.is_text()) return false;
  const std::string& affix = code_->affixes[condition.operand];
  return condition.test == FilterCode::Test::kStartsWith ? value.text.starts_with(affix)
                                                         : value.text.ends_with(affix);
}

bool FilterEvaluator::is_one_of(const PathFacts& facts, std::uint32_t list) const noexcept {
  const auto& numbers = code_->lists[list];
  return std::any_of(facts.values.begin(), facts.values.end(), [&](std::uint32_t value) {
    return value != FilterCode::kNone && std::binary_search(numbers.begin(), numbers.end(), value);
  });
}

void FilterEvaluator::find_facts(std::uint32_t path, PathFacts& facts) noexcept {
  facts = {epoch_, {FilterCode::kNone, FilterCode::kNone}, FilterCode::kNone, FilterCode::kNone};
  using Type = FilterOperand::Type;
  const FilterCode::Path& operands = code_->paths[path];
  const FoundValue value = findings_->value(path);
  const auto equal = [&](Type type, std::string_view text) {
    return code_->values.find(FilterCode::value_owner(path, type), text);
  };
  if (value.is_text()) {
    if (operands.has_values) facts.values[0] = equal(Type::kString, value.text);
    if (!operands.texts.empty()) {
      facts.text_rank = rank_among(
          operands.texts, value.text,
          [](std::string_view left, std::string_view right) { return left.compare(right); });
    }
  }
  if (operands.has_values && value.may_be_literal() && is_literal(value.text))
    facts.values[1] = equal(Type::kLiteral, value.text);
  if (!operands.has_number_values && operands.numbers.empty()) return;
  const std::string_view number = number_at(path);
  if (number.empty()) return;
  if (operands.has_number_values) facts.values[1] = equal(Type::kNumber, number);
  if (!operands.numbers.empty())
    facts.number_rank = rank_among(operands.numbers, number, compare_normal_numbers);
}

// The normal number at a path; empty when there is none.
std::string_view FilterEvaluator::number_at(std::uint32_t path) noexcept {
  const FoundValue value = findings_->value(path);
  if (value.kind == ValueKind::kNumber) return value.text;
  if (value.kind != ValueKind::kUntyped || !is_json_number(value.text)) return {};
  normal_.clear();
  append_normal_number(value.text, normal_);
  return normal_;
}

// Why a filter does not accept the message, in words. Walks the filter as it was written.
class FilterEvaluator::Explanation {
 public:
  Explanation(FilterEvaluator& evaluator, const FilterCode::Entry& entry) noexcept
      : evaluator_(evaluator), entry_(entry) {}

  // Of a node that does not hold and should.
  std::string fails(const FilterNode& node) {
    switch (node.kind) {
      case FilterNode::Kind::kCondition:
        return sentence(node.condition, false);
      case FilterNode::Kind::kNot:
        return holds(node.children[0]);
      case FilterNode::Kind::kAll:
        return fails(first(node, false));
      case FilterNode::Kind::kAny:
        break;
    }
    if (node.children.size() == 1) return fails(node.children[0]);
    return "none of " + std::to_string(node.children.size()) +
           " alternatives holds; the first: " + fails(node.children[0]);
  }

 private:
  // Of a node that holds and should not.
  std::string holds(const FilterNode& node) {
    switch (node.kind) {
      case FilterNode::Kind::kCondition:
        return sentence(node.condition, true);
      case FilterNode::Kind::kNot:
        return fails(node.children[0]);
      case FilterNode::Kind::kAny:
        return holds(first(node, true));
      case FilterNode::Kind::kAll:
        break;
    }
    if (node.children.empty()) return "the filter accepts no message";
    if (node.children.size() == 1) return holds(node.children[0]);
    return "all of " + std::to_string(node.children.size()) +
           " conditions under `not` hold; the first: " + holds(node.children[0]);
  }

  std::string sentence(std::uint32_t index, bool negated) {
    const std::uint32_t path = evaluator_.code_->conditions[test(index).condition].path;
    return (negated ? "not " : "") + condition_in_words(entry_.filter->conditions()[index]) + ": " +
           value_in_words(evaluator_.findings_->value(path));
  }

  const FilterCode::ConditionTest& test(std::uint32_t index) const noexcept {
    return evaluator_.code_->condition_tests[entry_.first_test + index];
  }

  // The first child whose value is `wanted`. Requires: there is one.
  const FilterNode& first(const FilterNode& node, bool wanted) {
    return *std::find_if(node.children.begin(), node.children.end(),
                         [&](const FilterNode& child) { return value(child) == wanted; });
  }

  bool value(const FilterNode& node) {
    const auto is_true = [this](const FilterNode& child) { return value(child); };
    switch (node.kind) {
      case FilterNode::Kind::kAll:
        return std::all_of(node.children.begin(), node.children.end(), is_true);
      case FilterNode::Kind::kAny:
        return std::any_of(node.children.begin(), node.children.end(), is_true);
      case FilterNode::Kind::kNot:
        return !value(node.children[0]);
      case FilterNode::Kind::kCondition:
        break;
    }
    return evaluator_.holds(test(node.condition).condition) != test(node.condition).negated;
  }

  FilterEvaluator& evaluator_;
  const FilterCode::Entry& entry_;
};

std::string FilterEvaluator::why_not(core::EndpointNumber endpoint) {
  if (passes(endpoint)) return {};
  const FilterCode::Entry& entry = code_->entries[code_->entry_of(endpoint)];
  return Explanation(*this, entry).fails(entry.filter->root());
}

}  // namespace headrace::selector
