// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "tools/bench/report.h"
#include "tools/output.h"

namespace headrace::bench_tools {
namespace {

Error invalid(std::string what) { return {ErrorCode::kInvalidArgument, std::move(what)}; }

// How it was run, not what came of it.
bool is_setting(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 3> kPrefixes = {"configuration.", "machine.", "headrace."};
  constexpr std::array<std::string_view, 8> kOfLoad = {
      "loop", "arrivals", "offered_per_s", "threads", "connections", "churn", "tls", "duration_s"};
  return std::find(kOfLoad.begin(), kOfLoad.end(), name) != kOfLoad.end() ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [name](std::string_view prefix) { return name.starts_with(prefix); });
}

Json number(double value) { return Json::number(fmt::format("{}", value)); }

// --- what was not alike ---

using Setting = std::pair<std::string, std::string>;

void collect_settings(const Json& json, const std::string& name, std::vector<Setting>& settings) {
  if (json.is_object()) {
    for (const JsonMember& member : json.members)
      collect_settings(member.value, name.empty() ? member.name : name + '.' + member.name,
                       settings);
  } else if (is_setting(name)) {
    settings.emplace_back(name, json.is_string() ? json.text : to_text(json));
  }
}

std::vector<Setting> settings_of(const Json& result) {
  std::vector<Setting> settings;
  collect_settings(result, "", settings);
  return settings;
}

std::string value_at(const std::vector<Setting>& settings, std::string_view name) {
  const auto it = std::find_if(settings.begin(), settings.end(),
                               [name](const Setting& each) { return each.first == name; });
  return it == settings.end() ? std::string() : it->second;
}

Json difference(const std::string& name, std::string a, std::string b) {
  Json json = Json::object();
  json.set("name", Json::string(name));
  json.set("a", Json::string(std::move(a)));
  json.set("b", Json::string(std::move(b)));
  return json;
}

Json differences(const Json& a, const Json& b) {
  const std::vector<Setting> of_a = settings_of(a);
  const std::vector<Setting> of_b = settings_of(b);
  Json list = Json::array();
  for (const auto& [name, value] : of_a) {
    if (std::string other = value_at(of_b, name); other != value)
      list.items.push_back(difference(name, value, std::move(other)));
  }
  for (const Setting& setting : of_b) {
    const bool is_new = std::none_of(of_a.begin(), of_a.end(), [&setting](const Setting& each) {
      return each.first == setting.first;
    });
    if (is_new) list.items.push_back(difference(setting.first, "", setting.second));
  }
  return list;
}

// --- figures ---

// In the order of the first run: the values that all of them have.
std::vector<std::pair<std::string, std::vector<double>>> values_of(const std::vector<Json>& runs) {
  std::vector<std::pair<std::string, std::vector<double>>> all;
  for (const Figure& figure : figures_of(runs.front())) {
    if (!is_setting(figure.name)) all.push_back({figure.name, {figure.value}});
  }
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const std::vector<Figure> figures = figures_of(runs[i]);
    for (auto& [name, values] : all) {
      const auto it = std::find_if(figures.begin(), figures.end(),
                                   [&wanted = name](const auto& f) { return f.name == wanted; });
      if (it != figures.end()) values.push_back(it->value);
    }
  }
  std::erase_if(all, [&runs](const auto& each) { return each.second.size() != runs.size(); });
  return all;
}

// Of what takes less of something when it is better, "faster" is said of times and rates only.
std::string_view verdict_of(std::string_view name, const Range& a, const Range& b,
                            std::size_t runs_min) noexcept {
  const bool is_time = unit_of(name).dimension == Dimension::kTime;
  const bool is_rate = name.ends_with("_per_s");
  if (a.min == b.min && a.max == b.max) return "same within noise";
  if (runs_min < 2) return "one run";
  if (a.min <= b.max && b.min <= a.max) return "same within noise";
  const bool is_more = b.min > a.max;
  if (is_time) return is_more ? "slower" : "faster";
  if (is_rate) return is_more ? "faster" : "slower";
  return is_more ? "more" : "less";
}

Json json_of(const Range& range) {
  Json json = Json::object();
  json.set("median", number(range.median));
  json.set("min", number(range.min));
  json.set("max", number(range.max));
  return json;
}

Json compared(std::string_view name, const Range& a, const Range& b, std::size_t runs_min) {
  Json json = Json::object();
  json.set("a", json_of(a));
  json.set("b", json_of(b));
  if (a.median != 0)
    json.set("ratio", number(b.median / a.median));
  else
    json.set("ratio", b.median == 0 ? number(1) : Json());
  json.set("verdict", Json::string(std::string(verdict_of(name, a, b, runs_min))));
  return json;
}

Json all_compared(const std::vector<Json>& a, const std::vector<Json>& b) {
  const auto of_b = ranges_of(b);
  Json figures = Json::object();
  for (const auto& [name, range] : ranges_of(a)) {
    const auto other = std::find_if(of_b.begin(), of_b.end(), [&wanted = name](const auto& each) {
      return each.first == wanted;
    });
    if (other == of_b.end()) continue;
    figures.set(name, compared(name, range, other->second, std::min(a.size(), b.size())));
  }
  return figures;
}

// --- the sides ---

std::vector<Json> valid_runs(const Side& side) {
  std::vector<Json> runs = side.runs;
  std::erase_if(runs, [](const Json& run) { return !is_valid(run); });
  return runs;
}

Result<void> check(const Side& side, const std::vector<Json>& runs, std::string_view scenario) {
  if (runs.empty()) return invalid(side.file + " holds no valid run");
  for (const Json& run : runs) {
    const std::string other = title_of(run);
    if (other != scenario)
      return invalid(
          fmt::format("{} holds a run of {}, and the first was of {}", side.file, other, scenario));
  }
  return {};
}

Json json_of(const Side& side, std::size_t valid) {
  Json json = Json::object();
  json.set("file", Json::string(side.file));
  json.set("runs", Json::number(fmt::format("{}", valid)));
  json.set("invalid_runs", Json::number(fmt::format("{}", side.runs.size() - valid)));
  return json;
}

// --- for people ---

std::string range_text(const Json& figure, std::string_view side, std::string_view name) {
  const Json* range = figure.find(side);
  const auto part = [range, name](std::string_view which) {
    return readable(number_of(range->find(which)).value_or(0), name);
  };
  const std::string median = part("median");
  const std::string min = part("min");
  const std::string max = part("max");
  return min == max ? median : fmt::format("{} [{} … {}]", median, min, max);
}

std::string side_text(const Json& comparison, std::string_view side) {
  const Json* json = comparison.find(side);
  std::string text = fmt::format("{}: {}, {} runs", side, tools::harmless(json->text_at("file")),
                                 json->find("runs")->text);
  if (const std::string& invalid = json->find("invalid_runs")->text; invalid != "0")
    text += fmt::format(", and {} that were not valid and are left out", invalid);
  return text + '\n';
}

bool is_secondary(std::string_view name) noexcept {
  return name.starts_with("load.") || name.starts_with("verify.");
}

}  // namespace

Range range_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

std::vector<std::pair<std::string, Range>> ranges_of(const std::vector<Json>& runs) {
  std::vector<std::pair<std::string, Range>> ranges;
  for (auto& [name, values] : values_of(runs))
    ranges.emplace_back(name, range_of(std::move(values)));
  return ranges;
}

Result<Json> compare(const Side& a, const Side& b) {
  const std::vector<Json> of_a = valid_runs(a);
  const std::vector<Json> of_b = valid_runs(b);
  const std::string scenario = of_a.empty() ? std::string() : title_of(of_a.front());
  if (auto checked = check(a, of_a, scenario); !checked) return checked.error();
  if (auto checked = check(b, of_b, scenario); !checked) return checked.error();
  Json json = Json::object();
  json.set("schema", Json::number("1"));
  json.set("kind", Json::string("compare"));
  json.set("scenario", Json::string(scenario));
  json.set("a", json_of(a, of_a.size()));
  json.set("b", json_of(b, of_b.size()));
  json.set("differences", differences(of_a.front(), of_b.front()));
  json.set("figures", all_compared(of_a, of_b));
  return json;
}

std::string compare_table(const Json& comparison, bool everything, bool with_colour) {
  std::vector<Json> rows;
  for (const JsonMember& figure : comparison.find("figures")->members) {
    if (!everything && is_secondary(figure.name)) continue;
    const auto ratio = number_of(figure.value.find("ratio"));
    Json row = Json::object();
    row.set("figure", Json::string(figure.name));
    row.set("a", Json::string(range_text(figure.value, "a", figure.name)));
    row.set("b", Json::string(range_text(figure.value, "b", figure.name)));
    row.set("ratio", Json::string(ratio ? fmt::format("{:.3f}", *ratio) : "-"));
    row.set("verdict", Json::string(std::string(figure.value.text_at("verdict"))));
    rows.push_back(std::move(row));
  }
  std::string text = side_text(comparison, "a") + side_text(comparison, "b");
  for (const Json& each : comparison.find("differences")->items) {
    text +=
        fmt::format("not alike: {} is {} in a, {} in b\n", tools::harmless(each.text_at("name")),
                    tools::harmless(each.text_at("a")), tools::harmless(each.text_at("b")));
  }
  return text + '\n' + tools::table("figure,a,b,ratio,verdict", rows, with_colour);
}

}  // namespace headrace::bench_tools
