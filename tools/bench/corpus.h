// SPDX-License-Identifier: Apache-2.0
// What a load sends: files of a folder, GitHub's published examples, or JSON that is made up.
//
// Read or made before the load begins, and never changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"

namespace headrace::bench_tools {

struct Payload {
  std::string body;
  std::string event;  // what the provider's header calls it: "push"
};
using Corpus = std::vector<Payload>;

inline constexpr std::size_t kCorpusBytesMax = std::size_t{1} << 30;

// Every file below the folder, in the order of their paths. The event is the name of the folder
// that a file lies in, or of a file directly in it what is before the first dot. kNotFound: no
// folder, or nothing in it; kTooLarge: more than kCorpusBytesMax.
Result<Corpus> read_folder(const std::string& folder);

// The index.json of npm's @octokit/webhooks-examples, or a folder that has it: each example as
// GitHub would send it, without white space. `events`: only these; empty: all. kNotFound,
// kMalformed.
Result<Corpus> read_github(const std::string& path, const std::vector<std::string>& events = {});

// How large bodies are.
struct SizeDistribution {
  enum class Kind : std::uint8_t { kFixed, kUniform, kLognormal };

  static constexpr std::size_t kBytesMin = 128;  // all that a made body says needs so much
  static constexpr std::size_t kBytesMax = 16 << 20;

  Kind kind = Kind::kFixed;
  std::size_t bytes = 7168;      // of kUniform the least, of kLognormal the median
  std::size_t bytes_max = 7168;  // of kUniform the most
  double sigma = 1;              // of kLognormal

  // "7k", "1k-20k" (uniform) or "lognormal:7k:1.2" (median and sigma). kInvalidArgument.
  static Result<SizeDistribution> parse(std::string_view text);
};

struct GeneratorOptions {
  SizeDistribution size;
  std::size_t nesting = 4;    // objects within each other
  double unicode = 0.05;      // of the characters in texts, how many are not plain ASCII
  std::size_t text_max = 30;  // characters of a text at most
  std::size_t count = 64;     // different bodies
  std::uint64_t seed = 1;
  std::string event = "bench.made";  // also the member "type"

  static constexpr std::size_t kNestingMax = 512;
  static constexpr std::size_t kTextMax = 1000;
  static constexpr std::size_t kCountMax = 65536;
};

// Valid JSON objects of exactly the sizes that the distribution gives; the same for the same
// options. kInvalidArgument: more than the limits above; kTooLarge: more than kCorpusBytesMax.
Result<Corpus> generate(const GeneratorOptions& options);

}  // namespace headrace::bench_tools
