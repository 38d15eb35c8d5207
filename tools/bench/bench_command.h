// SPDX-License-Identifier: Apache-2.0
// The commands below `headrace bench`. Each has a file of its own that adds it here.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/histogram.h"
#include "tools/bench/verify.h"
#include "tools/json_value.h"

namespace headrace::tools {

class BenchCommands {
 public:
  // Ownership: `app` must not outlive this.
  explicit BenchCommands(CLI::App& app);
  BenchCommands(const BenchCommands&) = delete;
  BenchCommands& operator=(const BenchCommands&) = delete;

  // `action` answers an exit code; what its flags are kept in belongs to it.
  CLI::App& add(const char* name, const char* help, std::function<int()> action);

  // After parsing: runs the command that was given; nullopt: none of these was.
  std::optional<int> run() const;

 private:
  CLI::App& bench_;
  std::vector<std::pair<const CLI::App*, std::function<int()>>> actions_;
};

// What the commands show results with: members in the order of adding.
void set_number(Json& object, std::string_view name, std::uint64_t number);
void set_number(Json& object, std::string_view name,
                double number);  // three digits behind the point
// {"count", "min_us", "mean_us", "p50_us", "p90_us", "p99_us", "p99_9_us", "max_us"} of
// nanoseconds.
Json summary_in_us(const core::Histogram& histogram);
// As JSON on a line, or in lines for people, where members of objects are `outer inner`.
void show(const Json& result, bool as_json);

// What `verify` found, as it prints it.
Json verify_json(const bench_tools::VerifyReport& report,
                 const bench_tools::VerifyOptions& options);
// Says each miss of judge() on standard error; kBreach where there is one, else `code`.
int exit_code_of(const std::vector<std::string>& misses, int code);
// Adds --expect, which may be repeated.
void add_expect(CLI::App& command, std::vector<std::string>& texts);

// Those that there are.
void add_compare_command(BenchCommands& commands);
void add_report_command(BenchCommands& commands);
void add_load_command(BenchCommands& commands);
void add_verify_command(BenchCommands& commands);
void add_sink_command(BenchCommands& commands);
void add_run_command(BenchCommands& commands);
void add_chaos_command(BenchCommands& commands);

}  // namespace headrace::tools
