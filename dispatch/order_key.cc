// SPDX-License-Identifier: Apache-2.0
#include "dispatch/order_key.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace headrace::dispatch {

namespace {

using selector::BodyKind;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Requires: `lowered` is in lower case.
bool contains(std::string_view text, std::string_view lowered) noexcept {
  return std::search(text.begin(), text.end(), lowered.begin(), lowered.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end();
}

bool begins_with(std::string_view text, std::string_view lowered) noexcept {
  return text.size() >= lowered.size() && contains(text.substr(0, lowered.size()), lowered);
}

// The value of the first line of that name, which is given in lower case with its colon.
std::string_view header(std::string_view lines, std::string_view name) noexcept {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    if (begins_with(line, name)) return line.substr(name.size());
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
  }
  return {};
}

// As the message was looked into when it came.
BodyKind body_kind(std::string_view lines) noexcept {
  const std::string_view encoding = header(lines, "content-encoding:");
  if (!encoding.empty() && !contains(encoding, "identity")) return BodyKind::kRaw;
  if (contains(header(lines, "content-type:"), "application/x-www-form-urlencoded"))
    return BodyKind::kForm;
  return BodyKind::kJson;
}

}  // namespace

Result<std::shared_ptr<const OrderKey>> OrderKey::of(std::string_view selector) {
  auto parsed = selector::Selector::parse(selector);
  if (!parsed) return std::move(parsed).error();
  const std::string canonical = parsed->canonical();
  const selector::Source source = parsed->source;
  const std::vector<selector::Selector> captures{*std::move(parsed)};
  auto program = selector::Program::compile({}, captures);
  if (!program) return std::move(program).error();
  const std::uint64_t id = XXH3_64bits(canonical.data(), canonical.size()) | 1;
  return std::shared_ptr<const OrderKey>(new OrderKey(*std::move(program), source, id));
}

std::uint64_t OrderKey::find_in(const store::Payload& payload,
                                selector::Matcher& matcher) const noexcept {
  selector::MessageView view;
  view.header_lines = payload.headers.in(payload.buffer);
  view.query = payload.query.in(payload.buffer);
  view.body = payload.body.in(payload.buffer);
  const bool looks_inside = source_ == selector::Source::kEvent;
  view.kind = looks_inside ? body_kind(view.header_lines) : BodyKind::kRaw;
  if (!matcher.run(program_, view).valid) return 0;
  const auto text = matcher.capture(0);
  if (!text) return 0;
  const std::uint64_t hash = XXH3_64bits_withSeed(text->data(), text->size(), id_);
  return hash != 0 ? hash : 1;
}

}  // namespace headrace::dispatch
