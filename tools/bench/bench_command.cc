// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/bench_command.h"

#include <fmt/format.h>

#include "tools/exit_code.h"
#include "tools/output.h"
#include "tools/run_command.h"

namespace headrace::tools {
namespace {

// Objects within become members of the one around them, as people read one level best.
Json flattened(const Json& object) {
  Json flat = Json::object();
  for (const JsonMember& member : object.members) {
    if (!member.value.is_object()) {
      flat.set(member.name, member.value);
      continue;
    }
    for (const JsonMember& inner : member.value.members)
      flat.set(member.name + ' ' + inner.name, inner.value);
  }
  return flat;
}

}  // namespace

BenchCommands::BenchCommands(CLI::App& app)
    : bench_(*app.add_subcommand("bench", "measure a dispatcher, and verify what it did")) {
  bench_.require_subcommand(1);
  add_compare_command(*this);
  add_load_command(*this);
  add_report_command(*this);
  add_sink_command(*this);
  add_verify_command(*this);
  add_run_command(*this);
  add_chaos_command(*this);
}

CLI::App& BenchCommands::add(const char* name, const char* help, std::function<int()> action) {
  CLI::App* command = bench_.add_subcommand(name, help);
  actions_.emplace_back(command, std::move(action));
  return *command;
}

std::optional<int> BenchCommands::run() const {
  if (!bench_.parsed()) return std::nullopt;
  for (const auto& [command, action] : actions_) {
    if (command->parsed()) return action();
  }
  return std::nullopt;
}

void set_number(Json& object, std::string_view name, std::uint64_t number) {
  object.set(name, Json::number(fmt::format("{}", number)));
}

void set_number(Json& object, std::string_view name, double number) {
  object.set(name, Json::number(fmt::format("{:.3f}", number)));
}

Json summary_in_us(const core::Histogram& histogram) {
  Json json = Json::object();
  const auto set_us = [&json](std::string_view name, double ns) {
    set_number(json, name, ns / 1000);
  };
  set_number(json, "count", histogram.count());
  set_us("min_us", static_cast<double>(histogram.min()));
  set_us("mean_us", histogram.mean());
  set_us("p50_us", static_cast<double>(histogram.value_at(50)));
  set_us("p90_us", static_cast<double>(histogram.value_at(90)));
  set_us("p99_us", static_cast<double>(histogram.value_at(99)));
  set_us("p99_9_us", static_cast<double>(histogram.value_at(99.9)));
  set_us("max_us", static_cast<double>(histogram.max()));
  return json;
}

int exit_code_of(const std::vector<std::string>& misses, int code) {
  for (const std::string& miss : misses) say("headrace: " + harmless(miss) + '\n');
  return misses.empty() ? code : kBreach;
}

void add_expect(CLI::App& command, std::vector<std::string>& texts) {
  command
      .add_option("--expect", texts,
                  "exit code 7 unless it holds, such as 'e2e.p99<50ms'; may be repeated")
      ->type_name("EXPR")
      ->allow_extra_args(false);
}

void show(const Json& result, bool as_json) {
  print(as_json ? to_text(result) + '\n' : details(flattened(result), has_colour()));
}

}  // namespace headrace::tools
