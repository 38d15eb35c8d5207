// SPDX-License-Identifier: Apache-2.0
// The comparison text of JSON scalars: strings without escapes, numbers in one spelling for each
// value.
//
// Pure. Requires: the input has passed the scanner of json_scan.h.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace headrace::selector {

// Appends the content of a string (what stands between its quotes). A lone surrogate becomes the
// three bytes that UTF-8 would have for it, so that different strings stay different.
void append_unescaped(std::string_view raw, std::string& out);

// Appends the one spelling that all JSON numbers of this value share: "100" for 1e2, "1.1"
// for 1.10, "0" for -0. Exact for any length: integers stay integers unless more than kZerosMax
// zeros would have to be added, numbers far from 1 are written as 1.5e-30.
void append_normal_number(std::string_view number, std::string& out);
inline constexpr int kZerosMax = 21;        // behind the digits of an integer
inline constexpr int kLeadingZerosMax = 6;  // between the point and the first digit

// The order of two numbers by value, exactly. Requires: both are what append_normal_number()
// writes.
std::strong_ordering compare_normal_numbers(std::string_view left, std::string_view right) noexcept;

// Whether the whole text is a number of the JSON grammar.
bool is_json_number(std::string_view text) noexcept;

}  // namespace headrace::selector
