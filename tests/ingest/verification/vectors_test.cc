// SPDX-License-Identifier: Apache-2.0
// Signatures that the providers themselves publish.
#include "tests/ingest/verification/request.h"

namespace headrace::verification::test {
namespace {

Outcome judge(const std::string& json, const Request& request) {
  return test::judge(*make(json), request);
}

TEST(VectorsTest, GitHub) {
  Request request{.fields = {{"X-Hub-Signature-256",
                              "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b04"
                              "3e17"}},
                  .body = "Hello, World!"};
  const std::string json = R"({"provider":"github","secrets":["It's a Secret to Everybody"]})";
  EXPECT_TRUE(judge(json, request).genuine());
  request.body += "!";
  EXPECT_EQ(judge(json, request).reason, "the signature is wrong");
}

Request standard(const std::string& prefix, const char* id, const char* time, const char* sent) {
  return {.fields = {{prefix + "-id", id},
                     {prefix + "-timestamp", time},
                     {prefix + "-signature", sent}},
          .now = std::stoull(time) * 1000};
}

TEST(VectorsTest, StandardWebhooksAndSvix) {
  Request first = standard("webhook", "msg_loFOjxBNrRLzqYUf", "1731705121",
                           "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=");
  first.body = R"({"event_type":"ping","data":{"success":true}})";
  const Outcome outcome = judge(
      R"({"provider":"standard_webhooks","secrets":["whsec_plJ3nmyCDGBKInavdOK15jsl"]})", first);
  EXPECT_TRUE(outcome.genuine());
  EXPECT_EQ(outcome.replay_id, "msg_loFOjxBNrRLzqYUf");

  Request second = standard("svix", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
                            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  second.body = R"({"test": 2432232314})";
  EXPECT_TRUE(
      judge(R"({"provider":"svix","secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]})", second)
          .genuine());
}

TEST(VectorsTest, Convoy) {
  const std::string body = R"({"event":"charge.success","amount":1000,"currency":"NGN"})";
  const Request simple{
      .fields = {{"X-Convoy-Signature",
                  "244449b7f48cbc2709060c9dcdc2b3aa47a78f540430579015c579fb12defbb4"}},
      .body = body};
  EXPECT_TRUE(
      judge(R"({"provider":"convoy","secrets":["convoy-webhook-secret"]})", simple).genuine());
  const Request advanced{
      .fields = {{"X-Convoy-Signature",
                  "t=1700000000,v1="
                  "77b8b9269f25a199846a55a2bd25b3fba151c70fdae60bb1dcd87fbbc943c55c"}},
      .body = body};
  EXPECT_TRUE(
      judge(R"({"provider":"convoy_advanced","secrets":["convoy-webhook-secret"]})", advanced)
          .genuine());
}

TEST(VectorsTest, Coinify) {
  const Request request{
      .fields = {{"X-Coinify-Webhook-Signature",
                  "bcdbb89e3031905f3cc1a20d16b5f969a17a7d8fa0c26e4a807c2193402d66f4"}},
      .body = R"({"examplePayload":true})"};
  EXPECT_TRUE(judge(R"({"provider":"coinify","secrets":["my-shared-secret"]})", request).genuine());
}

}  // namespace
}  // namespace headrace::verification::test
