// SPDX-License-Identifier: Apache-2.0
// Runs a program over a message that is at hand as texts: one on record, or one that somebody asks
// about.
#pragma once

#include <string>
#include <string_view>

#include "headrace/result.h"
#include "ingest/router.h"
#include "selector/program.h"
#include "selector/routing_table.h"
#include "store/event_store.h"

namespace headrace::engine {

// A body that may be read past its end.
class PaddedBody {
 public:
  explicit PaddedBody(std::string_view body);
  // Of a message on record: decompressed, where its header lines say that it is compressed and it
  // can be.
  PaddedBody(std::string_view body, std::string_view header_lines);
  std::string_view view() const noexcept { return std::string_view(text_).substr(0, size_); }
  // What the header lines say of view().
  ingest::DeclaredBody declared() const noexcept { return declared_; }

 private:
  std::string text_;
  std::size_t size_;
  ingest::DeclaredBody declared_;
};

// The value of the first line of that name (in lower case), without the white space around it.
std::string_view header_value(std::string_view lines, std::string_view name);

// As ingest does it: a body that was not declared to be JSON is not looked into when it is none.
// kMalformed with the offset: it was declared so. `view.kind` is not looked at.
Result<selector::Match> run_program(selector::Matcher& matcher, const selector::Program& program,
                                    selector::PayloadRule payload, ingest::DeclaredBody declared,
                                    selector::MessageView view);

// The same over a message on record, whose body and header lines `body` was made of.
Result<selector::Match> run_program(selector::Matcher& matcher, const selector::Program& program,
                                    selector::PayloadRule payload,
                                    const store::MessageContent& content, const PaddedBody& body);

}  // namespace headrace::engine
