// SPDX-License-Identifier: Apache-2.0
// The management API over a socket.
#include "api/api_server.h"

#include <string>
#include <vector>

#include "tests/api/api_fixture.h"

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
