// SPDX-License-Identifier: Apache-2.0
#include "engine/request_parts.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/limits.h"

namespace headrace::engine {
namespace {

// The same cases in every run, unless RC_PARAMS says otherwise.
const bool kSeeded = setenv("RC_PARAMS", "seed=20 max_success=500", 0) == 0;

using Names = std::vector<std::string>;

constexpr const char* kLink = "https://hooks.example/in/abc";

std::string places(const Error& error) {
  std::string all;
  for (const ErrorItem& item : error.items) all += (all.empty() ? "" : " ") + item.where;
  return all;
}

RequestParts parsed(std::string_view json) {
  auto parts = parse_request_parts(json, "/auth");
  EXPECT_TRUE(parts) << parts.error().what;
  return parts ? *parts : RequestParts{};
}

// Where the fault is.
std::string fault(std::string_view json) {
  const auto parts = parse_request_parts(json, "/auth");
  EXPECT_FALSE(parts) << json;
  if (parts) return "none";
  EXPECT_EQ(parts.error().code, ErrorCode::kInvalidArgument);
  return places(parts.error());
}

// --- Reading

TEST(RequestPartsTest, PartsAreReadInOrderAndScalarsAsText) {
  const RequestParts parts =
      parsed(R"({"headers":{"B":"x","A":1.5},"query":{"on":true,"none":null},"params":{"id":7}})");
  EXPECT_EQ(parts.headers, (Fields{{"B", "x"}, {"A", "1.5"}}));
  EXPECT_EQ(parts.query, (Fields{{"on", "true"}, {"none", ""}}));
  EXPECT_EQ(parts.params, (Fields{{"id", "7"}}));
  EXPECT_EQ(parts.body, "");
}

TEST(RequestPartsTest, MissingPartsAreEmptyAndSoIsAnEmptyBody) {
  for (const char* json : {"", "{}", R"({"body":{}})", R"({"body":[],"headers":{}})"}) {
    const RequestParts parts = parsed(json);
    EXPECT_TRUE(parts.headers.empty() && parts.query.empty() && parts.params.empty());
    EXPECT_EQ(parts.body, "") << json;
  }
}

TEST(RequestPartsTest, BodyIsKeptToTheLetter) {
  for (const std::string body :
       {R"({"n":123456789012345678901234567890,"m":1.10 , "e":1E+40})", R"([1.10, {"a" :[]}])",
        R"({ "u":"\u00e4","s":"\/" })", R"({"deep":{"deep":[[1.0]]}})"}) {
    EXPECT_EQ(parsed(R"({"headers":{"a":"b"}, "body":)" + body + "}").body, body);
    EXPECT_EQ(parsed(R"({"body": )" + body + R"( ,"query":{}})").body, body);
  }
}

TEST(RequestPartsTest, BodyIsTheSameHoweverItsNameIsWritten) {
  EXPECT_EQ(parsed(R"({"b\u006fdy":{"n":1.10}})").body, R"({"n":1.10})");
  // Of two alike the last counts, for every part.
  EXPECT_EQ(parsed(R"({"body":{"a":1},"body":{"b":2.0}})").body, R"({"b":2.0})");
}

TEST(RequestPartsTest, FaultsAreNamedByTheirPointer) {
  EXPECT_EQ(fault("nonsense"), "/auth");
  EXPECT_EQ(fault("[]"), "/auth");
  EXPECT_EQ(fault("{} x"), "/auth");
  EXPECT_EQ(fault("\"\xff\""), "/auth");
  EXPECT_EQ(fault(R"({"header":{}})"), "/auth/header");
  EXPECT_EQ(fault(R"({"a/b~c":{}})"), "/auth/a~1b~0c");
  EXPECT_EQ(fault(R"({"headers":[]})"), "/auth/headers");
  EXPECT_EQ(fault(R"({"query":"a=b"})"), "/auth/query");
  EXPECT_EQ(fault(R"({"body":"text"})"), "/auth/body");
  EXPECT_EQ(fault(R"({"headers":{"X-A":{}}})"), "/auth/headers/X-A");
  EXPECT_EQ(fault(R"({"params":{"a/b":[1]}})"), "/auth/params/a~1b");
  EXPECT_EQ(fault(R"({"headers":{"X":"$Secret{}"}})"), "/auth/headers/X");
  EXPECT_EQ(fault(R"({"body":{"k":"$Secret{a b}"}})"), "/auth/body");
  const std::string large(core::limits::kPartsBytesMax, ' ');
  EXPECT_EQ(fault("{}" + large), "/auth");
}

// --- Structure

std::string missing(std::string_view sample, std::string_view auth) {
  const auto checked = check_structure(sample, auth, "/envs/0/auth");
  return checked ? "" : places(checked.error());
}

TEST(RequestPartsTest, AuthThatHasWhatTheSampleShowsIsAccepted) {
  EXPECT_EQ(missing("", ""), "");
  EXPECT_EQ(missing("{}", ""), "");
  EXPECT_EQ(missing(R"({"headers":{},"body":{}})", ""), "");
  EXPECT_EQ(missing(R"({"headers":{"Authorization":"Bearer x"}})",
                    R"({"headers":{"AUTHORIZATION":"Bearer y"},"query":{"more":1}})"),
            "");
  EXPECT_EQ(missing(R"({"body":{"a":{"b":1},"c":[1,2],"d":true,"e":null}})",
                    R"({"body":{"a":{"b":2.5,"x":1},"c":[],"d":false,"e":{"any":1}}})"),
            "");
  EXPECT_EQ(missing(R"({"query":{"e":null}})", R"({"query":{"e":null}})"), "");
}

TEST(RequestPartsTest, EachMemberThatIsMissingOrOfAnotherTypeIsNamed) {
  EXPECT_EQ(missing(R"({"headers":{"A":"x","B":"y"}})", ""),
            "/envs/0/auth/headers/A /envs/0/auth/headers/B");
  EXPECT_EQ(missing(R"({"headers":{"A":"x"},"query":{"q":1}})", R"({"headers":{"a":"z"}})"),
            "/envs/0/auth/query/q");
  EXPECT_EQ(missing(R"({"query":{"Q":"x"}})", R"({"query":{"q":"x"}})"), "/envs/0/auth/query/Q");
  EXPECT_EQ(missing(R"({"body":{"a":{"b":{"c/d":1}}}})", R"({"body":{"a":{"b":{}}}})"),
            "/envs/0/auth/body/a/b/c~1d");
  EXPECT_EQ(missing(R"({"body":{"n":1,"s":"x","b":true,"o":{},"l":[]}})",
                    R"({"body":{"n":"1","s":1,"b":null,"o":[],"l":{}}})"),
            "/envs/0/auth/body/n /envs/0/auth/body/s /envs/0/auth/body/b /envs/0/auth/body/o "
            "/envs/0/auth/body/l");
  EXPECT_EQ(missing(R"({"body":{"e":null}})", R"({"body":{}})"), "/envs/0/auth/body/e");
}

TEST(RequestPartsTest, BodyThatIsAnArrayInTheSampleIsOneInAuth) {
  EXPECT_EQ(missing(R"({"body":[{"a":1}]})", R"({"body":[{"b":2},3]})"), "");
  EXPECT_EQ(missing(R"({"body":[1]})", R"({"body":{"0":1}})"), "/envs/0/auth/body");
  EXPECT_EQ(missing(R"({"body":[1]})", R"({"headers":{}})"), "/envs/0/auth/body");
}

TEST(RequestPartsTest, HeaderNamesCompareWithoutCaseOnlyAtTheirOwnLevel) {
  EXPECT_EQ(missing(R"({"body":{"Key":1}})", R"({"body":{"key":1}})"), "/envs/0/auth/body/Key");
}

// --- Placeholders

TEST(RequestPartsTest, PlaceholdersAreBracedNamesAndWholeSegments) {
  EXPECT_EQ(placeholders("https://h/{a}/b/:c-1/d?e={f_2}&g=:h"), Names({"a", "c-1", "f_2"}));
  EXPECT_EQ(placeholders("https://{shop}.example.com:8080/x"), Names({"shop"}));
  EXPECT_EQ(placeholders("https://h/:id?x=1"), Names({"id"}));
  EXPECT_EQ(placeholders("https://h/a:b/:/{}/{a b}/{a"), Names());
  EXPECT_EQ(placeholders("http://127.0.0.1:9/:a"), Names({"a"}));
  EXPECT_EQ(placeholders("http://[::1]:9/x"), Names());
  EXPECT_EQ(placeholders("http://h:9"), Names());
  EXPECT_EQ(placeholders("http://h/$Secret{A}/{b}"), Names({"b"}));
  EXPECT_EQ(placeholders(""), Names());
}

TEST(RequestPartsTest, PlaceholdersAreFilledPercentEncoded) {
  EXPECT_EQ(fill_placeholders("https://h/{a}/:b?c={a}", {{"a", "x y/z"}, {"b", "1"}}),
            "https://h/x%20y%2Fz/1?c=x%20y%2Fz");
  EXPECT_EQ(fill_placeholders("https://h/{a}/:b", {{"a", "{b}"}, {"b", ":a"}}),
            "https://h/%7Bb%7D/%3Aa");
}

TEST(RequestPartsTest, WhatHasNoParamStaysAndSecretsWaitForTheirTime) {
  EXPECT_EQ(fill_placeholders("https://h/{a}/:b/{c}", {{"c", "1"}}), "https://h/{a}/:b/1");
  EXPECT_EQ(fill_placeholders("https://h/{a}?k=$Secret{K}", {{"a", "$Secret{A}"}, {"K", "no"}}),
            "https://h/$Secret{A}?k=$Secret{K}");
}

TEST(RequestPartsTest, FilledUrlHasNoPlaceholderLeft) {
  EXPECT_TRUE(rc::check([] {
    std::string url = "https://h";
    const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "/", "{a}", ":b", "?", ":", "{", "}", "x", "$Secret{S}", "&", "{c-d}", "/:b", "="));
    for (const std::string& piece : pieces) url += piece;
    Fields params;
    for (const std::string& name : placeholders(url))
      params.emplace_back(name, *rc::gen::container<std::string>(rc::gen::element(
                                    'a', '{', '}', ':', '/', '$', ' ', '%', '\xc3')));
    const std::string filled = fill_placeholders(url, params);
    for (const std::string& name : placeholders(url))
      RC_ASSERT(filled.find("{" + name + "}") == std::string::npos);
  }));
}

// --- The link

struct WithLink {
  RequestParts parts;
  Result<void> put;
};
WithLink with_link(std::string_view json, bool sends_body = true) {
  WithLink result{parsed(json), {}};
  result.put = put_link_into(result.parts, kLink, sends_body, "/auth");
  return result;
}

TEST(RequestPartsTest, LinkGoesWhereItIsMentioned) {
  const std::string link = kLink;
  auto all = with_link(
      R"({"headers":{"X-Url":"<$Link>"},"query":{"u":"$Link,$Link"},"params":{"p":"$Link"},)"
      R"("body":{"deep":[{"u":"$Link"}],"n":1.10}})");
  ASSERT_TRUE(all.put);
  EXPECT_EQ(all.parts.headers[0].second, "<" + link + ">");
  EXPECT_EQ(all.parts.query[0].second, link + "," + link);
  EXPECT_EQ(all.parts.params[0].second, link);
  EXPECT_EQ(all.parts.body, R"({"deep":[{"u":")" + link + R"("}],"n":1.10})");
  // Mentioned once, it is nowhere else.
  auto once = with_link(R"({"query":{"u":"$Link"},"body":{"a":1}})");
  EXPECT_EQ(once.parts.body, R"({"a":1})");
  EXPECT_TRUE(mentions_link(parsed(R"({"params":{"p":"$Link"}})")));
  EXPECT_FALSE(mentions_link(parsed(R"({"params":{"$Link":"p"}})")));
}

TEST(RequestPartsTest, LinkThatIsNotMentionedBecomesTheUrlOfTheBody) {
  const std::string member = R"("url":")" + std::string(kLink) + "\"";
  EXPECT_EQ(with_link("").parts.body, "{" + member + "}");
  EXPECT_EQ(with_link(R"({"body":{}})").parts.body, "{" + member + "}");
  const auto more = with_link(R"({"body":{"n":123456789012345678901234567890,"o":{"url":1}} })");
  EXPECT_EQ(more.parts.body,
            R"({"n":123456789012345678901234567890,"o":{"url":1},)" + member + "}");
  EXPECT_TRUE(more.put);
}

TEST(RequestPartsTest, WithoutABodyTheLinkBecomesAParameter) {
  const auto plain = with_link(R"({"query":{"a":"1"}})", false);
  EXPECT_TRUE(plain.put);
  EXPECT_EQ(plain.parts.query, (Fields{{"a", "1"}, {"url", kLink}}));
  EXPECT_EQ(plain.parts.body, "");
  EXPECT_EQ(with_link(R"({"query":{"hook":"$Link"}})", false).parts.query,
            (Fields{{"hook", kLink}}));
}

TEST(RequestPartsTest, BodyThatHasAUrlOrIsAnArrayMustSayWhereTheLinkGoes) {
  for (const char* json : {R"({"body":{"url":"mine"}})", R"({"body":[1]})"}) {
    const auto refused = with_link(json);
    ASSERT_FALSE(refused.put) << json;
    EXPECT_EQ(refused.put.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(places(refused.put.error()), "/auth/body");
  }
  EXPECT_TRUE(with_link(R"({"body":{"url":"$Link"}})").put);
  EXPECT_EQ(with_link(R"({"body":["$Link"]})").parts.body, "[\"" + std::string(kLink) + "\"]");
}

// --- Showing

TEST(RequestPartsTest, ShownPartsKeepNamesAndReferencesOnly) {
  EXPECT_EQ(hidden_parts(""), "");
  EXPECT_EQ(hidden_parts("nonsense"), "");
  EXPECT_EQ(
      hidden_parts(R"({"headers":{"A":"Bearer $Secret{T}","B":"Bearer abc","C":7},)"
                   R"("query":{"on":true},"body":{"u":"$Link","deep":[{"k":"x"},null]}})"),
      R"({"headers":{"A":"Bearer $Secret{T}","B":"[hidden]","C":"[hidden]"},)"
      R"("query":{"on":"[hidden]"},"body":{"u":"$Link","deep":[{"k":"[hidden]"},"[hidden]"]}})");
}

TEST(RequestPartsTest, NoValueThatWasTypedInIsShown) {
  EXPECT_TRUE(rc::check([] {
    const std::string credential = "ZQ7" + std::to_string(*rc::gen::inRange(100000, 999999));
    const std::string value =
        *rc::gen::element<std::string>("Bearer ", "", "$Secret{A}", "$Link ") + credential +
        *rc::gen::element<std::string>("", " $Secret{A}", "$Link", "}");
    const std::string member = "{\"k\":\"" + value + "\"}";
    const std::string json = *rc::gen::element<std::string>(
        "{\"headers\":" + member + "}", "{\"query\":" + member + "}", "{\"params\":" + member + "}",
        "{\"body\":[[" + member + "]]}", "{\"body\":{\"d\":" + member + "}}",
        "{\"params\":" + member + ",\"params\":" + member + "}");
    RC_ASSERT(hidden_parts(json).find(credential) == std::string::npos);
  }));
}

}  // namespace
}  // namespace headrace::engine
