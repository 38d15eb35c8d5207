// SPDX-License-Identifier: Apache-2.0
// The figures of a result by their names: "cpu_us_per_event", "e2e.p99_us", "verify.lost".
//
// A name is the way through the JSON; what is in "measured" needs no word for that. The unit stands
// in it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"
#include "tools/json_value.h"

namespace headrace::bench_tools {

using tools::Json;
using tools::JsonMember;

enum class Dimension : std::uint8_t { kNone, kTime, kBytes };

struct Unit {
  Dimension dimension = Dimension::kNone;
  double scale = 1;  // how many nanoseconds or bytes it is
};

// What a figure is counted in: "_us" in "e2e.p99_us" and "cpu_us_per_event"; none in
// "events_per_s".
Unit unit_of(std::string_view name) noexcept;
// A value with its unit as people read it: "812.3 us", "7.2 KB", "45000".
std::string readable(double value, std::string_view name);

struct Figure {
  std::string name;
  double value = 0;
};
// All numbers of a result that are no list's.
std::vector<Figure> figures_of(const Json& result);
std::optional<double> number_of(const Json* json) noexcept;

enum class ResultKind : std::uint8_t { kRun, kLoad, kKnee, kCompare };
// nullopt: it is no result of these tools.
std::optional<ResultKind> kind_of(const Json& result) noexcept;

// The names that a result of the kind may have, by the published schema; "*" stands for any word.
const std::vector<std::string>& known_names(ResultKind kind);

// Whether `name` means the figure `full`. Where `has_unit`, its words may lack the units at their
// ends, as the value next to it has one.
bool means(std::string_view name, std::string_view full, bool has_unit) noexcept;

// What is in a file: objects one behind the other, on a line each or over several. kMalformed: one
// is not JSON, or no result; `what` says where.
Result<std::vector<Json>> parse_results(std::string_view text);
// kNotFound: it cannot be read; kMalformed, also where nothing is in it.
Result<std::vector<Json>> read_results(const std::string& path);

}  // namespace headrace::bench_tools
