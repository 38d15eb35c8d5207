// SPDX-License-Identifier: Apache-2.0
#include "selector/program.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"
#include "core/random.h"
#include "selector/filter_compiler.h"
#include "selector/json_text.h"
#include "selector/program_code.h"

namespace headrace::selector {
namespace {

std::uint32_t root_of(Source source) noexcept {
  switch (source) {
    case Source::kHeader:
      return kHeaderRoot;
    case Source::kQuery:
      return kQueryRoot;
    case Source::kEvent:
      break;
  }
  return kBodyRoot;
}

class Compiler {
 public:
  explicit Compiler(Program::Code& code) noexcept : code_(code), filters_(code.filters) {}

  Result<void> add_rule(const EventRule& rule) {
    if (rule.selector.path.empty())
      return Error{ErrorCode::kInvalidArgument, "a selector has an empty path"};
    const auto index = static_cast<std::uint32_t>(code_.events.size());
    const std::uint32_t node = node_at(rule.selector);
    code_.nodes[node].has_texts = true;
    if (code_.texts.find_or_add(node, rule.value, index) != index) return conflict(index);
    if (is_json_number(rule.value)) {
      normal_.clear();
      append_normal_number(rule.value, normal_);
      code_.nodes[node].has_numbers = true;
      if (code_.numbers.find_or_add(node, normal_, index) != index) return conflict(index);
    }
    code_.events.push_back(rule.event);
    return {};
  }

  Result<void> add_capture(const Selector& selector, std::uint32_t index) {
    if (selector.path.empty())
      return Error{ErrorCode::kInvalidArgument, "a selector has an empty path"};
    code_.nodes[node_at(selector)].captures.push_back(index);
    return {};
  }

  Result<void> add_filter(const FilterRule& rule, std::size_t index) {
    if (rule.filter == nullptr) return {};
    std::vector<std::uint32_t> nodes;
    for (const FilterCondition& condition : rule.filter->conditions()) {
      if (condition.selector.path.empty())
        return Error{ErrorCode::kInvalidArgument, "a selector has an empty path"};
      nodes.push_back(node_at(condition.selector));
      code_.nodes[nodes.back()].is_watched = true;
    }
    if (filters_.add(rule.endpoint, rule.filter, nodes)) return {};
    return Error{ErrorCode::kConflict, "an endpoint has two filters",
                 static_cast<std::int64_t>(index)};
  }

  void finish() {
    filters_.finish(code_.nodes.size());
    for (Node& node : code_.nodes) {
      std::sort(node.elements.begin(), node.elements.end(),
                [](const ElementEdge& left, const ElementEdge& right) {
                  return std::pair(left.index, left.child) < std::pair(right.index, right.child);
                });
    }
  }

 private:
  static Error conflict(std::uint32_t index) {
    return Error{ErrorCode::kConflict, "two events have the same path and value",
                 static_cast<std::int64_t>(index)};
  }

  std::uint32_t node_at(const Selector& selector) {
    std::uint32_t node = root_of(selector.source);
    for (const Segment& segment : selector.path)
      node = segment.is_index ? by_index(node, segment) : by_key(node, segment);
    return node;
  }

  std::uint32_t by_index(std::uint32_t parent, const Segment& segment) {
    const std::uint32_t child =
        indexes_.find_or_add(parent, std::to_string(segment.index), next_node());
    if (add_node(child)) code_.nodes[parent].elements.push_back({segment.index, child});
    return child;
  }

  std::uint32_t by_key(std::uint32_t parent, const Segment& segment) {
    const std::uint32_t child = code_.keys.find_or_add(parent, segment.key, next_node());
    if (!add_node(child)) return child;
    Node& node = code_.nodes[parent];
    ++node.key_count;
    node.key_sizes |= std::uint64_t{1} << (segment.key.size() % 64);
    if (segment.maybe_index) node.elements.push_back({segment.index, child});
    return child;
  }

  std::uint32_t next_node() const noexcept {
    return static_cast<std::uint32_t>(code_.nodes.size());
  }
  // True: the node is new.
  bool add_node(std::uint32_t child) {
    if (child != next_node()) return false;
    code_.nodes.emplace_back();
    return true;
  }

  Program::Code& code_;
  FilterCompiler filters_;
  StringTable indexes_{0};  // (node, digits) to the node below by [digits]
  std::string normal_;
};

Error too_many(std::size_t limit, const char* what) {
  return Error{ErrorCode::kTooLarge, "a webhook has at most " + std::to_string(limit) + what,
               static_cast<std::int64_t>(limit)};
}

}  // namespace

Program::Program(std::unique_ptr<Code> code) noexcept : code_(std::move(code)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

Result<Program> Program::compile(std::span<const EventRule> rules,
                                 std::span<const Selector> captures,
                                 std::span<const FilterRule> filters) {
  if (rules.size() > core::limits::kEventsPerWebhookMax)
    return too_many(core::limits::kEventsPerWebhookMax, " events");
  if (filters.size() > core::limits::kFiltersPerWebhookMax)
    return too_many(core::limits::kFiltersPerWebhookMax, " filters");
  auto code = std::make_unique<Code>(core::random_seed());
  Compiler compiler(*code);
  for (const EventRule& rule : rules) {
    if (auto added = compiler.add_rule(rule); !added) return std::move(added).error();
  }
  for (std::size_t i = 0; i < captures.size(); ++i) {
    if (auto added = compiler.add_capture(captures[i], static_cast<std::uint32_t>(i)); !added) {
      return std::move(added).error();
    }
  }
  for (std::size_t i = 0; i < filters.size(); ++i) {
    if (auto added = compiler.add_filter(filters[i], i); !added) return std::move(added).error();
  }
  compiler.finish();
  return Program(std::move(code));
}

}  // namespace headrace::selector
