// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/corpus.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <numbers>
#include <optional>
#include <utility>

#include "core/random.h"

namespace headrace::bench_tools {
namespace {

namespace fs = std::filesystem;

Error invalid(std::string what) { return {ErrorCode::kInvalidArgument, std::move(what)}; }
Error too_large() { return {ErrorCode::kTooLarge, "the payloads are more than 1 GiB"}; }

struct Close {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

Result<std::string> read_file(const fs::path& path) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (!file) return Error{ErrorCode::kNotFound, path.string() + " cannot be read"};
  std::string text;
  std::array<char, 64 * 1024> piece;
  std::size_t size = 0;
  while ((size = std::fread(piece.data(), 1, piece.size(), file.get())) != 0) {
    text.append(piece.data(), size);
    if (text.size() > kCorpusBytesMax) return too_large();
  }
  if (std::ferror(file.get()))
    return Error{ErrorCode::kNotFound, path.string() + " cannot be read"};
  return text;
}

std::string event_of(const fs::path& path, const fs::path& folder) {
  if (path.parent_path() != folder) return path.parent_path().filename().string();
  const std::string name = path.filename().string();
  return name.substr(0, name.find('.', 1));
}

// --- GitHub's examples ---

Error malformed(const fs::path& path) {
  return {ErrorCode::kMalformed,
          path.string() + " is no list of {\"name\": …, \"examples\": […]} in JSON"};
}

// Without the white space between its tokens.
std::optional<std::string> minified(std::string_view json) {
  std::string text(json.size(), '\0');
  std::size_t size = 0;
  if (simdjson::minify(json.data(), json.size(), text.data(), size) != simdjson::SUCCESS)
    return std::nullopt;
  text.resize(size);
  return text;
}

bool add_examples(simdjson::dom::element group, const std::vector<std::string>& events,
                  Corpus& corpus) {
  std::string_view name;
  simdjson::dom::array examples;
  if (group["name"].get(name) || group["examples"].get(examples)) return false;
  const bool is_wanted =
      events.empty() || std::find(events.begin(), events.end(), name) != events.end();
  if (!is_wanted) return true;
  for (const simdjson::dom::element example : examples) {
    auto body = minified(simdjson::to_string(example));
    if (!body) return false;
    corpus.push_back({std::move(*body), std::string(name)});
  }
  return true;
}

// --- made payloads ---

std::optional<std::size_t> parse_bytes(std::string_view text) noexcept {
  std::size_t factor = 1;
  if (text.ends_with('k')) factor = 1024;
  if (text.ends_with('m')) factor = 1024 * 1024;
  if (factor != 1) text.remove_suffix(1);
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (bytes > SizeDistribution::kBytesMax / factor) return std::nullopt;
  bytes *= factor;
  return bytes < SizeDistribution::kBytesMin ? std::nullopt : std::optional(bytes);
}

double unit(core::Random& random) noexcept {
  return static_cast<double>((random.next() >> 11) + 1) * 0x1p-53;
}

std::size_t draw(const SizeDistribution& size, core::Random& random) noexcept {
  switch (size.kind) {
    case SizeDistribution::Kind::kFixed:
      break;
    case SizeDistribution::Kind::kUniform:
      return size.bytes + random.below(size.bytes_max - size.bytes + 1);
    case SizeDistribution::Kind::kLognormal: {
      const double length = std::sqrt(-2 * std::log(unit(random)));  // Box and Muller
      const double normal = length * std::cos(2 * std::numbers::pi * unit(random));
      const double bytes = static_cast<double>(size.bytes) * std::exp(size.sigma * normal);
      return static_cast<std::size_t>(std::clamp(bytes, double{SizeDistribution::kBytesMin},
                                                 double{SizeDistribution::kBytesMax}));
    }
  }
  return size.bytes;
}

// Characters of two, three and four bytes, and escapes.
constexpr std::array<std::string_view, 10> kUnicode = {
    "\xc3\xa9", "\xd0\x96",       "\xe2\x82\xac", "\xe4\xb8\xad", "\xf0\x9f\x98\x80",
    "\\u00e9",  "\\ud83d\\ude00", "\\n",          "\\\"",         "\\\\"};

class Maker {
 public:
  Maker(const GeneratorOptions& options, core::Random& random)
      : options_(options), random_(random) {}

  std::string body(std::size_t size) {
    out_.clear();
    out_.reserve(size);
    begin();
    // A nested object costs six bytes; half of what is left is for what stands in them.
    const std::size_t room = size > out_.size() + kEndBytes ? size - out_.size() - kEndBytes : 0;
    const std::size_t nesting = std::min(options_.nesting, room / 2 / 6);
    for (std::size_t i = 0; i < nesting; ++i) out_ += i == 0 ? ",\"n\":{" : "\"n\":{";
    fill(nesting, size);
    out_.append(nesting, '}');
    out_ += ",\"pad\":\"";
    if (out_.size() + 2 < size) out_.append(size - out_.size() - 2, '.');
    out_ += "\"}";
    return out_;
  }

 private:
  std::size_t member_bytes_max() const noexcept { return 12 * options_.text_max + 40; }
  static constexpr std::size_t kEndBytes = 11;  // ,"pad":""}

  void begin() {
    std::array<char, 17> id;
    std::snprintf(id.data(), id.size(), "%016llx", static_cast<unsigned long long>(random_.next()));
    out_ += "{\"id\":\"";
    out_ += id.data();
    out_ += "\",\"type\":\"";
    out_ += options_.event;
    out_ += "\",\"action\":\"opened\"";
  }

  // Members of the innermost object.
  void fill(std::size_t nesting, std::size_t size) {
    bool is_first = nesting > 0;
    for (std::size_t key = 0; out_.size() + nesting + kEndBytes + member_bytes_max() < size;
         ++key) {
      if (!is_first) out_ += ',';
      is_first = false;
      out_ += "\"k" + std::to_string(key) + "\":";
      value();
    }
  }

  // Mostly texts, as in what providers send; a fraction now and then.
  void value() {
    switch (random_.below(32)) {
      case 0:
        out_ += "-" + std::to_string(random_.below(1000)) + "." +
                std::to_string(random_.below(1000)) + "e" + std::to_string(random_.below(20));
        break;
      case 1:
        out_ += "[" + std::to_string(random_.below(100)) + ",\"a\",{},[]]";
        break;
      case 2:
      case 3:
        out_ += "null";
        break;
      case 4:
      case 5:
      case 6:
        out_ += random_.below(2) == 0 ? "true" : "false";
        break;
      case 7:
      case 8:
      case 9:
        out_ += std::to_string(random_.next() >> 32);
        break;
      default:
        text();
        break;
    }
  }

  void text() {
    out_ += '"';
    const std::uint64_t length = random_.below(options_.text_max) + 1;
    for (std::uint64_t i = 0; i < length; ++i) {
      if (unit(random_) <= options_.unicode) {
        out_ += kUnicode[random_.below(kUnicode.size())];
      } else {
        out_ += static_cast<char>('a' + random_.below(26));
      }
    }
    out_ += '"';
  }

  const GeneratorOptions& options_;
  core::Random& random_;
  std::string out_;
};

Result<void> check(const GeneratorOptions& options) {
  constexpr std::size_t kEventMax = 40;  // so that kBytesMin holds what every body says
  const bool is_plain = std::all_of(options.event.begin(), options.event.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\';
  });
  if (!is_plain || options.event.empty() || options.event.size() > kEventMax)
    return invalid("the event must have 1 to 40 printable characters of ASCII without quotes");
  if (options.nesting > GeneratorOptions::kNestingMax)
    return invalid("objects may be nested 512 deep");
  if (!(options.unicode >= 0 && options.unicode <= 1))
    return invalid("the share of other characters must be between 0 and 1");
  if (options.text_max == 0 || options.text_max > GeneratorOptions::kTextMax)
    return invalid("the longest text must have 1 to 1000 characters");
  if (options.count == 0 || options.count > GeneratorOptions::kCountMax)
    return invalid("the number of bodies must be 1 to 65536");
  return {};
}

}  // namespace

Result<Corpus> read_folder(const std::string& folder) {
  std::error_code failed;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator each(folder, failed), end; !failed && each != end;
       each.increment(failed)) {
    if (each->is_regular_file(failed)) files.push_back(each->path());
  }
  if (failed) return Error{ErrorCode::kNotFound, folder + ": " + failed.message()};
  if (files.empty()) return Error{ErrorCode::kNotFound, "there is no file in " + folder};
  std::sort(files.begin(), files.end());
  Corpus corpus;
  std::size_t bytes = 0;
  for (const fs::path& file : files) {
    auto body = read_file(file);
    if (!body) return body.error();
    if ((bytes += body->size()) > kCorpusBytesMax) return too_large();
    corpus.push_back({std::move(*body), event_of(file, fs::path(folder))});
  }
  return corpus;
}

Result<Corpus> read_github(const std::string& path, const std::vector<std::string>& events) {
  std::error_code failed;
  fs::path file(path);
  if (fs::is_directory(file, failed)) file /= "index.json";
  auto text = read_file(file);
  if (!text) return text.error();
  simdjson::dom::parser parser;
  simdjson::dom::array groups;
  if (parser.parse(*text).get(groups)) return malformed(file);
  Corpus corpus;
  for (const simdjson::dom::element group : groups) {
    if (!add_examples(group, events, corpus)) return malformed(file);
  }
  if (corpus.empty()) return Error{ErrorCode::kNotFound, "no example of these events is there"};
  return corpus;
}

Result<SizeDistribution> SizeDistribution::parse(std::string_view text) {
  const Error fault =
      invalid("a size is \"7k\", \"1k-20k\" or \"lognormal:7k:1.2\", from 128 bytes to 16 MiB: " +
              std::string(text));
  SizeDistribution size;
  constexpr std::string_view kLognormal = "lognormal:";
  std::string_view first = text;
  std::string_view second;
  if (text.starts_with(kLognormal)) {
    size.kind = Kind::kLognormal;
    first.remove_prefix(kLognormal.size());
  }
  const std::size_t cut = first.find(size.kind == Kind::kLognormal ? ':' : '-');
  if (cut != std::string_view::npos) {
    second = first.substr(cut + 1);
    first = first.substr(0, cut);
  }
  const auto bytes = parse_bytes(first);
  if (!bytes) return fault;
  size.bytes = size.bytes_max = *bytes;
  if (cut == std::string_view::npos) return size;
  if (size.kind == Kind::kLognormal) {
    const auto [end, error] =
        std::from_chars(second.data(), second.data() + second.size(), size.sigma);
    const bool is_read = error == std::errc() && end == second.data() + second.size();
    return is_read && size.sigma >= 0 && size.sigma <= 5 ? Result(size) : fault;
  }
  const auto bytes_max = parse_bytes(second);
  if (!bytes_max || *bytes_max < size.bytes) return fault;
  size.kind = Kind::kUniform;
  size.bytes_max = *bytes_max;
  return size;
}

Result<Corpus> generate(const GeneratorOptions& options) {
  if (auto checked = check(options); !checked) return checked.error();
  core::Random random(options.seed);
  Maker maker(options, random);
  Corpus corpus;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < options.count; ++i) {
    const std::size_t size = draw(options.size, random);
    if ((bytes += size) > kCorpusBytesMax) return too_large();
    corpus.push_back({maker.body(size), options.event});
  }
  return corpus;
}

}  // namespace headrace::bench_tools
