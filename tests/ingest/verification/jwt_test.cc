// SPDX-License-Identifier: Apache-2.0
// Tokens: the algorithm is ours to choose, and so is for how long one is good.
#include <gtest/gtest.h>

#include "tests/ingest/verification/request.h"
#include "tests/ingest/verification/signing.h"

namespace headrace::verification::test {
namespace {

const std::string kHead = R"({"alg":"HS256","typ":"JWT"})";

std::string unsigned_token(const std::string& head, const std::string& claims) {
  return base64url(head) + "." + base64url(claims);
}

std::string token(const std::string& claims, const std::string& head = kHead,
                  const std::string& key = "k") {
  const std::string text = unsigned_token(head, claims);
  return text + "." + base64url(hmac("SHA256", key, text));
}

Outcome judge_token(const std::string& text, const std::string& more = "") {
  return judge(*make(R"({"provider":"jwt","algorithm":"HS256","secrets":["k"])" + more + "}"),
               {.fields = {{"Authorization", "Bearer " + text}}, .body = "{}"});
}

TEST(JwtTest, TimesHaveAToleranceOfAMinuteOrWhatIsConfigured) {
  const auto genuine = [](const char* claims, const char* more = "") {
    return judge_token(token(claims), more).genuine();
  };
  EXPECT_TRUE(genuine(R"({"exp":1700000000})"));
  EXPECT_TRUE(genuine(R"({"exp":1699999941})"));
  EXPECT_TRUE(genuine(R"({"exp":1699999940.5})"));
  EXPECT_FALSE(genuine(R"({"exp":1699999940})"));
  EXPECT_TRUE(genuine(R"({"exp":1700000001})", R"(,"tolerance":"none")"));
  EXPECT_FALSE(genuine(R"({"exp":1700000000})", R"(,"tolerance":"none")"));
  EXPECT_TRUE(genuine(R"({"exp":1700000100,"nbf":1700000060})"));
  EXPECT_FALSE(genuine(R"({"exp":1700000100,"nbf":1700000061})"));
  EXPECT_TRUE(genuine(R"({"exp":1700000100,"iat":1700000060})"));
  EXPECT_FALSE(genuine(R"({"exp":1700000100,"iat":1700000061})"));
  EXPECT_TRUE(genuine(R"({"iat":1699999640})", R"(,"max_age":"5m")"));
  EXPECT_FALSE(genuine(R"({"iat":1699999639})", R"(,"max_age":"5m")"));
  EXPECT_FALSE(genuine(R"({"exp":1700000100})", R"(,"max_age":"5m")"));
}

TEST(JwtTest, ATokenThatNeverExpiresOrHasNoTimesIsRefused) {
  for (const char* claims :
       {"{}", R"({"iat":1700000000})", R"({"exp":"1700000100"})", R"({"exp":null})",
        R"({"exp":-1})", R"({"exp":1e300})", R"({"exp":1700000100,"nbf":"x"})",
        R"({"exp":1700000100,"exp":1700000100})", R"({"exp":1,"Exp":1700000100})",
        R"({"EXP":1700000100})", "[]", "7", "", "{"})
    EXPECT_TRUE(judge_token(token(claims)).refused()) << claims;
}

const std::string kClaims = R"({"exp":1700000100})";

TEST(JwtTest, OnlyTheConfiguredAlgorithmIsTaken) {
  EXPECT_TRUE(judge_token(token(kClaims)).genuine());
  for (const char* head :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"HS512"})", R"({"alg":"hs256"})",
        R"({"alg":"RS256"})", R"({"alg":""})", R"({"alg":null})", "{}", "[]", "",
        R"({"alg":"HS256","alg":"none"})", R"({"Alg":"HS256"})",
        R"({"alg":"HS256","crit":["exp"]})", R"({"alg":"HS256","crit":[]})"})
    EXPECT_TRUE(judge_token(token(kClaims, head)).refused()) << head;
  EXPECT_TRUE(judge_token(unsigned_token(R"({"alg":"none"})", kClaims) + ".").refused());
  EXPECT_TRUE(judge_token(unsigned_token(kHead, kClaims) + ".").refused());
}

// The confusion of RFC 8725 2.1: a public key used as the secret of an HMAC.
TEST(JwtTest, APublicKeyIsNoSecret) {
  const std::string pem = SigningKey::rsa().public_pem();
  const auto verifier =
      make(R"({"provider":"jwt","algorithm":"RS256","public_keys":[)" + json_text(pem) + "]}");
  const auto judge_header = [&](const std::string& text) {
    return judge(*verifier, {.fields = {{"authorization", "Bearer " + text}}});
  };
  EXPECT_TRUE(judge_header(token(kClaims, kHead, pem)).refused());
  EXPECT_TRUE(judge_header(token(kClaims, R"({"alg":"RS256"})", pem)).refused());
  const std::string text = unsigned_token(R"({"alg":"RS256"})", kClaims);
  EXPECT_TRUE(
      judge_header(text + "." + base64url(SigningKey::rsa().sign("SHA256", text))).genuine());
  EXPECT_TRUE(
      judge_header(text + "." + base64url(SigningKey::other_rsa().sign("SHA256", text))).refused());
}

TEST(JwtTest, ASignatureOfEs256IsTwoNumbersAndNotTheirDer) {
  const auto verifier = make(R"({"provider":"jwt","algorithm":"ES256","header":"x-jwt",)"
                             R"("public_keys":[)" +
                             json_text(SigningKey::p256().public_pem()) + "]}");
  const std::string text = unsigned_token(R"({"alg":"ES256"})", kClaims);
  const auto judge_signature = [&](const std::string& signature) {
    return judge(*verifier, {.fields = {{"X-JWT", text + "." + base64url(signature)}}});
  };
  EXPECT_TRUE(judge_signature(SigningKey::p256().sign_plain(text)).genuine());
  EXPECT_TRUE(judge_signature(SigningKey::p256().sign("SHA256", text)).refused());
  EXPECT_TRUE(judge_signature(std::string(64, '\0')).refused());
}

TEST(JwtTest, ATokenHasOneNameWhateverItsSignature) {
  const auto verifier = make(R"({"provider":"jwt","algorithm":"ES256","in_body":true,)"
                             R"("public_keys":[)" +
                             json_text(SigningKey::p256().public_pem()) + "]}");
  const std::string text = unsigned_token(R"({"alg":"ES256"})", kClaims);
  const auto id = [&] {
    const std::string signature = base64url(SigningKey::p256().sign_plain(text));
    return judge(*verifier, {.body = text + "." + signature}).replay_id;
  };
  const std::string first = id();
  EXPECT_NE(first, "");
  EXPECT_EQ(id(), first);
}

// Providers send one token with many messages until it expires.
TEST(JwtTest, ATokenThatSaysNothingOfTheBodyNamesNoMessage) {
  const Outcome outcome = judge_token(token(kClaims));
  EXPECT_TRUE(outcome.genuine());
  EXPECT_EQ(outcome.replay_id, "");
}

TEST(JwtTest, ATokenThatSaysNothingOfTheBodyIsForNobodyElse) {
  const auto header = [](const char* more) {
    const auto verifier =
        make(std::string(R"({"provider":"jwt","algorithm":"HS256","secrets":["k"])") + more + "}");
    return std::string(verifier->credential_header());
  };
  EXPECT_EQ(header(""), "authorization");
  EXPECT_EQ(header(R"(,"header":"X-Jwt")"), "x-jwt");
  EXPECT_EQ(header(R"(,"body_sha256_claim":"d")"), "") << "it proves one body";
  EXPECT_EQ(header(R"(,"in_body":true)"), "");
}

TEST(JwtTest, WhatIsNotWrittenAsATokenIsRefused) {
  const std::string good = token(kClaims);
  for (const std::string& text :
       {std::string("."), std::string(".."), std::string("..."), good + ".", good + "=",
        good + ".x", "." + good, good.substr(0, good.rfind('.')), good + "A",
        std::string(10'000, 'A') + ".B.C"})
    EXPECT_TRUE(judge_token(text).refused()) << text;
}

TEST(JwtTest, IssuerAndAudienceAreThoseThatAreConfigured) {
  const char* more = R"(,"issuer":"i","audience":"a")";
  for (const auto& [claims, good] : {std::pair{R"({"exp":1700000100,"iss":"i","aud":"a"})", true},
                                     {R"({"exp":1700000100,"iss":"i","aud":["b","a"]})", true},
                                     {R"({"exp":1700000100,"iss":"i","aud":["b"]})", false},
                                     {R"({"exp":1700000100,"iss":"j","aud":"a"})", false},
                                     {R"({"exp":1700000100,"iss":"i"})", false},
                                     {R"({"exp":1700000100,"aud":"a"})", false}})
    EXPECT_EQ(judge_token(token(claims), more).genuine(), good) << claims;
}

TEST(JwtTest, TheBodysDigestIsDemandedWhereItIsConfigured) {
  const std::string digest = hex(sha256("{}"));
  const char* more = R"(,"body_sha256_claim":"d")";
  EXPECT_TRUE(judge_token(token(R"({"exp":1700000100,"d":")" + digest + "\"}"), more).genuine());
  EXPECT_TRUE(judge_token(token(kClaims), more).refused());
  EXPECT_TRUE(judge_token(token(R"({"exp":1700000100,"d":""})"), more).refused());
}

}  // namespace
}  // namespace headrace::verification::test
