// SPDX-License-Identifier: Apache-2.0
// Bounds for figures of a result: "e2e.p99<50ms", "verify.lost==0", "late_share<=1%".
//
// EXPR is a name of figures.h, one of < <= > >= == !=, and a number with or without a unit: ns us
// ms s, B KB MB GB KiB MiB GiB, %. With a unit, the name may lack its own at the end; without, the
// number is in the unit of the name. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"
#include "tools/bench/figures.h"

namespace headrace::bench_tools {

struct Expectation {
  enum class Operator : std::uint8_t {
    kLess,
    kLessOrEqual,
    kGreater,
    kGreaterOrEqual,
    kEqual,
    kNotEqual
  };

  std::string text;  // as it was written
  std::string name;
  Operator is = Operator::kLess;
  double bound = 0;       // in `unit`
  std::string_view unit;  // "ms"; empty: that of the name
  std::string bound_text;

  // nullopt: the figure is not counted in such a unit.
  std::optional<bool> holds(const Figure& figure) const noexcept;
};

// Without a look at which names there are. kInvalidArgument.
Result<Expectation> parse_expectation_syntax(std::string_view text);
// kInvalidArgument: none of these is meant, or one that is counted in another unit.
Result<void> check_name(const Expectation& expectation, std::span<const std::string> names);
// kInvalidArgument, also for a name that no result of the kind has, or one of another unit: so that
// this is known before anything runs.
Result<Expectation> parse_expectation(std::string_view text, ResultKind kind = ResultKind::kRun);
Result<std::vector<Expectation>> parse_expectations(const std::vector<std::string>& texts,
                                                    ResultKind kind = ResultKind::kRun);

// One sentence for each that does not hold: name, value and bound. A figure that is not there does
// not hold, and one that several members are meant by must hold for each.
std::vector<std::string> judge(const Json& result, std::span<const Expectation> expectations);

}  // namespace headrace::bench_tools
