// SPDX-License-Identifier: Apache-2.0
// Turns bytes into a program and a document that have a good chance of meeting, for the fuzzer and
// the property tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selector/program.h"

namespace headrace::selector {

class CaseMaker {
 public:
  CaseMaker(const std::uint8_t* bytes, std::size_t size) noexcept
      : at_(bytes), end_(bytes + size) {}

  std::vector<EventRule> rules() {
    std::vector<EventRule> rules;
    for (std::size_t count = pick(8); count != 0; --count) {
      const auto number = static_cast<core::EventNumber>(rules.size() + 1);
      rules.push_back({number, selector(), std::string(kValues[pick(kValues.size())])});
    }
    return rules;
  }
  std::vector<Selector> captures() {
    std::vector<Selector> captures(pick(4));
    for (Selector& capture : captures) capture = selector();
    return captures;
  }
  // For the endpoints 1, 2, 3 …; those that came out wrong (a key twice) are left out.
  std::vector<FilterRule> filters() {
    std::vector<FilterRule> rules;
    for (std::size_t count = pick(6); count != 0; --count) {
      std::string text;
      append_filter(text, 0);
      auto filter = Filter::parse(text);
      if (!filter) continue;
      rules.push_back({static_cast<core::EndpointNumber>(rules.size() + 1),
                       std::make_shared<const Filter>(std::move(filter).value())});
    }
    return rules;
  }
  // Of the parameters a and b, or of the headers.
  std::string query() { return parameters("=", "&"); }
  std::string header_lines() { return parameters(":", "\r\n"); }
  // Valid JSON whose members are those that filters like to look at.
  std::string flat_document() {
    std::string text = "{\"end\":0";
    for (const char* key : {",\"a\":", ",\"b\":"}) {
      const std::size_t kind = pick(8);
      if (kind == 0) continue;
      text += key;
      text += kind == 1 ? std::string_view("{\"a\":[]}") : kind == 2 ? "[1,{}]" : scalar();
    }
    return text + '}';
  }
  // Mostly valid JSON.
  std::string document() {
    std::string text;
    append_value(text, 0);
    if (pick(8) == 1) text.insert(pick(text.size() + 1), 1, static_cast<char>(pick(256)));
    if (pick(8) == 1) text.erase(pick(text.size() + 1), 1);
    return text;
  }

 private:
  static constexpr std::array<std::string_view, 8> kKeys = {
      "a", "b", "0", "1", "a.b", "\xC3\xA9", "key", "long key of some size"};
  static constexpr std::array<std::string_view, 8> kJsonKeys = {
      "a", "b", "0", "1", "a.b", "\\u00e9", "k\\u0065y", "long key of some size"};
  static constexpr std::array<std::string_view, 12> kValues = {"x",
                                                               "1",
                                                               "100",
                                                               "1e2",
                                                               "1.5",
                                                               "true",
                                                               "null",
                                                               "0",
                                                               "",
                                                               "\xC3\xA9",
                                                               "123456789012345678901234567890",
                                                               "1e-30"};
  static constexpr std::array<std::string_view, 24> kScalars = {"\"x\"",
                                                                "1",
                                                                "100",
                                                                "1e2",
                                                                "1.50",
                                                                "true",
                                                                "null",
                                                                "-0",
                                                                "\"\"",
                                                                "\"\\u00E9\"",
                                                                "123456789012345678901234567890",
                                                                "0.1e-29",
                                                                "\"\\u0078\"",
                                                                "\"1\"",
                                                                "\"100\"",
                                                                "false",
                                                                "-0.0",
                                                                "1.5",
                                                                "10e1",
                                                                "1E400",
                                                                "\"\\ud800\"",
                                                                "18446744073709551615",
                                                                "-9223372036854775808",
                                                                "15e-1"};

  std::size_t pick(std::size_t bound) noexcept { return at_ == end_ ? 0 : *at_++ % bound; }

  Selector selector() {
    Selector selector;
    for (std::size_t count = 1 + pick(3); count != 0; --count) {
      Segment segment;
      segment.is_index = pick(4) == 1;
      const std::size_t key = pick(kKeys.size());
      segment.index = static_cast<std::uint32_t>(key == 3 || (segment.is_index && key % 2 == 1));
      if (!segment.is_index) segment.key = kKeys[key];
      segment.maybe_index = !segment.is_index && (key == 2 || key == 3);
      selector.path.push_back(segment);
    }
    return selector;
  }

  // Half of the time one of a few, so that they meet.
  std::string_view scalar() noexcept { return kScalars[pick(pick(2) == 0 ? 4 : kScalars.size())]; }

  std::string parameters(const char* equals, const char* behind) {
    std::string text;
    for (std::size_t count = pick(4); count != 0; --count) {
      text += pick(2) == 0 ? "a" : "b";
      text += equals;
      text += kValues[pick(kValues.size())];
      text += behind;
    }
    return text;
  }

  void append_filter(std::string& out, int depth) {
    constexpr int kDepthMax = 3;
    out += '{';
    for (std::size_t count = pick(8) == 0 ? 0 : 1 + pick(3); count != 0; --count) {
      const std::size_t kind = depth == kDepthMax ? 3 : pick(8);
      if (kind < 2) {
        out += kind == 0 ? "\"or\":[" : "\"$and\":[";
        append_filter(out, depth + 1);
        if (pick(2) == 1) append_filter(out += ',', depth + 1);
        out += ']';
      } else if (kind == 2) {
        append_filter(out += "\"not\":", depth + 1);
      } else {
        append_condition(out);
      }
      if (count != 1) out += ',';
    }
    out += '}';
  }
  void append_condition(std::string& out) {
    static constexpr std::array<std::string_view, 4> kParameters = {"$Query{a}", "$Query{b}",
                                                                    "$Header{A}", "$Header{B}"};
    const std::size_t parameter = pick(12);
    out += '"';
    for (const char c : parameter < kParameters.size() ? std::string(kParameters[parameter])
                                                       : filter_selector().canonical()) {
      if (c == '\\') out += c;
      out += c;
    }
    out += "\":";
    const std::size_t operators = pick(3);
    if (operators == 0) {
      out += scalar();
      return;
    }
    append_operator(out += '{');
    if (operators == 2) append_operator(out += ',');
    out += '}';
  }
  // Often one that a document has.
  Selector filter_selector() {
    if (pick(4) == 0) return selector();
    Selector selector;
    selector.path.push_back({std::string(kKeys[pick(2)])});
    return selector;
  }
  void append_operator(std::string& out) {
    static constexpr std::array<std::string_view, 11> kOperators = {
        "eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "exists", "startsWith", "endsWith"};
    const std::size_t op = pick(kOperators.size());
    (((out += '"') += pick(8) == 1 ? "$" : "") += kOperators[op]) += "\":";
    if (op == 8) {
      out += pick(2) == 0 ? "true" : "false";
    } else if (op == 6 || op == 7) {
      out += '[';
      for (std::size_t count = pick(3); count != 0; --count) (out += scalar()) += ',';
      (out += scalar()) += ']';
    } else if (op >= 9) {
      static constexpr std::array<std::string_view, 4> kAffixes = {"\"\"", "\"x\"", "\"1\"",
                                                                   "\"\\u00e9\""};
      out += kAffixes[pick(kAffixes.size())];
    } else {
      const std::string_view operand = scalar();
      const bool ordered = operand[0] != 't' && operand[0] != 'f' && operand[0] != 'n';
      out += op < 2 || ordered ? operand : "1";
    }
  }

  void append_value(std::string& out, int depth) {
    constexpr int kDepthMax = 5;
    const std::size_t kind = depth >= kDepthMax ? 2 : pick(3);
    if (kind == 2 && depth != 0) {
      out += kScalars[pick(kScalars.size())];
    } else if (kind == 1) {
      out += '[';
      append_members(out, depth, false);
      out += ']';
    } else {
      out += '{';
      append_members(out, depth, true);
      out += '}';
    }
  }
  void append_members(std::string& out, int depth, bool keys) {
    const std::size_t count = pick(5);
    for (std::size_t i = 0; i < count; ++i) {
      if (i != 0) out += pick(4) == 1 ? " ,\n" : ",";
      if (keys) {
        out += '"';
        out += kJsonKeys[pick(kJsonKeys.size())];
        out += "\":";
      }
      append_value(out, depth + 1);
    }
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace headrace::selector
