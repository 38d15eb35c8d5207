// SPDX-License-Identifier: Apache-2.0
// Providers that sign in ways of their own: what a forger would try with each.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <optional>

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
  const auto verifier = make(R"({"provider":"mailgun","tolerance":"none","secrets":["k"]})");
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

// A notification with members of anybody's choice and the signature of another text, or its own.
struct Notification {
  std::string message = "hello", id = "m1", time = "2023-11-14T22:13:20.000Z";
  std::optional<std::string> subject;

  std::string text() const {
    return "Message\n" + message + "\nMessageId\n" + id + "\n" +
           (subject ? "Subject\n" + *subject + "\n" : "") + "Timestamp\n" + time +
           "\nTopicArn\narn:aws:sns:eu-west-1:1:topic\nType\nNotification\n";
  }
  std::string body(const std::string& signed_text) const {
    return R"({"Type":"Notification","MessageId":)" + json_text(id) +
           (subject ? R"(,"Subject":)" + json_text(*subject) : "") + R"(,"Message":)" +
           json_text(message) + R"(,"TopicArn":"arn:aws:sns:eu-west-1:1:topic","Timestamp":)" +
           json_text(time) +
           R"(,"SignatureVersion":"1","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/a.pem",)"
           R"("Signature":")" +
           base64(SigningKey::rsa().sign("SHA1", signed_text)) + "\"}";
  }
};

// The lines of what is signed could be cut into other members than those that were sent.
TEST(SnsTest, AMemberThatEndsItsLineIsRefused) {
  const Case& scheme = case_of("aws_sns_1");
  const auto verifier = make(scheme.settings({scheme.secret}));
  const Notification sent{.id = "I", .subject = "S"};
  EXPECT_TRUE(judge(*verifier, {.body = sent.body(sent.text())}).genuine());
  const Notification cut{.id = "I\nSubject\nS"};
  ASSERT_EQ(cut.text(), sent.text());
  EXPECT_EQ(judge(*verifier, {.body = cut.body(sent.text())}).reason,
            "a member that is signed has a line's end or its like in it");
  const Notification lines{.message = "many\r\nlines\n\tof text"};
  EXPECT_TRUE(judge(*verifier, {.body = lines.body(lines.text())}).genuine());
}

// Of lines that could be taken for each other, as who sends them chooses them.
rc::Gen<std::string> member_text() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                          "\n", "Message", "MessageId", "Subject", "Timestamp", "a", "")),
                      [](const std::vector<std::string>& parts) {
                        std::string text;
                        for (const std::string& part : parts) text += part;
                        return text;
                      });
}

TEST(SnsTest, NoTwoMessagesThatPassSignTheSameText) {
  const Case& scheme = case_of("aws_sns_1");
  const auto verifier = make(scheme.settings({scheme.secret}));
  EXPECT_TRUE(rc::check([&] {
    Notification sent{.message = *member_text(), .id = "a" + *member_text()};
    if (*rc::gen::arbitrary<bool>()) sent.subject = *member_text();
    const bool passes = judge(*verifier, {.body = sent.body(sent.text())}).genuine();
    // Every way to cut the text: where "MessageId" and "Subject" could begin.
    const std::string text = sent.text();
    const std::string_view end = "\nTimestamp\n";
    int passing = 0;
    const std::size_t last = text.rfind(end);
    for (std::size_t at = text.find("\nMessageId\n"); at < last;
         at = text.find("\nMessageId\n", at + 1)) {
      const std::size_t id = at + 11;
      if (id > last) break;
      const auto count = [&](const Notification& cut) {
        if (cut.text() != text) return;
        passing += judge(*verifier, {.body = cut.body(text)}).genuine() ? 1 : 0;
      };
      const std::string message = text.substr(8, at < 8 ? 0 : at - 8);
      count({.message = message, .id = text.substr(id, last - id)});
      for (std::size_t subject = text.find("\nSubject\n", id); subject < last;
           subject = text.find("\nSubject\n", subject + 1)) {
        if (subject + 9 > last) break;
        count({.message = message,
               .id = text.substr(id, subject - id),
               .subject = text.substr(subject + 9, last - subject - 9)});
      }
    }
    RC_ASSERT(passing == (passes ? 1 : passing));
    RC_ASSERT(passing <= 1);
  }));
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
