// SPDX-License-Identifier: Apache-2.0
// headrace bench run SCENARIO: starts what it needs, measures, verifies, and leaves nothing behind.
#include "tools/bench/run_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "tools/bench/bench_command.h"
#include "tools/bench/expect.h"
#include "tools/bench/load_command.h"
#include "tools/bench/report.h"
#include "tools/bench/scenario_run.h"
#include "tools/exit_code.h"
#include "tools/run_command.h"

namespace headrace::tools {
namespace {

using bench_tools::Scenario;

int exit_code_of_run(const Error& error) noexcept {
  if (error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kMalformed)
    return kUsage;
  return error.code == ErrorCode::kNotFound ? kConfiguration : kFailed;
}

std::string names_of_scenarios() {
  std::string names;
  for (const Scenario& scenario : bench_tools::all_scenarios())
    names += (names.empty() ? "" : ", ") + std::string(scenario.name);
  return names;
}

std::string scenarios_help() {
  std::string text = "Scenarios:\n";
  for (const Scenario& scenario : bench_tools::all_scenarios())
    text += fmt::format("  {:<10}{}\n", scenario.name, scenario.help);
  return text + kRunFooter;
}

// A run that is not valid says nothing of what was expected.
std::vector<std::string> misses_of(const Json& result, const std::string& which,
                                   const std::vector<bench_tools::Expectation>& expectations) {
  if (!bench_tools::is_valid(result)) return {};
  std::vector<std::string> misses = judge(result, expectations);
  for (std::string& miss : misses) miss.insert(0, which);
  return misses;
}

int run_bench(const BenchRunFlags& flags) {
  return play_scenario(*bench_tools::find_scenario(flags.scenario), flags);
}

}  // namespace

void add_run_flags(CLI::App& command, BenchRunFlags& flags) {
  bench_tools::RunOptions& options = flags.options;
  const auto add_text = [&command](const char* name, std::string& value, const char* type,
                                   const char* help) {
    command.add_option(name, value, help)->type_name(type);
  };
  bench_tools::add_time_flag(command, "--duration", options.duration_ns, "of the load");
  command.add_option("--connections", options.connections, "of the load (64)");
  command.add_option_function<double>(
      "--rate", [&options](const double& rate) { options.per_second = rate; },
      "messages a second of an open loop, instead of what the scenario has");
  add_text("--data", options.data, "DIR", "where the temporary directory is made (TMPDIR, /tmp)");
  add_text("--durability", options.durability, "fsync|os", "of the daemon (fsync)");
  add_text("--signing", options.signing, "none|v1", "of deliveries (none)");
  command.add_option("--ingest-loops", options.ingest_loops, "of the daemon (1); 0: by the cores");
  command.add_option("--shards", options.shards, "of the daemon (1); 0: by the cores");
  add_text("--github", options.github, "FILE",
           "send the pushes of @octokit/webhooks-examples instead of made bodies");
  add_text("--size", options.size, "SIZE", "of made bodies (7k)");
  command.add_option("--seed", options.seed, "of what is sent, and of when it is killed (1)");
  add_text("--daemon", options.daemon, "PATH", "measure this program instead of this one");
  command.add_option("--daemon-flag", options.daemon_flags, "a further one; may be repeated")
      ->allow_extra_args(false)
      ->type_name("FLAG");
  command.add_option("--load-flag", options.load_flags, "a further one; may be repeated")
      ->allow_extra_args(false)
      ->type_name("FLAG");
  command
      .add_option_function<std::string>(
          "--ledger", [&options](const std::string&) { options.keep = true; },
          "keep: leave ledgers and data, and say where they are")
      ->check(CLI::IsMember({"keep"}))
      ->type_name("keep");
  add_expect(command, flags.expect);
  command.add_flag("--json", flags.json, "the result for programs, a line each");
}

int play_scenario(const Scenario& scenario, const BenchRunFlags& flags) {
  auto adjusted = bench_tools::adjusted(scenario, flags.options);
  if (!adjusted) return fail(kUsage, adjusted.error().what);
  const auto expectations = bench_tools::parse_expectations(flags.expect);
  if (!expectations) return fail(kUsage, expectations.error().what);
  std::vector<Json> results;
  int code = kOk;
  for (unsigned i = 0; i < flags.options.repeat; ++i) {
    ScenarioRun run(*adjusted, flags.options);
    auto record = run.run();
    if (!record) return fail(exit_code_of_run(record.error()), record.error().what);
    results.push_back(run_json(*record));
    print(flags.json ? to_text(results.back()) + '\n' : run_table(*record));
    std::fflush(stdout);
    if (!record->faults.empty()) code = std::max<int>(code, kFailed);
    if (!run.is_without_breach()) code = kBreach;
    const std::string which = flags.options.repeat == 1 ? "" : fmt::format("run {}: ", i + 1);
    code = exit_code_of(misses_of(results.back(), which, *expectations), code);
    if (flags.options.keep) say(fmt::format("what was measured is in {}\n", run.directory()));
  }
  if (!flags.json && results.size() > 1) print(bench_tools::repeats_table(results));
  return code;
}

void add_run_command(BenchCommands& commands) {
  const auto flags = std::make_shared<BenchRunFlags>();
  CLI::App& command = commands.add("run", "start daemon, sink and load here, measure and verify",
                                   [flags] { return run_bench(*flags); });
  command.add_option("SCENARIO", flags->scenario, names_of_scenarios())
      ->required()
      ->check([](const std::string& name) {
        return bench_tools::find_scenario(name) != nullptr ? std::string()
                                                           : "must be " + names_of_scenarios();
      })
      ->type_name("");
  add_run_flags(command, *flags);
  bench_tools::add_time_flag(command, "--warmup", flags->options.warmup_ns,
                             "a load before it (2s)");
  command.add_option("--repeat", flags->options.repeat, "so many runs, each from nothing (1)");
  command.add_option_function<std::uint32_t>(
      "--endpoints", [flags](const std::uint32_t& count) { flags->options.endpoints = count; },
      "instead of what the scenario has");
  command.add_option_function<std::uint64_t>(
      "--messages", [flags](const std::uint64_t& count) { flags->options.messages = count; },
      "at most; of a backlog how many wait (50000)");
  command.footer(scenarios_help());
}

}  // namespace headrace::tools
