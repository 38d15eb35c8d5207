// SPDX-License-Identifier: Apache-2.0
// Turns bytes into a program and a document that have a good chance of meeting, for the fuzzer and
// the property tests; and runs the fast and the exact reader apart, so that they can be compared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selector/dom_reader.h"
#include "selector/findings.h"
#include "selector/json_scan.h"
#include "selector/program.h"
#include "selector/scan_walk.h"

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

// All that one reader says about a document.
struct Reading {
  Match match;
  std::vector<std::optional<std::string>> captures;
  friend bool operator==(const Reading& left, const Reading& right) {
    return left.match.event == right.match.event &&
           left.match.other_count == right.match.other_count &&
           left.match.others == right.match.others && left.captures == right.captures;
  }
};

inline Reading reading_of(Findings& findings, std::size_t capture_count) {
  Reading reading;
  findings.report(reading.match);
  for (std::size_t i = 0; i < capture_count; ++i) {
    const auto text = findings.captured(i);
    reading.captures.push_back(text ? std::optional<std::string>(*text) : std::nullopt);
  }
  return reading;
}

// Nullopt: the fast reader leaves the document to the exact one. Requires: padding behind `text`.
inline std::optional<Reading> read_fast(const Program& program, std::string_view text,
                                        std::size_t capture_count) {
  DomReader dom;
  Findings findings;
  findings.begin(program.code());
  if (!dom.read(program.code(), kBodyRoot, text, findings)) return std::nullopt;
  return reading_of(findings, capture_count);
}

// Nullopt: the document is not JSON.
inline std::optional<Reading> read_exactly(const Program& program, std::string_view text,
                                           std::size_t capture_count) {
  ScanScratch scratch;
  Findings findings;
  findings.begin(program.code());
  ScanWalk walk(program.code(), kBodyRoot, scratch, findings);
  if (!JsonScanner<ScanWalk>(text, walk).run()) return std::nullopt;
  return reading_of(findings, capture_count);
}

inline Reading read_as_usual(const Program& program, Matcher& matcher, std::string_view text,
                             std::size_t capture_count) {
  Reading reading;
  MessageView message;
  message.body = text;
  reading.match = matcher.run(program, message);
  for (std::size_t i = 0; i < capture_count; ++i) {
    const auto capture = matcher.capture(i);
    reading.captures.push_back(capture ? std::optional<std::string>(*capture) : std::nullopt);
  }
  return reading;
}

}  // namespace headrace::selector
