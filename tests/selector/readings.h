// SPDX-License-Identifier: Apache-2.0
// Runs the fast and the exact reader apart, so that they can be compared.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selector/dom_reader.h"
#include "selector/filter_evaluator.h"
#include "selector/findings.h"
#include "selector/json_scan.h"
#include "selector/program.h"
#include "selector/scan_walk.h"

namespace headrace::selector {

// All that one reader says about a document.
struct Reading {
  Match match;
  std::vector<std::optional<std::string>> captures;
  std::vector<bool> passes;  // by endpoint, from 1
  friend bool operator==(const Reading& left, const Reading& right) {
    return left.match.event == right.match.event &&
           left.match.other_count == right.match.other_count &&
           left.match.others == right.match.others && left.captures == right.captures &&
           left.passes == right.passes;
  }
};

// How much there is to ask for.
struct Asked {
  std::size_t captures = 0;
  std::size_t endpoints = 0;
};

inline Reading reading_of(const Program& program, Findings& findings, const Asked& asked) {
  Reading reading;
  FilterEvaluator filters;
  filters.begin(program.code().filters, findings);
  for (std::size_t i = 0; i < asked.endpoints; ++i)
    reading.passes.push_back(filters.passes(static_cast<core::EndpointNumber>(i + 1)));
  findings.report(reading.match);
  for (std::size_t i = 0; i < asked.captures; ++i) {
    const auto text = findings.captured(i);
    reading.captures.push_back(text ? std::optional<std::string>(*text) : std::nullopt);
  }
  return reading;
}

// Nullopt: the fast reader leaves the document to the exact one. Requires: padding behind `text`.
inline std::optional<Reading> read_fast(const Program& program, std::string_view text,
                                        const Asked& asked) {
  DomReader dom;
  Findings findings;
  findings.begin(program.code());
  if (!dom.read(program.code(), kBodyRoot, text, findings)) return std::nullopt;
  return reading_of(program, findings, asked);
}

// Nullopt: the document is not JSON.
inline std::optional<Reading> read_exactly(const Program& program, std::string_view text,
                                           const Asked& asked) {
  ScanScratch scratch;
  Findings findings;
  findings.begin(program.code());
  ScanWalk walk(program.code(), kBodyRoot, scratch, findings);
  if (!JsonScanner<ScanWalk>(text, walk).run()) return std::nullopt;
  return reading_of(program, findings, asked);
}

inline Reading read_as_usual(const Program& program, Matcher& matcher, std::string_view text,
                             const Asked& asked) {
  Reading reading;
  MessageView message;
  message.body = text;
  reading.match = matcher.run(program, message);
  for (std::size_t i = 0; i < asked.captures; ++i) {
    const auto capture = matcher.capture(i);
    reading.captures.push_back(capture ? std::optional<std::string>(*capture) : std::nullopt);
  }
  for (std::size_t i = 0; i < asked.endpoints; ++i)
    reading.passes.push_back(matcher.passes(static_cast<core::EndpointNumber>(i + 1)));
  return reading;
}

}  // namespace headrace::selector
