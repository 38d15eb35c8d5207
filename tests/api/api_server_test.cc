// SPDX-License-Identifier: Apache-2.0
// The management API over a socket.
#include "api/api_server.h"

#include <atomic>
#include <latch>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/api/api_fixture.h"
#include "tests/engine/engine_rig.h"
#include "tests/support/name_server.h"

namespace headrace::api {
namespace {

using test::http_request;

class ApiServerTest : public ApiTest {
 protected:
  ApiServerTest() { EXPECT_TRUE(server.start("127.0.0.1:0")); }

  std::uint16_t port() const {
    const std::string address = server.address();
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  }
  static std::string with_key() { return std::string("Authorization: Bearer ") + kKey + "\r\n"; }

  ApiServer server{*engine, kKey};
};

TEST_F(ApiServerTest, RequestsAreAnsweredOnOneConnection) {
  test::TcpClient client(port());
  auto reply = client.exchange(
      http_request("POST", "/v1/apps/forge/webhooks",
                   R"({"tag":"repo","name":"Repo","envs":[{"slug":"prd"}]})", with_key()));
  EXPECT_EQ(reply.status, 201) << reply.body;
  reply = client.exchange(http_request("GET", "/v1/apps/forge/webhooks", {}, with_key()));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(Json::parse(reply.body)["data"][0]["tag"], "repo");
  reply = client.exchange(http_request("GET", "/v1/apps/forge/webhooks"));
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.header("www-authenticate"), "Bearer");
  reply = client.exchange(http_request("DELETE", "/metrics"));
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.header("allow"), "GET, HEAD");
}

TEST_F(ApiServerTest, RequestIdIsTheClientsOrANewOne) {
  test::TcpClient client(port());
  auto reply = client.exchange(http_request("GET", "/livez", {}, "X-Request-Id: a.B_3-z\r\n"));
  EXPECT_EQ(reply.header("x-request-id"), "a.B_3-z");
  std::set<std::string> made;
  for (const char* line : {"", "X-Request-Id: \r\n", "X-Request-Id: a b\r\n"}) {
    reply = client.exchange(http_request("GET", "/v1/nothing", {}, line));
    const std::string id = reply.header("x-request-id");
    EXPECT_TRUE(id.starts_with("req_") && id.size() == 26) << id;
    EXPECT_EQ(Json::parse(reply.body)["request_id"], id);
    EXPECT_TRUE(made.insert(id).second);
  }
}

TEST_F(ApiServerTest, AddressOfTheClientReachesTheAuditLogAndTheThrottle) {
  test::TcpClient client(port());
  const auto made = client.exchange(
      http_request("POST", "/v1/keys", R"({"name":"k","scopes":["read"]})", with_key()));
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(body_of(get("/v1/audit?kind=key"), 200)["data"][0]["address"], "127.0.0.1");
  const std::string wrong = "Authorization: Bearer hrk_wrong\r\n";
  int answer = 0;
  for (int i = 0; i < 20 && answer != 429; ++i)
    answer = client.exchange(http_request("GET", "/v1/self", {}, wrong)).status;
  EXPECT_EQ(answer, 429);
  EXPECT_EQ(client.exchange(http_request("GET", "/v1/self", {}, with_key())).status, 200)
      << "who is at work goes on";
}

TEST_F(ApiServerTest, HeadersReachTheRoutes) {
  test::TcpClient client(port());
  const auto exchange = [&](const char* method, const char* target, std::string_view body,
                            const std::string& lines) {
    return client.exchange(http_request(method, target, body, with_key() + lines));
  };
  constexpr auto kSpec = R"({"tag":"repo","name":"Repo","envs":[{"slug":"prd"}]})";
  constexpr auto kWebhooks = "/v1/apps/forge/webhooks";
  constexpr auto kRepo = "/v1/apps/forge/webhooks/repo";
  const auto made = exchange("POST", kWebhooks, kSpec, "Idempotency-Key: k\r\n");
  EXPECT_EQ(made.status, 201) << made.body;
  const std::string etag = made.header("etag");
  const auto again = exchange("POST", kWebhooks, kSpec, "Idempotency-Key: k\r\n");
  EXPECT_EQ(again.header("idempotency-replayed"), "true");
  EXPECT_EQ(again.body, made.body);
  EXPECT_EQ(exchange("GET", kRepo, {}, "If-None-Match: " + etag + "\r\n").status, 304);
  EXPECT_EQ(exchange("PATCH", kRepo, "{}", "If-Match: \"0\"\r\n").status, 412);
  EXPECT_EQ(exchange("GET", kRepo, {}, "Headrace-Workspace: none\r\n").status, 404);
  EXPECT_EQ(exchange("POST", kWebhooks, kSpec, "Content-Type: text/xml\r\n").status, 415);
  EXPECT_EQ(exchange("DELETE", kRepo, {}, "If-Match: " + etag + "\r\n").status, 204);
}

TEST_F(ApiServerTest, BodyThatIsTooLongIsAnswered) {
  test::TcpClient client(port());
  const std::string body(kBodyBytesMax + 1, ' ');
  const std::string request = http_request("POST", "/v1/workspaces", body, with_key());
  for (std::size_t sent = 0; sent < request.size();)
    sent += client.send(std::string_view(request).substr(sent));
  ASSERT_TRUE(client.wait_for_replies(1));
  const auto reply = client.replies()[0];
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(Json::parse(reply.body)["code"], "too_large");
}

// Each route says 503 when there is too much to do, save those that ask whether it lives.
TEST_F(ApiTest, BusyServerAnswersEveryRouteAsUnavailableSaveLivezAndReadyz) {
  ApiServer busy(*engine, kKey, {.jobs_max = 0});
  ASSERT_TRUE(busy.start("127.0.0.1:0"));
  const std::string address = busy.address();
  test::TcpClient client(
      static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  for (const Route& route : route_table()) {
    const auto reply =
        client.exchange(http_request(core::to_string(route.method), std::string(route.path)));
    if (route.path == "/livez" || route.path == "/readyz") {
      EXPECT_EQ(reply.status, 200) << route.id;
      continue;
    }
    EXPECT_EQ(reply.status, 503) << route.id;
    EXPECT_EQ(reply.header("retry-after"), "1");
    EXPECT_EQ(Json::parse(reply.body)["code"], "unavailable");
  }
  busy.stop();
}

TEST_F(ApiServerTest, HeadGetsNoBody) {
  test::TcpClient client(port());
  const auto reply = client.exchange(http_request("HEAD", "/readyz"), true);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("content-length"), "15");
  EXPECT_TRUE(client.received().ends_with("\r\n\r\n"));
}

TEST_F(ApiServerTest, WrongEscapeIsABadRequest) {
  test::TcpClient client(port());
  const auto reply = client.exchange(http_request("GET", "/v1/%zz", {}, with_key()));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.header("content-type"), "application/problem+json");
}

TEST_F(ApiServerTest, PipelineIsAnsweredInOrderThoughWorkersFinishInAny) {
  test::TcpClient client(port());
  std::string requests;
  for (int i = 0; i < 40; ++i) {
    requests += http_request("GET", i % 2 == 0 ? "/metrics" : "/nothing");
  }
  EXPECT_EQ(client.send(requests), requests.size());
  ASSERT_TRUE(client.wait_for_replies(40));
  const auto replies = client.replies();
  ASSERT_EQ(replies.size(), 40u);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(replies[i].status, i % 2 == 0 ? 200 : 404);
}

TEST_F(ApiServerTest, StopWaitsForNobodyWhoOnlyHoldsAConnection) {
  test::TcpClient idle(port());
  test::TcpClient used(port());
  EXPECT_EQ(used.exchange(http_request("GET", "/livez")).status, 200);
  server.stop();
  EXPECT_TRUE(used.wait_for_replies(2));
  EXPECT_NE(used.end(), test::TcpClient::End::kNone);
}

TEST_F(ApiServerTest, StopsInTheMiddleOfWork) {
  test::TcpClient client(port());
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += http_request("GET", "/metrics");
  client.send(requests);
  server.stop();
}

// A name server that never answers holds up requests that name its names, each once, and nobody
// else: far more of them than there are threads.
TEST(ApiServerNamesTest, OthersAreAnsweredWhileNamesAreWaitedFor) {
  const core::SystemClock clock;
  core::LoopThread thread{clock, "name-server"};
  std::unique_ptr<test::NameServer> names;
  thread.start();
  thread.run_and_wait([&] {
    names = std::make_unique<test::NameServer>(thread.loop());
    names->silent = true;
  });
  EngineConfig config = test::small_engine();
  config.dns_servers = names->address();
  const auto engine = test::open(std::move(config));
  ApiServer server(*engine, "hrk_a-key-of-the-tests");
  ASSERT_TRUE(server.start("127.0.0.1:0"));
  const std::string address = server.address();
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  constexpr std::string_view kLines = "Authorization: Bearer hrk_a-key-of-the-tests\r\n";

  Json spec = {{"tag", "repo"}, {"name", "Repo"}, {"envs", Json::array()}};
  for (int i = 0; i < 64; ++i) spec["envs"].push_back({{"slug", "e" + std::to_string(i)}});
  test::TcpClient other(port);
  ASSERT_EQ(
      other.exchange(http_request("POST", "/v1/apps/forge/webhooks", spec.dump(), kLines)).status,
      201);
  std::vector<std::unique_ptr<test::TcpClient>> slow;
  for (int c = 0; c < 12; ++c) {
    Json patch = {{"envs", Json::array()}};
    for (int i = 0; i < 64; ++i) {
      const std::string host = "h" + std::to_string(i) + ".c" + std::to_string(c) + ".test.";
      patch["envs"].push_back({{"slug", "e" + std::to_string(i)},
                               {"registration_url", "https://in." + host + "/"},
                               {"unregistration_url", "https://out." + host + "/"}});
    }
    slow.push_back(std::make_unique<test::TcpClient>(port));
    const std::string request =
        http_request("PATCH", "/v1/apps/forge/webhooks/repo", patch.dump(), kLines);
    ASSERT_EQ(slow.back()->send(request), request.size());
  }
  ASSERT_TRUE(test::eventually([&] {
    std::size_t asked = 0;
    thread.run_and_wait([&] { asked = names->a_questions; });
    return asked >= 4 * 128;
  }));
  for (const char* target : {"/livez", "/readyz", "/metrics", "/v1/self"})
    EXPECT_EQ(other.exchange(http_request("GET", target, {}, kLines)).status, 200) << target;
  for (const auto& client : slow) {
    ASSERT_TRUE(client->wait_for_replies(1));
    EXPECT_EQ(client->replies()[0].status, 200) << client->replies()[0].body;
  }
  server.stop();
  engine->close();
  thread.run_and_wait([&] { names->close(); });
  thread.stop();
}

TEST(WorkersTest, RunAsManyAtOnceAsThereAreThreadsAndAllBeforeTheEnd) {
  std::atomic<int> ended = 0;
  std::latch all(8);  // passes only with 8 of them at once
  {
    Workers workers(8);
    for (int i = 0; i < 8; ++i)
      workers.run([&] {
        all.arrive_and_wait();
        ++ended;
      });
    for (int i = 0; i < 72; ++i) workers.run([&] { ++ended; });
  }
  EXPECT_EQ(ended, 80);
}

TEST_F(ApiTest, ServerThatCannotListenSaysWhy) {
  ApiServer server(*engine, kKey);
  const auto wrong = server.start("nowhere");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument);
  const auto not_ours = server.start("192.0.2.1:0");
  ASSERT_FALSE(not_ours);
  EXPECT_EQ(not_ours.error().code, ErrorCode::kConnectFailed);
}

}  // namespace
}  // namespace headrace::api
