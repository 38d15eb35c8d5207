// SPDX-License-Identifier: Apache-2.0
// What the filters of a Program are inside: the paths they look at, the distinct conditions, and
// branching programs over these.
//
// Invariant: equal conditions, equal ends of programs and equal filters are there once, however
// many endpoints share them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/numbers.h"
#include "selector/filter.h"
#include "selector/string_table.h"

namespace headrace::selector {

struct FilterCode {
  static constexpr std::uint32_t kNone = StringTable::kNone;
  // Where a program ends.
  static constexpr std::uint32_t kAccept = 0xFFFFFFFF;
  static constexpr std::uint32_t kReject = 0xFFFFFFFE;

  // The values at one path are ranked once a message against all that filters compare them with:
  // rank 2i + 1 is the i-th of the sorted operands, 2i lies before it.
  enum class Test : std::uint8_t {
    kExists,
    kEquals,         // operand: the number of a value in `values`
    kIsOneOf,        // operand: index into `lists`
    kNumberAtLeast,  // operand: a rank among the path's numbers
    kNumberAtMost,
    kTextAtLeast,  // likewise among its texts
    kTextAtMost,
    kStartsWith,  // operand: index into `affixes`
    kEndsWith,
  };
  struct Condition {
    Test test = Test::kExists;
    std::uint32_t path = 0;  // index into `paths`
    std::uint32_t operand = 0;
  };
  struct Path {
    bool has_values = false;           // some condition here is kEquals or kIsOneOf
    bool has_number_values = false;    // and compares with a number
    std::vector<std::string> numbers;  // sorted by value
    std::vector<std::string> texts;    // sorted bytewise
  };
  struct Step {
    std::uint32_t condition;
    std::uint32_t if_true;  // the step to go on with, kAccept or kReject
    std::uint32_t if_false;
  };
  struct Entry {
    std::uint32_t begin;  // its first step, kAccept or kReject
    // What it was made of, for people: `condition_tests`[first_test + n] is condition n.
    std::shared_ptr<const Filter> filter;
    std::size_t first_test;
  };
  struct ConditionTest {
    std::uint32_t condition;
    bool negated;
  };
  struct EndpointSlot {
    std::uint32_t endpoint = 0;
    std::uint32_t entry = kNone;  // free
  };

  explicit FilterCode(std::uint64_t seed) noexcept : values(seed) {}

  // The owner of a value in `values`: its path and type.
  static std::uint32_t value_owner(std::uint32_t path, FilterOperand::Type type) noexcept {
    return path * 4 + static_cast<std::uint32_t>(type);
  }

  // The filter of an endpoint as an index into `entries`, or kNone. Numbers are given out by us, so
  // the hash needs no key.
  std::uint32_t entry_of(core::EndpointNumber endpoint) const noexcept {
    if (endpoints.empty()) return kNone;
    const auto number = static_cast<std::uint32_t>(endpoint);
    const std::size_t mask = endpoints.size() - 1;
    for (std::size_t at = number & mask;; at = (at + 1) & mask) {
      const EndpointSlot& slot = endpoints[at];
      if (slot.entry == kNone || slot.endpoint == number) return slot.entry;
    }
  }

  std::vector<std::uint32_t> path_of_node;  // kNone: no filter looks there; empty without filters
  std::vector<Path> paths;
  std::vector<Condition> conditions;
  StringTable values;  // (path and type, text) to the number of the value
  std::vector<std::vector<std::uint32_t>> lists;  // of numbers of values, sorted
  std::vector<std::string> affixes;
  std::vector<Step> steps;
  std::vector<Entry> entries;
  std::vector<ConditionTest> condition_tests;
  std::vector<EndpointSlot> endpoints;  // a power of two, at most half full, or empty
};

}  // namespace headrace::selector
