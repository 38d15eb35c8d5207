// SPDX-License-Identifier: Apache-2.0
#include "tools/request.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "tools/json_value.h"

namespace headrace::tools {
namespace {

const Command& command(std::string_view words) {
  const auto all = all_commands();
  const auto it = std::find_if(all.begin(), all.end(),
                               [words](const Command& each) { return each.words == words; });
  EXPECT_NE(it, all.end()) << words;
  return it == all.end() ? all.front() : *it;
}

// Files that are there: "-" is standard input.
Result<std::string> read(const std::string& name) {
  if (name == "-") return std::string(R"({"name":"from stdin","n":12345678901234567890123})");
  if (name == "sample.json") return std::string(R"({"action":"opened"})");
  if (name == "list.json") return std::string("[]");
  return Error{ErrorCode::kStorageFailed, name + ": No such file or directory"};
}

Request made(std::string_view words, const Values& values) {
  auto request = make_request(command(words), values, &read);
  EXPECT_TRUE(request) << request.error().what;
  return request ? *request : Request{};
}

std::string refused(std::string_view words, const Values& values) {
  const auto request = make_request(command(words), values, &read);
  EXPECT_FALSE(request);
  if (request) return request->target;
  EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument);
  return request.error().what;
}

TEST(RequestTest, ArgumentsFillThePathAndFlagsTheBody) {
  const Request request = made("webhook create", {{"app", {"github"}},
                                                  {"tag", {"repo"}},
                                                  {"name", {"Repositories"}},
                                                  {"env", {"prd", "snd=https://a.test/x"}},
                                                  {"body-bytes-max", {"1000"}}});
  EXPECT_EQ(request.method, Method::kPost);
  EXPECT_EQ(request.target, "/v1/apps/github/webhooks");
  EXPECT_EQ(request.body,
            R"({"tag":"repo","name":"Repositories","envs":[{"slug":"prd"},)"
            R"({"slug":"snd","registration_url":"https://a.test/x"}],"body_bytes_max":1000})");
}

TEST(RequestTest, AnArgumentIsOneSegmentWhateverIsInIt) {
  EXPECT_EQ(made("event get", {{"app", {"a/b"}}, {"event", {"repo:opened?x #é"}}}).target,
            "/v1/apps/a%2Fb/events/repo%3Aopened%3Fx%20%23%C3%A9");
  EXPECT_NE(refused("app get", {{"app", {""}}}).find("app"), std::string::npos);
}

TEST(RequestTest, EncodingKeepsEveryTextApartFromTheSyntax) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    const std::string encoded = percent_encoded(text);
    RC_ASSERT(encoded.find_first_of("/?#& \r\n=") == std::string::npos);
    std::string decoded;
    for (std::size_t i = 0; i < encoded.size(); ++i) {
      if (encoded[i] != '%') {
        decoded += encoded[i];
        continue;
      }
      decoded += static_cast<char>(std::stoi(encoded.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
    RC_ASSERT(decoded == text);
  }));
}

TEST(RequestTest, FiltersAreTheQuery) {
  const Request request = made("deliveries", {{"status", {"dead"}},
                                              {"http-status", {"503"}},
                                              {"since", {"2026-01-01T00:00:00Z"}},
                                              {"limit", {"10"}}});
  EXPECT_EQ(request.target,
            "/v1/deliveries?since=2026-01-01T00%3A00%3A00Z&http_status=503&status=dead&limit=10");
  EXPECT_EQ(request.body, "");
}

TEST(RequestTest, AnOptionalPartOfThePathIsThereWhenItsFlagIs) {
  EXPECT_EQ(made("registration list", {}).target, "/v1/webhooks");
  EXPECT_EQ(made("registration list", {{"product", {"shop"}}, {"access-tag", {"gh"}}}).target,
            "/v1/products/shop/webhooks?access_tag=gh");
}

TEST(RequestTest, FlagsOverrideTheFile) {
  const Values values = {{"product", {"shop"}}, {"file", {"-"}}, {"to", {"http://x.test"}}};
  EXPECT_EQ(made("endpoint create", values).body,
            R"({"name":"from stdin","n":12345678901234567890123,"url":"http://x.test"})");
  Values named = {{"app", {"a"}}, {"file", {"-"}}, {"name", {"flag"}}};
  EXPECT_EQ(made("event create", named).body, R"({"name":"flag","n":12345678901234567890123})");
}

TEST(RequestTest, AFileThatIsNoJsonObjectIsRefused) {
  EXPECT_NE(refused("key create", {{"file", {"list.json"}}}).find("object"), std::string::npos);
  EXPECT_NE(refused("key create", {{"file", {"none"}}}).find("No such file"), std::string::npos);
}

TEST(RequestTest, ListsAreSplitAndJoined) {
  EXPECT_EQ(made("key create", {{"name", {"k"}}, {"scope", {"read,write", "replay"}}}).body,
            R"({"name":"k","scopes":["read","write","replay"]})");
  EXPECT_EQ(made("disable", {{"product", {"p"}}, {"env", {"prd", "snd"}}}).body,
            R"({"envs":["prd","snd"]})");
}

TEST(RequestTest, JsonComesFromTheFlagOrAFile) {
  Values values = {{"app", {"a"}}, {"event", {"e"}}, {"sample", {R"({"n":1.50})"}}};
  EXPECT_EQ(made("event update", values).body, R"({"sample":{"n":1.50}})");
  values["sample"] = {"@sample.json"};
  EXPECT_EQ(made("event update", values).body, R"({"sample":{"action":"opened"}})");
  values["sample"] = {"{oops"};
  EXPECT_TRUE(refused("event update", values).starts_with("--sample: "));
  values["sample"] = {"@none"};
  EXPECT_TRUE(refused("event update", values).starts_with("--sample: "));
}

TEST(RequestTest, AScheduleIsAListOrNoneOrTheDefault) {
  Values values = {{"endpoint", {"ep_1"}}, {"retry", {"5s,1m"}}, {"adaptive", {"false"}}};
  EXPECT_EQ(made("endpoint update", values).body,
            R"({"adaptive":false,"retry":{"schedule":["5s","1m"]}})");
  values["retry"] = {"none"};
  values["adaptive"] = {"true"};
  EXPECT_EQ(made("endpoint update", values).body, R"({"adaptive":true,"retry":{"schedule":[]}})");
  values["retry"] = {"default"};
  EXPECT_EQ(made("endpoint update", values).body, R"({"adaptive":true,"retry":null})");
}

TEST(RequestTest, DeliverySettingsAreNumbersWordsOrJson) {
  const auto body = [](std::string_view flag, std::string text) {
    return made("endpoint update", {{"endpoint", {"ep_1"}}, {std::string(flag), {std::move(text)}}})
        .body;
  };
  EXPECT_EQ(body("rate-limit", "2.5"), R"({"rate_limit":{"per_second":2.5}})");
  EXPECT_EQ(body("rate-limit", "10/50"), R"({"rate_limit":{"per_second":10,"burst":50}})");
  EXPECT_EQ(body("rate-limit", "none"), R"({"rate_limit":null})");
  EXPECT_EQ(body("breaker", "none"), R"({"breaker":null})");
  EXPECT_EQ(body("breaker", "default"), R"({"breaker":{}})");
  EXPECT_EQ(body("breaker", R"({"probes":2})"), R"({"breaker":{"probes":2}})");
  EXPECT_EQ(body("retry", R"({"base":"1s"})"), R"({"retry":{"base":"1s"}})");
  EXPECT_EQ(body("final-on", "404,5xx"), R"({"final_on":["404","5xx"]})");
  EXPECT_EQ(body("disable-after", "never"), R"({"disable_after":null})");
  EXPECT_EQ(body("disable-after", "3d"), R"({"disable_after":"3d"})");
  EXPECT_EQ(body("state", "paused"), R"({"state":"paused"})");
  for (const char* text : {"fast", "10/", "/5", ""}) {
    const Values values = {{"endpoint", {"e"}}, {"rate-limit", {text}}};
    EXPECT_TRUE(refused("endpoint update", values).starts_with("--rate-limit: ")) << text;
  }
}

TEST(RequestTest, NumbersAndBooleansAreChecked) {
  EXPECT_TRUE(refused("messages", {{"limit", {"many"}}}).starts_with("--limit: "));
  EXPECT_TRUE(refused("endpoint update", {{"endpoint", {"e"}}, {"adaptive", {"yes"}}})
                  .starts_with("--adaptive: "));
}

TEST(RequestTest, UnsetMembersBecomeNullAndMustBeKnown) {
  const Values values = {{"app", {"a"}}, {"event", {"e"}}, {"unset", {"selector_value,sample"}}};
  EXPECT_EQ(made("event update", values).body, R"({"selector_value":null,"sample":null})");
  EXPECT_NE(
      refused("event update", {{"app", {"a"}}, {"event", {"e"}}, {"unset", {"oops"}}}).find("oops"),
      std::string::npos);
}

TEST(RequestTest, RevisionCascadeAndIdempotencyKeyHaveTheirPlaces) {
  const Request gone =
      made("webhook delete",
           {{"app", {"a"}}, {"webhook", {"w"}}, {"cascade", {"true"}}, {"if-revision", {"7"}}});
  EXPECT_EQ(gone.target, "/v1/apps/a/webhooks/w?cascade=true");
  EXPECT_EQ(gone.if_match, "\"7\"");
  EXPECT_EQ(gone.body, "");
  EXPECT_EQ(etag_of("*"), "*");
  EXPECT_EQ(made("key create", {{"idempotency-key", {"once"}}}).idempotency_key, "once");
  EXPECT_EQ(made("key create", {}).body, "{}");
}

TEST(RequestTest, MatchTakesThePayloadHeadersAndQuery) {
  const Values values = {{"app", {"a"}},
                         {"webhook", {"w"}},
                         {"PAYLOAD", {"sample.json"}},
                         {"header", {"X-GitHub-Event: push", "X-Empty:"}},
                         {"query", {"a=1", "b=2"}}};
  EXPECT_EQ(made("match", values).body,
            R"({"body":"{\"action\":\"opened\"}","headers":{"X-GitHub-Event":"push","X-Empty":""},)"
            R"("query":"a=1&b=2"})");
  EXPECT_NE(made("match", {{"app", {"a"}}, {"webhook", {"w"}}}).body.find("from stdin"),
            std::string::npos);
  EXPECT_TRUE(refused("match", {{"app", {"a"}}, {"webhook", {"w"}}, {"header", {": x"}}})
                  .starts_with("--header: "));
}

TEST(RequestTest, ABodyFromAFileNeedsNoPayload) {
  const Values values = {{"app", {"a"}}, {"webhook", {"w"}}, {"file", {"sample.json"}}};
  EXPECT_EQ(made("match", values).body, R"({"action":"opened"})");
}

TEST(RequestTest, EnvsMayBeWholeObjects) {
  const Values values = {
      {"product", {"p"}},
      {"env", {"prd=https://a.test/?x=y", R"({"slug":"snd","url":"http://b.test"})"}}};
  EXPECT_EQ(made("enable", values).body, R"({"envs":[{"slug":"prd","url":"https://a.test/?x=y"},)"
                                         R"({"slug":"snd","url":"http://b.test"}]})");
  EXPECT_TRUE(refused("enable", {{"product", {"p"}}, {"env", {"{oops"}}}).starts_with("--env: "));
}

}  // namespace
}  // namespace headrace::tools
