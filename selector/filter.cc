// SPDX-License-Identifier: Apache-2.0
#include "selector/filter.h"

#include <array>
#include <optional>

#include "core/limits.h"
#include "selector/json_tree.h"
#include "selector/utf8.h"

namespace headrace::selector {
namespace {

using core::limits::kFilterBytesMax;
using core::limits::kFilterConditionsMax;
using core::limits::kFilterDepthMax;
using core::limits::kFilterOperandsMax;

constexpr std::array<std::string_view, 11> kOperatorNames = {
    "eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "exists", "startsWith", "endsWith"};

std::string_view without_dollar(std::string_view name) noexcept {
  if (name.starts_with('$')) name.remove_prefix(1);
  return name;
}

std::optional<FilterOperator> operator_named(std::string_view name) noexcept {
  name = without_dollar(name);
  for (std::size_t i = 0; i < kOperatorNames.size(); ++i) {
    if (kOperatorNames[i] == name) return static_cast<FilterOperator>(i);
  }
  return std::nullopt;
}

std::optional<FilterNode::Kind> combinator_named(std::string_view name) noexcept {
  name = without_dollar(name);
  if (name == "and") return FilterNode::Kind::kAll;
  if (name == "or") return FilterNode::Kind::kAny;
  if (name == "not") return FilterNode::Kind::kNot;
  return std::nullopt;
}

// One reference token of a JSON Pointer. A key may name lone surrogates, which a pointer must not.
void append_token(std::string_view key, std::string& pointer) {
  pointer += '/';
  for (std::size_t at = 0; at < key.size();) {
    const std::size_t length = utf8_sequence(key.data() + at, key.data() + key.size());
    if (length == 0) {
      pointer += "\xEF\xBF\xBD";  // U+FFFD
      ++at;
      continue;
    }
    if (key[at] == '~') {
      pointer += "~0";
    } else if (key[at] == '/') {
      pointer += "~1";
    } else {
      pointer += key.substr(at, length);
    }
    at += length;
  }
}

// Turns a document into a filter. Every method answers false after refuse().
class Reader {
 public:
  bool filter(const JsonTree& value, FilterNode& node, std::size_t depth) {
    if (depth > kFilterDepthMax)
      return refuse_large("filters are nested at most ", kFilterDepthMax, " deep");
    if (value.kind != JsonTree::Kind::kObject) return refuse("a filter is an object of conditions");
    for (std::size_t i = 0; i < value.children.size(); ++i) {
      const JsonTree& member = value.children[i];
      const Step step(*this, member.key);
      if (occurs_before(value, i)) return refuse("this member occurs twice");
      if (!this->member(member, node, depth)) return false;
    }
    return true;
  }

  ErrorCode code() const noexcept { return code_; }
  std::int64_t detail() const noexcept { return detail_; }
  FilterFault& fault() noexcept { return fault_; }
  std::vector<FilterCondition>& conditions() noexcept { return conditions_; }

 private:
  // The place that is being read, for as long as it lives.
  class Step {
   public:
    Step(Reader& reader, std::string_view token)
        : pointer_(reader.pointer_), size_(pointer_.size()) {
      append_token(token, pointer_);
    }
    ~Step() { pointer_.resize(size_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    std::string& pointer_;
    std::size_t size_;
  };

  bool refuse(std::string what) {
    fault_ = {pointer_, std::move(what)};
    return false;
  }
  bool refuse_large(const char* before, std::size_t limit, const char* behind) {
    code_ = ErrorCode::kTooLarge;
    detail_ = static_cast<std::int64_t>(limit);
    return refuse(before + std::to_string(limit) + behind);
  }

  static bool occurs_before(const JsonTree& object, std::size_t index) noexcept {
    for (std::size_t i = 0; i < index; ++i) {
      if (object.children[i].key == object.children[index].key) return true;
    }
    return false;
  }

  bool member(const JsonTree& member, FilterNode& node, std::size_t depth) {
    const auto kind = combinator_named(member.key);
    if (!kind) return conditions_at(member, node);
    FilterNode& child = node.children.emplace_back();
    child.kind = *kind;
    if (*kind == FilterNode::Kind::kNot)
      return filter(member, child.children.emplace_back(), depth + 1);
    if (member.kind != JsonTree::Kind::kArray || member.children.empty())
      return refuse("`and` and `or` take a list of at least one filter");
    for (const JsonTree& element : member.children) {
      const Step step(*this, std::to_string(child.children.size()));
      if (!filter(element, child.children.emplace_back(), depth + 1)) return false;
    }
    return true;
  }

  bool conditions_at(const JsonTree& member, FilterNode& node) {
    auto selector = Selector::parse(member.key);
    if (!selector) {
      return refuse("a member is a selector, `and`, `or` or `not`: " + selector.error().what +
                    " (at byte " + std::to_string(selector.error().detail) + ")");
    }
    if (member.is_scalar()) return condition(*selector, FilterOperator::kEq, member, node);
    if (member.kind == JsonTree::Kind::kArray)
      return refuse("a list stands only behind `in` and `nin`");
    if (member.children.empty()) return refuse("an operator is missing");
    for (std::size_t i = 0; i < member.children.size(); ++i) {
      const Step step(*this, member.children[i].key);
      const auto op = operator_named(member.children[i].key);
      if (!op) return refuse_operator();
      if (occurs_before(member, i)) return refuse("this member occurs twice");
      if (!condition(*selector, *op, member.children[i], node)) return false;
    }
    return true;
  }

  bool refuse_operator() {
    std::string what = "this is not an operator; there are";
    for (const std::string_view name : kOperatorNames) {
      what += name == kOperatorNames.front() ? " " : ", ";
      what += name;
    }
    return refuse(std::move(what));
  }

  bool condition(const Selector& selector, FilterOperator op, const JsonTree& value,
                 FilterNode& node) {
    if (conditions_.size() == kFilterConditionsMax)
      return refuse_large("a filter has at most ", kFilterConditionsMax, " conditions");
    FilterNode& child = node.children.emplace_back();
    child.kind = FilterNode::Kind::kCondition;
    child.condition = static_cast<std::uint32_t>(conditions_.size());
    FilterCondition& added = conditions_.emplace_back();
    added.selector = selector;
    added.op = op;
    return operands(value, added);
  }

  bool operands(const JsonTree& value, FilterCondition& condition) {
    using Kind = JsonTree::Kind;
    switch (condition.op) {
      case FilterOperator::kIn:
      case FilterOperator::kNin:
        return operand_list(value, condition);
      case FilterOperator::kEq:
      case FilterOperator::kNe:
        if (!value.is_scalar()) return refuse_scalar();
        break;
      case FilterOperator::kGt:
      case FilterOperator::kGte:
      case FilterOperator::kLt:
      case FilterOperator::kLte:
        if (value.kind != Kind::kNumber && value.kind != Kind::kString)
          return refuse("this operator compares with a number or a string");
        break;
      case FilterOperator::kExists:
        if (value.kind != Kind::kLiteral || value.text == "null")
          return refuse("`exists` takes true or false");
        break;
      case FilterOperator::kStartsWith:
      case FilterOperator::kEndsWith:
        if (value.kind != Kind::kString) return refuse("this operator takes a string");
        break;
    }
    add_operand(value, condition);
    return true;
  }

  bool operand_list(const JsonTree& value, FilterCondition& condition) {
    if (value.kind != JsonTree::Kind::kArray || value.children.empty())
      return refuse("`in` and `nin` take a list of at least one value");
    if (value.children.size() > kFilterOperandsMax)
      return refuse_large("a list has at most ", kFilterOperandsMax, " values");
    for (const JsonTree& element : value.children) {
      const Step step(*this, std::to_string(condition.operands.size()));
      if (!element.is_scalar()) return refuse_scalar();
      add_operand(element, condition);
    }
    return true;
  }
  bool refuse_scalar() { return refuse("a string, a number, true, false or null was expected"); }

  static void add_operand(const JsonTree& value, FilterCondition& condition) {
    using Type = FilterOperand::Type;
    const Type type = value.kind == JsonTree::Kind::kString   ? Type::kString
                      : value.kind == JsonTree::Kind::kNumber ? Type::kNumber
                                                              : Type::kLiteral;
    condition.operands.push_back({type, value.text});
  }

  std::string pointer_;
  std::vector<FilterCondition> conditions_;
  FilterFault fault_;
  ErrorCode code_ = ErrorCode::kInvalidArgument;
  std::int64_t detail_ = 0;
};

Error refused(ErrorCode code, std::int64_t detail, FilterFault& fault, FilterFault* out) {
  Error error{code, fault.pointer.empty() ? fault.what : fault.pointer + ": " + fault.what, detail};
  if (out != nullptr) *out = std::move(fault);
  return error;
}

}  // namespace

std::string_view to_string(FilterOperator op) noexcept {
  return kOperatorNames[static_cast<std::size_t>(op)];
}

Result<Filter> Filter::parse(std::string_view json, FilterFault* fault) {
  if (json.size() > kFilterBytesMax) {
    FilterFault large{"", "a filter has at most " + std::to_string(kFilterBytesMax) + " bytes"};
    return refused(ErrorCode::kTooLarge, static_cast<std::int64_t>(kFilterBytesMax), large, fault);
  }
  auto document = JsonTree::parse(json);
  if (!document) {
    FilterFault broken{"", "the filter is not JSON: " + document.error().what};
    return refused(ErrorCode::kMalformed, document.error().detail, broken, fault);
  }
  Reader reader;
  FilterNode root;
  if (!reader.filter(*document, root, 1))
    return refused(reader.code(), reader.detail(), reader.fault(), fault);
  return Filter(std::move(root), std::move(reader.conditions()));
}

Filter Filter::exists(Selector selector) {
  FilterNode root;
  root.kind = FilterNode::Kind::kCondition;
  FilterCondition condition{std::move(selector), FilterOperator::kExists, {}};
  condition.operands.push_back({FilterOperand::Type::kLiteral, "true"});
  std::vector<FilterCondition> conditions;
  conditions.push_back(std::move(condition));
  return Filter(std::move(root), std::move(conditions));
}

}  // namespace headrace::selector
