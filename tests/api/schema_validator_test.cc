// SPDX-License-Identifier: Apache-2.0
#include "api/schema_validator.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace headrace::api {
namespace {

class SchemaValidatorTest : public testing::Test {
 protected:
  // What is said, by pointer.
  std::map<std::string, std::string> faults(std::string_view schema, std::string_view text) {
    std::map<std::string, std::string> found;
    for (const ErrorItem& item : validator.check(schema, Json::parse(text)))
      found[item.where] = item.what;
    return found;
  }
  using Faults = std::map<std::string, std::string>;

  SchemaValidator validator;
};

TEST_F(SchemaValidatorTest, ValidBodiesAreValid) {
  EXPECT_EQ(faults("WebhookSpec", R"({"tag":"repo","name":"Repo","envs":[
      {"slug":"prd","registration_url":"https://example.com/","method":"POST",
       "sample":{"headers":{"A":"b"},"query":{},"body":{},"params":{}}},
      {"slug":"snd","sample":null}],"payload":"raw","body_bytes_max":67108864,"dedupe":null})"),
            Faults());
  EXPECT_EQ(faults("EnableSpec", R"({"product":"p","access_tag":"a","webhook_tag":"w","wait":"1s",
      "envs":[{"slug":"prd","url":"http://a/","auth":{"headers":{}},"retry":{"schedule":["5s",60]},
      "events":null,"filter":{"a":[1]},"in_flight_max":1}]})"),
            Faults());
  EXPECT_EQ(
      faults("MatchRequest", R"({"payload":null,"query":{"a":1,"b":"c"},"headers":{"A":"b"}})"),
      Faults());
  EXPECT_EQ(faults("MatchRequest", R"({"query":"a=b"})"), Faults());
}

TEST_F(SchemaValidatorTest, EachFaultIsNamedWhereItIs) {
  EXPECT_EQ(faults("WebhookSpec", "[]"), (Faults{{"", "must be of type object"}}));
  EXPECT_EQ(faults("WebhookSpec", "{}"),
            (Faults{{"/tag", "is missing"}, {"/name", "is missing"}, {"/envs", "is missing"}}));
  EXPECT_EQ(
      faults(
          "WebhookSpec",
          R"({"tag":"a b","name":1,"payload":"xml","envs":[{"slug":"prd"},{"slug":"PRD"},{},1]})"),
      (Faults{{"/tag", "must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"},
              {"/name", "must be of type string"},
              {"/payload", "must be one of json, raw"},
              {"/envs/1/slug", "must match ^[a-z0-9][a-z0-9_-]{0,63}$"},
              {"/envs/2/slug", "is missing"},
              {"/envs/3", "must be of type object"}}));
  EXPECT_EQ(faults("WebhookPatch", R"({"tag":"x","no":1})"),
            (Faults{{"/tag", "is not a member that is known here"},
                    {"/no", "is not a member that is known here"}}));
  EXPECT_EQ(faults("EndpointSpec",
                   R"({"access_tag":"a","webhook_tag":"w","env":"e","url":"http://a/",
                       "auth":{"header":{}},"retry":{"schedule":["soon",-1,1.5]}})"),
            (Faults{{"/auth/header", "is not a member that is known here"},
                    {"/retry/schedule/0", "must match ^[0-9]{1,9}(ms|s|m|h|d)$"},
                    {"/retry/schedule/1", "must be at least 0"},
                    {"/retry/schedule/2", "must be of type string, integer"}}));
}

TEST_F(SchemaValidatorTest, NamesInPointersAreEscaped) {
  EXPECT_EQ(faults("WebhookPatch", R"({"a/b~c":1})"),
            (Faults{{"/a~1b~0c", "is not a member that is known here"}}));
}

TEST_F(SchemaValidatorTest, LongTextsAreRefusedAndNotSuffered) {
  const Json body = {{"tag", std::string(4'000'000, 'a')},
                     {"name", "x"},
                     {"scopes", {"read"}},
                     {"expires_at", std::string(4'000'000, '1')}};
  EXPECT_FALSE(validator.check("KeySpec", body).empty());
  EXPECT_FALSE(validator.check("WorkspaceSpec", body).empty());
}

TEST_F(SchemaValidatorTest, NumbersOutOfRangeAreRefused) {
  for (const char* number : {"0", "-1", "67108865", "18446744073709551615", "1e300", "1.0"}) {
    EXPECT_FALSE(
        faults("WebhookPatch", R"({"body_bytes_max":)" + std::string(number) + "}").empty())
        << number;
  }
  for (const char* number : {"0", "1025", "4294967297", "-1"})
    EXPECT_FALSE(
        faults("EndpointPatch", R"({"in_flight_max":)" + std::string(number) + "}").empty())
        << number;
  EXPECT_FALSE(faults("RotateSpec", R"({"grace":4294967296})").empty());
  EXPECT_TRUE(faults("RotateSpec", R"({"grace":4294967295})").empty());
}

// Each fault would weigh more than what is at fault.
TEST_F(SchemaValidatorTest, LargeBodyIsNotToldAllItsFaults) {
  Json body = {{"tag", "t"}, {"name", "n"}, {"envs", Json::array()}};
  for (int i = 0; i < 100'000; ++i) body["envs"].push_back(Json::object());
  const auto faults = validator.check("WebhookSpec", body);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_NE(faults[0].what.find("too large"), std::string::npos);
}

}  // namespace
}  // namespace headrace::api
