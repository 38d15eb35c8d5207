// SPDX-License-Identifier: Apache-2.0
// What a filter means, written down a second time and simply: the document as a tree, every
// condition by itself, nothing shared or kept.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "selector/filter.h"
#include "selector/form.h"
#include "selector/json_text.h"
#include "selector/json_tree.h"
#include "selector/program.h"

namespace headrace::selector {

class FilterReference {
 public:
  // Requires: the body is valid JSON. Header names are in any case, their lines as in a
  // MessageView.
  explicit FilterReference(const MessageView& message)
      : message_(message), body_(std::move(JsonTree::parse(message.body)).value()) {}

  bool accepts(const Filter& filter) const { return accepts(filter, filter.root()); }

 private:
  struct Value {
    JsonTree::Kind kind;
    std::string text;
    bool untyped = false;

    bool is_string() const { return untyped || kind == JsonTree::Kind::kString; }
    std::optional<std::string> number() const {
      if (!untyped) return kind == JsonTree::Kind::kNumber ? std::optional(text) : std::nullopt;
      if (!is_json_number(text)) return std::nullopt;
      std::string normal;
      append_normal_number(text, normal);
      return normal;
    }
    bool is_literal() const { return untyped || kind == JsonTree::Kind::kLiteral; }
  };

  bool accepts(const Filter& filter, const FilterNode& node) const {
    const auto child = [&](const FilterNode& one) { return accepts(filter, one); };
    switch (node.kind) {
      case FilterNode::Kind::kAll:
        return std::all_of(node.children.begin(), node.children.end(), child);
      case FilterNode::Kind::kAny:
        return std::any_of(node.children.begin(), node.children.end(), child);
      case FilterNode::Kind::kNot:
        return !child(node.children[0]);
      case FilterNode::Kind::kCondition:
        break;
    }
    return holds(filter.conditions()[node.condition]);
  }

  bool holds(const FilterCondition& condition) const {
    const std::optional<Value> value = find(condition.selector);
    const FilterOperand& first = condition.operands[0];
    const auto equal = [&](const FilterOperand& operand) {
      return value && equals(*value, operand);
    };
    const auto any = [&] {
      return std::any_of(condition.operands.begin(), condition.operands.end(), equal);
    };
    switch (condition.op) {
      case FilterOperator::kEq:
      case FilterOperator::kIn:
        return any();
      case FilterOperator::kNe:
      case FilterOperator::kNin:
        return !any();
      case FilterOperator::kGt:
        return value && order(*value, first) == std::strong_ordering::greater;
      case FilterOperator::kGte:
        return value && (order(*value, first) == std::strong_ordering::greater ||
                         order(*value, first) == std::strong_ordering::equal);
      case FilterOperator::kLt:
        return value && order(*value, first) == std::strong_ordering::less;
      case FilterOperator::kLte:
        return value && (order(*value, first) == std::strong_ordering::less ||
                         order(*value, first) == std::strong_ordering::equal);
      case FilterOperator::kExists:
        return value.has_value() == (first.text == "true");
      case FilterOperator::kStartsWith:
        return value && value->is_string() && value->text.starts_with(first.text);
      case FilterOperator::kEndsWith:
        return value && value->is_string() && value->text.ends_with(first.text);
    }
    return false;
  }

  static bool equals(const Value& value, const FilterOperand& operand) {
    switch (operand.type) {
      case FilterOperand::Type::kString:
        return value.is_string() && value.text == operand.text;
      case FilterOperand::Type::kNumber:
        return value.number() == operand.text;
      case FilterOperand::Type::kLiteral:
        break;
    }
    return value.is_literal() && value.text == operand.text;
  }

  static std::optional<std::strong_ordering> order(const Value& value,
                                                   const FilterOperand& operand) {
    if (operand.type == FilterOperand::Type::kNumber) {
      const auto number = value.number();
      if (!number) return std::nullopt;
      return compare_normal_numbers(*number, operand.text);
    }
    if (!value.is_string()) return std::nullopt;
    return value.text.compare(operand.text) <=> 0;
  }

  std::optional<Value> find(const Selector& selector) const {
    if (selector.source == Source::kQuery) return find_parameter(selector.path[0].key);
    if (selector.source == Source::kHeader) return find_header(selector.path[0].key);
    const JsonTree* at = &body_;
    for (const Segment& segment : selector.path) {
      at = child(*at, segment);
      if (at == nullptr) return std::nullopt;
    }
    return Value{at->kind, at->text};
  }

  static const JsonTree* child(const JsonTree& tree, const Segment& segment) {
    if (tree.kind == JsonTree::Kind::kArray) {
      const bool inside =
          (segment.is_index || segment.maybe_index) && segment.index < tree.children.size();
      return inside ? &tree.children[segment.index] : nullptr;
    }
    if (tree.kind != JsonTree::Kind::kObject || segment.is_index) return nullptr;
    const auto found =
        std::find_if(tree.children.begin(), tree.children.end(),
                     [&](const JsonTree& member) { return member.key == segment.key; });
    return found == tree.children.end() ? nullptr : &*found;
  }

  std::optional<Value> find_parameter(std::string_view name) const {
    std::string_view rest = message_.query;
    FormField field;
    while (next_form_field(rest, field)) {
      std::string decoded;
      append_form_decoded(field.name, decoded);
      if (decoded != name) continue;
      Value value{JsonTree::Kind::kString, {}, true};
      append_form_decoded(field.value, value.text);
      return value;
    }
    return std::nullopt;
  }

  std::optional<Value> find_header(std::string_view name) const {
    std::string_view rest = message_.header_lines;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find("\r\n"));
      rest.remove_prefix(line.size() + 2);
      std::string line_name(line.substr(0, line.find(':')));
      for (char& c : line_name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      if (line_name != name) continue;
      std::string_view text = line.substr(line_name.size() + 1);
      text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
      return Value{JsonTree::Kind::kString, std::string(text), true};
    }
    return std::nullopt;
  }

  const MessageView& message_;
  JsonTree body_;
};

}  // namespace headrace::selector
