// SPDX-License-Identifier: Apache-2.0
// The headrace command.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "headrace/engine.h"
#include "tools/serve.h"
#include "tools/settings.h"
#include "tools/sink.h"

namespace headrace::tools {
namespace {

int fail(const Error& error) {
  fmt::print(stderr, "headrace: {}\n", error.what);
  return 1;
}

// The flags of a command that takes every setting.
struct SettingFlags {
  std::string file;
  std::map<std::string, std::string> values;

  void add_to(CLI::App& command) {
    command.add_option("--config", file, "TOML file of settings")->type_name("FILE");
    for (const SettingInfo& setting : all_settings()) {
      const std::string name(setting.name);
      const std::string help = std::string(setting.help) + " [" + environment_of(setting) + "]";
      command.add_option_function<std::string>(
          flag_of(setting), [this, name](const std::string& value) { values[name] = value; }, help);
    }
  }
};

int check(const SettingFlags& flags) {
  auto settings = load_settings(flags.file, flags.values);
  if (!settings) return fail(settings.error());
  fmt::print("the settings are valid\n");
  return 0;
}

int run_serve(const SettingFlags& flags) {
  auto settings = load_settings(flags.file, flags.values);
  return settings ? serve(*settings) : fail(settings.error());
}

int run_repair(const std::string& data) {
  auto report = repair(data);
  if (!report) return fail(report.error());
  fmt::print("{}\n", *report);
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("headrace: webhooks that are not lost, delivered fast");
  app.require_subcommand(1);
  SettingFlags flags;
  CLI::App& serve_command =
      *app.add_subcommand("serve", "take, route and deliver messages until SIGTERM");
  flags.add_to(serve_command);
  CLI::App& check_command = *app.add_subcommand("check", "say whether the settings are valid");
  flags.add_to(check_command);
  CLI::App& version_command = *app.add_subcommand("version", "print the version");
  std::string data;
  CLI::App& repair_command =
      *app.add_subcommand("repair", "cut the damaged part out of a message log");
  repair_command.add_option("--data", data, "directory of the store")->required();
  std::string sink_listen = "127.0.0.1:0";
  CLI::App& sink_command = *app.add_subcommand("sink", "answer 200 to everything, for load tests");
  sink_command.add_option("--listen", sink_listen, "HOST:PORT");
  CLI11_PARSE(app, argc, argv);

  if (serve_command) return run_serve(flags);
  if (check_command) return check(flags);
  if (repair_command) return run_repair(data);
  if (sink_command) return run_sink(sink_listen);
  if (version_command) fmt::print("headrace {}\n", version());
  return 0;
}

}  // namespace
}  // namespace headrace::tools

int main(int argc, char** argv) { return headrace::tools::run(argc, argv); }
