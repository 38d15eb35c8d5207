// SPDX-License-Identifier: Apache-2.0
// What happened, and what is sent by hand.
#include <string>
#include <vector>

#include "tests/api/api_fixture.h"
#include "tests/engine/engine_rig.h"

namespace headrace::api {
namespace {

class HistoryApiTest : public ApiTest {
 protected:
  // Lists follow an acceptance a moment later: it is answered as soon as it is durable.
  void wait_for_messages(std::size_t count, const std::string& query = "") {
    wait_until("/v1/messages?limit=1000" + query,
               [count](const Json& shown) { return shown["data"].size() == count; });
  }
  Json message(const std::string& id) {
    return wait_until("/v1/messages/" + id, [](const Json&) { return true; });
  }
};

TEST_F(HistoryApiTest, MessageIsShownFromItsAcceptanceToItsAttempt) {
  make_webhook();
  const test::Sink sink;
  const Json link = make_link("shop", sink.url());
  const std::string body = R"({"action":"push","n":1})";
  const std::string id = post_message(link["link"], body);

  const Json message = this->message(id);
  EXPECT_EQ(message["id"], id);
  EXPECT_EQ(message["event"], "repo:push");
  EXPECT_EQ(message["status"], "routed");
  EXPECT_EQ(message["test"], false);
  EXPECT_EQ(message["body"], body);
  EXPECT_EQ(message["body_bytes"], body.size());
  EXPECT_EQ(message["method"], "POST");
  EXPECT_FALSE(message.contains("body_base64"));

  const Json deliveries = wait_until("/v1/deliveries?message=" + id, [](const Json& shown) {
    return shown["data"].size() == 1 && shown["data"][0]["status"] == "delivered";
  });
  EXPECT_EQ(deliveries["data"][0]["attempts"], 1);
  EXPECT_EQ(deliveries["data"][0]["endpoint"], link["endpoint"]);
  EXPECT_EQ(deliveries["data"][0]["http_status"], 200);
  const Json attempts = body_of(get("/v1/attempts?message=" + id), 200)["data"];
  ASSERT_EQ(attempts.size(), 1u);
  EXPECT_EQ(attempts[0]["attempt"], 1);
  EXPECT_EQ(attempts[0]["http_status"], 200);
  EXPECT_TRUE(attempts[0]["error"].is_null());
  const std::string endpoint = link["endpoint"];
  for (const std::string& filter :
       {"endpoint=" + endpoint, "message=" + id + "&endpoint=" + endpoint,
        "message=" + id + "&status=delivered&error=none&http_status=200&app=forge&product=shop"})
    EXPECT_EQ(body_of(get("/v1/attempts?" + filter), 200)["data"], attempts) << filter;
  EXPECT_EQ(body_of(get("/v1/attempts?message=" + id + "&error=any"), 200)["data"], Json::array());
}

TEST_F(HistoryApiTest, BytesThatAreNoTextAreShownInFull) {
  body_of(post("/v1/apps/forge/webhooks",
               R"({"tag":"raw","name":"R","payload":"raw","envs":[{"slug":"prd"}]})"),
          201);
  const std::string link = body_of(get("/v1/apps/forge/webhooks/raw"), 200)["envs"][0]["link"];
  const std::string id = post_message(link, "a\xFF\xFE");
  const Json message = this->message(id);
  EXPECT_EQ(message["body"], "a\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(message["body_base64"], "Yf/+");
}

TEST_F(HistoryApiTest, FiltersSayWhichMessagesAreMeant) {
  make_webhook();
  const Json webhook = body_of(get("/v1/apps/forge/webhooks/repo"), 200);
  const std::string prd = webhook["envs"][0]["link"];
  const std::string other = post_message(prd, R"({"action":"other"})");
  const std::string push = post_message(webhook["envs"][1]["link"], R"({"action":"push"})");
  wait_for_messages(2);
  const auto ids = [this](const std::string& query) {
    std::vector<std::string> found;
    const Json shown = body_of(get("/v1/messages" + query), 200);
    for (const Json& one : shown["data"]) found.push_back(one["id"]);
    return found;
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids(""), (Ids{push, other})) << "the newest first";
  EXPECT_EQ(ids("?status=unmatched"), Ids{other});
  EXPECT_EQ(ids("?status=no_endpoint"), Ids{push});
  EXPECT_EQ(ids("?app=forge&event=repo:push"), Ids{push});
  EXPECT_EQ(ids("?env=prd&app=forge&webhook=repo"), Ids{other});
  EXPECT_EQ(ids("?link=" + webhook["envs"][0]["link_id"].get<std::string>()), Ids{other});
  EXPECT_EQ(ids("?until=1990-01-01T00:00:00Z"), Ids{});
  EXPECT_EQ(ids("?since=1990-01-01T00:00:00Z"), (Ids{push, other}));
  const Json shown = body_of(get("/v1/messages/" + other), 200);
  EXPECT_TRUE(shown["event"].is_null());
}

TEST_F(HistoryApiTest, PagesLeadThroughAllMessagesNewestFirst) {
  make_webhook();
  const Json env = body_of(get("/v1/apps/forge/webhooks/repo"), 200)["envs"][0];
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(post_message(env["link"], "{}"));
  const std::string link = "&link=" + env["link_id"].get<std::string>();
  wait_for_messages(7, link);
  const std::string target = "/v1/messages?limit=3" + link;
  std::vector<std::string> shown;
  std::string cursor;
  for (int page = 0; page < 9; ++page) {
    const Json reply = body_of(get(target + (cursor.empty() ? "" : "&cursor=" + cursor)), 200);
    EXPECT_LE(reply["data"].size(), 3u);
    for (const Json& message : reply["data"]) shown.push_back(message["id"]);
    if (reply["next"].is_null()) break;
    cursor = reply["next"];
  }
  EXPECT_EQ(shown, std::vector<std::string>(ids.rbegin(), ids.rend()));
}

TEST_F(HistoryApiTest, PayloadOfATestSendGoesOutToTheLetter) {
  make_webhook();
  make_link("shop", "http://127.0.0.1:1/nobody");
  const std::string payload = R"({ "action":"push", "id":12345678901234567890123,"x": 1.10 })";
  const Json sent = body_of(post("/v1/apps/forge/events/push/trigger",
                                 R"({"env":"prd","product":"shop","payload":)" + payload + "}"),
                            202);
  EXPECT_EQ(sent["event"], "repo:push");
  EXPECT_EQ(sent["selected"], true);
  EXPECT_EQ(sent["receivers"], 1);
  const Json message = this->message(sent["message"]);
  EXPECT_EQ(message["body"], payload);
  EXPECT_EQ(message["test"], true);
}

TEST_F(HistoryApiTest, EndpointIsTestedWithoutABody) {
  make_webhook();
  const std::string endpoint = make_link("shop", "http://127.0.0.1:1/nobody")["endpoint"];
  const Json sent = body_of(post("/v1/endpoints/" + endpoint + "/test", ""), 202);
  EXPECT_EQ(sent["receivers"], 1);
  EXPECT_EQ(sent["event"], nullptr);
}

TEST_F(HistoryApiTest, MatchSaysWhatAMessageWouldDo) {
  make_webhook();
  const Json link = make_link("shop", "http://127.0.0.1:1/nobody");
  const Json report = body_of(post("/v1/apps/forge/webhooks/repo/match",
                                   R"({"env":"prd","payload":{"action":"push"},"query":{"a b":1},
                                       "headers":{"X-Event":"push"}})"),
                              200);
  EXPECT_EQ(report["event"], "repo:push");
  ASSERT_EQ(report["receivers"].size(), 1u);
  EXPECT_EQ(report["receivers"][0]["endpoint"], link["endpoint"]);
  EXPECT_EQ(report["receivers"][0]["reached"], true);
  EXPECT_EQ(body_of(get("/v1/messages"), 200)["data"].size(), 0u);
}

}  // namespace
}  // namespace headrace::api
