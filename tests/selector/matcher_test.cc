// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "selector/program.h"
#include "tests/selector/padded_text.h"

namespace headrace::selector {
namespace {

struct Rule {
  const char* selector;
  const char* value;
};

Selector parsed(std::string_view text) { return std::move(Selector::parse(text)).value(); }

core::EventNumber event(std::uint32_t number) { return static_cast<core::EventNumber>(number); }

// Rules get the events 1, 2, 3 … in the order given.
Result<Program> compile(const std::vector<Rule>& rules,
                        const std::vector<const char*>& captures = {}) {
  std::vector<EventRule> compiled;
  for (const Rule& rule : rules) {
    compiled.push_back({event(static_cast<std::uint32_t>(compiled.size() + 1)),
                        parsed(rule.selector), rule.value});
  }
  std::vector<Selector> selectors;
  for (const char* capture : captures) selectors.push_back(parsed(capture));
  return Program::compile(compiled, selectors);
}

class MatcherTest : public testing::Test {
 protected:
  Match run(const Program& program, MessageView message) {
    const PaddedText padded(message.body);
    message.body = padded.view();
    return matcher_.run(program, message);
  }
  std::uint32_t found(const std::vector<Rule>& rules, std::string_view body,
                      BodyKind kind = BodyKind::kJson) {
    auto program = compile(rules);
    EXPECT_TRUE(program);
    MessageView message;
    message.body = body;
    message.kind = kind;
    const Match match = run(*program, message);
    EXPECT_TRUE(match.valid) << body << ": " << match.fault;
    return static_cast<std::uint32_t>(match.event);
  }
  std::optional<std::string> captured(const char* selector, std::string_view body,
                                      BodyKind kind = BodyKind::kJson) {
    auto program = compile({}, {selector});
    EXPECT_TRUE(program);
    MessageView message;
    message.body = body;
    message.kind = kind;
    run(*program, message);
    const auto text = matcher_.capture(0);
    return text ? std::optional<std::string>(*text) : std::nullopt;
  }

  Matcher matcher_;
};

TEST_F(MatcherTest, AnEventMatchesWhenTheScalarAtItsPathEqualsItsValue) {
  const std::vector<Rule> rules = {{"$Event{type}", "invoice.paid"},
                                   {"$Event{type}", "invoice.sent"}};
  EXPECT_EQ(found(rules, R"({"id":1,"type":"invoice.paid"})"), 1U);
  EXPECT_EQ(found(rules, R"({"type":"invoice.sent","id":1})"), 2U);
  EXPECT_EQ(found(rules, R"({"type":"invoice.lost"})"), 0U);
  EXPECT_EQ(found(rules, R"({"kind":"invoice.paid"})"), 0U);
  EXPECT_EQ(found(rules, R"({"type":{"type":"invoice.paid"}})"), 0U);
  EXPECT_EQ(found(rules, R"(["invoice.paid"])"), 0U);
  EXPECT_EQ(found(rules, R"("invoice.paid")"), 0U);
}

TEST_F(MatcherTest, PathsLeadThroughObjectsAndArrays) {
  EXPECT_EQ(
      found({{"$Event{data}{object}{status}", "open"}}, R"({"data":{"object":{"status":"open"}}})"),
      1U);
  EXPECT_EQ(found({{"$Event{items[1].name}", "b"}}, R"({"items":[{"name":"a"},{"name":"b"}]})"),
            1U);
  EXPECT_EQ(found({{"$Event{items[1].name}", "b"}}, R"({"items":[{"name":"b"}]})"), 0U);
  EXPECT_EQ(found({{"$Event[0][1]", "x"}}, R"([["w","x"]])"), 1U);
}

TEST_F(MatcherTest, ANumberInBracesIsAnElementOrAMember) {
  EXPECT_EQ(found({{"$Event{items}{0}", "x"}}, R"({"items":["x"]})"), 1U);
  EXPECT_EQ(found({{"$Event{items}{0}", "x"}}, R"({"items":{"0":"x"}})"), 1U);
  EXPECT_EQ(found({{"$Event{items}[0]", "x"}}, R"({"items":["x"]})"), 1U);
  EXPECT_EQ(found({{"$Event{items}[0]", "x"}}, R"({"items":{"0":"x"}})"), 0U);
}

TEST_F(MatcherTest, BothSpellingsOfAnElementMatchTogether) {
  auto program = compile({{"$Event{a}[0]{t}", "x"}, {"$Event{a}{0}{t}", "x"}});
  ASSERT_TRUE(program);
  for (const char* body : {R"({"a":[{"t":"x"}]})", R"({"big":1e999,"a":[{"t":"x"}]})"}) {
    MessageView message;
    message.body = body;
    const Match match = run(*program, message);
    EXPECT_EQ(match.event, event(1));
    EXPECT_EQ(match.other_count, 1U);
    EXPECT_EQ(match.others[0], event(2));
  }
}

TEST_F(MatcherTest, StringsCompareByContent) {
  EXPECT_EQ(found({{"$Event{t}", "a/b"}}, R"({"t":"a\/b"})"), 1U);
  EXPECT_EQ(found({{"$Event{t}", "é"}}, R"({"t":"\u00e9"})"), 1U);
  EXPECT_EQ(found({{"$Event{größe}", "x"}}, R"({"gr\u00f6\u00dfe":"x"})"), 1U);
  EXPECT_EQ(found({{"$Event{a\\.b}", "x"}}, R"({"a.b":"x","a":{"b":"y"}})"), 1U);
  EXPECT_EQ(found({{"$Event{t}", ""}}, R"({"t":""})"), 1U);
}

TEST_F(MatcherTest, NumbersCompareByValue) {
  for (const char* number : {"100", "1e2", "100.0", "1.00E+2", "1000e-1"}) {
    const std::string body = std::string("{\"n\":") + number + "}";
    EXPECT_EQ(found({{"$Event{n}", "100"}}, body), 1U) << number;
    EXPECT_EQ(found({{"$Event{n}", "1e2"}}, body), 1U) << number;
    EXPECT_EQ(found({{"$Event{n}", "101"}}, body), 0U) << number;
  }
  EXPECT_EQ(found({{"$Event{n}", "0"}}, R"({"n":-0})"), 1U);
  EXPECT_EQ(found({{"$Event{n}", "0"}}, R"({"n":-0.0})"), 1U);
  EXPECT_EQ(found({{"$Event{n}", "-9223372036854775808"}}, R"({"n":-9223372036854775808})"), 1U);
  EXPECT_EQ(found({{"$Event{n}", "18446744073709551615"}}, R"({"n":18446744073709551615})"), 1U);
}

TEST_F(MatcherTest, IdsBeyond64BitsAreExact) {
  const std::vector<Rule> rules = {{"$Event{id}", "123456789012345678901234567890"}};
  EXPECT_EQ(found(rules, R"({"id":123456789012345678901234567890})"), 1U);
  EXPECT_EQ(found(rules, R"({"id":123456789012345678901234567891})"), 0U);
  EXPECT_EQ(found({{"$Event{t}", "x"}}, R"({"id":123456789012345678901234567890,"t":"x"})"), 1U);
}

TEST_F(MatcherTest, AStringIsNotComparedAsANumber) {
  EXPECT_EQ(found({{"$Event{n}", "100"}}, R"({"n":"100"})"), 1U);
  EXPECT_EQ(found({{"$Event{n}", "100"}}, R"({"n":"1e2"})"), 0U);
  EXPECT_EQ(found({{"$Event{n}", "1e2"}}, R"({"n":"1e2"})"), 1U);
}

TEST_F(MatcherTest, LiteralsCompareByTheirText) {
  EXPECT_EQ(found({{"$Event{b}", "true"}}, R"({"b":true})"), 1U);
  EXPECT_EQ(found({{"$Event{b}", "false"}}, R"({"b":false})"), 1U);
  EXPECT_EQ(found({{"$Event{b}", "null"}}, R"({"b":null})"), 1U);
  EXPECT_EQ(found({{"$Event{b}", "null"}}, R"({"b":[]})"), 0U);
}

TEST_F(MatcherTest, OfDuplicateKeysTheFirstCounts) {
  const std::vector<Rule> rules = {{"$Event{t}", "x"}, {"$Event{a}{b}", "x"}};
  for (const char* tail : {"", R"(,"big":1e999)"}) {
    EXPECT_EQ(found(rules, std::string(R"({"t":"x","t":"y")") + tail + "}"), 1U);
    EXPECT_EQ(found(rules, std::string(R"({"t":"y","\u0074":"x")") + tail + "}"), 0U);
    EXPECT_EQ(found(rules, std::string(R"({"a":1,"a":{"b":"x"})") + tail + "}"), 0U);
    EXPECT_EQ(found(rules, std::string(R"({"a":{},"a":{"b":"x"})") + tail + "}"), 0U);
  }
}

TEST_F(MatcherTest, TheFirstRuleWinsAndOthersAreNoted) {
  auto program = compile({{"$Event{z}", "1"},
                          {"$Event{y}", "1"},
                          {"$Event{x}", "1"},
                          {"$Event{w}", "1"},
                          {"$Event{v}", "1"},
                          {"$Event{u}", "1"},
                          {"$Event{t}", "1"}});
  ASSERT_TRUE(program);
  MessageView message;
  message.body = R"({"t":1,"u":1,"v":1,"w":1,"x":1,"y":1})";
  const Match match = run(*program, message);
  EXPECT_EQ(match.event, event(2));
  EXPECT_EQ(match.other_count, 5U);
  for (std::uint32_t i = 0; i < Match::kOthersMax; ++i) EXPECT_EQ(match.others[i], event(3 + i));
}

TEST_F(MatcherTest, APathMayEndWhereAnotherGoesOn) {
  const std::vector<Rule> rules = {{"$Event{a}", "x"}, {"$Event{a}{b}", "x"}};
  EXPECT_EQ(found(rules, R"({"a":"x"})"), 1U);
  EXPECT_EQ(found(rules, R"({"a":{"b":"x"}})"), 2U);
}

TEST_F(MatcherTest, AnInvalidBodyMatchesNothingAndCapturesNothing) {
  auto program = compile({{"$Event{t}", "x"}, {"$Header{t}", "x"}}, {"$Event{t}"});
  ASSERT_TRUE(program);
  MessageView message;
  message.body = R"({"t":"x",})";
  message.header_lines = "T: x\r\n";
  const Match match = run(*program, message);
  EXPECT_FALSE(match.valid);
  EXPECT_EQ(match.fault_offset, 9U);
  EXPECT_STRNE(match.fault, "");
  EXPECT_EQ(match.event, core::EventNumber::kNone);
  EXPECT_FALSE(matcher_.capture(0));
}

TEST_F(MatcherTest, ABodyIsValidatedEvenWhenNoPathLeadsIntoIt) {
  auto program = compile({{"$Header{x-topic}", "orders"}});
  ASSERT_TRUE(program);
  MessageView message;
  message.header_lines = "X-Topic: orders\r\n";
  message.body = "{}}";
  EXPECT_FALSE(run(*program, message).valid);
  message.body = "{}";
  EXPECT_EQ(run(*program, message).event, event(1));
}

TEST_F(MatcherTest, ARawBodyIsNotLookedInto) {
  EXPECT_EQ(found({{"$Event{t}", "x"}}, R"({"t":"x"})", BodyKind::kRaw), 0U);
  EXPECT_EQ(found({{"$Event{t}", "x"}}, "\xFF{{{", BodyKind::kRaw), 0U);
}

TEST_F(MatcherTest, HeadersAreFoundByNameWithoutCase) {
  auto program = compile({{"$Header{X-GitHub-Event}", "push"}}, {"$Header{x-delivery}"});
  ASSERT_TRUE(program);
  MessageView message;
  message.kind = BodyKind::kRaw;
  for (const char* lines : {"Host: a\r\nX-GITHUB-EVENT:push\r\n", "x-github-event: \t push \t\r\n",
                            "X-Github-Event: push\r\nX-Github-Event: pull\r\n"}) {
    message.header_lines = lines;
    EXPECT_EQ(run(*program, message).event, event(1)) << lines;
  }
  for (const char* lines :
       {"", "\r\n", "x-github-event\r\n", "X-GitHub-Events: push\r\n", "X-GitHub-Event: Push\r\n",
        "X-GitHub-Event: pull\r\nX-GitHub-Event: push\r\n", "X: X-GitHub-Event: push\r\n"}) {
    message.header_lines = lines;
    EXPECT_EQ(run(*program, message).event, core::EventNumber::kNone) << lines;
  }
  message.header_lines = "X-Delivery: 7:8\r\nEmpty:\r\n";
  run(*program, message);
  EXPECT_EQ(matcher_.capture(0), "7:8");
}

TEST_F(MatcherTest, ParametersAreDecoded) {
  auto program = compile({{"$Query{topic}", "a b&c"}, {"$Query{hub.mode}", "subscribe"}});
  ASSERT_TRUE(program);
  MessageView message;
  message.kind = BodyKind::kRaw;
  message.query = "x=1&%74opic=a+b%26c";
  EXPECT_EQ(run(*program, message).event, event(1));
  message.query = "topic=1&topic=a+b%26c";
  EXPECT_EQ(run(*program, message).event, core::EventNumber::kNone);
  message.query = "hub.mode=subscribe";
  EXPECT_EQ(run(*program, message).event, event(2));
}

TEST_F(MatcherTest, FormFieldsAreMembers) {
  const std::vector<Rule> rules = {{"$Event{command}", "/deploy now"}};
  EXPECT_EQ(found(rules, "token=x&command=%2Fdeploy+now", BodyKind::kForm), 1U);
  EXPECT_EQ(found(rules, "token=x", BodyKind::kForm), 0U);
  EXPECT_EQ(found(rules, "", BodyKind::kForm), 0U);
}

TEST_F(MatcherTest, AFormFieldMayHoldJson) {
  const std::vector<Rule> rules = {{"$Event{payload.action}", "opened"},
                                   {"$Event{payload.n}", "2"}};
  EXPECT_EQ(found(rules, "payload=%7B%22action%22%3A%22opened%22%7D", BodyKind::kForm), 1U);
  EXPECT_EQ(found(rules, "a=1&payload={\"n\":2.0}&b=2", BodyKind::kForm), 2U);
  EXPECT_EQ(found(rules, "payload={\"n\":2,\"big\":1e999}", BodyKind::kForm), 2U);
  // The first field counts, and one that is not JSON is valid but holds nothing.
  EXPECT_EQ(found(rules, "payload={}&payload={\"n\":2}", BodyKind::kForm), 0U);
  EXPECT_EQ(found(rules, "payload={\"n\":2}}", BodyKind::kForm), 0U);
  EXPECT_EQ(found(rules, "payload=action", BodyKind::kForm), 0U);
}

TEST_F(MatcherTest, AFormFieldIsAWholeAndItsPartsAtOnce) {
  auto program = compile({{"$Event{p}", "[\"x\"]"}, {"$Event{p[0]}", "x"}});
  ASSERT_TRUE(program);
  MessageView message;
  message.kind = BodyKind::kForm;
  message.body = "p=%5B%22x%22%5D";
  const Match match = run(*program, message);
  EXPECT_EQ(match.event, event(1));
  EXPECT_EQ(match.other_count, 1U);
}

TEST_F(MatcherTest, CapturesReportComparisonTexts) {
  EXPECT_EQ(captured("$Event{id}", R"({"id":"a\u00e9"})"), "aé");
  EXPECT_EQ(captured("$Event{id}", R"({"id":1.50})"), "1.5");
  EXPECT_EQ(captured("$Event{id}", R"({"id":-0})"), "0");
  EXPECT_EQ(captured("$Event{id}", R"({"id":123456789012345678901234567890})"),
            "123456789012345678901234567890");
  EXPECT_EQ(captured("$Event{id}", R"({"id":true})"), "true");
  EXPECT_EQ(captured("$Event{id}", R"({"id":null})"), "null");
  EXPECT_EQ(captured("$Event{id}", R"({"id":""})"), "");
  EXPECT_EQ(captured("$Event{id}", R"({"id":{}})"), std::nullopt);
  EXPECT_EQ(captured("$Event{id}", R"({})"), std::nullopt);
  EXPECT_EQ(captured("$Event{p.id}", "p={\"id\":7}", BodyKind::kForm), "7");
}

TEST_F(MatcherTest, SeveralCapturesOfOnePathAllReport) {
  auto program = compile({{"$Event{id}", "7"}}, {"$Event{id}", "$Query{q}", "$Event{id}"});
  ASSERT_TRUE(program);
  MessageView message;
  message.body = R"({"id":7})";
  message.query = "q=z";
  EXPECT_EQ(run(*program, message).event, event(1));
  EXPECT_EQ(matcher_.capture(0), "7");
  EXPECT_EQ(matcher_.capture(1), "z");
  EXPECT_EQ(matcher_.capture(2), "7");
  EXPECT_EQ(matcher_.capture(3), std::nullopt);
  message.body = "{}";
  message.query = "";
  run(*program, message);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(matcher_.capture(i), std::nullopt);
}

TEST_F(MatcherTest, OneMatcherServesManyPrograms) {
  auto small = compile({{"$Event{t}", "x"}});
  auto large = compile({{"$Event{a.b.c.d.e}", "x"}, {"$Event{t}", "x"}});
  ASSERT_TRUE(small && large);
  MessageView message;
  message.body = R"({"t":"x"})";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run(*small, message).event, event(1));
    EXPECT_EQ(run(*large, message).event, event(2));
  }
}

TEST_F(MatcherTest, TenThousandPathsAndValuesAreToldApart) {
  std::vector<EventRule> rules;
  for (std::uint32_t i = 0; i < 10000; ++i) {
    const std::string path = "$Event{k" + std::to_string(i) + "}";
    rules.push_back({event(2 * i + 1), parsed(path), "v"});
    rules.push_back({event(2 * i + 2), parsed("$Event{type}"), std::to_string(i)});
  }
  auto program = Program::compile(rules);
  ASSERT_TRUE(program);
  MessageView message;
  for (std::uint32_t i = 0; i < 10000; i += 97) {
    const std::string key_body = "{\"k" + std::to_string(i) + "\":\"v\"}";
    message.body = key_body;
    EXPECT_EQ(run(*program, message).event, event(2 * i + 1));
    const std::string value_body = "{\"type\":\"" + std::to_string(i) + "\"}";
    message.body = value_body;
    EXPECT_EQ(run(*program, message).event, event(2 * i + 2));
  }
}

TEST(ProgramTest, TheSamePathAndValueIsAConflict) {
  auto program = compile({{"$Event{a.b}", "x"}, {"$Event{a}", "x"}, {"$Event{a}{b}", "x"}});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kConflict);
  EXPECT_EQ(program.error().detail, 2);
}

TEST(ProgramTest, EqualNumbersOnOnePathAreAConflict) {
  auto program = compile({{"$Event{a}", "100"}, {"$Event{a}", "1e2"}});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kConflict);
  EXPECT_EQ(program.error().detail, 1);
}

TEST(ProgramTest, EqualPathsOfDifferentSourcesDoNotMeet) {
  EXPECT_TRUE(compile({{"$Event{a}", "x"}, {"$Header{a}", "x"}, {"$Query{a}", "x"}}));
}

TEST(ProgramTest, TheNumberOfEventsIsBounded) {
  std::vector<EventRule> rules(core::limits::kEventsPerWebhookMax,
                               EventRule{event(1), parsed("$Event{a}"), ""});
  for (std::size_t i = 0; i < rules.size(); ++i) rules[i].value = std::to_string(i);
  EXPECT_TRUE(Program::compile(rules));
  rules.push_back(EventRule{event(1), parsed("$Event{b}"), ""});
  auto program = Program::compile(rules);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kTooLarge);
}

TEST(ProgramTest, AnEmptyPathIsRefused) {
  EXPECT_EQ(Program::compile(std::vector{EventRule{}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Program::compile({}, std::vector{Selector{}}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(SampleTest, TheValueInASampleIsTheComparisonText) {
  const auto value = [](const char* selector, std::string_view json) {
    return value_in_sample(parsed(selector), ExactText(json).view());
  };
  EXPECT_EQ(*value("$Event{a.b}", R"({"a":{"b":"x\n"}})"), "x\n");
  EXPECT_EQ(*value("$Event{a[1]}", R"({"a":[1,1e2]})"), "100");
  EXPECT_EQ(*value("$Event{a}", R"({"a":{}})"), std::nullopt);
  EXPECT_EQ(*value("$Event{identifier}", R"({"name":"x"})"), std::nullopt);
  EXPECT_EQ(*value("$Header{a}", R"({"a":"x"})"), std::nullopt);
  auto broken = value("$Event{a}", R"({"a":"x")");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(broken.error().detail, 8);
}

}  // namespace
}  // namespace headrace::selector
