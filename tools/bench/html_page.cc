// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/html_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "core/encoding.h"
#include "core/hmac.h"
#include "tools/bench/compare.h"
#include "tools/bench/report.h"
#include "tools/bench/web_assets.h"
#include "tools/output.h"

namespace headrace::bench_tools {
namespace {

constexpr std::string_view kThreads = "cpu_us_per_event_by_thread";

// --- the frame ---

// A source of a policy (CSP level 2): exactly this text may run.
std::string source_of(std::string_view text) {
  return fmt::format("'sha256-{}'",
                     core::to_base64(core::digest_of(core::Hash::kSha256, text).view()));
}

// The licence asks to be part of every copy.
std::string plot_script() {
  return fmt::format("/*! uPlot\n\n{}*/\n{}", web::kUplotLicence, web::kUplotScript);
}

std::string policy(std::string_view plot) {
  return fmt::format(
      "default-src 'none'; script-src {} {}; style-src {} {}; base-uri 'none'; form-action 'none'",
      source_of(plot), source_of(web::kReportScript), source_of(web::kUplotStyle),
      source_of(web::kReportStyle));
}

void append_head(std::string& page, std::string_view title, std::string_view plot) {
  fmt::format_to(
      std::back_inserter(page),
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
      policy(plot), html_escaped(title), web::kUplotStyle, web::kReportStyle);
}

void append_scripts(std::string& page, const std::vector<Json>& results, std::string_view plot) {
  fmt::format_to(std::back_inserter(page),
                 "<script type=\"application/json\" id=\"results\">{}</script>\n"
                 "<script>{}</script>\n<script>{}</script>\n</main>\n</body>\n</html>\n",
                 script_escaped(to_text(Json::array(results))), plot, web::kReportScript);
}

// --- tables ---

std::string cell(std::string_view text, bool is_number = false) {
  return fmt::format("<td{}>{}</td>", is_number ? " class=\"number\"" : "", html_escaped(text));
}

std::string row(std::string_view name, const std::vector<std::string>& cells) {
  return fmt::format("<tr><th scope=\"row\">{}</th>{}</tr>\n", html_escaped(name),
                     fmt::join(cells, ""));
}

// `titles` heads the columns; those behind the first hold numbers. Nothing, where there is no row.
std::string table(std::string_view heading, const std::vector<std::string_view>& titles,
                  std::string_view rows) {
  if (rows.empty()) return {};
  std::string head;
  for (std::size_t i = 0; i < titles.size(); ++i)
    head +=
        fmt::format("<th scope=\"col\"{}>{}</th>", i == 0 ? "" : " class=\"number\"", titles[i]);
  if (!head.empty()) head = fmt::format("<thead><tr>{}</tr></thead>\n", head);
  return fmt::format(
      "<div><h3>{}</h3>\n<div class=\"wide\"><table>\n{}<tbody>\n{}</tbody></table></div></div>\n",
      html_escaped(heading), head, rows);
}

std::string members_table(std::string_view heading, const Json* object) {
  if (object == nullptr || !object->is_object()) return {};
  std::string rows;
  for (const JsonMember& member : object->members) {
    const Json& value = member.value;
    const auto number = number_of(&value);
    const bool has_unit = unit_of(member.name).dimension != Dimension::kNone;
    rows += row(member.name, {cell(number && has_unit  ? readable(*number, member.name)
                                   : value.is_string() ? value.text
                                                       : to_text(value))});
  }
  return table(heading, {}, rows);
}

bool is_among(std::string_view name, const std::vector<Latency>& latencies) {
  return std::any_of(latencies.begin(), latencies.end(), [name](const Latency& latency) {
    return name.starts_with(latency.name) && name.substr(latency.name.size()).starts_with('.');
  });
}

// The figures of the run itself; what load and verify said has tables of its own.
std::string figures_table(const Json& result) {
  const std::vector<Latency> latencies = latencies_of(result);
  constexpr std::array<std::string_view, 6> kElsewhere = {"load.",     "verify.",        "machine.",
                                                          "headrace.", "configuration.", kThreads};
  std::string rows;
  for (const Figure& figure : figures_of(result)) {
    const bool is_elsewhere =
        is_among(figure.name, latencies) ||
        std::any_of(kElsewhere.begin(), kElsewhere.end(),
                    [&figure](std::string_view prefix) { return figure.name.starts_with(prefix); });
    if (!is_elsewhere) rows += row(figure.name, {cell(readable(figure.value, figure.name), true)});
  }
  return table("Figures", {"figure", "value"}, rows);
}

std::string part_table(std::string_view heading, std::string_view part, const Json& result) {
  const std::vector<Latency> latencies = latencies_of(result);
  std::string rows;
  for (const Figure& figure : figures_of(result)) {
    if (figure.name.starts_with(part) && !is_among(figure.name, latencies))
      rows +=
          row(figure.name.substr(part.size()), {cell(readable(figure.value, figure.name), true)});
  }
  return table(heading, {"figure", "value"}, rows);
}

std::string latency_rows(const Json& result) {
  constexpr std::array<std::string_view, 5> kMembers = {"p50", "p90", "p99", "p99_9", "max"};
  std::string rows;
  for (const Latency& latency : latencies_of(result)) {
    std::vector<std::string> cells;
    for (const std::string_view member : kMembers) {
      const auto us = latency.us(member);
      cells.push_back(cell(us ? readable(*us, "_us") : "–", true));
    }
    rows += row(latency.name, cells);
  }
  return rows;
}

std::string threads_table(const Json& result) {
  const Json* measured = result.find("measured");
  const Json* threads = measured == nullptr ? nullptr : measured->find(kThreads);
  if (threads == nullptr || !threads->is_object()) return {};
  double most = 0;
  for (const JsonMember& thread : threads->members)
    most = std::max(most, number_of(&thread.value).value_or(0));
  std::string rows;
  for (const JsonMember& thread : threads->members) {
    const double us = number_of(&thread.value).value_or(0);
    rows += row(
        thread.name,
        {fmt::format("<td><meter min=\"0\" max=\"{0:.3f}\" value=\"{1:.3f}\">{1:.3f}</meter></td>",
                     most, us),
         cell(readable(us, "_us"), true)});
  }
  return table("CPU per event by thread", {}, rows);
}

std::string ranges_table(const std::vector<Json>& results) {
  std::string rows;
  for (const auto& [name, range] : ranges_of(results)) {
    if (name.starts_with("load.") || name.starts_with("verify.")) continue;
    rows +=
        row(name, {cell(readable(range.median, name), true), cell(readable(range.min, name), true),
                   cell(readable(range.max, name), true)});
  }
  return table("All runs", {"figure", "median", "least", "most"}, rows);
}

// --- sections ---

std::string verdict(const Json& result) {
  std::string text;
  for (const std::string& reason : reasons_of(result))
    text += fmt::format("<p class=\"bad\">invalid: {}</p>\n", html_escaped(reason));
  return text.empty() ? "<p class=\"good\">valid</p>\n" : text;
}

void append_result(std::string& page, const Json& result, std::size_t index, std::size_t count) {
  const std::string number = count == 1 ? "" : fmt::format("{}: ", index + 1);
  fmt::format_to(
      std::back_inserter(page),
      "<section>\n<h2>{}{}</h2>\n<p>{}</p>\n{}<div class=\"charts\" id=\"charts-{}\"></div>\n",
      number, html_escaped(title_of(result)), html_escaped(result.text_at("started_at")),
      verdict(result), index);
  page += table("Latency", {"", "p50", "p90", "p99", "p99.9", "max"}, latency_rows(result));
  page += "<div class=\"tables\">\n";
  page += figures_table(result) + threads_table(result);
  page += part_table("Deliveries, verified", "verify.", result);
  page += part_table("Load", "load.", result);
  page += members_table("Configuration", result.find("configuration"));
  page += members_table("Build", result.find("headrace"));
  page += members_table("Machine", result.find("machine"));
  page += "</div>\n</section>\n";
}

std::string page_title(const std::vector<Json>& results) {
  std::vector<std::string> names;
  for (const Json& result : results) {
    std::string name = title_of(result);
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  }
  return fmt::format("{}: {} run{}", fmt::join(names, ", "), results.size(),
                     results.size() == 1 ? "" : "s");
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : tools::harmless(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// In JSON these characters stand in strings only, where an escape means the same. U+2028 and U+2029
// (E2 80 A8 and A9) were ends of lines to older JavaScript.
std::string script_escaped(std::string_view json) {
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    const std::string_view three = json.substr(i, 3);
    if (c == '<' || c == '>' || c == '&') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else if (three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9") {
      out += three.back() == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

std::string html_page(const std::vector<Json>& results) {
  const std::string plot = plot_script();
  const std::string title = page_title(results);
  std::string page;
  append_head(page, title, plot);
  fmt::format_to(
      std::back_inserter(page),
      "<h1>{}</h1>\n<noscript><p>The charts need scripts; the tables do not.</p></noscript>\n"
      "<div class=\"charts\" id=\"overview\"></div>\n",
      html_escaped(title));
  const bool are_alike = std::all_of(
      results.begin(), results.end(),
      [&results](const Json& result) { return title_of(result) == title_of(results.front()); });
  if (results.size() > 1 && are_alike) page += ranges_table(results);
  for (std::size_t i = 0; i < results.size(); ++i)
    append_result(page, results[i], i, results.size());
  append_scripts(page, results, plot);
  return page;
}

}  // namespace headrace::bench_tools
