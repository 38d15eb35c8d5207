// SPDX-License-Identifier: Apache-2.0
// headrace bench compare A B: whether repeated runs differ by more than noise.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/bench/bench_command.h"
#include "tools/bench/compare.h"
#include "tools/bench/expect.h"
#include "tools/exit_code.h"
#include "tools/run_command.h"

namespace headrace::tools {
namespace {

using bench_tools::Expectation;
using bench_tools::Figure;
using bench_tools::Side;

struct CompareFlags {
  std::string a;
  std::string b;
  std::vector<std::string> expect;
  bool all = false;
  bool json = false;
};

std::vector<std::string> names_of(const Json& comparison) {
  std::vector<std::string> names;
  for (Figure& figure : bench_tools::figures_of(comparison))
    names.push_back(std::move(figure.name));
  return names;
}

int run_compare(const CompareFlags& flags) {
  std::vector<Expectation> expectations;
  for (const std::string& text : flags.expect) {
    auto expectation = bench_tools::parse_expectation_syntax(text);
    if (!expectation) return fail(kUsage, expectation.error().what);
    expectations.push_back(std::move(*expectation));
  }
  auto of_a = bench_tools::read_results(flags.a);
  if (!of_a) return fail(kConfiguration, of_a.error().what);
  auto of_b = bench_tools::read_results(flags.b);
  if (!of_b) return fail(kConfiguration, of_b.error().what);
  const auto comparison =
      bench_tools::compare(Side{flags.a, std::move(*of_a)}, Side{flags.b, std::move(*of_b)});
  if (!comparison) return fail(kConfiguration, comparison.error().what);
  const std::vector<std::string> names = names_of(*comparison);
  for (const Expectation& expectation : expectations) {
    if (auto known = bench_tools::check_name(expectation, names); !known)
      return fail(kUsage, known.error().what);
  }
  print(flags.json ? to_text(*comparison) + '\n'
                   : bench_tools::compare_table(*comparison, flags.all, has_colour()));
  return exit_code_of(bench_tools::judge(*comparison, expectations), kOk);
}

}  // namespace

void add_compare_command(BenchCommands& commands) {
  const auto flags = std::make_shared<CompareFlags>();
  CLI::App& command = commands.add("compare", "say whether repeated runs differ by more than noise",
                                   [flags] { return run_compare(*flags); });
  command.add_option("A", flags->a, "results of one build or setting")->required();
  command.add_option("B", flags->b, "results of the other")->required();
  add_expect(command, flags->expect);
  command.add_flag("--all", flags->all, "also what the load and verify said of each run");
  command.add_flag("--json", flags->json, "as one JSON object");
  command.footer(
      "Exit code 7: an expectation does not hold, such as 'cpu_us_per_event.ratio<=1.05'.");
}

}  // namespace headrace::tools
