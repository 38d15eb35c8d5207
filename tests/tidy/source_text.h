// SPDX-License-Identifier: Apache-2.0
// What the house rules look at: a file of the tree, and its text without what is not code.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::tidy {

struct SourceFile {
  std::string path;  // Relative to the root of the tree, with forward slashes.
  std::string text;
};

// C and C++ text in which every character of a comment is a blank, and, where `and_literals`, of a
// string or character literal too (raw strings included). Line breaks stay, so line numbers hold.
std::string blank_comments(std::string_view text, bool and_literals);

// The lines of `text`, without their ends.
std::vector<std::string_view> lines_of(std::string_view text);

// The number of the line (from 1) that holds the byte at `offset`.
std::size_t line_at(std::string_view text, std::size_t offset);

// The part of a path before its first slash; empty for a file in the root.
std::string_view top_folder(std::string_view path);

bool is_cpp_source(std::string_view path);  // .cc or .c
bool is_cpp_header(std::string_view path);  // .h
bool is_cmake(std::string_view path);
bool is_script(const SourceFile& file);  // A JavaScript module, or begins with #!

}  // namespace headrace::tidy
