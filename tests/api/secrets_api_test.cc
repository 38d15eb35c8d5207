// SPDX-License-Identifier: Apache-2.0
// Secrets and signing over the API: who may, what is shown, and what never is.
#include <string>

#include "tests/api/api_fixture.h"

namespace headrace::api {
namespace {

using SecretsApiTest = ApiTest;

TEST_F(SecretsApiTest, ASecretIsPutListedAndDeletedAndItsValueNeverComesBack) {
  const Reply reply = put("/v1/secrets/KEY", R"({"value":"of great value"})");
  const Json made = body_of(reply, 200);
  EXPECT_EQ(made["name"], "KEY");
  EXPECT_EQ(header(reply, "ETag"), "\"" + made["revision"].dump() + "\"");
  EXPECT_EQ(body_of(get("/v1/secrets/KEY"), 200), made);
  EXPECT_EQ(body_of(get("/v1/secrets"), 200), (Json{{"data", {made}}, {"next", nullptr}}));
  EXPECT_EQ((reply.body + get("/v1/secrets").body).find("of great value"), std::string::npos);
  expect_problem(put("/v1/secrets/KEY", R"({"value":"v"})", {{"if-match", "\"1\""}}), 412,
                 "precondition_failed");
  EXPECT_EQ(remove("/v1/secrets/KEY").status, 204);
  expect_problem(get("/v1/secrets/KEY"), 404, "not_found");
  expect_problem(remove("/v1/secrets/KEY"), 404, "not_found");
}

TEST_F(SecretsApiTest, WhatIsWrongIsNamedWithoutTheValue) {
  for (const char* body : {R"({})", R"({"value":""})", R"({"value":7})", R"({"value":null})",
                           R"({"value":"v","name":"K"})"})
    expect_problem(put("/v1/secrets/KEY", body), 422, "invalid_argument");
  expect_problem(put("/v1/secrets/a-b", R"({"value":"v"})"), 422, "invalid_argument");
  const Reply reply = put("/v1/secrets/KEY", R"({"valeu":"of great value"})");
  EXPECT_EQ(reply.body.find("of great value"), std::string::npos) << reply.body;
}

TEST_F(SecretsApiTest, WritersSetReadersSeeNamesAndOnlyTheOperatorRotatesTheMasterKey) {
  body_of(put("/v1/secrets/KEY", R"({"value":"v"})", make_key("write")), 200);
  expect_problem(put("/v1/secrets/KEY", R"({"value":"v"})", make_key("read")), 403, "forbidden");
  EXPECT_EQ(get("/v1/secrets", make_key("read")).status, 200);
  expect_problem(remove("/v1/secrets/KEY", make_key("read")), 403, "forbidden");
  expect_problem(post("/v1/master-key/rotate", "", make_key("admin")), 403, "forbidden");
  // This engine's key is given from outside; one of a data directory is rotated elsewhere.
  expect_problem(post("/v1/master-key/rotate", ""), 412, "precondition_failed");
}

TEST_F(SecretsApiTest, OneThatIsInUseIsDeletedByForceOnly) {
  make_webhook();
  body_of(put("/v1/secrets/KEY", R"({"value":"v"})"), 200);
  const Json endpoint = body_of(
      post("/v1/products/shop/endpoints",
           R"({"access_tag":"forge","webhook_tag":"repo","env":"prd","url":"http://127.0.0.1:9/",
               "auth":{"headers":{"A":"$Secret{KEY}"}}})"),
      201);
  const Json refused = expect_problem(remove("/v1/secrets/KEY"), 409, "conflict");
  EXPECT_NE(refused.dump().find(endpoint["id"].get<std::string>()), std::string::npos);
  EXPECT_EQ(remove("/v1/secrets/KEY?cascade=true").status, 204);
}

TEST_F(SecretsApiTest, AnEndpointShowsHowItSignsAndItsSecretOnlyWhenAsked) {
  make_webhook();
  make_link("shop", "http://127.0.0.1:9/");
  const Json endpoint = body_of(get("/v1/endpoints"), 200)["data"][0];
  EXPECT_EQ(endpoint["signing"],
            (Json{{"scheme", "v1"}, {"header", "webhook-signature"}, {"previous_until", nullptr}}));
  const std::string path = "/v1/endpoints/" + endpoint["id"].get<std::string>();
  const Json secret = body_of(get(path + "/signing-secret", make_key("write")), 200);
  EXPECT_TRUE(secret["secret"].get<std::string>().starts_with("whsec_"));
  expect_problem(get(path + "/signing-secret", make_key("read")), 403, "forbidden");
  const Json rotated = body_of(post(path + "/signing-secret/rotate", R"({"grace":"1h"})"), 200);
  EXPECT_NE(rotated["secret"], secret["secret"]);
  EXPECT_TRUE(rotated["previous_until"].is_string());
  EXPECT_EQ(body_of(get(path), 200)["signing"]["previous_until"], rotated["previous_until"]);
  expect_problem(post(path + "/signing-secret/rotate", R"({"secret":"short"})"), 422,
                 "invalid_argument");
  expect_problem(post(path + "/signing-secret/rotate", R"({"grace":"31d"})"), 422,
                 "invalid_argument");
}

TEST_F(SecretsApiTest, ASchemeIsChosenByTheEndpointsSettings) {
  make_webhook();
  make_link("shop", "http://127.0.0.1:9/");
  const std::string path =
      "/v1/endpoints/" + body_of(get("/v1/endpoints"), 200)["data"][0]["id"].get<std::string>();
  const auto signing = [&](std::string_view json) {
    return body_of(patch(path, R"({"signing":)" + std::string(json) + "}"), 200)["signing"];
  };
  EXPECT_EQ(signing(R"({"scheme":"github"})")["header"], "X-Hub-Signature-256");
  EXPECT_EQ(signing(R"({"header":"X-Own"})")["header"], "X-Own");
  EXPECT_EQ(signing(R"({"header":null})")["header"], "X-Hub-Signature-256");
  EXPECT_EQ(signing(R"({"scheme":"v1a"})")["scheme"], "v1a");
  EXPECT_TRUE(body_of(get(path + "/signing-secret"), 200)["secret"].get<std::string>().starts_with(
      "whpk_"));
  EXPECT_EQ(signing(R"({"scheme":"none"})")["header"], nullptr);
  expect_problem(get(path + "/signing-secret"), 404, "not_found");
  EXPECT_EQ(signing("null")["scheme"], "v1");
  for (const char* wrong : {R"({"scheme":"md5"})", R"({"secret":"whsec_x"})", R"({"header":"X-A"})",
                            R"({"key":"x"})", R"("v1")"})
    expect_problem(patch(path, R"({"signing":)" + std::string(wrong) + "}"), 422,
                   "invalid_argument");
}

}  // namespace
}  // namespace headrace::api
