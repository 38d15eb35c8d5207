// SPDX-License-Identifier: Apache-2.0
// An endpoint's filter: conditions on what a message carries, as a JSON object.
//
//   {"$Event{data.amount}": {"gte": 100, "lt": 5000}, "$Header{X-Region}": "eu"}
//   {"or": [{"$Event{type}": {"in": ["a", "b"]}}, {"not": {"$Query{topic}": {"exists": true}}}]}
//
// Members of one object are all required, a scalar means eq, and {} accepts everything. Operators
// and combinators may be written with a leading `$`. docs/selectors.md says what each compares.
//
// Threads: a Filter is immutable. Limits: kFilterBytesMax, kFilterConditionsMax, kFilterDepthMax,
// kFilterOperandsMax.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/result.h"
#include "selector/selector.h"

namespace headrace::selector {

enum class FilterOperator : std::uint8_t {
  kEq,
  kNe,
  kGt,
  kGte,
  kLt,
  kLte,
  kIn,
  kNin,
  kExists,
  kStartsWith,
  kEndsWith,
};

// As it is written, without `$`: "startsWith".
std::string_view to_string(FilterOperator op) noexcept;

struct FilterOperand {
  enum class Type : std::uint8_t { kString, kNumber, kLiteral };
  Type type = Type::kLiteral;
  std::string text;  // the comparison text: content, normal number, true, false or null
};

struct FilterCondition {
  Selector selector;
  FilterOperator op = FilterOperator::kEq;
  std::vector<FilterOperand> operands;  // several of kIn and kNin only
};

struct FilterNode {
  enum class Kind : std::uint8_t { kAll, kAny, kNot, kCondition };
  Kind kind = Kind::kAll;
  std::uint32_t condition = 0;       // of kCondition: index into conditions()
  std::vector<FilterNode> children;  // of kNot one, of kAny at least one
};

// Where a filter is wrong and why.
struct FilterFault {
  std::string pointer;  // to the member or value (JSON Pointer, RFC 6901); "" is the whole
  std::string what;     // a sentence
};

class Filter {
 public:
  // kMalformed with the byte offset: not JSON. kTooLarge with the limit in `detail`: one of the
  // limits above. kInvalidArgument: anything else. `what` is the pointer and the sentence; apart
  // they are in `fault`, when given.
  static Result<Filter> parse(std::string_view json, FilterFault* fault = nullptr);

  // {SELECTOR: {"exists": true}}.
  static Filter exists(Selector selector);

  const FilterNode& root() const noexcept { return root_; }
  std::span<const FilterCondition> conditions() const noexcept { return conditions_; }

 private:
  Filter(FilterNode root, std::vector<FilterCondition> conditions) noexcept
      : root_(std::move(root)), conditions_(std::move(conditions)) {}

  FilterNode root_;
  std::vector<FilterCondition> conditions_;  // in the order in which they are written
};

}  // namespace headrace::selector
