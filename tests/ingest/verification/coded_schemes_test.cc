// SPDX-License-Identifier: Apache-2.0
// Providers that sign in ways of their own: what a forger would try with each.
#include <gtest/gtest.h>

#include "tests/ingest/verification/cases.h"
#include "tests/ingest/verification/signing.h"

namespace headrace::verification::test {
namespace {

const Case& case_of(std::string_view name) {
  for (const Case& one : cases())
    if (one.name == name) return one;
  ADD_FAILURE() << name;
  return cases().front();
}

Signed signed_by(const Case& scheme) {
  return scheme.sign({.id = "msg1", .body = "{}", .secret = scheme.secret});
}

std::string replaced(std::string text, const std::string& old, const std::string& by) {
  const std::size_t at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return at == std::string::npos ? text : text.replace(at, old.size(), by);
}

// Twilio.

Request twilio(const std::string& url, const std::string& signed_text) {
  return {.fields = {{"X-Twilio-Signature", base64(hmac("SHA1", "k", signed_text))}}, .url = url};
}

TEST(TwilioTest, APortMayBeLeftOutOrPutIn) {
  const auto verifier = make(R"({"provider":"twilio","secrets":["k"]})");
  for (const auto& [ours, theirs] : {std::pair{"https://e.test/x", "https://e.test:443/x"},
                                     {"https://e.test:443/x", "https://e.test/x"},
                                     {"https://e.test:8443/x", "https://e.test/x"},
                                     {"https://e.test:8443/x", "https://e.test:443/x"},
                                     {"http://e.test/x", "http://e.test:80/x"},
                                     {"https://u:p@e.test/x", "https://u:p@e.test:443/x"},
                                     {"https://[::1]/x", "https://[::1]:443/x"},
                                     {"https://e.test?a=:1", "https://e.test:443?a=:1"}})
    EXPECT_TRUE(judge(*verifier, twilio(ours, theirs)).genuine()) << theirs;
  for (const char* theirs : {"https://e.test:8443/x", "http://e.test/x", "https://e.test/x/"})
    EXPECT_TRUE(judge(*verifier, twilio("https://e.test/x", theirs)).refused()) << theirs;
  EXPECT_EQ(judge(*verifier, twilio("/in/x", "/in/x")).reason, "the public URL is not known");
}

TEST(TwilioTest, ABodyThatIsNotSignedIsRefused) {
  const auto verifier = make(R"({"provider":"twilio","secrets":["k"]})");
  Request request = twilio("https://e.test/x", "https://e.test/x");
  EXPECT_TRUE(judge(*verifier, request).genuine());
  request.body = R"({"forged":true})";
  EXPECT_EQ(judge(*verifier, request).reason, "the body is not signed");
  request.fields.emplace_back("Content-Type", "application/json");
  EXPECT_EQ(judge(*verifier, request).reason, "the body is not signed");
  request.target += "?bodySHA256=" + hex(sha256("other"));
  EXPECT_EQ(judge(*verifier, request).reason, "the body is not the one that was signed");
}

TEST(TwilioTest, FieldsAreSortedAndEachIsTakenOnce) {
  const auto verifier = make(R"({"provider":"twilio","secrets":["k"]})");
  Request request = twilio("https://e.test/x", "https://e.test/xAlphaB CDigits1Digits2");
  request.fields.emplace_back("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
  request.body = "Digits=2&Alpha=B+C&Digits=1&Digits=2";
  EXPECT_TRUE(judge(*verifier, request).genuine());
}

// Of the documentation of Adyen's library for PHP.
TEST(AdyenTest, PublishedSignature) {
  const auto verifier =
      make(R"({"provider":"adyen","secrets":[)"
           R"("DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00"]})");
  const std::string item =
      R"({"NotificationRequestItem":{"pspReference":"7914073381342284",)"
      R"("merchantAccountCode":"TestMerchant","merchantReference":"TestPayment-1407325143704",)"
      R"("amount":{"value":1130,"currency":"EUR"},"eventCode":"AUTHORISATION","success":"true",)"
      R"("additionalData":{"hmacSignature":"Ny9gS2veKo5E4w8/OL6xz1/wvT/hYkAXy1xNc/QvO4I="}}})";
  const auto judge_items = [&](const std::string& items) {
    return judge(*verifier, {.body = R"({"notificationItems":[)" + items + "]}"});
  };
  EXPECT_TRUE(judge_items(item).genuine());
  EXPECT_FALSE(judge_items(item).replay_id.empty());
  // Of two nothing says that they came before, and Adyen sends one.
  EXPECT_EQ(judge_items(item + "," + item).reason, "the body has more than one item");
  EXPECT_TRUE(judge_items("").refused());
  EXPECT_TRUE(judge_items("{}").refused());
  EXPECT_TRUE(judge_items("7").refused());
  // A member is not there twice, in whatever case.
  EXPECT_TRUE(
      judge_items(replaced(item, R"("success")", R"("Success":"false","success")")).refused());
  EXPECT_TRUE(judge_items(replaced(item, "1130", "\"1130\"")).refused());
}

TEST(MailgunTest, TheTimeMayBeBounded) {
  const Case& scheme = case_of("mailgun");
  Request request = signed_by(scheme).request;
  const auto verifier = make(R"({"provider":"mailgun","tolerance":"1m","secrets":[)" +
                             json_text(scheme.secret) + "]}");
  request.now += 60'000;
  EXPECT_TRUE(judge(*verifier, request).genuine());
  request.now += 1000;
  EXPECT_TRUE(judge(*verifier, request).refused());
}

// Where the time ends and the token begins is not signed; the message's name is the same.
TEST(MailgunTest, AMessageCutElsewhereHasTheSameName) {
  const auto verifier = make(R"({"provider":"mailgun","secrets":["k"]})");
  const auto judge_cut = [&](const std::string& time, const std::string& token) {
    return judge(*verifier, {.body = R"({"signature":{"timestamp":")" + time + R"(","token":")" +
                                     token + R"(","signature":")" +
                                     hex(hmac("SHA256", "k", "170000000012ab")) + R"("}})"});
  };
  const Outcome first = judge_cut("1700000000", "12ab");
  const Outcome second = judge_cut("17000000001", "2ab");
  EXPECT_TRUE(first.genuine());
  EXPECT_TRUE(second.genuine());
  EXPECT_EQ(first.replay_id, second.replay_id);
}

TEST(GraphTest, EveryItemHasTheState) {
  const auto verifier = make(R"({"provider":"microsoft_graph","secrets":["s"]})");
  const auto judge_body = [&](const char* body) { return judge(*verifier, {.body = body}); };
  EXPECT_TRUE(judge_body(R"({"value":[{"clientState":"s"},{"clientState":"s"}]})").genuine());
  for (const char* body : {R"({"value":[{"clientState":"s"},{"clientState":"t"}]})",
                           R"({"value":[{"clientState":"s"},{}]})", R"({"value":[]})", "[]", "{",
                           R"({"value":[{"clientState":"s","clientState":"s"}]})"})
    EXPECT_TRUE(judge_body(body).refused()) << body;
}

TEST(PayPalTest, OtherAlgorithmsAndIdsAndAnOldCertificateAreRefused) {
  const Case& scheme = case_of("paypal");
  const auto verifier = make(scheme.settings({scheme.secret}));
  const Request request = signed_by(scheme).request;
  EXPECT_EQ(judge(*verifier, request).replay_id, "msg1");
  Request changed = request;
  changed.field("PAYPAL-AUTH-ALGO") = "SHA1withRSA";
  EXPECT_TRUE(judge(*verifier, changed).refused());
  changed = request;
  changed.field("PAYPAL-TRANSMISSION-ID") = "msg1|2023-11-14T22:13:20Z";
  EXPECT_EQ(judge(*verifier, changed).reason, "the id has in it what ends it");
  const std::string old = SigningKey::rsa().certificate_pem(1'500'000'000, 1'699'999'999);
  EXPECT_EQ(judge(*make(scheme.settings({old})), request).reason,
            "the certificate's time is over, or has not come");
  const std::string young = SigningKey::rsa().certificate_pem(1'700'000'001, 1'800'000'000);
  EXPECT_TRUE(judge(*make(scheme.settings({young})), request).refused());
  EXPECT_TRUE(judge(*make(scheme.settings({SigningKey::rsa().public_pem()})), request).genuine());
}

std::string sns_message(const std::string& type, const std::string& url,
                        const std::string& topic = "arn:aws:sns:eu-west-1:1:topic") {
  const std::string text = "Message\nhello\nMessageId\nm1\nSubscribeURL\n" + url +
                           "\nTimestamp\n2023-11-14T22:13:20.000Z\nToken\ntok\nTopicArn\n" + topic +
                           "\nType\n" + type + "\n";
  return R"({"Type":")" + type +
         R"(","MessageId":"m1","Token":"tok","Message":"hello",)"
         R"("TopicArn":")" +
         topic + R"(","SubscribeURL":")" + url +
         R"(","Timestamp":"2023-11-14T22:13:20.000Z","SignatureVersion":"1",)"
         R"("SigningCertURL":"https://sns.eu-west-1.amazonaws.com/a.pem","Signature":")" +
         base64(SigningKey::rsa().sign("SHA1", text)) + "\"}";
}

TEST(SnsTest, ASubscriptionIsConfirmedAtAHostOfSnsOnly) {
  const Case& scheme = case_of("aws_sns_1");
  const auto verifier = make(scheme.settings({scheme.secret}));
  for (const char* url : {"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=a",
                          "https://sns.cn-north-1.amazonaws.com.cn/?x"}) {
    const Outcome outcome =
        judge(*verifier, {.body = sns_message("SubscriptionConfirmation", url)});
    EXPECT_EQ(outcome.verdict, Verdict::kReply) << outcome.reason;
    EXPECT_EQ(outcome.reply.confirm_url, url);
    EXPECT_EQ(outcome.reply.status, 200);
    EXPECT_TRUE(outcome.reply.body.empty());
    EXPECT_TRUE(judge(*verifier, {.body = sns_message("UnsubscribeConfirmation", url)}).genuine());
  }
  for (const char* url :
       {"http://sns.eu-west-1.amazonaws.com/", "https://sns.eu.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com", "https://sns.eu-west-1.amazonaws.com.evil.test/",
        "https://sns.eu-west-1.amazonaws.com:444/",
        "https://sns.eu-west-1.amazonaws.com@evil.test/", "https://u@sns.eu-west-1.amazonaws.com/",
        "https://evil.test/sns.eu-west-1.amazonaws.com/", "https://xsns.eu-west-1.amazonaws.com/",
        "https://sns.eu.west.amazonaws.com/", "https://sns.eu-west-1.amazonawsXcom/",
        "https://sns..amazonaws.com/", "https://sns.eu-west-1.amazonaws.com\\\\@evil.test/",
        "https://evil.test#sns.eu-west-1.amazonaws.com/", "//sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com/ x", ""})
    EXPECT_TRUE(judge(*verifier, {.body = sns_message("SubscriptionConfirmation", url)}).refused())
        << url;
}

TEST(SnsTest, WhatIsSignedForAnotherTopicOrByAnotherUrlIsRefused) {
  const Case& scheme = case_of("aws_sns_1");
  const auto verifier = make(scheme.settings({scheme.secret}));
  const std::string url = "https://sns.eu-west-1.amazonaws.com/?x";
  EXPECT_EQ(judge(*verifier, {.body = sns_message("SubscriptionConfirmation", url,
                                                  "arn:aws:sns:eu-west-1:2:topic")})
                .reason,
            "the topic is none of those that are configured");
  const std::string body = signed_by(scheme).request.body;
  const auto refuses = [&](const std::string& old, const std::string& by) {
    return judge(*verifier, {.body = replaced(body, old, by)}).refused();
  };
  EXPECT_TRUE(judge(*verifier, {.body = body}).genuine());
  EXPECT_TRUE(refuses("https://sns.eu-west-1", "https://evil.test/sns.eu-west-1"));
  EXPECT_TRUE(refuses("a.pem", "a.pe"));
  EXPECT_TRUE(refuses(R"("SignatureVersion":"1")", R"("SignatureVersion":"2")"));
  EXPECT_TRUE(refuses(R"("SignatureVersion":"1")", R"("SignatureVersion":"3")"));
  EXPECT_TRUE(refuses(R"("Subject":"News",)", ""));
  EXPECT_TRUE(refuses(R"("Subject":"News",)", R"("Subject":"News","subject":"forged",)"));
  EXPECT_TRUE(refuses(R"("Message":)", R"("Message":"forged","Message":)"));
  EXPECT_TRUE(refuses("\"Notification\"", "\"SubscriptionConfirmation\""));
  EXPECT_TRUE(refuses("\"Notification\"", "\"Other\""));
  const std::string old = SigningKey::rsa().certificate_pem(1'500'000'000, 1'699'999'999);
  EXPECT_TRUE(judge(*make(scheme.settings({old})), {.body = body}).refused());
}

}  // namespace
}  // namespace headrace::verification::test
