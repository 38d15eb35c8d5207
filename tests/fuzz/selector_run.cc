// SPDX-License-Identifier: Apache-2.0
// The fast reader and the exact one agree on every document. The first byte of the input chooses: a
// program and a document made out of the rest, or the rest as the document itself (JSON, form or
// raw, with headers and a query). Filters mean what the reference says.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selector/json.h"
#include "tests/selector/case_maker.h"
#include "tests/selector/filter_reference.h"
#include "tests/selector/padded_text.h"
#include "tests/selector/readings.h"

namespace headrace::selector {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void compare_readers(const Program& program, std::string_view document, const Asked& asked) {
  const PaddedText text(document);
  const ExactText exact_text(document);
  const auto exact = read_exactly(program, exact_text.view(), asked);
  const auto fast = read_fast(program, text.view(), asked);
  Matcher matcher;
  const Reading usual = read_as_usual(program, matcher, text.view(), asked);
  require(usual.match.valid == exact.has_value());
  require(usual.match.valid == !find_json_fault(exact_text.view()).has_value());
  if (exact) require(usual == *exact);
  if (fast) require(exact && *fast == *exact);
}

void compare_with_reference(const Program& program, const std::vector<FilterRule>& filters,
                            std::string_view document) {
  const PaddedText text(document);
  MessageView message;
  message.body = text.view();
  message.query = "a=1e2&b=true";
  message.header_lines = "A: x\r\nB: 1.50\r\n";
  Matcher matcher;
  if (!matcher.run(program, message).valid) return;
  const FilterReference reference(message);
  for (const FilterRule& rule : filters) {
    const bool expected = reference.accepts(*rule.filter);
    require(matcher.passes(rule.endpoint) == expected);
    require(matcher.why_not(rule.endpoint).empty() == expected);
  }
}

std::vector<FilterRule> fixed_filters() {
  std::vector<FilterRule> rules;
  for (const char* text :
       {R"({"$Event{a}":"x","$Header{a}":{"ne":1}})", R"({"$Event{a.b}":{"gt":-1e-7,"lte":1e25}})",
        R"({"or":[{"$Event{a[0]}":{"gte":"x"}},{"$Event[1]":{"in":[7,"7",null]}}]})",
        R"({"not":{"$Event{a}{0}":{"exists":true}},"$Query{a}":{"lt":100}})",
        R"({"$Event{a}":{"startsWith":"x","endsWith":"y","exists":true}})"}) {
    auto filter = Filter::parse(text);
    rules.push_back({static_cast<core::EndpointNumber>(rules.size() + 1),
                     std::make_shared<const Filter>(std::move(filter).value())});
  }
  return rules;
}

const Program& fixed_program() {
  static const Program program = [] {
    const auto parsed = [](const char* text) { return std::move(Selector::parse(text)).value(); };
    const std::vector<EventRule> rules = {
        {core::EventNumber{1}, parsed("$Event{a}"), "x"},
        {core::EventNumber{2}, parsed("$Event{a.b}"), "1e2"},
        {core::EventNumber{3}, parsed("$Event{a[0]}"), "1.5"},
        {core::EventNumber{4}, parsed("$Event{a}{0}"), "null"},
        {core::EventNumber{5}, parsed("$Header{a}"), "x"},
        {core::EventNumber{6}, parsed("$Query{a}"), "x"},
        {core::EventNumber{7}, parsed("$Event[1]"), "7"},
    };
    const std::vector<Selector> captures = {parsed("$Event{a}"), parsed("$Event{a.b}"),
                                            parsed("$Event{a}{0}")};
    return std::move(Program::compile(rules, captures, fixed_filters())).value();
  }();
  return program;
}

void run_message(std::string_view text, BodyKind kind) {
  const PaddedText padded(text);
  static Matcher matcher;
  const Match match =
      matcher.run(fixed_program(), {padded.view(), kind, padded.view(), padded.view()});
  require(match.valid || match.fault_offset <= text.size());
  for (std::uint32_t i = 1; i <= 5; ++i) {
    const auto endpoint = static_cast<core::EndpointNumber>(i);
    require(matcher.passes(endpoint) == matcher.why_not(endpoint).empty());
  }
}

}  // namespace
}  // namespace headrace::selector

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::selector;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    CaseMaker maker(data + 1, size - 1);
    const auto rules = maker.rules();
    const auto captures = maker.captures();
    const auto filters = maker.filters();
    const auto program = Program::compile(rules, captures, filters);
    if (!program) return 0;
    const std::string document = maker.document();
    compare_readers(*program, document, {captures.size(), filters.size()});
    compare_with_reference(*program, filters, document);
    compare_with_reference(*program, filters, maker.flat_document());
    return 0;
  }
  compare_readers(fixed_program(), rest, {3, 5});
  compare_with_reference(fixed_program(), fixed_filters(), rest);
  run_message(rest, BodyKind::kForm);
  run_message(rest, BodyKind::kRaw);
  return 0;
}
