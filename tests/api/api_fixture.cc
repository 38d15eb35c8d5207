// SPDX-License-Identifier: Apache-2.0
#include "tests/api/api_fixture.h"

namespace headrace::api {
namespace {

std::optional<std::string> find(const Headers& headers, const char* name) {
  const auto it = headers.find(name);
  if (it == headers.end()) return std::nullopt;
  return it->second;
}

}  // namespace

ApiTest::ApiTest() {
  auto opened = Engine::open({.listen = "127.0.0.1:0",
                              .ingest_loops = 1,
                              .shards = 1,
                              .drain_grace = std::chrono::milliseconds(100),
                              .endpoint_allow = {"127.0.0.0/8", "::1"},
                              .plain_http_endpoints = true,
                              .dns_servers = "127.0.0.1:1"},
                             {.master_key = std::string(64, 'a')});
  EXPECT_TRUE(opened);
  engine = std::move(*opened);
  routes = std::make_unique<Routes>(*engine, kKey, clock);
}

Request ApiTest::request_of(core::Method method, std::string_view target, std::string_view body,
                            const Headers& headers) {
  Request request;
  request.set_target(method, target);
  request.authorization = find(headers, "authorization").value_or(std::string("Bearer ") + kKey);
  request.workspace = find(headers, "headrace-workspace");
  request.content_type = find(headers, "content-type");
  request.if_match = find(headers, "if-match");
  request.if_none_match = find(headers, "if-none-match");
  request.idempotency_key = find(headers, "idempotency-key");
  request.request_id = "req_of-the-test";
  request.body = body;
  return request;
}

Reply ApiTest::handle(core::Method method, std::string_view target, std::string_view body,
                      const Headers& headers) {
  Reply reply = routes->handle(request_of(method, target, body, headers));
  EXPECT_EQ(header(reply, "X-Request-Id"), "req_of-the-test");
  return reply;
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
  EXPECT_EQ(json.value("code", ""), code) << reply.body;
  EXPECT_EQ(json.value("type", ""), "urn:headrace:problem:" + std::string(code));
  EXPECT_EQ(json.value("request_id", ""), "req_of-the-test");
  for (const char* member : {"title", "detail", "instance"}) EXPECT_NE(json.value(member, ""), "");
  return json;
}

std::string ApiTest::header(const Reply& reply, std::string_view name) {
  const std::string start = std::string(name) + ": ";
  std::size_t at = reply.extra_lines.find(start);
  if (at == std::string::npos) return {};
  at += start.size();
  return reply.extra_lines.substr(at, reply.extra_lines.find("\r\n", at) - at);
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

Headers ApiTest::make_key(std::string_view scope, std::string_view workspace) {
  const Json spec = {{"name", scope}, {"scopes", {scope}}};
  const Json made =
      body_of(post("/v1/keys", spec.dump(), {{"headrace-workspace", std::string(workspace)}}), 201);
  return {{"authorization", "Bearer " + made.value("secret", "")}};
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
