// SPDX-License-Identifier: Apache-2.0
// The audit log over the API, and what happens to those who try keys.
#include <string>

#include "tests/api/api_fixture.h"

namespace headrace::api {
namespace {

using core::Method;

class AuditApiTest : public ApiTest {
 protected:
  Request from(std::string_view address, std::string_view target, std::string_view key = kKey) {
    Request request =
        request_of(Method::kGet, target, {}, {{"authorization", "Bearer " + std::string(key)}});
    request.peer = *core::IpAddress::parse(address);
    return request;
  }
  Json first(std::string_view query) {
    const Json data = body_of(get("/v1/audit?" + std::string(query)), 200)["data"];
    EXPECT_FALSE(data.empty()) << query;
    return data.empty() ? Json::object() : data[0];
  }
};

TEST_F(AuditApiTest, ChangeIsShownWithItsKeyAddressAndRequest) {
  const Headers key = make_key("write");
  const std::string id = body_of(get("/v1/self", key), 200)["key"];
  Request request = request_of(
      Method::kPost, "/v1/apps/forge/webhooks",
      R"({"tag":"repo","name":"Repo","envs":[{"slug":"prd"}]})", key);
  request.peer = *core::IpAddress::parse("2001:db8::7");
  EXPECT_EQ(routes->handle(request).status, 201);
  const Json entry = first("kind=webhook&name=forge");
  EXPECT_EQ(entry["actor"], id);
  EXPECT_EQ(entry["address"], "2001:db8::7");
  EXPECT_EQ(entry["request_id"], "req_of-the-test");
  EXPECT_EQ(entry["action"], "create");
  EXPECT_EQ(entry["name"], "forge/repo");
  EXPECT_EQ(entry["before"], nullptr);
  EXPECT_EQ(entry["after"]["name"], "Repo");
  EXPECT_EQ(first("kind=key")["actor"], "operator");
  EXPECT_EQ(body_of(get("/v1/audit?actor=" + id), 200)["data"].size(), 2u) << "and its link";
  expect_problem(get("/v1/audit?actor=nobody"), 422, "invalid_argument");
  expect_problem(get("/v1/audit", key), 403, "forbidden");
  expect_problem(get("/v1/audit?cursor=x"), 422, "invalid_argument");
}

TEST_F(AuditApiTest, JobsErasuresAndDiscardsAreRecorded) {
  make_webhook();
  const Json link = make_link("shop", "http://127.0.0.1:9/");
  const std::string message = post_message(link["url"], R"({"action":"push"})");
  const std::string job = body_of(post("/v1/erasures", R"({"dry_run":true})"), 202)["id"];
  EXPECT_EQ(first("kind=job")["name"], job);
  EXPECT_EQ(first("kind=job")["after"]["kind"], "erasure");
  const Json endpoints = body_of(get("/v1/endpoints"), 200)["data"];
  ASSERT_FALSE(endpoints.empty());
  const std::string id = endpoints[0]["id"];
  EXPECT_LT(post("/v1/endpoints/" + id + "/discard", "").status, 300);
  EXPECT_EQ(first("action=discard")["object"], id);
  EXPECT_EQ(remove("/v1/messages/" + message).status, 204);
  EXPECT_EQ(first("action=erase")["object"], message);
  EXPECT_EQ(remove("/v1/messages/" + message).status, 404);
  EXPECT_EQ(body_of(get("/v1/audit?kind=message"), 200)["data"].size(), 1u)
      << "what is not there is not erased";
}

TEST_F(AuditApiTest, OperatorSeesWhatWasInAWorkspaceThatIsGone) {
  body_of(post("/v1/workspaces", R"({"tag":"second","name":"Second"})"), 201);
  const Headers key = make_key("admin", "second");
  EXPECT_EQ(body_of(get("/v1/audit?kind=workspace", key), 200)["data"].size(), 1u);
  expect_problem(get("/v1/workspaces/second/audit", key), 403, "forbidden");
  EXPECT_EQ(remove("/v1/workspaces/second").status, 204);
  expect_problem(get("/v1/audit", {{"headrace-workspace", "second"}}), 404, "not_found");
  const Json all = body_of(get("/v1/workspaces/second/audit?kind=workspace"), 200)["data"];
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["action"], "delete");
  EXPECT_EQ(all[0]["actor"], "operator");
}

TEST_F(AuditApiTest, WhoTriesKeysIsLockedOutAndWhoWorksIsNot) {
  const Request known = from("192.0.2.1", "/v1/self");
  EXPECT_EQ(routes->handle(known).status, 200);
  const Request guess = from("192.0.2.1", "/v1/self", "hrk_" + std::string(44, '0'));
  for (int i = 0; i < 10; ++i) expect_problem(routes->handle(guess), 401, "unauthorized");
  const Reply reply = routes->handle(guess);
  expect_problem(reply, 429, "too_many_failures");
  EXPECT_GE(std::stoi(header(reply, "Retry-After")), 1);
  EXPECT_LE(std::stoi(header(reply, "Retry-After")), 10);
  EXPECT_EQ(routes->handle(known).status, 200);
  const Headers fresh = make_key("read");
  Request late = from("192.0.2.1", "/v1/self", fresh.at("authorization").substr(7));
  EXPECT_EQ(routes->handle(late).status, 429) << "nobody knows yet that this one is right";
  late.peer = *core::IpAddress::parse("192.0.2.2");
  EXPECT_EQ(routes->handle(late).status, 200);
  Request bare = from("192.0.2.1", "/v1/self");
  bare.authorization.clear();
  EXPECT_EQ(routes->handle(bare).status, 401) << "who gives no key guesses none";
  EXPECT_NE(get("/metrics").body.find("headrace_api_keys_failed_total 10"), std::string::npos);
}

}  // namespace
}  // namespace headrace::api
