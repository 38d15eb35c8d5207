// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/expect.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace headrace::bench_tools {
namespace {

using Operator = Expectation::Operator;

struct BoundUnit {
  std::string_view name;
  Unit unit;
};
constexpr std::array kBoundUnits = {
    BoundUnit{"ns", {Dimension::kTime, 1}},
    BoundUnit{"us", {Dimension::kTime, 1e3}},
    BoundUnit{"ms", {Dimension::kTime, 1e6}},
    BoundUnit{"s", {Dimension::kTime, 1e9}},
    BoundUnit{"B", {Dimension::kBytes, 1}},
    BoundUnit{"KB", {Dimension::kBytes, 1e3}},
    BoundUnit{"MB", {Dimension::kBytes, 1e6}},
    BoundUnit{"GB", {Dimension::kBytes, 1e9}},
    BoundUnit{"KiB", {Dimension::kBytes, 1024}},
    BoundUnit{"MiB", {Dimension::kBytes, 1024.0 * 1024}},
    BoundUnit{"GiB", {Dimension::kBytes, 1024.0 * 1024 * 1024}},
    BoundUnit{"%", {Dimension::kNone, 0.01}},
};

const BoundUnit* find_bound_unit(std::string_view name) noexcept {
  const auto it = std::find_if(kBoundUnits.begin(), kBoundUnits.end(),
                               [name](const BoundUnit& each) { return each.name == name; });
  return it == kBoundUnits.end() ? nullptr : &*it;
}

struct OperatorText {
  std::string_view text;
  Operator is;
};
// Longer ones first, so that "<=" is not taken for "<".
constexpr std::array kOperators = {
    OperatorText{"<=", Operator::kLessOrEqual}, OperatorText{">=", Operator::kGreaterOrEqual},
    OperatorText{"==", Operator::kEqual},       OperatorText{"!=", Operator::kNotEqual},
    OperatorText{"<", Operator::kLess},         OperatorText{">", Operator::kGreater}};

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// "p99", and no longer word.
bool is_percentile(std::string_view word) noexcept {
  return word.size() > 1 && word.front() == 'p' &&
         std::all_of(word.begin() + 1, word.end(), is_digit);
}

// "e2e.p99.9" is how people write what JSON calls "e2e.p99_9".
std::string name_of(std::string_view text) {
  std::string name(text);
  std::size_t word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '.') continue;
    if (is_percentile(text.substr(word, i - word)) && is_digit(text[i + 1])) name[i] = '_';
    word = i + 1;
  }
  return name;
}

bool is_name(std::string_view text) noexcept {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !text.empty() && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), is_allowed);
}

Error invalid(std::string_view text, const std::string& why) {
  return {ErrorCode::kInvalidArgument, fmt::format("--expect {}: {}", text, why)};
}

constexpr const char* kForm =
    "must be NAME, one of < <= > >= == !=, and a number, as in e2e.p99<50ms";

bool compare(double value, Operator is, double bound) noexcept {
  switch (is) {
    case Operator::kLess:
      return value < bound;
    case Operator::kLessOrEqual:
      return value <= bound;
    case Operator::kGreater:
      return value > bound;
    case Operator::kGreaterOrEqual:
      return value >= bound;
    case Operator::kEqual:
      return value == bound;
    case Operator::kNotEqual:
      return value != bound;
  }
  return false;
}

// Whether the name lacks its unit's end only because the bound has one; a ratio has none to lack.
bool may_lack_unit(const Expectation& expectation, std::string_view full) noexcept {
  return !expectation.unit.empty() || full.ends_with(".ratio");
}

bool is_meant(const Expectation& expectation, std::string_view full) noexcept {
  return means(expectation.name, full, may_lack_unit(expectation, full));
}

std::string missed(const Expectation& expectation, const Figure& figure) {
  return fmt::format("{} is {}, expected {}", figure.name, readable(figure.value, figure.name),
                     expectation.bound_text);
}

}  // namespace

std::optional<bool> Expectation::holds(const Figure& figure) const noexcept {
  const Unit own = unit_of(figure.name);
  const BoundUnit* given = find_bound_unit(unit);
  if (given == nullptr) return compare(figure.value, is, bound);
  if (given->unit.dimension != own.dimension) return std::nullopt;
  return compare(figure.value * own.scale, is, bound * given->unit.scale);
}

Result<Expectation> parse_expectation_syntax(std::string_view text) {
  const std::size_t at = text.find_first_of("<>=!");
  if (at == std::string_view::npos) return invalid(text, kForm);
  const auto found = std::find_if(
      kOperators.begin(), kOperators.end(),
      [rest = text.substr(at)](const OperatorText& each) { return rest.starts_with(each.text); });
  const std::string_view name = trimmed(text.substr(0, at));
  if (found == kOperators.end() || !is_name(name)) return invalid(text, kForm);
  const std::string_view number = trimmed(text.substr(at + found->text.size()));
  Expectation expectation;
  expectation.text = text;
  expectation.name = name_of(name);
  expectation.is = found->is;
  const char* const number_end = number.data() + number.size();
  const auto [end, error] = std::from_chars(number.data(), number_end, expectation.bound);
  if (error != std::errc() || !std::isfinite(expectation.bound)) return invalid(text, kForm);
  const std::string_view unit =
      trimmed(std::string_view(end, static_cast<std::size_t>(number_end - end)));
  if (const BoundUnit* known = find_bound_unit(unit))
    expectation.unit = known->name;
  else if (!unit.empty())
    return invalid(text,
                   fmt::format("there is no unit {}; there are ns us ms s, B KB MB GB KiB MiB "
                               "GiB and %",
                               unit));
  expectation.bound_text = fmt::format("{} {}", found->text, number);
  return expectation;
}

Result<void> check_name(const Expectation& expectation, std::span<const std::string> names) {
  bool is_there = false;
  for (const std::string& full : names) {
    if (!is_meant(expectation, full)) {
      is_there |= means(expectation.name, full, true);
      continue;
    }
    if (expectation.holds({full, 0})) return {};
    return invalid(expectation.text,
                   fmt::format("{} is not counted in {}", full, expectation.unit));
  }
  if (is_there)
    return invalid(expectation.text, "say the unit, behind the number or at the end of the name");
  return invalid(expectation.text, fmt::format("there is no figure {}", expectation.name));
}

Result<Expectation> parse_expectation(std::string_view text, ResultKind kind) {
  auto expectation = parse_expectation_syntax(text);
  if (!expectation) return expectation;
  if (auto checked = check_name(*expectation, known_names(kind)); !checked) return checked.error();
  return expectation;
}

Result<std::vector<Expectation>> parse_expectations(const std::vector<std::string>& texts,
                                                    ResultKind kind) {
  std::vector<Expectation> all;
  for (const std::string& text : texts) {
    auto expectation = parse_expectation(text, kind);
    if (!expectation) return expectation.error();
    all.push_back(std::move(*expectation));
  }
  return all;
}

std::vector<std::string> judge(const Json& result, std::span<const Expectation> expectations) {
  const std::vector<Figure> figures = figures_of(result);
  std::vector<std::string> misses;
  for (const Expectation& expectation : expectations) {
    bool is_there = false;
    for (const Figure& figure : figures) {
      if (!is_meant(expectation, figure.name)) continue;
      is_there = true;
      if (!expectation.holds(figure).value_or(false)) misses.push_back(missed(expectation, figure));
    }
    if (!is_there)
      misses.push_back(fmt::format("{} was not measured, expected {}", expectation.name,
                                   expectation.bound_text));
  }
  return misses;
}

}  // namespace headrace::bench_tools
