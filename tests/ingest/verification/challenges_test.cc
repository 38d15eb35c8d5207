// SPDX-License-Identifier: Apache-2.0
// Questions of providers that ask whether somebody listens, and those of others that look like one.
#include <gtest/gtest.h>

#include "tests/ingest/verification/request.h"
#include "tests/ingest/verification/signing.h"

namespace headrace::verification::test {
namespace {

const std::string kTime = "1700000000";

Request zoom(const std::string& body, const std::string& secret = "s") {
  return {.fields = {{"x-zm-request-timestamp", kTime},
                     {"x-zm-signature",
                      "v0=" + hex(hmac("SHA256", secret, "v0:" + kTime + ":" + body))}},
          .body = body};
}

TEST(ChallengesTest, ZoomsTokenIsSignedWithTheSecretThatTheQuestionWasSignedWith) {
  const auto verifier = make(R"({"provider":"zoom","secrets":["s","t"]})");
  const std::string body =
      R"({"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}})";
  for (const char* secret : {"s", "t"}) {
    const Outcome outcome = judge(*verifier, zoom(body, secret));
    EXPECT_EQ(outcome.verdict, Verdict::kReply);
    EXPECT_EQ(outcome.reply.status, 200);
    EXPECT_EQ(outcome.reply.content_type, "application/json");
    EXPECT_EQ(outcome.reply.body, R"({"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":")" +
                                      hex(hmac("SHA256", secret, "qgg8vlvZRS6UYooatFL8Aw")) +
                                      "\"}");
  }
  EXPECT_TRUE(judge(*verifier, zoom(body, "wrong")).refused());
  // What only looks like the question is a message.
  for (const char* other :
       {R"({"event":"meeting.ended","payload":{"topic":"endpoint.url_validation"}})",
        R"({"event":"endpoint.url_validation"})",
        R"({"event":"endpoint.url_validation","payload":{"plainToken":""}})",
        R"({"event":"endpoint.url_validation","payload":{"plainToken":7}})",
        R"({"event":"endpoint.url_validation","payload":{"plainToken":"a\nb"}})",
        R"(endpoint.url_validation)"})
    EXPECT_TRUE(judge(*verifier, zoom(other)).genuine()) << other;
}

TEST(ChallengesTest, SlacksChallengeIsEchoedOnceItIsFoundGenuine) {
  const auto verifier = make(R"({"provider":"slack","secrets":["s"]})");
  const auto judge_body = [&](const std::string& body, const char* secret) {
    const std::string text = "v0:" + kTime + ":" + body;
    return judge(*verifier,
                 {.fields = {{"X-Slack-Request-Timestamp", kTime},
                             {"X-Slack-Signature", "v0=" + hex(hmac("SHA256", secret, text))}},
                  .body = body});
  };
  const std::string asked = R"({"token":"t","challenge":"3eZbrw1aB","type":"url_verification"})";
  EXPECT_EQ(judge_body(asked, "s").verdict, Verdict::kReply);
  EXPECT_EQ(judge_body(asked, "s").reply.body, "3eZbrw1aB");
  EXPECT_EQ(judge_body(asked, "s").reply.content_type, "text/plain");
  EXPECT_TRUE(judge_body(asked, "wrong").refused());
  EXPECT_TRUE(judge_body(R"({"type":"event_callback","challenge":"a"})", "s").genuine());
  EXPECT_TRUE(judge_body(R"({"type":"url_verification"})", "s").genuine());
}

Request get(const std::string& query, const Fields& fields = {}) {
  return {.method = "GET", .target = "/in/x?" + query, .fields = fields};
}

void expect_text(const std::optional<Reply>& reply, const std::string& body) {
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->content_type, "text/plain");
  EXPECT_EQ(reply->body, body);
  EXPECT_EQ(reply->extra_lines, "X-Content-Type-Options: nosniff\r\n");
  EXPECT_TRUE(reply->confirm_url.empty());
}

TEST(ChallengesTest, MetasChallengeIsEchoedToWhoKnowsTheToken) {
  const auto verifier = make(R"({"provider":"meta","secrets":["s"],"verify_token":"v t"})");
  const std::string asked = "hub.mode=subscribe&hub.verify_token=v+t&hub.challenge=1158201444";
  expect_text(challenge(*verifier, get(asked)), "1158201444");
  expect_text(
      challenge(*verifier, get("hub.mode=subscribe&hub.verify_token=v%20t&hub.challenge=%3Cb%3E")),
      "<b>");
  for (const std::string& query :
       {std::string("hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1"),
        std::string("hub.mode=subscribe&hub.verify_token=&hub.challenge=1"),
        std::string("hub.mode=subscribe&hub.challenge=1"),
        std::string("hub.mode=unsubscribe&hub.verify_token=v+t&hub.challenge=1"),
        std::string("hub.verify_token=v+t&hub.challenge=1"),
        std::string("hub.mode=subscribe&hub.verify_token=v+t"),
        std::string("hub.mode=subscribe&hub.verify_token=v+t&hub.challenge="),
        std::string("hub.mode=subscribe&hub.verify_token=v+t&hub.challenge=a%0D%0Ab"),
        std::string("hub.mode=subscribe&hub.verify_token=v+t&hub.challenge=a%00"),
        std::string("hub.mode=subscribe&hub.verify_token=v+t&hub.challenge=") +
            std::string(4097, 'a'),
        asked + "&hub.challenge=2", asked + "&hub.verify_token=v+t", asked + "&hub.mode=subscribe"})
    EXPECT_FALSE(challenge(*verifier, get(query))) << query;
  Request posted = get(asked);
  posted.method = "POST";
  EXPECT_FALSE(challenge(*verifier, posted));
  EXPECT_FALSE(challenge(*make(R"({"provider":"meta","secrets":["s"]})"), get(asked)));
  EXPECT_FALSE(challenge(*make(R"({"provider":"github","secrets":["s"]})"), get(asked)));
}

TEST(ChallengesTest, WhatIsSignedForAnybodyWhoAsksIsNoMessageOfX) {
  const auto verifier = make(R"({"provider":"x","secrets":["s","old"]})");
  const auto reply = challenge(*verifier, get("crc_token=abc%2B%2F%3D&nonce=1"));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->content_type, "application/json");
  EXPECT_EQ(reply->body,
            R"({"response_token":"sha256=)" + base64(hmac("SHA256", "s", "abc+/=")) + "\"}");
  for (const char* query : {"crc_token=", "crc_token=%7B%22a%22:1%7D", "crc_token=a%20b",
                            "crc_token=a&crc_token=b", "crc=a", ""})
    EXPECT_FALSE(challenge(*verifier, get(query))) << query;
  EXPECT_FALSE(challenge(*verifier, get("crc_token=" + std::string(129, 'a'))));
  // A body that could be had signed that way.
  const std::string body = "123";
  EXPECT_EQ(judge(*verifier, {.fields = {{"x-twitter-webhooks-signature",
                                          "sha256=" + base64(hmac("SHA256", "s", body))}},
                              .body = body})
                .reason,
            "the body is not a JSON object");
  // Nor where a time is signed with it, which the token could have in front.
  const auto own = make(
      R"({"secrets":["s"],"scheme":{"header":"X-Sign","timestamp_header":"X-Time","encoding":"base64",)"
      R"("signed":["{timestamp}",".","{body}"],"challenge":"crc","object_body":true}})");
  const auto forged = challenge(*own, get("crc_token=" + kTime + ".forged"));
  ASSERT_TRUE(forged.has_value());
  const std::string begin = R"({"response_token":")";
  const std::string signature =
      forged->body.substr(begin.size(), forged->body.size() - begin.size() - 2);
  EXPECT_EQ(signature, base64(hmac("SHA256", "s", kTime + ".forged")));
  EXPECT_EQ(
      judge(*own, {.fields = {{"X-Sign", signature}, {"X-Time", kTime}}, .body = "forged"}).reason,
      "the body is not a JSON object");
  EXPECT_TRUE(judge(*own, {.fields = {{"X-Sign", base64(hmac("SHA256", "s", kTime + ".{}"))},
                                      {"X-Time", kTime}},
                           .body = "{}"})
                  .genuine());
}

TEST(ChallengesTest, TwitchsChallengeIsEchoedOnceItIsFoundGenuine) {
  const auto verifier = make(R"({"provider":"twitch","secrets":["s"]})");
  const auto request = [](const std::string& type, const std::string& body, const char* secret) {
    const std::string time = "2023-11-14T22:13:20Z";
    return Request{.fields = {{"Twitch-Eventsub-Message-Id", "id"},
                              {"Twitch-Eventsub-Message-Timestamp", time},
                              {"Twitch-Eventsub-Message-Type", type},
                              {"Twitch-Eventsub-Message-Signature",
                               "sha256=" + hex(hmac("SHA256", secret, "id" + time + body))}},
                   .body = body};
  };
  const std::string type = "webhook_callback_verification";
  const std::string body = R"({"challenge":"pogchamp-kappa-360noscope-vohiyo"})";
  const Outcome outcome = judge(*verifier, request(type, body, "s"));
  EXPECT_EQ(outcome.verdict, Verdict::kReply);
  expect_text(outcome.reply, "pogchamp-kappa-360noscope-vohiyo");
  EXPECT_TRUE(judge(*verifier, request(type, body, "wrong")).refused());
  for (const char* other : {"notification", "revocation", ""})
    EXPECT_TRUE(judge(*verifier, request(other, body, "s")).genuine());
  for (const char* odd : {"{}", R"({"challenge":"a\r\nb"})", R"({"challenge":7})", "x"})
    EXPECT_TRUE(judge(*verifier, request(type, odd, "s")).genuine()) << odd;
}

TEST(ChallengesTest, DiscordsPingIsAnsweredAndNothingElse) {
  const auto& key = SigningKey::ed25519();
  const auto verifier =
      make(R"({"provider":"discord","public_keys":[")" + hex(key.public_raw()) + "\"]}");
  const auto judge_body = [&](const std::string& body, const std::string& signed_body) {
    return judge(*verifier,
                 {.fields = {{"X-Signature-Timestamp", kTime},
                             {"X-Signature-Ed25519", hex(key.sign(nullptr, kTime + signed_body))}},
                  .body = body});
  };
  const std::string ping = R"({"type": 1, "id": "7"})";
  EXPECT_EQ(judge_body(ping, ping).verdict, Verdict::kReply);
  EXPECT_EQ(judge_body(ping, ping).reply.body, R"({"type":1})");
  EXPECT_TRUE(judge_body(ping, "{}").refused());
  for (const char* other : {R"({"type":2})", R"({"type":"1"})", R"({"data":{"type":1}})", "{}"})
    EXPECT_TRUE(judge_body(other, other).genuine()) << other;
}

TEST(ChallengesTest, MicrosoftsTokenIsEchoedFromGetAndPost) {
  const auto verifier = make(R"({"provider":"microsoft_graph","secrets":["s"]})");
  Request request = get("validationToken=Validation%3A+Testing+client%20%3Cscript%3E");
  expect_text(challenge(*verifier, request), "Validation: Testing client <script>");
  request.method = "POST";
  expect_text(challenge(*verifier, request), "Validation: Testing client <script>");
  request.method = "DELETE";
  EXPECT_FALSE(challenge(*verifier, request));
  EXPECT_FALSE(challenge(*verifier, get("validationToken=a%0Ab")));
  EXPECT_FALSE(challenge(*verifier, get("validationToken=")));
}

TEST(ChallengesTest, OktasHeaderIsAnsweredAsJson) {
  const auto verifier = make(R"({"provider":"okta","secrets":["s"]})");
  const auto reply = challenge(*verifier, get("", {{"X-Okta-Verification-Challenge", "a\"b\\"}}));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->body, R"({"verification":"a\"b\\"})");
  EXPECT_EQ(reply->content_type, "application/json");
  EXPECT_FALSE(challenge(*verifier, get("")));
  EXPECT_FALSE(challenge(*verifier, get("", {{"X-Okta-Verification-Challenge", "a"},
                                             {"X-Okta-Verification-Challenge", "b"}})));
}

TEST(ChallengesTest, CloudEventsAreAllowedToConfiguredOriginsOfAnyScheme) {
  const auto ask = [](const std::string& json, const std::string& origin) {
    return challenge(*make(json), {.method = "OPTIONS",
                                   .fields = {{"WebHook-Request-Origin", origin},
                                              {"WebHook-Request-Rate", "120"}}});
  };
  const std::string some =
      R"({"provider":"github","secrets":["s"],"cloudevents":{"origins":["a.test"],"rate":60}})";
  const auto reply = ask(some, "a.test");
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->extra_lines,
            "Allow: POST\r\nWebHook-Allowed-Origin: a.test\r\nWebHook-Allowed-Rate: 60\r\n");
  EXPECT_FALSE(ask(some, "b.test"));
  EXPECT_FALSE(ask(some, ""));
  EXPECT_FALSE(ask(R"({"provider":"github","secrets":["s"]})", "a.test"));
  const auto all = ask(
      R"({"provider":"cloudevents","secrets":["s"],"cloudevents":{"origins":["*"]}})", "a.test");
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->extra_lines,
            "Allow: POST\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: *\r\n");
  EXPECT_FALSE(challenge(*make(some), get("", {{"WebHook-Request-Origin", "a.test"}})));
}

}  // namespace
}  // namespace headrace::verification::test
