// SPDX-License-Identifier: Apache-2.0
// The table, and what is made from it.
#include "api/openapi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "api/router.h"
#include "api/schemas.h"

namespace headrace::api {
namespace {

using Json = nlohmann::json;
using core::Method;

std::vector<std::string> segments(std::string_view path) {
  Request request;
  request.set_target(Method::kGet, path);
  return request.path;
}

TEST(RouteTableTest, OperationsHaveNamesOfTheirOwnAndAllThatTheyNeed) {
  std::set<std::string_view> ids;
  std::set<std::pair<Method, std::string_view>> places;
  std::set<std::string> known = {"Metrics", "Document", ""};
  for (const Component& component : components()) known.insert(component.name);
  for (const Route& route : route_table()) {
    SCOPED_TRACE(route.id);
    EXPECT_TRUE(ids.insert(route.id).second);
    EXPECT_TRUE(places.insert({route.method, route.path}).second);
    EXPECT_NE(route.handler, nullptr);
    EXPECT_FALSE(route.summary.empty());
    EXPECT_FALSE(route.answers.empty());
    EXPECT_EQ(route.path.starts_with("/v1/"), route.access != Access::kNone);
    EXPECT_TRUE(known.contains(std::string(route.body))) << route.body;
    for (const Answer& answer : route.answers)
      EXPECT_TRUE(known.contains(std::string(answer.schema)));
    for (const std::string_view name : path_names(route.path))
      EXPECT_FALSE(path_description(name).empty()) << name;
    EXPECT_TRUE(!route.is_list || route.method == Method::kGet);
  }
}

TEST(RouterTest, EachRouteIsFoundByItsPath) {
  for (const Route& route : route_table()) {
    const RouteMatch match = find_route(route.method, segments(route.path));
    EXPECT_EQ(match.route, &route) << route.id;
    EXPECT_EQ(match.values.size(), path_names(route.path).size());
  }
}

TEST(RouterTest, HeadFindsWhatGetDoes) {
  EXPECT_EQ(find_route(Method::kHead, segments("/v1/apps")).route,
            find_route(Method::kGet, segments("/v1/apps")).route);
}

TEST(RouterTest, ValuesAreThoseOfThePath) {
  const auto match =
      find_route(Method::kDelete, {"v1", "apps", "a b", "webhooks", "w", "envs", "e"});
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.values, (PathValues{{"app", "a b"}, {"webhook", "w"}, {"env", "e"}}));
}

TEST(RouterTest, MethodsThatAPathTakesAreNamed) {
  EXPECT_EQ(find_route(Method::kPut, segments("/v1/apps/a/webhooks")).allowed, "GET, HEAD, POST");
  EXPECT_EQ(find_route(Method::kPost, segments("/v1/apps/a")).allowed, "GET, HEAD, DELETE");
  EXPECT_EQ(find_route(Method::kOther, segments("/livez")).allowed, "GET, HEAD");
  EXPECT_EQ(find_route(Method::kGet, segments("/v1/links/x/rotate")).allowed, "POST");
  for (const char* path : {"/", "/v1", "/v1/nothing", "/v1/apps/a/nothing", "/livez/more",
                           "/v1/apps/a/webhooks/w/envs", "/v2/apps", "/v1//webhooks"}) {
    const RouteMatch match = find_route(Method::kGet, segments(path));
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_EQ(match.allowed, "") << path;
  }
}

// Calls `see` with each $ref in it.
template <class See>
void each_reference(const Json& json, See see) {
  if (json.is_object() && json.contains("$ref")) see(json["$ref"].get<std::string>());
  if (!json.is_structured()) return;
  for (const Json& inner : json) each_reference(inner, see);
}

TEST(OpenApiTest, ReferencesLeadSomewhere) {
  const Json document = Json::parse(openapi_document());
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> used;
  each_reference(document, [&](const std::string& reference) {
    ASSERT_TRUE(reference.starts_with("#/"));
    EXPECT_TRUE(document.contains(Json::json_pointer(reference.substr(1)))) << reference;
    used.insert(reference);
  });
  for (const auto& entry : document["components"]["schemas"].items())
    EXPECT_TRUE(used.contains("#/components/schemas/" + entry.key()))
        << entry.key() << " is not used";
}

TEST(OpenApiTest, EveryRouteIsInTheDocument) {
  const Json document = Json::parse(openapi_document());
  std::size_t operations = 0;
  for (const Json& path : document["paths"]) operations += path.size();
  EXPECT_EQ(operations, route_table().size());
}

TEST(OpenApiTest, ReferencePageIsWhatTheTableMakes) {
  std::ifstream in(HEADRACE_SOURCE_DIR "/docs/api-reference.md", std::ios::binary);
  const std::string there{std::istreambuf_iterator<char>(in), {}};
  EXPECT_TRUE(there == api_reference())
      << "the table has changed: headrace openapi --markdown > docs/api-reference.md";
}

}  // namespace
}  // namespace headrace::api
