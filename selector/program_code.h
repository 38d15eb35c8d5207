// SPDX-License-Identifier: Apache-2.0
// What a Program is inside: a trie of paths, with the values and captures at its nodes,
// and the filters over what stands there.
//
// Invariant: a node is reached by one path only, so a run visits it at most once (the first of
// duplicate keys).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/numbers.h"
#include "selector/filter_code.h"
#include "selector/program.h"
#include "selector/string_table.h"

namespace headrace::selector {

inline constexpr std::uint32_t kNoNode = StringTable::kNone;
inline constexpr std::uint32_t kNoRule = StringTable::kNone;

// Where the paths of each source begin.
inline constexpr std::uint32_t kBodyRoot = 0;
inline constexpr std::uint32_t kHeaderRoot = 1;
inline constexpr std::uint32_t kQueryRoot = 2;

struct ElementEdge {
  std::uint32_t index;
  std::uint32_t child;
};

struct Node {
  std::uint64_t key_sizes =
      0;  // bit (size % 64) of every key below; most other keys are passed over by it
  std::uint32_t key_count = 0;
  bool has_texts = false;    // a scalar here may match a rule
  bool has_numbers = false;  // so may a number
  bool is_watched = false;   // a filter looks at whatever is here
  std::vector<ElementEdge>
      elements;  // sorted by index; two of one index when [0] and {0} are both used
  std::vector<std::uint32_t> captures;  // that report the scalar here

  bool takes_scalar() const noexcept { return has_texts || is_watched || !captures.empty(); }
  bool takes_number() const noexcept { return has_numbers || is_watched || !captures.empty(); }
  bool has_children() const noexcept { return key_count != 0 || !elements.empty(); }
  bool may_have_key(std::string_view key) const noexcept {
    return (key_sizes >> (key.size() % 64) & 1) != 0;
  }
};

struct Program::Code {
  explicit Code(std::uint64_t seed)
      : nodes(3), keys(seed), texts(seed), numbers(seed), filters(seed) {}

  // The node below `node` by key; kNoNode when no path goes there.
  std::uint32_t child(std::uint32_t node, std::string_view key) const noexcept {
    return nodes[node].may_have_key(key) ? keys.find(node, key) : kNoNode;
  }

  std::vector<Node> nodes;
  StringTable keys;     // (node, key) to the node below
  StringTable texts;    // (node, value) to the rule
  StringTable numbers;  // (node, normal decimal of a value that is a number) to the rule
  std::vector<core::EventNumber> events;  // by rule
  FilterCode filters;
};

}  // namespace headrace::selector
