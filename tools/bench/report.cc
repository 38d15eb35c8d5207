// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "tools/output.h"

namespace headrace::bench_tools {
namespace {

struct Percentile {
  double percent;
  std::string_view member;
  std::string_view title;
};
constexpr std::array kPercentiles = {
    Percentile{50, "p50", "p50"},          Percentile{90, "p90", "p90"},
    Percentile{99, "p99", "p99"},          Percentile{99.9, "p99_9", "p99.9"},
    Percentile{99.99, "p99_99", "p99.99"}, Percentile{100, "max", "max"}};

// What is shown above the figures, and not among them.
constexpr std::array<std::string_view, 3> kHeads = {"headrace", "machine", "configuration"};

bool is_head(std::string_view name) noexcept {
  return std::any_of(kHeads.begin(), kHeads.end(), [name](std::string_view head) {
    return name.starts_with(head) && name.substr(head.size()).starts_with('.');
  });
}

void find_latencies(const Json& json, const std::string& name, std::vector<Latency>& found) {
  if (json.find("p50_us") != nullptr) {
    found.push_back({name, &json, "_us", 1});
  } else if (json.find("p50") != nullptr) {
    found.push_back({name, &json, "", unit_of(name).scale / 1e3});
  } else {
    for (const JsonMember& member : json.members)
      find_latencies(member.value, name.empty() ? member.name : name + '.' + member.name, found);
  }
}

std::string scalar(const Json& json) {
  return tools::harmless(json.is_string() ? json.text : to_text(json));
}

std::string head_line(std::string_view name, const Json& object) {
  std::string text;
  for (const JsonMember& member : object.members) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", tools::harmless(member.name),
                        scalar(member.value));
  }
  return fmt::format("  {:<14} {}\n", name, text);
}

std::string heads_of(const Json& result) {
  std::string text;
  for (const std::string_view head : kHeads) {
    const Json* object = result.find(head);
    if (object != nullptr && object->is_object()) text += head_line(head, *object);
  }
  return text;
}

std::string latency_table(const Json& result, bool with_colour) {
  std::vector<Json> rows;
  for (const Latency& latency : latencies_of(result)) {
    Json row = Json::object();
    row.set("latency", Json::string(latency.name));
    for (const Percentile& each : kPercentiles) {
      const auto us = latency.us(each.member);
      row.set(each.member, Json::string(us ? readable(*us, "_us") : ""));
    }
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return {};
  return '\n' + tools::table("latency,p50,p90,p99,p99_9,p99_99,max", rows, with_colour);
}

std::string figure_lines(const Json& result) {
  const std::vector<Latency> latencies = latencies_of(result);
  const auto is_of_latency = [&latencies](std::string_view name) {
    return std::any_of(latencies.begin(), latencies.end(), [name](const Latency& latency) {
      return name.starts_with(latency.name) && name.substr(latency.name.size()).starts_with('.');
    });
  };
  std::string text;
  for (const Figure& figure : figures_of(result)) {
    const bool is_of_load = kind_of(result) == ResultKind::kRun && figure.name.starts_with("load.");
    if (is_head(figure.name) || is_of_latency(figure.name) || is_of_load) continue;
    text += fmt::format("  {:<44} {}\n", tools::harmless(figure.name),
                        readable(figure.value, figure.name));
  }
  return text;
}

std::string steps_table(const Json& result, bool with_colour) {
  const Json* steps = result.find("steps");
  if (steps == nullptr || !steps->is_array()) return {};
  return '\n' + tools::table(
                    "per_s,carried,accepted_per_s,late_share,latency_from_due_us.p50,"
                    "latency_from_due_us.p99",
                    steps->items, with_colour);
}

std::optional<Curve> listed_curve(const JsonMember& member) {
  Curve curve{member.name, {}, 0};
  for (const Json& point : member.value.items) {
    const bool is_pair = point.items.size() == 2;
    const auto percent = is_pair ? number_of(&point.items[0]) : std::nullopt;
    const auto us = is_pair ? number_of(&point.items[1]) : std::nullopt;
    if (percent && us) curve.points.emplace_back(*percent, *us);
  }
  if (curve.points.empty()) return std::nullopt;
  return curve;
}

Curve curve_of(const Latency& latency) {
  Curve curve{latency.name, {}, 0};
  for (const Percentile& each : kPercentiles) {
    if (const auto us = latency.us(each.member)) curve.points.emplace_back(each.percent, *us);
  }
  return curve;
}

}  // namespace

std::string title_of(const Json& result) {
  if (kind_of(result) == ResultKind::kRun) return std::string(result.text_at("scenario"));
  return kind_of(result) == ResultKind::kKnee ? "knee" : "load";
}

bool is_valid(const Json& result) noexcept {
  const Json* valid = result.find("valid");
  return valid == nullptr || valid->text != "false";
}

std::vector<std::string> reasons_of(const Json& result) {
  std::vector<std::string> reasons;
  if (const Json* list = result.find("invalid_because")) {
    for (const Json& reason : list->items) reasons.push_back(reason.text);
  }
  if (reasons.empty() && !is_valid(result)) reasons.emplace_back("no reason is given");
  return reasons;
}

std::optional<double> Latency::us(std::string_view percentile) const noexcept {
  std::string member(percentile);
  const auto value = number_of(summary->find(member.append(member_end)));
  return value ? std::optional(*value * scale) : std::nullopt;
}

std::vector<Latency> latencies_of(const Json& result) {
  std::vector<Latency> found;
  if (const Json* measured = result.find("measured")) find_latencies(*measured, "", found);
  for (const JsonMember& member : result.members) {
    if (member.name != "measured") find_latencies(member.value, member.name, found);
  }
  return found;
}

std::vector<Curve> curves_of(const Json& result) {
  std::vector<Curve> curves;
  const std::vector<Latency> latencies = latencies_of(result);
  if (const Json* listed = result.find("percentiles")) {
    for (const JsonMember& member : listed->members) {
      if (auto curve = listed_curve(member)) curves.push_back(std::move(*curve));
    }
  }
  for (const Latency& latency : latencies) {
    const auto same = std::find_if(curves.begin(), curves.end(), [&latency](const Curve& curve) {
      return curve.name == latency.name;
    });
    const auto count =
        static_cast<std::uint64_t>(number_of(latency.summary->find("count")).value_or(0));
    if (same != curves.end()) {
      same->count = count;
    } else if (latency.name.find('.') == std::string::npos) {  // not the load's within a run
      curves.push_back(curve_of(latency));
      curves.back().count = count;
    }
  }
  return curves;
}

std::string report_table(const Json& result, bool with_colour) {
  std::string title = tools::harmless(title_of(result));
  if (const auto started = result.text_at("started_at"); !started.empty())
    title += ", " + tools::harmless(started);
  std::string text = tools::painted(title, tools::Paint::kBold, with_colour) + '\n';
  for (const std::string& reason : reasons_of(result)) {
    text +=
        tools::painted("  INVALID: " + tools::harmless(reason), tools::Paint::kRed, with_colour);
    text += '\n';
  }
  text += heads_of(result) + figure_lines(result);
  return text + latency_table(result, with_colour) + steps_table(result, with_colour);
}

std::string percentiles_text(const Curve& curve) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount",
                 "1/(1-Percentile)");
  for (const auto& [percent, us] : curve.points) {
    const double share = percent / 100;
    const auto seen =
        static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(curve.count)));
    fmt::format_to(out, "{:12.3f} {:2.12f} {:10d}", us, share, seen);
    if (share < 1) fmt::format_to(out, " {:14.2f}", 1 / (1 - share));
    text += '\n';
  }
  const double max = curve.points.empty() ? 0 : curve.points.back().second;
  fmt::format_to(out, "#[Max     = {:12.3f}, Total count    = {:12d}]\n", max, curve.count);
  return text;
}

}  // namespace headrace::bench_tools
