// SPDX-License-Identifier: Apache-2.0
// The table of commands as subcommands, arguments and flags.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "tools/run_command.h"

namespace headrace::tools {

// --url, --key-file and --workspace.
void add_connection_flags(CLI::App& command, ConnectionFlags& flags);

// Threads: one. Invariant: what was parsed is that of one command, as only one can be given.
class CommandLine {
 public:
  // Ownership: `app` must not outlive this.
  explicit CommandLine(CLI::App& app);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // After parsing: runs the command that was given and answers its exit code; nullopt: none of
  // these was.
  std::optional<int> run() const;

 private:
  CLI::App& subcommand(CLI::App& app, const Command& command);
  void add_arguments(CLI::App& leaf, const Command& command);
  void add_field(CLI::App& leaf, const Field& field);
  void add_output_flags(CLI::App& leaf, const Command& command);

  Values values_;
  RunOptions options_;
  std::vector<std::pair<const CLI::App*, const Command*>> leaves_;
};

}  // namespace headrace::tools
