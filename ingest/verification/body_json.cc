// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/body_json.h"

#include <algorithm>

#include "core/http_grammar.h"

namespace headrace::verification {
namespace {

bool equal_no_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return core::http::to_lower(x) == core::http::to_lower(y);
  });
}

}  // namespace

Member member_of(simdjson::dom::object object, std::string_view name) noexcept {
  Member found;
  bool exact = false;
  for (const auto field : object) {
    if (!equal_no_case(field.key, name)) continue;
    ++found.count;
    exact |= field.key == name;
    found.value = field.value;
  }
  if (found.count == 1 && !exact) found.count = 0;
  return found;
}

std::optional<std::string_view> text_of(simdjson::dom::object object,
                                        std::string_view name) noexcept {
  const Member member = member_of(object, name);
  std::string_view text;
  if (!member.one() || member.value.get_string().get(text)) return std::nullopt;
  return text;
}

std::optional<simdjson::dom::object> object_of(simdjson::dom::object object,
                                               std::string_view name) noexcept {
  const Member member = member_of(object, name);
  simdjson::dom::object inner;
  if (!member.one() || member.value.get_object().get(inner)) return std::nullopt;
  return inner;
}

std::optional<simdjson::dom::array> array_of(simdjson::dom::object object,
                                             std::string_view name) noexcept {
  const Member member = member_of(object, name);
  simdjson::dom::array inner;
  if (!member.one() || member.value.get_array().get(inner)) return std::nullopt;
  return inner;
}

BodyJson::BodyJson(std::string_view body) {
  if (body.empty()) return;  // The parser copies from where it lies, which may be nowhere.
  simdjson::dom::object root;
  if (!parser_.parse(body.data(), body.size()).get_object().get(root)) root_ = root;
}

}  // namespace headrace::verification
