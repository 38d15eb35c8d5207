// SPDX-License-Identifier: Apache-2.0
// Lists of signatures, times and what names a message.
#include <gtest/gtest.h>

#include "ingest/verification/timestamps.h"
#include "tests/ingest/verification/request.h"
#include "tests/ingest/verification/signing.h"

namespace headrace::verification::test {
namespace {

constexpr core::WallMs kNow = 1'700'000'000'000;
const std::string kTime = "1700000000";
const std::string kBody = R"({"a":1})";

std::string by(const std::string& secret) {
  return hex(hmac("SHA256", secret, kTime + "." + kBody));
}

std::string settings(const std::string& provider, const std::string& more) {
  return "{\"provider\":\"" + provider + "\"," + more + "}";
}

const std::string kTwo = settings("stripe", R"("secrets":["new","old"])");

Outcome judge_stripe(const std::string& header, const std::string& json = kTwo,
                     core::WallMs now = kNow) {
  return judge(*make(json), {.fields = {{"Stripe-Signature", header}}, .body = kBody, .now = now});
}

TEST(DescribedSchemeTest, AnyOfSeveralSignaturesWillDoAndOthersArePassedOver) {
  for (const std::string& header :
       {"t=" + kTime + ",v1=" + by("old"), "t=" + kTime + ",v1=" + by("new"),
        "t=" + kTime + ",v0=abc,v1=" + by("gone") + ",v1=" + by("old") + ",scheme=x",
        "v1=" + by("new") + ", t=" + kTime, "t=" + kTime + ",,v1=" + by("new") + ","})
    EXPECT_EQ(judge_stripe(header).reason, "") << header;
}

TEST(DescribedSchemeTest, WhatIsNoSignatureIsRefused) {
  std::string capitals = by("new");
  for (char& c : capitals) c = static_cast<char>(std::toupper(c));
  ASSERT_NE(capitals, by("new"));
  for (const std::string& header : {std::string(),
                                    std::string(","),
                                    std::string("="),
                                    std::string("v1="),
                                    "t=" + kTime,
                                    "t=" + kTime + ",v1=",
                                    "t=" + kTime + ",v1",
                                    "v1=" + by("new"),
                                    "t=,v1=" + by("new"),
                                    "t=" + kTime + ",v0=" + by("new"),
                                    "t=" + kTime + ",V1=" + by("new"),
                                    "t=" + kTime + ",v1=" + capitals,
                                    "t=" + kTime + ",v1=" + by("new").substr(1),
                                    "t=" + kTime + ",v1=" + by("new") + "0",
                                    "t=" + kTime + ",v1=" + by(""),
                                    "t=" + kTime + ",v1=v1=" + by("new"),
                                    "t=" + kTime + ";v1=" + by("new"),
                                    "t= " + kTime + ",v1=" + by("new"),
                                    "t=+" + kTime + ",v1=" + by("new"),
                                    "t=" + kTime + ",t=" + kTime + ",v1=" + by("new"),
                                    "t=0" + kTime + ",v1=" + by("new")})
    EXPECT_TRUE(judge_stripe(header).refused()) << header;
}

TEST(DescribedSchemeTest, ALongListOfSignaturesIsRefused) {
  std::string header = "t=" + kTime;
  for (int i = 0; i < 15; ++i) header += ",v1=" + by("gone");
  EXPECT_TRUE(judge_stripe(header + ",v1=" + by("new")).genuine());
  EXPECT_EQ(judge_stripe(header + ",v1=x,v1=" + by("new")).reason, "there are too many signatures");
}

// Else what was taken once could be sent again with the other signature.
TEST(DescribedSchemeTest, AMessageHasOneNameWhicheverOfItsSignaturesIsLeft) {
  const std::string both =
      judge_stripe("t=" + kTime + ",v1=" + by("old") + ",v1=" + by("new")).replay_id;
  EXPECT_FALSE(both.empty());
  EXPECT_EQ(judge_stripe("t=" + kTime + ",v1=" + by("old")).replay_id, both);
  EXPECT_EQ(judge_stripe("v1=" + by("new") + ",t=" + kTime).replay_id, both);
}

TEST(DescribedSchemeTest, APastOnlyToleranceHasAnEndInThePast) {
  const std::string header = "t=" + kTime + ",v1=" + by("new");
  EXPECT_TRUE(judge_stripe(header, kTwo, kNow + 300'000).genuine());
  EXPECT_EQ(judge_stripe(header, kTwo, kNow + 300'001).reason, "the time is too far from now");
  EXPECT_TRUE(judge_stripe(header, kTwo, kNow - 86'400'000).genuine());
  const std::string narrow = settings("stripe", R"("secrets":["new"],"tolerance":"1s")");
  EXPECT_TRUE(judge_stripe(header, narrow, kNow + 1000).genuine());
  EXPECT_TRUE(judge_stripe(header, narrow, kNow + 1001).refused());
  const std::string none = settings("stripe", R"("secrets":["new"],"tolerance":"none")");
  EXPECT_TRUE(judge_stripe(header, none, kNow + 86'400'000'000).genuine());
}

TEST(DescribedSchemeTest, AToleranceHasTwoEndsElsewhere) {
  const auto verifier = make(settings("slack", R"("secrets":["s"])"));
  Request request{.fields = {{"X-Slack-Request-Timestamp", kTime},
                             {"X-Slack-Signature",
                              "v0=" + hex(hmac("SHA256", "s", "v0:" + kTime + ":" + kBody))}},
                  .body = kBody};
  for (const auto& [now, genuine] : {std::pair{kNow, true},
                                     {kNow + 300'000, true},
                                     {kNow + 300'001, false},
                                     {kNow - 300'000, true},
                                     {kNow - 300'001, false},
                                     {core::WallMs{0}, false},
                                     {~core::WallMs{0}, false}}) {
    request.now = now;
    EXPECT_EQ(judge(*verifier, request).genuine(), genuine) << now;
  }
}

TEST(DescribedSchemeTest, AnIdCannotEndWhereAnotherOneWould) {
  const auto verifier = make(settings("svix", R"("secrets":["whsec_c2VjcmV0"])"));
  const auto request = [](const std::string& id, const std::string& time, const std::string& body) {
    const std::string text = "msg.1700000000.1700000000.{}";
    return Request{.fields = {{"svix-id", id},
                              {"svix-timestamp", time},
                              {"svix-signature", "v1," + base64(hmac("SHA256", "secret", text))}},
                   .body = body};
  };
  EXPECT_EQ(judge(*verifier, request("msg.1700000000", kTime, "{}")).reason,
            "the id has in it what ends it");
  EXPECT_TRUE(judge(*verifier, request("msg", kTime, kTime + ".{}")).genuine());
}

TEST(DescribedSchemeTest, ALongIdIsNamedByItsDigest) {
  const auto verifier = make(settings("svix", R"("secrets":["whsec_c2VjcmV0"])"));
  const std::string id(300, 'i');
  const std::string text = id + "." + kTime + "." + kBody;
  const Request request{
      .fields = {{"svix-id", id},
                 {"svix-timestamp", kTime},
                 {"svix-signature", "v1," + base64(hmac("SHA256", "secret", text))}},
      .body = kBody};
  EXPECT_EQ(judge(*verifier, request).replay_id, sha256(id));
}

TEST(DescribedSchemeTest, KeysOfBothKindsGoTogether) {
  const auto& key = SigningKey::ed25519();
  const auto verifier =
      make(settings("standard_webhooks", R"("secrets":["whsec_c2VjcmV0"],"public_keys":[)" +
                                             json_text("whpk_" + base64(key.public_raw())) + "]"));
  const std::string text = "msg." + kTime + "." + kBody;
  const std::string plain = base64(hmac("SHA256", "secret", text));
  const std::string by_public = base64(key.sign(nullptr, text));
  const auto judge_header = [&](const std::string& header) {
    return judge(*verifier, {.fields = {{"webhook-id", "msg"},
                                        {"webhook-timestamp", kTime},
                                        {"webhook-signature", header}},
                             .body = kBody});
  };
  for (const std::string& header :
       {"v1," + plain, "v1a," + by_public, "v1,AAAA v1a," + by_public, "v2,x v1," + plain}) {
    EXPECT_TRUE(judge_header(header).genuine()) << header;
    EXPECT_EQ(judge_header(header).replay_id, "msg");
  }
  for (const std::string& header : {"v1," + by_public, "v1a," + plain, std::string("v1a,"), plain})
    EXPECT_TRUE(judge_header(header).refused()) << header;
}

TEST(DescribedSchemeTest, OutpostsPrefixStandsBeforeTheWholeList) {
  const auto verifier = make(settings("outpost", R"("secrets":["whsec_a","b"])"));
  const std::string a = hex(hmac("SHA256", "whsec_a", kBody));
  for (const std::string& value : {"v0=" + a, "v0=ff," + a, "v0=" + a + ",ff"})
    EXPECT_TRUE(
        judge(*verifier, {.fields = {{"x-outpost-signature", value}}, .body = kBody}).genuine());
  for (const std::string& value : {a, "v1=" + a, std::string("v0="), "ff,v0=" + a})
    EXPECT_TRUE(
        judge(*verifier, {.fields = {{"x-outpost-signature", value}}, .body = kBody}).refused());
}

TEST(DescribedSchemeTest, TheUrlIsThePublicOneOrTheConfiguredOneWithTheQueryThatWasSent) {
  const auto signature = [](const std::string& url) {
    return base64(hmac("SHA256", "k", url + kBody));
  };
  Request request{.fields = {{"x-square-hmacsha256-signature", ""}}, .body = kBody};
  const auto plain = make(settings("square", R"("secrets":["k"])"));
  EXPECT_TRUE(plain->needs_url());
  request.fields[0].second = signature(request.url);
  EXPECT_TRUE(judge(*plain, request).genuine());
  request.url.clear();
  EXPECT_EQ(judge(*plain, request).reason, "the public URL is not known");
  const auto fixed = make(settings("square", R"("secrets":["k"],"url":"https://e.test/hook")"));
  EXPECT_FALSE(fixed->needs_url());
  request.fields[0].second = signature("https://e.test/hook");
  EXPECT_TRUE(judge(*fixed, request).genuine());
  request.target += "?a=1&b";
  EXPECT_TRUE(judge(*fixed, request).refused());
  request.fields[0].second = signature("https://e.test/hook?a=1&b");
  EXPECT_TRUE(judge(*fixed, request).genuine());
}

TEST(DescribedSchemeTest, APresetIsChangedWhereTheSchemeSaysOtherwise) {
  const auto verifier =
      make(settings("convoy", R"("secrets":["k"],"scheme":{"hash":"sha512","encoding":"base64"})"));
  EXPECT_TRUE(
      judge(*verifier,
            {.fields = {{"X-Convoy-Signature", base64(hmac("SHA512", "k", kBody))}}, .body = kBody})
          .genuine());
}

TEST(DescribedSchemeTest, ATokensSchemeIsWrittenInAnyCaseAndTheTokenIsNot) {
  const auto verifier = make(settings("cloudevents", R"("secrets":["Token"])"));
  const auto judge_token = [&](const char* value) {
    return judge(*verifier, {.fields = {{"Authorization", value}}});
  };
  EXPECT_TRUE(judge_token("Bearer Token").genuine());
  EXPECT_TRUE(judge_token("bEARER Token").genuine());
  for (const char* value : {"Bearer token", "Bearer Tokens", "Bearer Toke", "Bearer", "Token",
                            "Basic Token", "Bearer  Token"})
    EXPECT_TRUE(judge_token(value).refused()) << value;
}

TEST(TimestampsTest, ReadsWhatIsOneAndNothingElse) {
  using enum TimeForm;
  EXPECT_EQ(parse_time("1700000000", kSeconds), kNow);
  EXPECT_EQ(parse_time("1700000000123", kMilliseconds), kNow + 123);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20Z", kRfc3339), kNow);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.12Z", kRfc3339), kNow + 120);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.123456789Z", kRfc3339), kNow + 123);
  EXPECT_EQ(parse_time("2023-11-15T00:13:20+02:00", kRfc3339), kNow);
  EXPECT_EQ(parse_time("2023-11-14T20:43:20-01:30", kRfc3339), kNow);
  for (const char* text :
       {"", "-1", "+1", " 1", "1 ", "1.5", "0x1", "1e9", "253402300800", "99999999999999999999"})
    EXPECT_FALSE(parse_time(text, kSeconds)) << text;
  for (const char* text :
       {"", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14 22:13:20Z", "2023-11-14T22:13Z",
        "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-11-14T24:00:00Z",
        "2023-11-14T22:60:00Z", "2023-11-14T22:13:61Z", "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20.1234567890Z", "2023-11-14T22:13:20Zx", "2023-11-14T22:13:20+0200",
        "12023-11-14T22:13:20Z", "023-11-14T22:13:20Z", "1969-12-31T23:59:59Z",
        "2023-11-14T22:13:20+24:00", "2023-1-14T22:13:20Z"})
    EXPECT_FALSE(parse_time(text, kRfc3339)) << text;
}

}  // namespace
}  // namespace headrace::verification::test
