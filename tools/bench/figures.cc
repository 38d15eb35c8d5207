// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>

#include "tools/bench/web_assets.h"

namespace headrace::bench_tools {
namespace {

constexpr std::string_view kMeasured = "measured.";

struct UnitName {
  std::string_view word;
  Unit unit;
};
constexpr std::array kUnits = {
    UnitName{"ns", {Dimension::kTime, 1}}, UnitName{"us", {Dimension::kTime, 1e3}},
    UnitName{"ms", {Dimension::kTime, 1e6}}, UnitName{"s", {Dimension::kTime, 1e9}},
    UnitName{"bytes", {Dimension::kBytes, 1}}};

const UnitName* find_unit(std::string_view word) noexcept {
  const auto it = std::find_if(kUnits.begin(), kUnits.end(),
                               [word](const UnitName& each) { return each.word == word; });
  return it == kUnits.end() ? nullptr : &*it;
}

// The part of `word` before the first " per " or " over " that stands for a fraction's line.
std::string_view numerator(std::string_view word) noexcept {
  for (const std::string_view line : {"_per_", "_over_"}) {
    if (const std::size_t at = word.find(line); at != std::string_view::npos)
      word = word.substr(0, at);
  }
  return word;
}

// "rss_max_bytes", "cpu_us_per_event" and "bytes_written" have one, and each ratio has none.
const UnitName* unit_in(std::string_view word) noexcept {
  if (word.find("_over_") != std::string_view::npos) return nullptr;
  const std::string_view count = numerator(word);
  if (const UnitName* unit = find_unit(count.substr(count.rfind('_') + 1))) return unit;
  if (count == "bytes" || count.starts_with("bytes_")) return find_unit("bytes");
  if (count.find("_bytes_") != std::string_view::npos) return find_unit("bytes");
  return nullptr;
}

// Takes the first word off a dotted name.
std::string_view take_word(std::string_view& name) noexcept {
  const std::size_t dot = name.find('.');
  const std::string_view word = name.substr(0, dot);
  name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
  return word;
}

std::string_view last_word(std::string_view name) noexcept {
  return name.substr(name.rfind('.') + 1);
}

// "p99_us" without "_us"; the same where it ends in no unit, or in "_per_s".
std::string_view without_unit(std::string_view word) noexcept {
  const std::size_t at = word.rfind('_');
  if (at == std::string_view::npos || find_unit(word.substr(at + 1)) == nullptr) return word;
  return word.substr(0, at).ends_with("_per") ? word : word.substr(0, at);
}

void collect(const Json& json, const std::string& name, std::vector<Figure>& figures) {
  if (const auto number = number_of(&json)) figures.push_back({name, *number});
  for (const JsonMember& member : json.members)
    collect(member.value, name.empty() ? member.name : name + '.' + member.name, figures);
}

// --- names by the schema ---

class SchemaNames {
 public:
  explicit SchemaNames(const Json& schema) : definitions_(*schema.find("$defs")) {}

  std::vector<std::string> of(std::string_view definition) {
    names_.clear();
    walk(*definitions_.find(definition), "");
    return std::move(names_);
  }

 private:
  static bool is_number(const Json& schema) {
    const Json* type = schema.find("type");
    if (type == nullptr) return false;
    const auto names_number = [](const Json& each) {
      return each.text == "number" || each.text == "integer";
    };
    return type->is_array() ? std::any_of(type->items.begin(), type->items.end(), names_number)
                            : names_number(*type);
  }

  void walk(const Json& schema, const std::string& name) {
    constexpr std::string_view kHere = "#/$defs/";
    if (const auto reference = schema.text_at("$ref"); reference.starts_with(kHere))
      walk(*definitions_.find(reference.substr(kHere.size())), name);
    if (is_number(schema)) names_.push_back(name);
    const std::string prefix = name.empty() ? "" : name + '.';
    if (const Json* members = schema.find("properties")) {
      for (const JsonMember& member : members->members) walk(member.value, prefix + member.name);
    }
    if (const Json* others = schema.find("additionalProperties")) walk(*others, prefix + '*');
  }

  const Json& definitions_;
  std::vector<std::string> names_;
};

// What stands in "measured" is known by its own name.
void shorten(std::string& name) {
  if (name.starts_with(kMeasured)) name.erase(0, kMeasured.size());
}

std::vector<std::string> names_by_schema(std::string_view definition) {
  const Json schema = *tools::parse_json(web::kResultSchema);
  std::vector<std::string> names = SchemaNames(schema).of(definition);
  for (std::string& name : names) {
    shorten(name);
    if (name.starts_with("figures.")) name.erase(0, std::string_view("figures.").size());
  }
  return names;
}

// The length of the JSON value that begins here: objects and lists by their brackets, others to
// the end of the line.
std::size_t value_size(std::string_view text) noexcept {
  std::size_t depth = 0;
  bool is_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_string) {
      if (c == '\\') ++i;
      if (c == '"') is_string = false;
    } else if (c == '"') {
      is_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth <= 1) return i + 1;
      --depth;
    } else if (c == '\n' && depth == 0) {
      return i;
    }
  }
  return text.size();
}

Error malformed(std::size_t number, const std::string& what) {
  return {ErrorCode::kMalformed, fmt::format("result {}: {}", number, what)};
}

}  // namespace

Unit unit_of(std::string_view name) noexcept {
  if (last_word(name) == "ratio" || last_word(name) == "count") return {};
  // The last word that has one: "latency_from_due_us.p99" is in microseconds.
  Unit unit;
  while (!name.empty()) {
    if (const UnitName* found = unit_in(take_word(name))) unit = found->unit;
  }
  return unit;
}

std::string readable(double value, std::string_view name) {
  const Unit unit = unit_of(name);
  struct Step {
    double size;
    std::string_view name;
  };
  constexpr std::array<Step, 4> kTimes = {{{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}}};
  constexpr std::array<Step, 4> kSizes = {{{1e9, "GB"}, {1e6, "MB"}, {1e3, "KB"}, {1, "B"}}};
  if (unit.dimension == Dimension::kNone || value == 0) {
    const bool is_whole = value == std::floor(value) || std::abs(value) >= 1e4;
    return fmt::format("{:.{}f}", value, is_whole ? 0 : 3);
  }
  const auto& steps = unit.dimension == Dimension::kTime ? kTimes : kSizes;
  const double base = value * unit.scale;
  auto step = std::find_if(steps.begin(), steps.end(),
                           [base](const Step& each) { return std::abs(base) >= each.size; });
  if (step == steps.end()) --step;
  const double shown = base / step->size;
  const bool is_whole = step->size == 1 && shown == std::floor(shown);
  return fmt::format("{:.{}f} {}", shown, is_whole ? 0 : std::abs(shown) < 100 ? 2 : 1, step->name);
}

std::optional<double> number_of(const Json* json) noexcept {
  if (json == nullptr || json->kind != Json::Kind::kNumber) return std::nullopt;
  double number = 0;
  const char* const end = json->text.data() + json->text.size();
  const auto read = std::from_chars(json->text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

std::vector<Figure> figures_of(const Json& result) {
  std::vector<Figure> figures;
  const bool is_compare = kind_of(result) == ResultKind::kCompare;
  if (const Json* comparison = result.find("figures"); is_compare && comparison != nullptr) {
    collect(*comparison, "", figures);
    return figures;
  }
  if (const Json* measured = result.find("measured")) collect(*measured, "", figures);
  for (const JsonMember& member : result.members) {
    const std::string_view name = member.name;
    if (name != "measured" && name != "schema") collect(member.value, member.name, figures);
  }
  return figures;
}

std::optional<ResultKind> kind_of(const Json& result) noexcept {
  const std::string_view kind = result.text_at("kind");
  if (kind == "run" || kind == "chaos") return ResultKind::kRun;
  if (kind == "compare") return ResultKind::kCompare;
  const std::string_view format = result.text_at("format");
  if (format == "headrace.bench.load/1") return ResultKind::kLoad;
  if (format == "headrace.bench.knee/1") return ResultKind::kKnee;
  return std::nullopt;
}

const std::vector<std::string>& known_names(ResultKind kind) {
  static const std::array<std::vector<std::string>, 4> names = {
      names_by_schema("run"), names_by_schema("load"), names_by_schema("knee"),
      names_by_schema("compare")};
  return names[static_cast<std::size_t>(kind)];
}

bool means(std::string_view name, std::string_view full, bool has_unit) noexcept {
  if (name.starts_with(kMeasured)) name.remove_prefix(kMeasured.size());
  while (!name.empty() && !full.empty()) {
    const std::string_view word = take_word(name);
    const std::string_view other = take_word(full);
    const bool is_same = word == other || other == "*" || (has_unit && word == without_unit(other));
    if (!is_same) return false;
  }
  return name.empty() && full.empty();
}

Result<std::vector<Json>> parse_results(std::string_view text) {
  std::vector<Json> results;
  for (;;) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return results;
    text.remove_prefix(begin);
    const std::size_t size = value_size(text);
    auto parsed = tools::parse_json(text.substr(0, size));
    if (!parsed) return malformed(results.size() + 1, parsed.error().what);
    if (!kind_of(*parsed))
      return malformed(results.size() + 1, "is none of bench run, or bench load");
    results.push_back(std::move(*parsed));
    text.remove_prefix(size);
  }
}

Result<std::vector<Json>> read_results(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) return Error{ErrorCode::kNotFound, path + " cannot be read"};
  auto results = parse_results(text);
  if (!results) return Error{ErrorCode::kMalformed, path + ": " + results.error().what};
  if (results->empty()) return Error{ErrorCode::kMalformed, path + " holds no result"};
  return results;
}

}  // namespace headrace::bench_tools
