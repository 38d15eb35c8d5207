// SPDX-License-Identifier: Apache-2.0
// What can be registered, changed and deleted.
#include <string>
#include <vector>

#include "tests/api/api_fixture.h"

namespace headrace::api {
namespace {

using core::Method;

class DefinitionsApiTest : public ApiTest {
 protected:
  // The pointers of what is at fault.
  static std::vector<std::string> pointers(const Json& problem) {
    std::vector<std::string> found;
    for (const Json& error : problem["errors"]) found.push_back(error.value("pointer", "?"));
    return found;
  }
};

using Pointers = std::vector<std::string>;

TEST_F(DefinitionsApiTest, WebhookIsMadeShownChangedListedAndDeleted) {
  const Reply reply = post(
      "/v1/apps/forge/webhooks",
      R"({"tag":"repo","name":"Repo","description":"All","dedupe":"$Event{id}","envs":[{"slug":"prd"},
               {"slug":"snd","registration_url":"https://example.com/r","sample":{"headers":{"A":"1"}}}]})");
  const Json made = body_of(reply, 201);
  EXPECT_EQ(header(reply, "ETag"), "\"" + made["revision"].dump() + "\"");
  EXPECT_EQ(made["app"], "forge");
  EXPECT_EQ(made["payload"], "json");
  EXPECT_EQ(made["body_bytes_max"], 1 << 20);
  EXPECT_TRUE(made["envs"][0]["link"].get<std::string>().starts_with(
      "http://" + engine->ingest_address() + "/in/"));
  EXPECT_FALSE(made["envs"][0].contains("registration_url"));
  EXPECT_EQ(made["envs"][1]["method"], "POST");
  EXPECT_EQ(made["envs"][1]["unregistration_url"], nullptr);
  EXPECT_EQ(body_of(get("/v1/apps/forge/webhooks/repo"), 200), made);
  const Json listed = body_of(get("/v1/apps/forge/webhooks"), 200);
  EXPECT_EQ(listed, (Json{{"data", {made}}, {"next", nullptr}}));

  const Json changed = body_of(
      patch(
          "/v1/apps/forge/webhooks/repo",
          R"({"description":null,"payload":"raw","envs":[{"slug":"snd","registration_url":null},{"slug":"dev"}]})"),
      200);
  EXPECT_EQ(changed["description"], "");
  EXPECT_EQ(changed["payload"], "raw");
  EXPECT_EQ(changed["name"], "Repo");
  EXPECT_EQ(changed["envs"].size(), 3u);
  EXPECT_FALSE(changed["envs"][1].contains("registration_url"));
  EXPECT_EQ(changed["envs"][0], made["envs"][0]);
  EXPECT_EQ(remove("/v1/apps/forge/webhooks/repo/envs/dev").status, 204);
  const Reply gone = remove("/v1/apps/forge/webhooks/repo");
  EXPECT_EQ(gone.status, 204);
  EXPECT_EQ(gone.body, "");
  expect_problem(get("/v1/apps/forge"), 404, "not_found");
}

TEST_F(DefinitionsApiTest, RevisionsGuardChanges) {
  make_webhook();
  const std::string target = "/v1/apps/forge/events/push";
  const std::string etag = header(get(target), "ETag");
  const Reply same = get(target, {{"if-none-match", "\"1x\", W/" + etag}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  EXPECT_EQ(header(same, "ETag"), etag);
  EXPECT_EQ(get(target, {{"if-none-match", "\"0\""}}).status, 200);
  const Reply changed = patch(target, R"({"name":"New"})", {{"if-match", etag}});
  EXPECT_EQ(changed.status, 200);
  EXPECT_NE(header(changed, "ETag"), etag);
  for (const std::string& old : {etag, std::string("\"x\""), std::string("W/") + etag,
                                 std::string("\"99999999999999999999\"")})
    expect_problem(patch(target, R"({"name":"Lost"})", {{"if-match", old}}), 412,
                   "precondition_failed");
  EXPECT_EQ(patch(target, R"({"name":"Newer"})", {{"if-match", "*"}}).status, 200);
  expect_problem(remove(target, {{"if-match", etag}}), 412, "precondition_failed");
  EXPECT_EQ(body_of(get(target), 200)["name"], "Newer");
  expect_problem(remove("/v1/apps/forge/events/none", {{"if-match", etag}}), 404, "not_found");
}

TEST_F(DefinitionsApiTest, WhatWouldBeOrphanedIsListedUnlessItCascades) {
  make_webhook();
  const std::string endpoint = make_link("shop", "http://127.0.0.1:1/a")["endpoint"];
  const Json problem = expect_problem(remove("/v1/apps/forge/webhooks/repo"), 409, "conflict");
  std::vector<std::string> resources;
  for (const Json& conflict : problem["conflicts"]) resources.push_back(conflict["resource"]);
  EXPECT_NE(std::find(resources.begin(), resources.end(), "endpoint " + endpoint), resources.end())
      << problem;
  expect_problem(remove("/v1/apps/forge?cascade=false"), 409, "conflict");
  EXPECT_EQ(remove("/v1/apps/forge?cascade=true").status, 204);
  EXPECT_EQ(body_of(get("/v1/endpoints"), 200)["data"].size(), 0u);
}

TEST_F(DefinitionsApiTest, WhereNothingMayBeSentToIsNamed) {
  make_webhook();
  const auto refused = [this](const std::string& url) {
    const Json spec = {
        {"access_tag", "forge"}, {"webhook_tag", "repo"}, {"env", "prd"}, {"url", url}};
    return pointers(expect_problem(post("/v1/products/shop/links", spec.dump()), 422,
                                   "address_not_allowed"));
  };
  EXPECT_EQ(refused("https://169.254.169.254/latest/meta-data"), Pointers{"/url"});
  EXPECT_EQ(refused("https://[::ffff:10.0.0.1]/"), Pointers{"/url"});
  EXPECT_EQ(refused("http://" + engine->ingest_address() + "/in/x"), Pointers{"/url"})
      << "it would come back to us";
}

TEST_F(DefinitionsApiTest, TlsOfAnEndpointIsShownAsItWasGivenOrNull) {
  make_webhook();
  const std::string pin = "sha256//" + std::string(43, 'A') + "=";
  const std::string id = make_link("shop", "https://127.0.0.1:1/a")["endpoint"];
  const std::string target = "/v1/endpoints/" + id;
  EXPECT_EQ(body_of(get(target), 200)["tls"], nullptr);
  const Json wanted = {{"tls", {{"pins", {pin}}}}};
  EXPECT_EQ(body_of(patch(target, wanted.dump()), 200)["tls"], wanted["tls"]);
  const Json problem = expect_problem(patch(target, R"({"tls":{"ca":"none"}})"), 422,
                                      "invalid_argument");
  EXPECT_EQ(pointers(problem), Pointers{"/tls/ca"});
  EXPECT_EQ(body_of(patch(target, R"({"tls":null})"), 200)["tls"], nullptr);
}

TEST_F(DefinitionsApiTest, FaultsAreNamedByTheirPlace) {
  make_webhook();
  const auto faults = [this](std::string_view target, std::string_view body) {
    return pointers(expect_problem(post(target, body), 422, "invalid_argument"));
  };
  EXPECT_EQ(faults("/v1/apps/forge/webhooks", "[]"), Pointers{""});
  EXPECT_EQ(faults("/v1/apps/forge/webhooks", R"({"tag":"x y","name":"x","envs":[{"slug":"A"}]})"),
            (Pointers{"/envs/0/slug", "/tag"}));
  EXPECT_EQ(
      faults("/v1/apps/forge/events", R"({"tag":"no-webhook","name":"x","selector":"$Event{a}"})"),
      Pointers{"/tag"});
  EXPECT_EQ(faults("/v1/products/p/links", R"({"webhook_tag":"repo"})"),
            (Pointers{"/access_tag", "/env"}));
  EXPECT_EQ(faults("/v1/products/p/links", R"({"app":"forge","env":"prd"})"),
            Pointers{"/webhook_tag"});
  EXPECT_EQ(faults("/v1/products/p/webhooks/enable",
                   R"({"product":"q","access_tag":"forge","webhook_tag":"repo",
                       "envs":[{"slug":"prd","url":"http://a/","retry":{"schedule":["9999999999s"]}}]})"),
            Pointers{"/envs/0/retry/schedule/0"});
  EXPECT_EQ(faults("/v1/products/p/webhooks/enable",
                   R"({"product":"q","access_tag":"forge","webhook_tag":"repo",
                       "envs":[{"slug":"prd","url":"http://a/"}]})"),
            Pointers{"/product"});
  EXPECT_EQ(
      faults(
          "/v1/products/p/webhooks/enable",
          R"({"access_tag":"forge","webhook_tag":"repo","envs":[{"slug":"dev","url":"http://a/"}]})"),
      Pointers{"/envs/0/slug"});
  EXPECT_EQ(
      faults("/v1/keys", R"({"name":"k","scopes":["read"],"expires_at":"2024-02-30T00:00:00Z"})"),
      Pointers{"/expires_at"});
  EXPECT_EQ(faults("/v1/keys", R"({"name":"k","scopes":["root"]})"), Pointers{"/scopes/0"});
  EXPECT_EQ(faults("/v1/apps/forge/webhooks/repo/match", R"({"headers":{"a b":"c"}})"),
            Pointers{"/headers"});
  EXPECT_EQ(faults("/v1/apps/forge/webhooks/repo/match", R"({"headers":{"a":"c\r\nX: y"}})"),
            Pointers{"/headers"});
  EXPECT_EQ(faults("/v1/apps/forge/events/push/trigger",
                   R"({"body":"a","payload":1,"content_type":"a\nb"})"),
            (Pointers{"/payload", "/content_type"}));
}

TEST_F(DefinitionsApiTest, NoMoreThanSixteenFaultsAreNamed) {
  std::string body = R"({"tag":"w")";
  for (int i = 0; i < 40; ++i) body += ",\"m" + std::to_string(i) + "\":1";
  EXPECT_EQ(
      expect_problem(post("/v1/apps/forge/webhooks", body + "}"), 422, "invalid_argument")["errors"]
          .size(),
      16u);
}

TEST_F(DefinitionsApiTest, TextThatIsNotJsonIsNamedByItsPosition) {
  const Json problem =
      expect_problem(post("/v1/apps/forge/webhooks", R"({"tag":"repo",})"), 400, "malformed");
  EXPECT_EQ(problem["position"], 14);
  expect_problem(post("/v1/apps/forge/webhooks", ""), 400, "malformed");
  make_webhook();
  const Json selector = expect_problem(
      post("/v1/apps/forge/events", R"({"tag":"repo:x","name":"X","selector":"$Event{a}{b"})"), 422,
      "malformed");
  EXPECT_EQ(selector["position"], 11);
  EXPECT_EQ(pointers(selector), Pointers{"/selector"});
}

TEST_F(DefinitionsApiTest, ParametersThatAreWrongOrUnknownAreNamed) {
  for (const char* query :
       {"limit=0", "limit=1001", "limit=1x", "limit=", "link=x", "endpoint=msg_x", "since=today",
        "status=lost", "no=1", "cascade=true"}) {
    SCOPED_TRACE(query);
    const Json problem =
        expect_problem(get("/v1/messages?" + std::string(query)), 422, "invalid_argument");
    const std::string name = std::string(query).substr(0, std::string(query).find('='));
    EXPECT_EQ(problem["errors"][0]["parameter"], name);
  }
  EXPECT_EQ(expect_problem(get("/v1/apps?a=1&b=2"), 422, "invalid_argument")["errors"].size(), 2u);
  expect_problem(get("/v1/messages?cursor=nonsense"), 422, "invalid_argument");
  expect_problem(remove("/v1/apps/a?cascade=yes"), 422, "invalid_argument");
}

TEST_F(DefinitionsApiTest, BodiesOfAnyJsonTypeAreTaken) {
  for (const char* type : {"application/json", "application/json; charset=utf-8",
                           "application/merge-patch+json", "Application/JSON"}) {
    EXPECT_EQ(put("/v1/products/p/apps/a", "{}", {{"content-type", type}}).status, 422) << type;
  }
  for (const char* type : {"", "text/plain", "application/jsonx", "+json", "json"})
    EXPECT_EQ(put("/v1/products/p/apps/a", "{}", {{"content-type", type}}).status, 415) << type;
}

TEST_F(DefinitionsApiTest, WhatTheEngineKeepsAsTextComesBackToTheLetter) {
  make_webhook();
  const std::string sample = R"({"action" : "opened", "id":12345678901234567890123, "x":1.50})";
  const Reply event =
      post("/v1/apps/forge/events",
           R"({"tag":"repo:opened","name":"Opened","selector":"$Event{action}","sample":)" +
               sample + "}");
  EXPECT_EQ(body_of(event, 201)["selector_value"], "opened");
  EXPECT_NE(event.body.find(sample), std::string::npos) << event.body;
  EXPECT_NE(get("/v1/apps/forge/events?webhook=repo").body.find(sample), std::string::npos);
  const std::string parts = R"({"headers": {"B":"$Secret{B}","A":"1"},"body":{"n":1.10}})";
  const Reply webhook =
      patch("/v1/apps/forge/webhooks/repo",
            R"({"envs":[{"slug":"snd"},{"slug":"dev","registration_url":"http://a/","sample":)" +
                parts + "}]}");
  EXPECT_NE(body_of(webhook, 200).size(), 0u);
  EXPECT_NE(webhook.body.find(parts), std::string::npos) << webhook.body;
}

TEST_F(DefinitionsApiTest, CredentialsAreHiddenAndSecretsNamed) {
  make_webhook();
  const Reply made =
      post("/v1/products/shop/endpoints",
           R"({"access_tag":"forge","webhook_tag":"repo","env":"prd","url":"http://127.0.0.1:1/",
          "auth":{"headers":{"Authorization":"Bearer open-sesame"}}})");
  const Json endpoint = body_of(made, 201);
  EXPECT_EQ(endpoint["auth"]["headers"]["Authorization"], "[hidden]");
  EXPECT_EQ(get("/v1/endpoints").body.find("open-sesame"), std::string::npos);
}

TEST_F(DefinitionsApiTest, LinkIsMadeOnceAndItsEndpointUpdated) {
  make_webhook();
  constexpr auto kSpec =
      R"({"access_tag":"forge","webhook_tag":"repo","env":"prd","url":"http://127.0.0.1:1/a"})";
  const Json made = body_of(post("/v1/products/shop/links", kSpec), 201);
  const Json again = body_of(
      post("/v1/products/shop/links",
           R"({"app":"forge","webhook_tag":"repo","product_env":"prd","url":"http://127.0.0.1:1/b",
               "method":"PUT","in_flight_max":7,"retry":{"schedule":["100ms","5s","2m","1h",90]}})"),
      200);
  EXPECT_EQ(again, made);
  EXPECT_EQ(made["kind"], "product");
  EXPECT_EQ(made["link"], made["url"]);
  const Json endpoints = body_of(get("/v1/endpoints?product=shop&app=forge"), 200)["data"];
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0]["id"], made["endpoint"]);
  EXPECT_EQ(endpoints[0]["method"], "PUT");
  EXPECT_EQ(endpoints[0]["retry"]["schedule"], (Json{"100ms", "5s", "2m", "1h", "90s"}));

  const Reply rotated = post("/v1/links/" + made["id"].get<std::string>() + "/rotate", "");
  const Json link = body_of(rotated, 200);
  EXPECT_NE(link["url"], made["url"]);
  EXPECT_FALSE(link["previous_until"].is_null());
  EXPECT_EQ(header(rotated, "ETag"), "\"" + link["revision"].dump() + "\"");
}

TEST_F(DefinitionsApiTest, EveryDeliverySettingIsTakenShownAndPutBack) {
  make_webhook();
  const std::string place = R"("access_tag":"forge","webhook_tag":"repo","env":"prd")";
  const Json made = body_of(
      post("/v1/products/shop/endpoints", "{" + place + R"(,"url":"http://127.0.0.1:1/a"})"), 201);
  const Json usual_breaker = Json::parse(
      R"({"window":"1m","count_min":20,"threshold":0.9,"open_for":"30s","open_for_max":"10m","probes":1})");
  EXPECT_EQ(made["breaker"], usual_breaker);
  EXPECT_EQ(made["disable_after"], "120h");
  const std::string path = "/v1/endpoints/" + made["id"].get<std::string>();
  const std::string all =
      R"({"in_flight_max":7,"adaptive":true,"rate_limit":{"per_second":2.5,"burst":3},"order":"by_key",
          "order_by":"$Event{customer.id}","head_of_line":"skip","retry_share_percent":25,"retry":{"base":"1s","factor":1.5,"cap":"1m","count":4,"jitter_percent":0},
          "retry_on":["410"],"final_on":["4xx"],"retry_after_max":"1m",
          "breaker":{"window":"10s","count_min":5,"threshold":0.5,"open_for":"1s","open_for_max":"2s","probes":2},
          "connect_timeout":"1s","attempt_timeout":"2s","disable_after":"1h"})";
  const Json changed = body_of(patch(path, all), 200);
  const Json wanted = Json::parse(all);
  for (const auto& [name, value] : wanted.items()) EXPECT_EQ(changed[name], value) << name;
  const Json kept = body_of(patch(path, R"({"in_flight_max":8,"breaker":{}})"), 200);
  EXPECT_EQ(kept["retry"], wanted["retry"]);
  EXPECT_EQ(kept["breaker"], usual_breaker);
  std::string nulls = "{";
  for (const auto& [name, value] : wanted.items())
    nulls += (nulls.size() == 1 ? "\"" : ",\"") + name + "\":null";
  const Json back = body_of(patch(path, nulls + "}"), 200);
  for (const auto& [name, value] : wanted.items()) {
    const bool is_none = name == "breaker" || name == "disable_after";
    EXPECT_EQ(back[name], is_none ? Json() : made[name]) << name;
  }
}

TEST_F(DefinitionsApiTest, ADeliverySettingThatIsAtFaultIsNamed) {
  make_webhook();
  const std::string front =
      R"({"access_tag":"forge","webhook_tag":"repo","env":"prd","url":"http://a/",)";
  const std::vector<std::pair<const char*, const char*>> faults = {
      {R"("retry":{"schedule":["8d"]})", "/retry/schedule"},
      {R"("retry":{"schedule":[],"count":1})", "/retry/schedule"},
      {R"("retry":{"jitter_percent":10})", "/retry/schedule"},
      {R"("retry":{"count":101})", "/retry/count"},
      {R"("retry":{"factor":0.5})", "/retry/factor"},
      {R"("retry":{"cap":"8d"})", "/retry/cap"},
      {R"("retry_on":["200"])", "/retry_on/0"},
      {R"("retry_on":["404"],"final_on":["5xx","404"])", "/final_on/1"},
      {R"("retry_after_max":"8d")", "/retry_after_max"},
      {R"("breaker":{"threshold":1.5})", "/breaker/threshold"},
      {R"("breaker":{"window":"1ms"})", "/breaker/window"},
      {R"("breaker":{"open_for":"1h"})", "/breaker/open_for"},
      {R"("breaker":{"probes":0})", "/breaker/probes"},
      {R"("rate_limit":{"burst":3})", "/rate_limit/per_second"},
      {R"("rate_limit":{"per_second":0.000001})", "/rate_limit"},
      {R"("order":"some")", "/order"},
      {R"("order":"by_key")", "/order_by"},
      {R"("retry_share_percent":100)", "/retry_share_percent"},
      {R"("connect_timeout":0)", "/connect_timeout"},
      {R"("attempt_timeout":"11m")", "/attempt_timeout"},
      {R"("disable_after":"0s")", "/disable_after"},
      {R"("state":"asleep")", "/state"}};
  for (const auto& [member, pointer] : faults) {
    const Reply reply = post("/v1/products/shop/endpoints", front + member + "}");
    EXPECT_EQ(pointers(expect_problem(reply, 422, "invalid_argument")), Pointers{pointer})
        << member;
  }
  const Reply unclosed = post("/v1/products/shop/endpoints",
                              front + R"("order":"by_key","order_by":"$Event{customer"})");
  EXPECT_EQ(pointers(expect_problem(unclosed, 422, "malformed")), Pointers{"/order_by"});
}

TEST_F(DefinitionsApiTest, StateIsSetByPathsAndGuarded) {
  make_webhook();
  const Json made =
      body_of(post("/v1/products/shop/endpoints",
                   R"({"access_tag":"forge","webhook_tag":"repo","env":"prd","url":"http://a/"})"),
              201);
  EXPECT_EQ(made["state"], "active");
  EXPECT_TRUE(made["drained"].is_null());
  const std::string path = "/v1/endpoints/" + made["id"].get<std::string>();
  for (const auto& [verb, state] :
       {std::pair("pause", "paused"), std::pair("drain", "draining"),
        std::pair("disable", "disabled"), std::pair("resume", "active")}) {
    const Json set = body_of(post(path + "/" + verb, ""), 200);
    EXPECT_EQ(set["state"], state);
    EXPECT_EQ(set["state_reason"], "manual");
    EXPECT_EQ(set["drained"], true);
    EXPECT_EQ(body_of(get(path), 200), set);
  }
  EXPECT_EQ(body_of(post(path + "/discard", ""), 200), Json::parse(R"({"discarded":0})"));
  expect_problem(post("/v1/endpoints/ep_0000000000000000000000/pause", ""), 404, "not_found");
  expect_problem(post("/v1/endpoints/ep_0000000000000000000000/discard", ""), 404, "not_found");
}

TEST_F(DefinitionsApiTest, RegistrationIsEnabledAndDisabledForAllEnvs) {
  make_webhook();
  const Json enabled = body_of(
      post("/v1/products/shop/webhooks/enable",
           R"({"product_tag":"shop","access_tag":"forge","webhook_tag":"repo","wait":"0s","envs":[
               {"slug":"prd","url":"http://127.0.0.1:1/p"},{"slug":"snd","url":"http://127.0.0.1:1/s"}]})"),
      200);
  EXPECT_EQ(enabled["webhook_tag"], "repo");
  ASSERT_EQ(enabled["envs"].size(), 2u);
  EXPECT_EQ(enabled["envs"][0]["status"], "enabled");
  EXPECT_TRUE(enabled["envs"][0]["call"].is_null());
  for (const char* list : {"/v1/webhooks?access_tag=forge", "/v1/products/shop/webhooks"})
    EXPECT_EQ(body_of(get(list), 200)["data"], Json::array({enabled})) << list;
  const Json disabled =
      body_of(post("/v1/products/shop/webhooks/disable",
                   R"({"access_tag":"forge","webhook_tag":"repo","envs":["snd"]})"),
              200);
  EXPECT_EQ(disabled["envs"][0]["endpoint"], nullptr);
  EXPECT_EQ(body_of(get("/v1/endpoints"), 200)["data"].size(), 1u);
}

TEST_F(DefinitionsApiTest, ConnectionIsMadeThenChanged) {
  make_webhook();
  const Json made = body_of(put("/v1/products/shop/apps/hub", R"({"app":"forge"})"), 201);
  EXPECT_EQ(made["access_tag"], "hub");
  EXPECT_EQ(body_of(put("/v1/products/shop/apps/hub", R"({"app":"forge"})"), 200), made);
  EXPECT_EQ(body_of(get("/v1/products/shop/apps"), 200)["data"], Json::array({made}));
  EXPECT_EQ(body_of(get("/v1/products/shop"), 200)["connections"], 1);
  EXPECT_EQ(remove("/v1/products/shop/apps/hub").status, 204);
  expect_problem(get("/v1/products/shop"), 404, "not_found");
}

TEST_F(DefinitionsApiTest, PagesLeadThroughAllThatThereIs) {
  for (int i = 0; i < 7; ++i)
    body_of(post("/v1/apps/a" + std::to_string(i) + "/webhooks",
                 R"({"tag":"w","name":"W","envs":[{"slug":"prd"}]})"),
            201);
  std::vector<std::string> shown;
  std::string cursor;
  do {
    const Json page =
        body_of(get("/v1/apps?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor)), 200);
    EXPECT_LE(page["data"].size(), 3u);
    for (const Json& app : page["data"]) shown.push_back(app["tag"]);
    cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
  } while (!cursor.empty() && shown.size() < 10);
  EXPECT_EQ(shown, (std::vector<std::string>{"a0", "a1", "a2", "a3", "a4", "a5", "a6"}));
}

TEST_F(DefinitionsApiTest, WhatDoesNotExistIsNotFound) {
  for (const char* target :
       {"/v1/apps/forge", "/v1/apps/forge/webhooks/repo", "/v1/apps/forge/events/push",
        "/v1/products/p", "/v1/products/p/apps/a", "/v1/links/lnk_0000000000000000000001",
        "/v1/links/nonsense", "/v1/endpoints/ep_0000000000000000000001", "/v1/endpoints/%00",
        "/v1/keys/key_0000000000000000000001", "/v1/messages/msg_0000000000000000000001",
        "/v1/messages/nonsense", "/v1/workspaces/none"}) {
    SCOPED_TRACE(target);
    expect_problem(get(target), 404, "not_found");
  }
}

// --- Idempotency-Key
// -------------------------------------------------------------------------------

TEST_F(DefinitionsApiTest, SameRequestWithTheSameKeyIsDoneOnce) {
  const Headers key = {{"idempotency-key", "k-1"}};
  constexpr auto kSpec = R"({"tag":"repo","name":"Repo","envs":[{"slug":"prd"}]})";
  const Reply first = post("/v1/apps/forge/webhooks", kSpec, key);
  const Reply again = post("/v1/apps/forge/webhooks", kSpec, key);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(header(again, "ETag"), header(first, "ETag"));
  EXPECT_EQ(header(again, "Idempotency-Replayed"), "true");
  EXPECT_EQ(header(first, "Idempotency-Replayed"), "");
  expect_problem(post("/v1/apps/other/webhooks", kSpec, key), 422, "idempotency_mismatch");
  expect_problem(post("/v1/apps/forge/webhooks", kSpec, {{"idempotency-key", "k-2"}}), 409,
                 "conflict");
  Headers somebody = make_key("write");
  somebody["idempotency-key"] = "k-1";
  expect_problem(post("/v1/apps/forge/webhooks", kSpec, somebody), 409, "conflict");
  for (const std::string& wrong : {std::string(), std::string("a b"), std::string(257, 'k')})
    expect_problem(post("/v1/apps/x/webhooks", kSpec, {{"idempotency-key", wrong}}), 422,
                   "invalid_argument");
}

TEST_F(DefinitionsApiTest, SecretOfAKeyIsShownOnce) {
  const Headers key = {{"idempotency-key", "k"}};
  constexpr auto kSpec = R"({"name":"reader","scopes":["read"]})";
  const Json made = body_of(post("/v1/keys", kSpec, key), 201);
  EXPECT_TRUE(made["secret"].get<std::string>().starts_with("hrk_"));
  expect_problem(post("/v1/keys", kSpec, key), 409, "idempotency_replayed");
  EXPECT_EQ(body_of(get("/v1/keys"), 200)["data"].size(), 1u);
  EXPECT_EQ(get("/v1/keys").body.find(made["secret"].get<std::string>()), std::string::npos);
}

}  // namespace
}  // namespace headrace::api
