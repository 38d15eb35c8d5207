// SPDX-License-Identifier: Apache-2.0
#include "api/openapi.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "api/route_table.h"
#include "api/schemas.h"
#include "headrace/engine.h"
#include "ingest/http_server.h"

namespace headrace::api {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kProblemType = "application/problem+json";

Json reference(std::string_view component) {
  return {{"$ref", "#/components/schemas/" + std::string(component)}};
}

std::string lower(std::string_view method) {
  std::string text(method);
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

Json id_schema(const char* prefix) {
  return {{"type", "string"}, {"pattern", "^" + std::string(prefix) + "[0-9A-Za-z]{22}$"}};
}

Json schema_of(const Parameter& parameter) {
  switch (parameter.kind) {
    case ParameterKind::kText:
    case ParameterKind::kCursor:
      return {{"type", "string"}};
    case ParameterKind::kLimit:
      return {{"type", "integer"}, {"minimum", 1}, {"maximum", 1000}, {"default", 100}};
    case ParameterKind::kFlag:
      return {{"type", "boolean"}};
    case ParameterKind::kTime:
      return {{"type", "string"}, {"format", "date-time"}};
    case ParameterKind::kHttpStatus:
      return {{"type", "integer"}, {"minimum", 0}, {"maximum", 999}};
    case ParameterKind::kChoice:
      return {{"type", "string"}, {"enum", parameter.choices}};
    case ParameterKind::kLinkId:
      return id_schema("lnk_");
    case ParameterKind::kEndpointId:
      return id_schema("ep_");
    case ParameterKind::kMessageId:
      return id_schema("msg_");
  }
  return Json::object();
}

Json header_parameter(const char* name) {
  return {{"$ref", "#/components/parameters/" + std::string(name)}};
}

Json parameters_json(const Route& route) {
  Json all = Json::array();
  for (const std::string_view name : path_names(route.path)) {
    all.push_back({{"name", name},
                   {"in", "path"},
                   {"required", true},
                   {"description", path_description(name)},
                   {"schema", {{"type", "string"}}}});
  }
  for (const Parameter& parameter : parameters_of(route)) {
    all.push_back({{"name", parameter.name},
                   {"in", "query"},
                   {"description", parameter.description},
                   {"schema", schema_of(parameter)}});
  }
  if (is_of_workspace(route)) all.push_back(header_parameter("Workspace"));
  if (route.method == core::Method::kPost) all.push_back(header_parameter("IdempotencyKey"));
  if (route.takes_if_match) all.push_back(header_parameter("IfMatch"));
  if (route.has_etag && route.method == core::Method::kGet)
    all.push_back(header_parameter("IfNoneMatch"));
  return all;
}

Json headers_json(std::initializer_list<const char*> names) {
  Json headers = Json::object();
  for (const char* name : names)
    headers[name] = {{"$ref", "#/components/headers/" + std::string(name)}};
  return headers;
}

Json answer_json(const Route& route, const Answer& answer) {
  Json json = {{"description", answer.description}, {"headers", headers_json({"X-Request-Id"})}};
  if (route.has_etag) json["headers"].update(headers_json({"ETag"}));
  if (answer.schema.empty()) return json;
  const std::string component = std::string(answer.schema) + (route.is_list ? "Page" : "");
  json["content"][std::string(route.media_type)]["schema"] = reference(component);
  return json;
}

// Problem documents of one status: the codes that they can have.
Json failure_json(int status, const std::vector<std::string_view>& codes) {
  Json headers = headers_json({"X-Request-Id"});
  if (status == 401) headers.update(headers_json({"WWW-Authenticate"}));
  if (status == 503) headers.update(headers_json({"Retry-After"}));
  const Json with_code = {{"type", "object"},
                          {"properties",
                           {{"code", {{"type", "string"}, {"enum", codes}}},
                            {"status", {{"type", "integer"}, {"enum", {status}}}}}}};
  return {
      {"description", ingest::status_text(status)},
      {"headers", std::move(headers)},
      {"content", {{kProblemType, {{"schema", {{"allOf", {reference("Problem"), with_code}}}}}}}}};
}

using Codes = std::map<int, std::vector<std::string_view>>;  // by status

Codes codes_of(const Route& route) {
  Codes codes;
  for (const Failure& failure : failures_of(route)) codes[failure.status].push_back(failure.code);
  return codes;
}

// Routes that fail alike share a component: "409-conflict-idempotency_in_progress".
std::string failure_name(int status, const std::vector<std::string_view>& codes) {
  std::string name = std::to_string(status);
  for (const std::string_view code : codes) name.append("-").append(code);
  return name;
}

Json failures_json() {
  Json all = Json::object();
  for (const Route& route : route_table()) {
    for (const auto& [status, codes] : codes_of(route))
      all[failure_name(status, codes)] = failure_json(status, codes);
  }
  return all;
}

Json responses_json(const Route& route) {
  Json responses = Json::object();
  for (const Answer& answer : route.answers)
    responses[std::to_string(answer.status)] = answer_json(route, answer);
  if (route.has_etag && route.method == core::Method::kGet) {
    responses["304"] = {{"description", "It is what If-None-Match names."},
                        {"headers", headers_json({"X-Request-Id", "ETag"})}};
  }
  for (const auto& [status, codes] : codes_of(route)) {
    responses[std::to_string(status)] = {
        {"$ref", "#/components/responses/" + failure_name(status, codes)}};
  }
  return responses;
}

Json operation_json(const Route& route) {
  Json operation = {{"operationId", route.id}, {"tags", {route.tag}}, {"summary", route.summary}};
  if (!route.description.empty()) operation["description"] = route.description;
  operation["x-scope"] = to_string(route.access);
  if (route.access == Access::kNone) operation["security"] = Json::array();
  if (Json parameters = parameters_json(route); !parameters.empty())
    operation["parameters"] = std::move(parameters);
  if (!route.body.empty()) {
    operation["requestBody"] = {
        {"required", !route.body_is_optional},
        {"content", {{"application/json", {{"schema", reference(route.body)}}}}}};
  }
  operation["responses"] = responses_json(route);
  return operation;
}

Json page_schema(std::string_view item) {
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", {"data", "next"}},
          {"properties",
           {{"data", {{"type", "array"}, {"items", reference(item)}}},
            {"next",
             {{"type", {"string", "null"}},
              {"description", "The cursor of the next page; null: this was the last."}}}}}};
}

Json schemas_json() {
  Json schemas = Json::object();
  for (const Component& component : components())
    schemas[component.name] = Json::parse(component.json);
  for (const Route& route : route_table()) {
    if (!route.is_list) continue;
    const std::string_view item = route.answers[0].schema;
    schemas[std::string(item) + "Page"] = page_schema(item);
  }
  schemas["Metrics"] = {{"type", "string"}};
  schemas["Document"] = {{"type", "object"}};
  return schemas;
}

Json header_in(const char* name, const char* description, Json schema) {
  return {{"name", name}, {"in", "header"}, {"description", description}, {"schema", schema}};
}

Json header_out(const char* description) {
  return {{"description", description}, {"schema", {{"type", "string"}}}};
}

Json components_json() {
  const Json text = {{"type", "string"}};
  return {
      {"securitySchemes",
       {{"key",
         {{"type", "http"},
          {"scheme", "bearer"},
          {"description", "A key of one workspace, or the operator's."}}}}},
      {"parameters",
       {{"Workspace",
         header_in("Headrace-Workspace",
                   "The workspace's tag. The operator's key acts there (default: \"default\"); for "
                   "any other key it must be its own.",
                   text)},
        {"IdempotencyKey",
         header_in("Idempotency-Key",
                   "1 to 256 visible characters. The same request with the same key within 24 h is "
                   "answered as the first one was, and not done again.",
                   {{"type", "string"}, {"minLength", 1}, {"maxLength", 256}})},
        {"IfMatch",
         header_in("If-Match", "The ETag that was seen, or *; else nothing is changed.", text)},
        {"IfNoneMatch", header_in("If-None-Match", "The ETag that is known already.", text)}}},
      {"headers",
       {{"X-Request-Id", header_out("The request's, where it had a fitting one; else made here.")},
        {"ETag", header_out("The revision of what is shown.")},
        {"WWW-Authenticate", header_out("Bearer")},
        {"Retry-After", header_out("Seconds after which the same request may succeed.")}}},
      {"responses", failures_json()},
      {"schemas", schemas_json()}};
}

Json tags_json() {
  constexpr std::array<std::pair<const char*, const char*>, 12> kTags = {{
      {"Workspaces", "Tenants; only the operator's key sees them."},
      {"Keys", "What opens this API."},
      {"Apps", "Who sends webhooks."},
      {"Webhooks", "What an app sends, and by which links."},
      {"Events", "Kinds of messages, found by selectors."},
      {"Products", "Who receives webhooks."},
      {"Registrations", "A product's use of a webhook."},
      {"Links", "What providers post to."},
      {"Endpoints", "Where messages are delivered to."},
      {"Secrets", "What definitions name as $Secret{NAME}, and the key that it is sealed under."},
      {"History", "What happened."},
      {"Operation", "What machines ask, without a key."},
  }};
  Json tags = Json::array();
  for (const auto& [name, description] : kTags)
    tags.push_back({{"name", name}, {"description", description}});
  return tags;
}

}  // namespace

std::string openapi_document() {
  Json paths = Json::object();
  for (const Route& route : route_table()) {
    paths[std::string(route.path)][lower(core::to_string(route.method))] = operation_json(route);
  }
  const Json document = {{"openapi", "3.1.0"},
                         {"info",
                          {{"title", "headrace"},
                           {"version", version()},
                           {"summary", "Webhooks that are not lost, delivered fast."},
                           {"description", "The management API. Every GET serves HEAD, too."},
                           {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
                         {"servers", {{{"url", "/"}}}},
                         {"security", {{{"key", Json::array()}}}},
                         {"tags", tags_json()},
                         {"paths", std::move(paths)},
                         {"components", components_json()}};
  return document.dump(1) + "\n";
}

}  // namespace headrace::api
