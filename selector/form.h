// SPDX-License-Identifier: Apache-2.0
// application/x-www-form-urlencoded, as in bodies and queries (WHATWG URL, section 5.1). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace headrace::selector {

struct FormField {
  std::string_view name;   // still encoded
  std::string_view value;  // likewise; empty when there is no '='
};

// Takes the first field off `rest`. False: there is none left. Empty ones are passed over.
bool next_form_field(std::string_view& rest, FormField& field) noexcept;

// Appends `text` decoded: '+' is a space, %41 is A, and a percent sign before anything else is
// itself.
void append_form_decoded(std::string_view text, std::string& out);

// The same as a view: of `text` when nothing is encoded, else of `scratch`, which is overwritten.
std::string_view form_decoded(std::string_view text, std::string& scratch);

}  // namespace headrace::selector
