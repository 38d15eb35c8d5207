// SPDX-License-Identifier: Apache-2.0
#include "tools/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace headrace::tools {
namespace {

constexpr std::string_view kNothing = "-";
constexpr std::size_t kGap = 2;  // spaces between columns

using Row = std::vector<std::string>;

// Columns that it takes on a terminal: code points, as most are one wide.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string scalar_text(const Json& json) {
  if (json.kind == Json::Kind::kNull || (json.is_string() && json.text.empty()))
    return std::string(kNothing);
  return json.is_string() ? harmless(json.text) : harmless(to_text(json));
}

bool is_scalar(const Json& json) { return !json.is_array() && !json.is_object(); }

// What a cell shows: scalars as they are, a list of scalars with commas, anything else as JSON.
std::string value_text(const Json& json) {
  if (!json.is_array() || !std::all_of(json.items.begin(), json.items.end(), is_scalar))
    return scalar_text(json);
  std::string all;
  for (const Json& item : json.items) {
    if (!all.empty()) all += ',';
    all += scalar_text(item);
  }
  return all.empty() ? std::string(kNothing) : all;
}

std::string cell(const Json& row, std::string_view path) {
  const std::size_t dot = path.find('.');
  const Json* member = row.find(path.substr(0, dot));
  if (member == nullptr) return std::string(kNothing);
  if (dot == std::string_view::npos) return value_text(*member);
  const std::string_view rest = path.substr(dot + 1);
  if (!member->is_array()) return cell(*member, rest);
  std::string all;
  for (const Json& item : member->items) {
    if (!all.empty()) all += ',';
    all += cell(item, rest);
  }
  return all.empty() ? std::string(kNothing) : all;
}

// "envs.slug" is headed ENVS SLUG.
std::string title(std::string_view path) {
  std::string text(path);
  for (char& c : text) {
    if (c == '.' || c == '_') c = ' ';
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return text;
}

std::vector<std::string> split_columns(std::string_view columns) {
  std::vector<std::string> paths;
  while (!columns.empty()) {
    const std::size_t comma = std::min(columns.find(','), columns.size());
    paths.emplace_back(columns.substr(0, comma));
    columns.remove_prefix(std::min(comma + 1, columns.size()));
  }
  return paths;
}

std::string aligned(const Row& row, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    line += row[i];
    if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + kGap, ' ');
  }
  return line;
}

std::string layout(const Row& titles, const std::vector<Row>& rows, bool with_colour) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < titles.size(); ++i) {
    std::size_t width = width_of(titles[i]);
    for (const Row& row : rows) width = std::max(width, width_of(row[i]));
    widths.push_back(width);
  }
  std::string text = painted(aligned(titles, widths), Paint::kBold, with_colour) + '\n';
  for (const Row& row : rows) text += aligned(row, widths) + '\n';
  return text;
}

bool is_list_of_objects(const Json& json) {
  return json.is_array() && !json.items.empty() &&
         std::all_of(json.items.begin(), json.items.end(),
                     [](const Json& item) { return item.is_object(); });
}

// The names of all members of all items, in the order in which they come up.
std::string columns_of(const Json& list) {
  std::vector<std::string_view> names;
  for (const Json& item : list.items) {
    for (const JsonMember& member : item.members) {
      if (std::find(names.begin(), names.end(), member.name) == names.end())
        names.push_back(member.name);
    }
  }
  return fmt::format("{}", fmt::join(names, ","));
}

std::string listed(const Json& problem, std::string_view list, std::string_view where) {
  const Json* items = problem.find(list);
  std::string text;
  if (items == nullptr) return text;
  for (const Json& item : items->items) {
    text += "\n  " + harmless(item.text_at(where));
    if (const auto detail = item.text_at("detail"); !detail.empty())
      text += ": " + harmless(detail);
  }
  return text;
}

}  // namespace

std::optional<Format> parse_format(std::string_view text) noexcept {
  if (text == "table") return Format::kTable;
  if (text == "json") return Format::kJson;
  if (text == "ndjson") return Format::kNdjson;
  return std::nullopt;
}

std::string table(std::string_view columns, const std::vector<Json>& rows, bool with_colour) {
  const std::vector<std::string> paths = split_columns(columns);
  Row titles;
  for (const std::string& path : paths) titles.push_back(title(path));
  std::vector<Row> cells;
  for (const Json& row : rows) {
    Row& line = cells.emplace_back();
    for (const std::string& path : paths) line.push_back(cell(row, path));
  }
  return layout(titles, cells, with_colour);
}

std::string details(const Json& object, bool with_colour) {
  std::size_t width = 0;
  for (const JsonMember& member : object.members)
    width = std::max(width, width_of(harmless(member.name)));
  std::string text;
  std::string tables;
  for (const JsonMember& member : object.members) {
    const std::string name = title(harmless(member.name));
    if (is_list_of_objects(member.value)) {
      tables += '\n' + painted(name, Paint::kBold, with_colour) + '\n' +
                table(columns_of(member.value), member.value.items, with_colour);
    } else {
      text += painted(name, Paint::kBold, with_colour);
      text.append(width - width_of(name) + kGap, ' ');
      text += value_text(member.value) + '\n';
    }
  }
  return text + tables;
}

std::string problem_text(int status, std::string_view body) {
  const auto problem = parse_json(body);
  if (!problem || !problem->is_object()) return fmt::format("the daemon answered {}", status);
  std::string what = harmless(problem->text_at("detail"));
  if (what.empty()) what = harmless(problem->text_at("title"));
  if (const std::string code = harmless(problem->text_at("code")); !code.empty())
    what += fmt::format(" ({})", code);
  what = fmt::format("{}: {}", status, what);
  if (const Json* position = problem->find("position"))
    what += fmt::format("\n  at position {}", harmless(to_text(*position)));
  what += listed(*problem, "errors", "pointer");
  what += listed(*problem, "conflicts", "resource");
  if (const auto request = problem->text_at("request_id"); !request.empty())
    what += fmt::format("\n  request {}", harmless(request));
  return what;
}

std::string harmless(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters, too; in UTF-8 they begin with 0xC2.
    const bool is_c1 =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
      shown += text[i] == '\n' ? "\\n" : text[i] == '\t' ? "\\t" : "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else if (is_c1) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else {
      shown += text[i];
    }
  }
  return shown;
}

std::string painted(std::string_view text, Paint paint, bool with_colour) {
  constexpr int kCodes[] = {1, 32, 33, 31};
  if (!with_colour) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(paint)], text);
}

}  // namespace headrace::tools
