// SPDX-License-Identifier: Apache-2.0
// The headrace command: the daemon, its tools, and every command that talks to a running one.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/engine.h"
#include "tools/apply.h"
#include "tools/bench/load_command.h"
#include "tools/command_line.h"
#include "tools/completion.h"
#include "tools/exit_code.h"
#include "tools/openapi.h"
#include "tools/serve.h"
#include "tools/settings.h"
#include "tools/sink.h"

namespace headrace::tools {
namespace {

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
  if (!settings) return fail(kConfiguration, settings.error().what);
  print("the settings are valid\n");
  return kOk;
}

int run_serve(const SettingFlags& flags) {
  auto settings = load_settings(flags.file, flags.values);
  return settings ? serve(*settings) : fail(kConfiguration, settings.error().what);
}

int run_repair(const std::string& data) {
  auto report = repair(data);
  if (!report) return fail(kFailed, report.error().what);
  print(*report + '\n');
  return kOk;
}

int print_version() {
  print(fmt::format("headrace {}\n", version()));
  return kOk;
}

// Everything that can be typed, and what it does.
class Program {
 public:
  Program() : app_("headrace: webhooks that are not lost, delivered fast") {
    app_.require_subcommand(1);
    app_.footer(kExitCodesHelp);
    add_daemon();
    add_tools();
    add_apply();
    add_bench();
    commands_.emplace(app_);
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {  // the library's way to say it; --help is one, too
      return app_.exit(error) == 0 ? kOk : kUsage;
    }
    const int code = act();
    // A full disk behind a redirection is a failure, too.
    const bool is_written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
    return is_written || code != kOk ? code : fail(kFailed, "standard output cannot be written");
  }

 private:
  int act() {
    for (const auto& [command, action] : actions_) {
      if (command->parsed()) return action();
    }
    return commands_->run().value_or(kUsage);
  }

  void add_daemon() {
    flags_.add_to(add("serve", "take, route and deliver messages until SIGTERM",
                      [&] { return run_serve(flags_); }));
    flags_.add_to(
        add("check", "say whether the settings are valid", [&] { return check(flags_); }));
    add("version", "print the version", &print_version);
    add("repair", "cut the damaged part out of a message log", [&] { return run_repair(data_); })
        .add_option("--data", data_, "directory of the store")
        ->required();
  }

  void add_tools() {
    add("sink", "answer 200 to everything, for load tests", [&] {
      return run_sink(sink_listen_);
    }).add_option("--listen", sink_listen_, "HOST:PORT");
    add("openapi", "print the description of the API", [&] {
      return print_openapi(markdown_);
    }).add_flag("--markdown", markdown_, "as a page for people instead of JSON");
    add("completion", "print a script that completes commands and flags",
        [&] { return print_completion(); })
        .add_option("SHELL", shell_, "bash or zsh")
        ->required()
        ->check([](const std::string& shell) {
          return shell == "bash" || shell == "zsh" ? "" : "must be bash or zsh";
        })
        ->type_name("bash|zsh");
  }

  CLI::App& add(const char* name, const char* help, std::function<int()> action) {
    CLI::App* command = app_.add_subcommand(name, help);
    actions_.emplace_back(command, std::move(action));
    return *command;
  }

  void add_apply() {
    CLI::App& command = add("apply", "make definitions be what a TOML or JSON file says",
                            [&] { return run_apply(apply_); });
    command.add_option("-f,--file", apply_.file, "*.toml, else JSON; - is standard input")
        ->required()
        ->type_name("FILE");
    command.add_flag("--dry-run", apply_.dry_run, "show the difference, and change nothing");
    command.add_flag("--exit-code", apply_.exit_code,
                     "with --dry-run: exit code 6 when there is a difference");
    command.add_flag("--prune", apply_.prune,
                     "delete what is there and not in the file, in the apps and products it names");
    command.add_flag("--yes", apply_.yes, "do not ask");
    add_connection_flags(command, apply_.connection);
  }

  void add_bench() {
    CLI::App& bench = add("bench", "measure a webhook dispatcher", [&] { return load_->run(); });
    bench.require_subcommand(1);
    load_.emplace(bench);
  }

  int print_completion() const {
    print(completion_script(app_, shell_).value_or(""));
    return kOk;
  }

  CLI::App app_;
  SettingFlags flags_;
  std::string data_;
  std::string sink_listen_ = "127.0.0.1:0";
  bool markdown_ = false;
  std::string shell_;
  ApplyOptions apply_;
  std::optional<bench_tools::LoadCommand> load_;
  std::vector<std::pair<CLI::App*, std::function<int()>>> actions_;
  std::optional<CommandLine> commands_;
};

}  // namespace
}  // namespace headrace::tools

int main(int argc, char** argv) { return headrace::tools::Program().run(argc, argv); }
