// SPDX-License-Identifier: Apache-2.0
#include "engine/match_stored.h"

#include <algorithm>

#include "core/buffer.h"
#include "core/http_grammar.h"
#include "core/limits.h"
#include "ingest/inflater.h"

namespace headrace::engine {

PaddedBody::PaddedBody(std::string_view body) : text_(body), size_(body.size()) {
  text_.append(core::BufferPool::kPadding, '\0');
}

PaddedBody::PaddedBody(std::string_view body, std::string_view header_lines) : PaddedBody(body) {
  declared_ = ingest::declared_body(header_value(header_lines, "content-type"),
                                    header_value(header_lines, "content-encoding"), body.size());
  if (declared_.coding == ingest::Coding::kNone) return;
  ingest::Inflater inflater;
  const auto inflated = inflater.inflate(declared_.coding, body, core::limits::kBodyBytesMax);
  const ingest::DeclaredBody declared{inflated ? declared_.kind : selector::BodyKind::kRaw,
                                      declared_.explicitly};
  if (inflated) *this = PaddedBody(*inflated);
  declared_ = declared;
}

std::string_view header_value(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(line.size() + 2, lines.size()));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && core::http::equals_lower(line.substr(0, colon), name))
      return core::http::trim(line.substr(colon + 1));
  }
  return {};
}

Result<selector::Match> run_program(selector::Matcher& matcher, const selector::Program& program,
                                    selector::PayloadRule payload, ingest::DeclaredBody declared,
                                    selector::MessageView view) {
  view.kind = payload == selector::PayloadRule::kRaw ? selector::BodyKind::kRaw : declared.kind;
  selector::Match match = matcher.run(program, view);
  if (!match.valid && !declared.explicitly) {
    view.kind = selector::BodyKind::kRaw;
    match = matcher.run(program, view);
  }
  if (match.valid) return match;
  return Error{ErrorCode::kMalformed, std::string("the body is not valid JSON: ") + match.fault,
               static_cast<std::int64_t>(match.fault_offset)};
}

Result<selector::Match> run_program(selector::Matcher& matcher, const selector::Program& program,
                                    selector::PayloadRule payload,
                                    const store::MessageContent& content, const PaddedBody& body) {
  return run_program(
      matcher, program, payload, body.declared(),
      {.body = body.view(), .query = content.query, .header_lines = content.headers});
}

}  // namespace headrace::engine
