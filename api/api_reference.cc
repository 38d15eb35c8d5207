// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <string_view>

#include "api/openapi.h"
#include "api/route_table.h"
#include "api/schemas.h"

namespace headrace::api {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kIntroduction = R"(# The management API

Made from the table in `api/` by `headrace openapi --markdown > docs/api-reference.md`; the same as OpenAPI 3.1 is served at
`/openapi.json` and printed by `headrace openapi`.

- **Keys.** `Authorization: Bearer KEY` on everything below `/v1`. A key belongs to one workspace and has scopes: `read`,
  `write`, `replay`, `admin` (which implies all). The operator's key, in the file `admin.key` of the data directory, has every
  scope in every workspace (`Headrace-Workspace: TAG` names it, `default` otherwise), and alone opens `operator` routes. What
  is in another workspace is answered like what is nowhere.
- **Bodies** are JSON of at most 4 MiB. Members and query parameters that are not known are refused. Samples, filters,
  credentials and payloads are kept to the letter.
- **Problems** are documents of RFC 9457 with a stable `code`, the `request_id`, and where they apply `errors` (JSON pointers
  or parameters), `conflicts` and `position`. Any request may be answered 500, or 503 with Retry-After, when the disk fails.
- **X-Request-Id** is on every answer: the request's own, if it is 1 to 128 of `[A-Za-z0-9._-]`.
- **ETag** and **If-Match**: what has a revision shows it as its ETag; a change with `If-Match` changes only that revision.
  `If-None-Match` on GET answers 304.
- **Lists** answer `{"data": [...], "next": "CURSOR" | null}`; `limit` is 1 to 1000, 100 by default. They are stable under
  insertions.
- **Idempotency-Key** on every POST: the same request with the same key within 24 h is answered as the first one was
  (`Idempotency-Replayed: true`), and not done again. Answers are kept in memory, and the oldest forgotten first.
- **Times** are RFC 3339 with milliseconds; durations are texts like `5s`, `2m`, `24h`, or whole seconds.
- Every GET serves HEAD, too. A path that does not take a method answers 405 with `Allow`.
)";

void append_parameters(const Route& route, std::string& text) {
  for (const std::string_view name : path_names(route.path)) {
    text.append("- `{").append(name).append("}`: ").append(path_description(name)).append("\n");
  }
  for (const Parameter& parameter : parameters_of(route)) {
    text.append("- `?").append(parameter.name).append("=`: ").append(parameter.description);
    for (std::size_t i = 0; i < parameter.choices.size(); ++i)
      text.append(i == 0 ? " One of `" : ", `").append(parameter.choices[i]).append("`");
    text.append(parameter.choices.empty() ? "\n" : ".\n");
  }
}

void append_link(std::string_view component, std::string& text) {
  std::string anchor(component);
  for (char& c : anchor) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  text.append("[").append(component).append("](#").append(anchor).append(")");
}

void append_answers(const Route& route, std::string& text) {
  for (const Answer& answer : route.answers) {
    text.append("- **").append(std::to_string(answer.status)).append("** ");
    text.append(answer.description);
    const bool is_component = answer.schema != "Metrics" && answer.schema != "Document";
    if (!answer.schema.empty() && is_component) {
      text.append(route.is_list ? " Of " : " ");
      append_link(answer.schema, text);
    }
    text.append(route.has_etag ? " With an ETag.\n" : "\n");
  }
  const auto failures = failures_of(route);
  for (std::size_t i = 0; i < failures.size(); ++i) {
    text.append(i == 0 ? "- Problems: " : ", ");
    text.append(std::to_string(failures[i].status)).append(" `").append(failures[i].code);
    text.append("`");
  }
  if (!failures.empty()) text.append("\n");
}

void append_route(const Route& route, std::string& text) {
  text.append("\n### ").append(core::to_string(route.method)).append(" ").append(route.path);
  text.append("\n\n").append(route.summary).append(".");
  if (!route.description.empty()) text.append(" ").append(route.description);
  text.append(" Scope: `").append(to_string(route.access)).append("`. Operation: `");
  text.append(route.id).append("`.\n\n");
  append_parameters(route, text);
  if (!route.body.empty()) {
    text.append("- Body").append(route.body_is_optional ? " (may be absent): " : ": ");
    append_link(route.body, text);
    text.append("\n");
  }
  if (route.takes_if_match) text.append("- `If-Match` is looked at.\n");
  append_answers(route, text);
}

void append_choice(const Json& choice, bool is_first, std::string& text) {
  text.append(is_first ? "" : " or ");
  text.append(choice.is_null() ? "null" : "`" + choice.get<std::string>() + "`");
}

// "string or null", "list of Event"
void append_type(const Json& schema, std::string& text) {
  if (schema.contains("$ref")) {
    const auto name = schema["$ref"].get<std::string>();
    append_link(std::string_view(name).substr(name.rfind('/') + 1), text);
  } else if (schema.contains("oneOf")) {
    append_type(schema["oneOf"][0], text);
    text.append(" or null");
  } else if (schema.contains("enum")) {
    for (std::size_t i = 0; i < schema["enum"].size(); ++i)
      append_choice(schema["enum"][i], i == 0, text);
  } else if (schema.contains("const")) {
    text.append("`").append(schema["const"].get<std::string>()).append("`");
  } else if (schema.contains("type") && schema["type"].is_array()) {
    for (std::size_t i = 0; i < schema["type"].size(); ++i)
      text.append(i == 0 ? "" : " or ").append(schema["type"][i].get<std::string>());
  } else {
    text.append(schema.contains("type") ? schema["type"].get<std::string>() : "any JSON");
  }
  if (!schema.contains("items")) return;
  text.append(" of ");
  append_type(schema["items"], text);
}

bool is_required(const Json& schema, const std::string& member) {
  if (!schema.contains("required")) return false;
  for (const Json& name : schema["required"]) {
    if (name == member) return true;
  }
  return false;
}

void append_members(const Json& schema, const std::string& indent, std::string& text) {
  if (schema.contains("items")) return append_members(schema["items"], indent, text);
  if (!schema.contains("properties")) return;
  for (const auto& [name, member] : schema["properties"].items()) {
    text.append(indent).append("- `").append(name).append("`: ");
    append_type(member, text);
    if (is_required(schema, name)) text.append(", always");
    if (member.contains("description"))
      text.append(". ").append(member["description"].get<std::string>());
    text.append("\n");
    append_members(member, indent + "  ", text);
  }
}

void append_component(const Component& component, std::string& text) {
  const Json schema = Json::parse(component.json);
  text.append("\n### ").append(component.name).append("\n\n");
  if (schema.contains("description"))
    text.append(schema["description"].get<std::string>()).append("\n\n");
  if (schema.contains("properties")) {
    append_members(schema, "", text);
  } else {
    text.append("Type: ");
    append_type(schema, text);
    text.append("\n");
  }
}

}  // namespace

std::string api_reference() {
  std::string text(kIntroduction);
  std::string_view tag;
  for (const Route& route : route_table()) {
    if (route.tag != tag) text.append("\n## ").append(route.tag).append("\n");
    tag = route.tag;
    append_route(route, text);
  }
  text.append("\n## Shapes\n\n\"always\": the member is always there, or has to be given.\n");
  for (const Component& component : components()) append_component(component, text);
  return text;
}

}  // namespace headrace::api
