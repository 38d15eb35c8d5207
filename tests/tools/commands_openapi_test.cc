// SPDX-License-Identifier: Apache-2.0
// The table of commands held to the API's own description: every route, parameter and member that
// a command names is there, and every route has a command.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "api/openapi.h"
#include "tools/commands.h"
#include "tools/json_value.h"

namespace headrace::tools {
namespace {

const Json& document() {
  static const Json json = [] {
    auto parsed = parse_json(api::openapi_document());
    EXPECT_TRUE(parsed);
    return parsed ? *parsed : Json{};
  }();
  return json;
}

// What a chain of names leads to; null: nothing.
const Json* at(const Json* json, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) json = json == nullptr ? nullptr : json->find(name);
  return json;
}

// Where a "$ref" leads to, or the value itself.
const Json* resolved(const Json* json) {
  const Json* reference = at(json, {"$ref"});
  if (reference == nullptr) return json;
  const std::string& text = reference->text;  // "#/components/schemas/Name"
  return at(&document(), {"components",
                          text.find("/parameters/") != std::string::npos ? "parameters" : "schemas",
                          std::string_view(text).substr(text.rfind('/') + 1)});
}

std::string lower(std::string_view text) {
  std::string all(text);
  for (char& c : all) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return all;
}

// A path with and without its optional part.
std::vector<std::string> paths_of(std::string_view path) {
  const std::size_t open = path.find('[');
  if (open == std::string_view::npos) return {std::string(path)};
  const std::size_t close = path.find(']');
  const std::string begin(path.substr(0, open));
  const std::string end(path.substr(close + 1));
  return {begin + end, begin + std::string(path.substr(open + 1, close - open - 1)) + end};
}

std::vector<const Json*> operations_of(const Command& command) {
  std::vector<const Json*> all;
  for (const std::string& path : paths_of(command.path)) {
    const Json* operation = at(&document(), {"paths", path, lower(to_string(command.method))});
    EXPECT_NE(operation, nullptr) << to_string(command.method) << " " << path;
    if (operation != nullptr) all.push_back(operation);
  }
  return all;
}

std::set<std::string> parameters_of(const Json& operation) {
  std::set<std::string> names;
  const Json* parameters = operation.find("parameters");
  if (parameters == nullptr) return names;
  for (const Json& parameter : parameters->items)
    names.emplace(resolved(&parameter)->text_at("name"));
  return names;
}

const Json* members_of(const Json& operation) {
  const Json* schema = at(&operation, {"requestBody", "content", "application/json", "schema"});
  return at(resolved(schema), {"properties"});
}

TEST(CommandsOpenapiTest, EveryCommandIsARouteOfTheApi) {
  for (const Command& command : all_commands())
    EXPECT_FALSE(operations_of(command).empty()) << command.words;
}

TEST(CommandsOpenapiTest, EveryFlagIsAParameterOrAMember) {
  for (const Command& command : all_commands()) {
    for (const Json* operation : operations_of(command)) {
      const auto parameters = parameters_of(*operation);
      for (const Field& field : fields_of(command)) {
        const std::string member(field.member);
        if (field.place == Place::kQuery) {
          EXPECT_TRUE(parameters.contains(member)) << command.words << " " << member;
        }
        if (field.place == Place::kBody) {
          EXPECT_NE(at(members_of(*operation), {member}), nullptr)
              << command.words << " " << member;
        }
        if (field.place == Place::kIfMatch) {
          EXPECT_TRUE(parameters.contains("If-Match")) << command.words;
        }
        if (field.place == Place::kIdempotencyKey) {
          EXPECT_TRUE(parameters.contains("Idempotency-Key")) << command.words;
        }
      }
    }
  }
}

TEST(CommandsOpenapiTest, EveryParameterHasAFlag) {
  for (const Command& command : all_commands()) {
    std::set<std::string> known = {"If-None-Match", "X-Request-Id", "Headrace-Workspace"};
    for (const Placeholder& placeholder : placeholders(command.path))
      known.insert(placeholder.name);
    for (const Field& field : fields_of(command)) known.emplace(field.member);
    if (command.has_revision) known.insert("If-Match");
    if (command.method == Method::kPost) known.insert("Idempotency-Key");
    for (const Json* operation : operations_of(command)) {
      for (const std::string& name : parameters_of(*operation))
        EXPECT_TRUE(known.contains(name)) << command.words << " " << name;
    }
  }
}

TEST(CommandsOpenapiTest, EveryRouteHasACommand) {
  // What a more general list with --product shows as well.
  const std::set<std::string> covered = {"get /v1/products/{product}/links"};
  std::set<std::string> known;
  for (const Command& command : all_commands()) {
    for (const std::string& path : paths_of(command.path))
      known.insert(lower(to_string(command.method)) + " " + path);
  }
  const Json* paths = document().find("paths");
  ASSERT_NE(paths, nullptr);
  for (const JsonMember& path : paths->members) {
    if (!path.name.starts_with("/v1/")) continue;
    for (const JsonMember& operation : path.value.members) {
      const std::string route = operation.name + " " + path.name;
      if (operation.name == "parameters" || covered.contains(route)) continue;
      EXPECT_TRUE(known.contains(route)) << route;
    }
  }
}

TEST(CommandsOpenapiTest, EveryColumnOfATableIsAMemberOfTheItems) {
  for (const Command& command : all_commands()) {
    if (!command.is_list()) continue;
    const Json* schema =
        resolved(at(operations_of(command).front(),
                    {"responses", "200", "content", "application/json", "schema"}));
    const Json* item = resolved(at(schema, {"properties", "data", "items"}));
    ASSERT_NE(item, nullptr) << command.words;
    std::string_view columns = command.columns;
    while (!columns.empty()) {
      const std::string_view column = columns.substr(0, columns.find(','));
      columns.remove_prefix(std::min(column.size() + 1, columns.size()));
      EXPECT_NE(at(item, {"properties", column.substr(0, column.find('.'))}), nullptr)
          << command.words << " " << column;
    }
  }
}

}  // namespace
}  // namespace headrace::tools
