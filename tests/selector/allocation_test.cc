// SPDX-License-Identifier: Apache-2.0
// A run allocates nothing once its memory has grown to the usual message.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/allocations.h"
#include "selector/program.h"
#include "selector/routing_table.h"
#include "tests/selector/padded_text.h"

namespace headrace::selector {
namespace {

Selector parsed(std::string_view text) { return std::move(Selector::parse(text)).value(); }

std::shared_ptr<const Filter> filter_of(std::string_view json) {
  return std::make_shared<const Filter>(std::move(Filter::parse(json)).value());
}

Program make_program() {
  const std::vector<EventRule> rules = {
      {core::EventNumber{1}, parsed("$Event{action}"),
       "opened by a value that is longer than any small string"},
      {core::EventNumber{2}, parsed("$Event{issue.labels[1].name}"), "bug"},
      {core::EventNumber{3}, parsed("$Event{payload.n}"), "2.5"},
      {core::EventNumber{4}, parsed("$Header{x-github-event}"), "issues"},
      {core::EventNumber{5}, parsed("$Query{topic}"), "a b"},
  };
  const std::vector<Selector> captures = {parsed("$Event{delivery}"), parsed("$Event{action}")};
  const std::vector<FilterRule> filters = {
      {core::EndpointNumber{1},
       filter_of(R"({"$Event{action}":{"startsWith":"opened","ne":"opened by nobody"}})")},
      {core::EndpointNumber{2},
       filter_of(R"({"$Event{delivery}":{"gt":100},"$Event{issue}":{"exists":true}})")},
      {core::EndpointNumber{3},
       filter_of(R"({"or":[{"$Query{x}":{"in":[1,"2"]}},{"$Query{x}":{"lt":7}}]})")},
      {core::EndpointNumber{4},
       filter_of(R"({"not":{"$Event{payload}":{"exists":false},"$Header{host}":{"gte":"b"}}})")},
  };
  return std::move(Program::compile(rules, captures, filters)).value();
}

std::size_t allocations_of_a_later_run(std::string_view body, BodyKind kind) {
  const Program program = make_program();
  const PaddedText padded(body);
  Matcher matcher;
  const MessageView message{padded.view(), kind, "x=1&topic=a+b",
                            "Host: a\r\nX-GitHub-Event: issues\r\n"};
  const auto run = [&] {
    matcher.run(program, message);
    for (std::uint32_t i = 1; i <= 5; ++i) matcher.passes(static_cast<core::EndpointNumber>(i));
  };
  run();
  const std::size_t before = bench::allocations.load();
  for (int i = 0; i < 10; ++i) run();
  return bench::allocations.load() - before;
}

TEST(AllocationTest, TheFastWayAllocatesNothing) {
  EXPECT_EQ(
      allocations_of_a_later_run(
          R"({"action":"opened by a value that is longer than any small string","delivery":12345678901234567890,)"
          R"("issue":{"labels":[{"name":"x"},{"name":"bug"}]}})",
          BodyKind::kJson),
      0U);
}

TEST(AllocationTest, TheExactWayAllocatesNothing) {
  EXPECT_EQ(
      allocations_of_a_later_run(
          R"({"action":"opened by\u0020a value that is longer than any small string","delivery":1e999,)"
          R"("issue":{"labels":[{"name":"x"},{"name":"b\u0075g"}]},"n":123456789012345678901234567890})",
          BodyKind::kJson),
      0U);
}

TEST(AllocationTest, AnInvalidBodyAllocatesNothing) {
  EXPECT_EQ(allocations_of_a_later_run(R"({"action":"opened","delivery":"a","issue":{"labels":[}})",
                                       BodyKind::kJson),
            0U);
}

TEST(AllocationTest, AFormAllocatesNothing) {
  EXPECT_EQ(allocations_of_a_later_run("action=op%65ned&delivery=7&payload=%7B%22n%22%3A2.50%7D",
                                       BodyKind::kForm),
            0U);
}

TEST(AllocationTest, ALookupOfALinkAllocatesNothing) {
  RoutingTable table(42);
  auto webhook = std::make_shared<WebhookRoute>();
  webhook->program = std::make_shared<const Program>(make_program());
  table.put(std::move(webhook));
  for (std::uint64_t low = 0; low < 100; ++low) {
    auto link = std::make_shared<LinkRoute>();
    link->token.low = low;
    table.put(std::move(link));
  }
  const std::size_t before = bench::allocations.load();
  EXPECT_TRUE(table.find("0000000000000000000002", 1));
  EXPECT_FALSE(table.find("000000000000000000000-", 1));
  EXPECT_FALSE(table.find("0", 1));
  EXPECT_EQ(bench::allocations.load(), before);
}

}  // namespace
}  // namespace headrace::selector
