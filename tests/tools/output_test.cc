// SPDX-License-Identifier: Apache-2.0
#include "tools/output.h"

#include <gtest/gtest.h>

namespace headrace::tools {
namespace {

Json parsed(std::string_view text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json) << text;
  return json ? *json : Json{};
}

TEST(OutputTest, ColumnsAreAlignedBelowTheirTitles) {
  const Json rows = parsed(R"([
    {"tag":"repo","envs":[{"slug":"prd"},{"slug":"snd"}],"revision":1},
    {"tag":"é","envs":[],"revision":22},
    {"tag":null,"revision":333,"envs":"x"}])");
  EXPECT_EQ(table("tag,envs.slug,revision", rows.items, false),
            "TAG   ENVS SLUG  REVISION\n"
            "repo  prd,snd    1\n"
            "é     -          22\n"
            "-     -          333\n");
  EXPECT_EQ(table("tag", {}, false), "TAG\n");
}

TEST(OutputTest, ColourIsThereOnlyWhenAskedFor) {
  EXPECT_EQ(table("tag", {}, true), "\x1b[1mTAG\x1b[0m\n");
  EXPECT_EQ(painted("x", Paint::kRed, true), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(painted("x", Paint::kRed, false), "x");
}

TEST(OutputTest, DetailsAreAMemberALineWithTablesBelow) {
  const Json report = parsed(R"({"event":"repo:opened","others":["a","b"],"auth":{"x":1},
    "receivers":[{"endpoint":"ep_1","reached":true,"reason":""},
                 {"endpoint":"ep_2","reached":false,"reason":"another env"}]})");
  EXPECT_EQ(details(report, false),
            "EVENT      repo:opened\n"
            "OTHERS     a,b\n"
            "AUTH       {\"x\":1}\n"
            "\n"
            "RECEIVERS\n"
            "ENDPOINT  REACHED  REASON\n"
            "ep_1      true     -\n"
            "ep_2      false    another env\n");
}

TEST(OutputTest, WhatStrangersWroteCannotControlTheTerminal) {
  EXPECT_EQ(harmless("a\nb\tc\rd\x1b[2J\x7f"), "a\\nb\\tc\\rd\\x1b[2J\\x7f");
  EXPECT_EQ(harmless("\xc2\x9b"
                     "31m é €"),
            "\\x9b31m é €");
  const Json rows = parsed(R"([{"body":"\u001b]0;title\u0007"}])");
  EXPECT_EQ(table("body", rows.items, false).find('\x1b'), std::string::npos);
  EXPECT_EQ(details(rows.items[0], false).find('\x1b'), std::string::npos);
  EXPECT_EQ(problem_text(409, R"({"detail":"\u001b[2J"})").find('\x1b'), std::string::npos);
}

TEST(OutputTest, AProblemSaysWhatWhereAndWhatIsInTheWay) {
  EXPECT_EQ(problem_text(422, R"({"title":"Invalid","status":422,"detail":"the webhook is invalid",
      "code":"invalid_argument","request_id":"req_1","position":3,
      "errors":[{"pointer":"/envs/0/url","detail":"must be a URL"}],
      "conflicts":[{"resource":"endpoint ep_1","detail":""}]})"),
            "422: the webhook is invalid (invalid_argument)\n"
            "  at position 3\n"
            "  /envs/0/url: must be a URL\n"
            "  endpoint ep_1\n"
            "  request req_1");
}

TEST(OutputTest, AnAnswerThatIsNoProblemDocumentHasItsStatus) {
  EXPECT_EQ(problem_text(502, "<html>"), "the daemon answered 502");
  EXPECT_EQ(problem_text(404, "[]"), "the daemon answered 404");
}

TEST(OutputTest, FormatsHaveThreeNames) {
  EXPECT_EQ(parse_format("table"), Format::kTable);
  EXPECT_EQ(parse_format("json"), Format::kJson);
  EXPECT_EQ(parse_format("ndjson"), Format::kNdjson);
  EXPECT_EQ(parse_format("yaml"), std::nullopt);
}

}  // namespace
}  // namespace headrace::tools
