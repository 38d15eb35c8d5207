// SPDX-License-Identifier: Apache-2.0
// The daemon's settings: one table, read from a TOML file, then the environment, then flags; the
// later wins.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "headrace/engine.h"
#include "headrace/result.h"

namespace headrace::tools {

struct Settings {
  EngineConfig engine;
  std::string api_listen = "127.0.0.1:8081";  // empty: there is no management API
  InboundConfig api_inbound;                  // TLS and PROXY only: the rest is as for links
  LogLevel log_level = LogLevel::kInfo;
};

// One setting. In TOML it is `name`, on the command line --name with dashes, in the environment
// HEADRACE_NAME.
struct SettingInfo {
  std::string_view name;
  std::string_view help;
  Result<void> (*set)(Settings& settings,
                      std::string_view value);  // kInvalidArgument with what is allowed
  bool is_truth = false;  // true and false need no quotes in TOML
};

std::span<const SettingInfo> all_settings() noexcept;
std::string flag_of(const SettingInfo& setting);
std::string environment_of(const SettingInfo& setting);

// `file`: empty for none. `flags`: name to text. Errors name where the fault is:
// "headrace.toml:3:1: …".
Result<Settings> load_settings(const std::string& file,
                               const std::map<std::string, std::string>& flags);

}  // namespace headrace::tools
