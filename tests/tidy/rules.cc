// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/rules.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <regex>
#include <set>

namespace headrace::tidy {
namespace {

using Folders = std::set<std::string, std::less<>>;

std::string at_line(const SourceFile& file, std::size_t line, const std::string& what) {
  return file.path + ":" + std::to_string(line) + ": " + what;
}

bool is_cpp(std::string_view path) { return is_cpp_source(path) || is_cpp_header(path); }

// The folders that files of `folder` may include, itself among them; nullopt: not a folder with
// rules.
std::optional<Folders> reach_of(std::string_view folder) {
  static const std::map<std::string, Folders, std::less<>> arrows = {
      {"include", {}},
      {"core", {"include"}},
      {"selector", {"core"}},
      {"store", {"core"}},
      {"ingest", {"selector", "store"}},
      {"dispatch", {"selector", "store"}},
      {"engine", {"ingest", "dispatch"}},
      {"api", {"engine"}},
      {"tools", {"api"}},
      {"bench", {"api"}},
      {"tests", {"api", "bench"}},
      {"tests/tools", {"tests", "tools"}},
  };
  const auto own = arrows.find(folder);
  if (own == arrows.end()) return std::nullopt;
  Folders reached = {own->first};
  std::vector<std::string> open(own->second.begin(), own->second.end());
  while (!open.empty()) {
    const std::string next = open.back();
    open.pop_back();
    if (!reached.insert(next).second) continue;
    const Folders& further = arrows.at(next);
    open.insert(open.end(), further.begin(), further.end());
  }
  return reached;
}

// Whose arrows a file follows: its top folder's, but only what tests, fuzzes or runs tools/ may see
// it.
std::string_view folder_with_arrows(std::string_view path) {
  const bool may_see_tools = path.starts_with("tests/tools/") || path.starts_with("tests/fuzz/") ||
                             path.starts_with("tests/integration/");
  return may_see_tools ? std::string_view("tests/tools") : top_folder(path);
}

struct Include {
  std::string target;
  bool is_quoted;
  std::size_t line;
};

std::vector<Include> includes_of(const SourceFile& file) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*(["<])([^">]+)[">])re");
  const std::string code = blank_comments(file.text, false);
  std::vector<Include> includes;
  std::size_t number = 0;
  for (std::string_view line : lines_of(code)) {
    ++number;
    std::cmatch match;
    if (std::regex_search(line.data(), line.data() + line.size(), match, pattern)) {
      includes.push_back({match[2].str(), match[1].str() == "\"", number});
    }
  }
  return includes;
}

// The folder of this tree that an include names; empty for everything else.
std::string_view folder_of_include(const Include& include) {
  if (include.target.starts_with("headrace/")) return "include";
  const std::string_view folder = top_folder(include.target);
  return include.is_quoted && reach_of(folder) ? folder : std::string_view();
}

bool ends_in_word(std::string_view text) {
  return !text.empty() &&
         (std::isalnum(static_cast<unsigned char>(text.back())) != 0 || text.back() == '_');
}

std::string_view trimmed_end(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  return text;
}

std::string_view last_word(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && ends_in_word(text.substr(0, begin))) --begin;
  return text.substr(begin);
}

// Whether a name that `before` leads up to is the C library's or std's: not a member, not a
// function of another namespace, not one that is being declared here.
bool names_a_library_function(std::string_view before) {
  if (before.ends_with("::")) {
    const std::string_view scope = last_word(before.substr(0, before.size() - 2));
    return scope.empty() || scope == "std" || scope == "this_thread";
  }
  if (ends_in_word(before)) return false;  // the tail of a longer name
  before = trimmed_end(before);
  if (before.ends_with(".") || before.ends_with("->") || before.ends_with("~")) return false;
  const std::string_view word = last_word(before);
  return word.empty() || word == "return" || word == "else" || word == "do";
}

const Folders& banned_in_tests() {
  static const Folders names = {"sleep",       "usleep", "nanosleep", "sleep_for",
                                "sleep_until", "rand",   "srand",     "system",
                                "popen",       "strcpy", "strcat",    "sprintf"};
  return names;
}

const Folders& banned_in_the_engine() {
  static const Folders names = [] {
    Folders all = banned_in_tests();
    all.insert({"printf", "fprintf", "puts", "putchar", "abort", "exit", "_exit", "quick_exit",
                "terminate", "gettimeofday", "time"});
    return all;
  }();
  return names;
}

// A broken invariant must say so and end the process: these two files are how.
bool may_abort(std::string_view path) {
  return path == "core/check.cc" || path == "include/headrace/result.h";
}

// store/, what tests it and what measures it.
bool may_know_rocksdb(std::string_view path) {
  return path.starts_with("store/") || path.starts_with("tests/store/") ||
         path.starts_with("bench/store_");
}

// Others' files, unchanged, with their licence beside them.
bool is_vendored(std::string_view path) {
  return path.find("/vendored/") != std::string_view::npos;
}

const Folders* banned_names(std::string_view path) {
  const std::string_view folder = top_folder(path);
  if (folder == "tests" || folder == "bench") return &banned_in_tests();
  if (folder == "tools" || !reach_of(folder)) return nullptr;
  return &banned_in_the_engine();
}

bool is_registered_by_pattern(std::string_view path) {
  return path.starts_with("tests/fuzz/") || path.starts_with("bench/");
}

// What a CMakeLists.txt says of a source: its file name, or only its stem where the folder's
// function adds the rest (headrace_fuzz, headrace_bench).
bool is_listed(std::string_view cmake, std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  if (is_registered_by_pattern(path)) name = name.substr(0, name.rfind('.'));
  const auto is_name_char = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  };
  for (std::size_t at = cmake.find(name); at != std::string_view::npos;
       at = cmake.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || !is_name_char(cmake[at - 1])) &&
        (end == cmake.size() || !is_name_char(cmake[end])))
      return true;
  }
  return false;
}

// The text of a CMakeLists.txt without its comments.
std::string without_hash_comments(std::string_view text) {
  std::string code;
  for (std::string_view line : lines_of(text))
    code.append(line.substr(0, line.find('#'))).append("\n");
  return code;
}

bool must_be_built(const SourceFile& file) {
  const bool is_node_test = file.path.ends_with(".test.mjs");
  return (is_cpp_source(file.path) && reach_of(top_folder(file.path))) || is_node_test;
}

}  // namespace

Complaints check_arrows(const SourceFile& file) {
  const auto reach = reach_of(folder_with_arrows(file.path));
  if (!is_cpp(file.path) || !reach) return {};
  Complaints complaints;
  for (const Include& include : includes_of(file)) {
    const std::string_view folder = folder_of_include(include);
    if (folder.empty() || reach->contains(folder)) continue;
    complaints.push_back(at_line(file, include.line, "no arrow leads to " + include.target));
  }
  return complaints;
}

Complaints check_public_header(const SourceFile& file) {
  if (!file.path.starts_with("include/")) return {};
  static const Folders c_headers = {"stdint.h", "stddef.h", "stdbool.h"};
  Complaints complaints;
  for (const Include& include : includes_of(file)) {
    const bool is_ours = include.is_quoted && include.target.starts_with("headrace/");
    const bool is_std =
        !include.is_quoted && (include.target.find_first_of("./") == std::string::npos ||
                               c_headers.contains(include.target));
    if (is_ours || is_std) continue;
    complaints.push_back(
        at_line(file, include.line, "a public header may not include " + include.target));
  }
  return complaints;
}

Complaints check_licence_line(const SourceFile& file) {
  if (is_vendored(file.path)) return {};
  if (!is_cpp(file.path) && !is_cmake(file.path) && !is_script(file)) return {};
  static const std::regex pattern("^(//|#) SPDX-License-Identifier: Apache-2\\.0$");
  std::size_t found = 0;
  bool is_at_top = false;
  std::size_t number = 0;
  for (std::string_view line : lines_of(file.text)) {
    ++number;
    if (!std::regex_match(line.begin(), line.end(), pattern)) continue;
    ++found;
    is_at_top = is_at_top || number <= 2;  // the second where the first is #!
  }
  if (found == 1 && is_at_top) return {};
  return {at_line(file, 1,
                  "one licence line at the top was expected, " + std::to_string(found) + " found")};
}

Complaints check_size(const SourceFile& file) {
  const bool is_header = is_cpp_header(file.path);
  if (!is_header && !is_cpp_source(file.path) && !is_script(file)) return {};
  const std::size_t lines_max = is_header ? 330 : 600;
  const std::size_t lines = lines_of(file.text).size();
  if (lines <= lines_max) return {};
  return {at_line(file, lines, "longer than " + std::to_string(lines_max) + " lines")};
}

Complaints check_banned_calls(const SourceFile& file) {
  const Folders* banned = banned_names(file.path);
  if (!is_cpp(file.path) || banned == nullptr || may_abort(file.path)) return {};
  static const std::regex call(R"(([A-Za-z_]\w*)\s*\()");
  static const std::regex stream(R"(\bstd\s*::\s*(cout|cerr|clog)\b)");
  const std::string code = blank_comments(file.text, true);
  const std::string_view view = code;
  Complaints complaints;
  for (std::sregex_iterator match(code.begin(), code.end(), call), end; match != end; ++match) {
    const std::string name = (*match)[1].str();
    const auto offset = static_cast<std::size_t>(match->position(1));
    if (!banned->contains(name) || !names_a_library_function(view.substr(0, offset))) continue;
    complaints.push_back(at_line(file, line_at(code, offset), name + "() is banned here"));
  }
  if (banned != &banned_in_the_engine()) return complaints;
  for (std::sregex_iterator match(code.begin(), code.end(), stream), end; match != end; ++match) {
    const auto offset = static_cast<std::size_t>(match->position());
    complaints.push_back(at_line(file, line_at(code, offset), match->str() + " is banned here"));
  }
  return complaints;
}

Complaints check_rocksdb(const SourceFile& file) {
  if (!is_cpp(file.path) || may_know_rocksdb(file.path)) return {};
  Complaints complaints;
  for (const Include& include : includes_of(file)) {
    if (!include.target.starts_with("rocksdb/")) continue;
    complaints.push_back(at_line(file, include.line, "RocksDB is known to store/ alone"));
  }
  static const std::regex use(R"(\brocksdb\s*::)");
  const std::string code = blank_comments(file.text, true);
  for (std::sregex_iterator match(code.begin(), code.end(), use), end; match != end; ++match) {
    const auto offset = static_cast<std::size_t>(match->position());
    complaints.push_back(at_line(file, line_at(code, offset), "RocksDB is known to store/ alone"));
  }
  return complaints;
}

Complaints check_text(const SourceFile& file) {
  struct Ban {
    std::regex pattern;
    const char* what;
  };
  static const std::array<Ban, 5> bans = {{
      {std::regex(R"((^|[^.\w])/(work|farm)/)"), "a path of one machine"},
      {std::regex(R"("resolved"\s*:)"), "a download address in a lock file"},
      {std::regex(R"(https?://(registry|deb|archive|packages|proxy|static|files)\.)"),
       "the address of a package registry"},
      {std::regex(R"(https?://\S+\.(tgz|tar\.gz|tar\.xz|deb|whl|crate|zip)\b)"),
       "the address of a package"},
      {std::regex(std::string(R"(\b(TO)") + "DO|FIX" + "ME|X" + R"(XX)\b)"),
       "a note of work that is left"},
  }};
  Complaints complaints;
  std::size_t number = 0;
  for (std::string_view line : lines_of(file.text)) {
    ++number;
    for (const Ban& ban : bans) {
      if (std::regex_search(line.begin(), line.end(), ban.pattern))
        complaints.push_back(at_line(file, number, ban.what));
    }
  }
  return complaints;
}

Complaints check_everything_is_built(const Files& files) {
  std::map<std::string, std::string, std::less<>> lists;
  for (const SourceFile& file : files) {
    if (file.path.ends_with("/CMakeLists.txt")) {
      lists[file.path.substr(0, file.path.rfind('/'))] = without_hash_comments(file.text);
    }
  }
  Complaints complaints;
  for (const SourceFile& file : files) {
    if (!must_be_built(file)) continue;
    // plain_main.cc, which headrace_fuzz adds to each fuzz target by itself.
    if (file.path == "tests/fuzz/plain_main.cc") continue;
    const std::string folder = file.path.substr(0, file.path.rfind('/'));
    const auto list = lists.find(folder);
    if (list != lists.end() && is_listed(list->second, file.path)) continue;
    // A helper may be built by a sibling folder's list, which then names it with its path.
    const bool is_elsewhere = std::any_of(lists.begin(), lists.end(), [&](const auto& other) {
      return other.first != folder && is_listed(other.second, file.path) &&
             other.second.find('/' + file.path.substr(file.path.rfind('/') + 1)) !=
                 std::string::npos;
    });
    if (!is_elsewhere) complaints.push_back(file.path + ": no CMakeLists.txt builds it");
  }
  return complaints;
}

Complaints check_npm_list(const Files& files) {
  const auto find = [&](std::string_view path) {
    return std::find_if(files.begin(), files.end(),
                        [&](const SourceFile& file) { return file.path == path; });
  };
  const auto list = find("tools/packages.txt");
  const auto package = find("tests/package.json");
  if (list == files.end() || package == files.end())
    return {"tools/packages.txt or tests/package.json is missing"};
  Complaints complaints;
  bool is_inside = false;
  std::size_t number = 0;
  for (std::string_view line : lines_of(list->text)) {
    ++number;
    if (line.starts_with('[')) is_inside = line == "[npm]";
    if (!is_inside || line.empty() || line.starts_with('[') || line.starts_with('#')) continue;
    const std::size_t at = line.rfind('@');
    const std::string entry =
        "\"" + std::string(line.substr(0, at)) + "\": \"" + std::string(line.substr(at + 1)) + "\"";
    if (package->text.find(entry) != std::string::npos) continue;
    complaints.push_back(at_line(*list, number, "tests/package.json does not have " + entry));
  }
  return complaints;
}

}  // namespace headrace::tidy
