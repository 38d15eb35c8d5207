// SPDX-License-Identifier: Apache-2.0
// Files of definitions that `headrace apply` reads. The first byte chooses TOML or JSON.
//
// What is read is the same value when it is printed and read again, at whatever place; three
// readers of JSON agree on what JSON is; places lie in the text. A manifest's resources are
// complete and each there once, and the file printed again says the same.
#include <algorithm>
#include <set>
#include <string>

#include "selector/json.h"
#include "tests/fuzz/input.h"
#include "tools/apply_file.h"
#include "tools/json_value.h"
#include "tools/manifest.h"
#include "tools/same_setting.h"

namespace headrace::tools {
namespace {

using fuzz::require;

constexpr std::string_view kPrintedName = "printed.json";

bool has_place(std::string_view what, const std::string& name) {
  if (!what.starts_with(name + ":")) return false;
  what.remove_prefix(name.size() + 1);
  const std::size_t line = what.find_first_not_of("0123456789");
  return line != 0 && line != std::string_view::npos && what[line] == ':';
}

void check_places(const Json& json, std::size_t lines) {
  require(json.line >= 1 && json.line <= lines && json.column >= 1);
  for (const Json& item : json.items) check_places(item, lines);
  for (const JsonMember& member : json.members) check_places(member.value, lines);
}

// Of members with the same name only the first is looked at, so such an object is not even itself.
bool has_twins(const Json& json) {
  std::set<std::string_view> names;
  for (const JsonMember& member : json.members)
    if (!names.insert(member.name).second || has_twins(member.value)) return true;
  return std::any_of(json.items.begin(), json.items.end(), has_twins);
}

// Reading what is printed changes nothing but the places.
Json check_printing(const Json& json) {
  const std::string printed = to_text(json);
  require(printed.find_first_of("\r\n") == std::string::npos);
  require(!selector::find_json_fault(printed));
  auto again = parse_json(printed);
  require(again && to_text(*again) == printed);
  require(has_twins(json) || same_value(*again, json));
  return std::move(*again);
}

void check_resources(const Manifest& manifest) {
  std::set<std::string> names;
  for (const Resource& resource : manifest.resources) {
    require(names.insert(name_of(resource)).second);
    require(resource.definition.is_object());
    for (const std::string_view member : identity_of(resource.kind))
      require(!resource.definition.text_at(member).empty());
    const std::string_view product = resource.definition.text_at("product");
    require(product.empty() || manifest.products.contains(product));
    for (const JsonMember& member : resource.definition.members)
      require(has_twins(member.value) ||
              same_setting(member.name, resource.definition.text_at("webhook"), member.value,
                           &member.value));
  }
}

void check_manifest(const Json& file, const std::string& name, const Json& printed) {
  const auto manifest = read_manifest(file, name);
  const auto again = read_manifest(printed, std::string(kPrintedName));
  require(manifest.has_value() == again.has_value());
  if (!manifest) {
    const Error& error = manifest.error();
    require(error.code == ErrorCode::kInvalidArgument && !error.items.empty());
    require(error.items.size() == again.error().items.size());
    return;
  }
  check_resources(*manifest);
  require(manifest->apps == again->apps && manifest->products == again->products);
  require(std::equal(manifest->resources.begin(), manifest->resources.end(),
                     again->resources.begin(), again->resources.end(),
                     [](const Resource& a, const Resource& b) {
                       return a.kind == b.kind && to_text(a.definition) == to_text(b.definition);
                     }));
}

void run(std::string_view text, const std::string& name) {
  const auto file = parse_apply_file(text, name);
  const bool is_json = !name.ends_with(".toml");
  if (is_json) require(file.has_value() == !selector::find_json_fault(text));
  if (!file) {
    require(file.error().code == ErrorCode::kMalformed && has_place(file.error().what, name));
    return;
  }
  const auto newlines = std::count(text.begin(), text.end(), '\n');
  check_places(*file, static_cast<std::size_t>(newlines) + 1);
  const Json printed = check_printing(*file);
  check_manifest(*file, name, printed);
}

}  // namespace
}  // namespace headrace::tools

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  headrace::fuzz::Input input(data, size);
  const std::string name = input.byte() % 2 == 0 ? "fuzzed.toml" : "fuzzed.json";
  headrace::tools::run(headrace::fuzz::Exact(input.rest()).view(), name);
  return 0;
}
