// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"

#include <set>
#include <string>
#include <vector>

#include "tests/api/api_fixture.h"

namespace headrace::api {
namespace {

using core::Method;

// --- Who may ask, and for what
// ---------------------------------------------------------------------------------------------

TEST_F(ApiTest, EverythingBelowV1NeedsTheKey) {
  for (const char* target :
       {"/v1/apps/forge/webhooks", "/v1/messages", "/v1/endpoints", "/v1", "/v1/nothing"}) {
    for (const char* authorization :
         {"", "Bearer", "Bearer ", "Bearer hrk_a-key-of-the-testz", "Bearer hrk_a-key-of-the-test",
          "Bearer hrk_a-key-of-the-testsx", "Basic hrk_a-key-of-the-tests",
          "hrk_a-key-of-the-tests"}) {
      Request request;
      ASSERT_TRUE(request.set_target(Method::kGet, target));
      request.authorization = authorization;
      const Reply reply = routes->handle(request);
      expect_problem(reply, 401, "unauthorized");
      EXPECT_EQ(reply.extra_lines, "WWW-Authenticate: Bearer\r\n");
    }
  }
}

TEST_F(ApiTest, WhatMachinesAskNeedsNoKey) {
  for (const char* target : {"/livez", "/readyz", "/metrics"}) {
    Request request;
    ASSERT_TRUE(request.set_target(Method::kGet, target));
    EXPECT_EQ(routes->handle(request).status, 200) << target;
  }
  const Reply metrics = get("/metrics");
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4");
  EXPECT_NE(metrics.body.find("# TYPE headrace_ingest_accepted_total counter"), std::string::npos);
}

TEST_F(ApiTest, ClosedEngineIsAliveButNotReady) {
  engine->close();
  EXPECT_EQ(get("/livez").status, 200);
  const Reply reply = get("/readyz");
  expect_problem(reply, 503, "unavailable");
}

TEST_F(ApiTest, PathsThatAreNotThereAreNotFound) {
  for (const char* target :
       {"/", "/nothing", "/livez/more", "/v1", "/v1/nothing", "/v1/apps", "/v1/apps/forge",
        "/v1/apps/forge/nothing", "/v1/apps/forge/webhooks/repo/more", "/v1/products/p",
        "/v1/products/p/nothing", "/v1/products/p/links/more", "/v1/endpoints/more",
        "/v1/messages/a/b", "/v2/apps/forge/webhooks"}) {
    SCOPED_TRACE(target);
    expect_problem(get(target), 404, "not_found");
  }
}

TEST_F(ApiTest, MethodsThatAPathDoesNotTakeAreNamedByThoseItTakes) {
  struct Case {
    const char* target;
    const char* allow;
    std::set<Method> taken;
  };
  const std::vector<Case> cases = {
      {"/livez", "GET, HEAD", {Method::kGet, Method::kHead}},
      {"/metrics", "GET, HEAD", {Method::kGet, Method::kHead}},
      {"/v1/apps/forge/webhooks", "GET, POST", {Method::kGet, Method::kPost}},
      {"/v1/apps/forge/events", "GET, POST", {Method::kGet, Method::kPost}},
      {"/v1/products/p/links", "POST", {Method::kPost}},
      {"/v1/endpoints", "GET", {Method::kGet}},
      {"/v1/messages", "GET", {Method::kGet}},
      {"/v1/messages/msg_0000000000000000000001", "GET", {Method::kGet}},
      {"/v1/deliveries", "GET", {Method::kGet}},
      {"/v1/attempts", "GET", {Method::kGet}},
  };
  for (const Case& given : cases) {
    for (const Method method :
         {Method::kGet, Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
      SCOPED_TRACE(given.target);
      const Reply reply = handle(method, given.target);
      if (given.taken.count(method) != 0) {
        EXPECT_NE(reply.status, 405);
        continue;
      }
      expect_problem(reply, 405, "method_not_allowed");
      EXPECT_EQ(reply.extra_lines, "Allow: " + std::string(given.allow) + "\r\n");
    }
  }
}

// --- Definitions
// -----------------------------------------------------------------------------------------------------------

TEST_F(ApiTest, WebhookIsMadeAndListed) {
  const Json made =
      body_of(post("/v1/apps/forge/webhooks",
                   R"({"tag":"repo","name":"Repo","description":"All","envs":[{"slug":"prd"}]})"),
              201);
  EXPECT_EQ(made["app"], "forge");
  EXPECT_EQ(made["tag"], "repo");
  EXPECT_EQ(made["description"], "All");
  EXPECT_EQ(made["envs"][0]["slug"], "prd");
  EXPECT_TRUE(made["envs"][0]["link"].get<std::string>().starts_with(
      "http://" + engine->ingest_address() + "/in/"));
  const Json listed = body_of(get("/v1/apps/forge/webhooks"), 200);
  EXPECT_EQ(listed["data"], Json::array({made}));
  EXPECT_TRUE(listed["next"].is_null());
}

TEST_F(ApiTest, TagThatIsTakenIsAConflict) {
  make_webhook();
  expect_problem(
      post("/v1/apps/forge/webhooks", R"({"tag":"repo","name":"Again","envs":[{"slug":"prd"}]})"),
      409, "conflict");
  expect_problem(post("/v1/apps/forge/events",
                      R"({"tag":"repo:push","name":"Again","selector":"$Event{other}"})"),
                 409, "conflict");
  expect_problem(
      post("/v1/apps/forge/events",
           R"({"tag":"repo:x","name":"X","selector":"$Event.action","selector_value":"push"})"),
      422, "malformed");
  expect_problem(
      post("/v1/apps/forge/events",
           R"({"tag":"repo:x","name":"X","selector":"$Event{action}","selector_value":"push"})"),
      409, "conflict");
}

TEST_F(ApiTest, BadSelectorIsNamedByItsPosition) {
  make_webhook();
  const Json problem = expect_problem(
      post("/v1/apps/forge/events", R"({"tag":"repo:x","name":"X","selector":"$Event{a}{b"})"), 422,
      "malformed");
  EXPECT_EQ(problem["position"], 11);
}

TEST_F(ApiTest, BodyThatIsNotJsonIsNamedByItsPosition) {
  const Json problem =
      expect_problem(post("/v1/apps/forge/webhooks", R"({"tag":"repo",})"), 422, "malformed");
  EXPECT_EQ(problem["position"], 14);
}

TEST_F(ApiTest, MembersThatAreWrongAreNamed) {
  const auto fault = [this](const char* target, const char* body) {
    return expect_problem(post(target, body), 422, "invalid_argument").value("detail", "");
  };
  constexpr auto kWebhooks = "/v1/apps/forge/webhooks";
  constexpr auto kEvents = "/v1/apps/forge/events";
  constexpr auto kLinks = "/v1/products/p/links";
  make_webhook();
  EXPECT_NE(fault(kWebhooks, "[]").find("object"), std::string::npos);
  EXPECT_NE(fault(kWebhooks, R"({"name":"x","envs":[]})").find("'tag'"), std::string::npos);
  EXPECT_NE(fault(kWebhooks, R"({"tag":1,"name":"x","envs":[]})").find("'tag'"), std::string::npos);
  for (const char* envs : {"null", "{}", "[1]", R"([{"slug":1}])", R"([{}])"}) {
    const std::string body = R"({"tag":"x","name":"x","envs":)" + std::string(envs) + "}";
    EXPECT_NE(fault(kWebhooks, body.c_str()).find("'envs'"), std::string::npos) << body;
  }
  fault(kWebhooks, R"({"tag":"x","name":"x","envs":[]})");
  fault(kWebhooks, R"({"tag":"x y","name":"x","envs":[{"slug":"prd"}]})");
  fault(kWebhooks, R"({"tag":"x","name":"x","envs":[{"slug":"PRD"}]})");
  EXPECT_NE(fault(kWebhooks, R"({"tag":"x","name":"x","envs":[{"slug":"a"}],"payload":"xml"})")
                .find("'payload'"),
            std::string::npos);
  EXPECT_NE(fault(kWebhooks, R"({"tag":"x","name":"x","envs":[{"slug":"a"}],"body_bytes_max":-1})")
                .find("'body_bytes_max'"),
            std::string::npos);
  EXPECT_NE(fault(kEvents, R"({"tag":"repo:x","name":"x"})").find("'selector'"), std::string::npos);
  EXPECT_NE(fault(kEvents, R"({"tag":"repo:x","name":"x","selector":"$Event{a}","sample":[]})")
                .find("'sample'"),
            std::string::npos);
  fault(kEvents, R"({"tag":"no-webhook","name":"x","selector":"$Event{a}"})");
  EXPECT_NE(
      fault(kLinks, R"({"access_tag":"forge","webhook_tag":"repo","env":"dev","url":"http://a/"})")
          .find("prd, snd"),
      std::string::npos)
      << "the envs that there are";
  EXPECT_NE(fault(kLinks, R"({"access_tag":"forge","webhook_tag":"repo","env":"prd",
                              "url":"http://a/","retry":{"schedule":["soon"]}})")
                .find("'retry.schedule'"),
            std::string::npos);
  for (const char* more : {R"("method":"TRACE")", R"("in_flight_max":0)",
                           R"("in_flight_max":4294967297)", R"("retry":[])"}) {
    fault(kLinks, (R"({"access_tag":"forge","webhook_tag":"repo","env":"prd","url":"http://a/",)" +
                   std::string(more) + "}")
                      .c_str());
  }
}

TEST_F(ApiTest, WhatDoesNotExistIsNotFound) {
  expect_problem(get("/v1/apps/forge/events?webhook=repo"), 404, "not_found");
  expect_problem(post("/v1/apps/forge/events",
                      R"({"tag":"repo:push","name":"Push","selector":"$Event{action}"})"),
                 404, "not_found");
  expect_problem(post("/v1/products/p/links",
                      R"({"access_tag":"a","webhook_tag":"b","env":"c","url":"http://a/"})"),
                 404, "not_found");
  expect_problem(get("/v1/messages/msg_0000000000000000000001"), 404, "not_found");
  expect_problem(get("/v1/messages/nonsense"), 404, "not_found");
  expect_problem(get("/v1/deliveries?message=msg_0000000000000000000001"), 404, "not_found");
  expect_problem(get("/v1/attempts?message=msg_0000000000000000000001"), 404, "not_found");
  expect_problem(get("/v1/attempts?endpoint=ep_0000000000000000000001"), 404, "not_found");
  expect_problem(get("/v1/messages?link=lnk_0000000000000000000001"), 404, "not_found");
}

TEST_F(ApiTest, EventKeepsItsSampleToTheLetter) {
  make_webhook();
  const std::string sample = R"({"action" : "opened", "id":12345678901234567890123, "x":1.50})";
  const Reply reply =
      post("/v1/apps/forge/events",
           R"({"tag":"repo:opened","name":"Opened","selector":"$Event{action}","sample":)" +
               sample + "}");
  EXPECT_EQ(body_of(reply, 201)["selector_value"], "opened");
  EXPECT_NE(reply.body.find(sample), std::string::npos) << reply.body;
  const Json listed = body_of(get("/v1/apps/forge/events?webhook=repo"), 200);
  EXPECT_EQ(listed["data"].size(), 2u);
  expect_problem(get("/v1/apps/forge/events"), 422, "invalid_argument");
}

TEST_F(ApiTest, NestingWithoutEndIsRefusedNotSuffered) {
  const std::string deep = R"({"tag":"x","name":"x","envs":)" + std::string(1'000'000, '[');
  expect_problem(post("/v1/apps/forge/webhooks", deep), 422, "malformed");
  const std::string closed = deep + std::string(1'000'000, ']') + "}";
  EXPECT_EQ(post("/v1/apps/forge/webhooks", closed).status, 422);
}

TEST_F(ApiTest, LinkIsMadeOnceAndItsEndpointUpdated) {
  make_webhook();
  constexpr auto kSpec =
      R"({"access_tag":"forge","webhook_tag":"repo","env":"prd","url":"http://127.0.0.1:1/a"})";
  const Json made = body_of(post("/v1/products/shop/links", kSpec), 201);
  const Json again = body_of(
      post("/v1/products/shop/links",
           R"({"access_tag":"forge","webhook_tag":"repo","env":"prd","url":"http://127.0.0.1:1/b",
               "method":"PUT","in_flight_max":7,"retry":{"schedule":["100ms","5s","2m","1h"]}})"),
      200);
  EXPECT_EQ(again, made);
  const Json endpoints = body_of(get("/v1/endpoints"), 200)["data"];
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0]["id"], made["endpoint"]);
  EXPECT_EQ(endpoints[0]["url"], "http://127.0.0.1:1/b");
  EXPECT_EQ(endpoints[0]["method"], "PUT");
  EXPECT_EQ(endpoints[0]["in_flight_max"], 7);
}

// --- What happened
// ---------------------------------------------------------------------------------------------------------

TEST_F(ApiTest, MessageIsShownFromItsAcceptanceToItsAttempt) {
  make_webhook();
  // What is delivered goes to another link of the same engine, which answers 200.
  const std::string sink =
      body_of(get("/v1/apps/forge/webhooks"), 200)["data"][0]["envs"][1]["link"];
  const Json link = make_link("shop", sink);
  const std::string body = R"({"action":"push","n":1})";
  const std::string id = post_message(link["link"], body);

  const Json message = body_of(get("/v1/messages/" + id), 200);
  EXPECT_EQ(message["id"], id);
  EXPECT_EQ(message["event"], "repo:push");
  EXPECT_EQ(message["status"], "routed");
  EXPECT_EQ(message["body"], body);
  EXPECT_EQ(message["body_bytes"], body.size());
  EXPECT_EQ(message["method"], "POST");

  const Json deliveries = wait_until("/v1/deliveries?message=" + id, [](const Json& shown) {
    return shown["data"].size() == 1 && shown["data"][0]["status"] == "delivered";
  });
  EXPECT_EQ(deliveries["data"][0]["attempts"], 1);
  EXPECT_EQ(deliveries["data"][0]["endpoint"], link["endpoint"]);
  const Json attempts = body_of(get("/v1/attempts?message=" + id), 200)["data"];
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts[0]["attempt"], 1);
  EXPECT_EQ(attempts[0]["http_status"], 200);
  EXPECT_TRUE(attempts[0]["error"].is_null());
  const std::string endpoint = link["endpoint"];
  EXPECT_EQ(body_of(get("/v1/attempts?endpoint=" + endpoint), 200)["data"], attempts);
  EXPECT_EQ(body_of(get("/v1/attempts?message=" + id + "&endpoint=" + endpoint), 200)["data"],
            attempts);
}

TEST_F(ApiTest, UnmatchedMessageIsShownAsThat) {
  make_webhook();
  const Json webhook = body_of(get("/v1/apps/forge/webhooks"), 200)["data"][0];
  const std::string id = post_message(webhook["envs"][0]["link"], R"({"action":"other"})");
  const Json message = body_of(get("/v1/messages/" + id), 200);
  EXPECT_EQ(message["status"], "unmatched");
  EXPECT_TRUE(message["event"].is_null());
}

TEST_F(ApiTest, PagesLeadThroughAllMessagesNewestFirst) {
  make_webhook();
  const Json env = body_of(get("/v1/apps/forge/webhooks"), 200)["data"][0]["envs"][0];
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(post_message(env["link"], "{}"));
  const std::string target = "/v1/messages?limit=3&link=" + env["link_id"].get<std::string>();
  std::vector<std::string> shown;
  std::string cursor;
  for (int page = 0; page < 5; ++page) {
    const Json reply = body_of(get(target + (cursor.empty() ? "" : "&cursor=" + cursor)), 200);
    EXPECT_LE(reply["data"].size(), 3u);
    for (const Json& message : reply["data"]) shown.push_back(message["id"]);
    if (reply["next"].is_null()) break;
    cursor = reply["next"];
  }
  EXPECT_EQ(shown, std::vector<std::string>(ids.rbegin(), ids.rend()));
}

TEST_F(ApiTest, ParametersThatAreWrongAreNamed) {
  for (const char* target :
       {"/v1/messages", "/v1/messages?link=x",
        "/v1/messages?link=lnk_0000000000000000000001&limit=0",
        "/v1/messages?link=lnk_0000000000000000000001&limit=1001",
        "/v1/messages?link=lnk_0000000000000000000001&limit=1x",
        "/v1/messages?link=lnk_0000000000000000000001&cursor=x", "/v1/deliveries",
        "/v1/deliveries?message=x", "/v1/attempts", "/v1/attempts?endpoint=msg_x"}) {
    SCOPED_TRACE(target);
    expect_problem(get(target), 422, "invalid_argument");
  }
}

}  // namespace
}  // namespace headrace::api
