// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/source_text.h"

#include <algorithm>

namespace headrace::tidy {
namespace {

// Walks C++ text once and blanks what is not code.
class Blanker {
 public:
  Blanker(std::string_view text, bool and_literals) : text_(text), and_literals_(and_literals) {}

  std::string run() {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  void step() {
    if (text_.substr(at_, 2) == "//") return blank_until(find("\n", at_));
    if (text_.substr(at_, 2) == "/*") return blank_until(find("*/", at_ + 2) + 2);
    const char c = text_[at_];
    if (c == '"') return begins_raw_string() ? literal_until(raw_string_end()) : quoted(c);
    if (c == '\'' && !is_digit_separator()) return quoted(c);
    out_ += c;
    ++at_;
  }

  std::size_t find(std::string_view what, std::size_t from) const {
    const std::size_t found = text_.find(what, from);
    return found == std::string_view::npos ? text_.size() : found;
  }

  bool begins_raw_string() const { return at_ > 0 && text_[at_ - 1] == 'R'; }

  std::size_t raw_string_end() const {
    const std::size_t open = find("(", at_);
    const std::string close = ")" + std::string(text_.substr(at_ + 1, open - at_ - 1)) + "\"";
    return find(close, open) + close.size();
  }

  // 1'000: a quote between two digits (or hexadecimal digits) is part of a number.
  bool is_digit_separator() const {
    const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    return at_ > 0 && at_ + 1 < text_.size() && is_word(text_[at_ - 1]) && is_word(text_[at_ + 1]);
  }

  void quoted(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2 : 1;
    }
    literal_until(end + 1);
  }

  void literal_until(std::size_t end) {
    if (and_literals_) return blank_until(end);
    end = std::min(end, text_.size());
    out_ += text_.substr(at_, end - at_);
    at_ = end;
  }

  void blank_until(std::size_t end) {
    for (end = std::min(end, text_.size()); at_ < end; ++at_) {
      out_ += text_[at_] == '\n' ? '\n' : ' ';
    }
  }

  std::string_view text_;
  std::string out_;
  std::size_t at_ = 0;
  bool and_literals_;
};

}  // namespace

std::string blank_comments(std::string_view text, bool and_literals) {
  return Blanker(text, and_literals).run();
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::size_t line_at(std::string_view text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return 1 + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
}

std::string_view top_folder(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool is_cpp_source(std::string_view path) { return path.ends_with(".cc") || path.ends_with(".c"); }

bool is_cpp_header(std::string_view path) { return path.ends_with(".h"); }

bool is_cmake(std::string_view path) {
  return path.ends_with(".cmake") || path.ends_with("CMakeLists.txt");
}

bool is_script(const SourceFile& file) {
  return file.path.ends_with(".mjs") || file.path.ends_with(".js") || file.text.starts_with("#!");
}

}  // namespace headrace::tidy
