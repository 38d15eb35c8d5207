// SPDX-License-Identifier: Apache-2.0
// The fast reader and the exact one agree on every document. The first byte of the input chooses: a
// program and a document made out of the rest, or the rest as the document itself (JSON, form or
// raw, with headers and a query).
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selector/json.h"
#include "tests/selector/case_maker.h"
#include "tests/selector/padded_text.h"

namespace headrace::selector {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void compare_readers(const Program& program, std::string_view document, std::size_t captures) {
  const PaddedText text(document);
  const ExactText exact_text(document);
  const auto exact = read_exactly(program, exact_text.view(), captures);
  const auto fast = read_fast(program, text.view(), captures);
  Matcher matcher;
  const Reading usual = read_as_usual(program, matcher, text.view(), captures);
  require(usual.match.valid == exact.has_value());
  require(usual.match.valid == !find_json_fault(exact_text.view()).has_value());
  if (exact) require(usual == *exact);
  if (fast) require(exact && *fast == *exact);
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
    return std::move(Program::compile(rules, captures)).value();
  }();
  return program;
}

void run_message(std::string_view text, BodyKind kind) {
  const PaddedText padded(text);
  static Matcher matcher;
  const Match match =
      matcher.run(fixed_program(), {padded.view(), kind, padded.view(), padded.view()});
  require(match.valid || match.fault_offset <= text.size());
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
    const auto program = Program::compile(rules, captures);
    if (program) compare_readers(*program, maker.document(), captures.size());
    return 0;
  }
  compare_readers(fixed_program(), rest, 3);
  run_message(rest, BodyKind::kForm);
  run_message(rest, BodyKind::kRaw);
  return 0;
}
