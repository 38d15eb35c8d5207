// SPDX-License-Identifier: Apache-2.0
// Shell completion, generated from the command line that is really parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace headrace::tools {

// A script for "bash" or "zsh"; nullopt: another shell. Choices come from the flags' types
// ("on|off"), and what is a FILE completes to files.
std::optional<std::string> completion_script(const CLI::App& app, std::string_view shell);

}  // namespace headrace::tools
