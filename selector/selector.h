// SPDX-License-Identifier: Apache-2.0
// A selector as it is written: where in a message the text stands that names the event.
//
//   $Event{a}{b}{c}  $Event{a.b.c}  $Event{items[0].name}  $Event{items}{0}  $Event{items}[0] paths
//   into the body $Header{X-GitHub-Event}         a request header            $Query{topic}   a
//   parameter of the request target
//
// A backslash escapes a literal dot, brace, bracket or backslash in a key; in $Query{} dots and
// brackets are literal anyway, and a header's name is a token (RFC 9110 section 5.1) without
// escapes. Pure; no I/O. Limits: kSelectorBytesMax, kSelectorSegmentsMax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"

namespace headrace::selector {

enum class Source : std::uint8_t { kEvent, kHeader, kQuery };

struct Segment {
  std::string key;           // unescaped
  bool is_index = false;     // written as [n]: only an array element
  bool maybe_index = false;  // {0} or .0. : an array element in an array, a member in an object
  std::uint32_t index = 0;   // when either
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct Selector {
  Source source = Source::kEvent;
  std::vector<Segment> path;  // one segment (its key) for headers (lower case) and query

  // kMalformed with the position of the fault in `detail`, in bytes.
  static Result<Selector> parse(std::string_view text);

  // One spelling for all that mean the same ("$Event{a}{b}"); parse() of it gives an equal
  // selector.
  std::string canonical() const;

  friend bool operator==(const Selector&, const Selector&) = default;
};

}  // namespace headrace::selector
