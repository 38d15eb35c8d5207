// SPDX-License-Identifier: Apache-2.0
#include "tools/command_line.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace headrace::tools {
namespace {

constexpr const char* kGroup = "Commands that talk to a running daemon";

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  return text;
}

std::string flag(const Field& field) {
  return field.is_positional ? std::string(field.name) : "--" + std::string(field.name);
}

CLI::App& noun(CLI::App& app, const std::string& word) {
  const auto known =
      app.get_subcommands([&word](const CLI::App* each) { return each->get_name() == word; });
  if (!known.empty()) return *known.front();
  CLI::App* added = app.add_subcommand(word, std::string(help_of_noun(word)));
  added->require_subcommand(1)->group(kGroup);
  return *added;
}

}  // namespace

void add_connection_flags(CLI::App& command, ConnectionFlags& flags) {
  const auto add = [&command](const char* name, std::string& value, const char* type,
                              const char* help) {
    command.add_option(name, value, help)->type_name(type)->group("Connection");
  };
  add("--url", flags.url, "URL", "the daemon's API (http://127.0.0.1:8081) [HEADRACE_URL]");
  add("--key-file", flags.key_file, "FILE",
      "holds the key [HEADRACE_KEY_FILE, or the key itself: HEADRACE_KEY]");
  add("--workspace", flags.workspace, "TAG",
      "acts in this workspace instead of the key's [HEADRACE_WORKSPACE]");
}

CommandLine::CommandLine(CLI::App& app) {
  for (const Command& command : all_commands()) {
    CLI::App& leaf = subcommand(app, command);
    add_arguments(leaf, command);
    for (const Field& field : fields_of(command)) add_field(leaf, field);
    add_output_flags(leaf, command);
    add_connection_flags(leaf, options_.connection);
    leaves_.emplace_back(&leaf, &command);
  }
}

std::optional<int> CommandLine::run() const {
  const auto given = std::find_if(leaves_.begin(), leaves_.end(),
                                  [](const auto& leaf) { return leaf.first->parsed(); });
  if (given == leaves_.end()) return std::nullopt;
  return run_command(*given->second, values_, options_);
}

CLI::App& CommandLine::subcommand(CLI::App& app, const Command& command) {
  const std::string words(command.words);
  const std::string help(command.help);
  const std::size_t space = words.find(' ');
  if (space != std::string::npos)
    return *noun(app, words.substr(0, space)).add_subcommand(words.substr(space + 1), help);
  return *app.add_subcommand(words, help)->group(kGroup);
}

void CommandLine::add_arguments(CLI::App& leaf, const Command& command) {
  for (const Placeholder& placeholder : placeholders(command.path)) {
    if (placeholder.is_optional) continue;
    const std::string& name = placeholder.name;
    leaf.add_option_function<std::string>(
            upper(name), [this, name](const std::string& value) { values_[name] = {value}; },
            std::string(help_of_placeholder(name)))
        ->required()
        ->type_name("");
  }
}

void CommandLine::add_field(CLI::App& leaf, const Field& field) {
  const std::string name(field.name);
  const std::string help(field.help);
  if (field.form == Form::kSwitch) {
    leaf.add_flag_function(
        flag(field), [this, name](std::int64_t) { values_[name] = {"true"}; }, help);
  } else if (may_repeat(field.form)) {
    leaf.add_option_function<Values::mapped_type>(
            flag(field), [this, name](const Values::mapped_type& all) { values_[name] = all; },
            help)
        ->allow_extra_args(false)
        ->type_name(std::string(field.type));
  } else {
    leaf.add_option_function<std::string>(
            flag(field), [this, name](const std::string& value) { values_[name] = {value}; }, help)
        ->type_name(std::string(field.type));
  }
}

void CommandLine::add_output_flags(CLI::App& leaf, const Command& command) {
  leaf.add_option("--output", options_.output,
                  "how the answer is shown; a table on a terminal, else json")
      ->type_name("table|json|ndjson")
      ->check([](const std::string& text) {
        return parse_format(text) ? std::string() : "must be table, json or ndjson";
      });
  if (command.is_list()) leaf.add_flag("--all", options_.all, "every page");
  if (command.job == JobUse::kBegins)
    leaf.add_flag("--wait", options_.wait, "until the job is over, showing how far it is");
}

}  // namespace headrace::tools
