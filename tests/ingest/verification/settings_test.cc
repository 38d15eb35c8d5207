// SPDX-License-Identifier: Apache-2.0
// What is wrong is named by its place, and never by what stands there.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/ingest/verification/request.h"
#include "tests/ingest/verification/signing.h"

namespace headrace::verification::test {
namespace {

std::string fault_of_scheme(const std::string& scheme) {
  return fault_of(R"({"secrets":["s"],"scheme":)" + scheme + "}");
}

TEST(SettingsTest, SaysWhatIsWrongAndWhere) {
  for (const auto& [json, fault] : {
           std::pair{"", ": must be an object"},
           {"[]", ": must be an object"},
           {"{", ": must be an object"},
           {"{}", "/provider: or a scheme must be given"},
           {R"({"provider":7})", "/provider: must be a text"},
           {R"({"provider":"nobody","secrets":["s"]})", "/provider: there is no such provider"},
           {R"({"provider":"github"})", "/secrets: must be given"},
           {R"({"provider":"github","secrets":"s"})", "/secrets: must be an array"},
           {R"({"provider":"github","secrets":["s",7]})", "/secrets/1: must be a text, not empty"},
           {R"({"provider":"github","secrets":["s"],"a/b":1})", "/a~1b: does not belong here"},
           {R"({"provider":"github","secrets":["s"],"tolerance":"5m"})",
            "/tolerance: the scheme signs no time"},
           {R"({"provider":"slack","secrets":["s"],"tolerance":"5 m"})",
            R"(/tolerance: must be a time such as "30s", "5m" or "2h", or "none")"},
           {R"({"provider":"slack","secrets":["s"],"tolerance":"0s"})",
            R"(/tolerance: must be a time such as "30s", "5m" or "2h", or "none")"},
           {R"({"provider":"svix","secrets":["whsec_*"]})",
            "/secrets/0: must be whsec_ and the base64 of a key"},
           {R"({"provider":"svix","secrets":["whsec_"]})",
            "/secrets/0: must be whsec_ and the base64 of a key"},
           {R"({"provider":"svix","public_keys":["whpk_AAAA"]})",
            "/public_keys/0: must be an Ed25519 public key in hex digits or base64"},
           {R"({"provider":"discord","secrets":["s"]})", "/public_keys: must be given"},
           {R"({"provider":"adyen","secrets":["xy"]})", "/secrets/0: must be a key in hex digits"},
           {R"({"provider":"github","secrets":["s"],"public_keys":["a"]})",
            "/public_keys: does not belong here"},
           {R"({"provider":"square","secrets":["s"],"url":"e.test"})",
            "/url: must begin with https:// or http://"},
           {R"({"provider":"square","secrets":["s"],"url":"https://e.test?a"})",
            "/url: must have no query, which is taken from the request"},
           {R"({"provider":"github","secrets":["s"],"url":"https://e.test"})",
            "/url: does not belong here"},
           {R"({"provider":"basic","secrets":["s"]})",
            "/username: must be given, and not be empty"},
           {R"({"provider":"basic","secrets":["s"],"username":"a:b"})",
            "/username: must have no colon"},
           {R"({"provider":"jwt","secrets":["s"]})", "/algorithm: must be given, and not be empty"},
           {R"({"provider":"jwt","secrets":["s"],"algorithm":"none"})",
            "/algorithm: must be one of HS256, HS512, RS256, ES256"},
           {R"({"provider":"jwt","secrets":["s"],"algorithm":"RS256"})",
            "/public_keys: must be given"},
           {R"({"provider":"jwt","public_keys":["s"],"algorithm":"ES256"})",
            "/public_keys/0: must be an EC key of P-256 in PEM"},
           {R"({"provider":"github","secrets":["s"],"cloudevents":{}})",
            R"(/cloudevents/origins: must have a host's name, or "*")"},
           {R"({"provider":"github","secrets":["s"],"cloudevents":{"origins":["a\r\nb"]}})",
            R"(/cloudevents/origins: must have hosts' names, or "*")"},
           {R"({"provider":"github","secrets":["s"],"cloudevents":{"origins":["*"],"rate":0}})",
            "/cloudevents/rate: must be a whole number from 1 to 1000000000"},
           {R"({"provider":"x","secrets":["s"],"scheme":{"object_body":false}})",
            "/scheme/object_body: must be true where anybody may have a crc_token signed"},
           {R"({"provider":"convoy","secrets":["s"],"scheme":{"hash":"md5"}})",
            "/scheme/hash: must be one of sha256, sha1, sha512"},
       })
    EXPECT_EQ(fault_of(json), fault) << json;
}

TEST(SettingsTest, SaysWhatIsWrongWithAScheme) {
  for (const auto& [json, fault] : {
           std::pair{"{}", "/scheme/header: must be given, and not be empty"},
           {R"({"header":"x y"})", "/scheme/header: must be the name of a header"},
           {R"({"header":"x"})", "/scheme/signed: must have {body}"},
           {R"({"header":"x","signed":["{id}"]})", "/scheme/signed: must have {body}"},
           {R"({"header":"x","signed":["{body}","{body}"]})",
            "/scheme/signed: has something twice"},
           {R"({"header":"x","signed":["{body}","{what}"]})",
            "/scheme/signed: element 1 is none of {id}, {timestamp}, {body}, {url} and {method}, "
            "and no literal"},
           {R"({"header":"x","signed":["{body}",""]})",
            "/scheme/signed/1: must be a text, not empty"},
           {R"({"header":"x","signed":["{id}","{body}"]})",
            "/scheme/id_header: belongs to {id} in what is signed: both, or neither"},
           {R"({"header":"x","signed":["{body}"],"id_header":"i"})",
            "/scheme/id_header: belongs to {id} in what is signed: both, or neither"},
           {R"({"header":"x","signed":["{timestamp}","{body}"]})",
            "/scheme/timestamp_header: or timestamp_prefix belongs to {timestamp} in what is "
            "signed: both, or neither"},
           {R"({"header":"x","signed":["{timestamp}","{body}"],"timestamp_prefix":"t="})",
            "/scheme/timestamp_prefix: needs a separator"},
           {R"({"header":"x","signed":["{body}"],"tolerance":"5m"})",
            "/scheme/tolerance: needs a time that is signed"},
           {R"({"header":"x","signed":["{body}"],"separator":", "})",
            "/scheme/separator: must be one character"},
           {R"({"header":"x","signed":["{body}"],"key":"pem"})",
            "/scheme/key: must be one of text, base64, hex, whsec"},
           {R"({"header":"x","signed":["{body}"],"algorithm":"md5"})",
            "/scheme/algorithm: must be one of hmac, ed25519, ecdsa, token"},
           {R"({"header":"x","algorithm":"token","signed":["{body}"]})",
            "/scheme/signed: does not belong here"},
           {R"({"header":"x","algorithm":"token","challenge":"crc"})",
            "/scheme/challenge: is answered with an HMAC"},
           {R"({"header":"x","signed":["{body}"],"challenge":"crc"})",
            "/scheme/object_body: must be true where anybody may have a crc_token signed"},
           {R"({"header":"x","signed":["{body}"],"challenge":"crc","object_body":false})",
            "/scheme/object_body: must be true where anybody may have a crc_token signed"},
           {R"({"header":"x","signed":["{body}"],"more":1})", "/scheme/more: does not belong here"},
       })
    EXPECT_EQ(fault_of_scheme(json), fault) << json;
}

TEST(SettingsTest, TooManySecretsOrTooLargeSettingsAreRefused) {
  std::string many = R"({"provider":"github","secrets":["s")";
  for (int i = 0; i < 8; ++i) many += R"(,"s")";
  EXPECT_EQ(fault_of(many + "]}"), "/secrets: must have from 1 to 8 elements");
  const std::string large =
      R"({"provider":"github","secrets":[")" + std::string(70'000, 's') + "\"]}";
  EXPECT_NE(fault_of(large), "");
}

TEST(SettingsTest, AWeakKeyOrOneOfAnotherKindIsRefused) {
  const auto fault = [](const char* provider, const std::string& more, const std::string& key) {
    return fault_of(std::string(R"({"provider":")") + provider + "\"" + more + json_text(key) +
                    "]}");
  };
  const std::string rsa = SigningKey::rsa().public_pem();
  const std::string p384 = SigningKey::p384().public_pem();
  EXPECT_EQ(fault("sendgrid", R"(,"public_keys":[)", p384), "");
  EXPECT_NE(fault("sendgrid", R"(,"public_keys":[)", rsa), "");
  EXPECT_NE(fault("plaid", R"(,"public_keys":[)", p384), "");
  EXPECT_NE(fault("plaid", R"(,"public_keys":[)", rsa), "");
  EXPECT_NE(fault("wix", R"(,"public_keys":[)", p384), "");
  EXPECT_EQ(fault("wix", R"(,"public_keys":[)", rsa), "");
  EXPECT_NE(fault("wix", R"(,"public_keys":[)", SigningKey::weak_rsa().public_pem()), "");
  EXPECT_EQ(fault("aws_sns", R"(,"certificates":[)", rsa),
            "/topics: must have the ARN of the topic: SNS signs for everybody's topics");
  EXPECT_EQ(fault("paypal", R"(,"certificates":[)", rsa),
            "/webhook_id: must be given, and not be empty");
}

TEST(SettingsTest, NoErrorHasASecretInIt) {
  const std::string secret = "*very secret*";
  for (const char* provider : {"svix", "adyen", "discord", "wix", "plaid", "aws_sns"}) {
    for (const char* member : {"secrets", "public_keys", "certificates", "verify_token"}) {
      const std::string fault = fault_of(std::string(R"({"provider":")") + provider + "\",\"" +
                                         member + "\":[" + json_text(secret) + "]}");
      EXPECT_NE(fault, "");
      EXPECT_EQ(fault.find("very"), std::string::npos) << fault;
    }
  }
}

TEST(SettingsTest, ProvidersAreInOrder) {
  const auto names = Verifier::providers();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_GE(names.size(), 40U);
}

}  // namespace
}  // namespace headrace::verification::test
