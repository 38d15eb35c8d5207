// SPDX-License-Identifier: Apache-2.0
// headrace bench report FILE…: results as a table, a page, or a percentile file.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/bench/bench_command.h"
#include "tools/bench/expect.h"
#include "tools/bench/html_page.h"
#include "tools/bench/report.h"
#include "tools/bench/web_assets.h"
#include "tools/exit_code.h"
#include "tools/run_command.h"

namespace headrace::tools {
namespace {

using bench_tools::Curve;
using bench_tools::Expectation;
using bench_tools::Figure;

struct ReportFlags {
  std::vector<std::string> files;
  std::string html;
  std::string percentiles;
  std::vector<std::string> expect;
  bool json = false;
  bool schema = false;
};

Result<void> write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file.fail()) return Error{ErrorCode::kStorageFailed, path + " cannot be written"};
  return {};
}

// OUT itself for a single distribution; else OUT-accept, OUT-e2e, and OUT-2-accept of the second
// result.
Result<void> write_percentiles(const std::string& out, const std::vector<Json>& results) {
  std::size_t written = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::vector<Curve> curves = bench_tools::curves_of(results[i]);
    const bool is_single = results.size() == 1 && curves.size() == 1;
    for (const Curve& curve : curves) {
      std::string path = out;
      if (results.size() > 1) path += fmt::format("-{}", i + 1);
      if (!is_single) path += '-' + curve.name;
      if (path.find('/', out.size()) != std::string::npos)
        return Error{ErrorCode::kMalformed, "a distribution's name has a slash"};
      auto done = write_file(path, bench_tools::percentiles_text(curve));
      if (!done) return done;
      ++written;
    }
  }
  if (written == 0) return Error{ErrorCode::kMalformed, "the results hold no latencies"};
  return {};
}

// A figure that one of the results has, or could have.
Result<void> check_name(const Expectation& expectation, const std::vector<Json>& results) {
  std::vector<std::string> names;
  for (const Json& result : results) {
    const auto& known = bench_tools::known_names(*bench_tools::kind_of(result));
    names.insert(names.end(), known.begin(), known.end());
    for (Figure& figure : bench_tools::figures_of(result)) names.push_back(std::move(figure.name));
  }
  return bench_tools::check_name(expectation, names);
}

Result<std::vector<Expectation>> expectations_of(const ReportFlags& flags) {
  std::vector<Expectation> all;
  for (const std::string& text : flags.expect) {
    auto expectation = bench_tools::parse_expectation_syntax(text);
    if (!expectation) return expectation.error();
    all.push_back(std::move(*expectation));
  }
  return all;
}

// A run that is not valid says nothing of any figure.
std::vector<std::string> judge_all(const std::vector<Json>& results,
                                   const std::vector<Expectation>& expectations) {
  std::vector<std::string> misses;
  if (expectations.empty()) return misses;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string which = results.size() == 1 ? "" : fmt::format("result {}: ", i + 1);
    if (!bench_tools::is_valid(results[i])) misses.push_back(which + "the run is not valid");
    for (const std::string& miss : bench_tools::judge(results[i], expectations))
      misses.push_back(which + miss);
  }
  return misses;
}

void show_all(const ReportFlags& flags, const std::vector<Json>& results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i != 0 && !flags.json) print("\n");
    print(flags.json ? to_text(results[i]) + '\n'
                     : bench_tools::report_table(results[i], has_colour()));
  }
}

int run_report(const ReportFlags& flags) {
  if (flags.schema) {
    print(bench_tools::web::kResultSchema);
    return kOk;
  }
  if (flags.files.empty()) return fail(kUsage, "say which files hold results");
  const auto expectations = expectations_of(flags);
  if (!expectations) return fail(kUsage, expectations.error().what);
  std::vector<Json> results;
  for (const std::string& file : flags.files) {
    auto read = bench_tools::read_results(file);
    if (!read) return fail(kConfiguration, read.error().what);
    std::move(read->begin(), read->end(), std::back_inserter(results));
  }
  for (const Expectation& expectation : *expectations) {
    if (auto known = check_name(expectation, results); !known)
      return fail(kUsage, known.error().what);
  }
  show_all(flags, results);
  if (!flags.html.empty()) {
    if (auto written = write_file(flags.html, bench_tools::html_page(results)); !written)
      return fail(kFailed, written.error().what);
  }
  if (!flags.percentiles.empty()) {
    if (auto written = write_percentiles(flags.percentiles, results); !written)
      return fail(kFailed, written.error().what);
  }
  return exit_code_of(judge_all(results, *expectations), kOk);
}

}  // namespace

void add_report_command(BenchCommands& commands) {
  const auto flags = std::make_shared<ReportFlags>();
  CLI::App& command = commands.add("report", "show what bench run or bench load measured",
                                   [flags] { return run_report(*flags); });
  command.add_option("FILE", flags->files, "what they printed with --json");
  command.add_option("--html", flags->html, "write one page with charts, which needs nothing else")
      ->type_name("OUT");
  command.add_option("--percentiles", flags->percentiles, "write the distributions of latencies")
      ->type_name("OUT");
  add_expect(command, flags->expect);
  command.add_flag("--json", flags->json, "all results, one a line");
  command.add_flag("--schema", flags->schema, "print the JSON Schema of results instead");
  command.footer("Exit code 7: an expectation does not hold.");
}

}  // namespace headrace::tools
