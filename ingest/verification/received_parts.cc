// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/received_parts.h"

#include "core/http_grammar.h"
#include "selector/form.h"

namespace headrace::verification {

HeaderValue header_of(const Received& received, std::string_view lower_name) noexcept {
  HeaderValue found;
  bool seen = false;
  for (std::size_t i = 0; i < received.head.field_count; ++i) {
    const core::HeaderField& field = received.head.fields[i];
    if (field.name.size != lower_name.size()) continue;
    if (!core::http::equals_lower(field.name.in(received.base), lower_name)) continue;
    if (seen) return {.value = {}, .several = true};
    seen = true;
    found.value = field.value.in(received.base);
  }
  return found;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  selector::FormField field;
  std::string decoded;
  while (selector::next_form_field(query, field)) {
    if (selector::form_decoded(field.name, decoded) != name) continue;
    if (found) return std::nullopt;
    found.emplace();
    selector::append_form_decoded(field.value, *found);
  }
  return found;
}

}  // namespace headrace::verification
