// SPDX-License-Identifier: Apache-2.0
#include "tests/api/api_fixture.h"

namespace headrace::api {

ApiTest::ApiTest() {
  auto opened = Engine::open({.listen = "127.0.0.1:0", .ingest_loops = 1, .shards = 1});
  EXPECT_TRUE(opened);
  engine = std::move(*opened);
  routes = std::make_unique<Routes>(*engine, kKey);
}

Reply ApiTest::handle(core::Method method, std::string_view target, std::string_view body) {
  Request request;
  EXPECT_TRUE(request.set_target(method, target)) << target;
  request.authorization = std::string("Bearer ") + kKey;
  request.body = body;
  return routes->handle(request);
}

Json ApiTest::body_of(const Reply& reply, int status) {
  EXPECT_EQ(reply.status, status) << reply.body;
  EXPECT_EQ(reply.content_type, "application/json");
  Json json = Json::parse(reply.body, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << reply.body;
  return json;
}

Json ApiTest::expect_problem(const Reply& reply, int status, std::string_view code) {
  EXPECT_EQ(reply.status, status) << reply.body;
  EXPECT_EQ(reply.content_type, "application/problem+json");
  Json json = Json::parse(reply.body, nullptr, false);
  EXPECT_TRUE(json.is_object()) << reply.body;
  if (!json.is_object()) return Json::object();
  EXPECT_EQ(json.value("status", 0), status);
  EXPECT_EQ(json.value("code", ""), code);
  EXPECT_EQ(json.value("type", ""), "about:blank");
  EXPECT_NE(json.value("title", ""), "");
  EXPECT_NE(json.value("detail", ""), "");
  return json;
}

void ApiTest::make_webhook() {
  body_of(post("/v1/apps/forge/webhooks",
               R"({"tag":"repo","name":"Repo","envs":[{"slug":"prd"},{"slug":"snd"}]})"),
          201);
  body_of(post("/v1/apps/forge/events",
               R"({"tag":"repo:push","name":"Push","selector":"$Event{action}"})"),
          201);
}

Json ApiTest::make_link(std::string_view product, std::string_view url) {
  const Json spec = {
      {"access_tag", "forge"}, {"webhook_tag", "repo"}, {"env", "prd"}, {"url", url}};
  return Json::parse(post("/v1/products/" + std::string(product) + "/links", spec.dump()).body);
}

std::string ApiTest::post_message(const std::string& link, std::string_view body) {
  const std::string address = engine->ingest_address();
  test::TcpClient client(
      static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  const auto reply =
      client.exchange(test::http_request("POST", link.substr(link.find("/in/")), body));
  EXPECT_EQ(reply.status, 200) << reply.body;
  return Json::parse(reply.body, nullptr, false).value("id", "");
}

}  // namespace headrace::api
