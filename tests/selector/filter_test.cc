// SPDX-License-Identifier: Apache-2.0
#include "selector/filter.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "selector/program.h"
#include "tests/selector/padded_text.h"

namespace headrace::selector {
namespace {

constexpr core::EndpointNumber kEndpoint{7};

struct Refusal {
  ErrorCode code;
  std::string pointer;
  std::string what;
};

Refusal refusal(std::string_view json) {
  FilterFault fault;
  auto filter = Filter::parse(ExactText(json).view(), &fault);
  EXPECT_FALSE(filter) << json;
  if (filter) return {};
  EXPECT_EQ(filter.error().what,
            fault.pointer.empty() ? fault.what : fault.pointer + ": " + fault.what);
  EXPECT_FALSE(fault.what.empty());
  return {filter.error().code, fault.pointer, fault.what};
}

std::shared_ptr<const Filter> filter_of(std::string_view json) {
  auto filter = Filter::parse(ExactText(json).view());
  EXPECT_TRUE(filter) << json << ": " << filter.error().what;
  return std::make_shared<const Filter>(std::move(filter).value());
}

Program program_of(std::string_view json) {
  const std::vector<FilterRule> rules = {{kEndpoint, filter_of(json)}};
  return std::move(Program::compile({}, {}, rules)).value();
}

MessageView message_of(std::string_view body, BodyKind kind = BodyKind::kJson) {
  MessageView message;
  message.body = body;
  message.kind = kind;
  return message;
}

class FilterTest : public testing::Test {
 protected:
  bool passes(std::string_view filter, MessageView message) {
    const Program program = program_of(filter);
    const PaddedText padded(message.body);
    message.body = padded.view();
    EXPECT_TRUE(matcher_.run(program, message).valid) << message.body;
    const bool accepted = matcher_.passes(kEndpoint);
    EXPECT_EQ(accepted, matcher_.passes(kEndpoint)) << "asked again";
    why_not_ = matcher_.why_not(kEndpoint);
    EXPECT_EQ(accepted, why_not_.empty()) << why_not_;
    return accepted;
  }
  // Both readers are asked: a number beyond 64 bits sends an object to the exact one.
  bool passes(std::string_view filter, const std::string& object) {
    const bool fast = passes(filter, message_of(object));
    std::string exact = object;
    exact.insert(1, object == "{}" ? R"("big":1e999)" : R"("big":1e999,)");
    EXPECT_EQ(passes(filter, message_of(exact)), fast) << filter << ' ' << object;
    return fast;
  }
  // {"$Event{v}": {OP: OPERAND}} on {"v": VALUE}.
  bool holds(const std::string& op, const std::string& operand, const std::string& value) {
    return passes(R"({"$Event{v}":{")" + op + "\":" + operand + "}}",
                  value.empty() ? "{}" : "{\"v\":" + value + "}");
  }
  std::string why_not(std::string_view filter, MessageView message) {
    EXPECT_FALSE(passes(filter, message));
    return why_not_;
  }

  Matcher matcher_;
  std::string why_not_;
};

TEST(FilterParseTest, WhatIsWrittenIsRead) {
  const auto filter = filter_of(
      R"({"$Event{a.b}":{"$gte":1e2,"in":["x",1.50,null,true]},"or":[{"$Header{X-A}":"y"},{}],"$not":{"$Query{q}":{"exists":false}}})");
  ASSERT_EQ(filter->conditions().size(), 4U);
  const FilterCondition& first = filter->conditions()[0];
  EXPECT_EQ(first.selector.canonical(), "$Event{a}{b}");
  EXPECT_EQ(first.op, FilterOperator::kGte);
  EXPECT_EQ(first.operands[0].text, "100");
  EXPECT_EQ(first.operands[0].type, FilterOperand::Type::kNumber);
  const FilterCondition& second = filter->conditions()[1];
  ASSERT_EQ(second.operands.size(), 4U);
  EXPECT_EQ(second.operands[0].type, FilterOperand::Type::kString);
  EXPECT_EQ(second.operands[1].text, "1.5");
  EXPECT_EQ(second.operands[2].type, FilterOperand::Type::kLiteral);
  EXPECT_EQ(filter->conditions()[2].op, FilterOperator::kEq);
  EXPECT_EQ(filter->conditions()[3].operands[0].text, "false");
  ASSERT_EQ(filter->root().children.size(), 4U);
  EXPECT_EQ(filter->root().children[2].kind, FilterNode::Kind::kAny);
  EXPECT_EQ(filter->root().children[2].children.size(), 2U);
  EXPECT_EQ(filter->root().children[3].kind, FilterNode::Kind::kNot);
}

TEST(FilterParseTest, EveryOperatorHasAName) {
  for (const char* name : {"eq", "ne", "gt", "gte", "lt", "lte", "startsWith", "endsWith"}) {
    for (const char* dollar : {"", "$"}) {
      const auto filter =
          filter_of(std::string(R"({"$Event{a}":{")") + dollar + name + R"(":"x"}})");
      ASSERT_EQ(filter->conditions().size(), 1U);
      EXPECT_EQ(to_string(filter->conditions()[0].op), name);
    }
  }
}

TEST(FilterParseTest, AFaultNamesItsPlace) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"([])", ""},
      {R"("x")", ""},
      {R"({"type":"x"})", "/type"},
      {R"({"$Event{a":"x"})", "/$Event{a"},
      {R"({"$$or":[{}]})", "/$$or"},
      {R"({"":1})", "/"},
      {R"({"a\/b~c":1})", "/a~1b~0c"},
      {R"({"\ud800":1})", "/\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {R"({"$Event{a}":["x"]})", "/$Event{a}"},
      {R"({"$Event{a}":{}})", "/$Event{a}"},
      {R"({"$Event{a}":{"between":1}})", "/$Event{a}/between"},
      {R"({"$Event{a}":{"Eq":1}})", "/$Event{a}/Eq"},
      {R"({"$Event{a}":{"eq":{}}})", "/$Event{a}/eq"},
      {R"({"$Event{a}":{"ne":[1]}})", "/$Event{a}/ne"},
      {R"({"$Event{a}":{"gt":true}})", "/$Event{a}/gt"},
      {R"({"$Event{a}":{"gt":1,"$lte":null}})", "/$Event{a}/$lte"},
      {R"({"$Event{a}":{"in":"x"}})", "/$Event{a}/in"},
      {R"({"$Event{a}":{"in":[]}})", "/$Event{a}/in"},
      {R"({"$Event{a}":{"nin":[1,[2]]}})", "/$Event{a}/nin/1"},
      {R"({"$Event{a}":{"exists":1}})", "/$Event{a}/exists"},
      {R"({"$Event{a}":{"exists":null}})", "/$Event{a}/exists"},
      {R"({"$Event{a}":{"startsWith":1}})", "/$Event{a}/startsWith"},
      {R"({"$Event{a}":{"eq":1,"eq":2}})", "/$Event{a}/eq"},
      {R"({"$Event{a}":1,"$Event{a}":2})", "/$Event{a}"},
      {R"({"and":[]})", "/and"},
      {R"({"or":{}})", "/or"},
      {R"({"or":[{},{"x":1}]})", "/or/1/x"},
      {R"({"or":[{},1]})", "/or/1"},
      {R"({"not":[{}]})", "/not"},
      {R"({"$not":{"and":[{"not":{"x":1}}]}})", "/$not/and/0/not/x"},
  };
  for (const auto& [json, pointer] : cases) {
    const Refusal refused = refusal(json);
    EXPECT_EQ(refused.code, ErrorCode::kInvalidArgument) << json;
    EXPECT_EQ(refused.pointer, pointer) << json;
  }
}

TEST(FilterParseTest, WhatIsNotJsonIsMalformed) {
  const auto filter = Filter::parse(R"({"$Event{a}":1,})");
  ASSERT_FALSE(filter);
  EXPECT_EQ(filter.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(filter.error().detail, 15);
  EXPECT_EQ(refusal("").code, ErrorCode::kMalformed);
}

std::string nested(std::size_t depth) {
  std::string json = "{}";
  for (std::size_t i = 1; i < depth; ++i) json = R"({"not":)" + json + "}";
  return json;
}

std::string listed(std::size_t count, const std::string& before, const std::string& element,
                   const std::string& behind) {
  std::string json = before;
  for (std::size_t i = 0; i < count; ++i) json += (i == 0 ? "" : ",") + element;
  return json + behind;
}

TEST(FilterParseTest, EveryLimitIsAllowedAndOneMoreIsTooLarge) {
  const auto check = [](const std::string& allowed, const std::string& refused, std::size_t limit) {
    EXPECT_TRUE(Filter::parse(allowed));
    const auto filter = Filter::parse(refused);
    ASSERT_FALSE(filter);
    EXPECT_EQ(filter.error().code, ErrorCode::kTooLarge) << filter.error().what;
    EXPECT_EQ(filter.error().detail, static_cast<std::int64_t>(limit));
  };
  using namespace core::limits;
  check(nested(kFilterDepthMax), nested(kFilterDepthMax + 1), kFilterDepthMax);
  const auto conditions = [](std::size_t count) {
    return listed(count, R"({"or":[)", R"({"$Event{a}":1})", "]}");
  };
  check(conditions(kFilterConditionsMax), conditions(kFilterConditionsMax + 1),
        kFilterConditionsMax);
  const auto operands = [](std::size_t count) {
    return listed(count, R"({"$Event{a}":{"in":[)", "1", "]}}");
  };
  check(operands(kFilterOperandsMax), operands(kFilterOperandsMax + 1), kFilterOperandsMax);
  const std::string padding(kFilterBytesMax - 2, ' ');
  check("{}" + padding, "{}" + padding + ' ', kFilterBytesMax);
}

TEST_F(FilterTest, EqualityGoesByTypeInABody) {
  const std::vector<std::string> texts = {"\"1\"", "1",    "\"true\"", "true", "\"null\"",
                                          "null",  "\"\"", "false",    "0"};
  for (const std::string& operand : texts) {
    for (const std::string& value : texts) {
      EXPECT_EQ(holds("eq", operand, value), operand == value) << operand << ' ' << value;
      EXPECT_EQ(holds("ne", operand, value), operand != value) << operand << ' ' << value;
    }
    for (const char* other : {"{}", "[]", "[1]", ""}) {
      EXPECT_FALSE(holds("eq", operand, other)) << operand << ' ' << other;
      EXPECT_TRUE(holds("ne", operand, other)) << operand << ' ' << other;
      EXPECT_FALSE(holds("in", "[" + operand + "]", other));
      EXPECT_TRUE(holds("nin", "[" + operand + ",7]", other));
    }
  }
  EXPECT_TRUE(holds("eq", R"("\u00e9")", "\"\xC3\xA9\""));
  EXPECT_TRUE(holds("eq", "100", "1e2"));
  EXPECT_TRUE(holds("eq", "1e2", "100.0"));
  EXPECT_TRUE(holds("eq", "123456789012345678901234567890", "123456789012345678901234567890"));
  EXPECT_FALSE(holds("eq", "123456789012345678901234567890", "123456789012345678901234567891"));
}

TEST_F(FilterTest, InTakesAnyOfItsValues) {
  const std::string list = R"(["a",1,null,"2"])";
  for (const char* value : {"\"a\"", "1.0", "null", "\"2\""}) {
    EXPECT_TRUE(holds("in", list, value)) << value;
    EXPECT_FALSE(holds("nin", list, value)) << value;
  }
  for (const char* value : {"\"b\"", "\"1\"", "false", "2", "\"null\"", "\"\""}) {
    EXPECT_FALSE(holds("in", list, value)) << value;
    EXPECT_TRUE(holds("nin", list, value)) << value;
  }
}

TEST_F(FilterTest, NumbersAreOrderedExactly) {
  // Sorted.
  const std::vector<std::string> numbers = {"-1e99999999999999999999",
                                            "-1e400",
                                            "-100",
                                            "-99.5",
                                            "-1e-30",
                                            "0",
                                            "1e-99999999999999999999",
                                            "1e-30",
                                            "0.1",
                                            "0.10000000000000000000000000001",
                                            "9",
                                            "9007199254740992",
                                            "9007199254740993",
                                            "18446744073709551616",
                                            "1e22",
                                            "10000000000000000000001",
                                            "1e400",
                                            "1e99999999999999999",
                                            "1e100000000000000000",
                                            "1e100000000000000001"};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    for (std::size_t j = 0; j < numbers.size(); ++j) {
      const std::string context = numbers[j] + " against " + numbers[i];
      EXPECT_EQ(holds("gt", numbers[i], numbers[j]), j > i) << context;
      EXPECT_EQ(holds("gte", numbers[i], numbers[j]), j >= i) << context;
      EXPECT_EQ(holds("lt", numbers[i], numbers[j]), j < i) << context;
      EXPECT_EQ(holds("lte", numbers[i], numbers[j]), j <= i) << context;
    }
  }
}

TEST_F(FilterTest, StringsAreOrderedBytewise) {
  const std::vector<std::string> texts = {"",  "2024-01-31", "2024-02", "2024-02-01",
                                          "Z", "a",          "\xC3\xA9"};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (std::size_t j = 0; j < texts.size(); ++j) {
      const std::string operand = '"' + texts[i] + '"';
      const std::string value = '"' + texts[j] + '"';
      EXPECT_EQ(holds("gt", operand, value), j > i) << operand << value;
      EXPECT_EQ(holds("gte", operand, value), j >= i) << operand << value;
      EXPECT_EQ(holds("lt", operand, value), j < i) << operand << value;
      EXPECT_EQ(holds("lte", operand, value), j <= i) << operand << value;
    }
  }
}

TEST_F(FilterTest, AnOrderNeedsTheSameType) {
  for (const char* op : {"gt", "gte", "lt", "lte"}) {
    for (const char* value : {"\"5\"", "true", "null", "{}", "[5]", ""})
      EXPECT_FALSE(holds(op, "5", value)) << op << value;
    for (const char* value : {"5", "true", "null", "{}", "[\"5\"]", ""})
      EXPECT_FALSE(holds(op, "\"5\"", value)) << op << value;
  }
}

TEST_F(FilterTest, StringsBeginAndEnd) {
  EXPECT_TRUE(holds("startsWith", "\"in\"", "\"invoice\""));
  EXPECT_FALSE(holds("startsWith", "\"invoices\"", "\"invoice\""));
  EXPECT_TRUE(holds("endsWith", "\"ce\"", "\"invoice\""));
  EXPECT_FALSE(holds("endsWith", "\"in\"", "\"invoice\""));
  EXPECT_TRUE(holds("endsWith", "\"\"", "\"\""));
  for (const char* value : {"1", "null", "{}", "[]", ""}) {
    EXPECT_FALSE(holds("startsWith", "\"\"", value)) << value;
    EXPECT_FALSE(holds("endsWith", "\"\"", value)) << value;
  }
}

TEST_F(FilterTest, AnyValueExists) {
  for (const char* value : {"1", "1.5", "\"\"", "null", "false", "{}", "[]", "{\"v\":1}"}) {
    EXPECT_TRUE(holds("exists", "true", value)) << value;
    EXPECT_FALSE(holds("exists", "false", value)) << value;
  }
  EXPECT_FALSE(holds("exists", "true", ""));
  EXPECT_TRUE(holds("exists", "false", ""));
  EXPECT_FALSE(passes(R"({"$Event{v}{w}":{"exists":true}})", "{\"v\":\"w\"}"));
  EXPECT_TRUE(passes(R"({"$Event{v}[1]":{"exists":true}})", "{\"v\":[0,{}]}"));
  EXPECT_FALSE(passes(R"({"$Event{v}[1]":{"exists":true}})", "{\"v\":[0]}"));
}

TEST_F(FilterTest, AllMembersAreRequired) {
  const char* filter =
      R"({"$Event{amount}":{"gte":100,"lt":5000},"$Header{X-Region}":"eu","$Query{t}":{"ne":"x"}})";
  MessageView message = message_of(R"({"amount":100})");
  message.header_lines = "x-region: eu\r\n";
  EXPECT_TRUE(passes(filter, message));
  message.query = "t=y";
  EXPECT_TRUE(passes(filter, message));
  message.query = "t=x";
  EXPECT_FALSE(passes(filter, message));
  message.query = "";
  message.header_lines = "x-region: us\r\n";
  EXPECT_FALSE(passes(filter, message));
  message.header_lines = "x-region: eu\r\n";
  for (const char* body : {R"({"amount":5000})", R"({"amount":99.99})", R"({})"}) {
    message.body = body;
    EXPECT_FALSE(passes(filter, message)) << body;
  }
}

TEST_F(FilterTest, CombinatorsNest) {
  const char* filter =
      R"({"$or":[{"$Event{t}":{"in":["a","b"]}},{"and":[{"$Event{n}":1},{"not":{"$Event{t}":"c","$Event{x}":{"exists":true}}}]}]})";
  EXPECT_TRUE(passes(filter, R"({"t":"b"})"));
  EXPECT_TRUE(passes(filter, R"({"t":"c","n":1})"));
  EXPECT_FALSE(passes(filter, R"({"t":"c","n":1,"x":null})"));
  EXPECT_TRUE(passes(filter, R"({"t":"d","n":1,"x":null})"));
  EXPECT_FALSE(passes(filter, R"({"t":"d","n":2})"));
}

TEST_F(FilterTest, TheEmptyFilterAcceptsEverythingAndItsOppositeNothing) {
  EXPECT_TRUE(passes("{}", message_of("[1]")));
  EXPECT_TRUE(passes(R"({"or":[{"$Event{a}":1},{}]})", message_of("{}")));
  EXPECT_FALSE(passes(R"({"not":{}})", message_of("{}")));
  EXPECT_EQ(why_not_, "the filter accepts no message");
}

TEST_F(FilterTest, TextsWithoutTypesMayBeMeantAsAny) {
  const auto query = [&](const char* filter, const char* text) {
    MessageView message = message_of("", BodyKind::kRaw);
    const std::string field = std::string("v=") + text;
    message.query = field;
    const bool accepted = passes(std::string(R"({"$Query{v}":)") + filter + "}", message);
    const std::string header = std::string("V: ") + text + "\r\n";
    message = message_of("", BodyKind::kRaw);
    message.header_lines = header;
    EXPECT_EQ(passes(std::string(R"({"$Header{v}":)") + filter + "}", message), accepted);
    EXPECT_EQ(
        passes(std::string(R"({"$Event{v}":)") + filter + "}", message_of(field, BodyKind::kForm)),
        accepted);
    return accepted;
  };
  EXPECT_TRUE(query("100", "1e2"));
  EXPECT_FALSE(query("100", "0100"));
  EXPECT_TRUE(query("\"1e2\"", "1e2"));
  EXPECT_FALSE(query("\"100\"", "1e2"));
  EXPECT_TRUE(query(R"({"in":[100,"x"]})", "1e2"));
  EXPECT_TRUE(query(R"({"in":["x","1e2"]})", "1e2"));
  EXPECT_TRUE(query("true", "true"));
  EXPECT_TRUE(query("\"true\"", "true"));
  EXPECT_FALSE(query("true", "TRUE"));
  EXPECT_TRUE(query("null", "null"));
  EXPECT_FALSE(query("null", ""));
  EXPECT_TRUE(query(R"({"exists":true})", ""));
  EXPECT_TRUE(query(R"({"gt":9})", "10"));
  EXPECT_FALSE(query(R"({"gt":"9"})", "10"));
  EXPECT_FALSE(query(R"({"gt":9})", "ten"));
  EXPECT_TRUE(query(R"({"lt":"2024-02"})", "2024-01-31"));
  EXPECT_TRUE(query(R"({"startsWith":"1"})", "10"));
}

TEST_F(FilterTest, AFormFieldIsATextAndItsPartsHaveTypes) {
  const MessageView message = message_of(R"(p={"n":100,"s":"100"}&q=[1])", BodyKind::kForm);
  EXPECT_TRUE(passes(R"({"$Event{p.n}":100,"$Event{p.s}":"100"})", message));
  EXPECT_FALSE(passes(R"({"$Event{p.s}":100})", message));
  EXPECT_TRUE(passes(R"({"$Event{q}":"[1]","$Event{q}[0]":1})", message));
  EXPECT_TRUE(
      passes(R"({"$Event{q}":{"startsWith":"["},"$Event{q[0]}":{"exists":true}})", message));
  EXPECT_TRUE(passes(R"({"$Event{q}":{"exists":true},"$Event{r}":{"exists":false}})", message));
}

TEST_F(FilterTest, OfDuplicateKeysTheFirstCounts) {
  EXPECT_TRUE(passes(R"({"$Event{v}":1})", R"({"v":1,"v":2})"));
  EXPECT_FALSE(passes(R"({"$Event{v}":2})", R"({"v":1,"v":2})"));
  EXPECT_FALSE(passes(R"({"$Event{v}{w}":2})", R"({"v":1,"v":{"w":2}})"));
}

TEST_F(FilterTest, OnABodyThatIsNotLookedIntoPathsAreMissing) {
  const MessageView raw = message_of(R"({"v":1})", BodyKind::kRaw);
  EXPECT_FALSE(passes(R"({"$Event{v}":1})", raw));
  EXPECT_TRUE(passes(R"({"$Event{v}":{"ne":1}})", raw));
  EXPECT_TRUE(passes(R"({"$Event{v}":{"exists":false}})", raw));
}

TEST_F(FilterTest, AnInvalidBodyLeavesEverythingMissing) {
  const Program program = program_of(R"({"$Event{v}":{"exists":true}})");
  const PaddedText text(R"({"v":1,})");
  EXPECT_FALSE(matcher_.run(program, message_of(text.view())).valid);
  EXPECT_FALSE(matcher_.passes(kEndpoint));
}

TEST_F(FilterTest, AnEndpointWithoutAFilterIsAccepted) {
  EXPECT_TRUE(matcher_.passes(kEndpoint)) << "before any run";
  const std::vector<FilterRule> rules = {{kEndpoint, filter_of(R"({"$Event{v}":1})")},
                                         {core::EndpointNumber{8}, nullptr}};
  const Program program = std::move(Program::compile({}, {}, rules)).value();
  const PaddedText text("{}");
  matcher_.run(program, message_of(text.view()));
  EXPECT_FALSE(matcher_.passes(kEndpoint));
  EXPECT_TRUE(matcher_.passes(core::EndpointNumber{8}));
  EXPECT_TRUE(matcher_.passes(core::EndpointNumber{9}));
  EXPECT_EQ(matcher_.why_not(core::EndpointNumber{9}), "");
}

TEST_F(FilterTest, FiltersEventsAndCapturesShareAPath) {
  const auto at = [](const char* text) { return std::move(Selector::parse(text)).value(); };
  const std::vector<EventRule> events = {{core::EventNumber{1}, at("$Event{v}"), "1"}};
  const std::vector<Selector> captures = {at("$Event{v}"), at("$Event{o}")};
  const std::vector<FilterRule> filters = {
      {kEndpoint, filter_of(R"({"$Event{v}":{"lt":2},"$Event{o}":{"exists":true}})")}};
  const Program program = std::move(Program::compile(events, captures, filters)).value();
  for (const char* body : {R"({"v":1,"o":{}})", R"({"v":1.0,"o":{}})"}) {
    const PaddedText text(body);
    EXPECT_EQ(matcher_.run(program, message_of(text.view())).event, core::EventNumber{1});
    EXPECT_EQ(matcher_.capture(0), "1");
    EXPECT_EQ(matcher_.capture(1), std::nullopt);
    EXPECT_TRUE(matcher_.passes(kEndpoint));
  }
}

TEST_F(FilterTest, ThousandsOfEndpointsAreToldApart) {
  constexpr std::uint32_t kCount = 3000;
  std::vector<FilterRule> rules;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const std::string number = std::to_string(i);
    rules.push_back({static_cast<core::EndpointNumber>(i * 64),
                     filter_of(i % 2 == 0 ? R"({"$Event{n}":)" + number + "}"
                                          : R"({"$Event{n}":{"lte":)" + number + "}}")});
  }
  const Program program = std::move(Program::compile({}, {}, rules)).value();
  for (std::uint32_t n = 0; n < kCount; n += 331) {
    const PaddedText text("{\"n\":" + std::to_string(n) + "}");
    matcher_.run(program, message_of(text.view()));
    for (std::uint32_t i = 0; i < kCount; ++i) {
      EXPECT_EQ(matcher_.passes(static_cast<core::EndpointNumber>(i * 64)),
                i % 2 == 0 ? i == n : n <= i);
    }
  }
}

TEST_F(FilterTest, OneMatcherServesManyPrograms) {
  const Program first = program_of(R"({"$Event{v}":1})");
  const Program second = program_of(R"({"$Event{a}":1,"$Event{b}":{"gt":1},"$Event{v}":{"ne":1}})");
  const PaddedText text(R"({"v":1})");
  for (int i = 0; i < 3; ++i) {
    matcher_.run(first, message_of(text.view()));
    EXPECT_TRUE(matcher_.passes(kEndpoint));
    matcher_.run(second, message_of(text.view()));
    EXPECT_FALSE(matcher_.passes(kEndpoint));
  }
}

TEST_F(FilterTest, WhyNotNamesTheConditionAndTheValue) {
  const auto why = [&](const char* filter, const char* body) {
    return why_not(filter, message_of(body));
  };
  EXPECT_EQ(why(R"({"$Event{data.amount}":{"gte":100}})", R"({"data":{"amount":50}})"),
            "$Event{data}{amount} gte 100: the value is 50");
  EXPECT_EQ(why(R"({"$Event{a}":"x"})", "{}"), "$Event{a} eq \"x\": there is no value");
  EXPECT_EQ(why(R"({"$Event{a}":1,"$Event{b}":2,"$Event{c}":3})", R"({"a":1,"b":"2"})"),
            "$Event{b} eq 2: the value is \"2\"");
  EXPECT_EQ(why(R"({"$Event{a}":{"exists":false}})", R"({"a":[1]})"),
            "$Event{a} exists false: the value is an array");
  EXPECT_EQ(why(R"({"$Event{a}":{"startsWith":"x"}})", R"({"a":{}})"),
            "$Event{a} startsWith \"x\": the value is an object");
  EXPECT_EQ(why(R"({"not":{"$Event{a}":null}})", R"({"a":null})"),
            "not $Event{a} eq null: the value is null");
  EXPECT_EQ(why(R"({"or":[{"$Event{a}":1},{"$Event{b}":{"in":[1,2,3,4,5,6]}}]})", R"({"a":2})"),
            "none of 2 alternatives holds; the first: $Event{a} eq 1: the value is 2");
  EXPECT_EQ(why(R"({"$Event{b}":{"nin":[1,2,3,4,5,6]}})", R"({"b":6})"),
            "$Event{b} nin [1, 2, 3, 4, 5, …]: the value is 6");
  EXPECT_EQ(why(R"({"not":{"$Event{a}":1,"$Event{b}":{"exists":false}}})", R"({"a":1})"),
            "all of 2 conditions under `not` hold; the first: not $Event{a} eq 1: the value is 1");
}

TEST_F(FilterTest, WhyNotShowsAnyValueAsCleanText) {
  MessageView message = message_of("", BodyKind::kRaw);
  message.header_lines = "A: \xFF\x01 \"\xC3\xA9\r\n";
  EXPECT_EQ(why_not(R"({"$Header{a}":1})", message),
            "$Header{a} eq 1: the value is \"\\u00ff\\u0001 \\\"\xC3\xA9\"");
  const std::string query = "a=" + std::string(5000, 'x');
  message.query = query;
  EXPECT_EQ(why_not(R"({"$Query{a}":1})", message),
            "$Query{a} eq 1: the value is \"" + std::string(100, 'x') + "…\"");
}

TEST(FilterCompileTest, TwoFiltersOfOneEndpointAreAConflict) {
  const auto filter = filter_of("{}");
  const std::vector<FilterRule> rules = {{kEndpoint, filter}, {kEndpoint, filter}};
  const auto program = Program::compile({}, {}, rules);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kConflict);
  EXPECT_EQ(program.error().detail, 1);
}

TEST(FilterCompileTest, TheNumberOfFiltersIsBounded) {
  std::vector<FilterRule> rules(core::limits::kFiltersPerWebhookMax, {kEndpoint, nullptr});
  EXPECT_TRUE(Program::compile({}, {}, rules));
  rules.push_back({kEndpoint, nullptr});
  const auto program = Program::compile({}, {}, rules);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().code, ErrorCode::kTooLarge);
}

TEST(SampleTest, WhatStandsInASampleIsToldApart) {
  using Kind = SampleValue::Kind;
  const auto look_up = [](const char* selector, std::string_view json) {
    auto value =
        look_up_in_sample(std::move(Selector::parse(selector)).value(), ExactText(json).view());
    return std::move(value).value();
  };
  EXPECT_EQ(look_up("$Event{a}", R"({"a":"x"})").kind, Kind::kScalar);
  EXPECT_EQ(look_up("$Event{a}", R"({"a":1e2})").text, "100");
  EXPECT_EQ(look_up("$Event{a}", R"({"a":null})").text, "null");
  EXPECT_EQ(look_up("$Event{a}", R"({"a":{}})").kind, Kind::kContainer);
  EXPECT_EQ(look_up("$Event{a}", R"({"a":[1]})").kind, Kind::kContainer);
  EXPECT_EQ(look_up("$Event{a}", R"({"b":1})").kind, Kind::kMissing);
  EXPECT_EQ(look_up("$Header{a}", R"({"a":1})").kind, Kind::kMissing);
  const auto broken = look_up_in_sample(std::move(Selector::parse("$Event{a}")).value(), "{");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(look_up_in_sample(Selector{}, "{}").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace headrace::selector
