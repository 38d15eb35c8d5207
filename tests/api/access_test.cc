// SPDX-License-Identifier: Apache-2.0
// Who may ask for what.
#include <string>
#include <vector>

#include "tests/api/api_fixture.h"

namespace headrace::api {
namespace {

using core::Method;

class AccessTest : public ApiTest {};

TEST_F(AccessTest, EverythingBelowV1NeedsAKey) {
  const std::string right = std::string("Bearer ") + kKey;
  for (const char* target : {"/v1/apps/forge/webhooks", "/v1/messages", "/v1", "/v1/nothing"}) {
    for (const std::string& authorization : std::vector<std::string>{
             "", "Bearer", "Bearer ", right + "x", right.substr(0, right.size() - 1), right + " x",
             "Basic " + std::string(kKey), kKey, "Bearer hrk_" + std::string(44, '0')}) {
      const Reply reply = get(target, {{"authorization", authorization}});
      expect_problem(reply, 401, "unauthorized");
      EXPECT_EQ(header(reply, "WWW-Authenticate"), "Bearer");
    }
  }
  EXPECT_EQ(get("/v1/self", {{"authorization", "bearer  " + std::string(kKey)}}).status, 200)
      << "the scheme's case does not matter (RFC 9110, 11.1)";
}

TEST_F(AccessTest, WhatMachinesAskNeedsNoKey) {
  const Headers nobody = {{"authorization", ""}};
  for (const char* target : {"/livez", "/readyz", "/metrics", "/openapi.json", "/metrics?a=b"}) {
    EXPECT_EQ(get(target, nobody).status, 200) << target;
    EXPECT_EQ(handle(Method::kHead, target, {}, nobody).status, 200) << target;
  }
  const Reply metrics = get("/metrics", nobody);
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4");
  EXPECT_NE(metrics.body.find("# TYPE headrace_ingest_accepted_total counter"), std::string::npos);
}

TEST_F(AccessTest, ClosedEngineIsAliveButNotReady) {
  engine->close();
  EXPECT_EQ(get("/livez").status, 200);
  const Reply reply = get("/readyz");
  expect_problem(reply, 503, "unavailable");
  EXPECT_EQ(header(reply, "Retry-After"), "1");
}

TEST_F(AccessTest, ScopeOfEachRouteIsAskedFor) {
  const std::map<Access, std::string> scopes = {{Access::kRead, "read"},
                                                {Access::kWrite, "write"},
                                                {Access::kReplay, "replay"},
                                                {Access::kAdmin, "admin"}};
  std::map<std::string, Headers> keys;
  for (const auto& [access, scope] : scopes) keys[scope] = make_key(scope);
  for (const Route& route : route_table()) {
    if (route.access == Access::kNone) continue;
    std::string target(route.path);
    for (const std::string_view name : path_names(route.path)) {
      const std::string hole = "{" + std::string(name) + "}";
      target.replace(target.find(hole), hole.size(), "x");
    }
    for (const auto& [access, scope] : scopes) {
      SCOPED_TRACE(std::string(route.id) + " with " + scope);
      const bool allowed =
          route.access == Access::kAny ||
          (route.access != Access::kOperator && (access == route.access || scope == "admin"));
      // With a parameter that no route has, nothing is done.
      const Reply reply = handle(route.method, target + "?no=1", {}, keys[scope]);
      expect_problem(reply, allowed ? 422 : 403, allowed ? "invalid_argument" : "forbidden");
    }
  }
}

TEST_F(AccessTest, SelfSaysWhatAKeyIs) {
  const Json root = body_of(get("/v1/self"), 200);
  EXPECT_EQ(root, (Json{{"workspace", "default"},
                        {"scopes", {"read", "write", "replay", "admin"}},
                        {"key", nullptr}}));
  const Json own = body_of(get("/v1/self", make_key("replay")), 200);
  EXPECT_EQ(own["scopes"], Json::array({"replay"}));
  EXPECT_TRUE(own["key"].get<std::string>().starts_with("key_"));
}

TEST_F(AccessTest, RevokedKeyOpensNothing) {
  const Headers key = make_key("read");
  const std::string id = body_of(get("/v1/self", key), 200)["key"];
  EXPECT_EQ(remove("/v1/keys/" + id).status, 204);
  expect_problem(get("/v1/self", key), 401, "unauthorized");
  expect_problem(get("/v1/keys/" + id), 404, "not_found");
}

TEST_F(AccessTest, OperatorActsInTheWorkspaceThatItNames) {
  body_of(post("/v1/workspaces", R"({"tag":"second","name":"Second"})"), 201);
  const Headers there = {{"headrace-workspace", "second"}};
  body_of(post("/v1/apps/a/webhooks", R"({"tag":"w","name":"W","envs":[{"slug":"prd"}]})", there),
          201);
  EXPECT_EQ(body_of(get("/v1/apps", there), 200)["data"].size(), 1u);
  EXPECT_EQ(body_of(get("/v1/apps"), 200)["data"].size(), 0u);
  EXPECT_EQ(body_of(get("/v1/self", there), 200)["workspace"], "second");
  expect_problem(get("/v1/apps", {{"headrace-workspace", "nowhere"}}), 404, "not_found");
}

TEST_F(AccessTest, OtherWorkspacesLookLikeNoneAtAll) {
  body_of(post("/v1/workspaces", R"({"tag":"second","name":"Second"})"), 201);
  Headers key = make_key("admin");
  key["headrace-workspace"] = "default";
  EXPECT_EQ(get("/v1/apps", key).status, 200);
  key["headrace-workspace"] = "second";
  const Reply foreign = get("/v1/apps", key);
  expect_problem(foreign, 403, "forbidden");
  key["headrace-workspace"] = "nowhere";
  EXPECT_EQ(get("/v1/apps", key).body, foreign.body);
  expect_problem(get("/v1/workspaces", make_key("admin")), 403, "forbidden");
}

TEST_F(AccessTest, PathsThatAreNotThereAreNotFound) {
  for (const char* target : {"/", "/nothing", "/livez/more", "/v1", "/v1/nothing",
                             "/v1/apps/forge/nothing", "/v1/apps/forge/webhooks/repo/more",
                             "/v1/products/p/nothing", "/v1/messages/a/b", "/v2/apps"}) {
    SCOPED_TRACE(target);
    expect_problem(get(target), 404, "not_found");
  }
}

TEST_F(AccessTest, MethodsThatAPathDoesNotTakeAreAnsweredByThoseItTakes) {
  const Reply reply = put("/v1/apps/forge/webhooks", "{}");
  expect_problem(reply, 405, "method_not_allowed");
  EXPECT_EQ(header(reply, "Allow"), "GET, HEAD, POST");
  EXPECT_EQ(header(post("/livez", ""), "Allow"), "GET, HEAD");
  EXPECT_EQ(handle(Method::kOptions, "/v1/apps").status, 405);
}

}  // namespace
}  // namespace headrace::api
