// SPDX-License-Identifier: Apache-2.0
#include "tools/apply_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace headrace::tools {
namespace {

std::string place(const std::string& name, std::uint32_t line, std::uint32_t column) {
  return fmt::format("{}:{}:{}", name, line, column);
}

Error malformed(const std::string& name, const toml::source_region& source, std::string_view what) {
  return Error{ErrorCode::kMalformed,
               fmt::format("{}: {}", place(name, source.begin.line, source.begin.column), what)};
}

// Turns TOML into the JSON that the daemon understands.
class Converter {
 public:
  explicit Converter(const std::string& name) : name_(name) {}

  Result<Json> value(const toml::node& node) {
    auto json = bare_value(node);
    if (!json) return json;
    json->line = node.source().begin.line;
    json->column = node.source().begin.column;
    return json;
  }

 private:
  Result<Json> bare_value(const toml::node& node) {
    if (const auto* table = node.as_table()) return object(*table);
    if (const auto* array = node.as_array()) return list(*array);
    if (const auto* text = node.as_string()) return Json::string(text->get());
    if (const auto* flag = node.as_boolean()) return Json::boolean(flag->get());
    if (const auto* number = node.as_integer())
      return Json::number(fmt::format("{}", number->get()));
    if (const auto* number = node.as_floating_point(); number && std::isfinite(number->get()))
      return Json::number(fmt::format("{}", number->get()));
    return malformed(name_, node.source(), "a date, or no number; write it as a text");
  }

  // In the order of the text; the library keeps its tables sorted by name.
  Result<Json> object(const toml::table& table) {
    Json json = Json::object();
    for (const auto& [key, node] : table) {
      auto member = value(node);
      if (!member) return member;
      // A table's own region is that of its first header line; its key's is where it is named.
      json.members.push_back({std::string(key.str()), std::move(*member)});
    }
    std::stable_sort(json.members.begin(), json.members.end(),
                     [](const JsonMember& left, const JsonMember& right) {
                       return std::pair(left.value.line, left.value.column) <
                              std::pair(right.value.line, right.value.column);
                     });
    return json;
  }

  Result<Json> list(const toml::array& array) {
    Json json = Json::array();
    for (const toml::node& node : array) {
      auto item = value(node);
      if (!item) return item;
      json.items.push_back(std::move(*item));
    }
    return json;
  }

  const std::string& name_;
};

// The library reports by exception; they end here.
Result<Json> parse_toml(std::string_view text, const std::string& name) {
  try {
    const toml::table table = toml::parse(text, name);
    return Converter(name).value(table);
  } catch (const toml::parse_error& error) {
    return malformed(name, error.source(), error.description());
  }
}

Result<Json> parse_json_file(std::string_view text, const std::string& name) {
  auto json = parse_json(text);
  if (json) return json;
  const auto offset = static_cast<std::size_t>(json.error().detail);
  const std::string_view before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto column = offset - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  const std::string& what = json.error().what;
  return Error{ErrorCode::kMalformed,
               fmt::format("{}:{}:{}: {}", name, line, column, what.substr(what.find(": ") + 2))};
}

}  // namespace

Result<Json> parse_apply_file(std::string_view text, const std::string& name) {
  return name.ends_with(".toml") ? parse_toml(text, name) : parse_json_file(text, name);
}

std::string place_of(const Json& json, const std::string& name) {
  return place(name, json.line, json.column);
}

}  // namespace headrace::tools
