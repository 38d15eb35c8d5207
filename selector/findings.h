// SPDX-License-Identifier: Apache-2.0
// What a run has found so far: rules that match, captured texts, and the values at the paths of
// filters. Can be rolled back, as one way of reading a document may have to give up and leave it to
// another.
//
// Memory is kept between runs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits.h"
#include "selector/json_text.h"
#include "selector/program_code.h"

namespace headrace::selector {

// Scratch strings larger than this are given back after the run: one huge message must not cost
// memory for ever.
inline constexpr std::size_t kScratchBytesKept = 256 * core::limits::kKiB;
inline void forget_if_large(std::string& scratch) {
  if (scratch.capacity() > kScratchBytesKept) std::string().swap(scratch);
}

enum class ValueKind : std::uint8_t {
  kMissing,
  kObject,
  kArray,
  kText,     // a JSON string
  kNumber,   // a JSON number, in its normal spelling
  kLiteral,  // true, false or null
  kUntyped,  // of a header, a parameter or a form's field: may be meant as any of the three
};

struct FoundValue {
  ValueKind kind = ValueKind::kMissing;
  std::string_view text;

  bool is_text() const noexcept { return kind == ValueKind::kText || kind == ValueKind::kUntyped; }
  bool may_be_literal() const noexcept {
    return kind == ValueKind::kLiteral || kind == ValueKind::kUntyped;
  }
};

class Findings {
 public:
  struct Position {
    std::size_t visited, rules, captured, noted, bytes;
  };

  void begin(const Program::Code& code) {
    rollback({0, 0, 0, 0, 0});
    forget_if_large(bytes_);
    forget_if_large(normal_);
    code_ = &code;
    if (is_visited_.size() < code.nodes.size()) is_visited_.resize(code.nodes.size());
    if (values_.size() < code.filters.paths.size()) values_.resize(code.filters.paths.size());
  }

  Position position() const noexcept {
    return {visited_.size(), rules_.size(), captured_.size(), noted_.size(), bytes_.size()};
  }
  void rollback(const Position& to) {
    for (std::size_t i = to.visited; i < visited_.size(); ++i) is_visited_[visited_[i]] = 0;
    for (std::size_t i = to.noted; i < noted_.size(); ++i)
      values_[noted_[i]].kind = ValueKind::kMissing;
    visited_.resize(to.visited);
    noted_.resize(to.noted);
    rules_.resize(to.rules);
    captured_.resize(to.captured);
    bytes_.resize(to.bytes);
  }

  // False: the node was visited already, so this is a duplicate key, of which the first counts.
  bool visit(std::uint32_t node) {
    if (is_visited_[node] != 0) return false;
    is_visited_[node] = 1;
    visited_.push_back(node);
    return true;
  }

  // The scalar at a node whose takes_scalar() or takes_number() says so.
  void text(std::uint32_t node, std::string_view content, ValueKind kind) {
    if (code_->nodes[node].has_texts) add_rule(code_->texts.find(node, content));
    capture(node, content);
    if (code_->nodes[node].is_watched) note(node, content, kind);
  }
  void number(std::uint32_t node, std::string_view as_written) {
    normal_.clear();
    append_normal_number(as_written, normal_);
    normal_number(node, normal_);
  }
  void normal_number(std::uint32_t node, std::string_view normal) {
    if (code_->nodes[node].has_numbers) add_rule(code_->numbers.find(node, normal));
    capture(node, normal);
    if (code_->nodes[node].is_watched) note(node, normal, ValueKind::kNumber);
  }
  void container(std::uint32_t node, ValueKind kind) {
    if (code_->nodes[node].is_watched) note(node, {}, kind);
  }

  void report(Match& match) {
    if (rules_.empty()) return;
    const std::size_t shown = std::min(rules_.size(), Match::kOthersMax + 1);
    std::partial_sort(rules_.begin(), rules_.begin() + static_cast<std::ptrdiff_t>(shown),
                      rules_.end());
    match.event = code_->events[rules_[0]];
    match.other_count = static_cast<std::uint32_t>(rules_.size() - 1);
    for (std::size_t i = 1; i < shown; ++i) match.others[i - 1] = code_->events[rules_[i]];
  }

  // The value at a path of the program's filters.
  FoundValue value(std::uint32_t path) const noexcept {
    const Noted& at = values_[path];
    return {at.kind, at.kind == ValueKind::kMissing
                         ? std::string_view{}
                         : std::string_view(bytes_).substr(at.offset, at.size)};
  }

  std::optional<std::string_view> captured(std::size_t index) const noexcept {
    for (const Captured& capture : captured_) {
      if (capture.index == index)
        return std::string_view(bytes_).substr(capture.offset, capture.size);
    }
    return std::nullopt;
  }

 private:
  struct Captured {
    std::uint32_t index;
    std::size_t offset;
    std::size_t size;
  };

  struct Noted {
    ValueKind kind = ValueKind::kMissing;
    std::size_t offset = 0;
    std::size_t size = 0;
  };

  void add_rule(std::uint32_t rule) {
    if (rule != kNoRule) rules_.push_back(rule);
  }
  void capture(std::uint32_t node, std::string_view content) {
    const auto& wanted = code_->nodes[node].captures;
    if (wanted.empty()) return;
    for (const std::uint32_t index : wanted)
      captured_.push_back({index, bytes_.size(), content.size()});
    bytes_ += content;
  }
  // A form's field that is JSON is met twice, as a text and then as a container: it is a text.
  void note(std::uint32_t node, std::string_view content, ValueKind kind) {
    const std::uint32_t path = code_->filters.path_of_node[node];
    if (values_[path].kind != ValueKind::kMissing) return;
    values_[path] = {kind, bytes_.size(), content.size()};
    noted_.push_back(path);
    bytes_ += content;
  }

  const Program::Code* code_ = nullptr;
  std::vector<std::uint8_t> is_visited_;  // by node
  std::vector<std::uint32_t> visited_;    // those of is_visited_
  std::vector<std::uint32_t> rules_;
  std::vector<Captured> captured_;
  std::vector<Noted> values_;         // by path of the filters
  std::vector<std::uint32_t> noted_;  // those of values_ that are there
  std::string bytes_;                 // of captures and values
  std::string normal_;                // of the number at hand
};

}  // namespace headrace::selector
