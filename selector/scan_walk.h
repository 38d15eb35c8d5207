// SPDX-License-Identifier: Apache-2.0
// Evaluates a program while the scanner validates: the exact way, for documents that the fast one
// gives up on.
//
// Several nodes may be active at once (after [0] and {0}), hence sets of them, on one stack.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "selector/findings.h"
#include "selector/json_scan.h"
#include "selector/program_code.h"

namespace headrace::selector {

struct ScanScratch {
  struct Container {
    std::size_t nodes_begin;  // its nodes are nodes[nodes_begin, begin of what is behind)
    std::uint32_t index;      // of the next element
    bool is_array;
  };
  std::vector<std::uint32_t> nodes;
  std::vector<Container> containers;  // open ones that a path leads to
  std::string text;                   // of the string at hand, when it has escapes
};

// The handler of a JsonScanner whose document hangs at `root`.
class ScanWalk {
 public:
  ScanWalk(const Program::Code& code, std::uint32_t root, ScanScratch& scratch, Findings& findings)
      : code_(code), scratch_(scratch), findings_(findings) {
    scratch_.containers.clear();
    scratch_.nodes.assign(1, root);
    forget_if_large(scratch_.text);
  }

  void begin_object() { open(false); }
  void begin_array() { open(true); }

  void end() {
    if (skipped_ != 0) {
      --skipped_;
      return;
    }
    targets_begin_ = scratch_.containers.back().nodes_begin;
    scratch_.containers.pop_back();
    scratch_.nodes.resize(targets_begin_);
  }

  void key(const JsonString& name) {
    if (skipped_ != 0) return;
    const std::string_view content = content_of(name);
    for (std::size_t i = scratch_.containers.back().nodes_begin; i < targets_begin_; ++i) {
      const std::uint32_t child = code_.child(scratch_.nodes[i], content);
      if (child != kNoNode && findings_.visit(child)) scratch_.nodes.push_back(child);
    }
  }

  void string(const JsonString& value) {
    if (!scalar_is_wanted()) return;
    const std::string_view content = content_of(value);
    for_targets([&](std::uint32_t node) {
      if (code_.nodes[node].takes_scalar()) findings_.text(node, content, ValueKind::kText);
    });
  }
  void number(std::string_view as_written) {
    if (!scalar_is_wanted()) return;
    for_targets([&](std::uint32_t node) {
      if (code_.nodes[node].takes_number()) findings_.number(node, as_written);
    });
  }
  void literal(std::string_view word) {
    if (!scalar_is_wanted()) return;
    for_targets([&](std::uint32_t node) {
      if (code_.nodes[node].takes_scalar()) findings_.text(node, word, ValueKind::kLiteral);
    });
  }

 private:
  // The nodes of the value that comes next are nodes[targets_begin_, end).
  bool has_targets() const noexcept { return scratch_.nodes.size() != targets_begin_; }

  void open(bool is_array) {
    if (skipped_ == 0) select_element();
    if (skipped_ != 0 || !has_targets()) {
      ++skipped_;
      return;
    }
    for (std::size_t i = targets_begin_; i < scratch_.nodes.size(); ++i)
      findings_.container(scratch_.nodes[i], is_array ? ValueKind::kArray : ValueKind::kObject);
    scratch_.containers.push_back({targets_begin_, 0, is_array});
    targets_begin_ = scratch_.nodes.size();
  }

  bool scalar_is_wanted() {
    if (skipped_ != 0) return false;
    select_element();
    return has_targets();
  }

  // In an array, the targets are those of the next index.
  void select_element() {
    if (scratch_.containers.empty() || !scratch_.containers.back().is_array) return;
    ScanScratch::Container& array = scratch_.containers.back();
    for (std::size_t i = array.nodes_begin; i < targets_begin_; ++i) {
      const auto& elements = code_.nodes[scratch_.nodes[i]].elements;
      if (elements.empty() || elements.back().index < array.index) continue;
      auto edge = std::lower_bound(
          elements.begin(), elements.end(), array.index,
          [](const ElementEdge& left, std::uint32_t index) { return left.index < index; });
      for (; edge != elements.end() && edge->index == array.index; ++edge)
        scratch_.nodes.push_back(edge->child);
    }
    ++array.index;
  }

  template <class Action>
  void for_targets(Action action) {
    for (std::size_t i = targets_begin_; i < scratch_.nodes.size(); ++i) action(scratch_.nodes[i]);
    scratch_.nodes.resize(targets_begin_);
  }

  std::string_view content_of(const JsonString& value) {
    if (!value.escaped) return value.raw;
    scratch_.text.clear();
    append_unescaped(value.raw, scratch_.text);
    return scratch_.text;
  }

  const Program::Code& code_;
  ScanScratch& scratch_;
  Findings& findings_;
  std::size_t targets_begin_ = 0;
  std::size_t skipped_ = 0;  // open containers that no path leads to
};

}  // namespace headrace::selector
