// SPDX-License-Identifier: Apache-2.0
// sim --seed N [--trace]                          one seed, with all that happens in it
// sim --seeds COUNT [--from N] [--jobs J]         many; the first that fails is named and ends it
// Exit code: 0 all well, 1 a check failed, 2 wrong arguments.
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/simulation.h"

namespace headrace::sim {
namespace {

struct Arguments {
  std::uint64_t seed = 0;  // 0: many
  std::uint64_t from = 1;
  std::uint64_t seeds = 100;
  std::uint64_t jobs = 1;
  bool trace = false;
  bool quiet = false;
};

bool parse_number(const char* text, std::uint64_t& number) {
  const char* const end = text + std::strlen(text);
  return std::from_chars(text, end, number).ptr == end;
}

bool parse(int count, char** words, Arguments& arguments) {
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    std::uint64_t* number = word == "--seed"    ? &arguments.seed
                            : word == "--from"  ? &arguments.from
                            : word == "--seeds" ? &arguments.seeds
                            : word == "--jobs"  ? &arguments.jobs
                                                : nullptr;
    if (word == "--trace") {
      arguments.trace = true;
    } else if (word == "--quiet") {
      arguments.quiet = true;
    } else if (number == nullptr || ++i == count || !parse_number(words[i], *number)) {
      return false;
    }
  }
  return arguments.jobs != 0;
}

bool run_seed(std::uint64_t seed, const char* program, bool trace) {
  const Report report = Simulation(seed, trace).run();
  if (!report.failure) return true;
  std::printf("seed %llu FAILED %s: %s\n  plan: %s\n  again: %s --seed %llu --trace\n",
              static_cast<unsigned long long>(seed), report.failure->check.c_str(),
              report.failure->what.c_str(), Plan::of(seed).describe().c_str(), program,
              static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return false;
}

int run_one(const Arguments& arguments) {
  std::printf("plan: %s\n", Plan::of(arguments.seed).describe().c_str());
  const Report report = Simulation(arguments.seed, arguments.trace).run();
  std::printf(
      "seed %llu: %llu messages, %llu requests, %llu delivered, %llu runs, %llu steps, hash "
      "%016llx\n",
      static_cast<unsigned long long>(arguments.seed),
      static_cast<unsigned long long>(report.messages),
      static_cast<unsigned long long>(report.requests),
      static_cast<unsigned long long>(report.delivered),
      static_cast<unsigned long long>(report.runs), static_cast<unsigned long long>(report.steps),
      static_cast<unsigned long long>(report.hash));
  if (!report.failure) return 0;
  std::printf("FAILED %s: %s\n", report.failure->check.c_str(), report.failure->what.c_str());
  return 1;
}

// Every `jobs`-th seed from `first`.
int run_many(const Arguments& arguments, std::uint64_t first, const char* program) {
  for (std::uint64_t seed = first; seed < arguments.from + arguments.seeds;
       seed += arguments.jobs) {
    if (!run_seed(seed, program, false)) return 1;
  }
  return 0;
}

// A process each, as the engine's loops are each on a thread of its own otherwise.
int run_jobs(const Arguments& arguments, const char* program) {
  std::fflush(stdout);
  std::vector<pid_t> children;
  for (std::uint64_t job = 0; job < arguments.jobs; ++job) {
    const pid_t child = fork();
    if (child == 0) _exit(run_many(arguments, arguments.from + job, program));
    children.push_back(child);
  }
  int failed = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) failed = 1;
  }
  return failed;
}

}  // namespace
}  // namespace headrace::sim

int main(int count, char** words) {
  using namespace headrace::sim;
  Arguments arguments;
  if (!parse(count, words, arguments)) {
    std::fprintf(stderr, "usage: %s --seed N [--trace] | --seeds COUNT [--from N] [--jobs J]\n",
                 words[0]);
    return 2;
  }
  if (arguments.seed != 0) return run_one(arguments);
  const auto begun = std::chrono::steady_clock::now();
  const int failed = arguments.jobs == 1 ? run_many(arguments, arguments.from, words[0])
                                         : run_jobs(arguments, words[0]);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  if (failed == 0) {
    std::printf("%llu seeds from %llu: all well, %.1f s\n",
                static_cast<unsigned long long>(arguments.seeds),
                static_cast<unsigned long long>(arguments.from), took.count());
  }
  return failed;
}
