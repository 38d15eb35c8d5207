// SPDX-License-Identifier: Apache-2.0
#include "selector/form.h"

#include <algorithm>

namespace headrace::selector {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A plain loop: find_first_of would search its set anew for each byte.
std::size_t find_encoded(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && text[at] != '%' && text[at] != '+') ++at;
  return at;
}

}  // namespace

bool next_form_field(std::string_view& rest, FormField& field) noexcept {
  rest.remove_prefix(std::min(rest.find_first_not_of('&'), rest.size()));
  if (rest.empty()) return false;
  const std::string_view pair = rest.substr(0, rest.find('&'));
  rest.remove_prefix(pair.size());
  const std::size_t equals = std::min(pair.find('='), pair.size());
  field.name = pair.substr(0, equals);
  field.value = pair.substr(std::min(equals + 1, pair.size()));
  return true;
}

void append_form_decoded(std::string_view text, std::string& out) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t next = find_encoded(text, at);
    out += text.substr(at, next - at);
    at = next;
    if (at == text.size()) return;
    if (text[at] == '+') {
      out += ' ';
      continue;
    }
    const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
    if (high < 0 || low < 0) {
      out += '%';
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    at += 2;
  }
}

std::string_view form_decoded(std::string_view text, std::string& scratch) {
  if (find_encoded(text, 0) == text.size()) return text;
  scratch.clear();
  append_form_decoded(text, scratch);
  return scratch;
}

}  // namespace headrace::selector
